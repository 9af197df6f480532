#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "copse/limits.h"
#include "copse/model_file.h"
#include "copse/sha256.h"
#include "model_metadata.h"
#include "safetensors.h"
#include "tensor_data.h"
#include "text.h"

namespace copse {
namespace {

using text::Flaw;
using text::Invalid;

/// Whether a file must have the tensor, once it has any other of the same group.
enum class Need : std::uint8_t { kRequired, kOptional, kOptionalMayBeEmpty };
enum class Group : std::uint8_t { kTrees, kLinearModel, kRanges };

/// One tensor of the vocabulary of docs/FORMAT.md.
struct Slot {
  std::string_view name;
  Group group;
  Need need;
  std::array<Dtype, 2> dtypes;
  std::size_t rank;
  std::uint64_t elements_max;
  void (*load)(const Tensor& tensor, ModelParts& parts);
};

template <class T>
void Load(const Tensor& tensor, std::vector<T>& numbers) {
  numbers = LoadNumbers<T>(tensor.data);
}

void Load(const Tensor& tensor, Reals& reals) {
  if (tensor.dtype == Dtype::kF32) {
    reals = LoadNumbers<float>(tensor.data);
  } else {
    reals = LoadNumbers<double>(tensor.data);
  }
}

void LoadFeature(const Tensor& tensor, ModelParts& parts) {
  if (tensor.dtype == Dtype::kU32) return Load(tensor, parts.forest->feature);
  const auto narrow = LoadNumbers<std::uint16_t>(tensor.data);
  parts.forest->feature.assign(narrow.begin(), narrow.end());
}

void LoadLeafValue(const Tensor& tensor, ModelParts& parts) {
  Load(tensor, parts.forest->leaf_value);
  parts.forest->leaf_width = static_cast<std::size_t>(tensor.shape[1]);
}

/// Loads a tensor into the member of ForestParts that has its form.
template <auto Member>
void ToForest(const Tensor& tensor, ModelParts& parts) {
  Load(tensor, (*parts.forest).*Member);
}
template <auto Member>
void ToLinear(const Tensor& tensor, ModelParts& parts) {
  Load(tensor, (*parts.linear).*Member);
}
template <auto Member>
void ToParts(const Tensor& tensor, ModelParts& parts) {
  Load(tensor, parts.*Member);
}

constexpr std::array<Dtype, 2> kU8 = {Dtype::kU8, Dtype::kU8};
constexpr std::array<Dtype, 2> kU16 = {Dtype::kU16, Dtype::kU16};
constexpr std::array<Dtype, 2> kU32 = {Dtype::kU32, Dtype::kU32};
constexpr std::array<Dtype, 2> kI32 = {Dtype::kI32, Dtype::kI32};
constexpr std::array<Dtype, 2> kF64 = {Dtype::kF64, Dtype::kF64};
constexpr std::array<Dtype, 2> kU16OrU32 = {Dtype::kU16, Dtype::kU32};
constexpr std::array<Dtype, 2> kReal = {Dtype::kF32, Dtype::kF64};

using namespace limits;
using enum Group;
using enum Need;
using F = ForestParts;
constexpr auto kMayBeEmpty = kOptionalMayBeEmpty;

constexpr std::array<Slot, 31> kSlots = {{
    {"tree.begin", kTrees, kRequired, kU32, 1, kTreesMax + 1, ToForest<&F::tree_begin>},
    {"tree.root", kTrees, kRequired, kI32, 1, kTreesMax, ToForest<&F::tree_root>},
    {"tree.output", kTrees, kMayBeEmpty, kU16, 1, kTreesMax, ToForest<&F::tree_output>},
    {"node.left", kTrees, kRequired, kI32, 1, kNodesMax, ToForest<&F::left>},
    {"node.right", kTrees, kRequired, kI32, 1, kNodesMax, ToForest<&F::right>},
    {"node.feature", kTrees, kRequired, kU16OrU32, 1, kNodesMax, LoadFeature},
    {"node.threshold", kTrees, kRequired, kReal, 1, kNodesMax, ToForest<&F::threshold>},
    {"node.flags", kTrees, kRequired, kU8, 1, kNodesMax, ToForest<&F::flags>},
    {"leaf.row", kTrees, kOptional, kU32, 1, kLeavesMax, ToForest<&F::leaf_row>},
    {"leaf.value", kTrees, kRequired, kReal, 2, kLeafValuesMax, LoadLeafValue},
    {"base", kTrees, kRequired, kReal, 1, kOutputsMax, ToForest<&F::base>},
    {"node.cover", kTrees, kMayBeEmpty, kReal, 1, kNodesMax, ToForest<&F::node_cover>},
    {"leaf.cover", kTrees, kOptional, kReal, 1, kLeavesMax, ToForest<&F::leaf_cover>},
    {"cat.node", kTrees, kOptional, kU32, 1, kNodesMax, ToForest<&F::cat_node>},
    {"cat.begin", kTrees, kOptional, kU32, 1, kNodesMax + 1, ToForest<&F::cat_begin>},
    {"cat.words", kTrees, kMayBeEmpty, kU32, 1, kCategoryWordsMax, ToForest<&F::cat_words>},
    {"cat.known_begin", kTrees, kOptional, kU32, 1, kNodesMax + 1, ToForest<&F::known_begin>},
    {"cat.known_words", kTrees, kMayBeEmpty, kU32, 1, kCategoryWordsMax, ToForest<&F::known_words>},
    {"category.begin", kTrees, kOptional, kU32, 1, kFeaturesMax + 1, ToForest<&F::category_begin>},
    {"category.value", kTrees, kMayBeEmpty, kF64, 1, kCategoryValuesMax,
     ToForest<&F::category_value>},
    {"linear.begin", kTrees, kOptional, kU32, 1, kLeafValuesMax + 1, ToForest<&F::linear_begin>},
    {"linear.feature", kTrees, kMayBeEmpty, kU32, 1, kCoefficientsMax,
     ToForest<&F::linear_feature>},
    {"linear.coef", kTrees, kMayBeEmpty, kF64, 1, kCoefficientsMax, ToForest<&F::linear_coef>},
    {"linear.const", kTrees, kMayBeEmpty, kF64, 1, kLeafValuesMax, ToForest<&F::linear_const>},
    {"leaf.id", kTrees, kOptional, kU32, 1, kLeavesMax, ToForest<&F::leaf_id>},
    {"feature.gain", kTrees, kOptional, kF64, 1, kFeaturesMax, ToForest<&F::feature_gain>},
    {"feature.min", kRanges, kOptional, kF64, 1, kFeaturesMax, ToParts<&ModelParts::feature_min>},
    {"feature.max", kRanges, kOptional, kF64, 1, kFeaturesMax, ToParts<&ModelParts::feature_max>},
    {"linear_model.coef", kLinearModel, kRequired, kF64, 2, kCoefficientsMax,
     ToLinear<&LinearModel::coef>},
    {"linear_model.intercept", kLinearModel, kRequired, kF64, 1, kOutputsMax,
     ToLinear<&LinearModel::intercept>},
    {"linear_model.fill", kLinearModel, kOptional, kF64, 1, kFeaturesMax,
     ToLinear<&LinearModel::fill>},
}};

const Tensor* Find(const Container& container, std::string_view name) {
  const auto found = std::find_if(container.tensors.begin(), container.tensors.end(),
                                  [&](const Tensor& tensor) { return tensor.name == name; });
  return found == container.tensors.end() ? nullptr : &*found;
}

Flaw CheckTensor(const Tensor& tensor, const Slot& slot) {
  if (tensor.dtype != slot.dtypes[0] && tensor.dtype != slot.dtypes[1]) {
    return Invalid({"tensor ", slot.name, " has ", DtypeName(tensor.dtype), " where ",
                    DtypeName(slot.dtypes[0]),
                    slot.dtypes[0] == slot.dtypes[1]
                        ? std::string()
                        : text::Concat({" or ", DtypeName(slot.dtypes[1])}),
                    " was expected"});
  }
  if (tensor.shape.size() != slot.rank) {
    return Invalid({"tensor ", slot.name, " has ", tensor.shape.size(), " dimensions, and ",
                    slot.rank, " were expected"});
  }
  const std::uint64_t elements = tensor.data.size() / DtypeBytes(tensor.dtype);
  if (elements > slot.elements_max) {
    return text::TooLarge(
        {"tensor ", slot.name, " has ", elements, " elements, more than ", slot.elements_max});
  }
  if (elements == 0 && slot.need == kOptional) {
    return Invalid({"tensor ", slot.name, " is empty; an optional tensor is left out instead"});
  }
  // Keeps the cast to size_t exact where that has 32 bits: an empty tensor may claim any width.
  if (slot.rank == 2 && tensor.shape[1] > std::max(kOutputsMax, kFeaturesMax)) {
    return text::TooLarge({"tensor ", slot.name, " has rows of ", tensor.shape[1],
                           " elements, more than ", std::max(kOutputsMax, kFeaturesMax)});
  }
  return {};
}

Flaw CheckVocabulary(const Container& container) {
  for (const Tensor& tensor : container.tensors) {
    const auto slot = std::find_if(kSlots.begin(), kSlots.end(), [&](const Slot& candidate) {
      return candidate.name == tensor.name;
    });
    if (slot == kSlots.end()) {
      return Invalid({"tensor ", text::Quote(tensor.name), " is not part of format version 1"});
    }
    if (auto flaw = CheckTensor(tensor, *slot)) return *flaw;
  }
  return {};
}

bool HasAny(const Container& container, Group group) {
  return std::any_of(kSlots.begin(), kSlots.end(), [&](const Slot& slot) {
    return slot.group == group && Find(container, slot.name) != nullptr;
  });
}

Flaw LoadGroup(const Container& container, Group group, ModelParts& parts) {
  for (const Slot& slot : kSlots) {
    if (slot.group != group) continue;
    const Tensor* tensor = Find(container, slot.name);
    if (tensor != nullptr) slot.load(*tensor, parts);
    if (tensor == nullptr && slot.need == kRequired) {
      return Invalid({"tensor ", slot.name, " is missing"});
    }
  }
  return {};
}

Flaw CheckCoefficientRows(const Container& container, const LinearModel& linear) {
  const std::uint64_t rows = Find(container, "linear_model.coef")->shape[0];
  if (rows == linear.intercept.size()) return {};
  return Invalid({"linear_model.coef has ", rows, " rows, and linear_model.intercept has ",
                  linear.intercept.size(), " elements"});
}

/// Only where there are no nodes may node.cover have no elements.
Flaw CheckNodeCover(const Container& container, const ForestParts& forest) {
  const Tensor* cover = Find(container, "node.cover");
  if (cover == nullptr || !cover->data.empty() || forest.left.empty()) return {};
  return Invalid({"tensor node.cover is empty; an optional tensor is left out instead"});
}

Result<ModelParts> LoadParts(Container container) {
  if (auto flaw = CheckVocabulary(container)) return *flaw;
  ModelParts parts;
  if (HasAny(container, kTrees)) parts.forest.emplace();
  if (HasAny(container, kLinearModel)) parts.linear.emplace();
  for (const Group group : {kTrees, kLinearModel, kRanges}) {
    if (!HasAny(container, group)) continue;
    if (auto flaw = LoadGroup(container, group, parts)) return *flaw;
  }
  if (parts.forest) {
    if (auto flaw = CheckNodeCover(container, *parts.forest)) return *flaw;
  }
  if (parts.linear) {
    if (auto flaw = CheckCoefficientRows(container, *parts.linear)) {
      return *flaw;
    }
  }
  parts.metadata = std::move(container.metadata);
  return parts;
}

bool IsDigest(std::string_view text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

/// Rule 9: the digest in the metadata is that of the file with these digits set to '0'.
Flaw CheckDigest(std::span<const std::uint8_t> bytes, const Container& container) {
  const auto entry = container.metadata.find("sha256");
  if (entry == container.metadata.end() || entry->second.empty()) return {};
  const std::string& digest = entry->second;
  const std::size_t in_header = container.header.find(digest);
  if (!IsDigest(digest) || in_header == std::string_view::npos) {
    return Invalid({"metadata key sha256 is ", text::Quote(digest),
                    ", and 64 lower-case hexadecimal digits were expected"});
  }
  const std::size_t at = 8 + in_header;
  const std::string zeros(digest.size(), '0');
  Sha256 sha;
  sha.Update(bytes.first(at));
  sha.Update({reinterpret_cast<const std::uint8_t*>(zeros.data()), zeros.size()});
  sha.Update(bytes.subspan(at + digest.size()));
  const std::string actual = sha.HexDigest();
  if (actual == digest) return {};
  return Invalid({"the file is damaged: metadata key sha256 is ", digest,
                  ", and the digest of the bytes is ", actual});
}

}  // namespace

Result<Model> ReadModel(std::span<const std::uint8_t> bytes) {
  auto container = ReadContainer(bytes);
  if (!container.ok()) return container.error();
  if (auto flaw = CheckFormat(container->metadata)) return *flaw;
  if (auto flaw = CheckDigest(bytes, *container)) return *flaw;
  auto parts = LoadParts(std::move(*container));
  if (!parts.ok()) return parts.error();
  return Model::Create(std::move(*parts));
}

}  // namespace copse
