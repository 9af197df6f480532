#pragma once

#include <cassert>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>

namespace copse {

/// Why something that came from outside was refused.
///
/// The numbers are a contract: JavaScript sees them as `ForestError.code`, and the server maps
/// them to an HTTP status in one table. Append only.
enum class ErrorCode : std::int32_t {
  kInvalidModel = 1,      ///< the model file breaks a rule of the format
  kUnsupportedModel = 2,  ///< well formed, but says something this version cannot honour
  kTooLarge = 3,          ///< a limit of `limits.h`, or of the service, would be passed
  kInvalidInput = 4,      ///< a row, field, parameter or option has a value that cannot be used
  kNotFound = 5,          ///< no such model, route or file
  kMethodNotAllowed = 6,
  kUnsupportedMediaType = 7,
  kNotAcceptable = 8,
  kUnavailable = 9,  ///< cannot answer now; try again
  kInternal = 10,    ///< our fault
};

/// A refusal: its code, and one sentence for the person who sent the data, naming the field, the
/// value and what was expected.
struct [[nodiscard]] Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;
};

/// A value, or the Error that says why there is none. Never throws; asking for the one that is
/// not there is a broken promise of our own code (assert).
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit

  bool ok() const { return state_.index() == 0; }

  const T& value() const& {
    assert(ok());
    return *std::get_if<0>(&state_);
  }
  T& value() & {
    assert(ok());
    return *std::get_if<0>(&state_);
  }
  T&& value() && {
    assert(ok());
    return std::move(*std::get_if<0>(&state_));
  }
  const T& operator*() const& { return value(); }
  T& operator*() & { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  const T* operator->() const { return &value(); }
  T* operator->() { return &value(); }

  const Error& error() const {
    assert(!ok());
    return *std::get_if<1>(&state_);
  }

 private:
  std::variant<T, Error> state_;
};

/// Success without a value: `return Ok{};`.
struct Ok {};
using Status = Result<Ok>;

}  // namespace copse
