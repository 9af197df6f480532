#include <gtest/gtest.h>

#include <cmath>

#include <string>

#include "copse/import.h"
#include "imported.h"
#include "sources.h"
#include "text.h"
#include "vectors.h"

// What the fixtures cannot say: refusals, labels, the order of leaves. Files are made here.
namespace copse::importer {
namespace {

/// A symmetric tree of two levels, whose parts can be replaced.
struct File {
  std::string loss = R"({"type":"Logloss","params":{}})";
  std::string more_info;  ///< in model_info, with a comma in front
  std::string features =
      R"({"feature_index":0,"flat_feature_index":0,"has_nans":true,"nan_value_treatment":"AsTrue",
          "feature_id":"a","borders":[0.5]},
         {"feature_index":1,"flat_feature_index":2,"has_nans":false,"nan_value_treatment":"AsIs",
          "feature_id":"","borders":[1.5]})";
  std::string more_features;
  std::string splits =
      R"({"split_type":"FloatFeature","float_feature_index":0,"border":0.5,"split_index":0},
         {"split_type":"FloatFeature","float_feature_index":1,"border":1.5,"split_index":1})";
  std::string values = "[1,2,3,4]", weights = "[10,20,30,40]";
  std::string scale = "[1,[0]]";
  std::string trees;  ///< instead of oblivious_trees

  std::string Json() const {
    const std::string symmetric = R"("oblivious_trees":[{"splits":[)" + splits +
                                  R"(],"leaf_values":)" + values + R"(,"leaf_weights":)" + weights +
                                  "}]";
    return R"({"model_info":{"params":{"loss_function":)" + loss + "}" + more_info +
           R"(},"features_info":{"float_features":[)" + features + "]" + more_features + "}," +
           (trees.empty() ? symmetric : "\"trees\":" + trees) + R"(,"scale_and_bias":)" + scale +
           "}";
  }
};

Result<Imported> Import(const std::string& json) {
  return ImportCatboostJson({reinterpret_cast<const std::uint8_t*>(json.data()), json.size()}, {});
}

template <class Change>
Imported Changed(Change change) {
  File file;
  change(file);
  auto imported = Import(file.Json());
  EXPECT_TRUE(imported.ok()) << imported.error().message;
  return imported.ok() ? *std::move(imported) : Imported();
}

template <class Change>
void ExpectRefusal(ErrorCode code, const std::string& part_of_message, Change change) {
  File file;
  change(file);
  const auto imported = Import(file.Json());
  ASSERT_FALSE(imported.ok()) << part_of_message;
  EXPECT_EQ(imported.error().code, code) << imported.error().message;
  EXPECT_NE(imported.error().message.find(part_of_message), std::string::npos)
      << imported.error().message;
}

constexpr ErrorCode kInvalid = ErrorCode::kInvalidModel;
constexpr ErrorCode kUnsupported = ErrorCode::kUnsupportedModel;

// Bit 0 of a leaf's number is the first split, which is the last to be tested.
TEST(CatBoost, NumbersLeavesByTheBitsOfTheirSplits) {
  const auto model = Finish(Changed([](File&) {}), "");
  ASSERT_TRUE(model.ok()) << model.error().message;
  ASSERT_EQ(model->n_features(), 3u);
  const auto margin = [&](double a, double c) {
    double out = 0;
    model->PredictMargins(std::vector<double>{a, 9, c}, {&out, 1});
    return out;
  };
  EXPECT_EQ(margin(0.5, 1.5), 1);
  EXPECT_EQ(margin(0.6, 1.5), 2);
  EXPECT_EQ(margin(0.5, 1.6), 3);
  EXPECT_EQ(margin(0.6, 1.6), 4);
  EXPECT_EQ(margin(NAN, 0), 2);
  EXPECT_EQ(margin(0, NAN), 1);
  EXPECT_EQ(model->features()[0].name, "a");
  EXPECT_EQ(model->features()[2].name, "2");
}

TEST(CatBoost, KeepsTheWeightsOfLeaves) {
  const Imported imported = Changed([](File&) {});
  ASSERT_EQ(Count(imported.forest->leaf_cover), 4u);
  EXPECT_EQ(At(imported.forest->leaf_cover, 3), 40);
}

TEST(CatBoost, AddsTheBiasAtTheEnd) {
  const Imported imported = Changed([](File& f) { f.scale = "[1,[0.25]]"; });
  EXPECT_EQ(imported.forest->tree_root.size(), 2u);
  EXPECT_EQ(At(imported.forest->base, 0), 0);
  EXPECT_EQ(Count(imported.forest->leaf_cover), 5u);
}

TEST(CatBoost, SaysThatAScaleMayRound) {
  EXPECT_TRUE(Changed([](File& f) { f.scale = "[0.25,0]"; }).warnings.empty());
  EXPECT_EQ(Changed([](File& f) { f.scale = "[0.3,[0]]"; }).warnings.size(), 1u);
}

TEST(CatBoostLabels, HaveTheTypeOfTraining) {
  const auto output = [](const char* params) {
    return Changed([&](File& f) { f.more_info = ",\"class_params\":" + std::string(params); })
        .outputs.at(0);
  };
  const Output texts = output(R"({"class_names":["no","yes"],"class_to_label":[0,1]})");
  EXPECT_EQ(texts.labels, (std::vector<std::string>{"no", "yes"}));
  EXPECT_EQ(texts.label_type, LabelType::kString);
  const Output whole = output(R"({"class_names":[-1,1],"class_label_type":"Integer"})");
  EXPECT_EQ(whole.labels, (std::vector<std::string>{"-1", "1"}));
  EXPECT_EQ(whole.label_type, LabelType::kInteger);
  const Output floats = output(R"({"class_names":[0.5,1],"class_label_type":"Float"})");
  EXPECT_EQ(floats.labels, (std::vector<std::string>{"0.5", "1.0"}));
  EXPECT_EQ(floats.label_type, LabelType::kFloat);
  const Output bools = output(R"({"class_names":[0,1],"class_label_type":"Boolean"})");
  EXPECT_EQ(bools.labels, (std::vector<std::string>{"False", "True"}));
  EXPECT_EQ(bools.label_type, LabelType::kBool);
  const Output numbers = output(R"({"class_names":[],"class_to_label":[3,7]})");
  EXPECT_EQ(numbers.labels, (std::vector<std::string>{"3", "7"}));
}

TEST(CatBoostLabels, OfClassesThatWereNotTrainedAreRefused) {
  ExpectRefusal(kUnsupported, "not in its training data", [](File& f) {
    f.more_info = R"(,"class_params":{"class_names":["a","b"],"class_to_label":[1,2]})";
  });
  ExpectRefusal(kUnsupported, "3 classes",
                [](File& f) { f.more_info = R"(,"class_params":{"class_names":["a","b","c"]})"; });
}

TEST(CatBoost, RefusesWhatItCannotHonour) {
  ExpectRefusal(kUnsupported, "\"RMSEWithUncertainty\"",
                [](File& f) { f.loss = R"({"type":"RMSEWithUncertainty"})"; });
  ExpectRefusal(kUnsupported, "which loss", [](File& f) { f.loss = "null"; });
  ExpectRefusal(kUnsupported, "0.3",
                [](File& f) { f.more_info = R"(,"binclass_probability_threshold":"0.3")"; });
  ExpectRefusal(kUnsupported, "categorical", [](File& f) {
    f.more_features = R"(,"categorical_features":[{"feature_index":0}])";
  });
  ExpectRefusal(kUnsupported, "text",
                [](File& f) { f.more_features = R"(,"text_features":[{}])"; });
  ExpectRefusal(kUnsupported, "\"OneHotFeature\"", [](File& f) {
    f.splits = R"({"split_type":"OneHotFeature","cat_feature_index":0,"value":1})";
    f.values = f.weights = "[1,2]";
  });
  ExpectRefusal(kUnsupported, "\"AsNone\"", [](File& f) {
    f.features = R"({"feature_index":0,"nan_value_treatment":"AsNone"})";
  });
}

TEST(CatBoost, ReadsTheLossInAnyForm) {
  for (const char* loss : {R"("Poisson")", R"("Poisson:a=1")", R"("{\"type\":\"Poisson\"}")"}) {
    EXPECT_EQ(Changed([&](File& f) { f.loss = loss; }).link.kind, LinkKind::kExp) << loss;
  }
}

TEST(CatBoost, RefusesDamagedTrees) {
  ExpectRefusal(kInvalid, "expected 4 leaves", [](File& f) { f.values = "[1,2,3,4,5]"; });
  ExpectRefusal(kInvalid, "leaf_weights", [](File& f) { f.weights = "[1]"; });
  ExpectRefusal(kInvalid, "have 0 numbers", [](File& f) { f.values = "[1,2,3]"; });
  ExpectRefusal(kInvalid, "float feature 5", [](File& f) {
    f.splits = R"({"split_type":"FloatFeature","float_feature_index":5,"border":1})";
    f.values = f.weights = "[1,2]";
  });
  ExpectRefusal(kInvalid, "border", [](File& f) {
    f.splits = R"({"split_type":"FloatFeature","float_feature_index":0})";
    f.values = f.weights = "[1,2]";
  });
  ExpectRefusal(kInvalid, "listed twice",
                [](File& f) { f.features = R"({"feature_index":0},{"feature_index":0})"; });
  ExpectRefusal(kInvalid, "a column number",
                [](File& f) { f.features = R"({"feature_index":1000000000})"; });
  ExpectRefusal(kInvalid, "biases", [](File& f) { f.scale = "[1,[0,1,2]]"; });
  ExpectRefusal(kInvalid, "two entries", [](File& f) { f.scale = "[1]"; });
}

TEST(CatBoost, RefusesDeepTrees) {
  std::string splits, comma;
  for (int i = 0; i < 17; ++i) {
    splits += comma + R"({"split_type":"FloatFeature","float_feature_index":0,"border":0.5})";
    comma = ",";
  }
  const auto imported = Import([&] {
    File file;
    file.splits = splits;
    file.values = "[1]";
    return file.Json();
  }());
  EXPECT_FALSE(imported.ok());
}

TEST(CatBoostNested, WalksLeftFirst) {
  const Imported imported = Changed([](File& f) {
    f.trees = R"([{"split":{"split_type":"FloatFeature","float_feature_index":0,"border":0.5},
        "left":{"value":1,"weight":2},"right":{"value":[3],"weight":4}}, {"value":5,"weight":6}])";
    f.loss = R"({"type":"RMSE"})";
  });
  EXPECT_EQ(imported.forest->tree_root, (std::vector<std::int32_t>{0, ~2}));
  EXPECT_EQ(At(imported.forest->leaf_cover, 1), 4);
}

TEST(CatBoostNested, RefusesDamagedTrees) {
  const auto trees = [](const char* json) {
    return [json](File& f) {
      f.trees = json;
      f.loss = R"({"type":"RMSE"})";
    };
  };
  ExpectRefusal(kInvalid, "missing", trees(R"([{"split":{},"left":{"value":1}}])"));
  ExpectRefusal(kInvalid, "expected", trees(R"([{}])"));
  ExpectRefusal(kInvalid, "leaf of 2 numbers", trees(R"([{"value":1},{"value":[1,2]}])"));
  ExpectRefusal(kInvalid, "list", trees("{}"));
  ExpectRefusal(kInvalid, "first tree", trees("[7]"));
}

TEST(CatBoost, AnyDamageEndsInASentence) {
  const std::string json = File().Json();
  for (std::size_t at = 0; at < json.size(); ++at) {
    for (const char c : {'"', '[', '}', '9', '-'}) {
      std::string damaged = json;
      damaged[at] = c;
      const auto imported = Import(damaged);
      if (imported.ok()) {
        const auto model = Finish(*imported, "");
        EXPECT_TRUE(model.ok() || !model.error().message.empty());
      } else {
        EXPECT_LE(imported.error().message.size(), text::kMessageBytesMax);
      }
    }
    EXPECT_FALSE(Import(json.substr(0, at)).ok()) << "cut after " << at;
  }
}

// Where the fuzzer starts from, and what it finds.
TEST(CatBoostCorpus, IsReplayed) {
  for (const char* name : {"nested.json", "symmetric.json"}) {
    const auto file =
        test::ReadFile(std::string(COPSE_SOURCE_DIR "/tests/import/corpus/catboost/") + name);
    ASSERT_TRUE(file.ok()) << name;
    const auto model = ImportModel(*file);
    EXPECT_TRUE(model.ok()) << name << ": " << model.error().message;
  }
}

}  // namespace
}  // namespace copse::importer
