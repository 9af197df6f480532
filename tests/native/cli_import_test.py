"""Models of other libraries on the command line: imports, and what is refused.

Usage: cli_import_test.py COPSE_BINARY SOURCE_FOLDER [unittest arguments]. Needs Debian's numpy,
scikit-learn, joblib and xgboost.
"""

import bz2
import gzip
import hashlib
import json
import lzma
import pathlib
import pickle
import subprocess
import sys
import tempfile
import unittest
import zlib

import joblib
import numpy as np
import xgboost
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.svm import SVC

from cli import BINARY, FLOWERS, IRIS, SANITIZED, SECONDS, SOURCE, Command, copse

FIXTURES = SOURCE / "tests" / "import" / "fixtures"
MEASURE = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
process.returncode = os.waitstatus_to_exitcode(status)
print(usage.ru_maxrss)
"""


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

    def test_a_refusal_is_short_and_small(self):
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
        if not SANITIZED:
            self.assertLess(int(measured.stdout), 256 << 10, path.name)

    def test_fixtures_go_through_the_command_line(self):
        cases = sorted(FIXTURES.glob("*/case.json"))
        self.assertGreater(len(cases), 0)
        for path in cases[::7]:  # tests/import reads all of them
            case = json.loads(path.read_text("utf-8"))
            with self.subTest(case["name"]):
                described = json.loads(self.answer("inspect", "--json",
                                                   path.parent / case["model"]))
                self.assertNotEqual(described["file_kind"], "copse")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
