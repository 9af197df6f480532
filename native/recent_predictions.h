#pragma once

#include "prediction_log.h"
#include "reply.h"
#include "request.h"

namespace copse {

/// GET /predictions: the rows that were recorded last, newest first, as many as `limit` says (1 to
/// 1000; 100 if there is none). `{"predictions": [...]}`, or one object a line for who accepts
/// application/x-ndjson. 400 for another limit or parameter, 503 while the log cannot be read.
Reply RecentPredictionsReply(const Request& request, const PredictionLog& log);

}  // namespace copse
