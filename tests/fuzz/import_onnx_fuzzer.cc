// An ONNX file with any bytes changed: refused with a sentence, or a model that predicts, describes
// itself and is written to a file that reads as itself.
#include <cstddef>
#include <cstdint>

#include "check_import.h"
#include "onnx/onnx.h"
#include "sources.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  (void)copse::importer::LooksLikeOnnx({data, size});
  // Straight to the importer: also what does not look like ONNX at its first bytes.
  copse::test::CheckImport(copse::importer::ImportOnnx({data, size}, {}));
  return 0;
}
