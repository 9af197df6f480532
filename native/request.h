#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace copse {

/// A request as handlers see it: no socket, nothing undone, nothing trusted.
struct Request {
  std::string method;
  std::string target;                                       ///< path and query, as sent
  std::string host;                                         ///< checked: host and port, or empty
  std::vector<std::pair<std::string, std::string>> fields;  ///< names in lower case
  std::string body;                                         ///< chunks and compression undone

  std::string path;                                        ///< decoded, see url.h
  std::vector<std::pair<std::string, std::string>> query;  ///< decoded
  std::string trace_id;    ///< of the caller's trace (W3C), or empty
  std::string request_id;  ///< the client's if it is a good one, else made

  /// The first field of that lower-case name, or an empty text.
  std::string_view Field(std::string_view name) const {
    for (const auto& field : fields) {
      if (field.first == name) return field.second;
    }
    return {};
  }
};

}  // namespace copse
