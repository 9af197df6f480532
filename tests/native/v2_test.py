"""The Open Inference Protocol v2 and KServe v1 over loopback: what is said of the server and of its
models, predictions of v1, and the prediction log."""

import json
import sqlite3
import tempfile
import unittest

import numpy as np

from service import IRIS, Service
from v2_client import (FEATURES, INFER, SETOSA, VECTORS, VIRGINICA, ProtocolCase, arrays_of, asking,
                       binary, tensor)

REGRESSOR = VECTORS / "rf_diabetes/model.safetensors"


class Server(ProtocolCase):
    models = (IRIS, REGRESSOR)  # the second is called model

    def test_server_metadata_with_and_without_a_slash(self):
        for path in ("/v2", "/v2/"):
            body = self.get(path)
            self.assertEqual(body["name"], "copse")
            self.assertIsInstance(body["version"], str)
            self.assertIn("binary_tensor_data", body["extensions"])
            self.assertIn("classification", body["extensions"])

    def test_health(self):
        self.assertEqual(self.get("/v2/health/live"), {"live": True})
        self.assertEqual(self.get("/v2/health/ready"), {"ready": True, "live": True})
        self.assertEqual(self.get("/v2/models/iris/ready"), {"name": "iris", "ready": True})

    def test_models_are_listed(self):
        self.assertEqual(self.get("/v2/models"), {"models": ["iris", "model"]})
        self.assertEqual(self.get("/v1/models"), {"models": ["iris", "model"]})
        self.assertEqual(self.get("/v1/models/model"), {"name": "model", "ready": True})

    def test_model_metadata(self):
        body = self.get("/v2/models/iris")
        self.assertEqual(body["name"], "iris")
        self.assertEqual(body["inputs"],
                         [{"name": "input-0", "datatype": "FP64", "shape": [-1, 4]}])
        outputs = {o["name"]: (o["datatype"], o["shape"]) for o in body["outputs"]}
        self.assertEqual(outputs, {"predict": ("INT64", [-1, 1]),
                                   "predict_label": ("BYTES", [-1, 1]),
                                   "predict_proba": ("FP64", [-1, 3]),
                                   "margin": ("FP64", [-1, 3]), "leaf": ("INT64", [-1, 100]),
                                   "explain": ("FP64", [-1, 3, 5])})
        self.assertEqual(json.loads(body["properties"]["features"]), FEATURES)
        (version,) = body["versions"]
        self.assertEqual(self.get(f"/v2/models/iris/versions/{version}"), body)
        self.assertEqual(self.get(f"/v2/models/iris/versions/{version}/ready")["ready"], True)
        self.assertIn("model_stats", self.get(f"/v2/models/iris/versions/{version}/stats"))
        answer = self.infer(asking([tensor([SETOSA])]),
                            f"/v2/models/iris/versions/{version}/infer")
        self.assertEqual((answer["model_name"], answer["model_version"]), ("iris", version))

    def test_models_and_versions_that_are_not_there(self):
        version = self.get("/v2/models/iris")["versions"][0]
        for path in ("/v2/models/nope", "/v2/models/nope/ready", "/v2/models/nope/stats",
                     "/v2/models/iris/versions/1", "/v2/models/iris/versions/1/ready",
                     "/v2/models/Iris", f"/v2/models/nope/versions/{version}", "/v2/nope",
                     "/v2/models/", "/v2/models/iris/", "/v2/models//ready", "/v1/models/nope",
                     "/v1", "/v2//", "/v2/models/iris%2Fready"):
            with self.subTest(path):
                self.refused(self.service.ask("GET", path), 404)
        for path in ("/v2/models/nope/infer", "/v2/models/iris/versions/1/infer",
                     "/v1/models/nope:predict"):
            self.refused(self.post(asking([tensor([SETOSA])]), path), 404)

    def test_heads_that_cannot_be_taken(self):
        self.refused(self.service.ask("GET", "/v2/%zz"), 400)
        answer = self.service.ask("GET", "/v2x")
        self.assertEqual((answer.status, answer.type), (404, "application/problem+json"))

    def test_wrong_methods_say_which_are_right(self):
        for method, path, allow in (("GET", INFER, "POST, OPTIONS"),
                                    ("DELETE", "/v2/models/iris", "OPTIONS, HEAD, GET"),
                                    ("POST", "/v2/health/live", "OPTIONS, HEAD, GET"),
                                    ("GET", "/v1/models/iris:predict", "POST, OPTIONS"),
                                    ("GET", "/v2/repository/index", "POST, OPTIONS")):
            answer = self.service.ask(method, path)
            self.refused(answer, 405)
            self.assertEqual(answer.fields["allow"], allow)
        self.assertEqual(self.service.ask("OPTIONS", INFER).fields["allow"], "POST, OPTIONS")
        head = self.service.ask("HEAD", "/v2/models/iris")
        self.assertEqual((head.status, head.body), (200, b""))

    def test_repository_index_takes_no_body_and_no_length(self):
        def index(fields=(), body=b""):
            answer = self.service.ask("POST", "/v2/repository/index", fields, body)
            self.assertEqual(answer.status, 200, answer)
            return json.loads(answer.body)
        models = index()
        self.assertEqual([(m["name"], m["state"], m["reason"]) for m in models],
                         [("iris", "READY", ""), ("model", "READY", "")])
        for body in (b"", b"{}", b'{"ready":true}', b' { "ready" : false } '):
            self.assertEqual(index([("Content-Length", str(len(body)))], body), models)
        for body in (b"[]", b"{", b'{"ready":1}'):
            self.refused(self.service.ask("POST", "/v2/repository/index", (), body))

    def test_statistics_count_rows_and_requests(self):
        def stats(path="/v2/models/model/stats"):
            (entry,) = self.get(path)["model_stats"]
            return entry
        before = stats()
        self.post(asking([tensor([[0.0] * 10] * 3)]), "/v2/models/model/infer")
        self.post(b"{", "/v2/models/model/infer")
        after = stats()
        self.assertEqual(after["inference_count"] - before["inference_count"], 3)
        self.assertEqual(after["execution_count"] - before["execution_count"], 1)
        for kind in ("success", "fail", "compute_input", "compute_infer", "compute_output"):
            grown = after["inference_stats"][kind], before["inference_stats"][kind]
            self.assertEqual(grown[0]["count"] - grown[1]["count"], 1, kind)
            self.assertGreater(grown[0]["ns"], grown[1]["ns"])
        self.assertGreater(after["last_inference"], 1600000000000)
        names = [entry["name"] for entry in self.get("/v2/models/stats")["model_stats"]]
        self.assertEqual(names, ["iris", "model"])

    def test_routes_are_counted_by_their_templates(self):
        self.service.ask("GET", "/v2/models/secret-name")
        self.post(asking([tensor([SETOSA])]))
        metrics = self.service.ask("GET", "/metrics").body.decode()
        self.assertIn('http_route="/v2/models/{model}/infer"', metrics)
        self.assertIn('http_route="/v2/models/{model}"', metrics)
        self.assertNotIn("secret-name", metrics)

    def test_without_models_nothing_is_ready(self):
        with tempfile.TemporaryDirectory() as none, \
                Service("--models", none, models=()) as service:
            answer = service.ask("GET", "/v2/health/ready")
            self.refused(answer, 503)
            self.assertEqual(answer.fields["retry-after"], "1")
            self.assertEqual(service.ask("GET", "/v2/health/live").status, 200)
            self.refused(service.ask("GET", "/v2/models/iris"), 404)
            self.assertEqual(json.loads(service.ask("GET", "/v2/models").body), {"models": []})

    def test_documented_examples_run(self):
        paths = self.get("/openapi.json")["paths"]
        post = paths["/v2/models/{model}/infer"]["post"]
        example = post["requestBody"]["content"]["application/json"]["example"]
        self.assertEqual(self.infer(example),
                         post["responses"]["200"]["content"]["application/json"]["example"])
        post = paths["/v1/models/{model}:predict"]["post"]
        example = post["requestBody"]["content"]["application/json"]["example"]
        self.assertEqual(self.infer(example, "/v1/models/iris:predict"),
                         post["responses"]["200"]["content"]["application/json"]["example"])
        example = paths["/v2/models/{model}"]["get"]["responses"]["200"]
        self.assertEqual(self.get("/v2/models/iris"),
                         example["content"]["application/json"]["example"])


class KserveV1(ProtocolCase):
    path = "/v1/models/iris:predict"

    def test_predictions(self):
        named = dict(zip(FEATURES, VIRGINICA))
        self.assertEqual(self.infer({"instances": [SETOSA, named]}, self.path),
                         {"predictions": [0, 2]})
        self.assertEqual(self.infer({"instances": [SETOSA]}, self.path), {"predictions": [0]})

    def test_refusals(self):
        for body in (b"", b"{", b"[]", {}, {"instances": []}, {"instances": SETOSA},
                     {"instances": [SETOSA[:3]]}, {"instances": [SETOSA, None]},
                     {"inputs": [SETOSA]}, {"instances": [["x"] * 4]}):
            self.refused(self.post(body, self.path))
        body = self.refused(self.post({"instances": [SETOSA, [1, 2, "x", 4]]}, self.path), 400,
                            "row 2", "p_length", "x")
        self.assertEqual((body["field"], body["value"]), ("p_length", "x"))


class Log(unittest.TestCase):
    def entries(self, service):
        with sqlite3.connect(service.log_path) as log:
            return log.execute("SELECT model, request_id, input, output, label, numbered "
                               "FROM predictions ORDER BY rowid").fetchall()

    def test_every_answered_row_is_recorded_and_counted(self):
        with Service("--durability", "commit") as service:
            rid = [("X-Request-ID", "here")]
            body = json.dumps(asking([tensor([SETOSA, VIRGINICA])])).encode()
            self.assertEqual(service.ask("POST", INFER, rid, body).status, 200)
            self.assertEqual(service.ask("POST", INFER, rid, body[:-1]).status, 400)
            v1 = json.dumps({"instances": [SETOSA]}).encode()
            self.assertEqual(service.ask("POST", "/v1/models/iris:predict", rid, v1).status, 200)
            self.assertEqual(self.entries(service), [
                ("iris", "here:1", "[5.1,3.5,1.4,0.2]", "[0]", "setosa", 0),
                ("iris", "here:2", "[7.2,3.6,6.1,2.5]", "[2]", "virginica", 0),
                ("iris", "here:1", "[5.1,3.5,1.4,0.2]", "[0]", "setosa", 0)])
            metrics = service.ask("GET", "/metrics").body.decode()
            self.assertRegex(metrics, r'model_predictions_total\{model="iris",.*class="setosa"\} 2')

    def test_a_large_request_is_recorded_whole(self):
        rows = np.random.default_rng(1).uniform(0, 8, (20000, 4))
        fields, body = binary([("input-0", "FP64", rows.shape, rows.tobytes())], ["predict"],
                              parameters={"binary_data_output": True})
        with Service("--durability", "commit") as service:
            answer = service.ask("POST", INFER, fields + [("X-Request-ID", "big")], body)
            predicted = arrays_of(answer)["predict"].ravel()
            entries = self.entries(service)
        self.assertEqual(len(entries), len(rows))
        self.assertEqual([e[1] for e in entries], [f"big:{r + 1}" for r in range(len(rows))])
        self.assertEqual([json.loads(e[2]) for e in entries], rows.tolist())
        self.assertEqual([json.loads(e[3]) for e in entries], [[p] for p in predicted.tolist()])


if __name__ == "__main__":
    unittest.main()
