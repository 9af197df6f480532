// Any bytes at all, read as a CatBoost model: refused with a sentence, or a model that predicts.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "exercise_model.h"
#include "imported.h"
#include "sources.h"

namespace {

using copse::importer::Bytes;

void Demand(bool holds, const std::string& what) {
  if (holds) return;
  std::fprintf(stderr, "import_catboost_fuzzer: %s\n", what.c_str());
  std::abort();
}

void CheckRefusal(const copse::Error& error) {
  const std::string& message = error.message;
  Demand(!message.empty() && message.size() <= 600, "a message of another length: " + message);
  Demand(std::none_of(message.begin(), message.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20; }),
         "a control character in a message");
}

void Check(copse::Result<copse::importer::Imported> imported) {
  if (!imported.ok()) return CheckRefusal(imported.error());
  const auto model = copse::importer::Finish(*std::move(imported), "");
  if (!model.ok()) return CheckRefusal(model.error());
  copse::test::PredictOddRows(*model);
  const std::string flaw = copse::test::FindFlaw(*model);
  Demand(flaw.empty(), flaw);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes bytes(data, size);
  copse::ImportOptions options;
  options.leaf_ids = true;
  Check(copse::importer::ImportCatboostJson(bytes, options));
  return 0;
}
