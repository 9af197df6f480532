#include "openapi_problems.h"

#include <string>

namespace copse {
namespace {

// What a client is told by a field of the answer's head.
enum class Tells { kNothing, kWhenToRetry, kHowToSignIn };

struct KnownProblem {
  const char* name;
  const char* text;
  Tells tells = Tells::kNothing;
};

constexpr KnownProblem kProblems[] = {
    {"BadRequest", "Something in the request cannot be used; `detail` says what."},
    {"Unauthorized", "A token is needed, or another one.", Tells::kHowToSignIn},
    {"Forbidden",
     "The service has no token for this, and then it is for clients on its own machine."},
    {"NotFound", "There is nothing of that name."},
    {"TooLarge", "The body, or its answer, would be too large."},
    {"UnsupportedMediaType", "The body is of a type, or compressed in a way, that is not read."},
    {"TooManyRequests", "This client asks too often.", Tells::kWhenToRetry},
    {"Refused",
     "Any other refusal, such as of a head that is too long (414, 431), or that comes too slowly "
     "(408)."},
    {"Unavailable", "The service, or the model, cannot answer now.", Tells::kWhenToRetry},
};

Json Ref(const std::string& kind, const std::string& name) {
  return {{"$ref", "#/components/" + kind + "/" + name}};
}

Json HeadersOf(const KnownProblem& problem) {
  Json headers = {{"X-Request-ID", Ref("headers", "RequestId")}};
  if (problem.tells == Tells::kWhenToRetry) headers["Retry-After"] = Ref("headers", "RetryAfter");
  if (problem.tells == Tells::kHowToSignIn) headers["WWW-Authenticate"] = Ref("headers", "SignIn");
  return headers;
}

Json ResponseOf(const KnownProblem& problem, const std::string& type, const std::string& schema) {
  return {{"description", problem.text},
          {"headers", HeadersOf(problem)},
          {"content", {{type, {{"schema", Ref("schemas", schema)}}}}}};
}

// How a document names a component where it is used.
std::string UseOfComponent(const std::string& kind, const std::string& name) {
  return kind == "securitySchemes" ? "\"" + name + "\":[]"
                                   : "\"#/components/" + kind + "/" + name + "\"";
}

}  // namespace

Json ProblemResponses() {
  Json responses = Json::object();
  for (const KnownProblem& problem : kProblems) {
    responses[problem.name] = ResponseOf(problem, "application/problem+json", "Problem");
    responses[std::string("Inference") + problem.name] =
        ResponseOf(problem, "application/json", "InferenceProblem");
  }
  return responses;
}

void DropUnused(Json& document) {
  for (bool is_changed = true; is_changed;) {
    is_changed = false;
    const std::string text = JsonText(document);
    for (auto& [kind, components] : document["components"].items()) {
      for (auto each = components.begin(); each != components.end();) {
        if (text.find(UseOfComponent(kind, each.key())) != std::string::npos) {
          ++each;
        } else {
          each = components.erase(each);
          is_changed = true;
        }
      }
    }
  }
}

}  // namespace copse
