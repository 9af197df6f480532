#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "copse/model.h"
#include "copse/result.h"

namespace copse {

/// Reads a model file, format version 1 (docs/FORMAT.md): a valid safetensors file.
///
/// Checks all nine rules of the format before anything is believed: the container, the limits,
/// every length, every index, every number, the metadata, and the checksum where there is one.
/// Never allocates more than a small multiple of `bytes`; keeps no reference to them.
/// Errors: kInvalidModel, kUnsupportedModel, kTooLarge, each one sentence of at most 600
/// characters that says where.
Result<Model> ReadModel(std::span<const std::uint8_t> bytes);

/// The file of `model`. Canonical: the same model gives the same bytes from every writer, and
/// WriteModel(ReadModel(bytes)) is `bytes` for any file that a writer of this project made.
std::vector<std::uint8_t> WriteModel(const Model& model);

/// What the model is, as a JSON object: task, features with ranges, outputs with labels, sizes,
/// numeric rules, source, provenance, warnings. The text of `copse inspect --json`, and what the
/// page builds its form from.
std::string DescribeModel(const Model& model);

}  // namespace copse
