"""Who may ask: tokens, origins, rates and traces, with the real binary."""

import json
import os
import tempfile
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
            row = b'{"inputs":[{"name":"input-0","shape":[1,4],"datatype":"FP64","data":[5,3,1,0]}]}'
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

    def test_tokens_come_from_files_too(self):
        with tempfile.TemporaryDirectory() as folder:
            def secret(name, content):
                path = os.path.join(folder, name)
                with open(path, "wb") as file:
                    file.write(content)
                return path
            auth, control = secret("auth", TOKEN.encode() + b"\n"), secret("control", b"operators")
            with Service("--auth-token-file", auth, log=False,
                         environment={"COPSE_CONTROL_TOKEN_FILE": control}) as service:
                self.problem(service.ask("GET", QUERY), 401)
                self.assertEqual(service.ask("GET", QUERY, BEARER).body, b"[0]")
                load = ("POST", "/v2/repository/models/iris/load")
                self.assertEqual(service.ask(*load, BEARER).status, 401)
                operators = [("Authorization", "Bearer operators")]
                self.assertEqual(service.ask(*load, operators).status, 200)
            for content, why in ((b"", "it is empty"), (b"\n", "it is empty"),
                                 (b"one\ntwo\n", "one line was expected"),
                                 (b"two words", "visible characters was expected"),
                                 (b"x" * 4097, "more than 4096 bytes"), (None, "No such file")):
                path = os.path.join(folder, "none") if content is None else secret("bad", content)
                for option in ("--auth-token-file", "--control-token-file"):
                    with self.assertRaises(AssertionError) as raised:
                        Service(option, path, log=False)
                    self.assertRegex(str(raised.exception),
                                     f"exit code 3: copse: {option} is {path}: .*{why}")
            with self.assertRaisesRegex(AssertionError, "exit code 2: .*--auth-token"):
                Service("--auth-token-file", auth, log=False,
                        environment={"COPSE_AUTH_TOKEN": TOKEN})
            with self.assertRaisesRegex(AssertionError, "exit code 2: .*TOKEN_FILE.*is empty"):
                Service(log=False, environment={"COPSE_AUTH_TOKEN_FILE": ""})

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
            statuses = [service.ask("GET", QUERY).status for _ in range(5)]
            self.assertEqual(statuses, [200] * 5)
            refused = next(answer for answer in (service.ask("GET", QUERY) for _ in range(1000))
                           if answer.status == 429)
            self.problem(refused, 429)
            self.assertEqual(refused.fields["retry-after"], "1")
            end = time.monotonic() + DEADLINE_S
            for path in ("/healthz", "/readyz", "/metrics", "/v2/health/ready"):
                self.assertEqual({service.ask("GET", path).status for _ in range(20)}, {200})
            while service.ask("GET", QUERY).status != 200:
                self.assertLess(time.monotonic(), end)
                time.sleep(0.1)

    def test_behind_a_trusted_proxy_clients_are_counted_one_by_one(self):
        def statuses(service, n=8):
            return [service.ask("GET", QUERY, [("X-Forwarded-For", f"10.0.0.1, 192.0.2.{i}")]).status
                    for i in range(n)]
        for proxies in ("127.0.0.1", "10.0.0.0/8,127.0.0.0/8"):
            with Service("--rate-limit", "0.01", "--trusted-proxy", proxies, log=False) as service:
                self.assertEqual(set(statuses(service)), {200})
                self.assertEqual(set(statuses(service)), {429})
        with Service("--rate-limit", "0.01", log=False) as service:
            self.assertEqual(statuses(service), [200] + [429] * 7)

    def test_a_trace_goes_to_the_log_and_back(self):
        with Service(log=False) as service:
            with service.connect() as wire:
                answer = wire.ask("GET", QUERY,
                                  [("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01")])
                self.assertRegex(answer.fields["traceresponse"], f"^00-{TRACE}-[0-9a-f]{{16}}-01$")
                self.assertNotIn("traceresponse", wire.ask("GET", QUERY).fields)
                broken = wire.ask("GET", QUERY, [("traceparent", f"00-{TRACE}-0-01")])
            self.assertEqual(broken.status, 200)
            self.assertNotIn("traceresponse", broken.fields)
            service.terminate()
            lines = [json.loads(line) for line in service.stdout().splitlines()]
            self.assertEqual([line.get("trace_id") for line in lines], [TRACE, None, None])

    def document(self, service):
        return json.loads(service.ask("GET", "/openapi.json").body)

    def test_the_document_says_who_may_ask_as_the_service_decides_it(self):
        """Each operation without a token, and with each: what is answered is documented, and so is
        its token, and nothing is documented that the gate never answers."""
        tokens = {"predictToken": TOKEN, "controlToken": "operators-only"}
        flags = {"predictToken": ["--auth-token", TOKEN],
                 "controlToken": ["--control-token", "operators-only"]}
        for given in ((), ("predictToken",), ("controlToken",), ("predictToken", "controlToken")):
            options = [each for name in given for each in flags[name]]
            with Service(*options, "--predictions-route") as service:
                document = self.document(service)
                used = {name for operations in document["paths"].values()
                        for operation in operations.values()
                        for each in operation["security"] for name in each}
                self.assertEqual(set(document["components"]["securitySchemes"]), used)
                self.assertIn("predictToken", used)
                for path, operations in document["paths"].items():
                    for method, operation in operations.items():
                        with self.subTest(given=given, path=path, method=method):
                            self.check_operation(service, tokens, path, method, operation)

    def check_operation(self, service, tokens, path, method, operation):
        target = path.replace("{model}", "nobody" if method == "post" else "iris")
        target = target.replace("{name}", "iris").replace("{version}", "0")
        security, responses = operation["security"], operation["responses"]
        self.assertIn("4XX", responses)
        accepted = {name for each in security for name in each}
        needs_one = bool(security) and {} not in security
        for name, token in {None: None, **tokens}.items():
            fields = [("Authorization", f"Bearer {token}")] if token else []
            answer = service.ask(method.upper(), target, fields)
            if needs_one and name not in accepted:
                self.assertEqual(answer.status, 401, answer)
                self.assertIn("www-authenticate", answer.fields)
            else:
                self.assertNotIn(answer.status, (401, 403), answer)
        self.assertEqual("401" in responses, needs_one)
        proxied = [("Authorization", f"Bearer {tokens[name]}") for name in accepted if needs_one]
        elsewhere = service.ask(method.upper(), target, [("Via", "1.1 proxy"), *proxied])
        self.assertEqual(elsewhere.status == 403, "403" in responses, elsewhere)
        self.assertNotIn("429", responses)

    def test_the_document_says_where_a_rate_is_held_to(self):
        with Service("--rate-limit", "0.001", log=False) as service:
            document = self.document(service)  # and that was the one request
            self.assertIn("Retry-After", document["components"]["responses"]["TooManyRequests"]["headers"])
            for path, operations in document["paths"].items():
                for method, operation in operations.items():
                    with self.subTest(path=path, method=method):
                        target = path.replace("{model}", "iris").replace("{name}", "iris")
                        answer = service.ask(method.upper(), target.replace("{version}", "0"))
                        self.assertEqual(answer.status == 429, "429" in operation["responses"], answer)
                        if answer.status == 429:
                            self.assertGreater(int(answer.fields["retry-after"]), 0)

    def test_the_document_says_when_to_come_back_where_there_is_no_model(self):
        with tempfile.TemporaryDirectory() as none, \
                Service("--models", none, models=(), log=False) as service:
            document = self.document(service)
            answer = service.ask("GET", "/readyz")
            self.assertEqual(answer.status, 503)
            self.assertGreater(int(answer.fields["retry-after"]), 0)
            responses = document["paths"]["/readyz"]["get"]["responses"]
            self.assertEqual(responses["503"], {"$ref": "#/components/responses/Unavailable"})
            self.assertIn("Retry-After",
                          document["components"]["responses"]["Unavailable"]["headers"])

    def test_what_cannot_work_is_refused_at_the_start(self):
        with self.assertRaisesRegex(AssertionError, "exit code 2: .*token of visible characters"):
            Service("--auth-token", "two words", log=False)
        for origin in ("https://a.example/", "a.example", "HTTPS://A.example"):
            with self.assertRaisesRegex(AssertionError, "exit code 2: .*is no origin"):
                Service("--cors-origin", origin, log=False)
        with self.assertRaisesRegex(AssertionError, "exit code 2: .*COPSE_AUTH_TOKEN.*is empty"):
            Service(log=False, environment={"COPSE_AUTH_TOKEN": ""})


if __name__ == "__main__":
    unittest.main()
