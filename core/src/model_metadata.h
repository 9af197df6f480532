#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "copse/model.h"
#include "text.h"

/// The structured metadata values: JSON in a string, read into what it means. Each reader checks
/// its own text and nothing beside it. Errors: kInvalidModel, kUnsupportedModel, kTooLarge.
namespace copse {

/// `format` and `format_version`: whether this reader is the one to read the rest.
text::Flaw CheckFormat(const std::map<std::string, std::string>& metadata);

/// `features`: names, kinds, categories, descriptions, units.
Result<std::vector<Feature>> ReadFeatures(std::string_view json);

/// `outputs`: their columns follow one another from 0.
Result<std::vector<Output>> ReadOutputs(std::string_view json);

/// `link_params`, into the fields of `link`. Those that its kind does not use are ignored.
text::Flaw ReadLinkParams(std::string_view json, Link& link);

/// `source` and `provenance`, which must be JSON objects.
text::Flaw CheckObject(std::string_view key, std::string_view json);

/// `warnings`: a JSON list of strings.
text::Flaw CheckWarnings(std::string_view json);

}  // namespace copse
