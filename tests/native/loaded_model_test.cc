#include "loaded_model.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include "compressed.h"
#include "copse/model_file.h"
#include "copse/sha256.h"
#include "decompress.h"
#include "model_parts.h"
#include "row_fixtures.h"

namespace copse {
namespace {

using test::MessageOf;
using namespace std::string_literals;

const std::string kIris = COPSE_SOURCE_DIR "/models/iris.safetensors";

std::string ReadText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string Text(const std::vector<std::uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }

std::span<const std::uint8_t> BytesOf(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

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

TEST_F(LoadModelTest, NamesAnImportedFileAfterItsStem) {
  EXPECT_EQ(ModelNameOf("a/forest.pkl"), "forest");
  EXPECT_EQ(ModelNameOf("a/forest.pkl.gz"), "forest");
  EXPECT_EQ(ModelNameOf("forest.v2.gz"), "forest.v2");
  EXPECT_EQ(ModelNameOf("forest.v2.joblib.xz"), "forest.v2");
  EXPECT_EQ(ModelNameOf(".gz"), "_gz");
  EXPECT_EQ(ModelNameOf("-"), "model");
}

TEST_F(LoadModelTest, KeepsTheVeryFileOfOurFormat) {
  const auto loaded = LoadModel(kIris);
  ASSERT_TRUE(loaded.ok()) << MessageOf(loaded);
  EXPECT_EQ((*loaded)->kind, SourceKind::kCopse);
  EXPECT_EQ((*loaded)->compression, Compression::kNone);
  EXPECT_EQ((*loaded)->file_bytes, (*loaded)->bytes.size());
  EXPECT_EQ(FileKindText(**loaded), "our own format");
  EXPECT_EQ(Text((*loaded)->bytes), ReadText(kIris));
}

TEST_F(LoadModelTest, ReadsEveryCompressedForm) {
  const std::string iris = ReadText(kIris);
  for (const Compression compression : {Compression::kZlib, Compression::kGzip, Compression::kBzip2,
                                        Compression::kXz, Compression::kLzma, Compression::kLz4}) {
    const std::string name(CompressionName(compression));
    const std::string packed = test::Compress(compression, iris);
    const auto loaded = LoadModel(Write("iris.safetensors." + name, packed));
    ASSERT_TRUE(loaded.ok()) << MessageOf(loaded);
    EXPECT_EQ((*loaded)->compression, compression);
    EXPECT_EQ((*loaded)->file_bytes, packed.size());
    EXPECT_EQ(Text((*loaded)->bytes), iris);
    EXPECT_EQ(FileKindText(**loaded), "our own format, compressed by " + name);
  }
  const auto twice = LoadModel(Write("iris.gz.gz", test::Gzip(test::Gzip(iris))));
  EXPECT_EQ(twice.error().code, ErrorCode::kUnsupportedModel);
  EXPECT_NE(MessageOf(twice).find("holds a compressed file again (gzip)"), std::string::npos);
}

TEST_F(LoadModelTest, HoldsAnImportedModelInOurFormat) {
  const std::string tree =
      "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\n"
      "max_feature_idx=1\nobjective=regression\nfeature_names=size weight\n"
      "feature_infos=[0:9] none\ntree_sizes=351\n\n";
  const std::string block =
      "Tree=0\nnum_leaves=2\nnum_cat=0\nsplit_feature=0\nsplit_gain=1\nthreshold=2.5\n"
      "decision_type=2\nleft_child=-1\nright_child=-2\nleaf_value=10 20\nleaf_weight=3 4\n"
      "leaf_count=3 4\ninternal_value=0\ninternal_weight=7\ninternal_count=7\nis_linear=0\n"
      "shrinkage=1\n\n\n";
  std::string text = tree + block +
                     "end of trees\n\nfeature_importances:\nsize=1\n\nparameters:\n"
                     "end of parameters\n\npandas_categorical:null\n";
  text.replace(text.find("351"), 3, std::to_string(block.size()));
  const auto plain = LoadModel(Write("stump.txt", text));
  ASSERT_TRUE(plain.ok()) << MessageOf(plain);
  EXPECT_EQ((*plain)->name, "stump");
  EXPECT_EQ((*plain)->kind, SourceKind::kLightgbm);
  EXPECT_EQ((*plain)->file_bytes, text.size());
  EXPECT_EQ((*plain)->sha256, Sha256Hex((*plain)->bytes));
  EXPECT_EQ((*plain)->version, (*plain)->sha256.substr(0, 12));
  EXPECT_EQ((*plain)->model.features()[0].name, "size");
  // What is served is a file like any other.
  const auto again = LoadModel(Write("again.safetensors", Text((*plain)->bytes)));
  ASSERT_TRUE(again.ok()) << MessageOf(again);
  EXPECT_EQ((*again)->sha256, (*plain)->sha256);
  EXPECT_EQ(DescribeModel((*again)->model), DescribeModel((*plain)->model));
  // The digest of the source is that of the file, compressed or not.
  const std::string packed = test::Gzip(text);
  const auto unpacked = LoadModel(Write("stump.txt.gz", packed));
  ASSERT_TRUE(unpacked.ok()) << MessageOf(unpacked);
  EXPECT_NE((*unpacked)->model.metadata().at("source").find(Sha256Hex(BytesOf(packed))),
            std::string::npos);
  EXPECT_NE((*plain)->model.metadata().at("source").find(Sha256Hex(BytesOf(text))),
            std::string::npos);
}

TEST_F(LoadModelTest, SaysWhatAForeignFileLooksLike) {
  struct Foreign {
    std::string bytes, what;
  };
  const Foreign files[] = {
      {"PK\x03\x04 and what a zip file goes on with", "zip"},
      {"\x89HDF\r\n\x1a\n", "HDF5"},
      {"CBM1 and more", "CatBoost"},
      {"binf\0\0\0\x3f"s, "save_model"},
      {"<?xml version=\"1.0\"?><PMML>", "PMML"},
      {std::string(100'000, '\0'), "no model that can be imported"},
      {"5.1,3.5,1.4,0.2\n", "no model that can be imported"},
      {"{\"rows\": 3}", "no model that can be imported"},
      {"", "the file is empty"},
  };
  for (const auto& [bytes, what] : files) {
    const std::string path = Write("foreign", bytes);
    const auto refused = LoadModel(path);
    ASSERT_FALSE(refused.ok()) << what;
    EXPECT_EQ(refused.error().code, ErrorCode::kUnsupportedModel) << what;
    EXPECT_EQ(MessageOf(refused).find(path + ": "), 0u);
    EXPECT_NE(MessageOf(refused).find(what), std::string::npos) << MessageOf(refused);
    // The same of what is inside a compressed file.
    const auto inside = LoadModel(Write("foreign", test::Gzip(bytes)));
    EXPECT_EQ(MessageOf(inside), MessageOf(refused));
  }
}

TEST_F(LoadModelTest, LeavesALongPathRoomForTheReason) {
  std::string path = folder_.string();
  for (int i = 0; i < 10; ++i) path += "/" + std::string(100, 'd');
  std::filesystem::create_directories(path);
  path += "/model.pkl";
  std::ofstream(path) << "no model";
  const std::string message = MessageOf(LoadModel(path));
  EXPECT_EQ(message.find("..." + path.substr(path.size() - 200) + ": this is no model"), 0u)
      << message;
  EXPECT_LE(message.size(), 590u);
}

// One of more than 64 MiB is mapped and not copied; it reads the same.
TEST_F(LoadModelTest, ReadsALargeFileToo) {
  const Model model = test::MakeModel(test::Passing(
      3000, "identity", R"([{"name":"y","kind":"value","labels":[],"columns":[0,3000]}])"));
  const std::vector<std::uint8_t> bytes = WriteModel(model);
  ASSERT_GT(bytes.size(), 64u << 20);
  const auto loaded = LoadModel(Write("large.safetensors", Text(bytes)));
  ASSERT_TRUE(loaded.ok()) << MessageOf(loaded);
  EXPECT_EQ((*loaded)->bytes, bytes);
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
