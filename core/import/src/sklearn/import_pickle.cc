#include "pickle/pickle.h"
#include "sklearn/estimators.h"
#include "sources.h"

namespace copse::importer {

Result<Imported> ImportPickle(Bytes bytes, const ImportOptions& options) {
  auto document = pickle::Document::Parse(bytes);
  if (!document.ok()) return document.error();
  return sklearn::ReadEstimator(document->root(), options);
}

}  // namespace copse::importer
