"""Copse beside its peers: the same rows, one run, one pinned core, turn by turn.

Each peer is measured in the fastest way it offers, in a process of its own, `--rounds` times; the
median counts. Results are kept with machine, compiler and commit under tests/bench/results/, and
docs/benchmarks.md is written from them (bench_report.py). A peer that is not installed, or fails,
is said to be missing. The first run trains the models (make_models.py) and installs the npm peers
of package.json under build/bench, which takes some minutes that later runs do not.

  make bench-engine SHAPES="iris_rf xgb"
  /usr/bin/python3 tests/bench/run_bench.py [--rounds 3] [--peers P,...] [--no-report] [SHAPE...]
"""
import argparse
import contextlib
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import time

import bench_report
from record import ROOT, begin_record, keep_record, say

HERE = ROOT / "tests/bench"
BUILD = ROOT / "build/bench"
COPSE = pathlib.Path(os.environ.get("COPSE_BIN", ROOT / "build/bin/copse"))
SHAPES = ["iris_rf", "diabetes_gbr", "diabetes_rf", "digits_rf", "xgb", "deep_rf", "huge_rf"]
BIG_SHAPES = ("deep_rf", "huge_rf")  # beyond what the trainers written in JavaScript can do
BATCHES = [1, 16, 256, 10_000]
PEER_SECONDS_MAX = 180  # of one peer on one shape, reading its model included
TRAINING_SECONDS_MAX = 600
NODE_PEERS = ["onnxruntime-node", "onnxruntime-web", "ydf-inference", "ml-random-forest"]
PYTHON_PEERS = ["sklearn", "xgboost", "xgboost-c"]
DISPLAY = {"sklearn": "scikit-learn", "xgboost-c": "xgboost, C function",
           "copse-wasm-c": "copse-wasm, C function"}


def pinned(core, *command):
    """The JSON that a measuring process prints, or the last line of why it did not."""
    try:
        done = subprocess.run(["taskset", "-c", str(core), *map(str, command)], check=False,
                              capture_output=True, text=True, timeout=PEER_SECONDS_MAX,
                              env={**os.environ, "OMP_NUM_THREADS": "1"})
    except subprocess.TimeoutExpired:
        return {"missing": f"took more than {PEER_SECONDS_MAX} s"}
    if done.returncode == 0:
        return json.loads(done.stdout)
    # Python ends with the reason; Node prints it above the stack.
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    reasons = [line for line in lines if "Error" in line] or lines or ["no reason given"]
    return {"missing": reasons[-1]}


def measure_copse(core, folder, target):
    """copse bench, which also checks that all layouts have the bits of the plain walk."""
    flags = ["--target", target] if target else []
    found = pinned(core, COPSE, "bench", "--model", folder / "model.safetensors", "--input",
                   folder / "X.npy", "--json", *flags)
    if "missing" in found:
        return found
    cells = [cell for cell in found["batches"] if cell["threads"] == 1]
    return {"target": found["target"], "exact": found["exact"],
            "plan_bytes": found["plan_bytes"], "model_bytes": found["model_bytes"],
            "read_ms": found["read_ms"], "compile_ms": found["compile_ms"],
            "layouts": {str(cell["batch"]): cell["layout"] for cell in cells},
            "ns_per_row": {str(cell["batch"]): cell["ns_per_row"] for cell in cells},
            "plain_walk": {str(cell["batch"]): cell["plain_walk_ns_per_row"] for cell in cells}}


def measure_node(core, peer, folder):
    is_ours = peer.startswith("copse")
    modules = ROOT / "node_modules" if is_ours else BUILD / "npm/node_modules"
    package = "copse" if is_ours else peer
    if peer == "ydf-inference" and not (folder / "ydf.zip").exists():
        return {"missing": "its trainer made no model"}
    if not (modules / package).exists():
        return {"missing": f"{package} is not installed"}
    # The glue of old emscriptens takes Node with fetch for a browser.
    flags = ["--no-experimental-fetch"] if peer == "ydf-inference" else []
    return pinned(core, "node", *flags, HERE / "peers/node_peers.mjs", peer, folder, modules,
                  *BATCHES)


def train_ydf(folder):
    """ydf-inference reads what its own trainer wrote, and the two do not fit in one process."""
    modules = BUILD / "npm/node_modules"
    if (folder / "ydf.zip").exists() or not (modules / "ydf-training").exists():
        return
    say(f"{folder.name}: ydf-training")
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(["node", "--no-experimental-fetch", HERE / "peers/node_peers.mjs",
                        "ydf-training", folder, modules], check=False, capture_output=True,
                       timeout=TRAINING_SECONDS_MAX)


def measure_python(core, peer, folder):
    return pinned(core, "/usr/bin/python3", HERE / "peers/python_peers.py", peer, folder, *BATCHES)


def peers_of(shape, targets):
    """(name in the results, function of core and folder) of everybody who can do this shape."""
    peers = []
    for target in targets:
        name = f"copse {target}" if target else "copse"
        peers.append((name, lambda core, folder, t=target: measure_copse(core, folder, t)))
    for peer in ["copse-wasm", "copse-wasm-c", *NODE_PEERS]:
        peers.append((DISPLAY.get(peer, peer),
                      lambda core, folder, p=peer: measure_node(core, p, folder)))
    for peer in PYTHON_PEERS:
        if (shape == "xgb") == peer.startswith("xgboost"):
            peers.append((DISPLAY.get(peer, peer),
                          lambda core, folder, p=peer: measure_python(core, p, folder)))
    return peers


def merged(rounds):
    """One result of several: medians of the times, the rest from the last good round."""
    good = [found for found in rounds if "missing" not in found]
    if not good:
        return rounds[-1]
    result = dict(good[-1])
    for key in ("read_ms", "compile_ms"):
        if key in result:
            result[key] = statistics.median(found[key] for found in good)
    for key in ("ns_per_row", "plain_walk"):
        if key in result:
            result[key] = {batch: statistics.median(found[key][batch] for found in good)
                           for batch in result[key]}
    if "exact" in result:
        result["exact"] = all(found["exact"] for found in good)
    result["rounds"] = [found["ns_per_row"] for found in good]
    return result


def measure_shape(shape, folder, options):
    """Everybody's turns, round after round; who is missing once is not asked again."""
    found = {}
    peers = peers_of(shape, options.targets)
    for number in range(options.rounds):
        for name, measure in peers:
            if options.peers and not any(name.startswith(wanted) for wanted in options.peers):
                continue
            turns = found.setdefault(name, [])
            if turns and "missing" in turns[-1]:
                continue
            turns.append(measure(options.core, folder))
            last = turns[-1]
            shown = {batch: round(ns) for batch, ns in last.get("ns_per_row", {}).items()}
            say(f"{shape} {number + 1}/{options.rounds} {name}: {last.get('missing', shown)}")
    return {name: merged(turns) for name, turns in found.items()}


def install_npm_peers():
    """The pinned packages under build/bench/npm, unless they are there."""
    folder, wanted = BUILD / "npm", HERE / "package.json"
    folder.mkdir(parents=True, exist_ok=True)
    here = folder / "package.json"
    if (folder / "node_modules").exists() and here.exists() and here.read_text() == wanted.read_text():
        return
    shutil.copy(wanted, here)
    # Scripts would download what the packages have already.
    done = subprocess.run(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund",
                           "--loglevel=error"], cwd=folder, check=False)
    if done.returncode != 0:
        here.unlink()
        say("npm peers could not be installed: they will be missing")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--core", type=int, default=(os.cpu_count() or 1) - 1)
    parser.add_argument("--targets", type=lambda text: text.split(","),
                        default=["", "AVX2", "SSE4"] if platform.machine() == "x86_64" else [""],
                        help="instruction sets of copse itself, such as ,AVX2 (empty: the best)")
    parser.add_argument("--peers", type=lambda text: text.split(","), default=[],
                        help="only those whose names begin so")
    parser.add_argument("--out", type=pathlib.Path, help="where the JSON goes")
    parser.add_argument("--no-report", action="store_true", help="leave docs/benchmarks.md alone")
    parser.add_argument("--install", action="store_true", help="install the npm packages only")
    parser.add_argument("shapes", nargs="*", metavar="SHAPE", help=", ".join(SHAPES))
    options = parser.parse_args()
    unknown = set(options.shapes) - set(SHAPES)
    if unknown:
        parser.error(f"{', '.join(sorted(unknown))}: expected some of {', '.join(SHAPES)}")
    options.targets = list(dict.fromkeys(options.targets))
    options.shapes = options.shapes or SHAPES
    return options


def main():
    options = parse_arguments()
    install_npm_peers()
    if options.install:
        return 0
    subprocess.run(["/usr/bin/python3", HERE / "make_models.py", *options.shapes], check=True,
                   stdout=subprocess.DEVNULL, env={**os.environ, "COPSE_BIN": str(COPSE)})
    for shape in options.shapes:
        if shape not in BIG_SHAPES:
            train_ydf(BUILD / "models" / shape)
    begin = time.monotonic()
    record = begin_record("run_bench.py", core=options.core, shapes={})
    for shape in options.shapes:
        folder = BUILD / "models" / shape
        record["shapes"][shape] = {"info": json.loads((folder / "info.json").read_text("utf-8")),
                                   "peers": measure_shape(shape, folder, options)}
    record["minutes"] = round((time.monotonic() - begin) / 60, 1)
    keep_record(record, "peers", options.out)
    print(bench_report.tables(record))
    if not options.no_report:
        bench_report.write()
    answers = [found for shape in record["shapes"].values() for found in shape["peers"].values()]
    return 0 if all(found.get("exact", True) for found in answers) else 1


if __name__ == "__main__":
    sys.exit(main())
