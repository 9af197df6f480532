#include <algorithm>
#include <cassert>
#include <cstring>
#include <string>
#include <utility>

#include "copse/model_file.h"
#include "copse/sha256.h"
#include "json_fields.h"
#include "safetensors.h"
#include "tensor_data.h"

namespace copse {
namespace {

/// A tensor on its way into the file.
struct Entry {
  std::string_view name;
  Dtype dtype;
  std::vector<std::size_t> shape;
  std::vector<std::uint8_t> data;
};

Dtype DtypeOf(const std::vector<std::uint8_t>&) { return Dtype::kU8; }
Dtype DtypeOf(const std::vector<std::uint16_t>&) { return Dtype::kU16; }
Dtype DtypeOf(const std::vector<std::uint32_t>&) { return Dtype::kU32; }
Dtype DtypeOf(const std::vector<std::int32_t>&) { return Dtype::kI32; }
Dtype DtypeOf(const std::vector<float>&) { return Dtype::kF32; }
Dtype DtypeOf(const std::vector<double>&) { return Dtype::kF64; }

/// Collects tensors and lays them out in the canonical order.
class Layout {
 public:
  template <class T>
  void Add(std::string_view name, const std::vector<T>& numbers, std::size_t width = 0) {
    Entry entry{name, DtypeOf(numbers), {numbers.size()}, {}};
    if (width > 0) entry.shape = {numbers.size() / width, width};
    AppendNumbers(std::span(numbers), entry.data);
    entries_.push_back(std::move(entry));
  }
  void Add(std::string_view name, const Reals& reals, std::size_t width = 0) {
    std::visit([&](const auto& numbers) { Add(name, numbers, width); }, reals);
  }

  /// Larger items first, so that every tensor is aligned; then by name.
  std::vector<Entry> TakeSorted() {
    std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
      const std::size_t a_bytes = DtypeBytes(a.dtype), b_bytes = DtypeBytes(b.dtype);
      return a_bytes != b_bytes ? a_bytes > b_bytes : a.name < b.name;
    });
    return std::move(entries_);
  }

 private:
  std::vector<Entry> entries_;
};

void AddFeature(const ForestParts& parts, Layout& layout) {
  constexpr std::size_t kNarrowMax = 65536;
  if (parts.n_features > kNarrowMax) return layout.Add("node.feature", parts.feature);
  std::vector<std::uint16_t> narrow(parts.feature.size());
  std::transform(parts.feature.begin(), parts.feature.end(), narrow.begin(),
                 [](std::uint32_t feature) { return static_cast<std::uint16_t>(feature); });
  layout.Add("node.feature", narrow);
}

/// Whether leaf n holds row n and there is no other row: then leaf.row is left out.
bool IsIdentity(const ForestParts& parts) {
  if (parts.leaf_row.size() * parts.leaf_width != Count(parts.leaf_value)) return false;
  for (std::size_t n = 0; n < parts.leaf_row.size(); ++n) {
    if (parts.leaf_row[n] != n) return false;
  }
  return true;
}

void AddTrees(const ForestParts& parts, Layout& layout) {
  layout.Add("tree.begin", parts.tree_begin);
  layout.Add("tree.root", parts.tree_root);
  if (parts.leaf_width < Count(parts.base)) layout.Add("tree.output", parts.tree_output);
  layout.Add("node.left", parts.left);
  layout.Add("node.right", parts.right);
  AddFeature(parts, layout);
  layout.Add("node.threshold", parts.threshold);
  layout.Add("node.flags", parts.flags);
  layout.Add("leaf.value", parts.leaf_value, parts.leaf_width);
  layout.Add("base", parts.base);
  if (!parts.leaf_row.empty() && !IsIdentity(parts)) layout.Add("leaf.row", parts.leaf_row);
  if (!parts.leaf_id.empty()) layout.Add("leaf.id", parts.leaf_id);
  // Without nodes, the empty tensor stands beside that of the leaves.
  const bool has_leaf_cover = Count(parts.leaf_cover) > 0;
  if (Count(parts.node_cover) > 0 || (has_leaf_cover && parts.left.empty())) {
    layout.Add("node.cover", parts.node_cover);
  }
  if (has_leaf_cover) layout.Add("leaf.cover", parts.leaf_cover);
  if (!parts.feature_gain.empty()) layout.Add("feature.gain", parts.feature_gain);
}

void AddSets(const ForestParts& parts, Layout& layout) {
  if (!parts.cat_node.empty()) {
    layout.Add("cat.node", parts.cat_node);
    layout.Add("cat.begin", parts.cat_begin);
    layout.Add("cat.words", parts.cat_words);
  }
  if (!parts.known_begin.empty()) {
    layout.Add("cat.known_begin", parts.known_begin);
    layout.Add("cat.known_words", parts.known_words);
  }
  if (!parts.category_begin.empty()) {
    layout.Add("category.begin", parts.category_begin);
    layout.Add("category.value", parts.category_value);
  }
  if (!parts.linear_begin.empty()) {
    layout.Add("linear.begin", parts.linear_begin);
    layout.Add("linear.feature", parts.linear_feature);
    layout.Add("linear.coef", parts.linear_coef);
    layout.Add("linear.const", parts.linear_const);
  }
}

std::vector<Entry> EntriesOf(const Model& model) {
  Layout layout;
  if (model.forest() != nullptr) {
    AddTrees(model.forest()->parts(), layout);
    AddSets(model.forest()->parts(), layout);
  }
  if (model.linear() != nullptr) {
    layout.Add("linear_model.coef", model.linear()->coef, model.n_features());
    layout.Add("linear_model.intercept", model.linear()->intercept);
    const std::vector<double>& fill = model.linear()->fill;
    if (!fill.empty()) layout.Add("linear_model.fill", fill);
  }
  for (const auto& [name, range] : {std::pair("feature.min", model.feature_min()),
                                    std::pair("feature.max", model.feature_max())}) {
    if (!range.empty()) layout.Add(name, std::vector<double>(range.begin(), range.end()));
  }
  return layout.TakeSorted();
}

constexpr std::size_t kDigestBytes = 64;

/// `{"key":"value",...}`, with zeros for the digest. `digest_at` becomes its place in `header`.
void AppendMetadata(std::map<std::string, std::string> metadata, std::string& header,
                    std::size_t& digest_at) {
  metadata["sha256"] = std::string(kDigestBytes, '0');
  header += '{';
  for (const auto& [key, value] : metadata) {
    if (header.back() != '{') header += ',';
    json::AppendString(key, header);
    header += ':';
    json::AppendString(value, header);
    if (key == "sha256") digest_at = header.size() - 1 - kDigestBytes;
  }
  header += '}';
}

void AppendEntry(const Entry& entry, std::size_t begin, std::string& header) {
  json::AppendString(entry.name, header);
  header += ":{\"dtype\":\"";
  header += DtypeName(entry.dtype);
  header += "\",\"shape\":[" + std::to_string(entry.shape[0]);
  if (entry.shape.size() > 1) header += "," + std::to_string(entry.shape[1]);
  header += "],\"data_offsets\":[" + std::to_string(begin) + "," +
            std::to_string(begin + entry.data.size()) + "]}";
}

void SetDigest(std::vector<std::uint8_t>& file, std::size_t at) {
  const std::string digest = Sha256Hex(file);
  std::copy(digest.begin(), digest.end(), file.begin() + static_cast<std::ptrdiff_t>(at));
}

}  // namespace

std::vector<std::uint8_t> WriteModel(const Model& model) {
  const std::vector<Entry> entries = EntriesOf(model);
  std::string header = "{\"__metadata__\":";
  std::size_t digest_at = 0;
  AppendMetadata(model.metadata(), header, digest_at);
  std::size_t end = 0;
  for (const Entry& entry : entries) {
    header += ',';
    AppendEntry(entry, end, header);
    end += entry.data.size();
  }
  header += '}';
  header.resize((header.size() + 7) / 8 * 8, ' ');

  std::vector<std::uint8_t> file;
  file.reserve(8 + header.size() + end);
  const auto length = static_cast<std::uint64_t>(header.size());
  AppendNumbers(std::span(&length, 1), file);
  file.insert(file.end(), header.begin(), header.end());
  for (const Entry& entry : entries) file.insert(file.end(), entry.data.begin(), entry.data.end());
  SetDigest(file, 8 + digest_at);
  return file;
}

}  // namespace copse
