"""What every result of the benchmarks in Python is kept with: machine, versions, commit, command, load.

A result is one JSON file, tests/bench/results/KIND-DATE.json; bench_report.py shows the newest of each
kind.
"""
import datetime
import json
import os
import pathlib
import platform
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
RESULTS = ROOT / "tests/bench/results"
CODE = [".", ":!tests/bench/results", ":!docs/benchmarks.md"]


def say(text):
    print(text, file=sys.stderr, flush=True)


def output_of(*command):
    """What a program prints; nothing when it fails, or is not there."""
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def emcc_version():
    """Such as "emcc 3.1.6"; what the program says of itself is a sentence."""
    found = re.search(r"\d+\.\d+\.\d+", output_of("emcc", "--version"))
    return f"emcc {found.group()}" if found else "none"


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"


def begin_record(script, **more):
    """The head of a result. Call it before anything is measured."""
    # The results before this one are no other code.
    changed = output_of("git", "status", "--porcelain", "--untracked-files=no", "--", *CODE)
    return {"date": datetime.date.today().isoformat(),
            "machine": f"{processor()}, {os.cpu_count()} cores", "system": platform.platform(),
            "compiler": output_of("g++", "--version").partition("\n")[0] or "none",
            "wasm_compiler": emcc_version(),
            "node": output_of("node", "--version"), "python": platform.python_version(),
            "commit": output_of("git", "rev-parse", "--short", "HEAD"),
            "uncommitted_changes": bool(changed),
            "command": " ".join(["/usr/bin/python3", f"tests/bench/{script}", *sys.argv[1:]]),
            "load_average_before": os.getloadavg()[0], **more}


def keep_record(record, kind, out=None):
    """Writes a result, to `out` if it is given, and says where."""
    record["load_average_after"] = os.getloadavg()[0]
    path = out or RESULTS / f"{kind}-{record['date']}.json"
    path.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    say(f"kept in {os.path.relpath(path, ROOT)}")
    return path


def newest(kind):
    """(record, path) of the newest result of a kind; nothing if there is none."""
    found = sorted(RESULTS.glob(f"{kind}-*.json"))
    return (json.loads(found[-1].read_text("utf-8")), found[-1]) if found else None
