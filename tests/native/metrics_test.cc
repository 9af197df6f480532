#include "metrics.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "access_log.h"

namespace copse {
namespace {

bool HasLine(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST(Metrics, CountsRequestsInCumulativeBuckets) {
  Metrics metrics;
  metrics.CountRequest("/predict", "GET", 200, 0.0001);
  metrics.CountRequest("/predict", "GET", 200, 0.002);
  metrics.CountRequest("/predict", "GET", 200, 60);
  const std::string text = metrics.Text({});
  const std::string labels =
      R"(http_route="/predict",http_request_method="GET",http_response_status_code="200")";
  const std::string name = "http_server_request_duration_seconds";
  EXPECT_TRUE(HasLine(text, name + "_bucket{" + labels + ",le=\"1e-04\"} 1")) << text;
  EXPECT_TRUE(HasLine(text, name + "_bucket{" + labels + ",le=\"0.001\"} 1"));
  EXPECT_TRUE(HasLine(text, name + "_bucket{" + labels + ",le=\"0.0025\"} 2"));
  EXPECT_TRUE(HasLine(text, name + "_bucket{" + labels + ",le=\"10\"} 2"));
  EXPECT_TRUE(HasLine(text, name + "_bucket{" + labels + ",le=\"+Inf\"} 3"));
  EXPECT_TRUE(HasLine(text, name + "_count{" + labels + "} 3"));
  EXPECT_TRUE(HasLine(text, "# TYPE " + name + " histogram"));
  EXPECT_TRUE(text.ends_with('\n'));
}

TEST(Metrics, CountsPredictionsByClass) {
  Metrics metrics;
  metrics.CountPredictions("iris", "1", "", "setosa", 2);
  metrics.CountPredictions("iris", "1", "", "setosa", 1);
  metrics.CountPredictions("iris", "1", "out", "a\"\\\nb", 1);
  const std::string text = metrics.Text({});
  EXPECT_TRUE(
      HasLine(text, R"(model_predictions_total{model="iris",version="1",class="setosa"} 3)"))
      << text;
  EXPECT_TRUE(HasLine(
      text,
      R"(model_predictions_total{model="iris",version="1",output="out",class="a\"\\\nb"} 1)"));
}

TEST(Metrics, TellsHowTheLogIsDoing) {
  Metrics metrics;
  Metrics::Snapshot snapshot;
  EXPECT_EQ(metrics.Text(snapshot).find("prediction_log"), std::string::npos);
  LogState log;
  log.sink = "redis";
  log.up = false;
  log.accepted = 5;
  log.written = 3;
  log.dropped = 1;
  log.queued = 1;
  log.late = 2;
  snapshot.log = log;
  snapshot.models.resize(2);
  snapshot.ready = true;
  const std::string text = metrics.Text(snapshot);
  EXPECT_TRUE(HasLine(text, R"(prediction_log_up{sink="redis"} 0)")) << text;
  EXPECT_TRUE(HasLine(text, "prediction_log_accepted_total 5"));
  EXPECT_TRUE(HasLine(text, "prediction_log_written_total 3"));
  EXPECT_TRUE(HasLine(text, "prediction_log_dropped_total 1"));
  EXPECT_TRUE(HasLine(text, "prediction_log_queued 1"));
  EXPECT_TRUE(HasLine(text, "prediction_log_late_total 2"));
  EXPECT_EQ(text.find("redis_up"), std::string::npos);
  EXPECT_TRUE(HasLine(text, "models_loaded 2"));
  EXPECT_TRUE(HasLine(text, "service_ready 1"));
}

TEST(Metrics, TellsHowRowsGetToRedis) {
  Metrics::Snapshot snapshot;
  LogState log;
  log.sink = "sqlite";
  log.bytes = 8192;
  log.redis = ShipState{
      .up = false, .shipped = 7, .waiting = 3, .gone = 1, .lag_seconds = 2.5, .last_error = "OOM"};
  snapshot.log = log;
  const std::string text = Metrics().Text(snapshot);
  EXPECT_TRUE(HasLine(text, R"(prediction_log_up{sink="sqlite"} 1)")) << text;
  EXPECT_TRUE(HasLine(text, "prediction_log_bytes 8192"));
  EXPECT_TRUE(HasLine(text, "redis_up 0"));
  EXPECT_TRUE(HasLine(text, "prediction_log_shipped_total 7"));
  EXPECT_TRUE(HasLine(text, "prediction_log_unshipped_rows 3"));
  EXPECT_TRUE(HasLine(text, "prediction_log_lag_seconds 2.5"));
  EXPECT_TRUE(HasLine(text, "prediction_log_gone_total 1"));
  EXPECT_TRUE(HasLine(text, "# TYPE prediction_log_lag_seconds gauge"));
}

TEST(FormatAccessLogLine, IsOneLineOfJsonWhateverThePathIs) {
  EXPECT_EQ(FormatAccessLogLine({.time_unix_ms = 784111777042,
                                 .request_id = "id",
                                 .method = "GET",
                                 .route = "/predict",
                                 .path = "/a\"\n\xff",
                                 .status = 200,
                                 .bytes = 3,
                                 .duration_ms = 1.23456,
                                 .remote = "::1"}),
            R"({"time":"1994-11-06T08:49:37.042Z","request_id":"id","method":"GET",)"
            R"("route":"/predict","path":"/a\"\n)"
            "\xef\xbf\xbd"
            R"(","status":200,"bytes":3,"duration_ms":1.235,"remote":"::1"})");
}

// A pipe that nobody reads fills up; requests must not wait for it.
TEST(AccessLog, DropsLinesRatherThanWait) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  AccessLog log(ends[1], 1000);
  for (int i = 0; i < 2000; ++i)
    log.Append(
        {.request_id = std::string(100, 'x'), .method = {}, .route = {}, .path = {}, .remote = {}});
  EXPECT_GT(log.dropped(), 0U);
  log.Close(0);
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace copse
