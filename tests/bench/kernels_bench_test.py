"""kernels_bench runs to its end and times every kernel. How long they take is not judged.

Usage: kernels_bench_test.py KERNELS_BENCH_BINARY SOURCE_FOLDER [unittest arguments].
"""
import json
import pathlib
import subprocess
import sys
import unittest

BINARY = pathlib.Path(sys.argv[1]).resolve()
SOURCE = pathlib.Path(sys.argv[2]).resolve()
MODELS = [SOURCE / "models/iris.safetensors", "made:boosted", "made:grouped", "made:wide"]
LAYOUTS = {"node8", "slot4", "lane_select", "bit_walk", "leaf_match", "groups"}
PARTS = {f"{part}_{bits}" for part in ("rank_rows", "rank_lanes", "select") for bits in (8, 16)}


class KernelsBench(unittest.TestCase):
    def test_times_every_kernel_on_every_instruction_set(self):
        run = subprocess.run(
            [BINARY, *MODELS, "--benchmark_min_time=0.001", "--benchmark_format=json"],
            capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual(run.returncode, 0, run.stderr)
        timed = {}
        result = json.loads(run.stdout)
        for entry in result["benchmarks"]:
            _, what, target, rows = entry["name"].split("/")
            self.assertNotIn("error_occurred", entry, entry["name"])
            self.assertGreater(entry["items_per_second"], 0, entry["name"])
            timed.setdefault(target, {}).setdefault(what, set()).add(int(rows))
        self.assertEqual(sorted(timed), sorted(result["context"]["instruction_sets"].split()))
        self.assertTrue(timed)
        for target, whats in timed.items():
            self.assertEqual(set(whats), LAYOUTS | PARTS, target)
            for what in LAYOUTS | {"rank_rows_8", "rank_rows_16"}:
                self.assertLessEqual({1, 256}, whats[what], f"{what} {target}")
            for what in PARTS:
                self.assertGreaterEqual(len(whats[what]), 2, f"{what} {target}")
        print(f"report: kernels_bench ran {sum(len(rows) for whats in timed.values() for rows in whats.values())} "
              f"kinds of call on {', '.join(timed)}")

    def test_says_what_it_cannot_load(self):
        run = subprocess.run([BINARY, "made:none"], capture_output=True, text=True, timeout=60,
                             check=False)
        self.assertEqual(run.returncode, 3)
        self.assertIn("boosted, grouped and wide", run.stderr)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
