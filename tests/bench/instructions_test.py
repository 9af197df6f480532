"""How many instructions scoring a row takes, held against the stored count.

Callgrind counts only what happens inside Plan::PredictMargins, so neither loading nor the machine's
load matters, and the count is the same on every run of one binary. Other compilers give other
counts: only half as many again fails. What is much better is said, so that it is stored.

Usage: instructions_test.py SCORE_ROWS_BINARY SOURCE_FOLDER [--update | unittest arguments].
"""
import json
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
# The best instruction set that valgrind knows.
TARGET = "AVX2"
MODELS = {"iris": "models/iris.safetensors", "digits": "tests/vectors/et_digits/model.safetensors"}
CALLS_OF_BATCH = {1: 500, 256: 4}


def count(model, batch):
    """(instructions per row, "TARGET layout")."""
    calls = CALLS_OF_BATCH[batch]
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run(
            ["valgrind", "--tool=callgrind", "--toggle-collect=copse::Plan::PredictMargins*",
             f"--callgrind-out-file={folder}/out", BINARY, SOURCE / model, TARGET, str(batch),
             str(calls)], capture_output=True, text=True, timeout=300, check=False)
    collected = re.search(r"Collected : (\d+)", run.stderr)
    if run.returncode != 0 or collected is None:
        raise RuntimeError(run.stderr)
    return int(collected[1]) / (batch * calls), run.stdout.strip()


def counts():
    found = {}
    for name, model in MODELS.items():
        for batch in CALLS_OF_BATCH:
            instructions, used = count(model, batch)
            found[f"{name}, {batch} rows a call"] = {"instructions_per_row": round(instructions),
                                                     "used": used}
    return found


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
        if any(not cell["used"].startswith(TARGET) for cell in found.values()):
            print(f"SKIP: this processor has no {TARGET}")
            self.skipTest(f"this processor has no {TARGET}")
        for name, cell in found.items():
            with self.subTest(name):
                now, before = cell["instructions_per_row"], stored[name]["instructions_per_row"]
                print(f"report: {name}: {now} instructions a row ({cell['used']}), stored {before}")
                self.assertLessEqual(now / before, RATIO_MAX)
                if before / now > RATIO_MAX:
                    print(f"report: {name} is much better: store it with --update")


if __name__ == "__main__":
    if "--update" in sys.argv:
        STORED.write_text(json.dumps(counts(), indent=1) + "\n", "utf-8")
    else:
        unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
