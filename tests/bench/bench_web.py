"""The npm package beside onnxruntime-web and ydf-inference: download, start, one row, batch.

One run, one pinned core, turn by turn, `--rounds` times; medians count, and what is judged are
ratios, for rows the median of the rounds' ratios. ydf-inference reads models of its own trainer only,
with other trees and more of them: its times are shown as measured, and per tree times our trees
(`ydf, scaled`).
Results are kept with machine, command and commit under tests/bench/results/.

  make bench-web ROUNDS=5
  /usr/bin/python3 tests/bench/bench_web.py [--rounds 5]
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess

import run_bench
from record import begin_record, keep_record, say

SHAPES = ["iris_rf", "rf_depth10"]
STARTERS = ["copse", "copse, small module", "onnxruntime-web", "ydf-inference"]
# (what, of which shape, at least so many times as good as onnxruntime-web)
EXPECTED = [("start", "iris_rf", 10), ("start", "rf_depth10", 10), ("1", "iris_rf", 8),
            ("1", "rf_depth10", 8), ("10000", "iris_rf", 2), ("10000", "rf_depth10", 3)]
DOWNLOAD_EXPECTED = 40


def measure_start(core, peer, folder, width):
    ours = peer.startswith("copse")
    modules = run_bench.ROOT / "node_modules" if ours else run_bench.BUILD / "npm/node_modules"
    if peer == "ydf-inference" and not (folder / "ydf.zip").exists():
        return {"missing": "its trainer made no model"}
    flags = ["--no-experimental-fetch"] if peer == "ydf-inference" else []
    return run_bench.pinned(core, "node", *flags, run_bench.HERE / "peers/start_peers.mjs", peer,
                            folder, modules, width)


def measure_starts(core, folder, rounds):
    """Fresh processes in turn; more of them than rounds, because each is short."""
    width = json.loads((folder / "info.json").read_text("utf-8"))["n_features"]
    found = {peer: [] for peer in STARTERS}
    for _ in range(3 * rounds):
        for peer, turns in found.items():
            turns.append(measure_start(core, peer, folder, width))
    return {peer: start_of(turns) for peer, turns in found.items()}


def start_of(turns):
    good = [turn for turn in turns if "missing" not in turn]
    if not good:
        return turns[-1]
    return {"ms": round(statistics.median(turn["ms"] for turn in good), 2),
            "rss_mb": round(statistics.median(turn["rss_bytes"] for turn in good) / 2**20, 1),
            "processes": len(good)}


def measure_rows(core, folder, rounds):
    peers = ["copse-wasm", "copse-wasm-small", "onnxruntime-web", "ydf-inference"]
    found = {peer: [] for peer in peers}
    for number in range(rounds):
        for peer, turns in found.items():
            turns.append(run_bench.measure_node(core, peer, folder))
            say(f"{folder.name} {number + 1}/{rounds} {peer}: "
                          f"{turns[-1].get('missing') or turns[-1]['ns_per_row']}")
    return {peer: run_bench.merged(turns) for peer, turns in found.items()}


def ratio(theirs, ours):
    return round(theirs / ours, 2)


def compare(shape):
    """How many times as good as each peer; ydf-inference also by our number of trees."""
    found, trees = {}, shape["info"]["n_trees"]
    starts, rows = shape["start"], shape["rows"]
    for peer in ("onnxruntime-web", "ydf-inference"):
        if "missing" not in starts[peer]:
            found.setdefault(peer, {})["start"] = ratio(starts[peer]["ms"], starts["copse"]["ms"])
        if "missing" not in rows[peer]:
            for batch in rows["copse-wasm"]["ns_per_row"]:
                times = of_rounds(rows[peer]["rounds"], rows["copse-wasm"]["rounds"], batch)
                found.setdefault(peer, {})[batch] = round(times, 2)
                if rows[peer].get("trees"):
                    scaled = times * trees / rows[peer]["trees"]
                    found.setdefault("ydf, scaled", {})[batch] = round(scaled, 2)
    return found


def compare_small(shape):
    """How many times as good as onnxruntime-web the small module is."""
    starts, rows = shape["start"], shape["rows"]
    theirs, ours = rows["onnxruntime-web"]["rounds"], rows["copse-wasm-small"]["rounds"]
    return {"start": ratio(starts["onnxruntime-web"]["ms"], starts["copse, small module"]["ms"]),
            **{batch: round(of_rounds(theirs, ours, batch), 2) for batch in ours[0]}}


def of_rounds(theirs, ours, batch):
    """Median of the rounds' ratios: when the machine changes its speed, both sides of most rounds
    had the same one."""
    return statistics.median(their[batch] / our[batch] for their, our in zip(theirs, ours))


def report(record):
    lines = []
    for name, size in record["download"].items():
        lines.append(f"download  {name:28} {size['brotli'] / 1024:9.1f} KiB brotli")
    for name, times in record["download_ratio"].items():
        met = "met" if times >= DOWNLOAD_EXPECTED else "missed"
        lines.append(f"download  {name:28} 1/{times} of onnxruntime-web; "
                     f"expected 1/{DOWNLOAD_EXPECTED}: {met}")
    for name, shape in record["shapes"].items():
        for peer, start in shape["start"].items():
            lines.append(f"start     {name:10} {peer:20} "
                         f"{start.get('missing') or str(start['ms']) + ' ms'}")
        for peer, rows in shape["rows"].items():
            shown = {batch: round(ns) for batch, ns in rows.get("ns_per_row", {}).items()}
            lines.append(f"ns/row    {name:10} {peer:20} {rows.get('missing') or shown}")
        lines.append(f"ratios    {name:10} {json.dumps(shape['ratios'])}")
    for what, name, least in EXPECTED:
        times = record["shapes"][name]["ratios"].get("onnxruntime-web", {}).get(what)
        met = "not measured" if times is None else "met" if times >= least else "missed"
        lines.append(f"expected  {name:10} {what:6} {least}x of onnxruntime-web: {times} {met}")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--core", type=int, default=(os.cpu_count() or 1) - 1)
    parser.add_argument("--out", type=pathlib.Path, help="where the JSON goes")
    options = parser.parse_args()
    run_bench.install_npm_peers()
    subprocess.run(["/usr/bin/python3", run_bench.HERE / "make_models.py", *SHAPES], check=True,
                   stdout=subprocess.DEVNULL,
                   env={**os.environ, "COPSE_BIN": str(run_bench.COPSE)})
    record = begin_record("bench_web.py", core=options.core, rounds=options.rounds)
    sizes = subprocess.run(["node", run_bench.HERE / "peers/download_sizes.mjs",
                            run_bench.BUILD / "npm/node_modules"], check=True, capture_output=True,
                           text=True)
    record["download"] = json.loads(sizes.stdout)
    rival = record["download"]["onnxruntime-web, wasm only"]["brotli"]
    record["download_ratio"] = {name: ratio(rival, size["brotli"])
                                for name, size in record["download"].items()
                                if name.startswith("copse")}
    record["shapes"] = {}
    for name in SHAPES:
        folder = run_bench.BUILD / "models" / name
        run_bench.train_ydf(folder)
        shape = {"info": json.loads((folder / "info.json").read_text("utf-8")),
                 "start": measure_starts(options.core, folder, options.rounds),
                 "rows": measure_rows(options.core, folder, options.rounds)}
        record["shapes"][name] = {**shape, "ratios": compare(shape),
                                  "ratios_small": compare_small(shape)}
    keep_record(record, "web", options.out)
    print(report(record))


if __name__ == "__main__":
    main()
