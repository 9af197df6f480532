// The importers of copse-import.wasm. It is linked with this ImportKind instead of the library's,
// which names all: with ONNX and CatBoost it would be a quarter larger, for files that are few.

#include "sources.h"
#include "text.h"

namespace copse::importer {

Result<Imported> ImportKind(SourceKind kind, Bytes bytes, const ImportOptions& options) {
  switch (kind) {
    case SourceKind::kPickle:
      return ImportPickle(bytes, options);
    case SourceKind::kXgboostJson:
      return ImportXgboostJson(bytes, options);
    case SourceKind::kXgboostUbjson:
      return ImportXgboostUbjson(bytes, options);
    case SourceKind::kLightgbm:
      return ImportLightgbm(bytes, options);
    case SourceKind::kCopse:
      return text::Unsupported({"this is a Copse model file already; it needs no import"});
    default:  // the binding asks copse-import-onnx.wasm for the others
      return RefuseUnknown(bytes);
  }
}

}  // namespace copse::importer
