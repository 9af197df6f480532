#include "loaded_model.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "row_fixtures.h"

namespace copse {
namespace {

using test::MessageOf;
using namespace std::string_literals;

const std::string kIris = COPSE_SOURCE_DIR "/models/iris.safetensors";

// A folder of this test alone, removed at its end.
class LoadModelTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "copse-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& name, const std::string& bytes) {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return (folder_ / name).string();
  }
  std::string CopyIris(const std::string& name) {
    std::filesystem::copy_file(kIris, folder_ / name);
    return (folder_ / name).string();
  }

  std::filesystem::path folder_;
};

TEST_F(LoadModelTest, NamesTheModelAfterItsFileOrItsSpec) {
  const auto loaded = LoadModel(kIris);
  ASSERT_TRUE(loaded.ok()) << MessageOf(loaded);
  EXPECT_EQ((*loaded)->name, "iris");
  EXPECT_EQ((*loaded)->sha256.size(), 64u);
  EXPECT_EQ((*loaded)->version, (*loaded)->sha256.substr(0, 12));
  EXPECT_EQ((*loaded)->bytes.size(), std::filesystem::file_size(kIris));
  EXPECT_EQ((*loaded)->path, kIris);
  const auto named = LoadModel("flowers-2.1=" + kIris);
  ASSERT_TRUE(named.ok()) << MessageOf(named);
  EXPECT_EQ((*named)->name, "flowers-2.1");
  EXPECT_EQ((*named)->path, kIris);
}

TEST_F(LoadModelTest, MakesANameFitForAnAddress) {
  EXPECT_EQ((*LoadModel(CopyIris("my model?.v2.safetensors")))->name, "my_model_.v2");
  EXPECT_EQ((*LoadModel(CopyIris(".hidden")))->name, "_hidden");
  // A file of exactly that name is meant, not a model called "a".
  EXPECT_EQ((*LoadModel(CopyIris("a=b.safetensors")))->name, "a_b");
  for (const std::string name : {"", "-x", ".", "a b", "a%2f", "\u00e9"}) {
    const auto refused = LoadModel(name + "=" + "iris.safetensors");
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidInput) << name;
  }
}

TEST_F(LoadModelTest, SaysWhyAFileCannotBeRead) {
  const auto absent = LoadModel("/nowhere/x.safetensors");
  EXPECT_EQ(MessageOf(absent),
            "/nowhere/x.safetensors: cannot be read (No such file or directory)");
  EXPECT_EQ(absent.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(MessageOf(LoadModel(folder_.string())),
            folder_.string() + ": a folder; a model file was expected");
}

TEST_F(LoadModelTest, SaysWhatAForeignFileLooksLike) {
  struct Foreign {
    std::string bytes, what;
  };
  const Foreign files[] = {
      {"\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00"s, "a Python pickle"},
      {"\x1f\x8b\x08", "a gzip file"},
      {"\x78\x9c\x00"s, "a file compressed by zlib, such as joblib writes"},
      {"PK\x03\x04", "a zip file"},
      {"tree\nversion=v4\n", "a LightGBM text model"},
      {"{\"learner\":{}}", "a JSON file"},
      {"{L\x00\x00\x00\x00\x00\x00\x00\x07learner"s, "a UBJSON file, such as XGBoost writes"},
      {"\x08\x08\x12\x08skl2onnx", "an ONNX model"},
  };
  for (const auto& [bytes, what] : files) {
    const std::string path = Write("foreign", bytes);
    const auto refused = LoadModel(path);
    EXPECT_EQ(MessageOf(refused),
              path + ": this is " + what +
                  "; a .safetensors model was expected (models/copse_export.py writes one)");
    EXPECT_EQ(refused.error().code, ErrorCode::kUnsupportedModel);
  }
  const std::string empty = Write("empty", "");
  EXPECT_EQ(MessageOf(LoadModel(empty)),
            empty + ": the file is empty; a .safetensors model was expected");
}

TEST_F(LoadModelTest, PassesOnWhatTheFormatsReaderSays) {
  std::string bytes(8, '\0');
  bytes[0] = 2;
  const std::string path = Write("broken.safetensors", bytes + "{}");
  const auto refused = LoadModel(path);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().message.find(path + ": "), 0u);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidModel) << refused.error().message;
}

}  // namespace
}  // namespace copse
