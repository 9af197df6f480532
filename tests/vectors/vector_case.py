"""One case of tests/vectors: its rows, its files, and the check that they agree."""
import json
import math
import pathlib

import numpy as np

from reference_evaluator import ReferenceModel

BITS = {"kind": "bits"}
ABSOLUTE = {"kind": "absolute", "value": 2e-15}   # behind NumPy's or SciPy's exp, log, power
RELATIVE = {"kind": "relative", "value": 1e-15}   # the same, for numbers that may be large
BLAS = {"kind": "relative", "value": 1e-12}       # the order of a dot product is not promised
ULP32 = {"kind": "ulp32", "value": 2}             # behind expf in float32
FLT_MAX = float(np.finfo(np.float32).max)


def agrees(expected, got, tolerance):
    """Whether every number is as near as `tolerance` says; NaN agrees with NaN, -0 with 0."""
    expected, got = expected.astype(np.float64), got.astype(np.float64)
    same = (expected == got) | (np.isnan(expected) & np.isnan(got))
    if expected.shape != got.shape or tolerance["kind"] == "bits":
        return expected.shape == got.shape and bool(same.all())
    with np.errstate(all="ignore"):
        distance = np.abs(expected - got)
        if tolerance["kind"] == "absolute":
            near = distance <= tolerance["value"]
        elif tolerance["kind"] == "relative":
            near = distance <= tolerance["value"] * np.maximum(np.abs(expected), 1e-300)
        else:
            ulps = np.spacing(np.abs(expected).astype(np.float32)).astype(np.float64)
            near = distance <= tolerance["value"] * ulps
    return bool((same | near).all())


def write_case(folder, name, data, rows, answers, producer, covers):
    """Checks the model file against `answers` and writes the case's folder; its name is returned.

    answers  kind -> (array [n_rows, columns], tolerance)
    """
    model = ReferenceModel(data)
    case = {"name": name, "producer": producer, "covers": covers, "rows": "rows.npy",
            "answers": {}}
    path = pathlib.Path(folder) / name
    path.mkdir(parents=True, exist_ok=True)
    for kind, (expected, tolerance) in answers.items():
        expected = np.ascontiguousarray(expected).reshape(len(rows), -1)
        got = model.answer(kind, rows)
        if not agrees(expected, got, tolerance):
            raise AssertionError(f"{name}: {kind} differs from the engine: "
                                 f"{_first_difference(expected, got, tolerance)}")
        whole = kind in ("index", "leaf")
        narrow = expected.dtype == np.float32 and not whole
        _write_array(path / f"{kind}.npy", expected, "<i8" if whole else "<f4" if narrow else "<f8")
        case["answers"][kind] = {"file": f"{kind}.npy", "tolerance": tolerance}
    _write_array(path / "rows.npy", rows, "<f4" if rows.dtype == np.float32 else "<f8")
    (path / "model.safetensors").write_bytes(data)
    (path / "case.json").write_text(json.dumps(case, indent=1, ensure_ascii=False) + "\n")
    return name


def _first_difference(expected, got, tolerance):
    if expected.shape != got.shape:
        return f"shape {expected.shape}, file {got.shape}"
    for i in np.ndindex(expected.shape):
        if not agrees(np.array([expected[i]]), np.array([got[i]]), tolerance):
            return f"row {i[0]} column {i[1]}: {expected[i]!r}, file {got[i]!r}"
    return "nothing"


def _write_array(path, array, dtype):
    with open(path, "wb") as file:
        np.lib.format.write_array(file, np.ascontiguousarray(array, dtype), version=(1, 0))


# Rows


def edge_rows(data, X, rng, *, n_data=24, n_nodes=6, raw_thresholds=None, missing=False,
              infinite=False, codes=(), dtype=np.float64):
    """Data rows, and rows at the places where an evaluator goes wrong.

    On thresholds and one float32 and one float64 step beside, each in a row that reaches the
    split; signed zeros, subnormal and huge numbers; NaN and infinities where the model takes them.

    raw_thresholds  [M] the engine's own float64 thresholds, if the file holds rounded ones
    codes           values for categorical columns: unseen, negative, fractional
    """
    model = ReferenceModel(data)
    X = np.asarray(X, np.float64)
    picked = X[rng.choice(len(X), min(n_data, len(X)), replace=False)]
    rows = list(picked)
    features = json.loads(model.metadata["features"])
    categorical = np.array([feature["kind"] == "cat" for feature in features])
    for _ in range(n_nodes if model.lists.get("tree.root") else 0):
        rows += _threshold_rows(model, picked, rng, raw_thresholds, categorical)
    numeric = np.flatnonzero(~categorical)
    for value in _special_values(model.metadata["input"], missing, infinite):
        for n in (1, max(1, len(numeric) // 2)):
            row = picked[rng.integers(len(picked))].copy()
            row[rng.choice(numeric, n, replace=False)] = value
            rows.append(row)
    for value in codes:
        for column in np.flatnonzero(categorical):
            row = picked[rng.integers(len(picked))].copy()
            row[column] = value
            rows.append(row)
    if missing:
        rows.append(np.full(X.shape[1], np.nan))
    rows.append(np.where(categorical, 0.0, -0.0))
    with np.errstate(all="ignore"):
        return np.array(rows).astype(dtype)


def _threshold_rows(model, picked, rng, raw_thresholds, categorical):
    row = picked[rng.integers(len(picked))]
    path = _path(model, int(rng.integers(model.n_trees())), model.cast(row))
    path = [node for node in path if not categorical[model.lists["node.feature"][node]]]
    if not path:
        return []
    node = path[int(rng.integers(len(path)))]
    stored = model.lists["node.threshold"][node]
    exact = stored if raw_thresholds is None else float(raw_thresholds[node])
    if math.isinf(stored) or math.isinf(exact):
        return []
    narrow = np.float32(stored)
    values = {stored, exact, float(narrow)}
    for way in (np.inf, -np.inf):
        values.add(float(np.nextafter(narrow, np.float32(way))))
        values.add(float(np.nextafter(exact, way)))
    values.add((float(narrow) + float(np.nextafter(narrow, np.float32(np.inf)))) / 2)
    rows = []
    for value in sorted(values):
        copy = row.copy()
        copy[model.lists["node.feature"][node]] = value
        rows.append(copy)
    return rows


def _path(model, tree, x):
    nodes, at = [], model.lists["tree.root"][tree]
    while at >= 0:
        nodes.append(at)
        left = model.goes_left(at, x[model.lists["node.feature"][at]])
        at = model.lists["node.left" if left else "node.right"][at]
    return nodes


def _special_values(input_width, missing, infinite):
    values = [0.0, -0.0, 1e-45, -1e-45, 1e-40, FLT_MAX, -FLT_MAX]
    values += [5e-324, -2e-308, 1e300, -1e300] if input_width == "f64" else [1e-60]
    values += [float("nan")] * 2 if missing else []
    return values + ([float("inf"), float("-inf")] if infinite else [])
