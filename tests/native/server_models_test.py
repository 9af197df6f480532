"""The models of the service over loopback: pickles that it imports, and folders that it reads."""

import contextlib
import gzip
import hashlib
import json
import os
import pickle
import re
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import unittest
from pathlib import Path

import numpy as np
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier

from service import BINARY, CSV, GOOD, IRIS, JSON, ROW, Service, ServiceCase


def flowers(path):
    """Writes a pickled forest with named features and text labels to `path`; the forest."""
    data = load_iris()
    forest = RandomForestClassifier(5, random_state=1, n_jobs=1).fit(
        data.data, data.target_names[data.target])
    forest.feature_names_in_ = np.array(["s length", "s_width", "p_length", "p_width"], object)
    path.write_bytes(pickle.dumps(forest))
    del forest.feature_names_in_
    return forest


class Imported(ServiceCase):
    """A pickle is served as if it had been imported before."""

    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.file = Path(folder, "flowers.pkl")
        cls.forest = flowers(cls.file)
        cls.rows = load_iris().data[::7]
        cls.service = cls.enterClassContext(Service("--durability", "commit",
                                                    models=(str(cls.file),)))

    def test_its_start_says_what_was_imported(self):
        self.assertRegex(self.service.stderr(), r"copse: flowers: imported from .*flowers\.pkl: "
                                                r"scikit-learn [\d.]+ RandomForestClassifier")

    def test_feature_names_and_labels_are_those_of_training(self):
        names = ["s length", "s_width", "p_length", "p_width"]
        for row in self.rows:
            query = "&".join(f"{name.replace(' ', '%20')}={x}" for name, x in zip(names, row))
            answer = self.service.ask("GET", "/predict?" + query, [("Accept", "application/json")])
            body = json.loads(answer.body)
            self.assertEqual(body["label"], self.forest.predict([row])[0])
            self.assertEqual(list(body["probabilities"].values()),
                             self.forest.predict_proba([row])[0].tolist())
            index = list(self.forest.classes_).index(body["label"])
            self.assertEqual(self.service.ask("GET", "/predict?" + query).body,
                             b"[%d]" % index)
        problem = self.problem(self.service.ask("GET", "/predict?s_width=1"), 400)
        self.assertIn("s length", problem["detail"])

    def test_files_and_documents_know_the_features(self):
        text = "".join(",".join(map(repr, row)) + "\n" for row in self.rows.tolist()).encode()
        indices = [list(self.forest.classes_).index(x) for x in self.forest.predict(self.rows)]
        answer = self.service.ask("POST", "/predict_file", CSV, text)
        self.assertEqual(json.loads(answer.body), indices)
        spec = json.loads(self.service.ask("GET", "/apispec_1.json").body)
        self.assertEqual([p["name"] for p in spec["paths"]["/predict"]["get"]["parameters"]],
                         ["s length", "s_width", "p_length", "p_width"])

    def test_the_model_file_is_the_imported_one(self):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder, "out.safetensors")
            subprocess.run([BINARY, "import", self.file, "-o", out], check=True, timeout=60,
                           stdout=subprocess.DEVNULL)
            canonical = out.read_bytes()
        answer = self.service.ask("GET", "/models/flowers.safetensors")
        self.assertEqual(answer.body, canonical)
        digest = hashlib.sha256(canonical).hexdigest()
        self.assertEqual(answer.fields["etag"], f'"{digest}"')
        model = json.loads(self.service.ask("GET", "/models").body)["models"][0]
        self.assertEqual((model["name"], model["version"]), ("flowers", digest[:12]))

    def test_the_log_names_the_version(self):
        answer = self.service.ask("POST", "/predict", JSON, ROW)
        self.assertEqual(answer.status, 200)
        model = json.loads(self.service.ask("GET", "/models").body)["models"][0]
        with contextlib.closing(sqlite3.connect(self.service.log_path)) as log:
            rows = log.execute("SELECT model, version FROM predictions").fetchall()
        self.assertTrue(rows)
        self.assertEqual(set(rows), {("flowers", model["version"])})


class Folder(ServiceCase):
    def test_a_folder_of_models_is_served(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("b", "a"):
                shutil.copy(IRIS, Path(folder, f"{name}.safetensors"))
            Path(folder, "notes.txt").write_text("no model")
            with Service("--models", folder, models=()) as service:
                models = json.loads(service.ask("GET", "/models").body)["models"]
                self.assertEqual([model["name"] for model in models], ["a", "b"])
                self.assertEqual(service.ask("GET", GOOD).body, b"[0]")

    def test_a_folder_may_hold_models_of_any_format_and_other_files(self):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(IRIS, Path(folder, "iris.safetensors"))
            flowers(Path(folder, "forest.pkl"))
            flowers(Path(folder, "iris.pkl"))
            Path(folder, "packed.pkl.gz").write_bytes(
                gzip.compress(Path(folder, "forest.pkl").read_bytes()))
            Path(folder, "notes.txt").write_text("no model")
            Path(folder, "data.npy").write_bytes(b"\x93NUMPY\x01\x00")
            Path(folder, ".hidden").write_text("no model")
            Path(folder, "older").mkdir()
            with Service("--models", folder, models=()) as service:
                models = json.loads(service.ask("GET", "/models").body)["models"]
                self.assertEqual([model["name"] for model in models],
                                 ["forest", "iris", "packed"])
                lines = service.stderr().splitlines()
                self.assertEqual(
                    [line for line in lines if "not served" in line],
                    [f"copse: not served: {folder}/older: a folder; a model file was expected",
                     f"copse: not served: {folder}/data.npy: this is a NumPy array, not a model",
                     f"copse: not served: {folder}/iris.pkl: a .safetensors file beside it has "
                     "the same name",
                     next(line for line in lines if "notes.txt: this is no model" in line)])
                self.assertNotIn("hidden", service.stderr())

    def test_a_damaged_model_in_the_folder_ends_the_start(self):
        for name, content in [("a.safetensors", b"no model"), ("a.pkl", None)]:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, name)
                if content is None:
                    flowers(path)
                    content = path.read_bytes()[:2000]
                path.write_bytes(content)
                with self.assertRaisesRegex(AssertionError, re.escape(f"copse: {path}: ")):
                    Service("--models", folder, models=())

    def test_of_two_files_of_one_name_the_first_is_served(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("a.joblib", "a.pkl", "b.pkl"):
                flowers(Path(folder, name))
            for name in ("a.csv", "b.md"):
                Path(folder, name).write_text("no model")
            for name in ("c d.safetensors", "c_d.safetensors"):
                shutil.copy(IRIS, Path(folder, name))
            with Service("--models", folder, models=()) as service:
                models = json.loads(service.ask("GET", "/models").body)["models"]
                self.assertEqual([model["name"] for model in models], ["a", "b", "c_d"])
                lines = service.stderr().splitlines()
                end = ("has that name already; rename one of them, or serve it with --model "
                       "NAME=FILE")
                self.assertEqual(
                    [line for line in lines if "is not served" in line],
                    [f"copse: {folder}/a.pkl is not served: a.joblib {end}",
                     f"copse: {folder}/c_d.safetensors is not served: c d.safetensors {end}"])
                self.assertIn(f"copse: a: imported from {folder}/a.joblib: ", service.stderr())
                for name in ("a.csv", "b.md"):
                    self.assertIn(f"copse: not served: {folder}/{name}: this is no model",
                                  service.stderr())

    def test_a_model_given_by_itself_keeps_its_name(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("a.joblib", "a.pkl", "iris.pkl"):
                flowers(Path(folder, name))
            given = (str(Path(folder, "a.pkl")), IRIS)
            with Service("--models", folder, models=given) as service:
                models = json.loads(service.ask("GET", "/models").body)["models"]
                self.assertEqual([model["name"] for model in models], ["a", "iris"])
                skipped = [line for line in service.stderr().splitlines() if "not served" in line]
                self.assertEqual(len(skipped), 2, skipped)
                self.assertIn(f"{folder}/a.joblib is not served: a.pkl has that name", skipped[0])
                self.assertIn(f"{folder}/iris.pkl is not served: {IRIS} has that name", skipped[1])

    def test_only_regular_files_of_a_folder_are_opened(self):
        with tempfile.TemporaryDirectory() as folder, \
                socket.socket(socket.AF_UNIX) as listener:
            os.mkfifo(Path(folder, "a.pkl"))
            os.mkfifo(Path(folder, "iris.safetensors"))
            Path(folder, "b.pkl").symlink_to("a.pkl")
            Path(folder, "c.safetensors").mkdir()
            Path(folder, "d.pkl").symlink_to("/dev/zero")
            listener.bind(str(Path(folder, "e.pkl")))
            Path(folder, "f.safetensors").symlink_to(IRIS)
            flowers(Path(folder, "iris.pkl"))
            with Service("--models", folder, models=()) as service:
                models = json.loads(service.ask("GET", "/models").body)["models"]
                self.assertEqual([model["name"] for model in models], ["f", "iris"])
                self.assertEqual(
                    [line for line in service.stderr().splitlines() if "not served" in line],
                    [f"copse: not served: {folder}/{name}: {what}; a model file was expected"
                     for name, what in [
                         ("a.pkl", "a pipe"), ("b.pkl", "a pipe"), ("c.safetensors", "a folder"),
                         ("d.pkl", "a device"), ("e.pkl", "a socket"),
                         ("iris.safetensors", "a pipe")]])

    def test_what_is_not_served_is_said_as_import_says_it(self):
        with tempfile.TemporaryDirectory() as folder:
            name = Path(folder, "a\x1b[2J\n.pkl")
            name.write_bytes(pickle.dumps("a \x1b"))
            imported = subprocess.run([BINARY, "import", name, "-o", Path(folder, ".out")],
                                      capture_output=True, text=True, timeout=30, check=False)
            said = imported.stderr.removeprefix("copse: ")
            self.assertIn("\"", said)
            self.assertTrue(said.startswith(f"{folder}/a\\x1b[2J\\x0a.pkl: "), said)
            with Service("--models", folder, models=()) as service:
                self.assertIn(f"copse: not served: {said}", service.stderr())
                self.assertNotIn("\x1b", service.stderr())
                self.assertNotIn("\\x22", service.stderr())

    def test_without_models_it_is_alive_but_not_ready(self):
        with tempfile.TemporaryDirectory() as folder:
            with Service("--models", folder, models=()) as service:
                self.assertEqual(service.ask("GET", "/healthz").status, 200)
                self.problem(service.ask("GET", "/readyz"), 503)
                self.assertNotEqual(service.ask("GET", GOOD).status, 200)


if __name__ == "__main__":
    unittest.main()
