#include "v2_request.h"

#include <gtest/gtest.h>

#include "row_fixtures.h"

namespace copse {
namespace {

using Shape = std::vector<std::uint64_t>;

Result<InferRequest> Parse(std::string_view body,
                           std::optional<std::string_view> header_length = {}) {
  Blame blame;
  return ParseInferRequest(body, header_length, blame);
}

std::string Why(std::string_view body, std::optional<std::string_view> header_length = {}) {
  return test::MessageOf(Parse(body, header_length));
}

// A request with one input of those members.
std::string WithInput(const std::string& members) {
  return R"({"inputs":[{"name":"x",)" + members + "}]}";
}
std::string WithData(const std::string& shape, const std::string& data,
                     const std::string& datatype = "FP64") {
  return WithInput(R"("shape":)" + shape + R"(,"datatype":")" + datatype + R"(","data":)" + data);
}
// JSON with one binary input of that size, and its bytes.
std::string WithBytes(const std::string& shape, const std::string& size, const std::string& bytes,
                      const std::string& datatype, std::string& header_length) {
  const std::string json = WithInput(R"("shape":)" + shape + R"(,"datatype":")" + datatype +
                                     R"(","parameters":{"binary_data_size":)" + size + "}");
  header_length = std::to_string(json.size());
  return json + bytes;
}

::testing::AssertionResult Says(const std::string& why, const std::string& part) {
  if (why.find(part) != std::string::npos) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << why;
}

TEST(ParseInferRequest, ReadsEveryMember) {
  const auto request = Parse(
      R"({"id":"a\"b","parameters":{"timeout":5,"headers":{"a":[1]},"binary_data_output":true},
          "inputs":[{"name":"x","shape":[2,2],"datatype":"INT32","data":[1,2,3,4],
                     "parameters":{"content_type":"np"}}],
          "outputs":[{"name":"b","parameters":{"binary_data":false}},
                     {"name":"a","parameters":{"classification":3}},{"name":"c"}],
          "later":[[{}],{"inputs":[]}]})");
  ASSERT_TRUE(request.ok()) << request.error().message;
  EXPECT_EQ(request->id, "a\"b");
  EXPECT_TRUE(request->binary_outputs);
  ASSERT_EQ(request->inputs.size(), 1U);
  EXPECT_EQ(request->inputs[0].datatype, Datatype::kInt32);
  EXPECT_EQ(request->inputs[0].shape, (Shape{2, 2}));
  EXPECT_EQ(request->inputs[0].elements.size(), 4U);
  ASSERT_EQ(request->outputs.size(), 3U);
  EXPECT_EQ(request->outputs[0].name, "b");
  EXPECT_EQ(request->outputs[0].is_binary, false);
  EXPECT_EQ(request->outputs[1].n_classes, 3U);
  EXPECT_FALSE(request->outputs[2].is_binary);
}

// Encoders that sort members send the data before its type.
TEST(ParseInferRequest, MembersComeInAnyOrder) {
  EXPECT_TRUE(
      Parse(R"({"inputs":[{"data":[[1,2]],"datatype":"FP64","name":"x","shape":[1,2]}]})").ok());
}

TEST(ParseInferRequest, RefusesWhatIsMissing) {
  EXPECT_TRUE(Says(Why("{}"), "no inputs"));
  EXPECT_TRUE(Says(Why(R"({"inputs":[]})"), "inputs is empty"));
  EXPECT_TRUE(Says(Why(R"({"inputs":[{}]})"), "no name"));
  EXPECT_TRUE(Says(Why(WithInput(R"("shape":[1],"data":[1])")), "no datatype"));
  EXPECT_TRUE(Says(Why(WithInput(R"("datatype":"FP64","data":[1])")), "no shape"));
  EXPECT_TRUE(Says(Why(WithInput(R"("datatype":"FP64","shape":[1])")), "neither data nor"));
  EXPECT_TRUE(Says(Why(R"({"inputs":[{"name":"x","shape":[1],"datatype":"FP64","data":[1]}],
                           "outputs":[{}]})"),
                   "an output has no name"));
}

TEST(ParseInferRequest, RefusesOtherKindsOfValues) {
  for (const char* const body :
       {"",
        "1",
        "[]",
        "null",
        "\"x\"",
        R"({"inputs":{}})",
        R"({"inputs":1})",
        R"({"inputs":null})",
        R"({"inputs":[1]})",
        R"({"inputs":[[]]})",
        R"({"id":1,"inputs":[]})",
        R"({"id":null,"inputs":[]})",
        R"({"id":{},"inputs":[]})",
        R"({"parameters":[]})",
        R"({"parameters":1})",
        R"({"outputs":{}})",
        R"({"outputs":[1]})",
        R"({"inputs":[{"name":1}]})",
        R"({"inputs":[{"name":""}]})",
        R"({"inputs":[{"name":[]}]})",
        R"({"outputs":[{"name":"a","parameters":{"binary_data":1}}]})",
        R"({"outputs":[{"name":"a","parameters":{"classification":0}}]})",
        R"({"outputs":[{"name":"a","parameters":{"classification":-1}}]})",
        R"({"outputs":[{"name":"a","parameters":{"classification":1.5}}]})",
        R"({"outputs":[{"name":"a","parameters":{"classification":"2"}}]})",
        R"({"parameters":{"binary_data_output":"true"}})"}) {
    EXPECT_FALSE(Parse(body).ok()) << body;
  }
  EXPECT_TRUE(Says(Why(R"({"parameters":{"triton_enable":true}})"), "reserved"));
  EXPECT_TRUE(
      Says(Why(WithInput(R"("parameters":{"shared_memory_region":"r"})")), "no shared memory"));
}

TEST(ParseInferRequest, MembersThatCountComeOnce) {
  EXPECT_TRUE(Says(Why(R"({"id":"a","id":"b"})"), "given twice"));
  EXPECT_TRUE(Says(Why(WithInput(R"("data":[1],"data":[2])")), "given twice"));
  EXPECT_TRUE(Says(Why(WithInput(R"("name":"y")")), "given twice"));
  EXPECT_TRUE(Parse(R"({"x":1,"x":2,"inputs":[{"name":"x","shape":[0],"datatype":"FP64",
                        "data":[]}]})")
                  .ok());
}

TEST(ParseInferRequest, NamesComeOnce) {
  const std::string input = R"({"name":"x","shape":[1],"datatype":"FP64","data":[1]})";
  EXPECT_TRUE(Says(Why(R"({"inputs":[)" + input + "," + input + "]}"), "given twice"));
  EXPECT_TRUE(Says(Why(R"({"inputs":[)" + input + R"(],"outputs":[{"name":"a"},{"name":"a"}]})"),
                   "asked for twice"));
}

TEST(ParseInferRequest, ShapesAreWholeNumbersFromZero) {
  for (const char* const shape : {"[-1]", "[1.0]", "[1e2]", "[\"1\"]", "[null]", "[true]", "[[1]]",
                                  "1", "{}", "null", "[18446744073709551616]"}) {
    EXPECT_FALSE(Parse(WithData(shape, "[1]")).ok()) << shape;
  }
  EXPECT_TRUE(Says(Why(WithData("[16,1152921504606846978]", "[1]")), "64 bits"));
  EXPECT_TRUE(Says(Why(WithData("[4611686018427387904]", "[1]")), "64 bits"));
  EXPECT_TRUE(Says(Why(WithData("[2,4]", "[1,2,3]")), "data has 3 elements; shape [2,4] has 8"));
}

TEST(ParseInferRequest, DatatypesAreKnownByTheirExactNames) {
  for (const char* const datatype : {"fp64", "FP128", "BF16", "STRING", ""}) {
    EXPECT_TRUE(Says(Why(WithData("[1]", "[1]", datatype)), "was expected")) << datatype;
  }
  EXPECT_FALSE(Parse(WithInput(R"("shape":[1],"datatype":7,"data":[1])")).ok());
  EXPECT_TRUE(Says(Why(WithData("[1]", "[1]", "FP16")), "FP16 cannot be sent as JSON"));
}

TEST(ParseInferRequest, DataIsFlatOrNestedAsTheShapeSays) {
  EXPECT_TRUE(Parse(WithData("[2,3]", "[1,2,3,4,5,6]")).ok());
  EXPECT_TRUE(Parse(WithData("[2,3]", "[[1,2,3],[4,5,6]]")).ok());
  EXPECT_TRUE(Parse(WithData("[3]", "[[1,2,3]]")).ok());
  EXPECT_TRUE(Parse(WithData("[1,3]", "[[[1],[2],[3]]]")).ok());
  EXPECT_TRUE(Parse(WithData("[0,3]", "[]")).ok());
  EXPECT_TRUE(Parse(WithData("[0]", "[]")).ok());
  for (const char* const data :
       {"[[1,2],[3,4],[5,6]]", "[[1,2],[3,4,5,6]]", "[1,2,[3,4,5,6]]", "[[1,2,3],4,5,6]",
        "[[1,2,3],[[4,5,6]]]", "[[1,2,3],[4,5,6],[]]"}) {
    EXPECT_TRUE(Says(Why(WithData("[2,3]", data)), "nested in another way")) << data;
  }
  EXPECT_FALSE(Parse(WithData("[1]", "7")).ok());
  EXPECT_FALSE(Parse(WithData("[1]", R"([{"a":1}])")).ok());
}

TEST(ParseInferRequest, NestingIsLimited) {
  const auto nested = [](std::size_t depth) {
    return WithData("[1]", std::string(depth, '[') + "1" + std::string(depth, ']'));
  };
  EXPECT_TRUE(Parse(nested(kInferNestingMax - 3)).ok());
  EXPECT_TRUE(Says(Why(nested(kInferNestingMax)), "nested deeper"));
  EXPECT_TRUE(Says(Why(R"({"x":)" + std::string(200000, '[')), "nested deeper"));
}

TEST(ParseInferRequest, ListsAreLimited) {
  const auto many = [](const std::string& member, std::size_t n) {
    std::string text;
    for (std::size_t i = 0; i < n; ++i) text += (i == 0 ? "" : ",") + member;
    return text;
  };
  EXPECT_TRUE(Says(Why(R"({"inputs":[)" + many("{}", 65537) + "]}"), "more than 65536 inputs"));
  EXPECT_TRUE(Says(Why(R"({"outputs":[)" + many("{}", 65) + "]}"), "more than 64 outputs"));
  EXPECT_TRUE(Says(Why(WithData("[" + many("1", 65) + "]", "[1]")), "more than 64 dimensions"));
  EXPECT_TRUE(Parse(WithData("[" + many("1", 64) + "]", "[1]")).ok());
}

TEST(ParseInferRequest, WhatIsNoJsonSaysWhere) {
  EXPECT_TRUE(Says(Why(WithData("[1]", "[NaN]")), "JSON writes a missing value as null"));
  EXPECT_TRUE(Says(Why(WithData("[1]", "[Infinity]")), "null"));
  EXPECT_TRUE(Says(Why(WithData("[1]", "[1e999]")), "too large for a number"));
  EXPECT_TRUE(Says(Why("{\"inputs\":"), "not JSON at byte"));
}

TEST(ParseInferRequest, BinaryInputsFollowTheJson) {
  std::string length;
  const std::string body = WithBytes("[1,2]", "8", "abcdefgh", "FP32", length);
  const auto request = Parse(body, length);
  ASSERT_TRUE(request.ok()) << request.error().message;
  EXPECT_TRUE(request->inputs[0].is_binary);
  EXPECT_EQ(request->inputs[0].bytes, "abcdefgh");
  EXPECT_TRUE(Says(Why(body), "not JSON"));
  EXPECT_TRUE(Says(Why(body.substr(0, std::stoul(length))), "Inference-Header-Content-Length"));
}

TEST(ParseInferRequest, BinarySizesMustFit) {
  std::string length;
  const auto why = [&](const std::string& shape, const std::string& size, const std::string& bytes,
                       const std::string& datatype) {
    const std::string body = WithBytes(shape, size, bytes, datatype, length);
    return Why(body, length);
  };
  EXPECT_TRUE(Says(why("[1,2]", "8", "abc", "FP32"), "unexpected size"));
  EXPECT_TRUE(Says(why("[1,2]", "7", "abcdefg", "FP32"), "unexpected size"));
  EXPECT_TRUE(Says(why("[1,2]", "8", "abcdefghi", "FP32"), "unexpected additional input data"));
  EXPECT_TRUE(Says(why("[1,2]", "-8", "abcdefgh", "FP32"), "a number of bytes was expected"));
  EXPECT_TRUE(Says(why("[1,2]", "8.0", "abcdefgh", "FP32"), "a number of bytes was expected"));
  EXPECT_TRUE(Says(why("[1,2]", "\"8\"", "abcdefgh", "FP32"), "a number of bytes was expected"));
  EXPECT_TRUE(Says(why("[16,1152921504606846978]", "128", "", "FP32"), "64 bits"));
  EXPECT_TRUE(Says(why("[1]", "18446744073709551615", "abcd", "BYTES"), "unexpected size"));
  EXPECT_TRUE(Says(Why(WithInput(R"("shape":[1],"datatype":"FP64","data":[1],
                                    "parameters":{"binary_data_size":8})")),
                   "both data and binary_data_size"));
  EXPECT_EQ(why("[0,4]", "0", "", "FP64"), "(accepted)");
}

TEST(ParseInferRequest, BytesThatNoInputWantsAreRefused) {
  const std::string json = WithData("[1]", "[1]");
  EXPECT_TRUE(Says(Why(json + "x", std::to_string(json.size())), "unexpected additional"));
  EXPECT_EQ(Why(json, std::to_string(json.size())), "(accepted)");
}

TEST(ParseHeaderLength, IsANumberOfBytesOfTheBody) {
  EXPECT_EQ(*ParseHeaderLength("10", 10), 10U);
  EXPECT_EQ(*ParseHeaderLength("0", 10), 0U);
  for (const char* const field : {"", "-1", "+1", "1x", "0x1", " 1", "1.0", "abc", "11",
                                  "2147483648", "99999999999999999999999"}) {
    EXPECT_FALSE(ParseHeaderLength(field, 10).ok()) << field;
  }
  EXPECT_FALSE(ParseHeaderLength("2147483648", std::size_t{1} << 40).ok());
}

}  // namespace
}  // namespace copse
