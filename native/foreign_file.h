#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace copse {

/// What a file is that no importer reads, and what to do instead, by its first bytes: what people
/// take for models of ours. Nothing, if it may be one, or is only known as none by the importers.
std::optional<std::string> ForeignFile(std::string_view head);

}  // namespace copse
