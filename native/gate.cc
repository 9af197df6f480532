#include "gate.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace copse {
namespace {

// Addresses that are remembered: some megabytes.
constexpr std::size_t kBucketsMax = 65'536;
constexpr std::chrono::seconds kSweepInterval{1};
constexpr double kRetrySecondsMax = 1e6;

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

bool IsLoopbackName(std::string_view host) {
  if (host.empty()) return true;  // HTTP/1.0 has none
  const std::string_view name =
      host.starts_with("[") ? host.substr(0, host.find(']') + 1) : host.substr(0, host.find(':'));
  const bool is_number = name.find_first_not_of("0123456789.") == std::string_view::npos;
  return name == "localhost" || name == "[::1]" || (is_number && name.starts_with("127."));
}

// Whose requests are counted together. Whoever has one IPv6 address has 2^64 of them.
std::string ClientKey(std::string_view address) {
  in6_addr bytes{};
  std::string text(address.substr(0, address.find('%')));
  if (::inet_pton(AF_INET6, text.c_str(), &bytes) != 1) return text;
  return std::string(reinterpret_cast<const char*>(bytes.s6_addr), 8);
}

// The last address that the last X-Forwarded-For names: what the proxy before us has seen.
std::string_view LastForwarded(const Request& request) {
  std::string_view last;
  for (const auto& [name, value] : request.fields) {
    if (name == "x-forwarded-for")
      last = Trim(std::string_view(value).substr(value.rfind(',') + 1));
  }
  return last;
}

// Whether a request comes from this machine, and was meant to. A proxy on it speaks for others,
// and so does a browser: pages of strangers make it ask, under the name of their site.
bool IsLocal(const Request& request, std::string_view remote) {
  const bool is_loopback =
      remote.starts_with("127.") || remote == "::1" || remote.starts_with("::ffff:127.");
  if (!is_loopback || !IsLoopbackName(request.host)) return false;
  for (const std::string_view proxied : {"forwarded", "x-forwarded-for", "via", "x-real-ip"}) {
    if (!request.Field(proxied).empty()) return false;
  }
  const std::string_view origin = request.Field("origin");
  return origin.empty() || (origin.starts_with("http://") && origin.substr(7) == request.host);
}

void AddVary(Reply& reply, const std::string& field) {
  for (auto& [name, value] : reply.headers) {
    if (name != "Vary") continue;
    value += ", " + field;
    return;
  }
  reply.headers.emplace_back("Vary", field);
}

}  // namespace

GateTerms TermsOf(const GateConfig& config) {
  return {.predict_token = !config.predict_token.empty(),
          .control_token = !config.control_token.empty(),
          .rate_limit = config.requests_per_second > 0};
}

std::optional<Refusal> Gate::Refuse(const Request& request, Use use, std::string_view remote,
                                    Clock::time_point now) {
  if (use == Use::kProbe) return std::nullopt;
  const auto& proxies = config_.trusted_proxies;
  std::string_view client = remote;
  const auto holds_remote = [&](const AddressRange& range) { return range.Contains(remote); };
  if (std::any_of(proxies.begin(), proxies.end(), holds_remote)) {
    const std::string_view forwarded = LastForwarded(request);
    if (!forwarded.empty()) client = forwarded;
  }
  // Guessing is slowed down, too.
  if (auto refusal = RefuseHaste(client, now)) return refusal;
  return RefuseStranger(request, use, remote);
}

std::optional<Refusal> Gate::RefuseStranger(const Request& request, Use use,
                                            std::string_view remote) const {
  // A browser asks without its token first whether it may ask with it.
  if (use == Use::kOpen || request.method == "OPTIONS") return std::nullopt;
  const bool takes_control =
      (use == Use::kControl || use == Use::kRecords) && !config_.control_token.empty();
  Refusal refusal;
  if (use == Use::kControl && !takes_control && !IsLocal(request, remote)) {
    refusal.status = 403;
    refusal.detail =
        "Without a token of their own, models are loaded and unloaded from this machine only; "
        "start "
        "the service with --control-token to do it from elsewhere.";
    return refusal;
  }
  const std::string& token = takes_control ? config_.control_token : config_.predict_token;
  if (token.empty()) return std::nullopt;
  const auto sent = BearerOf(request.Field("authorization"));
  if (sent && IsSame(*sent, token)) return std::nullopt;
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

Gate::Bucket& Gate::BucketOf(std::string key, Clock::time_point now) {
  auto found = buckets_.find(key);
  if (found != buckets_.end()) return found->second;
  const double most = std::max(1.0, config_.requests_per_second);
  // Those who have been silent are as good as new. Looking at all takes time.
  const bool may_sweep = !swept_ || now - *swept_ >= kSweepInterval;
  if (buckets_.size() >= kBucketsMax && may_sweep) {
    swept_ = now;
    std::erase_if(buckets_, [&](const auto& each) { return TokensOf(each.second, now) >= most; });
  }
  // A crowd that is larger still shares one.
  if (buckets_.size() >= kBucketsMax) key.clear();
  return buckets_.try_emplace(std::move(key), Bucket{most, now}).first->second;
}

std::size_t Gate::n_clients() const {
  const std::lock_guard lock(mutex_);
  return buckets_.size();
}

std::optional<Refusal> Gate::RefuseHaste(std::string_view remote, Clock::time_point now) {
  const double rate = config_.requests_per_second;
  if (rate <= 0) return std::nullopt;
  const std::lock_guard lock(mutex_);
  Bucket& bucket = BucketOf(ClientKey(remote), now);
  bucket.tokens = TokensOf(bucket, now);
  bucket.filled = now;
  if (bucket.tokens >= 1) {
    bucket.tokens -= 1;
    return std::nullopt;
  }
  const auto seconds =
      static_cast<std::int64_t>(std::ceil(std::min(kRetrySecondsMax, (1 - bucket.tokens) / rate)));
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
  if (!any) AddVary(reply, "Origin");
  const std::string_view origin = request.Field("origin");
  if (origin.empty()) return;
  if (!any && std::find(origins.begin(), origins.end(), origin) == origins.end()) return;
  reply.headers.emplace_back("Access-Control-Allow-Origin", any ? "*" : std::string(origin));
  if (request.method != "OPTIONS" || request.Field("access-control-request-method").empty()) {
    reply.headers.emplace_back("Access-Control-Expose-Headers",
                               "ETag, Inference-Header-Content-Length, Retry-After, "
                               "Traceresponse, X-Request-ID");
    return;
  }
  reply.headers.emplace_back("Access-Control-Allow-Methods", "GET, HEAD, POST, OPTIONS");
  reply.headers.emplace_back("Access-Control-Allow-Headers",
                             "Accept, Authorization, Baggage, Content-Encoding, Content-Type, "
                             "If-None-Match, Inference-Header-Content-Length, Traceparent, "
                             "Tracestate, X-Request-ID");
  reply.headers.emplace_back("Access-Control-Max-Age", "86400");
}

}  // namespace copse
