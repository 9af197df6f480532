#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "copse/model_file.h"
#include "copse/sha256.h"
#include "model_parts.h"
#include "vectors.h"

namespace copse {
namespace {

using Bytes = std::vector<std::uint8_t>;
using Json = nlohmann::ordered_json;

constexpr const char* kValue = R"([{"name":"y","kind":"value","columns":[0,1]}])";

struct File {
  Json header;
  std::string header_text;
  std::size_t n_data = 0;
};

File Open(const Bytes& bytes) {
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  File file;
  file.header_text.assign(bytes.begin() + 8,
                          bytes.begin() + 8 + static_cast<std::ptrdiff_t>(length));
  file.header = Json::parse(file.header_text, nullptr, false);
  file.n_data = bytes.size() - 8 - static_cast<std::size_t>(length);
  return file;
}

std::size_t ItemBytes(const std::string& dtype) {
  if (dtype == "U8") return 1;
  if (dtype == "U16") return 2;
  return dtype == "F64" ? 8 : 4;
}

// A single leaf of a single tree.
ModelParts Constant(std::string outputs = kValue) {
  ModelParts parts;
  parts.metadata = test::Metadata(1, "identity", std::move(outputs));
  ForestParts forest;
  forest.tree_begin = {0, 0};
  forest.tree_root = {~0};
  forest.leaf_value = std::vector<double>{7};
  forest.base = std::vector<double>{0};
  parts.forest = std::move(forest);
  return parts;
}

Bytes Written(ModelParts parts) { return WriteModel(test::MakeModel(std::move(parts))); }

// The rules of the safetensors format, and what ours adds for the canonical file.
void CheckLayout(const Bytes& bytes) {
  const File file = Open(bytes);
  ASSERT_TRUE(file.header.is_object());
  EXPECT_EQ(file.header_text.size() % 8, 0u) << "tensors are aligned";
  const std::string compact = file.header.dump();
  EXPECT_EQ(file.header_text.substr(0, compact.size()), compact) << "nothing but padding is added";
  EXPECT_EQ(file.header_text.find_first_not_of(' ', compact.size()), std::string::npos);
  EXPECT_EQ(file.header.begin().key(), "__metadata__");

  std::size_t end = 0, item_before = 8;
  std::string name_before;
  for (const auto& [name, entry] : file.header.items()) {
    if (name == "__metadata__") continue;
    SCOPED_TRACE(name);
    EXPECT_EQ(entry.items().begin().key(), "dtype");
    const std::size_t item = ItemBytes(entry["dtype"]);
    std::size_t n_bytes = item;
    for (const auto& extent : entry["shape"]) n_bytes *= extent.get<std::size_t>();
    EXPECT_EQ(entry["data_offsets"], Json({end, end + n_bytes}));
    EXPECT_EQ(end % item, 0u) << "aligned to its items";
    EXPECT_TRUE(item < item_before || (item == item_before && name_before < name)) << name_before;
    end += n_bytes;
    item_before = item;
    name_before = name;
  }
  EXPECT_EQ(end, file.n_data);
}

void CheckMetadata(const Bytes& bytes) {
  const File file = Open(bytes);
  std::string key_before;
  for (const auto& [key, value] : file.header["__metadata__"].items()) {
    EXPECT_LT(key_before, key) << "sorted by bytes";
    EXPECT_TRUE(value.is_string());
    key_before = key;
  }
  const std::string digest = file.header["__metadata__"]["sha256"];
  Bytes zeroed = bytes;
  std::string text(bytes.begin(), bytes.end());
  ASSERT_NE(text.find(digest), std::string::npos);
  std::memset(zeroed.data() + text.find(digest), '0', 64);
  EXPECT_EQ(Sha256Hex(zeroed), digest);
}

TEST(WriteModel, GivesTheBytesOfEveryVectorBack) {
  for (const std::string& name : test::CaseNames()) {
    SCOPED_TRACE(name);
    const auto bytes = test::ReadFile(test::VectorsFolder() + name + "/model.safetensors");
    ASSERT_TRUE(bytes.ok());
    // vectors_test writes the one of many features; with sanitizers that takes seconds.
    if (bytes->size() > (std::size_t{1} << 20)) continue;
    const auto model = ReadModel(*bytes);
    ASSERT_TRUE(model.ok());
    const Bytes written = WriteModel(*model);
    EXPECT_TRUE(written == *bytes);
    CheckLayout(written);
    CheckMetadata(written);
  }
}

TEST(WriteModel, WritesTheIrisModelAsThePythonExporterDid) {
  const auto bytes = test::ReadFile(COPSE_SOURCE_DIR "/models/iris.safetensors");
  ASSERT_TRUE(bytes.ok());
  const auto model = ReadModel(*bytes);
  ASSERT_TRUE(model.ok());
  EXPECT_TRUE(WriteModel(*model) == *bytes);
}

TEST(WriteModel, EscapesMetadataAsJsonDoes) {
  ModelParts parts = Constant();
  parts.metadata["note"] = "\"\\\n\x01\xc3\xa9/";
  const Bytes bytes = Written(std::move(parts));
  CheckLayout(bytes);
  EXPECT_NE(Open(bytes).header_text.find("\"note\":\"\\\"\\\\\\n\\u0001\xc3\xa9/\""),
            std::string::npos);
  EXPECT_EQ(ReadModel(bytes)->metadata().at("note"), "\"\\\n\x01\xc3\xa9/");
}

TEST(WriteModel, RequiredTensorsAreThereEvenWhenEmpty) {
  const File file = Open(Written(Constant()));
  EXPECT_EQ(file.header["node.left"]["shape"], Json::array({0}));
  EXPECT_EQ(file.header["node.flags"]["data_offsets"][0], file.n_data);
  EXPECT_FALSE(file.header.contains("leaf.row"));
  EXPECT_FALSE(file.header.contains("cat.node"));
}

TEST(WriteModel, RowsInTheirOwnOrderAreLeftOut) {
  ModelParts parts = Constant();
  const Bytes without = Written(parts);
  parts.forest->leaf_row = {0};
  EXPECT_TRUE(Written(std::move(parts)) == without);
}

// The vector ref_wide, of 65537 features, is read and written by vectors_test.
TEST(WriteModel, FeatureNumbersAreAsNarrowAsTheyCanBe) {
  std::string features = R"([{"name":"f","kind":"num"})";
  for (int f = 1; f < 65536; ++f) {
    features += ",{\"name\":\"" + std::to_string(f) + "\",\"kind\":\"num\"}";
  }
  const auto dtype_is = [](const std::string& list, const std::string& dtype) {
    ModelParts parts = Constant();
    parts.metadata["features"] = list;
    const Bytes bytes = Written(std::move(parts));
    const std::string entry = "\"node.feature\":{\"dtype\":\"" + dtype + "\"";
    return std::search(bytes.begin(), bytes.end(), entry.begin(), entry.end()) != bytes.end();
  };
  EXPECT_TRUE(dtype_is(features + "]", "U16")) << "65536 features";
  EXPECT_TRUE(dtype_is(features + R"(,{"name":"last","kind":"num"}])", "U32")) << "65537 features";
}

TEST(WriteModel, KeepsTheWidthOfNumbers) {
  ModelParts parts = Constant();
  parts.forest->leaf_value = std::vector<float>{0.1f};
  const Bytes bytes = Written(std::move(parts));
  const File file = Open(bytes);
  EXPECT_EQ(file.header["leaf.value"]["dtype"], "F32");
  EXPECT_EQ(file.header["base"]["dtype"], "F64");
  CheckLayout(bytes);
}

TEST(WriteModel, AForestWithoutTreesComesBack) {
  ModelParts parts = Constant(R"([{"name":"y","kind":"value","columns":[0,2]}])");
  parts.forest->tree_begin = {0};
  parts.forest->tree_root.clear();
  parts.forest->leaf_value = std::vector<double>();
  parts.forest->base = std::vector<double>{1, 2};
  const Bytes bytes = Written(std::move(parts));
  CheckLayout(bytes);
  const auto back = ReadModel(bytes);
  ASSERT_TRUE(back.ok()) << back.error().message;
  EXPECT_TRUE(WriteModel(*back) == bytes);
}

}  // namespace
}  // namespace copse
