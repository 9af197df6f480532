#include "v2_infer.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "kserve_v1.h"
#include "v2_outputs.h"
#include "v2_reply.h"
#include "v2_request.h"
#include "v2_rows.h"

namespace copse {
namespace {

constexpr std::string_view kHeaderLength = "inference-header-content-length";

// Two answers to where the JSON ends are none.
Result<std::optional<std::string_view>> HeaderLength(const Request& request) {
  std::optional<std::string_view> length;
  for (const auto& [name, value] : request.fields) {
    if (name != kHeaderLength) continue;
    if (length) {
      return Error{ErrorCode::kInvalidInput,
                   "The request has two Inference-Header-Content-Length fields."};
    }
    length = value;
  }
  return length;
}

// A request, and the rows that it has for a model.
struct Asked {
  InferRequest request;
  std::vector<WantedOutput> wanted;
  Rows rows;
};

// A header that is all digits and zero: the body is one tensor and no JSON.
bool IsRaw(std::optional<std::string_view> header_length, std::string_view body) {
  if (!header_length) return false;
  const auto length = ParseHeaderLength(*header_length, body.size());
  return length.ok() && *length == 0;
}

Result<Asked> Read(const Model& model, const Request& request, Blame& blame) {
  const auto header_length = HeaderLength(request);
  if (!header_length.ok()) return header_length.error();
  const bool is_raw = IsRaw(*header_length, request.body);
  Asked asked;
  if (is_raw) {
    asked.request.binary_outputs = true;
  } else {
    auto parsed = ParseInferRequest(request.body, *header_length, blame);
    if (!parsed.ok()) return parsed.error();
    asked.request = *std::move(parsed);
  }
  auto wanted = WantedOutputs(model, asked.request, blame);
  if (!wanted.ok()) return wanted.error();
  asked.wanted = *std::move(wanted);
  auto rows = is_raw ? RowsFromRawTensor(model, request.body, blame)
                     : RowsFromInputs(model, asked.request, blame);
  if (!rows.ok()) return rows.error();
  asked.rows = *std::move(rows);
  asked.request.inputs.clear();  // they may be large, and are not needed any more
  return asked;
}

// What explains the rows, if that is wanted, else null.
Result<const Explainer*> ExplainerFor(const Predictor& predictor, const Asked& asked) {
  for (const WantedOutput& wanted : asked.wanted) {
    if (wanted.spec.kind != V2Output::kExplain) continue;
    return predictor.explanations().For(ExplainMethod::kTreeShap, asked.rows.n_rows);
  }
  return nullptr;
}

void Finish(const Request& request, Reply& reply) {
  reply.headers.emplace_back("Cache-Control", "no-store");
  CompressReply(request.Field("accept-encoding"), reply);
}

}  // namespace

Reply InferV2(const Predictor& predictor, const Request& request) {
  InferenceStatistics::Recording recording(predictor.statistics());
  Blame blame;
  auto asked = Read(predictor.loaded().model, request, blame);
  if (!asked.ok()) return Refused(request, asked.error(), std::move(blame));
  recording.HaveRows();
  const auto explainer = ExplainerFor(predictor, *asked);
  if (!explainer.ok()) return Refused(request, explainer.error(), BlameOn("explain"));
  const auto prediction = predictor.Evaluate(asked->rows, ValuesOfRow(asked->wanted));
  if (!prediction.ok()) return Refused(request, prediction.error(), {});
  recording.Evaluated(asked->rows.n_rows);
  Reply reply = InferReply({.model = predictor.loaded(),
                            .id = asked->request.id,
                            .wanted = asked->wanted,
                            .rows = asked->rows.values,
                            .prediction = *prediction,
                            .explainer = *explainer},
                           predictor.pool());
  Finish(request, reply);
  predictor.Note(request, asked->rows, *prediction);
  if (*explainer != nullptr) {
    predictor.CountExplained(ExplainMethod::kTreeShap, asked->rows.n_rows);
  }
  recording.Answered();
  return reply;
}

Reply PredictV1(const Predictor& predictor, const Request& request) {
  InferenceStatistics::Recording recording(predictor.statistics());
  Blame blame;
  const auto rows = RowsFromInstances(predictor.loaded().model, request.body, blame);
  if (!rows.ok()) return Refused(request, rows.error(), std::move(blame));
  recording.HaveRows();
  const auto prediction = predictor.Evaluate(*rows, 0);
  if (!prediction.ok()) return Refused(request, prediction.error(), {});
  recording.Evaluated(rows->n_rows);
  Reply reply = JsonReply(PredictionsJson(predictor.loaded().model, *prediction));
  Finish(request, reply);
  predictor.Note(request, *rows, *prediction);
  recording.Answered();
  return reply;
}

}  // namespace copse
