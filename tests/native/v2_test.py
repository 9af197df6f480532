"""The Open Inference Protocol v2 and KServe v1 over loopback: what the protocol demands, what its
clients rely on, and every vector through binary tensors against the command line, bit by bit."""

import gzip
import json
import math
import sqlite3
import struct
import subprocess
import tempfile
import unittest
import zlib
from pathlib import Path

import numpy as np

from service import BINARY, IRIS, ROOT, Service

VECTORS = ROOT / "tests/vectors"
CATEGORIES = VECTORS / "hgb_cancer_categorical/model.safetensors"
MISSING = VECTORS / "hgb_wine_nan/model.safetensors"
REGRESSOR = VECTORS / "rf_diabetes/model.safetensors"
ISOLATION = VECTORS / "iforest_wine/model.safetensors"
INFER = "/v2/models/iris/infer"
LENGTH = "Inference-Header-Content-Length"
SETOSA = [5.1, 3.5, 1.4, 0.2]
VIRGINICA = [7.2, 3.6, 6.1, 2.5]
FEATURES = ["s_length", "s_width", "p_length", "p_width"]
NUMPY = {"BOOL": "?", "UINT8": "u1", "UINT16": "<u2", "UINT32": "<u4", "UINT64": "<u8",
         "INT8": "i1", "INT16": "<i2", "INT32": "<i4", "INT64": "<i8", "FP16": "<f2",
         "FP32": "<f4", "FP64": "<f8"}


def tensor(data, name="input-0", shape=None, datatype="FP64", **more):
    return {"name": name, "shape": list(np.shape(data) if shape is None else shape),
            "datatype": datatype, "data": data, **more}


def asking(inputs, outputs=None, **more):
    request = {"inputs": inputs, **more}
    if outputs is not None:
        request["outputs"] = [{"name": x} if isinstance(x, str) else x for x in outputs]
    return request


def binary(arrays, outputs=None, **more):
    """Header fields and body of a request whose inputs are (name, datatype, shape, bytes)."""
    inputs = [{"name": name, "shape": list(shape), "datatype": datatype,
               "parameters": {"binary_data_size": len(data)}}
              for name, datatype, shape, data in arrays]
    head = json.dumps(asking(inputs, outputs, **more)).encode()
    return [(LENGTH, str(len(head)))], head + b"".join(a[3] for a in arrays)


def texts(*values):
    """BYTES elements."""
    return b"".join(struct.pack("<I", len(v.encode())) + v.encode() for v in values)


def read_texts(data):
    values = []
    while data:
        (n,) = struct.unpack("<I", data[:4])
        values.append(data[4:4 + n].decode())
        data = data[4 + n:]
    return values


def arrays_of(answer):
    """The outputs of an inference response as arrays, whether JSON or binary."""
    head, rest = answer.body, b""
    length = answer.fields.get(LENGTH.lower())
    if length is not None:
        head, rest = answer.body[:int(length)], answer.body[int(length):]
    arrays = {}
    for output in json.loads(head)["outputs"]:
        size = output.get("parameters", {}).get("binary_data_size")
        if size is None:
            data = [math.nan if x is None else x for x in output["data"]]
            kind = object if output["datatype"] == "BYTES" else NUMPY[output["datatype"]]
            array = np.array(data, kind)
        elif output["datatype"] == "BYTES":
            array, rest = np.array(read_texts(rest[:size]), object), rest[size:]
        else:
            array, rest = np.frombuffer(rest[:size], NUMPY[output["datatype"]]), rest[size:]
        arrays[output["name"]] = array.reshape(output["shape"])
    assert rest == b"", rest
    return arrays


class ProtocolCase(unittest.TestCase):
    models = (IRIS,)

    @classmethod
    def setUpClass(cls):
        cls.service = cls.enterClassContext(Service(models=[str(m) for m in cls.models]))

    def get(self, path, status=200):
        answer = self.service.ask("GET", path)
        self.assertEqual((answer.status, answer.type), (status, "application/json"), answer)
        return json.loads(answer.body)

    def post(self, request, path=INFER, fields=()):
        body = request if isinstance(request, bytes) else json.dumps(request).encode()
        return self.service.ask("POST", path, list(fields), body)

    def infer(self, request, path=INFER, fields=()):
        answer = self.post(request, path, fields)
        self.assertEqual(answer.status, 200, answer)
        return json.loads(answer.body)

    def refused(self, answer, status=400, *parts):
        self.assertEqual((answer.status, answer.type), (status, "application/json"), answer)
        body = json.loads(answer.body)
        self.assertIsInstance(body["error"], str)
        self.assertEqual(body["detail"], body["error"])
        self.assertEqual(body["status"], status)
        self.assertLess(len(body["error"]), 600)
        for part in parts:
            self.assertIn(part, body["error"])
        return body


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


class Inference(ProtocolCase):
    models = (IRIS, f"cats={CATEGORIES}", f"gaps={MISSING}", f"numbers={REGRESSOR}",
              f"outliers={ISOLATION}")

    def data(self, request, path=INFER):
        return {o["name"]: o["data"] for o in self.infer(request, path)["outputs"]}

    def test_defaults_and_echo(self):
        answer = self.infer(asking([tensor([SETOSA, VIRGINICA])], id="a/\u00e4\"\n"))
        self.assertEqual(answer["id"], "a/\u00e4\"\n")
        self.assertEqual(answer["model_name"], "iris")
        predict, proba = answer["outputs"]
        self.assertEqual(predict, {"name": "predict", "shape": [2, 1], "datatype": "INT64",
                                   "data": [0, 2]})
        self.assertEqual((proba["name"], proba["shape"], len(proba["data"])),
                         ("predict_proba", [2, 3], 6))
        bare = self.infer(asking([tensor([SETOSA])], []))
        self.assertEqual(set(bare), {"model_name", "model_version", "outputs"})
        self.assertEqual([o["name"] for o in bare["outputs"]], ["predict", "predict_proba"])

    def test_outputs_come_in_the_order_asked(self):
        names = ["leaf", "predict_label", "margin", "predict", "predict_proba"]
        for order in (names, names[::-1]):
            answer = self.infer(asking([tensor([SETOSA])], order))
            self.assertEqual([o["name"] for o in answer["outputs"]], order)
        self.assertEqual(self.data(asking([tensor([SETOSA])], ["predict_label"])),
                         {"predict_label": ["setosa"]})

    def test_outputs_that_are_not_there(self):
        row = [tensor([SETOSA])]
        self.refused(self.post(asking(row, ["output__0"])), 400, "output__0", "predict_proba")
        self.refused(self.post(asking(row, ["predict", "predict"])), 400, "twice")
        self.refused(self.post(asking(row, ["score"])))
        self.refused(self.post(asking([tensor([[0.0] * 10])], ["predict_proba"]),
                               "/v2/models/numbers/infer"), 400, "predict_proba")

    def test_numbers_and_scores(self):
        answer = self.infer(asking([tensor([[0.0] * 10])]), "/v2/models/numbers/infer")
        (output,) = answer["outputs"]
        self.assertEqual((output["name"], output["datatype"]), ("predict", "FP64"))
        data = self.data(asking([tensor([[1.0] * 13])], ["predict", "score", "margin"]),
                         "/v2/models/outliers/infer")
        self.assertIn(data["predict"], ([1], [-1]))
        self.assertLess(data["score"][0], data["margin"][0])

    def test_every_datatype(self):
        for datatype, kind in NUMPY.items():
            row = np.array([[1, 0, 1, 1]]).astype(kind)
            expected = self.data(asking([tensor(row.astype(float).tolist())]))
            if datatype != "FP16":
                listed = tensor(row.tolist(), datatype=datatype)
                self.assertEqual(self.data(asking([listed])), expected, datatype)
            fields, body = binary([("input-0", datatype, (1, 4), row.tobytes())])
            answer = self.post(body, fields=fields)
            self.assertEqual(answer.status, 200, answer)
            self.assertEqual({k: v.ravel().tolist() for k, v in arrays_of(answer).items()},
                             expected, datatype)
        self.refused(self.post(asking([tensor([SETOSA], datatype="FP16")])), 400, "FP16")
        for datatype in ("BF16", "fp64", "DOUBLE", "", 7, None):
            self.refused(self.post(asking([tensor([SETOSA], datatype=datatype)])), 400, "datatype")

    def test_ranges_are_kept(self):
        for datatype, good, bad in (("UINT8", 255, 256), ("UINT16", 65535, 65536),
                                    ("UINT32", 2**32 - 1, 2**32), ("INT8", -128, -129),
                                    ("INT16", -2**15, -2**15 - 1), ("INT32", 2**31 - 1, 2**31),
                                    ("INT64", 2**62, 2**63), ("UINT64", 2**63, 2**64),
                                    ("UINT8", 0, -1), ("INT64", -2**63, -2**63 - 1),
                                    ("INT32", 1, 1.5), ("INT32", 1, True), ("BOOL", True, 1),
                                    ("FP32", 3.4e38, 3.5e38), ("FP64", 1, "1"), ("FP64", 1, True),
                                    ("BOOL", False, None), ("INT8", 3, None)):
            row = [good] * 4
            self.assertEqual(self.post(asking([tensor([row], datatype=datatype)])).status, 200,
                             (datatype, good))
            row = [good, good, bad, good]
            self.refused(self.post(asking([tensor([row, row], datatype=datatype)])), 400,
                         "row 1", "p_length")

    def test_large_integers_are_exact_or_refused(self):
        for datatype in ("INT64", "UINT64"):
            ask = lambda n: self.post(asking([tensor([[n, 1, 1, 1]], datatype=datatype)]))
            self.assertEqual(ask(2**53 + 2).status, 200)
            self.refused(ask(2**53 + 1), 400, "9007199254740993", "s_length")
        with sqlite3.connect(self.service.log_path) as log:
            (text,) = log.execute("SELECT input FROM predictions ORDER BY rowid DESC").fetchone()
        self.assertEqual(json.loads(text)[0], 2**53 + 2)
        fields, body = binary([("input-0", "INT64", (1, 4),
                                struct.pack("<4q", 2**53 + 1, 1, 1, 1))])
        self.refused(self.post(body, fields=fields), 400, "9007199254740993")

    def test_flat_and_nested_data(self):
        expected = self.data(asking([tensor([SETOSA, VIRGINICA])]))
        for data in (SETOSA + VIRGINICA, [SETOSA, VIRGINICA], [[[x] for x in SETOSA],
                                                               [[x] for x in VIRGINICA]]):
            self.assertEqual(self.data(asking([tensor(data, shape=[2, 4])])), expected)
        for data in ([SETOSA, VIRGINICA + [1]], [SETOSA + VIRGINICA[:1], VIRGINICA[1:]],
                     [SETOSA, *VIRGINICA], np.reshape(SETOSA + VIRGINICA, (4, 2)).tolist(),
                     SETOSA, SETOSA + VIRGINICA + [1], []):
            self.refused(self.post(asking([tensor(data, shape=[2, 4])])), 400, "[2,4]")

    def test_one_row_may_be_a_vector(self):
        self.assertEqual(self.data(asking([tensor(SETOSA)])), self.data(asking([tensor([SETOSA])])))

    def test_shapes_that_are_none(self):
        for shape in ([-1, 4], [1.0, 4], ["1", 4], [None, 4], "1,4", None, {}, [[1, 4]], [1, 5],
                      [4, 1], [1, 1, 4], [], [2**64, 4]):
            self.refused(self.post(asking([tensor([SETOSA], shape=shape)])) if shape is not None
                         else self.post(asking([{**tensor([SETOSA]), "shape": None}])), 400, "shape")

    def test_shapes_that_overflow(self):
        for shape in ([2**4, 2**60 + 2], [2**32, 2**32], [2**63, 4], [0, 2**63, 4]):
            self.refused(self.post(asking([tensor([1.0], shape=shape)])), 400, "64 bits")
            fields, body = binary([("input-0", "FP64", shape, b"x" * 8)])
            self.refused(self.post(body, fields=fields), 400, "64 bits")
        self.refused(self.post(asking([tensor([1.0], shape=[2**40, 4])])), 400)
        fields, body = binary([("input-0", "BYTES", (2**40, 4), b"")])
        self.assertIn(self.post(body, fields=fields).status, (400, 413))

    def test_no_rows(self):
        answer = self.infer(asking([tensor([], shape=[0, 4])], ["predict", "predict_proba"]))
        self.assertEqual([(o["shape"], o["data"]) for o in answer["outputs"]],
                         [([0, 1], []), ([0, 3], [])])
        fields, body = binary([("input-0", "FP64", (0, 4), b"")],
                              parameters={"binary_data_output": True})
        answer = self.post(body, fields=fields)
        self.assertEqual((answer.status, answer.type), (200, "application/json"))
        self.assertNotIn(LENGTH.lower(), answer.fields)

    def test_one_input_for_each_feature(self):
        columns = [tensor(list(c), name, datatype="FP32")
                   for name, c in zip(FEATURES, zip(SETOSA, VIRGINICA))]
        expected = self.data(asking([tensor([SETOSA, VIRGINICA], datatype="FP32")]))
        self.assertEqual(self.data(asking(columns)), expected)
        self.assertEqual(self.data(asking(columns[::-1])), expected)
        tall = [tensor([[x] for x in c["data"]], c["name"], datatype="FP32") for c in columns]
        self.assertEqual(self.data(asking(tall)), expected)
        self.refused(self.post(asking(columns[:3])), 400, "p_width")
        self.refused(self.post(asking(columns + columns[:1])), 400, "s_length", "twice")
        self.refused(self.post(asking(columns + [tensor([1, 2], "petals")])), 400, "petals")
        short = columns[:3] + [tensor([1.0], "p_width")]
        self.refused(self.post(asking(short)), 400, "p_width")

    def test_names_of_the_matrix(self):
        expected = self.data(asking([tensor([SETOSA])]))
        self.assertEqual(self.data(asking([tensor([SETOSA], "input__0")])), expected)
        for name in ("input", "INPUT-0", "x"):
            self.refused(self.post(asking([tensor([SETOSA], name)])), 400, "input-0", "s_length")
        self.refused(self.post(asking([tensor([SETOSA])] * 2)), 400, "twice")
        self.refused(self.post(asking([tensor([SETOSA]), tensor([SETOSA], "input__0")])))

    def test_null_is_missing_where_the_model_allows_it(self):
        row = [None] * 13
        self.assertEqual(self.post(asking([tensor([row], shape=[1, 13])]),
                                   "/v2/models/gaps/infer").status, 200)
        fields, body = binary([("input-0", "FP32", (1, 13), np.full(13, np.nan, "<f4").tobytes())])
        self.assertEqual(self.post(body, "/v2/models/gaps/infer", fields).status, 200)
        body = self.refused(self.post(asking([tensor([[1, None, 1, 1]], shape=[1, 4])])), 400,
                            "row 1", "s_width", "null")
        self.assertEqual((body["field"], body["value"]), ("s_width", "null"))
        nan = np.array([[1, 1, np.nan, 1]])
        fields, body = binary([("input-0", "FP64", (1, 4), nan.tobytes())])
        self.refused(self.post(body, fields=fields), 400, "row 1", "p_length")

    def test_json_has_no_nan(self):
        for word in ("NaN", "Infinity", "-Infinity"):
            body = json.dumps(asking([tensor([["?", 1, 1, 1]], shape=[1, 4])])).replace('"?"', word)
            self.refused(self.post(body.encode()), 400, "not JSON at byte", "null")
        self.refused(self.post(b'{"inputs":[{"name":"input-0","shape":[1,4],"datatype":"FP64",'
                               b'"data":[1e999,1,1,1]}]}'), 400, "1e999")

    def test_categories_are_codes_or_texts(self):
        features = json.loads(self.get("/v2/models/cats")["properties"]["features"])
        rows = np.load(VECTORS / "hgb_cancer_categorical/rows.npy")[:5]
        rows = np.where(np.isnan(rows), 0, rows)
        path = "/v2/models/cats/infer"
        expected = self.data(asking([tensor(rows.tolist())]), path)
        columns = [tensor(rows[:, f].tolist(), name) for f, name in enumerate(features)]
        self.assertEqual(self.data(asking(columns), path), expected)
        columns[0] = tensor(["no such"] * 5, features[0], datatype="BYTES")
        self.refused(self.post(asking(columns), path), 400, "row 1", features[0], "no such")

    def test_what_is_no_request(self):
        good = tensor([SETOSA])
        for body in (b"", b"{", b"[]", b"null", b"7", b"{}", b'{"inputs":[]}', b'{"inputs":{}}',
                     b'{"inputs":[7]}', b"\xff\xfe", b'{"inputs":null}', b"5.1,3.5,1.4,0.2"):
            self.refused(self.post(body))
        for member in ("name", "shape", "datatype", "data"):
            self.refused(self.post(asking([{k: v for k, v in good.items() if k != member}])))
        for more in ({"id": 7}, {"id": None}, {"id": {}}, {"parameters": []},
                     {"parameters": {"triton_x": 1}}, {"outputs": {}}, {"outputs": ["predict"]},
                     {"outputs": [{}]}, {"parameters": {"binary_data_output": 1}}):
            self.refused(self.post({"inputs": [good], **more}))
        self.refused(self.post(b'{"inputs":[' + json.dumps(good).encode() + b'],"inputs":[]}'),
                     400, "twice")

    def test_what_nobody_asked_for_is_ignored(self):
        more = {"parameters": {"timeout": 1000, "sequence_id": 1, "priority": 2,
                               "headers": {"a": ["b"]}, "content_type": "np"}, "later": [[{}]]}
        row = tensor([SETOSA], parameters={"content_type": "np"}, extra={"a": 1})
        self.assertEqual(self.data(asking([row], **more)), self.data(asking([tensor([SETOSA])])))

    def test_nesting_is_limited(self):
        for depth in (120, 100000):
            nested = b"[" * depth + b"1" + b"]" * depth
            self.refused(self.post(b'{"inputs":[{"name":"input-0","shape":[1],"datatype":"FP64",'
                                   b'"data":' + nested + b"}]}"), 400, "nested")
        self.refused(self.post(b'{"x":' * 100000), 400, "nested")

    def test_any_content_type_is_taken(self):
        body = json.dumps(asking([tensor([SETOSA])])).encode()
        for fields in ([], [("Content-Type", "application/x-www-form-urlencoded")],
                       [("Content-Type", "text/plain")], [("content-type", "nonsense")],
                       [("Content-Type", "application/json; charset=utf-8")]):
            self.assertEqual(self.post(body, fields=fields).status, 200)

    def test_too_many_answers_are_refused(self):
        rows = np.zeros((120000, 4), "<f4")
        fields, body = binary([("input-0", "FP32", rows.shape, rows.tobytes())], ["leaf"])
        self.refused(self.post(body, fields=fields), 413, "rows")
        self.refused(self.service.ask("POST", INFER, [("Content-Length", str(17 << 20))]), 413)


class Binary(ProtocolCase):
    rows = np.array([SETOSA, VIRGINICA])

    def ask(self, outputs=None, **more):
        fields, body = binary([("input-0", "FP64", self.rows.shape, self.rows.tobytes())], outputs,
                              **more)
        return self.post(body, fields=fields)

    def test_both_ways(self):
        answer = self.ask(parameters={"binary_data_output": True})
        self.assertEqual((answer.status, answer.type), (200, "application/octet-stream"))
        head = json.loads(answer.body[:int(answer.fields[LENGTH.lower()])])
        self.assertEqual(head["outputs"][0]["parameters"], {"binary_data_size": 16})
        self.assertNotIn("data", head["outputs"][0])
        arrays = arrays_of(answer)
        self.assertEqual(arrays["predict"].tolist(), [[0], [2]])
        self.assertEqual(arrays["predict_proba"].shape, (2, 3))

    def test_each_output_decides_for_itself(self):
        some = [{"name": "predict", "parameters": {"binary_data": False}}, "predict_label",
                {"name": "margin", "parameters": {"binary_data": True}}]
        answer = self.ask(some, parameters={"binary_data_output": True})
        arrays = arrays_of(answer)
        self.assertEqual(arrays["predict_label"].tolist(), [["setosa"], ["virginica"]])
        head = json.loads(answer.body[:int(answer.fields[LENGTH.lower()])])
        self.assertEqual(["data" in o for o in head["outputs"]], [True, False, False])
        answer = self.ask(["predict", {"name": "leaf", "parameters": {"binary_data": False}}])
        self.assertEqual(answer.type, "application/json")
        self.assertNotIn(LENGTH.lower(), answer.fields)

    def test_inputs_may_be_mixed(self):
        inputs = [tensor([5.1, 7.2], "s_length"),
                  {"name": "s_width", "shape": [2], "datatype": "FP64",
                   "parameters": {"binary_data_size": 16}},
                  tensor([1.4, 6.1], "p_length"),
                  {"name": "p_width", "shape": [2, 1], "datatype": "FP32",
                   "parameters": {"binary_data_size": 8}}]
        head = json.dumps(asking(inputs)).encode()
        body = head + struct.pack("<2d", 3.5, 3.6) + struct.pack("<2f", 0.2, 2.5)
        answer = self.post(body, fields=[(LENGTH.lower(), str(len(head)))])
        self.assertEqual(arrays_of(answer)["predict"].tolist(), [[0], [2]])

    def test_lengths_that_are_none(self):
        body = json.dumps(asking([tensor([SETOSA])])).encode()
        for length in (len(body) + 1, -1, "abc", "", "1e3", "0x10", 2**31, 2**63, 2**64, 10**30,
                       "+5", "5.0", "5,5"):
            with self.subTest(length):
                self.refused(self.post(body, fields=[(LENGTH, str(length))]), 400, LENGTH)
        self.refused(self.post(body, fields=[(LENGTH, str(len(body) - 1))]))
        self.assertEqual(self.post(body, fields=[(LENGTH, str(len(body)))]).status, 200)

    def test_sizes_that_do_not_fit(self):
        def ask(size, raw, shape=(1, 4), length=True, datatype="FP64", **more):
            head = json.dumps(asking([{"name": "input-0", "shape": list(shape),
                                       "datatype": datatype,
                                       "parameters": {"binary_data_size": size}, **more}])).encode()
            return self.post(head + raw, fields=[(LENGTH, str(len(head)))] if length else [])
        row = struct.pack("<4d", *SETOSA)
        self.assertEqual(ask(32, row).status, 200)
        self.refused(ask(32, row[:-1]), 400, "unexpected size")
        self.refused(ask(31, row[:-1]), 400, "unexpected size")
        self.refused(ask(40, row + row[:8]), 400, "unexpected size")
        self.refused(ask(32, row + b"x"), 400, "unexpected additional input data")
        self.refused(ask(32, b""), 400, "unexpected size")
        self.refused(ask(32, row, data=SETOSA), 400, "both")
        self.refused(ask(32, b"", length=False), 400, LENGTH)
        for size in (-32, 32.0, "32", True, None, 2**64):
            self.refused(ask(size, row), 400, "binary_data_size")
        self.refused(ask(2**63, row, datatype="BYTES"), 400, "unexpected size")
        self.refused(ask(8, texts("a"), datatype="BYTES"), 400)
        self.refused(ask(4, b"\xff\xff\xff\xff", shape=(1, 4), datatype="BYTES"), 400,
                     "unexpected size")
        self.refused(ask(4, b"\x00\x01\x02\x01", datatype="BOOL"), 400, "BOOL")
        head = json.dumps(asking([tensor([SETOSA])])).encode()
        self.refused(self.post(head + b"!", fields=[(LENGTH, str(len(head)))]), 400,
                     "unexpected additional input data")

    def test_a_body_may_be_one_tensor(self):
        answer = self.post(self.rows.tobytes(), fields=[(LENGTH, "0")])
        self.assertEqual((answer.status, answer.type), (200, "application/octet-stream"), answer)
        self.assertEqual(arrays_of(answer)["predict"].tolist(), [[0], [2]])
        self.refused(self.post(self.rows.tobytes()[:-1], fields=[(LENGTH, "0")]), 400,
                     "unexpected size")
        self.refused(self.post(np.full(4, np.nan).tobytes(), fields=[(LENGTH, "0")]), 400, "row 1")

    def test_compression_both_ways(self):
        rows = np.repeat(self.rows, 200, axis=0)
        expected = None
        for coding, pack, unpack in (("gzip", gzip.compress, gzip.decompress),
                                     ("deflate", zlib.compress, zlib.decompress),
                                     ("x-gzip", gzip.compress, gzip.decompress)):
            fields, body = binary([("input-0", "FP64", rows.shape, rows.tobytes())],
                                  parameters={"binary_data_output": True})
            packed = pack(body)
            answer = self.post(packed, fields=fields + [("Content-Encoding", coding),
                                                        ("Accept-Encoding", coding[-7:])])
            self.assertEqual(answer.status, 200, answer)
            if coding != "x-gzip":
                self.assertEqual(answer.fields["content-encoding"], coding)
                answer.body = unpack(answer.body)
            arrays = arrays_of(answer)  # the length counts what is uncompressed
            expected = expected or arrays
            for name, array in arrays.items():
                np.testing.assert_array_equal(array, expected[name])
            for broken in (packed[:-1], packed[:len(packed) // 2], packed + b"x", b"x" + packed):
                self.refused(self.post(broken, fields=fields + [("Content-Encoding", coding)]), 400)
        answer = self.post(asking([tensor([SETOSA])]), fields=[("Content-Encoding", "br")])
        self.refused(answer, 415)
        self.assertEqual(answer.fields["accept-encoding"], "gzip, deflate")

    def test_inflating_is_limited(self):
        for coding, bomb in (("gzip", gzip.compress(b" " * (64 << 20))),
                             ("deflate", zlib.compress(b" " * (64 << 20)))):
            self.refused(self.post(bomb, fields=[("Content-Encoding", coding)]), 413)

    def test_classification(self):
        def ask(name, k, **more):
            output = {"name": name, "parameters": {"classification": k, **more}}
            return self.ask([output])
        answer = json.loads(ask("predict_proba", 2).body)["outputs"][0]
        self.assertEqual((answer["datatype"], answer["shape"]), ("BYTES", [2, 2]))
        best = [text.split(":") for text in answer["data"]]
        self.assertEqual([b[1:] for b in best[::2]], [["0", "setosa"], ["2", "virginica"]])
        probabilities = arrays_of(self.ask(["predict_proba"]))["predict_proba"]
        for i, (value, index, _) in enumerate(best):
            self.assertEqual(float(value), probabilities[i // 2][int(index)])
        self.assertEqual(json.loads(ask("predict", 9).body)["outputs"][0]["shape"], [2, 3])
        packed = arrays_of(ask("predict", 1, binary_data=True))["predict"]
        self.assertEqual([t.split(":")[2] for t in packed.ravel()], ["setosa", "virginica"])
        for k in (0, -1, 1.5, "1", None, True):
            self.refused(ask("predict", k), 400, "classification")
        self.refused(ask("leaf", 1), 400, "leaf")


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


# Outputs of the protocol, and what the command line calls the same numbers.
SAME = {"predict_proba": "proba", "margin": "margin", "leaf": "leaf", "score": "score"}


class Vectors(unittest.TestCase):
    """Every vector as binary FP64: the numbers of `copse predict`, bit by bit."""

    def command_line(self, model, rows, kind):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder, "out.npy")
            subprocess.run([BINARY, "predict", "--model", model, "--input", rows, "--output", kind,
                            "--out", out], check=True, timeout=60, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
            return np.load(out)

    def check(self, service, name):
        folder = VECTORS / name
        model = folder / "model.safetensors"
        rows_file = folder / json.loads((folder / "case.json").read_text())["rows"]
        rows = np.load(rows_file).astype("<f8")
        metadata = json.loads(service.ask("GET", f"/v2/models/{name}").body)
        kinds = {o["name"]: o["datatype"] for o in metadata["outputs"]}
        asked = {n: k for n, k in SAME.items() if n in kinds}
        if "predict_label" not in kinds:
            asked["predict"] = "predict"
        elif kinds["predict"] == "INT64":  # nothing but classes
            asked["predict"] = "index"
        fields, body = binary([("input-0", "FP64", rows.shape, rows.tobytes())], list(asked),
                              parameters={"binary_data_output": True})
        answer = service.ask("POST", f"/v2/models/{name}/infer", fields, body)
        self.assertEqual(answer.status, 200, answer)
        arrays = arrays_of(answer)
        for output, kind in asked.items():
            wanted = self.command_line(model, rows_file, kind).reshape(len(rows), -1)
            got = arrays[output]
            if wanted.dtype.kind == "f":
                # A float is the same number as a double; a NaN is a NaN.
                wanted, got = wanted.astype("<f8"), got.astype("<f8")
                same = (wanted.view("<u8") == got.view("<u8")) | (np.isnan(wanted) & np.isnan(got))
                self.assertTrue(same.all(), (output, np.argwhere(~same)[:3]))
            else:
                np.testing.assert_array_equal(got, wanted, output)
        return len(asked)

    def test_every_case(self):
        names = json.loads((VECTORS / "index.json").read_text())
        models = [f"{name}={VECTORS / name / 'model.safetensors'}" for name in names]
        checked = 0
        with Service(models=models, log=False) as service:
            for name in names:
                with self.subTest(name):
                    checked += self.check(service, name)
        self.assertGreaterEqual(checked, 3 * len(names) - 60)


if __name__ == "__main__":
    unittest.main()
