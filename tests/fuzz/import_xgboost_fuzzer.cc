// Any bytes at all, read as JSON and as UBJSON: refused with a sentence, or a model that predicts.
#include <cstddef>
#include <cstdint>

#include "check_import.h"
#include "sources.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const copse::importer::Bytes bytes(data, size);
  copse::ImportOptions options;
  options.iterations = copse::Iterations::kBest;
  options.leaf_ids = true;
  copse::test::CheckImport(copse::importer::ImportXgboostJson(bytes, {}));
  copse::test::CheckImport(copse::importer::ImportXgboostUbjson(bytes, options));
  return 0;
}
