// A pickle with any bytes changed: refused with a sentence, or a model that predicts, describes
// itself and is written to a file that reads as itself.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <utility>

#include "copse/import.h"
#include "exercise_model.h"
#include "imported.h"
#include "sources.h"

namespace {

void Demand(bool holds, const std::string& what) {
  if (holds) return;
  std::fprintf(stderr, "import_sklearn_fuzzer: %s\n", what.c_str());
  std::abort();
}

void CheckRefusal(const copse::Error& error) {
  const std::string& message = error.message;
  Demand(!message.empty() && message.size() <= 600, "a message of another length: " + message);
  Demand(std::none_of(message.begin(), message.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20; }),
         "a control character in a message");
}

// Straight to the importer: also what does not look like a pickle at its first bytes.
copse::Result<copse::Model> Import(std::span<const std::uint8_t> bytes, bool leaf_ids) {
  copse::ImportOptions options;
  options.leaf_ids = leaf_ids;
  auto imported = copse::importer::ImportPickle(bytes, options);
  if (!imported.ok()) return imported.error();
  return copse::importer::Finish(*std::move(imported), std::string(64, '0'));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto model = Import({data, size}, true);
  if (!model.ok()) {
    CheckRefusal(model.error());
    return 0;
  }
  copse::test::PredictOddRows(*model);
  const std::string flaw = copse::test::FindFlaw(*model);
  Demand(flaw.empty(), flaw);
  return 0;
}
