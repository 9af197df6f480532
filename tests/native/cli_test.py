"""The command line as a person meets it: a real binary, real files, pipes and exit codes.

Usage: cli_test.py COPSE_BINARY SOURCE_FOLDER [unittest arguments]. Needs Debian's numpy,
scikit-learn, joblib and xgboost.
"""

import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import pathlib
import pickle
import pty
import re
import subprocess
import sys
import tempfile
import threading
import unittest
import zlib

import joblib
import numpy as np
import xgboost
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.svm import SVC

BINARY = pathlib.Path(sys.argv[1]).resolve()
SOURCE = pathlib.Path(sys.argv[2]).resolve()
IRIS = SOURCE / "models" / "iris.safetensors"
VECTORS = SOURCE / "tests" / "vectors"
FIXTURES = SOURCE / "tests" / "import" / "fixtures"
SECONDS = 60  # of any one run
SANITIZED = b"__asan_init" in BINARY.read_bytes()
MEASURE = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
process.returncode = os.waitstatus_to_exitcode(status)
print(usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
"""

SETOSA = b"5.1,3.5,1.4,0.2\n"
FLOWERS = SETOSA + b"6.0,2.9,4.5,1.5\n7.2,3.6,6.1,2.5\n"


def some_if_sanitized(cases):
    """With a sanitizer, under which a process takes half a second to begin, every eighth: the tests
    of the core and of its reader answer all of them there, in one process."""
    return cases[::8] if SANITIZED else cases


def copse(*arguments, stdin=b"", environment=None):
    return subprocess.run([BINARY, *map(str, arguments)], input=stdin, capture_output=True,
                          timeout=SECONDS, check=False,
                          env={**os.environ, **(environment or {})})


class Command(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="copse-cli-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, name, content):
        path = self.folder / name
        path.write_bytes(content)
        return path

    def answer(self, *arguments, stdin=b""):
        """What a run that must go well wrote to its standard output."""
        run = copse(*arguments, stdin=stdin)
        self.assertEqual((run.returncode, run.stderr), (0, b""), arguments)
        return run.stdout

    def refusal(self, code, *arguments, stdin=b"", environment=None):
        """The one line of a run that must be refused, without `copse: `."""
        run = copse(*arguments, stdin=stdin, environment=environment)
        self.assertEqual(run.returncode, code, run.stderr)
        text = run.stderr.decode()
        self.assertRegex(text, r"\Acopse: [^\n]+\n\Z")
        self.assertLessEqual(len(text), 600)
        return text[len("copse: "):-1]

    def predict(self, source, *arguments, model=IRIS, stdin=b""):
        return self.answer("predict", "--model", model, "--input", source, "--out", "-",
                           *arguments, stdin=stdin)


class Usage(Command):
    def test_help_and_version_go_to_stdout(self):
        self.assertRegex(self.answer("--version"), rb"\Acopse \d+\.\d+\.\d+\n\Z")
        for arguments in [("--help",), ("serve", "--help"), ("predict", "-h"),
                          ("import", "--help"), ("inspect", "--help")]:
            self.assertIn(b"--help", self.answer(*arguments))

    def test_every_serve_option_names_its_variable(self):
        text = self.answer("serve", "--help").decode()
        for option in ["model", "models", "iterations", "host", "port", "redis", "redis-keep", "log",
                       "log-max-bytes", "log-keep", "predictions-route", "durability", "web", "threads", "body-bytes-max", "head-timeout", "body-timeout",
                       "held-bytes-max", "write-timeout", "idle-timeout", "auth-token", "control-token", "cors-origin",
                       "rate-limit", "trusted-proxy", "reload-interval"]:
            self.assertIn(f"--{option}", text)
            self.assertIn("COPSE_" + option.upper().replace("-", "_"), text)

    def test_wrong_usage_is_two(self):
        rows = self.write("rows.csv", SETOSA)
        good = ["predict", "--model", IRIS, "--input", rows, "--out", "-"]
        self.answer(*good)
        for arguments in [[], ["nonsense"], ["predict"], good[:3], good[:5], ["inspect"],
                          [*good, "--nonsense"], [*good, "--output", "nonsense"],
                          [*good, "--input-format", "xml"], ["serve"],
                          [*good, "--threads", "0"], [*good, "--threads", "many"],
                          ["import", IRIS], ["import", "-o", self.folder / "o"],
                          ["import", IRIS, "-o", self.folder / "o", "--iterations", "some"],
                          ["serve", "--model", IRIS, "--port", "65536"],
                          ["serve", "--model", IRIS, "--durability", "maybe"],
                          ["serve", "--model", IRIS, "--log-max-bytes", "1"],
                          ["serve", "--model", IRIS, "--log-max-bytes", "much"],
                          ["serve", "--model", IRIS, "--log-keep", "-1"],
                          ["serve", "--model", IRIS, "--no-log", "--redis"],
                          ["serve", "--model", IRIS, "--no-log", "--predictions-route"]]:
            self.refusal(2, *arguments)

    def test_options_that_do_not_go_together_are_two(self):
        rows = self.write("rows.csv", SETOSA)
        odd = self.write("rows.xyz", SETOSA)
        base = ["predict", "--model", IRIS, "--input"]
        self.assertIn("--input-format", self.refusal(2, *base, odd, "--out", "-"))
        self.assertIn("--output-format", self.refusal(2, *base, rows, "--out", "out.xyz"))
        self.refusal(2, *base, rows, "--out", self.folder / "out.csv", "--output", "json")
        self.refusal(2, *base, rows, "--out", "-", "--output-format", "npy")
        self.assertEqual(self.predict(odd, "--input-format", "csv"), b"setosa\n")

    def test_variables_of_serve_do_not_disturb_other_commands(self):
        self.assertEqual(copse("inspect", IRIS, environment={"COPSE_PORT": "x"}).returncode, 0)
        self.assertIn("--port", self.refusal(2, "serve", "--model", IRIS,
                                             environment={"COPSE_PORT": "x"}))

    def test_serve_reads_its_variables(self):
        text = self.refusal(3, "serve", environment={"COPSE_MODEL": "/nowhere/a.safetensors"})
        self.assertIn("/nowhere/a.safetensors", text)

    def test_serve_wants_one_name_for_one_model(self):
        text = self.refusal(3, "serve", "--model", IRIS, "--model", IRIS, "--no-log")
        self.assertIn("two models are called iris", text)
        self.assertIn("--model NAME=FILE", text)


class Inspect(Command):
    def test_says_what_a_model_is(self):
        text = self.answer("inspect", IRIS).decode()
        for part in ["iris", "setosa, versicolor, virginica", "100 trees", "s_length", "cm",
                     "RandomForestClassifier"]:
            self.assertIn(part, text)

    def test_json_is_one_object(self):
        described = json.loads(self.answer("inspect", IRIS, "--json"))
        self.assertEqual(described["name"], "iris")
        self.assertEqual(described["file_bytes"], IRIS.stat().st_size)
        self.assertEqual(described["version"], described["sha256"][:12])
        self.assertEqual(described["n_trees"], 100)
        renamed = json.loads(self.answer("inspect", f"flowers={IRIS}", "--json"))
        self.assertEqual(renamed["name"], "flowers")

    def test_bad_files_are_three_and_one_line(self):
        pickle = self.write("model.pkl", b"\x80\x04\x95" + bytes(100))
        cut = self.write("cut.safetensors", IRIS.read_bytes()[:1000])
        for path in [pickle, cut, self.folder, self.folder / "absent", self.write("empty", b"")]:
            self.assertIn(str(path), self.refusal(3, "inspect", path))

    def test_says_the_sentence_of_every_invalid_file(self):
        cases = json.loads((VECTORS / "invalid" / "cases.json").read_text("utf-8"))
        for case in some_if_sanitized(cases):
            with self.subTest(case["file"]):
                path = VECTORS / "invalid" / case["file"]
                text = self.refusal(3, "inspect", path)
                self.assertTrue(text.startswith(str(path) + ": "), text)
                head = path.read_bytes()[:9]
                if case["message"] and head[4:] == b"\0\0\0\0{":  # it looks like one of ours
                    whole = f"{path}: {case['message']}"
                    self.assertEqual(text, whole if len(whole) <= 590 else whole[:590])


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


class Importing(Command):
    """Files of other libraries, wherever a model is taken."""

    @classmethod
    def setUpClass(cls):
        data = load_iris()
        cls.rows = data.data
        cls.forest = RandomForestClassifier(7, random_state=3, n_jobs=1).fit(
            data.data, data.target_names[data.target])
        folder = tempfile.TemporaryDirectory(prefix="copse-cli-")
        cls.addClassCleanup(folder.cleanup)
        cls.models = pathlib.Path(folder.name)
        cls.pickle = cls.models / "forest.pkl"
        cls.pickle.write_bytes(pickle.dumps(cls.forest, 4))
        matrix = xgboost.DMatrix(data.data, data.target)
        cls.booster = xgboost.train({"objective": "multi:softprob", "num_class": 3, "nthread": 1,
                                     "max_depth": 2}, matrix, 12)
        cls.booster.set_attr(best_iteration="4", best_score="0.1")
        cls.early = cls.models / "early.json"
        cls.booster.save_model(cls.early)
        np.save(cls.models / "rows.npy", data.data)
        cls.rows_file = cls.models / "rows.npy"

    def imported(self, source, *arguments):
        out = self.folder / "out.safetensors"
        run = copse("import", source, "-o", out, *arguments)
        self.assertEqual(run.returncode, 0, run.stderr)
        return out, run

    def answers(self, model, kind, *arguments):
        out = self.folder / "answers.npy"
        run = copse("predict", "--model", model, "--input", self.rows_file, "--out", out,
                    "--output", kind, *arguments)
        self.assertEqual(run.returncode, 0, run.stderr)
        return np.load(out, allow_pickle=False)

    def test_a_pickle_becomes_a_file_of_ours(self):
        out, run = self.imported(self.pickle)
        self.assertEqual(run.stderr, b"")
        lines = run.stdout.decode().splitlines()
        self.assertRegex(lines[0], r"\Ascikit-learn [\d.]+ RandomForestClassifier "
                                   r"\(a Python pickle\): 7 trees, .*4 features, predicts one of 3 "
                                   r"classes: setosa, versicolor, virginica\Z")
        self.assertEqual(lines[1:], [f"{self.pickle.stat().st_size} bytes -> "
                                     f"{out.stat().st_size} bytes, {out}"])
        self.assertFalse(list(self.folder.glob("*.partial")))
        # The file says all that the pickle said, and needs no import.
        for model in [self.pickle, out]:
            np.testing.assert_array_equal(self.answers(model, "proba"),
                                          self.forest.predict_proba(self.rows))
            np.testing.assert_array_equal(self.answers(model, "predict"),
                                          self.forest.predict(self.rows).astype("U"))
        self.assertEqual(hashlib.sha256(out.read_bytes()).hexdigest(),
                         json.loads(self.answer("inspect", "--json", out))["sha256"])

    def test_compressed_files_and_pipes_are_the_same_model(self):
        out, _ = self.imported(self.pickle)
        plain = json.loads(self.answer("inspect", "--json", out))
        packed = {"f.pkl.gz": gzip.compress, "f.pkl.bz2": bz2.compress, "f.pkl.xz": lzma.compress,
                  "f.z": zlib.compress,
                  "f.lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE)}
        files = [self.write(name, pack(self.pickle.read_bytes())) for name, pack in packed.items()]
        for level in [0, 3, ("gzip", 3), ("bz2", 3), ("lzma", 3), ("xz", 3)]:
            files.append(self.folder / f"{len(files)}.joblib")
            joblib.dump(self.forest, files[-1], compress=level)
        same = ["features", "outputs", "n_trees", "n_nodes", "n_leaves"]
        for file in files:
            with self.subTest(file=file.name):
                described = json.loads(self.answer("inspect", "--json", file))
                self.assertEqual({k: described[k] for k in same}, {k: plain[k] for k in same})
                self.assertEqual(described["file_kind"], "pickle")
                self.assertEqual(described["file_bytes"], file.stat().st_size)
                np.testing.assert_array_equal(self.answers(file, "proba"),
                                              self.forest.predict_proba(self.rows))
        piped = self.answer("import", "-", "-o", self.folder / "piped.safetensors",
                            stdin=self.pickle.read_bytes())
        self.assertIn(b"7 trees", piped)
        self.assertEqual((self.folder / "piped.safetensors").read_bytes(), out.read_bytes())
        run = copse("import", self.pickle, "-o", "-")
        self.assertEqual((run.returncode, run.stdout), (0, out.read_bytes()))
        self.assertIn(b"7 trees", run.stderr)

    def test_our_own_format_is_written_canonically(self):
        out, _ = self.imported(IRIS)
        self.assertEqual(out.read_bytes(), IRIS.read_bytes())
        # The same model with another order of its metadata, as other writers may leave it.
        data = IRIS.read_bytes()
        n = int.from_bytes(data[:8], "little")
        header = json.loads(data[8:8 + n])
        metadata = header.pop("__metadata__")
        metadata.pop("sha256")
        text = json.dumps({**header, "__metadata__": dict(reversed(metadata.items()))}).encode()
        other = self.write("other.safetensors",
                           len(text).to_bytes(8, "little") + text + data[8 + n:])
        out, _ = self.imported(other)
        self.assertEqual(out.read_bytes(), IRIS.read_bytes())

    def test_training_data_goes_into_the_file(self):
        sys.path.insert(0, str(SOURCE / "models"))
        import copse_export
        csv = SOURCE / "models" / "iris.csv"
        rows = np.array([line.split(",")[:4] for line in csv.read_text().splitlines()[1:]], float)
        out, _ = self.imported(IRIS, "--training-data", csv)
        data = out.read_bytes()
        n = int.from_bytes(data[:8], "little")
        header = json.loads(data[8:8 + n])
        self.assertEqual(json.loads(header["__metadata__"]["training_histograms"]),
                         copse_export._histograms(rows))
        for name, expected in (("feature.min", rows.min(axis=0)), ("feature.max", rows.max(axis=0))):
            begin, end = header[name]["data_offsets"]
            self.assertEqual(np.frombuffer(data[8 + n + begin:8 + n + end]).tolist(),
                             expected.tolist())
        self.assertEqual(self.predict(csv, model=out), self.predict(csv))
        again = self.folder / "again.safetensors"
        self.assertEqual(copse("import", out, "-o", again).returncode, 0)
        self.assertEqual(again.read_bytes(), data, "it stays")
        self.assertIn("p_width", self.refusal(
            3, "import", IRIS, "-o", self.folder / "x.safetensors", "--training-data",
            self.write("bad.csv", b"5.1,3.5,1.4,x\n")))

    def test_the_input_is_never_written_over(self):
        for target in [self.pickle, self.folder / "link.pkl"]:
            if target != self.pickle:
                target.symlink_to(self.pickle)
            before = self.pickle.read_bytes()
            self.assertIn("this is the file to import",
                          self.refusal(3, "import", self.pickle, "-o", target))
            self.assertEqual(self.pickle.read_bytes(), before)
        nowhere = self.folder / "no" / "out.safetensors"
        self.assertIn(str(nowhere), self.refusal(3, "import", self.pickle, "-o", nowhere))
        # What cannot be imported leaves what was there.
        out = self.write("out.safetensors", b"before")
        self.refusal(3, "import", self.write("x.pkl", b"\x80\x04N."), "-o", out)
        self.assertEqual(out.read_bytes(), b"before")

    def test_leaves_have_the_library_s_own_numbers(self):
        np.testing.assert_array_equal(self.answers(self.pickle, "leaf"),
                                      self.forest.apply(self.rows))
        out, _ = self.imported(self.pickle, "--leaf-ids")
        np.testing.assert_array_equal(self.answers(out, "leaf"), self.forest.apply(self.rows))
        without, _ = self.imported(self.pickle)
        self.assertLess(without.stat().st_size, out.stat().st_size + 1)

    def test_rounds_of_an_early_stopped_booster_are_chosen(self):
        matrix = xgboost.DMatrix(self.rows)
        every = self.booster.predict(matrix)
        best = self.booster.predict(matrix, iteration_range=(0, 5))
        self.assertGreater(np.abs(every - best).max(), 0.01)
        for expected, arguments in [(every, ()), (every, ("--iterations", "all")),
                                    (best, ("--iterations", "best"))]:
            np.testing.assert_allclose(self.answers(self.early, "proba", *arguments), expected,
                                       rtol=0, atol=1e-6)
            out, run = self.imported(self.early, *arguments)
            np.testing.assert_allclose(self.answers(out, "proba"), expected, rtol=0, atol=1e-6)
            # Whatever was chosen is said, in the file too.
            self.assertIn(b"warning: ", run.stderr)
            self.assertIn("iteration", self.answer("inspect", out).decode())
        run = copse("predict", "--model", out, "--input", self.rows_file, "--out",
                    self.folder / "a.csv", "--iterations", "all")
        self.assertEqual(run.returncode, 0)
        self.assertIn(b"--iterations changes nothing here", run.stderr)

    def test_inspect_says_what_the_file_was(self):
        text = self.answer("inspect", self.pickle).decode()
        for part in ["forest, version", "a Python pickle", f"{self.pickle.stat().st_size} bytes",
                     "in our own format", "RandomForestClassifier", "7 trees"]:
            self.assertIn(part, text)

    def test_a_refusal_is_short_quick_and_small(self):
        files = {
            "svc.pkl": (pickle.dumps(SVC().fit(self.rows[:100], [0, 1] * 50)), "SVC"),
            "evil.pkl": (b"cposix\nsystem\n(S'true'\ntR.", "posix"),
            "cut.pkl": (self.pickle.read_bytes()[:3000], ""),
            "cut.pkl.gz": (gzip.compress(self.pickle.read_bytes())[:1000], "cut off"),
            "dataset.csv": (FLOWERS, "no model"),
            "rows.npy": (self.rows_file.read_bytes(), "NumPy"),
            "model.h5": (b"\x89HDF\r\n\x1a\n" + bytes(1000), "HDF5"),
            "model.skops": (b"PK\x03\x04" + bytes(1000), "skops"),
            "long.json": (b'{"learner": "' + b"\xff" * 100_000 + b'"}', ""),
            "bomb.gz": (gzip.compress(b"\x80\x04" + bytes(300 << 20), 1), "limit"),
            "bomb.bz2": (bz2.compress(b"\x80\x04" + bytes(100 << 20)), "limit"),
            "bomb.xz": (lzma.compress(b"\x80\x04" + bytes(100 << 20), preset=0), "limit"),
            "zeros.gz": (gzip.compress(bytes(300 << 20), 1), "no model"),
            "twice.gz.gz": (gzip.compress(gzip.compress(self.pickle.read_bytes())), "once"),
        }
        for name, (content, word) in files.items():
            self.refused(self.write(name, content), word)

    def test_a_large_file_is_refused_at_its_start(self):
        for head, word in [(b"", "no model"), (b"\x80\x04\xff", ""), (b"PK\x03\x04", "zip"),
                           (b"tree\nversion=v4\n", "is a zero"),
                           (b'{"learner":{', "is a zero"), (b"{L\0\0\0\0\0\0\0\7learner{", "")]:
            path = self.write("large", head)
            with path.open("r+b") as file:
                file.truncate(1 << 30)
            self.refused(path, word)

    def refused(self, path, word):
        for arguments in [("import", path, "-o", self.folder / "no.safetensors"),
                          ("inspect", path),
                          ("predict", "--model", path, "--input", "-", "--out", "-")]:
            with self.subTest(file=path.name, command=arguments[0]):
                text = self.refusal(3, *arguments)
                self.assertTrue(text.startswith(f"{path}: "), text)
                self.assertIn(word, text)
        self.assertFalse((self.folder / "no.safetensors").exists())
        # Measured by a small process: what it holds itself counts as its child's.
        measured = subprocess.run([sys.executable, "-c", MEASURE, BINARY, "inspect", path],
                                  capture_output=True, text=True, timeout=SECONDS, check=True)
        seconds, kilobytes = map(float, measured.stdout.split())
        if not SANITIZED:
            self.assertLess(kilobytes, 256 << 10, path.name)
            self.assertLess(seconds, 1, path.name)

    def test_fixtures_go_through_the_command_line(self):
        cases = sorted(FIXTURES.glob("*/case.json"))
        self.assertGreater(len(cases), 0)
        for path in cases[::7]:  # tests/import reads all of them
            case = json.loads(path.read_text("utf-8"))
            with self.subTest(case["name"]):
                described = json.loads(self.answer("inspect", "--json",
                                                   path.parent / case["model"]))
                self.assertNotEqual(described["file_kind"], "copse")


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
