"""Requests and answers of the Open Inference Protocol v2, and the case that its tests share."""

import json
import math
import struct
import unittest

import numpy as np

from service import IRIS, ROOT, Service

VECTORS = ROOT / "tests/vectors"
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
