"""Contributions by XGBoost (pred_contribs, TreeSHAP as first published), one thread:

  explain_xgboost.py FOLDER N_ROWS

Prints `{"ms_per_row": ..., "version": ...}`, the median of five calls, and writes them beside the model.
"""
import json
import pathlib
import statistics
import sys
import time

import numpy as np
import xgboost

folder, n_rows = pathlib.Path(sys.argv[1]), int(sys.argv[2])
booster = xgboost.Booster({"nthread": 1}, model_file=folder / "model.json")
rows = xgboost.DMatrix(np.load(folder / "X.npy")[:n_rows], nthread=1)
times = []
for _ in range(5):
    begin = time.perf_counter()
    found = booster.predict(rows, pred_contribs=True)
    times.append((time.perf_counter() - begin) * 1000 / n_rows)
np.save(folder / "contributions.npy", found)
print(json.dumps({"ms_per_row": statistics.median(times), "version": xgboost.__version__}))
