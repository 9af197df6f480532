#include "copse/result.h"

namespace copse {

MaybeError::MaybeError(Error error) : error_(new Error(std::move(error))) {}
MaybeError::MaybeError(const MaybeError& other)
    : error_(other.error_ == nullptr ? nullptr : new Error(*other.error_)) {}
void MaybeError::Delete() { delete error_; }

}  // namespace copse
