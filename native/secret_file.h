#pragma once

#include <string>

#include "copse/result.h"

namespace copse {

/// Most bytes of a secret.
inline constexpr std::size_t kSecretBytesMax = 4096;

/// The secret that a file holds, such as one that Docker or Kubernetes mounts: its only line,
/// without the end of that. Errors: kNotFound where it cannot be read, kInvalidInput where it is
/// empty, longer than kSecretBytesMax, or not one line. A message names `option` and the file, and
/// repeats nothing of what is in it.
Result<std::string> ReadSecretFile(const std::string& path, const std::string& option);

/// Whether a text can stand behind "Bearer" in a header field.
bool IsToken(const std::string& text);

}  // namespace copse
