"""How many instructions scoring a row takes, held against the stored count.

Callgrind counts only what happens inside Plan::PredictMargins, so neither loading nor the machine's
load matters, and the count is the same on every run of one binary. Other compilers give other
counts: only half as many again fails. What is much better is said, so that it is stored. The layout
that the rules choose must be the stored one.

Usage: instructions_test.py SCORE_ROWS_BINARY SOURCE_FOLDER [--update | unittest arguments].
"""
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

BINARY = pathlib.Path(sys.argv[1]).resolve()
SOURCE = pathlib.Path(sys.argv[2]).resolve()
STORED = SOURCE / "tests/bench/instructions.json"
RATIO_MAX = 1.5
# The best instruction set that valgrind knows, and the least that the kernels are compiled for.
TARGETS = ["AVX2", "SSE4"]
# Together they use every layout.
MODELS = {
    "iris": SOURCE / "models/iris.safetensors",
    "digits": SOURCE / "tests/vectors/et_digits/model.safetensors",
    "boosted": "made:boosted",
    "grouped": "made:grouped",
    "wide": "made:wide",
}
LAYOUTS = {"leaf_match", "bit_walk", "slot4", "node8", "lane_select", "groups"}
CALLS_OF_BATCH = {1: 200, 256: 2}


def count(model, target, batch):
    """(instructions per row, "TARGET layout")."""
    calls = CALLS_OF_BATCH[batch]
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run(
            ["valgrind", "--tool=callgrind", "--toggle-collect=copse::Plan::PredictMargins*",
             f"--callgrind-out-file={folder}/out", BINARY, model, target, str(batch), str(calls)],
            capture_output=True, text=True, timeout=300, check=False)
    collected = re.search(r"Collected : (\d+)", run.stderr)
    if run.returncode != 0 or collected is None:
        raise RuntimeError(run.stderr)
    return int(collected[1]) / (batch * calls), run.stdout.strip()


def counts():
    """What instructions.json holds: by model, instruction set and rows a call."""
    keys = [(name, target, batch) for name in MODELS for target in TARGETS
            for batch in CALLS_OF_BATCH]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(lambda key: count(MODELS[key[0]], *key[1:]), keys)
        return {f"{name}, {batch} rows a call, {target}": {
            "instructions_per_row": round(instructions), "used": used}
            for (name, target, batch), (instructions, used) in zip(keys, found)}


class Instructions(unittest.TestCase):
    def test_a_row_takes_about_as_many_as_stored(self):
        if shutil.which("valgrind") is None:
            print("SKIP: valgrind is not installed")
            self.skipTest("valgrind is not installed")
        # Valgrind takes that instruction for unknown where the processor does not claim to have it,
        # and the kernels' library executes it all the same when it is loaded.
        if "rdtscp" not in pathlib.Path("/proc/cpuinfo").read_text("utf-8"):
            print("SKIP: valgrind cannot run the kernels' library on a processor without rdtscp")
            self.skipTest("the processor does not claim to have rdtscp")
        stored = json.loads(STORED.read_text("utf-8"))
        found = counts()
        self.assertEqual(found.keys(), stored.keys())
        for target in TARGETS:
            cells = {name: cell for name, cell in found.items() if name.endswith(" " + target)}
            if any(not cell["used"].startswith(target) for cell in cells.values()):
                print(f"SKIP: this processor has no {target}: instructions are not counted")
                self.skipTest(f"this processor has no {target}")
            self.assertEqual({cell["used"].split()[1] for cell in cells.values()}, LAYOUTS)
            print(f"report: instructions a row, {target}: " + ", ".join(
                f"{name.removesuffix(', ' + target)} {cell['instructions_per_row']}"
                for name, cell in cells.items()))
        for name, cell in found.items():
            with self.subTest(name):
                self.assertEqual(cell["used"], stored[name]["used"])
                now, before = cell["instructions_per_row"], stored[name]["instructions_per_row"]
                print(f"{name}: {now} instructions a row ({cell['used']}), stored {before}")
                self.assertLessEqual(now / before, RATIO_MAX)
                if before / now > RATIO_MAX:
                    print(f"report: {name} is much better: store it with --update")


if __name__ == "__main__":
    if "--update" in sys.argv:
        STORED.write_text(json.dumps(counts(), indent=1) + "\n", "utf-8")
    else:
        unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
