"""The service over loopback: limits, framing, hostile clients, stopping."""

import contextlib
import gzip
import hashlib
import http.client
import json
import os
import pickle
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

import numpy as np
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier

from service import BINARY, IRIS, Closed, Service, form

WIDE = str(Path(IRIS).parents[1] / "tests/vectors/ref_wide/model.safetensors")  # 2.5 MB
GOOD = "/predict?s_length=5.1&s_width=3.5&p_length=1.4&p_width=0.2"
JSON = [("Content-Type", "application/json")]
CSV = [("Content-Type", "text/csv")]
ROW = b"[5.1,3.5,1.4,0.2]"
MIB = 1 << 20
BODY_MAX = 16 * MIB


def chunked(pieces):
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def flowers(path):
    """Writes a pickled forest with named features and text labels to `path`; the forest."""
    data = load_iris()
    forest = RandomForestClassifier(5, random_state=1, n_jobs=1).fit(
        data.data, data.target_names[data.target])
    forest.feature_names_in_ = np.array(["s length", "s_width", "p_length", "p_width"], object)
    path.write_bytes(pickle.dumps(forest))
    del forest.feature_names_in_
    return forest


class ServiceCase(unittest.TestCase):
    def problem(self, answer, status):
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.type, "application/problem+json")
        return json.loads(answer.body)


class Requests(ServiceCase):
    """One service for all: no test here may hurt the next."""

    @classmethod
    def setUpClass(cls):
        cls.service = cls.enterClassContext(Service())

    def tearDown(self):
        self.assertIsNone(self.service.process.poll(), self.service.stderr())
        self.assertEqual(self.service.ask("GET", GOOD).body, b"[0]")

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

    # Limits.

    def test_heads_are_limited(self):
        with self.service.connect() as wire:
            self.problem(wire.ask("GET", "/" + "x" * 9000), 414)
        with self.service.connect() as wire:
            self.problem(wire.ask("GET", GOOD, [(f"X-{i}", "1") for i in range(100)]), 431)
            self.assertTrue(wire.is_closed())
        fields = [("X-Long", "x" * 20000)]
        with self.service.connect() as wire:
            self.problem(wire.ask("GET", GOOD, fields), 431)
            self.assertTrue(wire.is_closed())
        self.assertEqual(
            self.service.ask("GET", GOOD, [(f"X-{i}", "1") for i in range(99)]).status, 200)

    def test_endless_head_line_is_refused_and_not_kept(self):
        before = self.resident_bytes()
        with self.service.connect() as wire:
            try:
                for _ in range(300):
                    wire.send(b"x" * 100000)
            except ConnectionError:
                pass  # the answer is there already, and nobody listens any more
            try:
                self.problem(wire.read_answer(), 431)
            except Closed:
                pass
        self.assertLess(self.resident_bytes() - before, 8 * MIB)

    def test_declared_length_over_the_limit_is_refused_at_once(self):
        for path, fields in (("/predict", JSON), ("/predict_file", CSV), ("/healthz", [])):
            with self.subTest(path), self.service.connect() as wire:
                head = "".join(f"{n}: {v}\r\n" for n, v in fields)
                wire.send(f"POST {path} HTTP/1.1\r\nHost: h\r\n{head}"
                          f"Content-Length: {BODY_MAX + 1}\r\n\r\n".encode())
                self.problem(wire.read_answer(), 413)
                self.assertTrue(wire.is_closed())

    def test_expectation_is_refused_before_the_body_is_sent(self):
        with self.service.connect() as wire:
            answer = wire.ask("POST", "/predict", JSON + [
                ("Expect", "100-continue"), ("Content-Length", str(BODY_MAX + 1))])
            self.problem(answer, 413)
        with self.service.connect() as wire:
            wire.send(b"POST /nope HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
                      b"Content-Length: 5\r\n\r\n")
            answer = wire.read_answer()
            self.problem(answer, 404)
            self.assertEqual(answer.fields["connection"], "close")

    def test_expectation_is_met(self):
        with self.service.connect() as wire:
            wire.send(b"POST /predict HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                      b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(ROW))
            self.assertEqual(wire.read_head(), (100, {}))
            wire.send(ROW)
            self.assertEqual(wire.read_answer().body, b"[0]")

    def test_largest_body_is_read(self):
        line = b"5.1,3.5,1.4,0.2".ljust(1023) + b"\n"
        body = line * (BODY_MAX // len(line))
        self.assertEqual(len(body), BODY_MAX)
        answer = self.service.ask("POST", "/predict_file", CSV, body)
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.body, b"[" + b", ".join([b"0"] * (BODY_MAX // len(line))) + b"]")

    def send_chunks(self, wire, head, pieces):
        wire.send(b"POST /predict_file HTTP/1.1\r\nHost: h\r\nContent-Type: text/csv\r\n" + head +
                  b"Transfer-Encoding: chunked\r\n\r\n")
        try:
            for piece in pieces:
                wire.send(b"%x\r\n%s\r\n" % (len(piece), piece))
            wire.send(b"0\r\n\r\n")
        except ConnectionError:
            pass  # the answer is there already

    def test_chunked_bodies_are_read_and_limited(self):
        with self.service.connect() as wire:
            self.send_chunks(wire, b"", [b"5.1,3.5,", b"1.4,0.2\n6.0,2.9,4.5,1.5\n"])
            self.assertEqual(wire.read_answer().body, b"[0, 1]")
            self.assertEqual(wire.ask("GET", GOOD).body, b"[0]")
        with self.service.connect() as wire:
            self.send_chunks(wire, b"", [b"5.1,3.5,1.4,0.2\n" * 65536] * 20)
            self.problem(wire.read_answer(), 413)
            self.assertTrue(wire.is_closed())

    def test_broken_chunks_are_refused(self):
        for body in (b"x\r\n", b"-1\r\n", b"0x1\r\n", b"1\nx\r\n0\r\n\r\n", b"1\r\nxy\r\n0\r\n\r\n",
                     b"ffffffffffffffff\r\n", b"1;" + b"e" * 1000 + b"\r\nx\r\n0\r\n\r\n", b"\r\n",
                     b"0\r\n" + b"T: 1\r\n" * 200 + b"\r\n"):
            with self.subTest(body[:40]), self.service.connect() as wire:
                wire.send(b"POST /predict HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                          b"Transfer-Encoding: chunked\r\n\r\n" + body)
                self.assertIn(wire.read_answer().status, (400, 413, 431))
                self.assertTrue(wire.is_closed())

    def test_chunk_extensions_and_trailers_are_skipped(self):
        with self.service.connect() as wire:
            wire.send(b"POST /predict HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                      b"Transfer-Encoding: chunked\r\n\r\n"
                      b"%x;a=b\r\n%s\r\n0\r\nX-T: 1\r\n\r\n" % (len(ROW), ROW))
            self.assertEqual(wire.read_answer().body, b"[0]")
            self.assertEqual(wire.ask("GET", GOOD).body, b"[0]")

    def test_gzip_bodies_are_read_and_limited(self):
        fields = CSV + [("Content-Encoding", "gzip")]
        small = gzip.compress(b"5.1,3.5,1.4,0.2\n" * 1000)
        answer = self.service.ask("POST", "/predict_file", fields, small)
        self.assertEqual((answer.status, answer.body.count(b"0")), (200, 1000), answer)
        bomb = gzip.compress(b"\n" * (200 * MIB))
        before = self.resident_bytes()
        self.problem(self.service.ask("POST", "/predict_file", fields, bomb), 413)
        self.assertLess(self.resident_bytes() - before, 64 * MIB)

    def resident_bytes(self):
        text = Path(f"/proc/{self.service.process.pid}/statm").read_text()
        return int(text.split()[1]) * os.sysconf("SC_PAGESIZE")

    def test_gzip_that_is_none_or_not_whole_is_refused(self):
        whole = gzip.compress(b"5.1,3.5,1.4,0.2\n" * 1000)
        for body in (b"5.1,3.5,1.4,0.2\n", whole[:-9], whole[: len(whole) // 2], whole + b"tail"):
            self.problem(self.service.ask("POST", "/predict_file",
                                          CSV + [("Content-Encoding", "gzip")], body), 400)
        answer = self.service.ask("POST", "/predict", JSON + [("Content-Encoding", "zstd")], ROW)
        self.problem(answer, 415)
        self.assertEqual(answer.fields["accept-encoding"], "gzip, deflate")

    def test_large_urlencoded_and_unwanted_bodies_are_refused_by_type(self):
        fields = [("Content-Type", "application/x-www-form-urlencoded")]
        self.problem(self.service.ask("POST", "/predict", fields, b"x" * 100000), 415)
        self.problem(self.service.ask("PUT", "/predict", JSON, b"x" * 1000000), 405)

    def test_post_without_a_length_has_no_body(self):
        start = time.monotonic()
        self.problem(self.service.ask("POST", "/predict", JSON), 400)
        self.assertLess(time.monotonic() - start, 2)

    def test_deep_and_odd_json_is_refused(self):
        for body in (b"[" * MIB, b'{"s_length":' * 100000, b"[1e999,1,1,1]", b"\xef\xbb\xbf[",
                     b'{"s_length":1,"s_length":2,"s_width":1,"p_length":1,"p_width":1}'):
            problem = self.problem(self.service.ask("POST", "/predict", JSON, body), 400)
            self.assertLess(len(problem["detail"]), 600)

    def test_hostile_forms_are_refused(self):
        fields, _ = form(b"")
        for body in (b"------seedboundary", b"------seedboundary\r\n" * 100000,
                     b"------seedboundary\r\nContent-Disposition: form-data; name=\"" + b"a" * MIB,
                     b"\r\n" * MIB):
            self.problem(self.service.ask("POST", "/predict_file", fields, body), 400)

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


class Imported(ServiceCase):
    """A pickle is served as if it had been imported before."""

    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.file = Path(folder, "flowers.pkl")
        cls.forest = flowers(cls.file)
        cls.rows = load_iris().data[::7]
        cls.service = cls.enterClassContext(Service("--durability", "commit",
                                                    models=(str(cls.file),)))

    def test_its_start_says_what_was_imported(self):
        self.assertRegex(self.service.stderr(), r"copse: flowers: imported from .*flowers\.pkl: "
                                                r"scikit-learn [\d.]+ RandomForestClassifier")

    def test_feature_names_and_labels_are_those_of_training(self):
        names = ["s length", "s_width", "p_length", "p_width"]
        for row in self.rows:
            query = "&".join(f"{name.replace(' ', '%20')}={x}" for name, x in zip(names, row))
            answer = self.service.ask("GET", "/predict?" + query, [("Accept", "application/json")])
            body = json.loads(answer.body)
            self.assertEqual(body["label"], self.forest.predict([row])[0])
            self.assertEqual(list(body["probabilities"].values()),
                             self.forest.predict_proba([row])[0].tolist())
            index = list(self.forest.classes_).index(body["label"])
            self.assertEqual(self.service.ask("GET", "/predict?" + query).body,
                             b"[%d]" % index)
        problem = self.problem(self.service.ask("GET", "/predict?s_width=1"), 400)
        self.assertIn("s length", problem["detail"])

    def test_files_and_documents_know_the_features(self):
        text = "".join(",".join(map(repr, row)) + "\n" for row in self.rows.tolist()).encode()
        indices = [list(self.forest.classes_).index(x) for x in self.forest.predict(self.rows)]
        answer = self.service.ask("POST", "/predict_file", CSV, text)
        self.assertEqual(json.loads(answer.body), indices)
        spec = json.loads(self.service.ask("GET", "/apispec_1.json").body)
        self.assertEqual([p["name"] for p in spec["paths"]["/predict"]["get"]["parameters"]],
                         ["s length", "s_width", "p_length", "p_width"])

    def test_the_model_file_is_the_imported_one(self):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder, "out.safetensors")
            subprocess.run([BINARY, "import", self.file, "-o", out], check=True, timeout=60,
                           stdout=subprocess.DEVNULL)
            canonical = out.read_bytes()
        answer = self.service.ask("GET", "/models/flowers.safetensors")
        self.assertEqual(answer.body, canonical)
        digest = hashlib.sha256(canonical).hexdigest()
        self.assertEqual(answer.fields["etag"], f'"{digest}"')
        model = json.loads(self.service.ask("GET", "/models").body)["models"][0]
        self.assertEqual((model["name"], model["version"]), ("flowers", digest[:12]))

    def test_the_log_names_the_version(self):
        answer = self.service.ask("POST", "/predict", JSON, ROW)
        self.assertEqual(answer.status, 200)
        model = json.loads(self.service.ask("GET", "/models").body)["models"][0]
        with contextlib.closing(sqlite3.connect(self.service.log_path)) as log:
            rows = log.execute("SELECT model, version FROM predictions").fetchall()
        self.assertTrue(rows)
        self.assertEqual(set(rows), {("flowers", model["version"])})


class Waiting(ServiceCase):
    """Services with few threads, or little patience."""

    def test_idle_clients_make_room(self):
        with Service("--threads", "2") as service:
            idle = [service.connect() for _ in range(20)]
            for wire in idle[:2]:
                self.assertEqual(wire.ask("GET", GOOD).body, b"[0]")
            start = time.monotonic()
            self.assertEqual(service.ask("GET", GOOD).body, b"[0]")
            self.assertLess(time.monotonic() - start, 5)
            for wire in idle:
                wire.socket.close()

    def test_bodies_of_all_clients_together_are_bounded(self):
        body = b"5.1,3.5,1.4,0.2\n" * 40_000  # 640 kB
        head = (f"POST /predict_file HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
                f"Content-Length: {len(body)}\r\n\r\n").encode()
        with Service("--held-bytes-max", "1MiB", log=False) as service:
            with service.connect() as first, service.connect() as second:
                first.send(head + body[:-1])
                time.sleep(1)  # until it is held: two that come at once may both be refused
                second.send(head + body[:-1])
                answer = second.read_answer()
                self.assertEqual(answer.status, 503, answer)
                self.assertIn("retry-after", answer.fields)
                first.send(body[-1:])
                self.assertEqual(first.read_answer().status, 200)
                first.send(head + body)
                self.assertEqual(first.read_answer().status, 200, "what was answered is not held")
            self.assertEqual(service.ask("POST", "/predict_file", [("Content-Type", "text/csv")],
                                         body).status, 200)

    def test_clients_that_do_not_read_hold_up_nobody_else(self):
        ask = b"GET /models/wide.safetensors HTTP/1.1\r\nHost: localhost\r\n\r\n"
        with Service("--write-timeout", "600", "--threads", "24", models=[f"wide={WIDE}"],
                     log=False) as service, contextlib.ExitStack() as stack:
            silent = [stack.enter_context(service.connect()) for _ in range(12)]
            for wire in silent:
                wire.send(ask * 8)  # some 20 MB of answers each
            for _ in range(100):
                self.assertEqual(service.ask("GET", "/healthz").status, 200)
            size = os.path.getsize(WIDE)
            for _ in range(8):  # and whoever reads late gets all of it
                self.assertEqual(len(silent[0].read_answer().body), size)

    def test_slow_heads_hold_no_thread(self):
        with Service("--threads", "1") as service:
            slow = [service.connect() for _ in range(20)]
            for wire in slow:
                wire.send(b"GET /nope HTTP/1.1\r\nHost: h\r\n")
            start = time.monotonic()
            self.assertEqual(service.ask("GET", GOOD).body, b"[0]")
            self.assertLess(time.monotonic() - start, 5)
            slow[7].send(b"\r\n")
            self.problem(slow[7].read_answer(), 404)
            for wire in slow:
                wire.socket.close()

    def test_slow_bodies_hold_no_thread(self):
        with Service("--threads", "1") as service:
            slow = [service.connect() for _ in range(20)]
            for wire in slow:
                wire.send(b"POST /predict HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                          b"Content-Length: %d\r\n\r\n" % len(ROW))
            for wire in slow[:10]:
                wire.send(ROW[:1])
            start = time.monotonic()
            self.assertEqual(service.ask("GET", GOOD).body, b"[0]")
            self.assertLess(time.monotonic() - start, 5)
            slow[7].send(ROW[1:])
            slow[17].send(ROW)
            for wire in (slow[7], slow[17]):
                self.assertEqual(wire.read_answer().body, b"[0]")
            for wire in slow:
                wire.socket.close()

    def test_more_clients_than_threads_are_all_answered(self):
        with Service("--threads", "2") as service:
            done = []

            def client():
                for _ in range(10):
                    done.append(service.ask("GET", GOOD).body)

            threads = [threading.Thread(target=client) for _ in range(16)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(done, [b"[0]"] * 160)

    def test_slow_heads_and_bodies_are_given_up(self):
        with Service("--head-timeout", "0.3", "--body-timeout", "0.3") as service:
            with service.connect() as wire:
                wire.send(b"GET / HTTP/1.1\r\n")
                self.problem(wire.read_answer(), 408)
                self.assertTrue(wire.is_closed())
            with service.connect() as wire:
                wire.send(b"POST /predict HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                          b"Content-Length: 10\r\n\r\n[")
                self.problem(wire.read_answer(), 408)
                self.assertTrue(wire.is_closed())

    def test_dripping_does_not_renew_the_deadline(self):
        with Service("--head-timeout", "0.5") as service, service.connect() as wire:
            wire.send(b"GET / HTTP/1.1\r\n")
            end = time.monotonic() + 20
            dripped = 0
            try:
                while not select_readable(wire.socket, 0.05) and time.monotonic() < end:
                    wire.send(b"X: 1\r\n")
                    dripped += 1
            except ConnectionError:
                pass
            self.assertGreater(dripped, 2)
            self.assertLess(dripped, 60)
            self.problem(wire.read_answer(), 408)

    def test_idle_connections_end(self):
        with Service("--idle-timeout", "0.3") as service, service.connect() as wire:
            self.assertEqual(wire.ask("GET", GOOD).body, b"[0]")
            self.assertTrue(wire.is_closed())


def select_readable(sock, timeout_s):
    sock.settimeout(timeout_s)
    try:
        return bool(sock.recv(1, socket.MSG_PEEK)) or True
    except TimeoutError:
        return False
    finally:
        sock.settimeout(60)


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

    def test_a_folder_of_models_is_served(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("b", "a"):
                shutil.copy(IRIS, Path(folder, f"{name}.safetensors"))
            Path(folder, "notes.txt").write_text("no model")
            with Service("--models", folder, models=()) as service:
                models = json.loads(service.ask("GET", "/models").body)["models"]
                self.assertEqual([model["name"] for model in models], ["a", "b"])
                self.assertEqual(service.ask("GET", GOOD).body, b"[0]")

    def test_a_folder_may_hold_models_of_any_format_and_other_files(self):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(IRIS, Path(folder, "iris.safetensors"))
            flowers(Path(folder, "forest.pkl"))
            flowers(Path(folder, "iris.pkl"))
            Path(folder, "packed.pkl.gz").write_bytes(
                gzip.compress(Path(folder, "forest.pkl").read_bytes()))
            Path(folder, "notes.txt").write_text("no model")
            Path(folder, "data.npy").write_bytes(b"\x93NUMPY\x01\x00")
            Path(folder, ".hidden").write_text("no model")
            Path(folder, "older").mkdir()
            with Service("--models", folder, models=()) as service:
                models = json.loads(service.ask("GET", "/models").body)["models"]
                self.assertEqual([model["name"] for model in models],
                                 ["forest", "iris", "packed"])
                lines = service.stderr().splitlines()
                self.assertEqual(
                    [line for line in lines if "not served" in line],
                    [f"copse: not served: {folder}/older: a folder; a model file was expected",
                     f"copse: not served: {folder}/data.npy: this is a NumPy array, not a model",
                     f"copse: not served: {folder}/iris.pkl: a .safetensors file beside it has "
                     "the same name",
                     next(line for line in lines if "notes.txt: this is no model" in line)])
                self.assertNotIn("hidden", service.stderr())

    def test_a_damaged_model_in_the_folder_ends_the_start(self):
        for name, content in [("a.safetensors", b"no model"), ("a.pkl", None)]:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, name)
                if content is None:
                    flowers(path)
                    content = path.read_bytes()[:2000]
                path.write_bytes(content)
                with self.assertRaisesRegex(AssertionError, re.escape(f"copse: {path}: ")):
                    Service("--models", folder, models=())

    def test_of_two_files_of_one_name_the_first_is_served(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("a.joblib", "a.pkl", "b.pkl"):
                flowers(Path(folder, name))
            for name in ("a.csv", "b.md"):
                Path(folder, name).write_text("no model")
            for name in ("c d.safetensors", "c_d.safetensors"):
                shutil.copy(IRIS, Path(folder, name))
            with Service("--models", folder, models=()) as service:
                models = json.loads(service.ask("GET", "/models").body)["models"]
                self.assertEqual([model["name"] for model in models], ["a", "b", "c_d"])
                lines = service.stderr().splitlines()
                end = ("has that name already; rename one of them, or serve it with --model "
                       "NAME=FILE")
                self.assertEqual(
                    [line for line in lines if "is not served" in line],
                    [f"copse: {folder}/a.pkl is not served: a.joblib {end}",
                     f"copse: {folder}/c_d.safetensors is not served: c d.safetensors {end}"])
                self.assertIn(f"copse: a: imported from {folder}/a.joblib: ", service.stderr())
                for name in ("a.csv", "b.md"):
                    self.assertIn(f"copse: not served: {folder}/{name}: this is no model",
                                  service.stderr())

    def test_a_model_given_by_itself_keeps_its_name(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("a.joblib", "a.pkl", "iris.pkl"):
                flowers(Path(folder, name))
            given = (str(Path(folder, "a.pkl")), IRIS)
            with Service("--models", folder, models=given) as service:
                models = json.loads(service.ask("GET", "/models").body)["models"]
                self.assertEqual([model["name"] for model in models], ["a", "iris"])
                skipped = [line for line in service.stderr().splitlines() if "not served" in line]
                self.assertEqual(len(skipped), 2, skipped)
                self.assertIn(f"{folder}/a.joblib is not served: a.pkl has that name", skipped[0])
                self.assertIn(f"{folder}/iris.pkl is not served: {IRIS} has that name", skipped[1])

    def test_only_regular_files_of_a_folder_are_opened(self):
        with tempfile.TemporaryDirectory() as folder, \
                socket.socket(socket.AF_UNIX) as listener:
            os.mkfifo(Path(folder, "a.pkl"))
            os.mkfifo(Path(folder, "iris.safetensors"))
            Path(folder, "b.pkl").symlink_to("a.pkl")
            Path(folder, "c.safetensors").mkdir()
            Path(folder, "d.pkl").symlink_to("/dev/zero")
            listener.bind(str(Path(folder, "e.pkl")))
            Path(folder, "f.safetensors").symlink_to(IRIS)
            flowers(Path(folder, "iris.pkl"))
            with Service("--models", folder, models=()) as service:
                models = json.loads(service.ask("GET", "/models").body)["models"]
                self.assertEqual([model["name"] for model in models], ["f", "iris"])
                self.assertEqual(
                    [line for line in service.stderr().splitlines() if "not served" in line],
                    [f"copse: not served: {folder}/{name}: {what}; a model file was expected"
                     for name, what in [
                         ("a.pkl", "a pipe"), ("b.pkl", "a pipe"), ("c.safetensors", "a folder"),
                         ("d.pkl", "a device"), ("e.pkl", "a socket"),
                         ("iris.safetensors", "a pipe")]])

    def test_what_is_not_served_is_said_as_import_says_it(self):
        with tempfile.TemporaryDirectory() as folder:
            name = Path(folder, "a\x1b[2J\n.pkl")
            name.write_bytes(pickle.dumps("a \x1b"))
            imported = subprocess.run([BINARY, "import", name, "-o", Path(folder, ".out")],
                                      capture_output=True, text=True, timeout=30, check=False)
            said = imported.stderr.removeprefix("copse: ")
            self.assertIn("\"", said)
            self.assertTrue(said.startswith(f"{folder}/a\\x1b[2J\\x0a.pkl: "), said)
            with Service("--models", folder, models=()) as service:
                self.assertIn(f"copse: not served: {said}", service.stderr())
                self.assertNotIn("\x1b", service.stderr())
                self.assertNotIn("\\x22", service.stderr())

    def test_without_models_it_is_alive_but_not_ready(self):
        with tempfile.TemporaryDirectory() as folder:
            with Service("--models", folder, models=()) as service:
                self.assertEqual(service.ask("GET", "/healthz").status, 200)
                self.problem(service.ask("GET", "/readyz"), 503)
                self.assertNotEqual(service.ask("GET", GOOD).status, 200)

    def test_interrupt_stops_it_too(self):
        with Service() as service:
            service.process.send_signal(signal.SIGINT)
            self.assertEqual(service.process.wait(10), 0)


if __name__ == "__main__":
    unittest.main()
