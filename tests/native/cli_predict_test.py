"""Predictions on the command line: real files, pipes, terminals, and every vector.

Usage: cli_predict_test.py COPSE_BINARY SOURCE_FOLDER [unittest arguments]. Needs Debian's numpy.
"""

import io
import json
import os
import pathlib
import pty
import re
import subprocess
import sys
import threading
import unittest

import numpy as np

from cli import (BINARY, FLOWERS, IRIS, SECONDS, SETOSA, SOURCE, VECTORS, Command, copse,
                 some_if_sanitized)


class Predict(Command):
    def test_answers_of_each_kind(self):
        rows = self.write("rows.csv", FLOWERS)
        self.assertEqual(self.predict(rows), b"setosa\nversicolor\nvirginica\n")
        self.assertEqual(self.predict(rows, "--output", "index"), b"0\n1\n2\n")
        first = json.loads(self.predict(rows, "--output", "json").splitlines()[0])
        self.assertEqual(first, {"label": "setosa", "index": 0, "probabilities":
                                 {"setosa": 1, "versicolor": 0, "virginica": 0}})

    def test_all_of_iris_with_a_header_and_a_label_column(self):
        text = self.predict(SOURCE / "models" / "iris.csv", "--output", "index")
        self.assertEqual(text, b"0\n" * 50 + b"1\n" * 50 + b"2\n" * 50)

    def test_the_same_rows_in_every_format_give_the_same_answer(self):
        values = np.loadtxt(io.BytesIO(FLOWERS), delimiter=",")
        names = ["s_length", "s_width", "p_length", "p_width"]
        np.save(self.folder / "c.npy", values)
        np.save(self.folder / "fortran.npy", np.asfortranarray(values))
        lists = "".join(json.dumps(row) + "\n" for row in values.tolist()).encode()
        objects = "".join(json.dumps(dict(zip(names, row))) + "\n"
                          for row in values.tolist()).encode()
        expected = self.predict(self.write("rows.csv", FLOWERS), "--output", "proba")
        for path in [self.folder / "c.npy", self.folder / "fortran.npy",
                     self.write("lists.ndjson", lists), self.write("objects.jsonl", objects)]:
            self.assertEqual(self.predict(path, "--output", "proba"), expected)
            # Through a pipe, without a word about its format.
            self.assertEqual(self.predict("-", "--output", "proba", stdin=path.read_bytes()),
                             expected)

    def test_writes_files_in_every_format(self):
        rows = self.write("rows.csv", FLOWERS)
        for name in ["out.csv", "out.ndjson", "out.npy"]:
            self.answer("predict", "--model", IRIS, "--input", rows, "--out", self.folder / name)
        self.assertEqual((self.folder / "out.csv").read_text(), "setosa\nversicolor\nvirginica\n")
        self.assertEqual([json.loads(line) for line in
                          (self.folder / "out.ndjson").read_text("utf-8").splitlines()],
                         ["setosa", "versicolor", "virginica"])
        labels = np.load(self.folder / "out.npy", allow_pickle=False)
        self.assertEqual(labels.dtype.kind, "U")
        self.assertEqual(labels.tolist(), ["setosa", "versicolor", "virginica"])

    def test_a_bad_row_leaves_no_file_and_the_old_one_alone(self):
        out = self.write("out.csv", b"precious\n")
        rows = self.write("rows.csv", SETOSA * 10_000 + b"1,2,x,4\n")
        text = self.refusal(3, "predict", "--model", IRIS, "--input", rows, "--out", out)
        self.assertEqual(text, f'{rows}: row 10001: "p_length" is "x"; a number was expected')
        self.assertEqual(out.read_bytes(), b"precious\n")
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["out.csv", "rows.csv"])

    def test_answers_and_refusals_do_not_depend_on_the_threads(self):
        rows = self.write("rows.csv", FLOWERS * 40_000)  # 8 blocks
        expected = self.predict(rows, "--output", "proba", "--threads", "1")
        self.assertEqual(expected.count(b"\n"), 120_000)
        bad = self.write("bad.csv", FLOWERS * 40_000 + b"1,2,x,4\n" + FLOWERS * 20_000)
        for threads in ["1", "2", "7"]:
            self.assertEqual(self.predict(rows, "--output", "proba", "--threads", threads),
                             expected)
            run = copse("predict", "--model", IRIS, "--input", bad, "--out", "-", "--output",
                        "proba", "--threads", threads)
            self.assertEqual(run.returncode, 3)
            self.assertEqual(run.stdout, expected)  # of all rows before it
            self.assertEqual(run.stderr.decode(), f'copse: {bad}: row 120001: "p_length" is "x"; '
                                                  "a number was expected\n")

    def test_input_and_output_may_be_the_same_file(self):
        both = self.write("both.csv", FLOWERS)
        self.answer("predict", "--model", IRIS, "--input", both, "--out", both)
        self.assertEqual(both.read_bytes(), b"setosa\nversicolor\nvirginica\n")

    def test_bad_input_is_three(self):
        missing = self.folder / "missing.csv"
        base = ["predict", "--model", IRIS, "--out", "-", "--input"]
        self.assertIn(str(missing), self.refusal(3, *base, missing))
        self.assertIn("folder", self.refusal(3, *base, self.folder, "--input-format", "csv"))
        self.assertTrue(self.refusal(3, *base, "-", stdin=b"1,2,3\n").startswith(
            "standard input: row 1: 3 columns"))
        self.assertIn("inf", self.refusal(3, *base, "-", stdin=b"inf,2,3,4\n"))
        self.assertIn("score", self.refusal(3, *base, "-", "--output", "score", stdin=SETOSA))
        nowhere = self.folder / "no" / "out.csv"
        self.assertIn(str(nowhere), self.refusal(3, "predict", "--model", IRIS, "--input", "-",
                                                 "--out", nowhere, stdin=SETOSA))
        self.assertIn("pipe", self.refusal(3, "predict", "--model", IRIS, "--input", "-", "--out",
                                           "/dev/null", "--output-format", "npy", stdin=SETOSA))

    def test_no_rows_give_no_answers(self):
        self.assertEqual(self.predict("-"), b"")
        empty = self.folder / "empty.npy"
        self.answer("predict", "--model", IRIS, "--input", "-", "--out", empty, "--output", "proba")
        self.assertEqual(np.load(empty).shape, (0, 3))

    def test_a_full_disk_is_said(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("there is no /dev/full")
        text = self.refusal(3, "predict", "--model", IRIS, "--input", "-", "--out", "/dev/full",
                            "--output-format", "csv", stdin=SETOSA)
        self.assertIn("No space left", text)


class Pipes(Command):
    def start(self, *arguments, **options):
        process = subprocess.Popen([BINARY, "predict", "--model", IRIS, "--input", "-", "--out",
                                    "-", *arguments], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, **options)
        self.addCleanup(process.stdout.close)
        self.addCleanup(self.close_input, process)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    @staticmethod
    def close_input(process):
        try:
            process.stdin.close()
        except BrokenPipeError:  # what was not written yet has no reader any more
            pass

    def feed(self, process, chunks):
        """Writes to the process while the test reads from it: a pipe holds 64 KiB only."""
        def write():
            try:
                for chunk in chunks:
                    process.stdin.write(chunk)
                    process.stdin.flush()
            except BrokenPipeError:
                pass
        writer = threading.Thread(target=write, daemon=True)
        writer.start()
        self.addCleanup(writer.join, SECONDS)
        return writer

    def test_a_reader_that_has_seen_enough_ends_it_quietly(self):
        process = self.start(stderr=subprocess.PIPE)
        self.addCleanup(process.stderr.close)
        self.feed(process, [SETOSA * 20_000] * 100)
        self.assertEqual(process.stdout.readline(), b"setosa\n")
        process.stdout.close()
        self.assertEqual(process.stderr.read(), b"")
        self.assertEqual(process.wait(SECONDS), 0)

    def test_answers_come_before_the_input_ends(self):
        process = self.start()
        writer = self.feed(process, [SETOSA * 50_000])
        for _ in range(40_000):
            self.assertEqual(process.stdout.readline(), b"setosa\n")
        writer.join(SECONDS)
        process.stdin.close()
        self.assertEqual(process.stdout.read().count(b"\n"), 10_000)
        self.assertEqual(process.wait(SECONDS), 0)

    def test_a_line_is_answered_before_the_next_is_written(self):
        process = self.start()
        for line, label in zip(FLOWERS.splitlines(True), [b"setosa", b"versicolor", b"virginica"]):
            process.stdin.write(line)
            process.stdin.flush()
            self.assertEqual(process.stdout.readline(), label + b"\n")
        process.stdin.close()
        self.assertEqual(process.wait(SECONDS), 0)

    def test_a_refused_line_ends_it_though_the_pipe_stays_open(self):
        process = self.start(stderr=subprocess.PIPE)
        self.addCleanup(process.stderr.close)
        process.stdin.write(SETOSA + b"1,2,x,4\n")
        process.stdin.flush()
        self.assertEqual(process.stdout.read(), b"setosa\n")
        self.assertEqual(process.stderr.read(), b'copse: standard input: row 2: "p_length" is "x"; '
                                                b"a number was expected\n")
        self.assertEqual(process.wait(SECONDS), 3)

    def test_a_long_pipe_needs_little_memory(self):
        process = self.start("--output", "index", "--threads", "2")
        n_rows = 40 * 30_000  # about 19 MB of text
        self.feed(process, [FLOWERS * 10_000] * 40)
        for _ in range(n_rows - 1):
            process.stdout.readline()
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text("ascii")
        peak = int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])
        process.stdin.close()
        self.assertEqual(process.stdout.read(), b"2\n")
        self.assertEqual(process.wait(SECONDS), 0)
        if b"__asan_init" not in BINARY.read_bytes():
            self.assertLess(peak, 40_000, "kB")

    def test_progress_is_shown_on_a_terminal_only(self):
        master, terminal = pty.openpty()
        rows = self.write("rows.csv", FLOWERS * 200_000)
        # Work that takes longer than the 100 ms after which the bar appears, on any machine.
        process = subprocess.Popen([BINARY, "predict", "--model", IRIS, "--input", rows, "--out",
                                    "/dev/null", "--output", "json", "--output-format", "ndjson",
                                    "--threads", "1"], stderr=terminal)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        os.close(terminal)
        shown = b""
        try:
            while chunk := os.read(master, 4096):
                shown += chunk
        except OSError:  # how a terminal says that nobody writes to it any more
            pass
        os.close(master)
        self.assertEqual(process.wait(SECONDS), 0)
        self.assertRegex(shown, rb"\[#* *\] \d+ %  \d+ rows  [\d.]+ [kM] rows/s  [\d.]+ MB/s  "
                                rb"\d+:\d\d left")
        self.assertTrue(shown.endswith(b"\r\x1b[K"), "the bar is taken away")


def ulp32(numbers):
    """Place of each float among all floats in order."""
    bits = numbers.astype("<f4").view("<i4").astype("<i8")
    return np.where(bits < 0, -(bits & 0x7fffffff) - 1, bits)


class Vectors(Command):
    def agree(self, ours, expected, tolerance, where):
        self.assertEqual(ours.shape, expected.shape, where)
        kind = tolerance["kind"]
        ours, expected = ours.astype("<f8"), expected.astype("<f8")
        if kind == "bits":
            same = (ours == expected) & (np.signbit(ours) == np.signbit(expected))
        else:
            bound = tolerance["value"]
            with np.errstate(invalid="ignore"):
                same = (ours == expected)
                if kind == "absolute":
                    same |= np.abs(ours - expected) <= bound
                elif kind == "relative":
                    same |= np.abs(ours - expected) <= bound * np.abs(expected)
                elif kind == "ulp32":
                    same |= np.abs(ulp32(ours) - ulp32(expected)) <= bound
                else:
                    self.fail(f"{where}: tolerance {kind}")
        same |= np.isnan(ours) & np.isnan(expected)
        wrong = np.argwhere(~same)
        self.assertEqual(len(wrong), 0, f"{where}: first at {wrong[:1].tolist()}")

    def test_every_case_gives_what_its_engine_gave(self):
        names = json.loads((VECTORS / "index.json").read_text("utf-8"))
        self.assertGreaterEqual(len(names), 26)
        n_answers = 0
        for name in some_if_sanitized(names):
            folder = VECTORS / name
            case = json.loads((folder / "case.json").read_text("utf-8"))
            for answer, wanted in case["answers"].items():
                with self.subTest(case=name, answer=answer):
                    self.check(folder, case, answer, wanted)
                    n_answers += 1
        print(f"{n_answers} answers of {len(names)} cases", file=sys.stderr)

    def check(self, folder, case, answer, wanted):
        rows = folder / case["rows"]
        model = folder / "model.safetensors"
        expected = np.load(folder / wanted["file"], allow_pickle=False)
        out = self.folder / "out.npy"
        self.answer("predict", "--model", model, "--input", rows, "--out", out, "--output", answer)
        ours = np.load(out, allow_pickle=False)
        self.assertEqual(ours.dtype.str, expected.dtype.str)
        ours = ours.reshape(len(ours), -1)
        self.agree(ours, expected.reshape(len(expected), -1), wanted["tolerance"],
                   f"{case['name']} {answer}")
        # The shortest text of each number reads back as the very same bits.
        text = self.predict(rows, "--output", answer, model=model)
        table = [[float(cell) for cell in line.split(b",")] for line in text.splitlines()]
        read = np.array(table).astype(ours.dtype).reshape(ours.shape)
        np.testing.assert_array_equal(np.isnan(read), np.isnan(ours))
        self.assertEqual(np.nan_to_num(read).tobytes(), np.nan_to_num(ours).tobytes())

    def test_rows_as_text_are_the_same_rows(self):
        for name in some_if_sanitized(json.loads((VECTORS / "index.json").read_text("utf-8"))):
            with self.subTest(name):
                folder = VECTORS / name
                case = json.loads((folder / "case.json").read_text("utf-8"))
                rows = np.load(folder / case["rows"]).astype("<f8")
                text = "".join(",".join("" if np.isnan(x) else repr(float(x)) for x in row) + "\n"
                               for row in rows)
                if not text.strip("\n") or rows.shape[1] == 1 and np.isnan(rows).any():
                    continue  # an empty line is no row
                answer = next(iter(case["answers"]))
                model = folder / "model.safetensors"
                self.assertEqual(
                    self.predict("-", "--output", answer, model=model, stdin=text.encode()),
                    self.predict(folder / case["rows"], "--output", answer, model=model))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
