#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "copse/explain.h"
#include "loaded_model.h"
#include "prediction_text.h"
#include "reply.h"
#include "row_pool.h"
#include "v2_outputs.h"

namespace copse {

/// What an inference response says of its request.
struct InferAnswer {
  const LoadedModel& model;
  const std::optional<std::string>& id;  ///< echoed
  std::span<const WantedOutput> wanted;  ///< in this order
  std::span<const double> rows;          ///< what `prediction` is of
  const Prediction& prediction;
  const Explainer* explainer = nullptr;  ///< where kExplain is wanted
};

/// 200 with an inference response. JSON; with a binary output that is not empty
/// application/octet-stream, where Inference-Header-Content-Length says how much of it is JSON. A
/// number that is not finite is null in JSON, and itself in binary. `pool` helps with
/// leaves and contributions.
Reply InferReply(const InferAnswer& answer, RowPool& pool);

/// Compresses the body for an Accept-Encoding field that wants it (gzip before deflate), if that is
/// worth it, and says so in Content-Encoding and Vary.
void CompressReply(std::string_view accept_encoding, Reply& reply);

}  // namespace copse
