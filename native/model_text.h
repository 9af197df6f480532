#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "loaded_model.h"

/// Models in words, for the command line.
namespace copse {

/// Text from a file, without anything that a terminal would obey, cut after 400 characters.
std::string Plain(const std::string& text);
/// "1 tree", "3 trees".
std::string Counted(std::uint64_t n, const std::string& noun);
/// The first names, and how many more there are.
std::string Listed(const std::vector<std::string>& names);
/// "one of 3 classes: a, b, c", "a number".
std::string OutputText(const Output& output);
/// "100 trees, 800 nodes, 900 leaves, depth 8".
std::string ShapeText(const Model& model);
/// One line: where the model comes from, its shape, its features and what it predicts.
std::string SummaryText(const LoadedModel& loaded);

}  // namespace copse
