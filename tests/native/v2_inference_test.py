"""Inference by the Open Inference Protocol v2 over loopback: what the protocol demands of requests,
and what its clients rely on."""

import json
import sqlite3
import struct
import unittest

import numpy as np

from service import IRIS
from v2_client import (FEATURES, INFER, LENGTH, NUMPY, SETOSA, VECTORS, VIRGINICA, ProtocolCase,
                       arrays_of, asking, binary, tensor)

CATEGORIES = VECTORS / "hgb_cancer_categorical/model.safetensors"
MISSING = VECTORS / "hgb_wine_nan/model.safetensors"
REGRESSOR = VECTORS / "rf_diabetes/model.safetensors"
ISOLATION = VECTORS / "iforest_wine/model.safetensors"


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


if __name__ == "__main__":
    unittest.main()
