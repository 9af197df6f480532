#include "v2_reply.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "compress.h"
#include "service_fixtures.h"

namespace copse {
namespace {

using nlohmann::json;

Result<std::vector<WantedOutput>> Wanted(const Model& model, InferRequest request) {
  Blame blame;
  return WantedOutputs(model, request, blame);
}

// A forest of two classes in one margin.
const Model& Coin() {
  static const Model model = test::MakeModel(test::Passing(
      1, "sigmoid",
      R"([{"name":"y","kind":"class","labels":["no","yes"],"label_type":"str","columns":[0,1]}])"));
  return model;
}

Reply Answer(const std::shared_ptr<const LoadedModel>& loaded, const std::vector<double>& rows,
             InferRequest request) {
  static RowPool pool(0);
  const auto wanted = Wanted(loaded->model, request);
  EXPECT_TRUE(wanted.ok()) << wanted.error().message;
  const Prediction prediction = PredictEverything(loaded->model, rows);
  return InferReply({.model = *loaded,
                     .id = request.id,
                     .wanted = *wanted,
                     .rows = rows,
                     .prediction = prediction},
                    pool);
}

InferRequest Asking(std::vector<InferOutput> outputs) {
  InferRequest request;
  request.outputs = std::move(outputs);
  return request;
}

const std::vector<double> kSetosa = {5.1, 3.5, 1.4, 0.2};

TEST(OutputsOf, AreThoseThatTheModelHas) {
  const auto names = [](const Model& model) {
    std::string text;
    for (const OutputSpec& spec : OutputsOf(model)) {
      text += std::string(spec.name) + ":" + std::string(DatatypeName(spec.datatype)) + ":" +
              std::to_string(spec.n_columns) + " ";
    }
    return text;
  };
  EXPECT_EQ(names(test::Iris()),
            "predict:INT64:1 predict_label:BYTES:1 predict_proba:FP64:3 margin:FP64:3 "
            "leaf:INT64:100 explain:FP64:15 ");
  EXPECT_EQ(names(test::Shirts()), "predict:FP64:3 margin:FP64:3 explain:FP64:12 ");
}

TEST(WantedOutputs, NamesThatAreNoneAreRefusedAndTheOthersSaid) {
  const auto wanted = Wanted(test::Shirts(), Asking({{"predict_proba", {}, {}}}));
  EXPECT_EQ(test::MessageOf(wanted),
            "this model has no output \"predict_proba\"; it has predict, margin, explain");
}

TEST(WantedOutputs, ClassificationsNeedClasses) {
  EXPECT_FALSE(Wanted(test::Shirts(), Asking({{"predict", {}, 1}})).ok());
  EXPECT_FALSE(Wanted(test::Iris(), Asking({{"leaf", {}, 1}})).ok());
  EXPECT_FALSE(Wanted(Coin(), Asking({{"margin", {}, 1}})).ok());
  const auto wanted = Wanted(test::Iris(), Asking({{"predict", {}, 50}}));
  ASSERT_TRUE(wanted.ok());
  EXPECT_EQ(wanted->front().n_classes, 3U);
}

TEST(InferReply, SaysWhatWasAskedInThatOrder) {
  InferRequest request = Asking({{"predict_label", {}, {}}, {"predict", {}, {}}});
  request.id = "7";
  const Reply reply = Answer(test::SharedIris(), kSetosa, request);
  EXPECT_EQ(reply.content_type, "application/json");
  EXPECT_EQ(reply.body,
            R"({"model_name":"iris","model_version":")" + test::IrisFile().version +
                R"(","id":"7","outputs":[{"name":"predict_label","shape":[1,1],"datatype":"BYTES",)"
                R"("data":["setosa"]},{"name":"predict","shape":[1,1],"datatype":"INT64",)"
                R"("data":[0]}]})");
}

TEST(InferReply, WithoutOutputsGivesPredictionAndProbabilities) {
  const json answer = json::parse(Answer(test::SharedIris(), kSetosa, {}).body);
  ASSERT_EQ(answer["outputs"].size(), 2U);
  EXPECT_EQ(answer["outputs"][0]["name"], "predict");
  EXPECT_EQ(answer["outputs"][1]["data"], json::array({1, 0, 0}));
  EXPECT_FALSE(answer.contains("id"));
  const json value =
      json::parse(Answer(test::Named("shirts", test::Shirts()), {1, 2, 3.5}, {}).body);
  ASSERT_EQ(value["outputs"].size(), 1U);
  EXPECT_EQ(value["outputs"][0]["data"], json::array({1, 2, 3.5}));
  EXPECT_EQ(value["outputs"][0]["shape"], json::array({1, 3}));
}

TEST(InferReply, NumbersThatAreNotFiniteAreNull) {
  const json answer =
      json::parse(Answer(test::Named("shirts", test::Shirts()), {std::nan(""), 0, 0}, {}).body);
  EXPECT_EQ(answer["outputs"][0]["data"], json::array({nullptr, nullptr, nullptr}));
}

TEST(InferReply, BinaryOutputsFollowTheJson) {
  InferRequest request =
      Asking({{"predict", true, {}}, {"predict_label", true, {}}, {"predict_proba", false, {}}});
  const Reply reply = Answer(test::SharedIris(), kSetosa, request);
  EXPECT_EQ(reply.content_type, "application/octet-stream");
  const std::size_t length = std::stoul(test::HeaderOf(reply, "Inference-Header-Content-Length"));
  const json answer = json::parse(reply.body.substr(0, length));
  EXPECT_EQ(answer["outputs"][0]["parameters"]["binary_data_size"], 8);
  EXPECT_FALSE(answer["outputs"][0].contains("data"));
  EXPECT_EQ(answer["outputs"][1]["parameters"]["binary_data_size"], 10);
  EXPECT_EQ(answer["outputs"][2]["data"], json::array({1, 0, 0}));
  EXPECT_EQ(reply.body.substr(length),
            std::string(8, '\0') + std::string("\x06\0\0\0", 4) + "setosa");
}

TEST(InferReply, NoRowsHaveNoBytes) {
  const Reply reply = Answer(test::SharedIris(), {}, Asking({{"predict", true, {}}}));
  EXPECT_EQ(reply.content_type, "application/json");
  EXPECT_EQ(json::parse(reply.body)["outputs"][0]["shape"], json::array({0, 1}));
  EXPECT_EQ(test::HeaderOf(reply, "Inference-Header-Content-Length"), "");
}

TEST(InferReply, ClassificationsNameTheBestClasses) {
  const json answer =
      json::parse(Answer(test::SharedIris(), kSetosa, Asking({{"predict_proba", {}, 2}})).body);
  EXPECT_EQ(answer["outputs"][0]["datatype"], "BYTES");
  EXPECT_EQ(answer["outputs"][0]["shape"], json::array({1, 2}));
  EXPECT_EQ(answer["outputs"][0]["data"], json::array({"1:0:setosa", "0:1:versicolor"}));
  const json coin =
      json::parse(Answer(test::Named("coin", Coin()), {-3}, Asking({{"predict", {}, 1}})).body);
  const std::string best = coin["outputs"][0]["data"][0];
  EXPECT_EQ(best.substr(best.find(':')), ":0:no");
}

TEST(BestClasses, OfEqualsTheDecidedOneIsFirst) {
  Output output;
  output.labels = {"a", "b", "c"};
  const std::vector<double> values = {0.25, 0.5, 0.5};
  EXPECT_EQ(BestClasses(output, values, 2, 2), (std::vector<std::string>{"0.5:2:c", "0.5:1:b"}));
  EXPECT_EQ(BestClasses(output, values, 1, 9),
            (std::vector<std::string>{"0.5:1:b", "0.5:2:c", "0.25:0:a"}));
}

TEST(CompressReply, CompressesWhatIsLargeForThoseWhoAsk) {
  const auto coding = [](std::string_view accept, std::size_t n_bytes) {
    Reply reply = JsonReply(std::string(n_bytes, 'x'));
    CompressReply(accept, reply);
    EXPECT_EQ(test::HeaderOf(reply, "Vary"), "Accept-Encoding");
    return test::HeaderOf(reply, "Content-Encoding");
  };
  EXPECT_EQ(coding("gzip, deflate", 5000), "gzip");
  EXPECT_EQ(coding("deflate", 5000), "deflate");
  EXPECT_EQ(coding("gzip;q=0, deflate", 5000), "deflate");
  EXPECT_EQ(coding("br", 5000), "");
  EXPECT_EQ(coding("", 5000), "");
  EXPECT_EQ(coding("gzip", 100), "");
}

}  // namespace
}  // namespace copse
