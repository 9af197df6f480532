"""The service over loopback: requests and their framing, hostile clients, stopping."""

import http.client
import json
import re
import signal
import socket
import sqlite3
import subprocess
import threading
import time
import unittest
from pathlib import Path

from service import BINARY, GOOD, IRIS, JSON, ROW, Closed, OneServiceCase, Service, ServiceCase


def chunked(pieces):
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


class Requests(OneServiceCase):
    def test_post_json(self):
        self.assertEqual(self.service.ask("POST", "/predict", JSON, ROW).body, b"[0]")
        both = b"[" + ROW + b"," + ROW + b"]"
        self.assertEqual(self.service.ask("POST", "/predict", JSON, both).body, b"[0, 0]")
        answer = self.service.ask("POST", "/predict", JSON + [("Accept", "application/json")], both)
        self.assertEqual([p["label"] for p in json.loads(answer.body)["predictions"]],
                         ["setosa", "setosa"])

    def test_every_answer_has_the_common_headers(self):
        for target in (GOOD, "/predict", "/nope", "/healthz", "/metrics"):
            fields = self.service.ask("GET", target).fields
            self.assertEqual(fields["x-content-type-options"], "nosniff")
            self.assertIn("default-src 'none'", fields["content-security-policy"])
            self.assertRegex(fields["date"], r"^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$")
            self.assertRegex(fields["x-request-id"],
                             r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-")

    def test_request_ids_are_taken_only_if_they_are_harmless(self):
        def id_of(sent):
            return self.service.ask("GET", GOOD, [("X-Request-ID", sent)]).fields["x-request-id"]
        self.assertEqual(id_of("Client-1_a.b"), "Client-1_a.b")
        for sent in ("a%0d%0aSet-Cookie: x", "a b", "", "x" * 65, 'a"b', "\u00e4"):
            self.assertNotEqual(id_of(sent), sent)
            self.assertEqual(len(id_of(sent)), 36)

    def test_client_address_is_not_what_the_client_says(self):
        rid = "address-test"
        self.service.ask("GET", GOOD, [("REMOTE_ADDR", "6.6.6.6"), ("X-Forwarded-For", "6.6.6.6"),
                                       ("X-Request-ID", rid)])
        self.assertEqual(self.log_line(rid)["remote"], "127.0.0.1")

    def log_line(self, request_id):
        end = time.monotonic() + 10
        while time.monotonic() < end:
            for line in self.service.stdout().splitlines(keepends=True):
                if line.endswith("\n") and json.loads(line)["request_id"] == request_id:
                    return json.loads(line)
            time.sleep(0.01)
        raise AssertionError(f"no log line for {request_id}")

    def test_access_log_has_a_line_for_each_request(self):
        self.service.ask("GET", GOOD, [("X-Request-ID", "log-test")])
        line = self.log_line("log-test")
        self.assertEqual(
            (line["method"], line["route"], line["path"], line["status"], line["bytes"]),
            ("GET", "/predict", "/predict", 200, 3))
        self.assertGreater(line["duration_ms"], 0)
        self.assertRegex(line["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")

    def test_metrics_are_those_of_prometheus(self):
        self.service.ask("GET", "/" + "x" * 50)
        self.service.ask("BREW", "/predict")
        text = self.service.ask("GET", "/metrics").body.decode()
        self.assertTrue(text.endswith("\n"))
        sample = re.compile(r'^[a-z_]+(\{([a-z_]+="([^"\\\n]|\\.)*",?)*\})? [0-9.e+-]+$')
        for line in text.splitlines():
            self.assertTrue(line.startswith("# ") or sample.match(line), line)
        self.assertNotIn("xxxx", text)
        self.assertNotIn("BREW", text)
        for name in ("http_server_request_duration_seconds_bucket", "model_predictions_total",
                     "prediction_log_up", "process_resident_memory_bytes",
                     "process_start_time_seconds", "copse_build_info"):
            self.assertIn(f"\n{name}", text)

    def test_keep_alive_and_pipelining(self):
        with self.service.connect() as wire:
            for _ in range(200):
                self.assertEqual(wire.ask("GET", GOOD).body, b"[0]")
            one = f"GET {GOOD} HTTP/1.1\r\nHost: h\r\n\r\n".encode()
            post = (b"POST /predict HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                    b"Content-Length: %d\r\n\r\n" % len(ROW)) + ROW
            wire.send((one + post) * 10)
            for _ in range(20):
                self.assertEqual(wire.read_answer().body, b"[0]")

    def test_connection_close_and_http_1_0(self):
        for head in (b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
                     b"GET /healthz HTTP/1.0\r\n\r\n"):
            with self.service.connect() as wire:
                wire.send(head)
                self.assertEqual(wire.read_answer().fields["connection"], "close")
                self.assertTrue(wire.is_closed())

    def test_a_head_may_come_byte_by_byte(self):
        with self.service.connect() as wire:
            for byte in f"GET {GOOD} HTTP/1.1\r\nHost: h\r\n\r\n".encode():
                wire.send(bytes([byte]))
            self.assertEqual(wire.read_answer().body, b"[0]")

    # What two readers could understand differently.

    def test_two_answers_to_where_a_body_ends_are_refused_and_close(self):
        hidden = b"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"
        for fields in (b"Content-Length: 5\r\nTransfer-Encoding: chunked",
                       b"Transfer-Encoding: chunked\r\nContent-Length: 5",
                       b"Content-Length: 5\r\nContent-Length: 6",
                       b"Content-Length: 0\r\nContent-Length: 0",
                       b"Content-Length: -1", b"Content-Length: abc", b"Content-Length: 1,1"):
            with self.subTest(fields), self.service.connect() as wire:
                wire.send(b"POST /predict HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                          + fields + b"\r\n\r\n0\r\n\r\n" + hidden)
                self.problem(wire.read_answer(), 400)
                self.assertTrue(wire.is_closed())

    def test_missing_host_is_refused_and_the_connection_lives(self):
        with self.service.connect() as wire:
            wire.send(b"GET /healthz HTTP/1.1\r\n\r\n")
            self.problem(wire.read_answer(), 400)
            self.assertEqual(wire.ask("GET", GOOD).body, b"[0]")

    def test_body_of_a_get_is_not_the_next_request(self):
        hidden = b"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"
        for method in ("GET", "HEAD", "DELETE", "OPTIONS"):
            with self.subTest(method), self.service.connect() as wire:
                wire.ask(method, "/healthz", body=hidden)
                self.assertEqual(wire.ask("GET", GOOD).body, b"[0]")
        with self.service.connect() as wire:
            wire.send(b"GET /healthz HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                      + chunked([hidden]))
            self.assertEqual(wire.read_answer().status, 200)
            self.assertEqual(wire.ask("GET", GOOD).body, b"[0]")
        self.assertNotIn("smuggled", self.service.stdout())

    def test_crlf_in_a_field_splits_nothing(self):
        with self.service.connect() as wire:
            answer = wire.ask("GET", "/apidocs", [("Host", "h%0d%0aX-Evil: 1")])
            self.problem(answer, 400)
        answer = self.service.ask("GET", "/predict?s_length=a%0d%0aX-Evil:%201")
        self.assertNotIn("x-evil", answer.fields)

    def test_broken_heads_are_refused(self):
        for head in (b"GET /\r\n", b"GET / HTTP/1.1\r\nHost : h\r\n", b"\x16\x03\x01\r\n",
                     b"GET / HTTP/1.1\r\nHost: h\r\n folded\r\n", b"GET / HTTP/1.1\nHost: h\n\r\n",
                     b"GET /\x00 HTTP/1.1\r\nHost: h\r\n", b"GET /%zz HTTP/1.1\r\nHost: h\r\n"):
            with self.subTest(head), self.service.connect() as wire:
                wire.send(head + b"\r\n")
                self.problem(wire.read_answer(), 400)

    def test_ranges_are_ignored(self):
        ranges = "bytes=" + ",".join("0-" for _ in range(500))
        answer = self.service.ask("GET", "/openapi.json", [("Range", ranges)])
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.body, self.service.ask("GET", "/openapi.json").body)
        self.assertEqual(self.service.ask("POST", "/predict", JSON + [("Range", "bytes=0-0")],
                                          ROW).body, b"[0]")

    def test_nothing_is_compressed_on_the_way(self):
        answer = self.service.ask("GET", "/openapi.json", [("Accept-Encoding", "br, gzip")])
        self.assertNotIn("content-encoding", answer.fields)
        self.assertEqual(json.loads(answer.body)["openapi"], "3.1.0")

    def test_half_a_request_does_no_harm(self):
        for start in (b"", b"GET", b"GET / HTTP/1.1\r\n",
                      b"POST /predict HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc"):
            with self.service.connect() as wire:
                wire.send(start)

    def test_peer_that_stops_in_its_body_is_told_so(self):
        with self.service.connect() as wire:
            wire.send(b"POST /predict HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                      b"Content-Length: 100\r\n\r\nabc")
            wire.socket.shutdown(socket.SHUT_WR)
            self.problem(wire.read_answer(), 408)

    def test_model_file_and_its_tag(self):
        answer = self.service.ask("GET", "/models/iris.safetensors")
        self.assertEqual(answer.body, Path(IRIS).read_bytes())
        again = self.service.ask("GET", "/models/iris.safetensors",
                                 [("If-None-Match", answer.fields["etag"])])
        self.assertEqual((again.status, again.body), (304, b""))
        head = self.service.ask("HEAD", "/models/iris.safetensors")
        self.assertEqual(head.fields["content-length"], str(len(answer.body)))

    def test_another_client_library_understands_every_answer(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.service.port, timeout=20)
        for method, path in (("GET", GOOD), ("HEAD", GOOD), ("OPTIONS", "/predict"), ("GET", "/x"),
                             ("GET", "/metrics"), ("GET", "/models/iris.safetensors")):
            connection.request(method, path)
            response = connection.getresponse()
            response.read()
            self.assertLess(response.status, 500)
        connection.close()

    def test_many_clients_at_once(self):
        failures = []

        def client():
            try:
                with self.service.connect() as wire:
                    for _ in range(50):
                        if wire.ask("GET", GOOD).body != b"[0]":
                            failures.append("wrong answer")
            except (OSError, Closed) as error:
                failures.append(repr(error))

        threads = [threading.Thread(target=client) for _ in range(32)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])


class Stopping(ServiceCase):
    def test_idle_connections_do_not_hold_it_up(self):
        with Service() as service, service.connect() as idle, service.connect() as fresh:
            self.assertEqual(idle.ask("GET", GOOD).body, b"[0]")
            code, seconds = service.terminate()
            self.assertEqual(code, 0, service.stderr())
            self.assertLess(seconds, 2)
            self.assertTrue(idle.is_closed())
            self.assertTrue(fresh.is_closed())

    def test_a_request_in_its_head_does_not_hold_it_up(self):
        with Service() as service, service.connect() as wire:
            wire.send(b"GET / HTTP/1.1\r\n")
            self.assertEqual(service.ask("GET", GOOD).body, b"[0]")
            code, seconds = service.terminate()
            self.assertEqual(code, 0)
            self.assertLess(seconds, 3)

    def test_a_request_that_is_being_sent_is_answered(self):
        with Service() as service, service.connect() as wire:
            wire.send(b"POST /predict HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                      b"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n" % len(ROW))
            self.assertEqual(wire.read_head()[0], 100)
            service.process.terminate()
            with self.assertRaises(OSError):
                end = time.monotonic() + 5
                while time.monotonic() < end:
                    service.connect().socket.close()
            wire.send(ROW)
            answer = wire.read_answer()
            self.assertEqual(answer.body, b"[0]")
            self.assertEqual(answer.fields["connection"], "close")
            self.assertEqual(service.process.wait(10), 0)

    def test_no_answered_prediction_is_lost(self):
        with Service() as service:
            answered = []
            stop = threading.Event()

            def client():
                try:
                    with service.connect() as wire:
                        while not stop.is_set():
                            answer = wire.ask("GET", GOOD)
                            answered.append(answer.fields["x-request-id"])
                except (OSError, Closed):
                    pass

            threads = [threading.Thread(target=client) for _ in range(4)]
            for thread in threads:
                thread.start()
            end = time.monotonic() + 20
            while len(answered) < 200 and time.monotonic() < end:
                time.sleep(0.01)
            code, _ = service.terminate()
            stop.set()
            for thread in threads:
                thread.join()
            self.assertEqual(code, 0, service.stderr())
            with sqlite3.connect(service.log_path) as log:
                kept = {row[0] for row in log.execute("SELECT request_id FROM predictions")}
            self.assertGreaterEqual(len(answered), 200)
            self.assertEqual(set(answered) - kept, set())

    def test_second_copy_on_a_port_fails_and_says_so(self):
        with Service() as service:
            second = subprocess.run(
                [BINARY, "serve", "--model", IRIS, "--host", "127.0.0.1", "--no-log", "--port",
                 str(service.port)], capture_output=True, text=True, timeout=30, check=False)
            self.assertEqual(second.returncode, 1, second.stderr)
            self.assertIn(f"127.0.0.1:{service.port}", second.stderr)
            self.assertEqual(len(second.stderr.strip().splitlines()), 1, second.stderr)
            self.assertEqual(service.ask("GET", GOOD).body, b"[0]")

    def test_interrupt_stops_it_too(self):
        with Service() as service:
            service.process.send_signal(signal.SIGINT)
            self.assertEqual(service.process.wait(10), 0)


if __name__ == "__main__":
    unittest.main()
