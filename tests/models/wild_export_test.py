#!/usr/bin/python3
"""Real scikit-learn models, exported and evaluated, agree with what scikit-learn said of them.

    COPSE_WILD_MODELS=FOLDER [COPSE_BIN=build/bin/copse] wild_export_test.py [--reference]

FOLDER holds made-here/sklearn-1.2.1: estimators that this project pickled itself, with the answers
of the scikit-learn that fitted them. Only these are ever unpickled. Answers come from
`copse predict`, or with --reference from the evaluator of the test vectors.

Equal means: to the bit, but for gradient boosting classifiers' scores and probabilities, which go
through a logarithm or an exponential: 2e-15 absolute, or 1e-15 relative for large values.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

import joblib
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "models"), str(ROOT / "tests" / "vectors")]
import copse_export  # noqa: E402
from reference_evaluator import ReferenceModel  # noqa: E402

SUPPORTED = copse_export.CLASSIFIERS | copse_export.REGRESSORS | copse_export.BOOSTERS
# Their first answer is another fitted model, which the format cannot hold.
REFUSED = {"gb_cancer_init_logreg": "init=LogisticRegression",
           "gb_diabetes_init_tree": "init=DecisionTreeRegressor"}
KINDS = {"predict_index": "index", "predict_proba": "proba", "decision_function": "margin",
         "predict": "predict", "apply": "leaf"}


def main():
    folder = pathlib.Path(os.environ.get("COPSE_WILD_MODELS", "")) / "made-here" / "sklearn-1.2.1"
    if not os.environ.get("COPSE_WILD_MODELS") or not folder.is_dir():
        print("SKIP: COPSE_WILD_MODELS names no folder of real models")
        print("0 passed, 0 failed, 1 skipped")
        return 0
    answer = answer_of_reference if "--reference" in sys.argv else answer_of_binary
    passed, failed, others = 0, 0, 0
    for case in json.loads((folder / "cases.json").read_text())["cases"]:
        if case["estimator"] not in SUPPORTED:
            others += 1
            continue
        flaw = flaw_of(folder / case["case"], case, answer)
        passed, failed = passed + (flaw is None), failed + (flaw is not None)
        if flaw is not None:
            print(f"FAIL {case['case']}: {flaw}")
    print(f"report: {passed + failed} real scikit-learn models exported, {others} of kinds that are not")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


def flaw_of(path, case, answer):
    """What is wrong with the case, or None."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator = joblib.load(path / case["model"])
    try:
        data = copse_export.dumps(estimator, leaf_ids=True)
    except copse_export.ExportError as error:
        expected = REFUSED.get(case["case"])
        return None if expected and expected in str(error) else f"refused: {error}"
    if case["case"] in REFUSED:
        return "was exported, although it starts from another model"
    with tempfile.TemporaryDirectory() as scratch:
        model = pathlib.Path(scratch) / "model.safetensors"
        model.write_bytes(data)
        for output, files in case["outputs"].items():
            parts = [np.load(path / f) for f in ([files] if isinstance(files, str) else files)]
            parts = [part.reshape(case["rows"], -1) for part in parts]
            expected = np.concatenate(parts, axis=1)
            got = answer(model, path / case["input"], KINDS[output])
            if not agrees(case["estimator"], KINDS[output], expected, got):
                return f"{output} differs: {first_difference(expected, got)}"
    return None


def agrees(estimator, kind, expected, got):
    if expected.shape != got.shape:
        return False
    if estimator == "GradientBoostingClassifier" and kind in ("margin", "proba"):
        near = np.maximum(2e-15, 1e-15 * np.abs(expected))
        return bool((np.abs(expected - got) <= near).all())
    return bool((expected == got).all())


def first_difference(expected, got):
    if expected.shape != got.shape:
        return f"shape {got.shape} instead of {expected.shape}"
    i = tuple(np.argwhere(expected != got)[0])
    return f"row {i[0] + 1} column {i[1] + 1} is {got[i]!r} instead of {expected[i]!r}"


def answer_of_binary(model, rows, kind):
    out = model.parent / "out.npy"
    binary = os.environ.get("COPSE_BIN", str(ROOT / "build" / "bin" / "copse"))
    subprocess.run([binary, "predict", "--model", str(model), "--input", str(rows), "--out",
                    str(out), "--output", kind], check=True, stdout=subprocess.DEVNULL, timeout=60)
    answer = np.load(out)
    return answer.reshape(len(answer), -1)


def answer_of_reference(model, rows, kind):
    return ReferenceModel(model.read_bytes()).answer(kind, np.load(rows))


if __name__ == "__main__":
    sys.exit(main())
