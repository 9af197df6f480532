#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "copse/model_file.h"
#include "exercise_model.h"
#include "model_parts.h"
#include "vectors.h"

namespace copse {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kLargeFile = std::size_t{1} << 20;

std::string InvalidFolder() { return test::VectorsFolder() + "invalid/"; }

Bytes ReadVector(const std::string& name) {
  auto bytes = test::ReadFile(test::VectorsFolder() + name + "/model.safetensors");
  EXPECT_TRUE(bytes.ok()) << name;
  return bytes.ok() ? std::move(*bytes) : Bytes();
}

std::size_t HeaderEnd(const Bytes& bytes) {
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  return 8 + static_cast<std::size_t>(length);
}

// Two trees with a missing rule, a categorical split with known categories, linear leaves, shared
// leaf rows, covers and ranges: nearly every tensor of the vocabulary in one small file.
ModelParts Everything() {
  ModelParts parts;
  parts.metadata = test::Metadata(
      2, "sigmoid",
      R"([{"name":"c","kind":"class","labels":["n","y"],"label_type":"str","columns":[0,1]}])");
  ForestParts forest;
  forest.tree_begin = {0, 2, 3};
  forest.tree_root = {0, 2};
  forest.left = {1, ~0, ~3};
  forest.right = {~2, ~1, ~4};
  forest.feature = {0, 1, 0};
  forest.threshold = std::vector<double>{1.5, 0, 2.5};
  forest.flags = {node_flags::kMissingZero, node_flags::kCategorical | node_flags::kListedRight, 1};
  forest.leaf_row = {0, 1, 0, 1, 2};
  forest.leaf_value = std::vector<float>{1, 2, 3};
  forest.base = std::vector<float>{0.5f};
  forest.node_cover = std::vector<float>{5, 3, 2};
  forest.leaf_cover = std::vector<float>{1, 2, 2, 1, 1};
  forest.cat_node = {1};
  forest.cat_begin = forest.known_begin = {0, 1};
  forest.cat_words = {5};
  forest.known_words = {7};
  forest.linear_begin = {0, 1, 1, 2};
  forest.linear_feature = {0, 1};
  forest.linear_coef = {2, -2};
  forest.linear_const = {1, 2, 3};
  forest.leaf_id = {10, 11, 12, 13, 14};
  parts.forest = std::move(forest);
  parts.feature_min = {0, 0};
  parts.feature_max = {1, 2};
  return parts;
}

// That file with its checksum out of sight, so that other damage is looked at.
Bytes WithoutDigest() {
  Bytes bytes = WriteModel(test::MakeModel(Everything()));
  const std::string key = "\"sha256\":";
  const auto found = std::search(bytes.begin(), bytes.end(), key.begin(), key.end());
  EXPECT_NE(found, bytes.end());
  if (found != bytes.end()) found[1] = 'S';
  EXPECT_TRUE(ReadModel(bytes).ok());
  return bytes;
}

// What must hold for any bytes at all. True where they were accepted.
bool Survives(const Bytes& bytes) {
  const auto model = ReadModel(bytes);
  if (model.ok()) {
    test::PredictOddRows(*model);
    EXPECT_EQ(test::FindFlaw(*model), "");
    return true;
  }
  const Error& error = model.error();
  EXPECT_LE(error.message.size(), 600u);
  EXPECT_GT(error.message.size(), 10u);
  EXPECT_TRUE(std::all_of(error.message.begin(), error.message.end(), [](char c) {
    return static_cast<unsigned char>(c) >= 0x20;
  })) << error.message;
  EXPECT_TRUE(error.code == ErrorCode::kInvalidModel ||
              error.code == ErrorCode::kUnsupportedModel || error.code == ErrorCode::kTooLarge);
  return false;
}

TEST(ReadModel, RefusesEveryInvalidFileWithItsSentence) {
  const auto cases = test::ReadJson(InvalidFolder() + "cases.json");
  ASSERT_GE(cases.size(), 60u);
  for (const auto& entry : cases) {
    const std::string file = test::TextOf(entry, "file");
    SCOPED_TRACE(file);
    const auto bytes = test::ReadFile(InvalidFolder() + file);
    ASSERT_TRUE(bytes.ok());
    const auto model = ReadModel(*bytes);
    ASSERT_FALSE(model.ok());
    EXPECT_EQ(model.error().message, test::TextOf(entry, "message"));
    EXPECT_EQ(static_cast<int>(model.error().code), entry.value("code", 0));
    Survives(*bytes);
  }
}

TEST(ReadModel, AcceptsEveryVector) {
  const auto names = test::CaseNames();
  ASSERT_GE(names.size(), 26u);
  for (const std::string& name : names) {
    SCOPED_TRACE(name);
    const Bytes bytes = ReadVector(name);
    // vectors_test reads and writes the one of many features; with sanitizers that takes seconds.
    if (bytes.size() > kLargeFile) continue;
    EXPECT_TRUE(Survives(bytes));
  }
}

TEST(ReadModel, SurvivesBeingCutAtEveryLength) {
  const Bytes bytes = WithoutDigest();
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    // An exact allocation: one byte read behind the end is seen by AddressSanitizer.
    EXPECT_FALSE(Survives(Bytes(bytes.data(), bytes.data() + length))) << length;
  }
}

TEST(ReadModel, SurvivesEveryDamagedByteOfTheHeader) {
  const Bytes bytes = WithoutDigest();
  for (std::size_t at = 0; at < HeaderEnd(bytes); ++at) {
    for (const int flip : {0x01, 0x10, 0x80}) {
      SCOPED_TRACE(at);
      Bytes damaged = bytes;
      damaged[at] = static_cast<std::uint8_t>(damaged[at] ^ flip);
      Survives(damaged);
    }
  }
}

TEST(ReadModel, SurvivesEveryDamagedByteOfTheTensors) {
  const Bytes bytes = WithoutDigest();
  for (std::size_t at = HeaderEnd(bytes); at < bytes.size(); ++at) {
    for (const int flip : {0x01, 0x7f, 0x80, 0xff}) {
      SCOPED_TRACE(at);
      Bytes damaged = bytes;
      damaged[at] = static_cast<std::uint8_t>(damaged[at] ^ flip);
      Survives(damaged);
    }
  }
}

TEST(ReadModel, TheChecksumSeesEveryDamagedByte) {
  // It covers bytes, whatever they mean: the smallest file will do.
  const Bytes bytes = WriteModel(test::MakeModel(
      test::Passing(1, "identity", R"([{"name":"y","kind":"value","columns":[0,1]}])")));
  for (std::size_t at = 8; at < bytes.size(); ++at) {
    Bytes damaged = bytes;
    damaged[at] ^= 1;
    const auto model = ReadModel(damaged);
    // The checksum of the file without one is the only other file that is accepted: where the
    // damage hides the key itself.
    const bool hides_the_key = model.ok() && model->metadata().count("sha256") == 0;
    EXPECT_TRUE(!model.ok() || hides_the_key) << at;
  }
}

TEST(ReadModel, UnknownMetadataIsKept) {
  Bytes bytes = WithoutDigest();
  const auto model = ReadModel(bytes);
  ASSERT_TRUE(model.ok());
  EXPECT_EQ(model->metadata().count("Sha256"), 1u);
}

}  // namespace
}  // namespace copse
