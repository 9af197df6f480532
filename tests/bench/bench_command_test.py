"""`copse bench` from outside: what it prints, and that its layouts agree. No time is judged.

Usage: bench_command_test.py COPSE_BINARY SOURCE_FOLDER [unittest arguments].
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

BINARY = pathlib.Path(sys.argv[1]).resolve()
SOURCE = pathlib.Path(sys.argv[2]).resolve()
IRIS = SOURCE / "models/iris.safetensors"
LINEAR = SOURCE / "tests/vectors/logreg_cancer/model.safetensors"
LAYOUTS = ["plain_walk", "node8", "slot4", "lane_select", "bit_walk", "leaf_match",
           "groups"]


def bench(*arguments, stdin=b"", core="0"):
    """On one core, unless `core` says others: then there are cells of one thread only."""
    return subprocess.run(["taskset", "-c", core, BINARY, "bench", *map(str, arguments)], input=stdin, timeout=240,
                          capture_output=True, check=False)


class Bench(unittest.TestCase):
    def found(self, *arguments, stdin=b""):
        run = bench("--json", *arguments, stdin=stdin)
        self.assertEqual((run.returncode, run.stderr), (0, b""), arguments)
        return json.loads(run.stdout)

    def test_the_usual_batches_of_one_model(self):
        found = self.found("--model", IRIS)
        self.assertEqual([cell["batch"] for cell in found["batches"]], [1, 16, 256, 10_000])
        self.assertEqual((found["trees"], found["margins"], found["input"]), (100, 3, "float32"))
        self.assertEqual((found["rows"], found["rows_from"]), (10_000, "synthetic"))
        self.assertGreater(found["plan_bytes"], 0)
        self.assertGreater(found["read_ms"], 0)
        self.assertGreater(found["compile_ms"], 0)
        self.assertIs(found["exact"], True)
        for cell in found["batches"]:
            self.assertIn(cell["layout"], LAYOUTS)
            self.assertIs(cell["exact"], True)
            self.assertEqual(cell["threads"], 1)
            self.assertGreater(cell["ns_per_row"], 0)
            self.assertGreater(cell["plain_walk_ns_per_row"], 0)
            self.assertAlmostEqual(cell["ns_per_tree"] * 100, cell["ns_per_row"])

    def test_several_cores_are_measured_where_there_are(self):
        cores = os.sched_getaffinity(0)
        if len(cores) < 2:
            self.skipTest("this machine has one core")
        run = bench("--model", IRIS, "--batch", 1000, "--json", core=",".join(map(str, cores)))
        cells = json.loads(run.stdout)["batches"]
        self.assertEqual([cell["threads"] for cell in cells], [1, len(cores)])
        self.assertTrue(all(cell["exact"] for cell in cells))

    def test_choices_say_from_how_many_rows_on_and_why(self):
        choices = self.found("--model", IRIS, "--batch", 1)["choices"]
        self.assertEqual(choices[0]["rows_min"], 1)
        for choice in choices:
            self.assertIn(choice["layout"], LAYOUTS)
            self.assertGreater(len(choice["reason"]), 10)
            self.assertEqual(choice["rows_step"] > 0, choice["layout"] == "lane_select")
        self.assertIn("lane_select", [choice["layout"] for choice in choices])
        text = bench("--model", IRIS, "--batch", 1).stdout.decode()
        self.assertRegex(text, r"lane_select: .*; in groups of \d+, fewer than \d+ left over as above")

    def test_tuning_times_every_layout_that_fits_and_all_agree(self):
        found = self.found("--model", IRIS, "--batch", 1, "--batch", 100, "--tune")
        self.assertEqual([tuned["layout"] for tuned in found["tuned"]], LAYOUTS)
        for tuned in found["tuned"]:
            self.assertIs(tuned["exact"], True)
            self.assertEqual([cell["batch"] for cell in tuned["batches"]],
                             [1, 100] if tuned["fits"] else [])
        self.assertTrue(found["tuned"][0]["fits"])

    def test_rows_of_a_file_are_repeated_and_that_is_said(self):
        with tempfile.TemporaryDirectory() as folder:
            rows = pathlib.Path(folder, "rows.csv")
            rows.write_text("5.1,3.5,1.4,0.2\n6.0,2.9,4.5,1.5\n7.2,3.6,6.1,2.5\n")
            found = self.found("--model", IRIS, "--input", rows, "--batch", 256)
            self.assertEqual((found["rows_read"], found["rows"]), (3, 10_000))
            text = bench("--model", IRIS, "--input", rows, "--batch", 256).stdout.decode()
            self.assertIn("3 rows", text)
            self.assertIn("again and again", text)

    def test_every_instruction_set_gives_the_same_bits(self):
        refused = bench("--model", IRIS, "--target", "abacus")
        self.assertEqual(refused.returncode, 2)
        targets = refused.stderr.decode().split("{")[1].split("}")[0].split(",")
        self.assertGreater(len(targets), 0)
        for target in targets:
            found = self.found("--model", IRIS, "--batch", 1, "--batch", 256, "--target", target)
            self.assertEqual((found["target"], found["exact"]), (target, True))

    def test_people_read_a_table(self):
        text = bench("--model", IRIS, "--batch", 1).stdout.decode()
        self.assertIn("every answer has the bits of the plain walk", text)
        self.assertRegex(text, r"(?m)^plan +read in [\d.]+ ms, compiled in [\d.]+ ms, ")
        self.assertRegex(text, r"(?m)^1 +1 +[a-z0-9_]+ +[\d,.]+ +[\d,.]+ +[\d,.]+ +[\d,.]+x$")

    def test_bad_rows_are_three_and_one_line(self):
        with tempfile.TemporaryDirectory() as folder:
            rows = pathlib.Path(folder, "rows.csv")
            for content in ("5.1,3.5,1.4\n", ""):
                rows.write_text(content)
                run = bench("--model", IRIS, "--input", rows)
                self.assertEqual(run.returncode, 3)
                self.assertRegex(run.stderr.decode(), r"\Acopse: [^\n]*rows.csv[^\n]+\n\Z")

    def test_a_linear_model_has_one_evaluation(self):
        found = self.found("--model", LINEAR, "--batch", 16)
        self.assertEqual([cell["layout"] for cell in found["batches"]], ["linear"])
        self.assertIsNone(found["batches"][0]["plain_walk_ns_per_row"])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
