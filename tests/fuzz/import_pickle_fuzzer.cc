// Any bytes at all as a pickle: refused with a sentence, or values that can be walked, described
// and read, whatever graph they form.
#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_set>
#include <vector>

#include "check.h"
#include "pickle/pickle.h"

namespace {

using copse::importer::pickle::Array;
using copse::importer::pickle::Document;
using copse::importer::pickle::Kind;
using copse::importer::pickle::Value;
using copse::test::CheckRefusal;
using copse::test::Demand;

constexpr std::size_t kValuesMax = 20'000;

/// Every item by every way of reading it; objects come to `next`.
void ReadArray(Value value, std::vector<Value>& next) {
  const auto array = Array::From(value, "the array");
  if (!array.ok()) return CheckRefusal(array.error());
  for (const auto& field : array->fields()) {
    const auto numbers = array->Doubles(&field);
    if (numbers.ok()) Demand(numbers->size() == array->size(), "too few numbers");
    const auto integers = array->Integers(&field);
    if (integers.ok()) Demand(integers->size() == array->size(), "too few whole numbers");
    if (!integers.ok()) CheckRefusal(integers.error());
    Demand(array->FindField(field.name) != nullptr, "a field without its name");
  }
  const auto texts = array->Texts();
  if (texts.ok()) Demand(texts->size() == array->size(), "too few texts");
  const auto objects = array->Objects();
  if (!objects.ok()) return;
  Demand(objects->size() == array->size(), "too few objects");
  next.insert(next.end(), objects->begin(), objects->end());
}

void AskEverything(Value value) {
  value.AsBool();
  value.AsInteger();
  value.AsNumber();
  value.AsString();
  value.AsBytes();
  value.Attribute("classes_");
  value.Find("classes_");
  value.class_stem();
  Demand(value.Describe().size() <= 560, "a long description");
}

void Walk(Value root) {
  std::unordered_set<std::uint32_t> seen;
  std::vector<Value> next = {root};
  while (!next.empty() && seen.size() < kValuesMax) {
    const Value value = next.back();
    next.pop_back();
    if (!seen.insert(value.id()).second) continue;
    AskEverything(value);
    if (value.is(Kind::kArray)) ReadArray(value, next);
    for (std::size_t i = 0; i < value.size(); ++i) {
      next.push_back(value.holds_pairs() ? value.Key(i) : value.At(i));
      if (value.holds_pairs()) next.push_back(value.Item(i));
    }
    for (std::size_t i = 0; i < value.n_arguments(); ++i) next.push_back(value.Argument(i));
    if (const auto state = value.state()) next.push_back(*state);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> bytes(data, size);
  copse::importer::pickle::LooksLikePickle(bytes);
  const auto document = Document::Parse(bytes);
  if (document.ok()) {
    Walk(document->root());
  } else {
    CheckRefusal(document.error());
  }
  return 0;
}
