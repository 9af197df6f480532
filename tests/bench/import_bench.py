"""What importing costs: a pickled forest of 100 trees over the digits becomes our own file.

Makes the pickle with Debian's scikit-learn, measures `copse import` as a whole process and
import_bench.cc inside of one, and keeps the medians with machine, commit and command under
tests/bench/results/.

  /usr/bin/python3 tests/bench/import_bench.py [--rounds 21]
"""
import argparse
import datetime
import json
import os
import pathlib
import pickle
import resource
import statistics
import subprocess
import tempfile
import time

import sklearn
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier

from record import ROOT, output_of, processor

BUILD = pathlib.Path(os.environ.get("COPSE_BENCH_BUILD", ROOT / "build/release"))


def built():
    """The binaries of the release preset, made now."""
    if "COPSE_BENCH_BUILD" not in os.environ:
        subprocess.run(["cmake", "--preset", "release"], cwd=ROOT, check=True,
                       stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", BUILD, "--target", "copse", "import_bench"], cwd=ROOT,
                   check=True, stdout=subprocess.DEVNULL)
    return BUILD / "bin/copse", BUILD / "bin/import_bench"


def whole_process(copse, source, out, rounds):
    """(seconds on the clock, seconds of CPU), medians."""
    clock, cpu = [], []
    for _ in range(rounds):
        before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run([copse, "import", source, "-o", out], check=True, stdout=subprocess.DEVNULL)
        clock.append(time.perf_counter() - begin)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(clock), statistics.median(cpu)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=21)
    rounds = parser.parse_args().rounds
    copse, bench = built()
    data = load_digits()
    forest = RandomForestClassifier(100, random_state=0, n_jobs=1).fit(data.data, data.target)
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder, "digits.pkl")
        source.write_bytes(pickle.dumps(forest, 4))
        out = pathlib.Path(folder, "digits.safetensors")
        clock, cpu = whole_process(copse, source, out, rounds)
        inside = json.loads(subprocess.run([bench, source, str(rounds)], check=True,
                                           capture_output=True).stdout)
    commit = output_of("git", "rev-parse", "--short", "HEAD")
    ratio = inside["file_bytes"] / inside["canonical_bytes"]
    date = datetime.date.today().isoformat()
    steps = {"the whole process": (clock * 1e3, cpu * 1e3),
             "in process: file to served model (LoadModel)": inside["load"],
             "of it bytes to Model (ImportModel)": inside["import"],
             "of that the file's digest": inside["digest"],
             "of it Model to canonical bytes (WriteModel)": inside["write"],
             "beside it: reading the canonical file (ReadModel)": inside["read"]}
    rows = "\n".join(f"| {name} | {wall:.1f} | {cpu_ms:.1f} |"
                     for name, (wall, cpu_ms) in steps.items())
    text = f"""# Importing a forest, {date}

RandomForestClassifier(100, random_state=0) over scikit-learn's digits, pickled (protocol 4) by
scikit-learn {sklearn.__version__}: {inside["file_bytes"]:,} bytes. The canonical file is
{inside["canonical_bytes"]:,} bytes, 1/{ratio:.1f} of it. Medians of {rounds} runs:

| `copse import` | ms on the clock | ms of CPU |
| --- | --- | --- |
{rows}

Commit {commit}; {processor()}, {os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} at the end
of the run; release preset (g++ 12, -O3). Made by
`/usr/bin/python3 tests/bench/import_bench.py --rounds {rounds}`.
"""
    path = ROOT / "tests/bench/results" / f"import-{date}.md"
    path.write_text(text, "utf-8")
    print(text)


if __name__ == "__main__":
    main()
