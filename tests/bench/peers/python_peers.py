"""scikit-learn or XGBoost on one shape, one thread, in the fastest way each offers.

  python_peers.py sklearn|xgboost|xgboost-c FOLDER BATCH...

Prints one JSON object: version, nanoseconds per row of each batch size, and the largest difference
to the reference answers. xgboost-c is the C function behind inplace_predict, called with
everything prepared: what a C or C++ program would measure.
"""
import ctypes
import json
import pathlib
import statistics
import sys
import time

import numpy as np

RUN_SECONDS = 0.08
N_RUNS = 7


def sklearn_predictor(folder):
    import joblib
    import sklearn
    sklearn.set_config(assume_finite=True)  # else every call looks for NaN first
    model = joblib.load(folder / "model.joblib")
    if hasattr(model, "n_jobs"):
        model.n_jobs = 1
    predict = getattr(model, "predict_proba", model.predict)
    return sklearn.__version__, lambda block: lambda: predict(block)


def booster(folder):
    import xgboost
    loaded = xgboost.Booster({"nthread": 1}, model_file=folder / "model.json")
    loaded.set_param({"nthread": 1})
    return xgboost, loaded


def xgboost_predictor(folder):
    # Not predict on a DMatrix: it keeps answers, and the second call measures a copy.
    xgboost, model = booster(folder)
    return (xgboost.__version__,
            lambda block: lambda: model.inplace_predict(block, predict_type="margin"))


def xgboost_c_predictor(folder):
    xgboost, model = booster(folder)
    config = json.dumps({"type": 1, "training": False, "iteration_begin": 0, "iteration_end": 0,
                         "missing": float("nan"), "strict_shape": False, "cache_id": 0}).encode()
    function = xgboost.core._LIB.XGBoosterPredictFromDense
    shape, dimensions = ctypes.POINTER(ctypes.c_uint64)(), ctypes.c_uint64()
    answers = ctypes.POINTER(ctypes.c_float)()

    def prepare(block):
        array = json.dumps({"data": [block.ctypes.data, True], "shape": block.shape,
                            "typestr": "<f4", "version": 3}).encode()

        def call():
            if function(model.handle, array, config, None, ctypes.byref(shape),
                        ctypes.byref(dimensions), ctypes.byref(answers)) != 0:
                raise RuntimeError("XGBoosterPredictFromDense failed")
            return np.ctypeslib.as_array(answers, (len(block),))
        return call
    return xgboost.__version__, prepare


PREDICTORS = {"sklearn": sklearn_predictor, "xgboost": xgboost_predictor,
              "xgboost-c": xgboost_c_predictor}


def nanoseconds_per_row(calls, batch):
    """Median of some runs, each over calls of different rows. Time is the processor's, so that
    other processes do not count."""
    def run(count):
        begin = time.process_time()
        for i in range(count):
            calls[i % len(calls)]()
        return time.process_time() - begin

    count = 1
    while run(count) < RUN_SECONDS:
        count *= 2
    return statistics.median(run(count) / (count * batch) for _ in range(N_RUNS)) * 1e9


def main():
    peer, folder, batches = sys.argv[1], pathlib.Path(sys.argv[2]), map(int, sys.argv[3:])
    version, prepare = PREDICTORS[peer](folder)
    rows = np.load(folder / "X.npy")
    reference = np.load(folder / "reference.npy")
    worst = np.abs(np.asarray(prepare(rows)(), np.float64) - reference).max()
    times = {}
    for batch in batches:
        starts = range(0, len(rows) - batch + 1, batch)
        times[batch] = nanoseconds_per_row([prepare(rows[at:at + batch]) for at in starts], batch)
    print(json.dumps({"version": version, "ns_per_row": times, "difference": float(worst)}))


if __name__ == "__main__":
    main()
