#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "copse/model_file.h"
#include "exercise_model.h"
#include "vectors.h"

namespace copse {
namespace {

using Bytes = std::vector<std::uint8_t>;

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

// A small valid file whose checksum is out of sight, so that other damage is looked at.
Bytes WithoutDigest(const std::string& name) {
  Bytes bytes = ReadVector(name);
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
  for (const char c : error.message) EXPECT_GE(static_cast<unsigned char>(c), 0x20u);
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
    EXPECT_TRUE(Survives(ReadVector(name)));
  }
}

TEST(ReadModel, SurvivesBeingCutAtEveryLength) {
  const Bytes bytes = WithoutDigest("ref_category_known");
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    // An exact allocation: one byte read behind the end is seen by AddressSanitizer.
    EXPECT_FALSE(Survives(Bytes(bytes.data(), bytes.data() + length))) << length;
  }
}

TEST(ReadModel, SurvivesEveryDamagedByteOfTheHeader) {
  const Bytes bytes = WithoutDigest("ref_category_known");
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
  for (const char* name : {"ref_category_known", "ref_linear_leaves"}) {
    const Bytes bytes = WithoutDigest(name);
    for (std::size_t at = HeaderEnd(bytes); at < bytes.size(); ++at) {
      SCOPED_TRACE(at);
      Bytes damaged = bytes;
      damaged[at] ^= 0x81;  // changes numbers as well as signs and the size of indices
      Survives(damaged);
    }
  }
}

TEST(ReadModel, TheChecksumSeesEveryDamagedByte) {
  const Bytes bytes = ReadVector("ref_category_known");
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
  Bytes bytes = WithoutDigest("ref_stumps");
  const auto model = ReadModel(bytes);
  ASSERT_TRUE(model.ok());
  EXPECT_EQ(model->metadata().count("Sha256"), 1u);
}

}  // namespace
}  // namespace copse
