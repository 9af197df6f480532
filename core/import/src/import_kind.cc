#include "sources.h"
#include "text.h"

// Alone in its file: who links another ImportKind gets only the importers that it names.
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
    case SourceKind::kOnnx:
      return ImportOnnx(bytes, options);
    case SourceKind::kCatboostJson:
      return ImportCatboostJson(bytes, options);
    case SourceKind::kCopse:
      return text::Unsupported({"this is a Copse model file already; it needs no import"});
    case SourceKind::kCompressed:
      return text::Unsupported({"the file is compressed, and was not decompressed first"});
    case SourceKind::kUnknown:
      break;
  }
  return RefuseUnknown(bytes);
}

}  // namespace copse::importer
