#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

#include "sources.h"

namespace copse::importer::lightgbm {

/// The model of a text that LightGBM wrote (`model.txt`, or what a pickled Booster holds), with the
/// first `n_iterations` of its boosting rounds. Source: src/boosting/gbdt_model_text.cpp.
/// Errors: kInvalidModel naming key and tree, kUnsupportedModel, kTooLarge.
Result<Imported> ImportText(std::string_view text, const ImportOptions& options,
                            std::uint64_t n_iterations = std::numeric_limits<std::uint64_t>::max());

}  // namespace copse::importer::lightgbm
