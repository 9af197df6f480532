#pragma once

#include <cstdint>
#include <span>

namespace copse::importer {

/// Whether `bytes` begin as a ModelProto does: an IR version that exists, and a graph, both
/// reachable by skipping fields that a model may have.
bool LooksLikeOnnx(std::span<const std::uint8_t> bytes);

}  // namespace copse::importer
