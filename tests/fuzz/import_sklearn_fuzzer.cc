// A pickle with any bytes changed: refused with a sentence, or a model that predicts, describes
// itself and is written to a file that reads as itself.
#include <cstddef>
#include <cstdint>

#include "check_import.h"
#include "sources.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  copse::ImportOptions options;
  options.leaf_ids = true;
  // Straight to the importer: also what does not look like a pickle at its first bytes.
  copse::test::CheckImport(copse::importer::ImportPickle({data, size}, options));
  return 0;
}
