#include "predictor.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "http_head.h"
#include "multipart.h"
#include "request_id.h"
#include "web_assets.h"

namespace copse {
namespace {

// None of them is registered; all of them are in use.
constexpr std::array<std::string_view, 4> kNdjsonTypes = {
    "application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"};

// Rows that go to the log together.
constexpr std::size_t kRecordedRowsMax = 4096;

// The best quality that an Accept field gives to one of `types`, or nothing.
double AcceptedQuality(std::string_view accept, std::span<const std::string_view> types) {
  double best = 0;
  while (!accept.empty()) {
    const std::size_t comma = std::min(accept.find(','), accept.size());
    const std::string_view member = accept.substr(0, comma);
    const std::string type = MediaType(member);
    if (std::find(types.begin(), types.end(), type) != types.end()) {
      best = std::max(best, Quality(member));
    }
    accept.remove_prefix(std::min(comma + 1, accept.size()));
  }
  return best;
}

}  // namespace

bool IsJsonType(std::string_view content_type) {
  const std::string type = MediaType(content_type);
  return (type == "application/json" ||
          (type.starts_with("application/") && type.ends_with("+json"))) &&
         IsUtf8Charset(content_type);
}

Reply UnsupportedType(const Request& request, const std::string& expected) {
  const std::string sent(request.Field("content-type"));
  const std::string what =
      sent.empty() ? "The request has no Content-Type" : "Content-Type is \"" + sent + "\"";
  Reply reply =
      Problem(Error{ErrorCode::kUnsupportedMediaType, what + "; " + expected + " was expected."},
              {.request_id = request.request_id,
               .field = "Content-Type",
               .value = sent.empty() ? std::nullopt : std::optional(sent)});
  reply.headers.emplace_back("Accept-Post", expected);
  return reply;
}

Reply Refused(const Request& request, const Error& error, Blame blame) {
  return Problem(error, {.request_id = request.request_id,
                         .field = std::move(blame.field),
                         .value = std::move(blame.value)});
}

bool AcceptsNdjson(std::string_view accept) { return AcceptedQuality(accept, kNdjsonTypes) > 0; }

bool IsNdjsonType(std::string_view type) {
  return std::find(kNdjsonTypes.begin(), kNdjsonTypes.end(), type) != kNdjsonTypes.end();
}

bool IsUtf8Charset(std::string_view content_type) {
  const auto charset = FieldParameter(content_type, "charset");
  return !charset || EqualsIgnoringCase(*charset, "utf-8") ||
         EqualsIgnoringCase(*charset, "us-ascii");
}

bool PrefersJson(std::string_view accept) {
  static constexpr std::string_view kJson[] = {"application/json"};
  static constexpr std::string_view kHtml[] = {"text/html"};
  const double json = AcceptedQuality(accept, kJson);
  return json > 0 && json >= AcceptedQuality(accept, kHtml);
}

std::string AnswerJson(const LoadedModel& model, const Prediction& prediction, bool is_list,
                       std::string_view request_id) {
  std::string text = "{";
  if (is_list) {
    text += "\"predictions\":[";
    for (std::size_t r = 0; r < prediction.n_rows; ++r) {
      if (r > 0) text += ",";
      text += PredictionJson(model.model, prediction, r);
    }
    text += "]";
  } else {
    text += PredictionMembers(model.model, prediction, 0);
  }
  text += ",\"model\":" + JsonString(model.name) + ",\"version\":" + JsonString(model.version) +
          ",\"request_id\":" + JsonString(request_id) + "}";
  return text;
}

Predictor::Predictor(std::shared_ptr<const LoadedModel> model, PredictionLog* log, Metrics& metrics,
                     RowPool& pool)
    : model_(std::move(model)),
      log_(log),
      metrics_(metrics),
      pool_(pool),
      statistics_(std::make_unique<InferenceStatistics>()),
      drift_(std::make_unique<Drift>(model_->model)),
      explanations_(std::make_unique<Explanations>(model_->model)) {}

Reply Predictor::FromQuery(const Request& request) const {
  Recording recording(*statistics_);
  Blame blame;
  const auto rows = RowsFromQuery(model_->model, request.query, &blame);
  if (!rows.ok()) return Refused(request, rows.error(), std::move(blame));
  return Answer(request, *rows, Numbered::kYes, recording);
}

Reply Predictor::FromJson(const Request& request) const {
  Recording recording(*statistics_);
  if (!IsJsonType(request.Field("content-type"))) {
    return UnsupportedType(request, "application/json");
  }
  Blame blame;
  const auto rows = RowsFromJson(model_->model, request.body, &blame);
  if (!rows.ok()) return Refused(request, rows.error(), std::move(blame));
  return Answer(request, *rows, Numbered::kYes, recording);
}

Reply Predictor::FromFile(const Request& request) const {
  Recording recording(*statistics_);
  const std::string_view content_type = request.Field("content-type");
  const std::string type = MediaType(content_type);
  if ((type != "multipart/form-data" && type != "text/csv") || !IsUtf8Charset(content_type)) {
    return UnsupportedType(request, "multipart/form-data, text/csv, application/x-ndjson");
  }
  Blame blame;
  std::string_view text = request.body;
  if (type == "multipart/form-data") {
    const auto file = FindFile(request.body, content_type, "input_file", &blame);
    if (!file.ok()) return Refused(request, file.error(), std::move(blame));
    text = *file;
  }
  auto rows = RowsFromCsv(model_->model, text, &blame);
  if (!rows.ok()) return Refused(request, rows.error(), std::move(blame));
  rows->is_list = true;
  return Answer(request, *rows, Numbered::kNo, recording);
}

Result<Prediction> Predictor::Evaluate(const Rows& rows, std::size_t row_values) const {
  const Model& model = model_->model;
  const std::size_t n_values =
      std::max<std::size_t>(1, model.n_margins() + model.n_values() + row_values);
  const std::size_t n_rows_max = kAnswerValuesMax / n_values;
  if (rows.n_rows > n_rows_max) {
    return Error{ErrorCode::kTooLarge,
                 std::to_string(rows.n_rows) + " rows of " + std::to_string(n_values) +
                     " numbers each are too many for one request; send at most " +
                     std::to_string(n_rows_max) + " rows."};
  }
  return PredictEverything(model, rows.values, &pool_);
}

void Predictor::Note(const Request& request, const Rows& rows, const Prediction& prediction,
                     std::uint64_t first_row) const {
  Count(rows, prediction);
  Record(request, rows, prediction, Numbered::kNo, first_row);
}

void Predictor::CountExplained(ExplainMethod method, std::size_t n_rows) const {
  metrics_.CountExplanations(model_->name, model_->version, ExplainMethodName(method), n_rows);
}

Reply Predictor::Answer(const Request& request, const Rows& rows, Numbered numbered,
                        Recording& recording) const {
  recording.HaveRows();
  const auto prediction = Evaluate(rows, 0);
  if (!prediction.ok()) return Refused(request, prediction.error(), {});
  recording.Evaluated(rows.n_rows);
  Reply reply;
  if (PrefersJson(request.Field("accept"))) {
    reply = JsonReply(AnswerJson(*model_, *prediction, rows.is_list, request.request_id));
  } else {
    reply = HtmlReply(rows.is_list ? TutorialText(model_->model, *prediction)
                                   : TutorialText(model_->model, *prediction, 0));
  }
  reply.headers = {{"Vary", "Accept"}, {"Cache-Control", "no-store"}};
  Count(rows, *prediction);
  // The tutorial's HEAD predicted and recorded what nobody was told.
  if (request.method != "HEAD") Record(request, rows, *prediction, numbered, 1);
  recording.Answered();
  return reply;
}

void Predictor::Count(const Rows& rows, const Prediction& prediction) const {
  const Model& model = model_->model;
  drift_->Note(rows.values);
  std::size_t column = 0;
  for (const Output& output : model.outputs()) {
    if (output.kind != OutputKind::kClass) {
      column += output.end - output.begin;
      continue;
    }
    std::vector<std::uint64_t> counts(output.labels.size());
    for (std::size_t r = 0; r < prediction.n_rows; ++r) {
      const double index = prediction.decisions[r * model.n_decisions() + column];
      ++counts.at(static_cast<std::size_t>(index));
    }
    const std::string name = model.outputs().size() > 1 ? output.name : std::string();
    for (std::size_t c = 0; c < counts.size(); ++c) {
      if (counts[c] == 0) continue;
      metrics_.CountPredictions(model_->name, model_->version, name, output.labels[c], counts[c]);
    }
    ++column;
  }
  if (!model.is_classifier()) {
    metrics_.CountPredictions(model_->name, model_->version, "", "", prediction.n_rows);
  }
}

void Predictor::Record(const Request& request, const Rows& rows, const Prediction& prediction,
                       Numbered numbered, std::uint64_t first_row) const {
  if (log_ == nullptr) return;
  const Model& model = model_->model;
  const std::size_t width = model.n_features();
  const std::int64_t now = UnixMs();
  const auto began = std::chrono::steady_clock::now();
  for (std::size_t begin = 0; begin < rows.n_rows; begin += kRecordedRowsMax) {
    const std::size_t end = std::min(rows.n_rows, begin + kRecordedRowsMax);
    std::vector<LogEntry> entries(end - begin);
    for (std::size_t r = begin; r < end; ++r) {
      LogEntry& entry = entries[r - begin];
      entry.id = NewUuid();
      entry.time_unix_ms = now;
      entry.model = model_->name;
      entry.version = model_->version;
      entry.request_id = request.request_id;
      if (rows.is_list) entry.request_id += ":" + std::to_string(first_row + r);
      entry.input = NumbersJson(std::span(rows.values).subspan(r * width, width));
      entry.output = TutorialText(model, prediction, r);
      entry.label = LabelText(model, prediction, r);
      entry.numbered = numbered == Numbered::kYes;
    }
    log_->AppendPart(std::move(entries), began);
  }
}

}  // namespace copse
