#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "copse/model_file.h"

/// Does with a model what every room may do with one that was accepted.
namespace copse::test {

/// Asks for every answer that the model says it has, for a row of zeros, one of large numbers and
/// one of NaN. That it returns is the test; sanitizers see the rest.
inline void PredictOddRows(const Model& model) {
  // A model that claims very many columns is not asked: nothing new would be seen.
  constexpr std::size_t kColumnsMax = 1 << 20;
  if (model.n_features() > kColumnsMax) return;
  for (const double x : {0.0, 1e38, -1e300, std::numeric_limits<double>::quiet_NaN()}) {
    const std::vector<double> row(model.n_features(), x);
    if (!model.CheckRows(row).ok()) continue;
    for (int number = 0; number < 6; ++number) {
      const auto answer = static_cast<Answer>(number);
      const auto columns = model.Columns(answer);
      if (!columns.ok() || *columns > kColumnsMax) continue;
      std::vector<double> out(*columns);
      model.Predict(answer, std::span<const double>(row), out);
    }
  }
}

/// What is wrong with an accepted model's description or its way through a file; empty if nothing.
inline std::string FindFlaw(const Model& model) {
  if (!nlohmann::json::accept(DescribeModel(model))) return "its description is no JSON";
  const std::vector<std::uint8_t> written = WriteModel(model);
  const auto back = ReadModel(written);
  if (!back.ok()) return "what it writes is refused: " + back.error().message;
  if (WriteModel(*back) != written) return "what it writes reads as another model";
  return {};
}

}  // namespace copse::test
