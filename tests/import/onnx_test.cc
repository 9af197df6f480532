#include "onnx/onnx.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "copse/import.h"
#include "imported.h"
#include "onnx/proto.h"
#include "onnx/wire.h"
#include "sources.h"

// The wire reader, and what the fixtures cannot say: refusals, warnings, metadata. Files are made
// here, message by message.
namespace copse::importer {
namespace {

using onnx::Field;
using onnx::Wire;

using Names = std::vector<std::string>;
using Ints = std::vector<std::int64_t>;
using Floats = std::vector<float>;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

Bytes BytesOf(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// ---- protocol buffers

std::string Varint(std::uint64_t number) {
  std::string bytes;
  for (; number > 127; number >>= 7) bytes += static_cast<char>(number % 128 + 128);
  return bytes + static_cast<char>(number);
}

std::string Whole(int field, std::int64_t number) {
  return Varint(static_cast<std::uint64_t>(field) * 8) + Varint(static_cast<std::uint64_t>(number));
}

std::string Part(int field, const std::string& bytes) {
  return Varint(static_cast<std::uint64_t>(field) * 8 + 2) + Varint(bytes.size()) + bytes;
}

std::string FloatBytes(float x) {
  std::string bytes(sizeof x, '\0');
  std::memcpy(bytes.data(), &x, sizeof x);
  return bytes;
}

std::string Attribute(const std::string& name, const std::string& value) {
  return Part(5, Part(1, name) + value);
}
std::string Attribute(const std::string& name, const char* text) {
  return Attribute(name, Part(4, text));
}
std::string Attribute(const std::string& name, std::int64_t number) {
  return Attribute(name, Whole(3, number));
}
std::string Attribute(const std::string& name, float number) {
  return Attribute(name, std::string("\x15") + FloatBytes(number));
}
std::string Attribute(const std::string& name, const Ints& list) {
  std::string value;
  for (const std::int64_t x : list) value += Whole(8, x);
  return Attribute(name, value);
}
std::string Attribute(const std::string& name, const Floats& list) {
  std::string value;
  for (const float x : list) value += "\x3d" + FloatBytes(x);
  return Attribute(name, value);
}
std::string Attribute(const std::string& name, const Names& list) {
  std::string value;
  for (const std::string& x : list) value += Part(9, x);
  return Attribute(name, value);
}

std::string TensorBody(int type, const Ints& dims, const std::string& data) {
  std::string body;
  for (const std::int64_t dim : dims) body += Whole(1, dim);
  return body + Whole(2, type) + data;
}

std::string FloatTensor(const Floats& values) {
  std::string raw;
  for (const float x : values) raw += FloatBytes(x);
  return TensorBody(1, {static_cast<std::int64_t>(values.size())}, Part(9, raw));
}

std::string IntTensor(const Ints& values, int type = 7) {
  std::string packed;
  for (const std::int64_t x : values) packed += Varint(static_cast<std::uint64_t>(x));
  return TensorBody(type, {static_cast<std::int64_t>(values.size())},
                    Part(type == 7 ? 7 : 5, packed));
}

std::string NodeOf(const std::string& op, const Names& inputs, const Names& outputs,
                   const std::string& attributes = "", const std::string& domain = "") {
  std::string body;
  for (const std::string& name : inputs) body += Part(1, name);
  for (const std::string& name : outputs) body += Part(2, name);
  return body + Part(4, op) + attributes + (domain.empty() ? "" : Part(7, domain));
}

std::string MlNode(const std::string& op, const Names& inputs, const Names& outputs,
                   const std::string& attributes = "") {
  return NodeOf(op, inputs, outputs, attributes, "ai.onnx.ml");
}

std::string ValueOf(const std::string& name, int type, const Ints& dims) {
  std::string shape;
  for (const std::int64_t dim : dims) shape += Part(1, dim < 0 ? "" : Whole(1, dim));
  return Part(1, name) + Part(2, Part(1, Whole(1, type) + Part(2, shape)));
}

/// A model file; by default rows of two floats, and the outputs that a classifier has.
struct File {
  std::vector<std::string> nodes;
  std::vector<std::string> constants;
  std::vector<std::string> inputs = {ValueOf("X", 1, {-1, 2})};
  Names outputs = {"L", "S"};
  std::int64_t ml_opset = 3;

  std::string Data() const {
    std::string graph;
    for (const std::string& node : nodes) graph += Part(1, node);
    for (const std::string& constant : constants) graph += Part(5, constant);
    for (const std::string& input : inputs) graph += Part(11, input);
    for (const std::string& output : outputs) graph += Part(12, Part(1, output));
    return Whole(1, 8) + Part(2, "skl2onnx") + Part(3, "1.17.0") + Part(7, graph) +
           Part(8, Part(1, "") + Whole(2, 15)) +
           Part(8, Part(1, "ai.onnx.ml") + Whole(2, ml_opset));
  }
};

/// A stump x0 <= 0.5, whose lists can be replaced.
struct Stump {
  Ints tree_ids = {0, 0, 0}, node_ids = {0, 1, 2}, features = {0, 0, 0};
  Names modes = {"BRANCH_LEQ", "LEAF", "LEAF"};
  Floats values = {0.5F, 0, 0};
  Ints if_true = {1, 0, 0}, if_false = {2, 0, 0}, tracks = {0, 0, 0};
  Ints weight_trees = {0, 0}, weight_nodes = {1, 2}, targets = {0, 0};
  Floats weights = {-1, 2};
  Floats base;
  std::string post = "NONE";
  Ints labels = {0, 1};
  std::string more;

  std::string Attributes(const std::string& kind) const {
    return Attribute("nodes_treeids", tree_ids) + Attribute("nodes_nodeids", node_ids) +
           Attribute("nodes_featureids", features) + Attribute("nodes_modes", modes) +
           Attribute("nodes_values", values) + Attribute("nodes_truenodeids", if_true) +
           Attribute("nodes_falsenodeids", if_false) +
           Attribute("nodes_missing_value_tracks_true", tracks) +
           Attribute(kind + "_treeids", weight_trees) + Attribute(kind + "_nodeids", weight_nodes) +
           Attribute(kind + "_ids", targets) + Attribute(kind + "_weights", weights) +
           Attribute("base_values", base) + Attribute("post_transform", post.c_str()) + more;
  }
  std::string Classifier(const std::string& input = "X") const {
    return MlNode("TreeEnsembleClassifier", {input}, {"L", "S"},
                  Attributes("class") + Attribute("classlabels_int64s", labels));
  }
  std::string Regressor(const std::string& input = "X", const std::string& output = "S",
                        std::int64_t n_targets = 1) const {
    return MlNode("TreeEnsembleRegressor", {input}, {output},
                  Attributes("target") + Attribute("n_targets", n_targets));
  }
};

/// TreeEnsemble 5 of one node on x0 with two leaves.
struct Linked {
  std::int64_t mode = 0;
  Floats splits = {0.5F}, members, weights = {1, 2};
  Ints roots = {0}, if_true = {0}, if_false = {1}, leafs = {1}, targets = {0, 0};
  std::int64_t post = 0, n_targets = 1;

  std::string Node() const {
    const auto tensor = [](const std::string& body) { return Part(5, body); };
    return MlNode(
        "TreeEnsemble", {"X"}, {"S"},
        Attribute("nodes_modes", tensor(IntTensor({mode}, 2))) +
            Attribute("nodes_splits", tensor(FloatTensor(splits))) +
            Attribute("nodes_featureids", Ints{0}) + Attribute("nodes_truenodeids", if_true) +
            Attribute("nodes_falsenodeids", if_false) + Attribute("nodes_trueleafs", leafs) +
            Attribute("nodes_falseleafs", Ints{1}) + Attribute("tree_roots", roots) +
            Attribute("leaf_targetids", targets) +
            Attribute("leaf_weights", tensor(FloatTensor(weights))) +
            (members.empty() ? "" : Attribute("membership_values", tensor(FloatTensor(members)))) +
            Attribute("n_targets", n_targets) + Attribute("post_transform", post));
  }
};

Result<Imported> Import(const File& file) { return ImportOnnx(BytesOf(file.Data()), {}); }

Error RefusalOf(const File& file) {
  const auto imported = Import(file);
  EXPECT_FALSE(imported.ok());
  return imported.ok() ? Error{} : imported.error();
}

// Refusals of a graph of one node, a classifier or a regressor.
template <class Change>
Error ClassifierRefusal(Change change) {
  Stump stump;
  change(stump);
  File file;
  file.nodes = {stump.Classifier()};
  return RefusalOf(file);
}

template <class Change>
Error RegressorRefusal(Change change, std::int64_t n_targets = 1) {
  Stump stump;
  change(stump);
  File file;
  file.outputs = {"S"};
  file.nodes = {stump.Regressor("X", "S", n_targets)};
  return RefusalOf(file);
}

template <class Change>
Error LinkedRefusal(Change change) {
  Linked linked;
  change(linked);
  File file;
  file.ml_opset = 5;
  file.outputs = {"S"};
  file.nodes = {linked.Node()};
  return RefusalOf(file);
}

// Refusals of a stump behind the nodes, reading T.
Error FrontRefusal(std::vector<std::string> nodes, std::vector<std::string> constants = {}) {
  File file;
  file.nodes = std::move(nodes);
  file.nodes.push_back(Stump().Classifier("T"));
  file.constants = std::move(constants);
  return RefusalOf(file);
}

// Refusals of nodes behind a classifier, making the output Z.
Error BackRefusal(std::vector<std::string> nodes, std::vector<std::string> constants = {}) {
  File file;
  file.nodes = std::move(nodes);
  file.nodes.insert(file.nodes.begin(), Stump().Classifier());
  file.constants = std::move(constants);
  file.outputs = {"Z"};
  return RefusalOf(file);
}

void ExpectUnsupported(const Error& error, std::string_view part) {
  EXPECT_EQ(error.code, ErrorCode::kUnsupportedModel) << error.message;
  EXPECT_NE(error.message.find(part), std::string::npos) << error.message;
}

void ExpectInvalid(const Error& error, std::string_view part) {
  EXPECT_EQ(error.code, ErrorCode::kInvalidModel) << error.message;
  EXPECT_NE(error.message.find(part), std::string::npos) << error.message;
}

// ---- wire

TEST(OnnxWire, FieldsOfEveryType) {
  const std::string data =
      Whole(1, -1) + Part(2, "ab") + "\x1d" + FloatBytes(1.5F) + "\x21" + std::string(8, '\x01');
  Wire wire(BytesOf(data));
  Field field;
  ASSERT_TRUE(wire.Next(field));
  EXPECT_TRUE(field.Is(1, Field::kVarint));
  EXPECT_EQ(field.value, ~std::uint64_t{0});
  ASSERT_TRUE(wire.Next(field));
  EXPECT_EQ(field.text(), "ab");
  ASSERT_TRUE(wire.Next(field));
  EXPECT_EQ(onnx::FloatOf(static_cast<std::uint32_t>(field.value)), 1.5);
  ASSERT_TRUE(wire.Next(field));
  EXPECT_EQ(field.value, 0x0101010101010101U);
  EXPECT_FALSE(wire.Next(field));
  EXPECT_FALSE(wire.is_damaged());
}

TEST(OnnxWire, DamageEndsTheMessage) {
  const std::string bad[] = {
      std::string("\x08") + std::string(10, '\x80') + '\x01',  // a varint of eleven bytes
      std::string("\x08\x80", 2),                              // one that is cut off
      std::string("\x12\x05") + "abcd",                        // a length past the end
      std::string("\x12") + std::string(9, '\xff') + '\x01',   // 2^64 - 1 bytes
      std::string("\x0b\x0c"),                                 // a group
      std::string("\x0e\x01"),                                 // type 6
      std::string("\x02\x00", 2),                              // field 0
      std::string("\x0d\x01\x02\x03"),                         // three bytes of a float
      std::string("\x09") + "1234567",                         // seven of a double
  };
  for (const std::string& data : bad) {
    Wire wire(BytesOf(data));
    Field field;
    EXPECT_FALSE(wire.Next(field)) << ::testing::PrintToString(data);
    EXPECT_TRUE(wire.is_damaged()) << ::testing::PrintToString(data);
    EXPECT_FALSE(wire.Next(field));
  }
}

TEST(OnnxWire, NumbersPackedAndOneByOne) {
  const std::string packed = Varint(300) + Varint(static_cast<std::uint64_t>(std::int64_t{-5}));
  std::vector<std::int64_t> ints;
  ASSERT_TRUE(
      onnx::ReadInts(BytesOf(Whole(3, 7) + Part(3, packed) + Whole(4, 1) + Whole(3, 9)), 3, ints));
  EXPECT_EQ(ints, (Ints{7, 300, -5, 9}));
  std::vector<double> floats;
  const std::string run = FloatBytes(0.5F) + FloatBytes(-2);
  ASSERT_TRUE(onnx::ReadFloats(BytesOf(Part(4, run) + "\x25" + FloatBytes(8)), 4, floats));
  EXPECT_EQ(floats, (std::vector<double>{0.5, -2, 8}));
}

TEST(OnnxWire, PackedRunsThatAreCutOff) {
  std::vector<std::int64_t> ints;
  std::vector<double> floats;
  EXPECT_FALSE(onnx::ReadInts(BytesOf(Part(3, "\x01\x80")), 3, ints));
  EXPECT_FALSE(onnx::ReadInts(BytesOf(Part(3, std::string(11, '\xff') + '\x01')), 3, ints));
  EXPECT_FALSE(onnx::ReadFloats(BytesOf(Part(4, "12345")), 4, floats));
  EXPECT_FALSE(onnx::ReadDoubles(BytesOf(Part(4, "12345")), 4, floats));
}

// ---- tensors

TEST(OnnxTensor, ElementsOfEveryField) {
  const auto ints = [](const std::string& body) {
    const auto tensor = onnx::ReadTensor(BytesOf(body));
    return *onnx::IntsOf(*tensor, "it");
  };
  EXPECT_EQ(ints(IntTensor({-1, 500})), (Ints{-1, 500}));
  EXPECT_EQ(ints(TensorBody(6, {2}, Part(9, std::string("\xff\xff\xff\xff\x02\0\0\0", 8)))),
            (Ints{-1, 2}));
  EXPECT_EQ(ints(TensorBody(2, {1, 2}, Part(9, "\xff\x01"))), (Ints{255, 1}));
  EXPECT_EQ(ints(TensorBody(3, {1}, Part(9, "\xff"))), (Ints{-1}));
  EXPECT_EQ(ints(TensorBody(7, {}, Whole(7, 4))), (Ints{4}));
}

TEST(OnnxTensor, ShapeAndDataMustAgree) {
  const auto refusal = [](const std::string& body) {
    const auto tensor = onnx::ReadTensor(BytesOf(body));
    if (!tensor.ok()) return tensor.error();
    const auto numbers = onnx::NumbersOf(*tensor, "it");
    return numbers.ok() ? Error{} : numbers.error();
  };
  ExpectInvalid(refusal(TensorBody(1, {3}, Part(9, "12345678"))), "3 elements");
  ExpectInvalid(refusal(TensorBody(1, {1}, Part(4, "12345678"))), "1 elements");
  ExpectInvalid(refusal(TensorBody(1, {-1}, "")), "dimension -1");
  const std::int64_t large = 1 << 30;
  ExpectInvalid(refusal(TensorBody(1, {large, large, large}, "")), "elements");
  ExpectInvalid(refusal(TensorBody(8, {1}, Part(6, "text"))), "whole numbers");
  ExpectUnsupported(refusal(TensorBody(1, {1}, Whole(14, 1))), "another file");
}

// ---- detection

TEST(OnnxDetection, KnowsItsOwn) {
  File file;
  file.nodes = {Stump().Classifier()};
  const std::string data = file.Data();
  EXPECT_EQ(SourceKindOf(BytesOf(data)), SourceKind::kOnnx);
  EXPECT_EQ(SourceKindOf(BytesOf(data.substr(0, data.size() / 2))), SourceKind::kOnnx) << "cut off";
}

TEST(OnnxDetection, ClaimsNoOthers) {
  const std::string others[] = {"",
                                "{\"learner\":{}}",
                                "tree\nversion=v4\n",
                                std::string("\x80\x04\x95\x10\0\0\0\0\0\0\0.", 12),
                                std::string("\x40\0\0\0\0\0\0\0{", 9),
                                "x\x9c some zlib",
                                std::string("\x08\x07", 2),
                                "\x08\x07\x12\x03",
                                "\x12\x05hello: no version\x3a\x01x",
                                std::string("\x08\0\x3a\x01x", 5)};
  for (const std::string& data : others) {
    EXPECT_FALSE(LooksLikeOnnx(BytesOf(data))) << ::testing::PrintToString(data);
  }
}

// ---- what a model says of itself

TEST(Onnx, SourceFeaturesAndLabels) {
  Stump stump;
  stump.labels = {-3, 12};
  File file;
  file.nodes = {stump.Classifier()};
  const auto imported = Import(file);
  ASSERT_TRUE(imported.ok()) << imported.error().message;
  EXPECT_EQ(imported->source.kind, "ONNX");
  EXPECT_EQ(imported->source.version, "1.17.0");
  EXPECT_EQ(imported->source.estimator, "TreeEnsembleClassifier");
  ASSERT_EQ(imported->source.options.size(), 3u);
  EXPECT_EQ(imported->source.options[0].second, "\"skl2onnx\"");
  ASSERT_EQ(imported->features.size(), 2u);
  EXPECT_EQ(imported->features[1].name, "x1");
  ASSERT_EQ(imported->outputs.size(), 1u);
  EXPECT_EQ(imported->outputs[0].labels, (Names{"-3", "12"}));
  EXPECT_EQ(imported->outputs[0].label_type, LabelType::kInteger);
  EXPECT_TRUE(imported->missing_allowed);
  EXPECT_EQ(imported->infinite_allowed, true);
  EXPECT_TRUE(imported->warnings.empty());
}

TEST(Onnx, InputsNameTheColumns) {
  File file;
  file.inputs = {ValueOf("age", 1, {-1, 1}), ValueOf("size", 1, {-1, 2})};
  file.nodes = {NodeOf("Concat", {"age", "size"}, {"T"}, Attribute("axis", std::int64_t{1})),
                Stump().Classifier("T")};
  const auto imported = Import(file);
  ASSERT_TRUE(imported.ok()) << imported.error().message;
  ASSERT_EQ(imported->features.size(), 3u);
  EXPECT_EQ(imported->features[0].name, "age");
  EXPECT_EQ(imported->features[2].name, "size_1");
}

TEST(Onnx, AnUnknownWidthIsWhatTheNodesNeed) {
  File file;
  file.inputs = {ValueOf("X", 1, {-1, -1})};
  Stump stump;
  stump.features = {4, 0, 0};
  file.nodes = {stump.Classifier()};
  const auto imported = Import(file);
  ASSERT_TRUE(imported.ok()) << imported.error().message;
  EXPECT_EQ(imported->features.size(), 5u);
  ASSERT_EQ(imported->warnings.size(), 1u);
}

TEST(Onnx, WholeNumbersAreNeverMissing) {
  File file;
  file.inputs = {ValueOf("X", 7, {-1, 2})};
  file.nodes = {Stump().Classifier()};
  const auto imported = Import(file);
  ASSERT_TRUE(imported.ok()) << imported.error().message;
  EXPECT_FALSE(imported->missing_allowed);
}

TEST(Onnx, NodesThatNoOutputNeedsMayBeAnything) {
  File file;
  file.nodes = {Stump().Classifier(), NodeOf("Log", {"S"}, {"unused"})};
  EXPECT_TRUE(Import(file).ok());
}

TEST(Onnx, ChoicesThatMatterAreSaid) {
  Stump stump;
  stump.weights = {1, 2};
  stump.post = "LOGISTIC";
  File file;
  file.nodes = {stump.Classifier()};
  const auto classes = Import(file);
  ASSERT_TRUE(classes.ok()) << classes.error().message;
  EXPECT_EQ(classes->warnings.size(), 1u);
  file.outputs = {"S"};
  file.nodes = {stump.Regressor()};
  const auto targets = Import(file);
  ASSERT_TRUE(targets.ok()) << targets.error().message;
  EXPECT_EQ(targets->warnings.size(), 1u);
}

TEST(Onnx, LabelsBehindTheTreesAreFollowed) {
  File file;
  file.outputs = {"Z", "S"};
  file.nodes = {Stump().Classifier(), MlNode("LabelEncoder", {"L"}, {"Z"},
                                             Attribute("keys_int64s", Ints{1, 0}) +
                                                 Attribute("values_strings", Names{"yes", "no"}))};
  const auto imported = Import(file);
  ASSERT_TRUE(imported.ok()) << imported.error().message;
  EXPECT_EQ(imported->outputs[0].labels, (Names{"no", "yes"}));
  EXPECT_EQ(imported->outputs[0].label_type, LabelType::kString);
}

// ---- refusals of ensembles

TEST(OnnxRefusals, ListsThatDoNotAgree) {
  ExpectInvalid(ClassifierRefusal([](Stump& s) { s.values.pop_back(); }), "nodes_values");
  ExpectInvalid(ClassifierRefusal([](Stump& s) { s.features.push_back(0); }), "nodes_featureids");
  ExpectInvalid(ClassifierRefusal([](Stump& s) { s.if_true.clear(); }), "nodes_truenodeids");
  ExpectInvalid(ClassifierRefusal([](Stump& s) { s.targets.pop_back(); }), "class_ids");
  ExpectInvalid(ClassifierRefusal([](Stump& s) { s.modes.clear(); }), "no nodes");
  ExpectInvalid(ClassifierRefusal([](Stump& s) { s.targets = {0, 2}; }), "target 2");
  ExpectInvalid(ClassifierRefusal([](Stump& s) { s.targets = {0, -1}; }), "is -1");
  ExpectInvalid(ClassifierRefusal([](Stump& s) { s.weight_nodes = {1, 7}; }), "no such node");
  ExpectInvalid(ClassifierRefusal([](Stump& s) { s.weight_trees = {0, 3}; }), "no such node");
  ExpectInvalid(ClassifierRefusal([](Stump& s) { s.labels.clear(); }), "no class labels");
  ExpectInvalid(RegressorRefusal([](Stump&) {}, 0), "no targets");
  ExpectInvalid(RegressorRefusal([](Stump&) {}, -1), "-1 targets");
}

TEST(OnnxRefusals, TreesThatAreNone) {
  ExpectInvalid(ClassifierRefusal([](Stump& s) { s.if_true = {0, 0, 0}; }), "reached twice");
  ExpectInvalid(ClassifierRefusal([](Stump& s) { s.if_true = {2, 0, 0}; }), "reached twice");
  ExpectInvalid(ClassifierRefusal([](Stump& s) { s.if_false = {9, 0, 0}; }), "no such node");
  ExpectInvalid(ClassifierRefusal([](Stump& s) { s.node_ids = {0, 1, 1}; }), "twice");
  ExpectInvalid(ClassifierRefusal([](Stump& s) { s.features = {2, 0, 0}; }), "feature 2");
  ExpectInvalid(ClassifierRefusal([](Stump& s) { s.features = {-1, 0, 0}; }), "feature -1");
  ExpectUnsupported(ClassifierRefusal([](Stump& s) { s.tree_ids = {0, 1, 0}; }), "stand together");
  ExpectUnsupported(ClassifierRefusal([](Stump& s) { s.modes[0] = "BRANCH"; }), "\"BRANCH\"");
  ExpectUnsupported(ClassifierRefusal([](Stump& s) { s.values[0] = kNan; }), "NaN");
  ExpectUnsupported(ClassifierRefusal([](Stump& s) { s.weights[0] = kNan; }), "weight");
}

TEST(OnnxRefusals, AnEqualChainThatIsACycle) {
  const auto error = ClassifierRefusal([](Stump& s) {
    s.modes = {"BRANCH_EQ", "BRANCH_EQ", "LEAF"};
    s.if_true = {2, 2, 0};
    s.if_false = {1, 0, 0};
    s.weight_nodes = {2, 2};
  });
  ExpectInvalid(error, "reached twice");
}

TEST(OnnxRefusals, WhatEnginesAnswerDifferently) {
  ExpectUnsupported(ClassifierRefusal([](Stump& s) { s.labels = {4}; }), "one class label");
  ExpectUnsupported(ClassifierRefusal([](Stump& s) { s.base = {0.5F, 0.25F}; }), "two base values");
  ExpectUnsupported(ClassifierRefusal([](Stump& s) { s.targets = {0, 1}; }), "both of two");
  ExpectUnsupported(ClassifierRefusal([](Stump& s) {
                      s.targets = {1, 1};
                      s.weights = {1, 2};
                    }),
                    "second class");
  ExpectUnsupported(ClassifierRefusal([](Stump& s) { s.labels = {1, 2, 3}; }), "negative weights");
  ExpectUnsupported(ClassifierRefusal([](Stump& s) { s.post = "PROBIT"; }), "PROBIT");
  ExpectUnsupported(ClassifierRefusal([](Stump& s) { s.post = "CAUCHIT"; }), "CAUCHIT");
  ExpectInvalid(ClassifierRefusal([](Stump& s) {
                  s.labels = {1, 2, 3};
                  s.base = {1, 2};
                }),
                "2 base values for 3");
  ExpectUnsupported(RegressorRefusal(
                        [](Stump& s) {
                          s.targets = {0, 1};
                          s.base = {1, 2};
                        },
                        2),
                    "base value");
  ExpectUnsupported(RegressorRefusal([](Stump& s) { s.post = "SOFTMAX"; }, 2), "post_transform");
  ExpectUnsupported(RegressorRefusal(
                        [](Stump& s) {
                          s.targets = {0, 1};
                          s.more = Attribute("aggregate_function", "MIN");
                        },
                        2),
                    "takes the min");
  ExpectUnsupported(RegressorRefusal([](Stump& s) {
                      s.weight_nodes = {1, 1};
                      s.values = {0.5F, 0, 3};
                    }),
                    "without a weight");
  ExpectUnsupported(
      RegressorRefusal([](Stump& s) { s.more = Attribute("aggregate_function", "MEDIAN"); }),
      "MEDIAN");
}

TEST(OnnxRefusals, DoubleTensorsOfFloatInputs) {
  const auto error = ClassifierRefusal([](Stump& s) {
    s.values.clear();
    s.more = Attribute("nodes_values_as_tensor",
                       Part(5, TensorBody(11, {3}, Part(9, std::string(24, '\0')))));
  });
  ExpectUnsupported(error, "nodes_values_as_tensor");
}

TEST(OnnxRefusals, LinkedNodes) {
  ExpectInvalid(LinkedRefusal([](Linked& l) { l.leafs = {0}; }), "reached twice");
  ExpectInvalid(LinkedRefusal([](Linked& l) { l.roots = {0, 0}; }), "reached twice");
  ExpectInvalid(LinkedRefusal([](Linked& l) { l.roots = {1}; }), "starts at node 1");
  ExpectInvalid(LinkedRefusal([](Linked& l) { l.roots.clear(); }), "no trees");
  ExpectInvalid(LinkedRefusal([](Linked& l) { l.if_false = {2}; }), "leaf 2");
  ExpectInvalid(LinkedRefusal([](Linked& l) { l.splits = {1, 2}; }), "nodes_splits");
  ExpectInvalid(LinkedRefusal([](Linked& l) { l.targets = {0}; }), "leaf_targetids");
  ExpectInvalid(LinkedRefusal([](Linked& l) { l.mode = 6; }), "empty set");
  ExpectUnsupported(LinkedRefusal([](Linked& l) { l.mode = 7; }), "is 7");
  ExpectUnsupported(LinkedRefusal([](Linked& l) {
                      l.mode = 6;
                      l.members = {1, 31, kNan};
                    }),
                    "outside of 0 to 30");
  ExpectUnsupported(LinkedRefusal([](Linked& l) { l.post = 2; }), "the other way round");
  ExpectUnsupported(LinkedRefusal([](Linked& l) { l.post = 9; }), "post_transform 9");
  ExpectUnsupported(LinkedRefusal([](Linked& l) {
                      l.if_true = l.if_false;
                      l.weights = {1, 2};
                    }),
                    "one leaf");
}

// ---- refusals of graphs

TEST(OnnxRefusals, OperatorsWithoutAPlace) {
  ExpectUnsupported(FrontRefusal({NodeOf("Log", {"X"}, {"T"})}), "\"Log\" before its trees");
  ExpectUnsupported(FrontRefusal({NodeOf("Scaler", {"X"}, {"T"}, "", "my.domain")}),
                    "\"my.domain\"");
  ExpectUnsupported(BackRefusal({NodeOf("ArgMax", {"S"}, {"Z"})}), "\"ArgMax\" behind its trees");
  ExpectUnsupported(BackRefusal({NodeOf("Exp", {"S"}, {"Z"})}), "\"Exp\"");
  ExpectUnsupported(BackRefusal({MlNode("Normalizer", {"S"}, {"Z"}, Attribute("norm", "L1"))}),
                    "do not add to one");
  ExpectUnsupported(BackRefusal({MlNode("Normalizer", {"S"}, {"Z"}, Attribute("norm", "L2"))}),
                    "\"Normalizer\"");
  ExpectUnsupported(BackRefusal({NodeOf("Equal", {"L", "L"}, {"Z"})}), "\"Equal\"");
  ExpectUnsupported(BackRefusal({NodeOf("Identity", {"X"}, {"Z"})}), "does not come from trees");
}

TEST(OnnxRefusals, StepsThatCannotBeFolded) {
  const std::string offset = Attribute("offset", Floats{0, 0});
  ExpectUnsupported(
      FrontRefusal({MlNode("Scaler", {"X"}, {"T"}, offset + Attribute("scale", Floats{1, -1}))}),
      "by -1");
  ExpectInvalid(FrontRefusal({MlNode("Scaler", {"X"}, {"T"}, Attribute("scale", Floats{1, 1}))}),
                "0 offsets");
  ExpectInvalid(FrontRefusal({MlNode(
                    "Scaler", {"X"}, {"T"},
                    Attribute("offset", Floats{0, 0, 0}) + Attribute("scale", Floats{1, 1, 1}))}),
                "3 columns");
  ExpectUnsupported(FrontRefusal({MlNode("Imputer", {"X"}, {"T"},
                                         Attribute("imputed_value_floats", Floats{1}) +
                                             Attribute("replaced_value_float", 0.0F))}),
                    "Imputer");
  ExpectUnsupported(FrontRefusal({NodeOf("Cast", {"X"}, {"T"}, Attribute("to", std::int64_t{7}))}),
                    "casts");
  ExpectUnsupported(
      FrontRefusal({NodeOf("Gather", {"X", "X"}, {"T"}, Attribute("axis", std::int64_t{1}))}),
      "\"Gather\"");
  ExpectInvalid(FrontRefusal({MlNode("ArrayFeatureExtractor", {"X", "c"}, {"T"})},
                             {IntTensor({2}) + Part(8, "c")}),
                "column 2 of 2");
  ExpectInvalid(FrontRefusal({NodeOf("Identity", {"nothing"}, {"T"})}), "nothing before it");
}

TEST(OnnxRefusals, SetsOfAScaledColumn) {
  Stump stump;
  stump.modes[0] = "BRANCH_EQ";
  File file;
  file.nodes = {MlNode("Scaler", {"X"}, {"T"},
                       Attribute("offset", Floats{0, 0}) + Attribute("scale", Floats{2, 2})),
                stump.Classifier("T")};
  ExpectUnsupported(RefusalOf(file), "scaled");
}

TEST(OnnxRefusals, SeveralModels) {
  File file;
  file.outputs = {"S", "Z"};
  file.nodes = {Stump().Regressor(), Stump().Regressor("X", "Z")};
  ExpectUnsupported(RefusalOf(file), "several models");
}

TEST(OnnxRefusals, InputsThatAreNoNumbers) {
  File file;
  file.nodes = {Stump().Classifier()};
  file.inputs = {ValueOf("X", 8, {-1, 2})};
  ExpectUnsupported(RefusalOf(file), "no tensor of numbers");
  file.inputs = {ValueOf("X", 1, {-1, 2, 2})};
  ExpectUnsupported(RefusalOf(file), "[rows, columns]");
  file.inputs = {ValueOf("X", 1, {-1, std::int64_t{1} << 40})};
  EXPECT_EQ(RefusalOf(file).code, ErrorCode::kTooLarge);
  file.inputs.clear();
  ExpectInvalid(RefusalOf(file), "no input");
}

TEST(OnnxRefusals, VersionsAndEmptyGraphs) {
  File file;
  ExpectInvalid(RefusalOf(file), "no nodes");
  file.nodes = {Stump().Classifier()};
  file.ml_opset = 6;
  ExpectUnsupported(RefusalOf(file), "ai.onnx.ml 6");
  file.ml_opset = 0;
  ExpectInvalid(RefusalOf(file), "which version of ai.onnx.ml");
  file.ml_opset = 3;
  file.outputs = {"other"};
  ExpectInvalid(RefusalOf(file), "never made");
  file.outputs = {"S"};
  file.nodes = {Linked().Node()};
  ExpectUnsupported(RefusalOf(file), "came with ai.onnx.ml 5");
}

TEST(OnnxRefusals, ManyEmptyMessages) {
  std::string nodes;
  for (int i = 0; i < 10000; ++i) nodes += Part(1, "");
  const auto imported = ImportOnnx(BytesOf(Whole(1, 8) + Part(7, nodes)), {});
  ASSERT_FALSE(imported.ok());
  EXPECT_EQ(imported.error().code, ErrorCode::kTooLarge);
}

// Files of tests/import/corpus/onnx, which fixtures_onnx.py makes.
TEST(OnnxCorpus, IsRefused) {
  for (const char* name : {"equal_cycle.onnx", "shared_node.onnx"}) {
    std::ifstream file(std::string(COPSE_SOURCE_DIR "/tests/import/corpus/onnx/") + name,
                       std::ios::binary);
    const std::string data{std::istreambuf_iterator<char>(file), {}};
    ASSERT_FALSE(data.empty()) << name;
    const auto imported = ImportOnnx(BytesOf(data), {});
    ASSERT_FALSE(imported.ok()) << name;
    ExpectInvalid(imported.error(), "reached twice");
  }
}

TEST(OnnxRefusals, EveryPrefixOfAFile) {
  Stump stump;
  stump.modes[0] = "BRANCH_EQ";
  File file;
  file.nodes = {stump.Classifier()};
  const std::string data = file.Data();
  ASSERT_TRUE(ImportOnnx(BytesOf(data), {}).ok());
  for (std::size_t n = 0; n < data.size(); ++n) {
    const auto imported = ImportOnnx(BytesOf(data.substr(0, n)), {});
    ASSERT_FALSE(imported.ok()) << n << " of " << data.size() << " bytes";
    EXPECT_FALSE(imported.error().message.empty());
    EXPECT_LE(imported.error().message.size(), 600u);
  }
}

}  // namespace
}  // namespace copse::importer
