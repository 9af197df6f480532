#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "address_range.h"
#include "http_head.h"
#include "reply.h"
#include "request.h"

namespace copse {

/// What a route is for, which decides who may use it.
enum class Use : std::uint8_t {
  kOpen,
  kProbe,  ///< what watches the service: never refused
  kPredict,
  kRecords,  ///< what others have asked
  kControl,  ///< changes what is served
};

/// Who may ask, and how often. All of it is off by default.
struct GateConfig {
  /// What `Authorization: Bearer ...` must hold for predictions (and model files); empty: nothing
  /// is asked for.
  std::string predict_token;
  /// The same for what only operators need. Empty: kRecords takes the other token, and kControl is
  /// for this machine alone, with the other token if there is one.
  std::string control_token;
  /// Origins whose pages may read answers, as browsers send them, such as https://example.org; "*"
  /// is every one.
  std::vector<std::string> cors_origins;
  double requests_per_second = 0;  ///< of one client, by its address; 0: any number
  /// Whose X-Forwarded-For is believed: the client is the last one that it names.
  std::vector<AddressRange> trusted_proxies;
};

/// What a GateConfig asks for, without its secrets: for documents.
struct GateTerms {
  bool predict_token = false;
  bool control_token = false;
  bool rate_limit = false;
};

GateTerms TermsOf(const GateConfig& config);

/// Decides by its head whether a request is answered, before its body is read. Thread-safe.
class Gate {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Gate(GateConfig config) : config_(std::move(config)) {}

  /// 401 without the token of `use`; 403 for kControl from elsewhere where it has no token; 429 for
  /// a client that asks too often, with Retry-After. A
  /// client may ask for a second's worth of requests at once. `remote`: its address.
  std::optional<Refusal> Refuse(const Request& request, Use use, std::string_view remote,
                                Clock::time_point now = Clock::now());

  /// Addresses that are remembered at this moment.
  std::size_t n_clients() const;

  /// What lets pages of other origins read the answer (CORS), if they may; to an OPTIONS that asks
  /// first, what they may send.
  void AddHeaders(const Request& request, Reply& reply) const;

 private:
  struct Bucket {
    double tokens = 0;
    Clock::time_point filled;
  };

  std::optional<Refusal> RefuseStranger(const Request& request, Use use,
                                        std::string_view remote) const;
  std::optional<Refusal> RefuseHaste(std::string_view remote, Clock::time_point now);
  double TokensOf(const Bucket& bucket, Clock::time_point now) const;
  Bucket& BucketOf(std::string key, Clock::time_point now);  ///< expects the mutex to be held

  const GateConfig config_;
  mutable std::mutex mutex_;
  std::map<std::string, Bucket, std::less<>> buckets_;  // by address
  std::optional<Clock::time_point> swept_;              // when the silent ones were last forgotten
};

}  // namespace copse
