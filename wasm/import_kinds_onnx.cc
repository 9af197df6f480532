// The importers of copse-import-onnx.wasm: see import_kinds.cc.

#include "sources.h"

namespace copse::importer {

Result<Imported> ImportKind(SourceKind kind, Bytes bytes, const ImportOptions& options) {
  switch (kind) {
    case SourceKind::kOnnx:
      return ImportOnnx(bytes, options);
    case SourceKind::kCatboostJson:
      return ImportCatboostJson(bytes, options);
    default:  // the binding asks copse-import.wasm for the others
      return RefuseUnknown(bytes);
  }
}

}  // namespace copse::importer
