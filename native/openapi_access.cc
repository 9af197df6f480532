#include "openapi_access.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace copse {
namespace {

constexpr const char* kPredictToken = "predictToken";
constexpr const char* kControlToken = "controlToken";

// As RefuseStranger in gate.cc decides it.
bool TakesControlToken(const GateTerms& terms, Use use) {
  return (use == Use::kControl || use == Use::kRecords) && terms.control_token;
}

bool IsAskedForToken(const GateTerms& terms, Use use) {
  return use != Use::kOpen && use != Use::kProbe &&
         (TakesControlToken(terms, use) || terms.predict_token);
}

// The token that is needed. Where none is, the one that may be sent all the same, so that a client
// made from this document can ask a service that has one.
Json SecurityOf(const GateTerms& terms, Use use) {
  if (use == Use::kOpen || use == Use::kProbe) return Json::array();
  const bool is_needed = IsAskedForToken(terms, use);
  const bool is_control =
      is_needed ? TakesControlToken(terms, use) : use == Use::kControl || use == Use::kRecords;
  const Json token = {{is_control ? kControlToken : kPredictToken, Json::array()}};
  return is_needed ? Json::array({token}) : Json::array({Json::object(), token});
}

std::vector<std::pair<std::string, std::string>> RefusalsOf(const GateTerms& terms, Use use) {
  std::vector<std::pair<std::string, std::string>> refusals;
  if (IsAskedForToken(terms, use)) refusals.emplace_back("401", "Unauthorized");
  if (use == Use::kControl && !terms.control_token) refusals.emplace_back("403", "Forbidden");
  if (use != Use::kProbe && terms.rate_limit) refusals.emplace_back("429", "TooManyRequests");
  refusals.emplace_back("4XX", "Refused");
  return refusals;
}

// By status, as people look for them.
void Sort(Json& responses) {
  std::map<std::string, Json> sorted;
  for (auto& [status, response] : responses.items()) sorted[status] = std::move(response);
  responses = Json(sorted);
}

}  // namespace

Json SecuritySchemes(const GateTerms& terms) {
  const auto scheme = [](bool is_set, const std::string& purpose) {
    return Json{{"type", "http"},
                {"scheme", "bearer"},
                {"description",
                 purpose + (is_set ? " This service asks for it." : " This service has none.")}};
  };
  return {{kPredictToken, scheme(terms.predict_token,
                                 "For predictions, explanations and model files: --auth-token or "
                                 "--auth-token-file at the start of the service.")},
          {kControlToken,
           scheme(terms.control_token,
                  "For loading and unloading models, and for the recent predictions: "
                  "--control-token or --control-token-file. Without it models are loaded and "
                  "unloaded from the service's own machine only.")}};
}

void AddAccess(const GateTerms& terms, const UseOfPath& use_of, Json& paths) {
  for (const auto& [path, operations] : paths.items()) {
    const Use use = use_of ? use_of(path) : Use::kOpen;
    const bool is_protocol = path.starts_with("/v2") || path.starts_with("/v1");
    for (auto& operation : operations) {
      operation["security"] = SecurityOf(terms, use);
      Json& responses = operation["responses"];
      for (const auto& [status, name] : RefusalsOf(terms, use)) {
        responses[status] = {{"$ref", "#/components/responses/" +
                                          std::string(is_protocol ? "Inference" : "") + name}};
      }
      Sort(responses);
    }
  }
}

}  // namespace copse
