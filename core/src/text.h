#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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

/// Appends code point `code`, at most 0x10ffff, as UTF-8 would have it; a surrogate too, for
/// callers that have not refused it.
void AppendUtf8(std::uint32_t code, std::string& out);

/// `text` between double quotes, cut after 60 bytes, with control characters, quotes and bytes
/// that are not UTF-8 as \xHH.
std::string Quote(std::string_view text);

/// A text that stands twice in `texts`.
std::optional<std::string_view> FindTwice(std::vector<std::string_view> texts);

/// Shortest decimal form that reads back as the same double; "NaN", "inf", "-inf".
std::string FromDouble(double value);

/// Text or a number on its way into a sentence. A view: lives no longer than the call.
class Piece {
 public:
  Piece(std::string_view text) : kind_(Kind::kText), text_(text) {}  // NOLINT: implicit
  Piece(const std::string& text) : Piece(std::string_view(text)) {}  // NOLINT: implicit
  Piece(const char* text) : Piece(std::string_view(text)) {}         // NOLINT: implicit
  Piece(double value) : kind_(Kind::kDouble), double_(value) {}      // NOLINT: implicit
  template <std::signed_integral T>
  Piece(T value) : kind_(Kind::kSigned), signed_(value) {}  // NOLINT: implicit
  template <std::unsigned_integral T>
  Piece(T value) : kind_(Kind::kUnsigned), unsigned_(value) {}  // NOLINT: implicit

  void AppendTo(std::string& sentence) const;

 private:
  enum class Kind : std::uint8_t { kText, kDouble, kSigned, kUnsigned };

  Kind kind_;
  union {
    std::string_view text_;
    double double_;
    std::int64_t signed_;
    std::uint64_t unsigned_;
  };
};

/// The pieces one after another: Concat({"leaf.row[", 3, "]"}). A list and no template: what
/// refuses a file is most of a reader's code.
std::string Concat(std::initializer_list<Piece> pieces);

/// Adds `name` in quotes to a list of what would have been right: `"a" or "b"`.
void AppendChoice(std::string_view name, std::string& list);

/// An Error whose message is `pieces`, held to kMessageBytesMax; and with the three codes that a
/// model file can earn.
Error MakeError(ErrorCode code, std::initializer_list<Piece> pieces);
Error Invalid(std::initializer_list<Piece> pieces);
Error Unsupported(std::initializer_list<Piece> pieces);
Error TooLarge(std::initializer_list<Piece> pieces);

/// Why something was refused, or nothing: one pointer, so that a chain of checks stays small code.
class Flaw {
 public:
  Flaw() = default;
  Flaw(Error error);  // NOLINT: implicit
  explicit operator bool() const { return error_ != nullptr; }
  const Error& operator*() const { return *error_; }

 private:
  std::unique_ptr<Error> error_;
};

}  // namespace copse::text
