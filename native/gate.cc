#include "gate.h"

#include <algorithm>
#include <cmath>

namespace copse {
namespace {

// Addresses that are remembered: some megabytes.
constexpr std::size_t kBucketsMax = 65'536;

// Takes the same time wherever the texts differ.
bool IsSame(std::string_view sent, std::string_view token) {
  unsigned char difference = sent.size() == token.size() ? 0 : 1;
  for (std::size_t i = 0; i < sent.size(); ++i) {
    difference |= static_cast<unsigned char>(sent[i] ^ token[i % token.size()]);
  }
  return difference == 0;
}

// What an Authorization field holds behind "Bearer", or nothing.
std::optional<std::string_view> BearerOf(std::string_view field) {
  const std::size_t space = field.find(' ');
  if (space == std::string_view::npos || !EqualsIgnoringCase(field.substr(0, space), "bearer")) {
    return std::nullopt;
  }
  return Trim(field.substr(space));
}

}  // namespace

std::optional<Refusal> Gate::Refuse(const Request& request, Use use, std::string_view remote,
                                    Clock::time_point now) {
  // Guessing is slowed down, too.
  if (auto refusal = RefuseHaste(remote, now)) return refusal;
  return RefuseStranger(request, use);
}

std::optional<Refusal> Gate::RefuseStranger(const Request& request, Use use) const {
  // A browser asks without its token first whether it may ask with it.
  if (use == Use::kOpen || request.method == "OPTIONS") return std::nullopt;
  const bool is_control = use == Use::kControl && !config_.control_token.empty();
  const std::string& token = is_control ? config_.control_token : config_.predict_token;
  if (token.empty()) return std::nullopt;
  const auto sent = BearerOf(request.Field("authorization"));
  if (sent && IsSame(*sent, token)) return std::nullopt;
  Refusal refusal;
  refusal.status = 401;
  refusal.detail = sent ? "The token in the field Authorization is not the right one."
                        : "The field Authorization was expected: Bearer and a token.";
  refusal.headers = {{"WWW-Authenticate", sent ? "Bearer realm=\"copse\", error=\"invalid_token\""
                                               : "Bearer realm=\"copse\""}};
  return refusal;
}

double Gate::TokensOf(const Bucket& bucket, Clock::time_point now) const {
  const double seconds = std::chrono::duration<double>(now - bucket.filled).count();
  const double most = std::max(1.0, config_.requests_per_second);
  return std::min(most, bucket.tokens + seconds * config_.requests_per_second);
}

std::optional<Refusal> Gate::RefuseHaste(std::string_view remote, Clock::time_point now) {
  const double rate = config_.requests_per_second;
  if (rate <= 0) return std::nullopt;
  const double most = std::max(1.0, rate);
  const std::lock_guard lock(mutex_);
  auto found = buckets_.find(remote);
  if (found == buckets_.end()) {
    if (buckets_.size() >= kBucketsMax) {  // those who have been silent are as good as new
      std::erase_if(buckets_, [&](const auto& each) { return TokensOf(each.second, now) >= most; });
    }
    // A crowd that is larger still shares one.
    const std::string key(buckets_.size() < kBucketsMax ? remote : std::string_view());
    found = buckets_.try_emplace(key, Bucket{most, now}).first;
  }
  Bucket& bucket = found->second;
  bucket.tokens = TokensOf(bucket, now);
  bucket.filled = now;
  if (bucket.tokens >= 1) {
    bucket.tokens -= 1;
    return std::nullopt;
  }
  const auto seconds = static_cast<std::int64_t>(std::ceil((1 - bucket.tokens) / rate));
  Refusal refusal;
  refusal.status = 429;
  refusal.detail = "This client asks too often; try again in " + std::to_string(seconds) + " s.";
  refusal.headers = {{"Retry-After", std::to_string(seconds)}};
  return refusal;
}

void Gate::AddHeaders(const Request& request, Reply& reply) const {
  if (config_.cors_origins.empty()) return;
  const auto& origins = config_.cors_origins;
  const bool any = std::find(origins.begin(), origins.end(), "*") != origins.end();
  if (!any) reply.headers.emplace_back("Vary", "Origin");
  const std::string_view origin = request.Field("origin");
  if (origin.empty()) return;
  if (!any && std::find(origins.begin(), origins.end(), origin) == origins.end()) return;
  reply.headers.emplace_back("Access-Control-Allow-Origin", any ? "*" : std::string(origin));
  if (request.method != "OPTIONS" || request.Field("access-control-request-method").empty()) {
    reply.headers.emplace_back("Access-Control-Expose-Headers",
                               "X-Request-ID, Retry-After, Inference-Header-Content-Length");
    return;
  }
  reply.headers.emplace_back("Access-Control-Allow-Methods", "GET, HEAD, POST, OPTIONS");
  reply.headers.emplace_back("Access-Control-Allow-Headers",
                             "Accept, Authorization, Content-Encoding, Content-Type, "
                             "Inference-Header-Content-Length, Traceparent, X-Request-ID");
  reply.headers.emplace_back("Access-Control-Max-Age", "86400");
}

}  // namespace copse
