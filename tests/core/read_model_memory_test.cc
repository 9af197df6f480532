// How much memory a hostile file can make the reader take: counted, because replacing the global
// allocation functions is the one way that sees everything. A program of its own for that reason.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <new>
#include <string>
#include <vector>

#include "copse/model_file.h"
#include "model_parts.h"
#include "vectors.h"

namespace {

std::size_t g_live = 0;
std::size_t g_peak = 0;

// The size stands before the block, in as many bytes as keep it aligned.
constexpr std::size_t kSizeBytes = alignof(std::max_align_t);

void* Allocate(std::size_t size) {
  void* block = std::malloc(size + kSizeBytes);
  if (block == nullptr) std::abort();
  std::memcpy(block, &size, sizeof size);
  g_live += size;
  g_peak = g_live > g_peak ? g_live : g_peak;
  return static_cast<char*>(block) + kSizeBytes;
}

void Release(void* pointer) {
  if (pointer == nullptr) return;
  void* block = static_cast<char*>(pointer) - kSizeBytes;
  std::size_t size = 0;
  std::memcpy(&size, block, sizeof size);
  g_live -= size;
  std::free(block);
}

}  // namespace

void* operator new(std::size_t size) { return Allocate(size); }
void* operator new[](std::size_t size) { return Allocate(size); }
void operator delete(void* pointer) noexcept { Release(pointer); }
void operator delete[](void* pointer) noexcept { Release(pointer); }
void operator delete(void* pointer, std::size_t) noexcept { Release(pointer); }
void operator delete[](void* pointer, std::size_t) noexcept { Release(pointer); }

namespace copse {
namespace {

using Bytes = std::vector<std::uint8_t>;

/// Most bytes that were allocated at once while the file was read.
std::size_t PeakOf(const Bytes& bytes) {
  const std::size_t before = g_live;
  g_peak = g_live;
  { const auto model = ReadModel(bytes); }
  EXPECT_EQ(g_live, before) << "nothing is kept";
  return g_peak - before;
}

Bytes FileOf(const std::string& header) {
  Bytes bytes(8 + header.size());
  const std::uint64_t length = header.size();
  std::memcpy(bytes.data(), &length, sizeof length);
  std::memcpy(bytes.data() + 8, header.data(), header.size());
  return bytes;
}

std::string Repeated(const std::string& text, std::size_t n_bytes) {
  std::string repeated;
  while (repeated.size() < n_bytes) repeated += text;
  return repeated;
}

/// A header with valid metadata whose `key` holds this JSON.
Bytes FileWith(const std::string& key, const std::string& json) {
  auto metadata = test::Metadata(1, "identity", R"([{"name":"y","kind":"value","columns":[0,1]}])");
  metadata[key] = json;
  std::string header = "{\"__metadata__\":{";
  for (const auto& [name, value] : metadata) {
    header += "\"" + name + "\":" + nlohmann::json(value).dump() + ",";
  }
  header.back() = '}';
  return FileOf(header + "}");
}

constexpr std::size_t kMegabyte = std::size_t{1} << 20;

TEST(ReadModel, TakesLittleMemoryForEveryInvalidFile) {
  const auto cases = test::ReadJson(test::VectorsFolder() + "invalid/cases.json");
  ASSERT_FALSE(cases.empty());
  for (const auto& entry : cases) {
    const auto bytes =
        test::ReadFile(test::VectorsFolder() + "invalid/" + test::TextOf(entry, "file"));
    ASSERT_TRUE(bytes.ok());
    EXPECT_LE(PeakOf(*bytes), 16 * 1024 + 20 * bytes->size()) << test::TextOf(entry, "file");
  }
}

TEST(ReadModel, TakesASmallMultipleOfAHostileHeader) {
  const std::vector<std::pair<const char*, std::string>> headers = {
      {"numbers", "{\"a\":[" + Repeated("0,", kMegabyte) + "0]}"},
      {"empty lists", "{\"a\":[" + Repeated("[],", kMegabyte) + "0]}"},
      {"separators", "{\"a\":[" + Repeated(",", kMegabyte)},
      {"brackets", "{" + Repeated("{", kMegabyte)},
      {"one text", "{\"" + std::string(kMegabyte, 'a')},
      {"one escape", "{\"" + Repeated("\\u0041", kMegabyte)},
      {"empty keys", "{\"a\":{" + Repeated("\"\":0,", kMegabyte) + "\"\":0}}"},
      {"shape", "{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,0],\"shape\":[" +
                    Repeated("1,", kMegabyte) + "0]}}"},
      {"metadata", "{\"__metadata__\":{\"a\":\"" + std::string(kMegabyte, 'a') + "\"}}"}};
  for (const auto& [name, header] : headers) {
    EXPECT_LE(PeakOf(FileOf(header)), 20 * header.size()) << name;
  }
}

TEST(ReadModel, TakesASmallMultipleOfManyTensors) {
  std::string header = "{\"t\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}";
  for (int i = 0; header.size() < kMegabyte; ++i) {
    header += ",\"" + std::to_string(i) + R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
  }
  header += "}";
  EXPECT_LE(PeakOf(FileOf(header)), 20 * header.size());
}

TEST(ReadModel, TakesASmallMultipleOfHostileMetadata) {
  std::string features = "[{\"name\":\"f\",\"kind\":\"num\"}";
  for (int i = 0; features.size() < kMegabyte; ++i) {
    features += ",{\"name\":\"" + std::to_string(i) + "\",\"kind\":\"num\"}";
  }
  const std::vector<Bytes> files = {
      FileWith("features", features + "]"),
      FileWith("features", R"([{"name":"f","kind":"cat","categories":[)" +
                               Repeated("\"\",", kMegabyte) + R"(""]}])"),
      FileWith("outputs", R"([{"name":"c","kind":"class","label_type":"int","columns":[0,1],)"
                          R"("labels":[)" +
                              Repeated("0,", kMegabyte) + "0]}]"),
      FileWith("provenance", "{\"a\":[" + Repeated("0,", kMegabyte) + "0]}"),
      FileWith("warnings", "[" + Repeated("\"\",", kMegabyte) + "\"\"]")};
  for (const Bytes& file : files) EXPECT_LE(PeakOf(file), 24 * file.size());
}

TEST(ReadModel, TakesASmallMultipleOfAValidFile) {
  for (const char* name : {"iris", "rf_digits_balanced", "hgb_cancer_categorical"}) {
    const auto bytes = test::ReadFile(test::VectorsFolder() + name + "/model.safetensors");
    ASSERT_TRUE(bytes.ok());
    EXPECT_LE(PeakOf(*bytes), 4 * bytes->size()) << name;
  }
}

}  // namespace
}  // namespace copse
