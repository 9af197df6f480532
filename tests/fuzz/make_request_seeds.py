#!/usr/bin/env python3
"""Where request_fuzzer starts: make_request_seeds.py FOLDER writes one request a file.

Every datatype, flat, nested and binary, both ways to send a row, what may be missing, and what is
refused. A first line with '#' is the Inference-Header-Content-Length field.
"""
import json
import struct
import sys
from pathlib import Path

IRIS = ["s_length", "s_width", "p_length", "p_width"]
ROW = [5.1, 3.5, 1.4, 0.2]
INTEGERS = {"UINT8": "B", "UINT16": "H", "UINT32": "I", "UINT64": "Q",
            "INT8": "b", "INT16": "h", "INT32": "i", "INT64": "q"}
BINARY = {**INTEGERS, "BOOL": "?", "FP16": "e", "FP32": "f", "FP64": "d"}


def tensor(data, shape, datatype="FP64", name="input-0", **members):
    return {"name": name, "shape": shape, "datatype": datatype, "data": data, **members}


def infer(*inputs, **members):
    return json.dumps({"inputs": list(inputs), **members}).encode()


def binary(contents, shape, datatype, name="input-0", **members):
    head = json.dumps({"inputs": [{"name": name, "shape": shape, "datatype": datatype,
                                   "parameters": {"binary_data_size": len(contents)}}],
                       **members}).encode()
    return b"#%d\n" % len(head) + head + contents


def seeds():
    yield "row_list", json.dumps(ROW).encode()
    yield "row_object", json.dumps(dict(zip(IRIS, ROW))).encode()
    yield "rows_mixed", json.dumps([ROW, dict(zip(IRIS, ROW))]).encode()
    yield "row_values", b'[true, -0.0, 1e308, 123456789012345678901234567890]'
    yield "row_category", b'[{"weight": 1.5, "colour": "shade 3"}, [2, 17], [null, "shade 1"]]'
    yield "row_escapes", rb'{"s_length": 1, "s_\u0077idth": 2, "p_length": 3, "p\u005fwidth": 4}'
    yield "row_twice", b'{"s_length": 1, "s_length": 2}'
    yield "row_no_json", b'[NaN, Infinity, 01, 1.]'
    yield "nested_deep", b"[" * 99 + b"1" + b"]" * 99
    yield "infer_flat", infer(tensor(ROW, [1, 4]))
    yield "infer_one_row", infer(tensor(ROW, [4]))
    yield "infer_nested", infer(tensor([ROW, ROW], [2, 4], "FP32", "input__0"), id="a\"\u00e4")
    yield "infer_empty", infer(tensor([], [0, 4]))
    yield "infer_columns", infer(*(tensor([v], [1], name=n) for n, v in zip(IRIS, ROW)))
    yield "infer_categories", infer(tensor([1.5, None], [2, 1], name="weight"),
                                    tensor(["shade 1", "shade 9"], [2], "BYTES", "colour"))
    yield "infer_outputs", infer(
        tensor(ROW, [1, 4], parameters={"content_type": "np"}),
        parameters={"binary_data_output": True, "timeout": 5, "headers": {"a": [1, {}]}},
        outputs=[{"name": "predict", "parameters": {"classification": 2}},
                 {"name": "predict_proba", "parameters": {"binary_data": False}}])
    yield "infer_overflow", infer(tensor([1], [2 ** 32, 2 ** 32]), tensor([1], [16, 2 ** 60 + 2]))
    yield "infer_reserved", infer(tensor(ROW, [1, 4]), parameters={"triton_x": 1})
    for datatype in BINARY:
        yield f"infer_{datatype.lower()}", infer(
            tensor([True] * 4 if datatype == "BOOL" else [1, 2, 3, 4], [1, 4], datatype))
        code = "<4" + BINARY[datatype]
        yield f"binary_{datatype.lower()}", binary(struct.pack(code, 1, 1, 0, 1), [1, 4], datatype)
    texts = b"".join(struct.pack("<I", len(t)) + t for t in (b"shade 1", b"shade 2"))
    yield "binary_bytes", binary(texts, [2], "BYTES", "colour")
    yield "binary_raw", b"#0\n" + struct.pack("<8d", *ROW, *ROW)
    yield "binary_too_long", binary(b"\0" * 32, [1, 4], "FP64") + b"x"
    yield "header_no_number", b"#-1\n" + infer(tensor(ROW, [1, 4]))


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in seeds():
        (folder / name).write_bytes(content)


if __name__ == "__main__":
    main()
