#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "loaded_model.h"

/// What the two API documents share: features and answers as schemas, and examples that run.
namespace copse {

using Json = nlohmann::ordered_json;

/// Features that are described one by one, and outputs and classes that are; wider models are
/// described by their row only. (A document of more is read by nobody, and takes long to make.)
inline constexpr std::size_t kDescribedFeaturesMax = 256;
inline constexpr std::size_t kDescribedValuesMax = 1024;

/// One value for each feature, a quarter up its training range where there is one: a row that the
/// model takes.
std::vector<double> ExampleRow(const Model& model);

/// A value of that row as a client sends it: the text of a category, or the number.
Json ExampleValue(const Feature& feature, double value);
/// The whole row, by feature name where features are described.
Json ExampleJson(const Model& model);

/// Long name, unit and training range as a sentence: "sepal length in cm; 4.3 to 7.9 in
/// training". May be empty.
std::string FeatureText(const Model& model, const Feature& feature);

/// JSON Schema (2020-12) of one value in a JSON body.
Json FeatureSchema(const Model& model, const Feature& feature);
/// Of a row: an object by name, or a list in order.
Json RowSchema(const Model& model);
/// Of what PredictionMembers says of one row.
Json PredictionSchema(const Model& model);
/// Of a refusal, as reply.h writes it.
Json ProblemSchema();

/// Text without line breaks, keys in the order they were added.
std::string JsonText(const Json& json);

}  // namespace copse
