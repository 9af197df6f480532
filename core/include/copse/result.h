#pragma once

#include <cassert>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

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

/// An Error, or none: one pointer, so that a Result without one costs little. Copies are deep.
class MaybeError {
 public:
  MaybeError() = default;
  explicit MaybeError(Error error);
  MaybeError(const MaybeError& other);
  MaybeError(MaybeError&& other) noexcept : error_(other.error_) { other.error_ = nullptr; }
  MaybeError& operator=(MaybeError other) noexcept {
    std::swap(error_, other.error_);
    return *this;
  }
  ~MaybeError() {
    if (error_ != nullptr) Delete();
  }
  explicit operator bool() const { return error_ != nullptr; }
  const Error& operator*() const { return *error_; }

 private:
  void Delete();
  Error* error_ = nullptr;
};

/// A value, or the Error that says why there is none. Never throws; asking for the one that is
/// not there is a broken promise of our own code (assert).
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}      // NOLINT: implicit
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit

  bool ok() const { return value_.has_value(); }

  const T& value() const& {
    assert(ok());
    return *value_;
  }
  T& value() & {
    assert(ok());
    return *value_;
  }
  T&& value() && {
    assert(ok());
    return std::move(*value_);
  }
  const T& operator*() const& { return value(); }
  T& operator*() & { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  const T* operator->() const { return &value(); }
  T* operator->() { return &value(); }

  const Error& error() const {
    assert(!ok());
    return *error_;
  }

 private:
  // Not a variant: each would bring its tables of functions into the WebAssembly module.
  std::optional<T> value_;
  MaybeError error_;
};

/// Success without a value: `return Ok{};`.
struct Ok {};
using Status = Result<Ok>;

}  // namespace copse
