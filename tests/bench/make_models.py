"""The models of docs/benchmarks.md; the same on every run.

Trains with Debian's scikit-learn and XGBoost and writes one folder a shape:

  model.joblib or model.json  what the library writes itself
  model.safetensors           what `copse import` makes of it
  model.onnx                  the same trees for ONNX Runtime (onnx_model.py)
  X.npy                       10,000 different rows, float32
  reference.npy               what the library answers: averages, values or margins, not linked
  info.json                   sizes

A folder with a complete info.json is left alone. deep_rf and huge_rf take minutes.

  /usr/bin/python3 tests/bench/make_models.py [--out build/bench/models] [SHAPE...]
"""
import argparse
import json
import os
import pathlib
import subprocess

import joblib
import numpy as np
import xgboost
from sklearn.datasets import load_diabetes, load_digits, load_iris, make_classification
from sklearn.ensemble import (GradientBoostingRegressor, RandomForestClassifier,
                              RandomForestRegressor)

import onnx_model

ROOT = pathlib.Path(__file__).resolve().parents[2]
COPSE = pathlib.Path(os.environ.get("COPSE_BIN", ROOT / "build/bin/copse"))
N_ROWS = 10_000


def repeated(table, noise):
    """10,000 rows out of a small table, made different by noise of that share of a column's spread.

    Rows that come again are learnt by heart by the processor's branch predictor, and every walk
    looks faster than it is.
    """
    rows = np.asarray(table, np.float64)[np.arange(N_ROWS) % len(table)]
    spread = np.random.default_rng(1).normal(0, noise, rows.shape) * rows.std(axis=0)
    return np.ascontiguousarray(rows + spread, np.float32)


def of_table(loader, estimator, noise=0.2):
    def make():
        data = loader()
        return estimator.fit(data.data.astype(np.float32), data.target), repeated(data.data, noise)
    return make


def many_columns():
    """120,000 rows of 28 columns; the last 20,000 are not trained on."""
    x, y = make_classification(120_000, 28, n_informative=20, n_redundant=4,
                               n_clusters_per_class=8, flip_y=0.05, random_state=0)
    return x.astype(np.float32), y


def boosted(depth=6, n_trees=500):
    x, y = many_columns()
    parameters = {"objective": "binary:logistic", "max_depth": depth, "eta": 0.1,
                  "tree_method": "hist", "seed": 0, "nthread": os.cpu_count()}
    booster = xgboost.train(parameters, xgboost.DMatrix(x[:100_000], y[:100_000]), n_trees)
    return booster, x[100_000:100_000 + N_ROWS]


def deep():
    x, y = many_columns()
    forest = RandomForestClassifier(100, random_state=0, n_jobs=-1)
    return forest.fit(x[:100_000], y[:100_000]), x[100_000:100_000 + N_ROWS]


def depth10():
    """What a page is asked to carry at most: 100 trees of depth 10, three classes."""
    x, y = make_classification(30_000, 28, n_informative=20, n_redundant=4, n_classes=3,
                               n_clusters_per_class=4, flip_y=0.05, random_state=0)
    x = x.astype(np.float32)
    forest = RandomForestClassifier(100, max_depth=10, random_state=0, n_jobs=-1)
    return forest.fit(x[:20_000], y[:20_000]), x[20_000:]


def huge():
    """Digits with enough noise to be 30,000 different pictures: deep trees of ten classes."""
    digits, random = load_digits(), np.random.default_rng(0)
    chosen = random.integers(0, len(digits.data), 40_000)
    x = (digits.data[chosen] + random.normal(0, 3.0, (40_000, 64))).astype(np.float32)
    forest = RandomForestClassifier(500, random_state=0, n_jobs=-1)
    return forest.fit(x[:30_000], digits.target[chosen][:30_000]), x[30_000:]


SHAPES = {
    "iris_rf": of_table(load_iris, RandomForestClassifier(100, random_state=0)),
    "diabetes_gbr": of_table(load_diabetes, GradientBoostingRegressor(random_state=0)),
    "diabetes_rf": of_table(load_diabetes, RandomForestRegressor(100, random_state=0)),
    "digits_rf": of_table(load_digits, RandomForestClassifier(100, random_state=0)),
    "xgb": boosted,
    "xgb_depth10": lambda: boosted(10, 100),
    "deep_rf": deep,
    "huge_rf": huge,
    "rf_depth10": depth10,
}


def reference(model, rows):
    """What copse calls the margin of `rows`, said by the library itself, one thread."""
    if isinstance(model, xgboost.Booster):
        return model.predict(xgboost.DMatrix(rows), output_margin=True)
    if hasattr(model, "n_jobs"):
        model.n_jobs = 1  # with more, the order of the sum is the threads'
    return model.predict_proba(rows) if hasattr(model, "predict_proba") else model.predict(rows)


def save(model, folder):
    if isinstance(model, xgboost.Booster):
        model.save_model(folder / "model.json")
        return folder / "model.json"
    joblib.dump(model, folder / "model.joblib")
    return folder / "model.joblib"


def make(name, folder):
    info_path = folder / "info.json"
    if info_path.exists():
        return json.loads(info_path.read_text("utf-8"))
    folder.mkdir(parents=True, exist_ok=True)
    model, rows = SHAPES[name]()
    assert len(np.unique(rows, axis=0)) == N_ROWS, f"{name}: rows repeat"
    answers = reference(model, rows)
    np.save(folder / "X.npy", rows)
    np.save(folder / "reference.npy", answers)
    source = save(model, folder)
    subprocess.run([COPSE, "import", source, "-o", folder / "model.safetensors"], check=True)
    trees = onnx_model.write(model, folder / "model.onnx")
    info = {"name": name, "source": source.name, "n_rows": N_ROWS, "n_features": rows.shape[1],
            "n_outputs": answers.shape[1] if answers.ndim == 2 else 1, **trees}
    info_path.write_text(json.dumps(info, indent=1) + "\n", "utf-8")
    return info


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "build/bench/models")
    parser.add_argument("shapes", nargs="*", metavar="SHAPE", help=", ".join(SHAPES))
    options = parser.parse_args()
    for name in options.shapes or SHAPES:
        if name not in SHAPES:
            parser.error(f"{name} is none of {', '.join(SHAPES)}")
        print(json.dumps(make(name, options.out / name)), flush=True)


if __name__ == "__main__":
    main()
