#include "foreign_file.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

namespace copse {
namespace {

using namespace std::string_literals;

std::string Said(const std::string& head) { return ForeignFile(head).value_or("(nothing)"); }

TEST(ForeignFile, NamesWhatPeopleTakeForModels) {
  struct Case {
    std::string head, words;
  };
  const Case cases[] = {
      {"\x80\x02\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19.\x80\x02M"s, "PyTorch"},
      {"PK\x03\x04"s + std::string(26, '\0') + "archive/data.pkl", "PyTorch"},
      {"PK\x03\x04"s + std::string(26, '\0') + "schema.json", "skops.io.load"},
      {"PK\x03\x04"s + std::string(26, '\0') + "config.json....model.weights.h5", "Keras"},
      {"PK\x03\x04"s + std::string(26, '\0') + "arr_0.npy", "numpy.savez"},
      {"PK\x03\x04"s + std::string(26, '\0') + "model.ini", "H2O"},
      {"\x08\x01\x12\xc5\x89\x04"s, "SavedModel"},
      {"\x1c\0\0\0TFL3"s, "TensorFlow Lite"},
      {"X\n\0\0\0\3\0\4\2\1"s, "xgb.save"},
      {"RDX3\nX\n", "R workspace"},
      {"0:[f2<2.45] yes=1,no=2,missing=1\n", "booster.save_model(\"model.json\")"},
      {"[{\"nodeid\":0,\"split\":\"f0\"}]", "booster.save_model(\"model.json\")"},
      {"{\"name\":\"tree\",\"num_tree_per_iteration\":1,\"tree_info\":[]}", "model.txt"},
      {"bs64\tAAAA", "XGBoost 1.0 to 3.0"},
      {"\x28\xb5\x2f\xfd\x24"s, "zstd -d"},
      {"model.pkl"s + std::string(248, '\0') + "ustar  ", "tar archive"},
      {"PAR1\x15\x04", "Parquet"},
      {"\xef\xbb\xbf\r\n<?xml version=\"1.0\"?>", "PMML"},
      {"\n<!DOCTYPE html>", "web page"},
  };
  for (const auto& [head, words] : cases) {
    EXPECT_NE(Said(head).find(words), std::string::npos) << words << ": " << Said(head);
    EXPECT_EQ(Said(head).rfind("this is ", 0), 0u);
    EXPECT_LE(Said(head).size(), 300u);
  }
}

TEST(ForeignFile, SaysNothingOfWhatMayBeAModel) {
  for (const std::string& head :
       {""s, "\x80\x04\x95"s, "\x80\x02}q\x00."s, "tree\nversion=v4\n"s, "{\"learner\":{"s,
        "{\"version\":[1,7,4],\"learner\":{\"gradient_booster\":{\"tree_info\":[]"s,
        "{L\0\0\0\0\0\0\0\7learner"s, "\x08\x08\x12\x08skl2onnx"s, "\x08\x0a\x3a\x10"s,
        "ccopy_reg\n_reconstructor\n"s, "\x40\0\0\0\0\0\0\0{\"__metadata__\""s,
        "PK\x03\x04 nobody knows"s, "    "s, "5.1,3.5\n"s}) {
    EXPECT_EQ(Said(head), "(nothing)");
  }
  std::ifstream file(COPSE_SOURCE_DIR "/models/iris.safetensors", std::ios::binary);
  EXPECT_EQ(Said({std::istreambuf_iterator<char>(file), {}}), "(nothing)");
}

}  // namespace
}  // namespace copse
