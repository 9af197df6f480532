#pragma once

#include "predictor.h"
#include "reply.h"
#include "request.h"

namespace copse {

/// Answers POST .../infer of the Open Inference Protocol, whatever its Content-Type. What is
/// answered is recorded, counted and measured as Predictor does it. Thread-safe.
Reply InferV2(const Predictor& predictor, const Request& request);

/// The same for POST /v1/models/NAME:predict.
Reply PredictV1(const Predictor& predictor, const Request& request);

}  // namespace copse
