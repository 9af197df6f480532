"""Binary tensors of the Open Inference Protocol v2 over loopback: their lengths and compression, and
every vector against the command line, bit by bit."""

import gzip
import json
import struct
import subprocess
import tempfile
import unittest
import zlib
from pathlib import Path

import numpy as np

from service import BINARY, Service
from v2_client import (LENGTH, SETOSA, VECTORS, VIRGINICA, ProtocolCase, arrays_of, asking, binary,
                       tensor, texts)


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
        for second in (len(body), len(body) - 1):
            self.refused(self.post(body, fields=[(LENGTH, str(len(body))), (LENGTH, str(second))]), 400,
                         "two " + LENGTH)
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
            # Of a body that shrinks well, the JSON alone is longer than all that was sent.
            if coding == "gzip":
                head = json.dumps(asking([tensor([SETOSA] * 500)])).encode()
                answer_of_many = self.post(pack(head), fields=[(LENGTH, str(len(head))),
                                                               ("Content-Encoding", coding)])
                self.assertGreater(len(head), 10 * len(pack(head)))
                self.assertEqual(len(arrays_of(answer_of_many)["predict"]), 500)
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
