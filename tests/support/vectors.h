#pragma once

#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "copse/model.h"
#include "npy.h"

/// Reads tests/vectors (its README.md says what the files are) and tests/import/fixtures: one
/// folder a case, with a model, rows, and the answers that its engine gave.
namespace copse::test {

/// How closely an answer must agree.
struct Tolerance {
  enum class Kind { kBits, kAbsolute, kRelative, kUlp32 };
  Kind kind = Kind::kBits;
  double value = 0;
};

struct ExpectedAnswer {
  Answer answer = Answer::kPredict;
  Array numbers;  ///< [n_rows, columns]
  Tolerance tolerance;
};

struct Case {
  std::string name;
  std::vector<std::uint8_t> model;  ///< bytes of the model file
  std::string iterations;           ///< how it is to be imported: "", "best" or "all"
  Array rows;                       ///< [n_rows, n_features]
  std::vector<ExpectedAnswer> answers;
};

inline std::string VectorsFolder() { return COPSE_SOURCE_DIR "/tests/vectors/"; }

/// A JSON document, or null where there is none.
inline nlohmann::json ReadJson(const std::string& path) {
  const auto bytes = ReadFile(path);
  if (!bytes.ok()) return nullptr;
  nlohmann::json json = nlohmann::json::parse(bytes->begin(), bytes->end(), nullptr, false);
  return json.is_discarded() ? nlohmann::json() : json;
}

inline std::string TextOf(const nlohmann::json& object, const char* key) {
  const auto member = object.find(key);
  if (member == object.end() || !member->is_string()) return {};
  return member->get<std::string>();
}

/// The names in tests/vectors/index.json; none when it cannot be read.
inline std::vector<std::string> CaseNames() {
  std::vector<std::string> names;
  for (const auto& name : ReadJson(VectorsFolder() + "index.json")) {
    if (name.is_string()) names.push_back(name.get<std::string>());
  }
  return names;
}

inline Result<Tolerance> ReadTolerance(const nlohmann::json& json) {
  const std::string kind = TextOf(json, "kind");
  if (kind == "bits") return Tolerance{};
  const auto value = json.find("value");
  if (value == json.end() || !value->is_number() || !(value->get<double>() > 0)) {
    return Error{ErrorCode::kInvalidInput, "tolerance \"" + kind + "\" has no positive value"};
  }
  const double number = value->get<double>();
  if (kind == "absolute") return Tolerance{Tolerance::Kind::kAbsolute, number};
  if (kind == "relative") return Tolerance{Tolerance::Kind::kRelative, number};
  if (kind == "ulp32") return Tolerance{Tolerance::Kind::kUlp32, number};
  return Error{ErrorCode::kInvalidInput, "tolerance \"" + kind + "\" is not known"};
}

inline Result<ExpectedAnswer> ReadAnswer(const std::string& folder, const std::string& name,
                                         const nlohmann::json& json) {
  const auto answer = AnswerFromName(name);
  if (!answer.ok()) return answer.error();
  const auto tolerance = ReadTolerance(json.value("tolerance", nlohmann::json::object()));
  if (!tolerance.ok()) return tolerance.error();
  auto numbers = ReadNpy(folder + TextOf(json, "file"));
  if (!numbers.ok()) return numbers.error();
  return ExpectedAnswer{*answer, std::move(*numbers), *tolerance};
}

/// The case `name` of the folder `parent`, which ends with a slash.
inline Result<Case> ReadCase(const std::string& parent, const std::string& name) {
  const std::string folder = parent + name + "/";
  const nlohmann::json json = ReadJson(folder + "case.json");
  if (!json.is_object() || TextOf(json, "name") != name) {
    return Error{ErrorCode::kInvalidInput, folder + "case.json is not the case of that name"};
  }
  const std::string file = TextOf(json, "model");
  auto model = ReadFile(folder + (file.empty() ? "model.safetensors" : file));
  if (!model.ok()) return model.error();
  auto rows = ReadNpy(folder + TextOf(json, "rows"));
  if (!rows.ok()) return rows.error();
  const std::string iterations =
      TextOf(json.value("options", nlohmann::json::object()), "iterations");
  Case found{name, std::move(*model), iterations, std::move(*rows), {}};
  const auto answers = json.find("answers");
  if (answers == json.end() || !answers->is_object() || answers->empty()) {
    return Error{ErrorCode::kInvalidInput, folder + "case.json expects no answers"};
  }
  for (const auto& [answer_name, answer_json] : answers->items()) {
    auto answer = ReadAnswer(folder, answer_name, answer_json);
    if (!answer.ok()) return answer.error();
    found.answers.push_back(std::move(*answer));
  }
  return found;
}

inline Result<Case> ReadCase(const std::string& name) { return ReadCase(VectorsFolder(), name); }

/// Place of a float among all floats in order; -0 is beside 0.
inline std::int64_t FloatOrder(double x) {
  const auto narrow = static_cast<float>(x);
  std::int32_t bits = 0;
  std::memcpy(&bits, &narrow, sizeof bits);
  return bits < 0 ? -std::int64_t{bits & 0x7fffffff} - 1 : bits;
}

/// Whether `ours` is as close to `expected` as `tolerance` demands. Not-a-number agrees with
/// itself only, and infinities with themselves.
inline bool Agrees(double ours, double expected, const Tolerance& tolerance) {
  if (std::isnan(ours) || std::isnan(expected)) return std::isnan(ours) && std::isnan(expected);
  if (tolerance.kind == Tolerance::Kind::kBits) {
    return ours == expected && std::signbit(ours) == std::signbit(expected);
  }
  if (ours == expected) return true;
  if (!std::isfinite(ours) || !std::isfinite(expected)) return false;
  switch (tolerance.kind) {
    case Tolerance::Kind::kAbsolute:
      return std::fabs(ours - expected) <= tolerance.value;
    case Tolerance::Kind::kRelative:
      return std::fabs(ours - expected) <= tolerance.value * std::fabs(expected);
    case Tolerance::Kind::kUlp32:
      return ours == static_cast<float>(ours) &&
             std::fabs(static_cast<double>(FloatOrder(ours) - FloatOrder(expected))) <=
                 tolerance.value;
    case Tolerance::Kind::kBits:
      break;
  }
  return false;
}

}  // namespace copse::test
