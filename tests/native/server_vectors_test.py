"""Every test vector through the service: rows as JSON (or CSV, which can say infinity), answers
against what the model's own engine said."""

import json
import math
import unittest

import numpy as np

from service import ROOT, Service

VECTORS = ROOT / "tests/vectors"
# What /predict says; margins and leaves are the command line's.
SAID = ("index", "proba", "predict", "score")


def number_text(value):
    return "null" if math.isnan(value) else repr(float(value))


def ask(service, rows):
    """The predictions for `rows`, as JSON objects."""
    if np.isinf(rows).any():
        lines = [",".join("" if math.isnan(x) else repr(float(x)) for x in row) for row in rows]
        # A lone empty cell would be a blank line.
        lines = ['""' if line == "" else line for line in lines]
        path, kind, body = "/predict_file", "text/csv", "\n".join(lines) + "\n"
    else:
        lists = ["[" + ",".join(number_text(x) for x in row) + "]" for row in rows]
        path, kind, body = "/predict", "application/json", "[" + ",".join(lists) + "]"
    answer = service.ask("POST", path, [("Content-Type", kind), ("Accept", "application/json")],
                         body.encode())
    if answer.status != 200:
        raise AssertionError(answer)
    return json.loads(answer.body)["predictions"]


def blocks(prediction):
    return list(prediction["outputs"].values()) if "outputs" in prediction else [prediction]


def numbers(value):
    """Numbers as sent; null is whatever JSON cannot say."""
    values = value if isinstance(value, list) else [value]
    return [math.nan if x is None else x for x in values]


def said(predictions, answer):
    """That answer as [n_rows, columns]."""
    table = []
    for prediction in predictions:
        row = []
        for block in blocks(prediction):
            if answer == "index":
                row += [block["index"]] if "index" in block else []
            elif answer == "proba":
                row += numbers(list(block.get("probabilities", {}).values()))
            elif answer == "predict":
                row += [block["index"]] if "index" in block else numbers(block["value"])
            else:
                row += numbers(block["score"])
        table.append(row)
    return np.array(table, dtype=np.float64)


def difference(got, expected, tolerance):
    """The rows that differ by more than the tolerance allows."""
    wanted = expected.astype(np.float64)
    wanted = np.where(np.isfinite(wanted), wanted, np.nan)
    same = (got == wanted) | (np.isnan(got) & np.isnan(wanted))
    with np.errstate(invalid="ignore"):
        gap = np.abs(got - wanted)
        if tolerance["kind"] == "absolute":
            same |= gap <= tolerance["value"]
        elif tolerance["kind"] == "relative":
            same |= gap <= tolerance["value"] * np.abs(wanted)
        elif tolerance["kind"] == "ulp32":
            same |= gap <= tolerance["value"] * np.spacing(np.abs(wanted.astype(np.float32)))
    return np.flatnonzero(~same.all(axis=1))


class Vectors(unittest.TestCase):
    def check(self, name):
        folder = VECTORS / name
        case = json.loads((folder / "case.json").read_text())
        rows = np.load(folder / case["rows"])
        with Service(models=[f"case={folder / 'model.safetensors'}"], log=False) as service:
            predictions = ask(service, rows)
        checked = 0
        for answer, expected in case["answers"].items():
            if answer not in SAID:
                continue
            wanted = np.load(folder / expected["file"])
            wanted = wanted.reshape(len(rows), -1)
            got = said(predictions, answer)
            self.assertEqual(got.shape, wanted.shape, answer)
            wrong = difference(got, wanted, expected["tolerance"])
            self.assertEqual(len(wrong), 0,
                             f"{answer}: rows {wrong[:5]}: {got[wrong[:2]]} != {wanted[wrong[:2]]}")
            checked += 1
        return checked

    def test_every_case(self):
        names = json.loads((VECTORS / "index.json").read_text())
        self.assertGreaterEqual(len(names), 26)
        checked = 0
        for name in names:
            with self.subTest(name):
                checked += self.check(name)
        self.assertGreaterEqual(checked, len(names))


if __name__ == "__main__":
    unittest.main()
