#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "copse/result.h"

/// Sentences about data that somebody else made.
///
/// Text out of a file may hold terminal escapes or be a megabyte long, so it reaches a message
/// only through Quote, and every message is held to kMessageBytesMax.
namespace copse::text {

inline constexpr std::size_t kMessageBytesMax = 600;

/// Whether `bytes` are UTF-8 as RFC 3629 has it: no overlong forms, no surrogates.
/// Returns the position of the first byte that is not, or npos.
std::size_t FindInvalidUtf8(std::string_view bytes);

/// `text` between double quotes, cut after 60 bytes, with control characters, quotes and bytes
/// that are not UTF-8 as \xHH.
std::string Quote(std::string_view text);

/// Shortest decimal form that reads back as the same double; "NaN", "inf", "-inf".
std::string FromDouble(double value);

inline std::string Piece(std::string_view text) { return std::string(text); }
inline std::string Piece(const char* text) { return text; }
template <std::integral T>
std::string Piece(T value) {
  return std::to_string(value);
}
inline std::string Piece(double value) { return FromDouble(value); }

/// The pieces one after another: Concat("leaf.row[", 3, "]").
template <class... Pieces>
std::string Concat(const Pieces&... pieces) {
  std::string joined;
  (joined.append(Piece(pieces)), ...);
  return joined;
}

/// An Error whose message is held to kMessageBytesMax.
Error MakeError(ErrorCode code, std::string message);

template <class... Pieces>
Error Invalid(const Pieces&... pieces) {
  return MakeError(ErrorCode::kInvalidModel, Concat(pieces...));
}
template <class... Pieces>
Error Unsupported(const Pieces&... pieces) {
  return MakeError(ErrorCode::kUnsupportedModel, Concat(pieces...));
}
template <class... Pieces>
Error TooLarge(const Pieces&... pieces) {
  return MakeError(ErrorCode::kTooLarge, Concat(pieces...));
}

}  // namespace copse::text
