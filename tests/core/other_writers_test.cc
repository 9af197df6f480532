// Files that follow docs/FORMAT.md and that no writer of this project makes: each loads, predicts
// right, and is the same model when it is written again.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "copse/model_file.h"
#include "exercise_model.h"
#include "model_parts.h"
#include "vectors.h"

namespace copse {
namespace {

using Bytes = std::vector<std::uint8_t>;
using Doubles = std::vector<double>;
using Metadata = std::map<std::string, std::string>;
using Json = nlohmann::ordered_json;

constexpr const char* kValue = R"([{"name":"y","kind":"value","columns":[0,1]}])";

// A safetensors file made as other programs make it: tensors in any order, metadata last, JSON with
// spaces and line breaks, no checksum.
class File {
 public:
  template <class T>
  File& Add(const std::string& name, const char* dtype, const std::vector<T>& numbers,
            std::size_t width = 0) {
    const std::size_t begin = data_.size();
    data_.resize(begin + numbers.size() * sizeof(T));
    if (!numbers.empty()) std::memcpy(&data_[begin], numbers.data(), numbers.size() * sizeof(T));
    Json shape = {numbers.size()};
    if (width > 0) shape = {numbers.size() / width, width};
    header_[name] = {{"shape", shape}, {"dtype", dtype}, {"data_offsets", {begin, data_.size()}}};
    return *this;
  }

  std::size_t data_bytes() const { return data_.size(); }

  Bytes Close(const Metadata& metadata) {
    header_["__metadata__"] = metadata;
    const std::string header = header_.dump(1);
    const std::uint64_t length = header.size();
    Bytes bytes(8 + header.size());
    std::memcpy(bytes.data(), &length, sizeof length);
    std::memcpy(&bytes[8], header.data(), header.size());
    bytes.insert(bytes.end(), data_.begin(), data_.end());
    return bytes;
  }

 private:
  Json header_ = Json::object();
  Bytes data_;
};

// Tree 0: x0 <= 1.5 ? (x1 <= 0.5 ? 10 : 20) : 10. Tree 1: x0 <= 2.5 ? 20 : 10. Four places and two
// leaves, which hold rows 0 and 1.
File SharedLeaves() {
  File file;
  file.Add<std::uint8_t>("node.flags", "U8", {0, 0, 0})
      .Add<std::int32_t>("node.left", "I32", {1, ~0, ~1})
      .Add<std::int32_t>("node.right", "I32", {~0, ~1, ~0})
      .Add<std::uint32_t>("node.feature", "U32", {0, 1, 0})
      .Add<float>("node.threshold", "F32", {1.5f, 0.5f, 2.5f})
      .Add<std::uint32_t>("tree.begin", "U32", {0, 2, 3})
      .Add<std::int32_t>("tree.root", "I32", {0, 2})
      .Add<float>("leaf.value", "F32", {10, 20}, 1)
      .Add<double>("base", "F64", {0.5});
  return file;
}

Model Read(const Bytes& bytes) {
  auto model = ReadModel(bytes);
  if (!model.ok()) {
    ADD_FAILURE() << model.error().message;
    std::abort();
  }
  EXPECT_EQ(test::FindFlaw(*model), "");
  test::PredictOddRows(*model);
  return std::move(model).value();
}

Doubles Predict(const Model& model, Answer answer, const Doubles& rows) {
  Doubles out(rows.size() / model.n_features() * *model.Columns(answer));
  model.Predict(answer, rows, out);
  return out;
}

// What the model says, and what it says after it was written and read again.
void ExpectAnswers(const Bytes& bytes, const Doubles& rows, const Doubles& predicted,
                   const Doubles& leaves) {
  const Model model = Read(bytes);
  const Model again = Read(WriteModel(model));
  for (const Model* each : {&model, &again}) {
    EXPECT_EQ(Predict(*each, Answer::kPredict, rows), predicted);
    EXPECT_EQ(Predict(*each, Answer::kLeaf, rows), leaves);
  }
}

Metadata Regression() { return test::Metadata(2, "identity", kValue); }
const Doubles kRows = {0, 0, 0, 1, 2, 0, 3, 0};

TEST(OtherWriters, ShareLeaves) {
  ExpectAnswers(SharedLeaves().Close(Regression()), kRows, {30.5, 40.5, 30.5, 20.5},
                {0, 1, 1, 1, 0, 1, 0, 0});
}

TEST(OtherWriters, MayBeDamagedWhereLeavesAreShared) {
  File file = SharedLeaves();
  file.Add<std::uint32_t>("leaf.row", "U32", {1, 0});
  const Bytes bytes = file.Close(Regression());
  int n_accepted = 0;
  for (std::size_t back = 1; back <= file.data_bytes(); ++back) {
    for (const int flip : {0x01, 0x7f, 0x80, 0xff}) {
      Bytes damaged = bytes;
      std::uint8_t& byte = damaged[bytes.size() - back];
      byte = static_cast<std::uint8_t>(byte ^ flip);
      const auto model = ReadModel(damaged);
      if (!model.ok()) continue;
      ++n_accepted;
      test::PredictOddRows(*model);
      ASSERT_EQ(test::FindFlaw(*model), "") << back << " bytes before the end, flip " << flip;
    }
  }
  EXPECT_GT(n_accepted, 0);
}

TEST(OtherWriters, ShareLeavesThatShareRows) {
  File file = SharedLeaves();
  file.Add<std::uint32_t>("leaf.row", "U32", {1, 1, 0, 0, 0});
  const Bytes bytes = file.Close(Regression());
  ExpectAnswers(bytes, kRows, {40.5, 40.5, 40.5, 40.5}, {0, 1, 1, 1, 0, 1, 0, 0});
  EXPECT_EQ(Read(bytes).forest()->n_leaves(), 5u);
}

TEST(OtherWriters, WriteTheRowsThatGoWithoutSaying) {
  File file = SharedLeaves();
  file.Add<std::uint32_t>("leaf.row", "U32", {0, 1});
  const Model model = Read(file.Close(Regression()));
  EXPECT_TRUE(Read(WriteModel(model)).forest()->parts().leaf_row.empty());
  EXPECT_EQ(Predict(model, Answer::kPredict, kRows), (Doubles{30.5, 40.5, 30.5, 20.5}));
}

TEST(OtherWriters, ShareLeavesOfSeveralOutputs) {
  const Metadata metadata = test::Metadata(2, "softmax",
                                           R"([{"name":"c","kind":"class","labels":["a","b"],)"
                                           R"("label_type":"str","columns":[0,2]}])");
  File file;
  file.Add<double>("base", "F64", {0, 0})
      .Add<double>("leaf.value", "F64", {1, 2, 4, 0}, 2)
      .Add<std::uint32_t>("tree.begin", "U32", {0, 1, 1})
      .Add<std::int32_t>("tree.root", "I32", {0, ~0})
      .Add<std::int32_t>("node.left", "I32", {~0})
      .Add<std::int32_t>("node.right", "I32", {~1})
      .Add<std::uint16_t>("node.feature", "U16", {1})
      .Add<float>("node.threshold", "F32", {0.5f})
      .Add<std::uint8_t>("node.flags", "U8", {0});
  const Bytes bytes = file.Close(metadata);
  ExpectAnswers(bytes, kRows, {1, 0, 1, 1}, {0, 0, 1, 0, 0, 0, 0, 0});
  EXPECT_EQ(Predict(Read(bytes), Answer::kMargin, {0, 0, 0, 1}), (Doubles{2, 4, 5, 2}));
}

TEST(OtherWriters, KnowTheCoverOfNodesOnly) {
  File file = SharedLeaves();
  file.Add<float>("node.cover", "F32", {5, 3, 2});
  const Model model = Read(file.Close(Regression()));
  const Model again = Read(WriteModel(model));
  EXPECT_EQ(Count(again.forest()->parts().node_cover), 3u);
  EXPECT_EQ(Count(again.forest()->parts().leaf_cover), 0u);
}

TEST(OtherWriters, KnowTheCoverOfLeavesOnly) {
  ModelParts parts;
  parts.metadata = Regression();
  ForestParts forest = test::TwoTrees();
  forest.leaf_cover = Doubles{4, 5, 9};
  parts.forest = forest;
  const Model again = Read(WriteModel(test::MakeModel(parts)));
  EXPECT_EQ(Count(again.forest()->parts().node_cover), 0u);
  EXPECT_EQ(At(again.forest()->parts().leaf_cover, 2), 9);

  // Without nodes, node.cover has no elements, and says nothing by being there.
  forest.tree_begin = {0, 0};
  forest.tree_root = {~0};
  forest.left = forest.right = {};
  forest.feature = {};
  forest.threshold = Doubles();
  forest.flags = {};
  forest.leaf_value = Doubles{1};
  forest.leaf_cover = Doubles{4};
  parts.forest = forest;
  EXPECT_EQ(Predict(Read(WriteModel(test::MakeModel(parts))), Answer::kPredict, {0, 0}),
            Doubles{1});
}

TEST(OtherWriters, KnowOneEndOfTheTrainingRange) {
  for (const bool has_min : {true, false}) {
    File file = SharedLeaves();
    file.Add<double>(has_min ? "feature.min" : "feature.max", "F64", {-1, 2});
    const Model model = Read(file.Close(Regression()));
    const Model again = Read(WriteModel(model));
    for (const Model* each : {&model, &again}) {
      const Feature& second = each->features()[1];
      EXPECT_EQ(has_min ? second.min : second.max, 2);
      EXPECT_TRUE(std::isnan(has_min ? second.max : second.min));
    }
    EXPECT_EQ(again.feature_min().empty(), !has_min);
    EXPECT_EQ(again.feature_max().empty(), has_min);
  }
}

TEST(OtherWriters, SayMoreOfFeaturesAndOutputs) {
  Metadata metadata = Regression();
  metadata["features"] = R"([ {"kind": "num", "x-order": [1, {"a": null}], "name": "width"}, )"
                         R"({"name": "height", "kind": "num", "importance": 0.5} ])";
  metadata["outputs"] = R"([{"unit":"kg","name":"y","kind":"value","columns":[0,1]}])";
  const Model model = Read(SharedLeaves().Close(metadata));
  EXPECT_EQ(model.features()[0].name, "width");
  EXPECT_EQ(model.outputs()[0].name, "y");
  EXPECT_EQ(Predict(model, Answer::kPredict, kRows), (Doubles{30.5, 40.5, 30.5, 20.5}));
  const Model again = Read(WriteModel(model));
  EXPECT_EQ(again.metadata().at("features"), metadata["features"]) << "kept as it was";
  EXPECT_EQ(again.metadata().at("outputs"), metadata["outputs"]);
}

TEST(OtherWriters, WriteEveryLinkParameter) {
  const std::string all = R"({"scale":2,"guard":0,"denominator":8,"offset":-0.5})";
  Metadata metadata = Regression();
  metadata["link_params"] = all;
  EXPECT_EQ(Predict(Read(SharedLeaves().Close(metadata)), Answer::kPredict, {0, 0}), Doubles{30.5});
  metadata["link"] = "sigmoid";
  const Link sigmoid = Read(SharedLeaves().Close(metadata)).link();
  EXPECT_EQ(sigmoid.scale, 2);
  EXPECT_EQ(sigmoid.denominator, 1) << "not of this link";
  // What the link does not use is not looked at either.
  metadata["link_params"] = R"({"offset":null,"denominator":0,"scale":3})";
  EXPECT_EQ(Read(SharedLeaves().Close(metadata)).link().scale, 3);
  metadata["link"] = "iforest";
  metadata["outputs"] = R"([{"name":"s","kind":"score","columns":[0,1]}])";
  metadata["link_params"] = all;
  EXPECT_EQ(Read(SharedLeaves().Close(metadata)).link().denominator, 8);
}

TEST(OtherWriters, LeaveOptionalMetadataEmpty) {
  Metadata metadata = Regression();
  for (const char* key : {"link_params", "infinite", "category_cast", "allow_nonfinite", "source",
                          "provenance", "warnings", "sha256"}) {
    metadata[key] = "";
  }
  const Model model = Read(SharedLeaves().Close(metadata));
  EXPECT_TRUE(model.infinite_allowed()) << "the default of input f64";
  EXPECT_EQ(Predict(model, Answer::kPredict, kRows), (Doubles{30.5, 40.5, 30.5, 20.5}));
  const auto description = Json::parse(DescribeModel(model), nullptr, false);
  ASSERT_TRUE(description.is_object());
  EXPECT_EQ(description["source"], Json::object());
  EXPECT_EQ(description["warnings"], Json::array());
}

TEST(OtherWriters, RequiredMetadataIsNeverEmpty) {
  for (const char* key : {"input", "accumulate", "combine", "link", "link_math", "decision",
                          "missing", "features", "outputs"}) {
    Metadata metadata = Regression();
    metadata[key] = "";
    EXPECT_FALSE(ReadModel(SharedLeaves().Close(metadata)).ok()) << key;
  }
}

}  // namespace
}  // namespace copse
