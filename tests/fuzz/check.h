#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "copse/model.h"
#include "copse/result.h"
#include "exercise_model.h"

/// What every fuzzer demands of its reader.
namespace copse::test {

/// Ends the program where a promise is broken, so that libFuzzer keeps what broke it.
inline void Demand(bool holds, const std::string& what) {
  if (holds) return;
  std::fprintf(stderr, "fuzzer: %s\n", what.c_str());
  std::abort();
}

/// A refusal is a sentence: some text on one line, and not a copy of the file.
inline void CheckRefusal(const Error& error) {
  const std::string& message = error.message;
  Demand(!message.empty() && message.size() <= 600, "a message of another length: " + message);
  Demand(std::none_of(message.begin(), message.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20; }),
         "a control character in a message");
}

/// Refused with a sentence, or a model that predicts, describes itself and is written to a file
/// that reads as itself.
inline void CheckModel(const Result<Model>& model) {
  if (!model.ok()) return CheckRefusal(model.error());
  PredictOddRows(*model);
  const std::string flaw = FindFlaw(*model);
  Demand(flaw.empty(), flaw);
}

}  // namespace copse::test
