#pragma once

#include <cstdint>
#include <span>

#include "copse/import.h"
#include "imported.h"

/// One function for each format. Each takes bytes that SourceKindOf has recognised and fills
/// everything of an Imported but the file's digest.
namespace copse::importer {

using Bytes = std::span<const std::uint8_t>;

Result<Imported> ImportPickle(Bytes bytes, const ImportOptions& options);
Result<Imported> ImportXgboostJson(Bytes bytes, const ImportOptions& options);
Result<Imported> ImportXgboostUbjson(Bytes bytes, const ImportOptions& options);
Result<Imported> ImportLightgbm(Bytes bytes, const ImportOptions& options);
Result<Imported> ImportOnnx(Bytes bytes, const ImportOptions& options);
Result<Imported> ImportCatboostJson(Bytes bytes, const ImportOptions& options);

/// The one of them for `kind`.
Result<Imported> ImportKind(SourceKind kind, Bytes bytes, const ImportOptions& options);

/// What to say of bytes that none of them reads, by what they look like.
Error RefuseUnknown(Bytes bytes);

}  // namespace copse::importer
