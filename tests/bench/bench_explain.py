"""Contributions (exact TreeSHAP) beside XGBoost's: one row's time, natively and in WebAssembly.

XGBoost's `pred_contribs` is the algorithm as it was first published, in C++. One run, one pinned core,
turn by turn, `--rounds` times; the medians of the rounds' ratios count. `copse explain` is timed with
many rows and with few: the difference is what rows take, their reading and writing included. Answers
are compared, too. Results are kept under tests/bench/results/.

  make bench-explain ROUNDS=5
  /usr/bin/python3 tests/bench/bench_explain.py [--rounds 5]
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

import numpy as np

import run_bench
from record import begin_record, keep_record, say

SHAPES = ["xgb", "xgb_depth10"]
N_ROWS = 200
PEERS = ["xgboost", "copse", "copse-fast.wasm", "copse.wasm"]


def explained(core, folder, rows, out):
    """Seconds that `copse explain` takes from a file to a file."""
    begin = time.perf_counter()
    subprocess.run(["taskset", "-c", str(core), run_bench.COPSE, "explain", "--model",
                    folder / "model.safetensors", "--input", rows, "--out", out, "--threads", "1"],
                   check=True, timeout=run_bench.PEER_SECONDS_MAX)
    return time.perf_counter() - begin


def measure_copse(core, folder):
    rows = np.load(folder / "X.npy")
    with tempfile.TemporaryDirectory() as place:
        files = {n: pathlib.Path(place) / f"{n}.npy" for n in (N_ROWS // 10, 5 * N_ROWS)}
        for n, path in files.items():
            np.save(path, rows[:n])
        out = pathlib.Path(place) / "parts.npy"
        (few, few_file), (many, many_file) = files.items()
        short = statistics.median(explained(core, folder, few_file, out) for _ in range(3))
        long = explained(core, folder, many_file, out)
        found = np.load(out).reshape(many, -1)[:N_ROWS]
    theirs = np.load(folder / "contributions.npy")
    return {"ms_per_row": (long - short) * 1000 / (many - few),
            "difference": float(np.abs(found - theirs).max() / np.abs(theirs).max())}


def measure(core, folder, peer):
    if peer == "copse":
        return measure_copse(core, folder)
    if peer == "xgboost":
        return run_bench.pinned(core, "/usr/bin/python3",
                                run_bench.HERE / "peers/explain_xgboost.py", folder, N_ROWS)
    return run_bench.pinned(core, "node", run_bench.HERE / "peers/explain_peers.mjs", folder,
                            run_bench.ROOT / "node_modules", peer, N_ROWS)


def measure_shape(core, folder, rounds):
    turns = {peer: [] for peer in PEERS}
    for number in range(rounds):
        for peer in PEERS:
            turns[peer].append(measure(core, folder, peer))
            say(f"{folder.name} {number + 1}/{rounds} {peer}: {turns[peer][-1]}")
    theirs = turns["xgboost"]
    shape = {"info": json.loads((folder / "info.json").read_text("utf-8")), "peers": {}}
    for peer, found in turns.items():
        times = [their["ms_per_row"] / our["ms_per_row"] for their, our in zip(theirs, found)]
        shape["peers"][peer] = {**found[0], "rounds": [turn["ms_per_row"] for turn in found],
                                "ms_per_row": statistics.median(t["ms_per_row"] for t in found),
                                "times_as_fast": round(statistics.median(times), 2)}
    return shape


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--core", type=int, default=(os.cpu_count() or 1) - 1)
    parser.add_argument("--out", type=pathlib.Path, help="where the JSON goes")
    options = parser.parse_args()
    subprocess.run(["/usr/bin/python3", run_bench.HERE / "make_models.py", *SHAPES], check=True,
                   stdout=subprocess.DEVNULL,
                   env={**os.environ, "COPSE_BIN": str(run_bench.COPSE)})
    record = begin_record("bench_explain.py", core=options.core, rounds=options.rounds, rows=N_ROWS)
    record["shapes"] = {name: measure_shape(options.core, run_bench.BUILD / "models" / name,
                                            options.rounds) for name in SHAPES}
    keep_record(record, "explain", options.out)
    for name, shape in record["shapes"].items():
        for peer, found in shape["peers"].items():
            print(f"{name:12} {peer:16} {found['ms_per_row']:8.3f} ms a row, "
                  f"{found['times_as_fast']}x of XGBoost")


if __name__ == "__main__":
    main()
