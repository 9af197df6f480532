#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "connection.h"

namespace copse {

/// Sends an answer while its request is still being read. Many clients send everything before they
/// read anything: what such a client does not take yet waits in a nameless file, so that reading
/// goes on and memory holds none of it. For one thread.
class AnswerSpool {
 public:
  /// `folder`: where the file is made if it is needed. Where it would have more than
  /// `bytes_max` bytes, or none can be made, the client is waited for.
  AnswerSpool(Connection& connection, std::string folder, std::uint64_t bytes_max)
      : connection_(connection), folder_(std::move(folder)), bytes_max_(bytes_max) {}
  ~AnswerSpool();
  AnswerSpool(const AnswerSpool&) = delete;
  AnswerSpool& operator=(const AnswerSpool&) = delete;

  /// False: the client is gone, or takes nothing.
  bool Write(std::string_view bytes);

  /// Waits until there is something to read from the client, and sends meanwhile what it takes.
  /// False: the client is gone.
  bool AwaitInput();

  /// Sends all that waits.
  bool Finish();

 private:
  bool Send(bool may_wait);
  bool Keep(std::string_view bytes);
  bool IsEmpty() const { return part_.empty() && begin_ == end_; }

  Connection& connection_;
  const std::string folder_;
  const std::uint64_t bytes_max_;
  int file_ = -1;
  std::uint64_t begin_ = 0, end_ = 0;  // of what waits in the file
  std::string part_;                   // taken out of it, and goes first
};

}  // namespace copse
