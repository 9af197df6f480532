#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>

#include "copse/model.h"
#include "loaded_model.h"
#include "model_parts.h"

namespace copse::test {

/// models/iris.safetensors: four numbers, no missing values, float32, three text classes.
inline const LoadedModel& IrisFile() {
  static const std::shared_ptr<const LoadedModel> loaded = [] {
    auto result = LoadModel(COPSE_SOURCE_DIR "/models/iris.safetensors");
    if (!result.ok()) {
      std::cerr << result.error().message << "\n";
      std::abort();
    }
    return *result;
  }();
  return *loaded;
}
inline const Model& Iris() { return IrisFile().model; }

/// A linear model of the features `size` (a number), `color` (red, green, "4" or "a,b") and `code`
/// (categories without texts); missing values and infinities are allowed.
inline const Model& Shirts() {
  static const Model model = [] {
    ModelParts parts =
        Passing(3, "identity", R"([{"name":"y","kind":"value","labels":[],"columns":[0,3]}])");
    parts.metadata["features"] =
        R"([{"name":"size","kind":"num","categories":null},)"
        R"({"name":"color","kind":"cat","categories":["red","green","4","a,b"]},)"
        R"({"name":"code","kind":"cat","categories":null}])";
    return MakeModel(std::move(parts));
  }();
  return model;
}

/// The message of a refusal, or a note that there was none.
template <class T>
std::string MessageOf(const Result<T>& result) {
  return result.ok() ? "(accepted)" : result.error().message;
}

}  // namespace copse::test
