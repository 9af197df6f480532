// Any bytes at all, read as a CatBoost model: refused with a sentence, or a model that predicts.
#include <cstddef>
#include <cstdint>

#include "check_import.h"
#include "sources.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  copse::ImportOptions options;
  options.leaf_ids = true;
  copse::test::CheckImport(copse::importer::ImportCatboostJson({data, size}, options));
  return 0;
}
