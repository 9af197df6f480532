#include "v2_reply.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "compress.h"
#include "explanations.h"
#include "v2_tensor.h"
#include "web_assets.h"

namespace copse {
namespace {

// Below this the fields of compression cost as much as it saves.
constexpr std::size_t kCompressedBytesMin = 1024;

// One output on its way into the body: JSON members, and bytes behind all JSON.
class OutputWriter {
 public:
  OutputWriter(const InferAnswer& answer, RowPool& pool) : answer_(answer), pool_(pool) {}

  std::string Json(const WantedOutput& wanted) {
    const bool is_classes = wanted.n_classes > 0;
    const Datatype datatype = is_classes ? Datatype::kBytes : wanted.spec.datatype;
    const std::size_t n_columns = is_classes ? wanted.n_classes : wanted.spec.n_columns;
    std::vector<std::uint64_t> shape = {answer_.prediction.n_rows, n_columns};
    if (wanted.spec.n_inner > 0) {
      shape = {answer_.prediction.n_rows, n_columns / wanted.spec.n_inner, wanted.spec.n_inner};
    }
    std::string text = "{\"name\":" + JsonString(wanted.spec.name) +
                       ",\"shape\":" + ShapeText(shape) + ",\"datatype\":\"" +
                       std::string(DatatypeName(datatype)) + "\"";
    const std::size_t begin = bytes_.size();
    is_binary_ = wanted.is_binary;
    list_ = "[";
    if (is_classes) {
      AddClasses(wanted);
    } else {
      AddValues(wanted.spec);
    }
    if (is_binary_) {
      return text +
             ",\"parameters\":{\"binary_data_size\":" + std::to_string(bytes_.size() - begin) +
             "}}";
    }
    return text + ",\"data\":" + std::exchange(list_, {}) + "]}";
  }

  const std::string& bytes() const { return bytes_; }

 private:
  const Model& model() const { return answer_.model.model; }

  std::vector<double> Values(const OutputSpec& spec) const {
    if (spec.kind == V2Output::kExplain) {
      return Explanations::Explain(model(), *answer_.explainer, answer_.rows, pool_);
    }
    return OutputValues(model(), spec, answer_.prediction, answer_.rows, pool_);
  }

  void AddValues(const OutputSpec& spec) {
    const std::vector<double> values = Values(spec);
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (spec.datatype == Datatype::kBytes) {
        AddText(LabelOf(model(), i % spec.n_columns, values[i]));
      } else if (spec.datatype == Datatype::kInt64) {
        AddWhole(static_cast<std::int64_t>(values[i]));
      } else if (is_binary_) {
        AppendBytes(bytes_, values[i]);
      } else {
        Separate();
        AppendNumberJson(list_, values[i]);
      }
    }
  }

  void AddClasses(const WantedOutput& wanted) {
    const Output& output = model().outputs().front();
    const std::vector<double> margins =
        wanted.spec.kind == V2Output::kMargin ? Values(wanted.spec) : std::vector<double>();
    const std::span<const double> all =
        margins.empty() ? std::span<const double>(answer_.prediction.values) : margins;
    const std::size_t width = output.labels.size();
    for (std::size_t r = 0; r < answer_.prediction.n_rows; ++r) {
      for (const std::string& text :
           BestClasses(output, all.subspan(r * width, width), answer_.prediction.decisions[r],
                       wanted.n_classes)) {
        AddText(text);
      }
    }
  }

  // In JSON as digits: the shortest text of a double may have an exponent.
  void AddWhole(std::int64_t number) {
    if (is_binary_) return AppendBytes(bytes_, number);
    Separate();
    list_ += std::to_string(number);
  }

  void AddText(std::string_view text) {
    if (is_binary_) return AppendBytes(bytes_, text);
    Separate();
    list_ += JsonString(text);
  }

  void Separate() {
    if (list_.size() > 1) list_ += ',';
  }

  const InferAnswer& answer_;
  RowPool& pool_;
  std::string list_, bytes_;
  bool is_binary_ = false;
};

}  // namespace

Reply InferReply(const InferAnswer& answer, RowPool& pool) {
  OutputWriter writer(answer, pool);
  std::string text = "{\"model_name\":" + JsonString(answer.model.name) +
                     ",\"model_version\":" + JsonString(answer.model.version);
  if (answer.id) text += ",\"id\":" + JsonString(*answer.id);
  text += ",\"outputs\":[";
  for (std::size_t i = 0; i < answer.wanted.size(); ++i) {
    if (i > 0) text += ",";
    text += writer.Json(answer.wanted[i]);
  }
  text += "]}";
  if (writer.bytes().empty()) return JsonReply(std::move(text));
  Reply reply;
  reply.content_type = "application/octet-stream";
  reply.headers.emplace_back("Inference-Header-Content-Length", std::to_string(text.size()));
  reply.body = std::move(text) + writer.bytes();
  return reply;
}

void CompressReply(std::string_view accept_encoding, Reply& reply) {
  reply.headers.emplace_back("Vary", "Accept-Encoding");
  if (reply.body.size() < kCompressedBytesMin) return;
  const ContentCoding coding = AcceptsEncoding(accept_encoding, "gzip") ? ContentCoding::kGzip
                               : AcceptsEncoding(accept_encoding, "deflate")
                                   ? ContentCoding::kDeflate
                                   : ContentCoding::kIdentity;
  if (coding == ContentCoding::kIdentity) return;
  reply.body = Compress(coding, reply.body);
  reply.headers.emplace_back("Content-Encoding", std::string(ContentCodingName(coding)));
}

}  // namespace copse
