"""Who may ask: tokens, origins, rates and traces, with the real binary."""

import json
import time
import unittest

from service import DEADLINE_S, Service

QUERY = "/predict?s_length=5.1&s_width=3.5&p_length=1.4&p_width=0.2"
TOKEN = "correct-horse-battery"
BEARER = [("Authorization", f"Bearer {TOKEN}")]
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class Access(unittest.TestCase):
    def problem(self, answer, status):
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.type, "application/problem+json")
        self.assertNotIn(TOKEN, answer.body.decode())
        return json.loads(answer.body)

    def test_predictions_need_the_token_and_health_does_not(self):
        with Service("--auth-token", TOKEN, log=False) as service:
            for path in ("/healthz", "/readyz", "/metrics", "/openapi.json", "/models"):
                self.assertEqual(service.ask("GET", path).status, 200, path)
            answer = service.ask("GET", QUERY)
            self.problem(answer, 401)
            self.assertEqual(answer.fields["www-authenticate"], 'Bearer realm="copse"')
            self.problem(service.ask("GET", "/models/iris.safetensors"), 401)
            self.problem(service.ask("GET", QUERY, [("Authorization", "Bearer wrong")]), 401)
            self.assertEqual(service.ask("GET", QUERY, BEARER).body, b"[0]")
            row = b'{"inputs":[{"name":"x","shape":[1,4],"datatype":"FP64","data":[5,3,1,0]}]}'
            self.assertEqual(service.ask("POST", "/v2/models/iris/infer", [], row).status, 401)
            self.assertEqual(service.ask("POST", "/v2/models/iris/infer", BEARER, row).status, 200)

    def test_a_refused_body_is_skipped_and_the_connection_goes_on(self):
        with Service("--auth-token", TOKEN, log=False) as service, service.connect() as wire:
            body = b"5.1,3.5,1.4,0.2\n" * 2000
            kind = [("Content-Type", "text/csv")]
            self.assertEqual(wire.ask("POST", "/predict_file", kind, body).status, 401)
            answer = wire.ask("POST", "/predict_file", kind + BEARER, body)
            self.assertEqual(answer.status, 200)
            self.assertEqual(json.loads(answer.body), [0] * 2000)

    def test_the_recent_log_has_a_token_of_its_own(self):
        with Service("--predictions-route", "--auth-token", TOKEN, "--control-token",
                     "operators-only") as service:
            self.assertEqual(service.ask("GET", QUERY, BEARER).status, 200)
            self.problem(service.ask("GET", "/predictions", BEARER), 401)
            answer = service.ask("GET", "/predictions", [("Authorization", "Bearer operators-only")])
            self.assertEqual(answer.status, 200)

    def test_pages_of_listed_origins_may_read_answers(self):
        origin = [("Origin", "https://a.example")]
        with Service("--cors-origin", "https://a.example", "--auth-token", TOKEN,
                     log=False) as service:
            asked = service.ask("OPTIONS", "/predict", origin + [
                ("Access-Control-Request-Method", "POST"),
                ("Access-Control-Request-Headers", "authorization, content-type")])
            self.assertEqual(asked.status, 200)
            self.assertEqual(asked.fields["access-control-allow-origin"], "https://a.example")
            self.assertIn("Authorization", asked.fields["access-control-allow-headers"])
            for fields, status in ((origin, 401), (origin + BEARER, 200)):
                answer = service.ask("GET", QUERY, fields)
                self.assertEqual(answer.status, status)
                self.assertEqual(answer.fields["access-control-allow-origin"], "https://a.example")
            other = service.ask("GET", "/healthz", [("Origin", "https://b.example")])
            self.assertNotIn("access-control-allow-origin", other.fields)
        with Service(log=False) as service:
            self.assertNotIn("access-control-allow-origin",
                             service.ask("GET", "/healthz", origin).fields)

    def test_a_client_that_asks_too_often_is_told_when_to_come_back(self):
        with Service("--rate-limit", "5", log=False) as service:
            statuses = [service.ask("GET", "/healthz").status for _ in range(12)]
            self.assertEqual(statuses[:5], [200] * 5)
            self.assertIn(429, statuses)
            refused = next(answer for answer in iter(lambda: service.ask("GET", "/healthz"), None)
                           if answer.status == 429)
            self.problem(refused, 429)
            self.assertEqual(refused.fields["retry-after"], "1")
            end = time.monotonic() + DEADLINE_S
            while service.ask("GET", "/healthz").status != 200:
                self.assertLess(time.monotonic(), end)
                time.sleep(0.1)

    def test_a_trace_goes_to_the_log_and_back(self):
        with Service(log=False) as service:
            answer = service.ask("GET", QUERY, [("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01")])
            self.assertRegex(answer.fields["traceresponse"], f"^00-{TRACE}-[0-9a-f]{{16}}-01$")
            self.assertNotIn("traceresponse", service.ask("GET", QUERY).fields)
            broken = service.ask("GET", QUERY, [("traceparent", f"00-{TRACE}-0-01")])
            self.assertEqual(broken.status, 200)
            self.assertNotIn("traceresponse", broken.fields)
            service.terminate()
            lines = [json.loads(line) for line in service.stdout().splitlines()]
            self.assertEqual([line.get("trace_id") for line in lines], [TRACE, None, None])

    def test_a_token_must_fit_into_a_header(self):
        with self.assertRaisesRegex(AssertionError, "exit code 2: .*token of visible characters"):
            Service("--auth-token", "two words", log=False)


if __name__ == "__main__":
    unittest.main()
