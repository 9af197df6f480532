#!/usr/bin/python3
"""Makes every case of tests/vectors again: models, rows and what the engines answer.

    /usr/bin/python3 tests/vectors/make_vectors.py [--only NAME] [--out FOLDER]

Needs Debian 12's python3-sklearn (1.2.1), python3-xgboost (1.7.4) and python3-mpmath. Everything
is seeded and runs in one thread, so the files come out the same. Every case is checked on the way:
reference_evaluator.py must find the engine's answers in the model file alone.
"""
import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse  # noqa: E402
import json  # noqa: E402
import pathlib  # noqa: E402
import sys  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "models"), str(HERE.parent / "models")]

import cases_hand_made  # noqa: E402
import cases_sklearn  # noqa: E402
import cases_xgboost  # noqa: E402

SOURCES = [cases_sklearn, cases_xgboost, cases_hand_made]


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help="make this case alone; index.json stays")
    parser.add_argument("--out", default=str(HERE), help="folder to write to (default: here)")
    options = parser.parse_args(arguments)
    names = []
    for source in SOURCES:
        for name, make in source.CASES.items():
            if options.only in (None, name):
                make(options.out, name)
                names.append(name)
                print(f"ok {name}", flush=True)
    if options.only is None:
        path = pathlib.Path(options.out) / "index.json"
        path.write_text(json.dumps(names, indent=1) + "\n")
    print(f"{len(names)} cases made and checked")
    return 0 if names else 2


if __name__ == "__main__":
    sys.exit(main())
