"""Clients that people use, against the real binary: curl, Node's fetch, Python's requests; and
Prometheus' own checker of /metrics.

COPSE_BIN names the binary (default: build/bin/copse), COPSE_PROMTOOL promtool.
"""

import json
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import requests

from service import DEADLINE_S, IRIS, ROOT, Service

QUERY = {"s_length": "5.1", "s_width": "3.5", "p_length": "1.4", "p_width": "0.2"}
PATH = "predict?" + "&".join(f"{name}={value}" for name, value in QUERY.items())
ROW = {"s_length": 6.9, "s_width": 3.1, "p_length": 5.4, "p_width": 2.1}
ROWS = "5.1,3.5,1.4,0.2\n6.0,2.9,4.5,1.5\n6.9,3.1,5.4,2.1\n"
INFER = {"inputs": [{"name": "input-0", "shape": [1, 4], "datatype": "FP64",
                     "data": [5.1, 3.5, 1.4, 0.2]}]}
LONG = {"inputs": [{"name": "input-0", "shape": [2000, 4], "datatype": "FP64",
                    "data": [[5.1, 3.5, 1.4, 0.2]] * 2000}]}
VECTORS = ROOT / "tests/vectors"


def find_promtool():
    kept = ROOT / "build/packages/prometheus/usr/bin/promtool"
    for path in (os.environ.get("COPSE_PROMTOOL"), shutil.which("promtool"), str(kept)):
        if path and os.access(path, os.X_OK):
            return path
    return None


class RealClients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = cls.enterClassContext(Service())
        cls.url = f"http://127.0.0.1:{cls.service.port}/"
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.rows = os.path.join(cls.folder, "rows.csv")
        Path(cls.rows).write_text(ROWS)

    def refused(self, problem, type_):
        self.assertEqual(type_, "application/problem+json")
        self.assertEqual((problem["status"], problem["field"], problem["value"]),
                         (400, "s_length", "wide"))

    def inferred(self, answer, n=1):
        self.assertEqual(answer["model_name"], "iris")
        self.assertEqual(answer["outputs"][0]["data"], [0] * n)

    def curl(self, *arguments):
        """What it prints: the body, and behind it the line of --write-out."""
        ran = subprocess.run(
            ["curl", "--disable", "--silent", "--show-error", "--noproxy", "*", "--max-time",
             str(DEADLINE_S), "--write-out", "\n%{http_code} %{content_type} %{num_connects}\n",
             *arguments], capture_output=True, text=True, check=True, timeout=2 * DEADLINE_S)
        body, line = ran.stdout.removesuffix("\n").rsplit("\n", 1)
        return body, *line.split(" ")

    def test_curl(self):
        body, status, *_ = self.curl(self.url + PATH)
        self.assertEqual((body, status), ("[0]", "200"))
        body, status, *_ = self.curl("--json", json.dumps(ROW), self.url + "predict")
        self.assertEqual((json.loads(body)["index"], status), (2, "200"))
        body, status, *_ = self.curl("-F", f"input_file=@{self.rows}", self.url + "predict_file")
        self.assertEqual((json.loads(body), status), ([0, 1, 2], "200"))
        body, status, *_ = self.curl("--data-binary", f"@{self.rows}", "-H",
                                     "Content-Type: text/csv", self.url + "predict_file")
        self.assertEqual((json.loads(body), status), ([0, 1, 2], "200"))
        body, status, *_ = self.curl("-d", json.dumps(INFER), self.url + "v2/models/iris/infer")
        self.assertEqual(status, "200")
        self.inferred(json.loads(body))
        body, status, type_, _ = self.curl(self.url + "predict?s_length=wide")
        self.assertEqual(status, "400")
        self.refused(json.loads(body), type_)

    def test_curl_asks_for_a_long_body_with_expect(self):
        long = os.path.join(self.folder, "long.csv")
        Path(long).write_text(ROWS * 60_000)  # curl expects 100 Continue from 1 MiB on
        body, status, *_ = self.curl("-H", "Expect: 100-continue", "-F", f"input_file=@{long}",
                                     self.url + "predict_file")
        self.assertEqual((json.loads(body), status), ([0, 1, 2] * 60_000, "200"))

    def test_curl_undoes_gzip(self):
        head, long = (os.path.join(self.folder, name) for name in ("head", "long.json"))
        Path(long).write_text(json.dumps(LONG))
        body, status, *_ = self.curl("--compressed", "--dump-header", head, "--data-binary",
                                     f"@{long}", self.url + "v2/models/iris/infer")
        self.assertEqual(status, "200")
        self.inferred(json.loads(body), 2000)
        self.assertIn("content-encoding: gzip", Path(head).read_text().lower())

    def test_curl_uses_its_connection_again(self):
        ran = subprocess.run(
            ["curl", "--disable", "--silent", "--noproxy", "*", "--max-time", str(DEADLINE_S),
             "--write-out", " %{http_code} %{num_connects}\n", *[self.url + PATH] * 3,
             self.url + "predict?s_length=wide", "--output", "/dev/null", self.url + PATH],
            capture_output=True, text=True, check=True, timeout=2 * DEADLINE_S)
        lines = [line.split(" ")[-2:] for line in ran.stdout.splitlines()]
        self.assertEqual([connects for _, connects in lines], ["1", "0", "0", "0", "0"])
        self.assertEqual(sorted(status for status, _ in lines), ["200"] * 4 + ["400"])

    def test_fetch_of_node(self):
        ran = subprocess.run(
            ["node", str(ROOT / "tests/native/real_client.mjs"), self.url, self.rows],
            capture_output=True, text=True, timeout=DEADLINE_S)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        answers = json.loads(ran.stdout)
        self.assertEqual((answers["query"]["status"], answers["query"]["body"]), (200, "[0]"))
        self.assertEqual(json.loads(answers["json"]["body"])["label"], "virginica")
        self.assertEqual(json.loads(answers["file"]["body"]), [0, 1, 2])
        self.assertEqual(json.loads(answers["infer"]["body"])["id"], "node")
        self.inferred(json.loads(answers["infer"]["body"]))
        self.assertEqual(answers["refused"]["status"], 400)
        self.refused(json.loads(answers["refused"]["body"]), answers["refused"]["type"])
        self.assertEqual(answers["gzip"]["encoding"], "gzip")
        self.inferred(json.loads(answers["gzip"]["body"]), 2000)
        # For six requests: undici makes a second one while it reads the first answer.
        self.assertLessEqual(answers["connections"], 2)

    def test_requests_of_python(self):
        with requests.Session() as session:
            session.trust_env = False  # no proxy
            answer = session.get(self.url + "predict", params=QUERY)
            self.assertEqual((answer.status_code, answer.text), (200, "[0]"))
            answer = session.post(self.url + "predict", json=ROW,
                                  headers={"Accept": "application/json"})
            self.assertEqual(answer.json()["label"], "virginica")
            with open(self.rows, "rb") as file:
                answer = session.post(self.url + "predict_file", files={"input_file": file})
            self.assertEqual(answer.json(), [0, 1, 2])
            lines = (json.dumps(ROW).encode() + b"\n" for _ in range(3))  # chunked
            answer = session.post(self.url + "predict_file", data=lines,
                                  headers={"Content-Type": "application/x-ndjson"})
            self.assertEqual([json.loads(line)["index"] for line in answer.iter_lines()], [2] * 3)
            answer = session.post(self.url + "v2/models/iris/infer", json=INFER)
            self.inferred(answer.json())
            answer = session.get(self.url + "predict", params={"s_length": "wide"})
            self.assertEqual(answer.status_code, 400)
            self.refused(answer.json(), answer.headers["content-type"])
            answer = session.post(self.url + "v2/models/iris/infer", json=LONG)
            self.assertEqual(answer.headers["content-encoding"], "gzip")
            self.inferred(answer.json(), 2000)
            pools = session.get_adapter(self.url).poolmanager.pools
            used = [pools[key] for key in pools.keys()]
            # Requests before 2.32 do not count the chunked one, which uses the pool all the same.
            self.assertEqual([pool.num_connections for pool in used], [1])
            self.assertIn(used[0].num_requests, (6, 7))


class Promtool(unittest.TestCase):
    def setUp(self):
        self.promtool = find_promtool()
        if self.promtool is None:
            self.skipTest("SKIP: promtool is not there; .ci/deps test fetches it where it can")

    def check(self, text):
        return subprocess.run([self.promtool, "check", "metrics"], input=text,
                              capture_output=True, timeout=DEADLINE_S)

    def clean(self, service):
        ran = self.check(service.ask("GET", "/metrics").body)
        self.assertEqual((ran.returncode, ran.stdout, ran.stderr), (0, b"", b""))

    def test_it_has_nothing_to_say_of_the_metrics(self):
        models = (IRIS, f"cats={VECTORS}/hgb_cancer_categorical/model.safetensors",
                  f"numbers={VECTORS}/rf_diabetes/model.safetensors")
        with Service(models=models) as service:
            self.clean(service)  # before anything has been asked for
            for _ in range(120):  # drift is there from 100 rows on
                service.ask("GET", "/" + PATH)
            service.ask("GET", "/predict?s_length=wide")
            service.ask("POST", "/v2/models/iris/infer", [], json.dumps(INFER).encode())
            service.ask("POST", "/explain", [("Content-Type", "application/json")],
                        json.dumps(ROW).encode())
            text = service.ask("GET", "/metrics").body.decode()
            for name in ("model_feature_psi", "model_explanations_total",
                         "model_inference_failures_total", "http_server_request_duration_seconds"):
                self.assertIn(f"\n{name}", text)
            self.clean(service)
        with tempfile.TemporaryDirectory() as none, \
                Service("--models", none, models=(), log=False) as service:
            self.clean(service)

    def test_it_finds_what_is_wrong(self):
        for wrong in (b"no metrics\n", b"# TYPE x counter\nx 1\n", b"x{a=\"b} 1\n"):
            self.assertNotEqual(self.check(wrong).returncode, 0, wrong)


if __name__ == "__main__":
    unittest.main()
