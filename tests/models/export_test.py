#!/usr/bin/python3
"""Tests of models/copse_export.py: what it refuses, its canonical bytes, and the iris model."""
import contextlib
import filecmp
import hashlib
import io
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (GradientBoostingClassifier, HistGradientBoostingClassifier,
                              IsolationForest, RandomForestClassifier, RandomForestRegressor,
                              RandomTreesEmbedding)
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "models"), str(ROOT / "tests" / "models"), str(ROOT / "tests/vectors")]
import copse_export  # noqa: E402
import iris_model  # noqa: E402
import make_vectors  # noqa: E402
import reference_evaluator  # noqa: E402
import vector_case  # noqa: E402

X, Y = load_iris(return_X_y=True)


def stump():
    return DecisionTreeClassifier(max_depth=1, random_state=0).fit(X, Y)


class Fraction(DecisionTreeClassifier):
    """A tree as scikit-learn 1.4.1 holds it: values are fractions, nodes know missing values."""

    class State:
        n_features, n_classes = 2, np.array([3])

        def __getstate__(self):
            names = ["left_child", "right_child", "feature", "threshold",
                     "weighted_n_node_samples", "missing_go_to_left"]
            nodes = np.array([(1, 2, 1, 0.1, 10, 1), (-1, -1, -2, -2, 4, 0),
                              (-1, -1, -2, -2, 6, 0)],
                             [(name, "f8" if name == "threshold" else "i8") for name in names])
            # Ten times a tenth is not 1: dividing by the sum would change these bits.
            values = [[0.1, 0.2, 0.7], [0.25, 0.75, 0.0], [0.1, 0.6, 0.3]]
            return {"nodes": nodes, "values": np.array(values)[:, np.newaxis]}

    monotonic_cst = None

    def __init__(self, version, allow_nan=True):
        self._sklearn_version, self.allow_nan = version, allow_nan
        self.classes_, self.n_outputs_, self.tree_ = np.arange(3), 1, self.State()

    def _get_tags(self):
        return {"allow_nan": self.allow_nan}


Fraction.__name__, Fraction.__module__ = "DecisionTreeClassifier", "sklearn.tree._classes"


class Refusals(unittest.TestCase):
    def refuses(self, sentence, estimator, **arguments):
        with self.assertRaises(copse_export.ExportError) as caught:
            copse_export.dumps(estimator, **arguments)
        self.assertIn(sentence, str(caught.exception))
        self.assertNotIn("\n", str(caught.exception))

    def test_other_estimators_by_class_and_version(self):
        for estimator in (LogisticRegression(), IsolationForest(), RandomTreesEmbedding(),
                          HistGradientBoostingClassifier()):
            self.refuses(f"{type(estimator).__name__} (scikit-learn 1.2.1) cannot be exported",
                         estimator.fit(X, Y))

    def test_subclasses_because_they_may_predict_otherwise(self):
        class Mine(RandomForestClassifier):
            pass
        self.refuses("Mine (module ", Mine(2).fit(X, Y))

    def test_things_that_are_no_estimators(self):
        self.refuses("dict (module builtins) cannot be exported", {})

    def test_estimators_that_are_not_fitted(self):
        self.refuses("RandomForestClassifier (scikit-learn 1.2.1) is not fitted",
                     RandomForestClassifier())

    def test_another_model_as_start_value(self):
        Xc, yc = load_breast_cancer(return_X_y=True)
        boosting = GradientBoostingClassifier(n_estimators=2, init=DecisionTreeClassifier())
        self.refuses("starts from init=DecisionTreeClassifier", boosting.fit(Xc, yc))
        boosting.set_params(init=DummyClassifier(strategy="stratified"))
        self.refuses("answers at random", boosting.fit(Xc, yc))

    def test_arguments_that_do_not_fit(self):
        for sentence, arguments in {
                "feature_names has 1 entries: expected a list of 4": {"feature_names": ["a"]},
                "feature_names has one text": {"feature_names": "abcd"},
                "feature_names[1] is empty": {"feature_names": ["a", "", "c", "d"]},
                "feature_names holds 'a' twice": {"feature_names": ["a", "b", "c", "a"]},
                "feature_units holds 3: expected text": {"feature_units": ["", "", "", 3]},
                "labels has 2 entries": {"labels": ["a", "b"]},
                "hold 'b' of type str": {"labels": [1, "b", 2.0]},
                "hold None of type NoneType": {"labels": ["a", None, "c"]},
                "is not finite": {"labels": [1.0, 2.0, float("nan")]},
                "X has the shape [3, 2]: expected rows of 4": {"X": np.zeros((3, 2))},
                "provenance is a str": {"provenance": "me"},
                "metadata holds something that JSON cannot": {"provenance": {"a": {1, 2}}}}.items():
            with self.subTest(sentence):
                self.refuses(sentence, stump(), **arguments)

    def test_labels_of_a_regressor(self):
        tree = DecisionTreeRegressor(max_depth=1).fit(X, Y)
        self.refuses("labels was given for DecisionTreeRegressor", tree, labels=["a"])

    def test_node_fields_of_the_future(self):
        tree = Fraction("9.9.0")
        state = tree.tree_.__getstate__()
        fields = [(name, "f8") for name in [*state["nodes"].dtype.names, "is_fuzzy"]]
        state["nodes"] = np.zeros(3, fields)
        tree.tree_ = type("State", (), {"n_features": 2, "n_classes": 3,
                                        "__getstate__": lambda self: state})()
        self.refuses("DecisionTreeClassifier (scikit-learn 9.9.0) has tree nodes with the field "
                     "'is_fuzzy'", tree)

    def test_nothing_is_written_when_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "model.safetensors"
            with self.assertRaises(copse_export.ExportError):
                copse_export.save(LogisticRegression().fit(X, Y), path)
            self.assertFalse(path.exists())


class CanonicalBytes(unittest.TestCase):
    def setUp(self):
        self.data = copse_export.dumps(stump(), X=X, leaf_ids=True,
                                       feature_descriptions=["größer", "", None, "d"])
        self.size = struct.unpack("<Q", self.data[:8])[0]
        self.header = json.loads(self.data[8:8 + self.size])

    def test_same_estimator_same_bytes(self):
        self.assertEqual(self.data, copse_export.dumps(
            stump(), X=X, leaf_ids=True, feature_descriptions=["größer", "", None, "d"]))

    def test_header_is_aligned_compact_and_in_order(self):
        self.assertEqual(self.size % 8, 0)
        text = self.data[8:8 + self.size].decode("utf-8")
        compact = json.dumps(self.header, ensure_ascii=False, separators=(",", ":"))
        self.assertEqual(text.rstrip(" "), compact)
        self.assertIn("größer", text)
        metadata, *tensors = self.header
        self.assertEqual(metadata, "__metadata__")
        self.assertEqual(list(self.header[metadata]), sorted(self.header[metadata]))
        sizes = {"F64": 8, "F32": 4, "I32": 4, "U32": 4, "U16": 2, "U8": 1}
        order = [(-sizes[self.header[name]["dtype"]], name) for name in tensors]
        self.assertEqual(order, sorted(order))

    def test_tensors_follow_each_other_to_the_end(self):
        end = 0
        for name, entry in self.header.items():
            if name != "__metadata__":
                self.assertEqual(entry["data_offsets"][0], end)
                end = entry["data_offsets"][1]
        self.assertEqual(len(self.data), 8 + self.size + end)

    def test_sha256_is_that_of_the_file_with_zeros(self):
        digest = self.header["__metadata__"]["sha256"]
        zeroed = self.data.replace(digest.encode(), b"0" * 64)
        self.assertEqual(hashlib.sha256(zeroed).hexdigest(), digest)

    def test_text_that_looks_like_the_checksum_key_is_left_alone(self):
        trap = '"sha256":"' + "0" * 64 + '"'
        data = copse_export.dumps(stump(), provenance={"notes": trap})
        metadata, _ = reference_evaluator.read(data)  # checks the digest
        self.assertEqual(json.loads(metadata["provenance"])["notes"], trap)

    def test_no_time_and_no_address_in_the_metadata(self):
        forest = RandomForestClassifier(2, random_state=np.random.RandomState(1)).fit(X, Y)
        options = json.loads(reference_evaluator.read(copse_export.dumps(forest))[0]["source"])
        self.assertEqual(options["options"]["random_state"], "RandomState")

    def test_equal_leaf_rows_are_stored_once_in_order_of_appearance(self):
        forest = RandomForestClassifier(30, random_state=0).fit(X, Y)
        tensors = reference_evaluator.read(copse_export.dumps(forest))[1]
        rows, leaf_row = tensors["leaf.value"], tensors["leaf.row"]
        self.assertEqual(len({row.tobytes() for row in rows}), len(rows))
        firsts = [int(np.flatnonzero(leaf_row == i)[0]) for i in range(len(rows))]
        self.assertEqual(firsts, sorted(firsts))

    def test_ranges_skip_missing_values(self):
        holes = X.copy()
        holes[:5, 0], holes[:, 1] = np.nan, np.nan
        tensors = reference_evaluator.read(copse_export.dumps(stump(), X=holes))[1]
        self.assertEqual(tensors["feature.min"][0], X[5:, 0].min())
        self.assertTrue(np.isnan(tensors["feature.max"][1]))

    def test_histograms_say_how_the_training_values_are_spread(self):
        rows = X.copy()
        rows[:7, 0], rows[:, 1] = np.nan, np.nan
        rows[:, 2] = np.arange(len(rows)) % 2
        metadata = reference_evaluator.read(
            copse_export.dumps(stump(), X=rows, histograms=True))[0]
        histograms = json.loads(metadata["training_histograms"])
        self.assertEqual(len(histograms), X.shape[1])
        self.assertEqual((histograms[0]["missing"], sum(histograms[0]["counts"])),
                         (7, len(rows) - 7))
        self.assertIsNone(histograms[1])
        self.assertEqual(histograms[2], {"edges": [0.0], "missing": 0,
                                         "counts": [(len(rows) + 1) // 2, len(rows) // 2]})
        for histogram in (histograms[0], histograms[3]):
            edges = histogram["edges"]
            self.assertEqual(edges, sorted(set(edges)))
            self.assertEqual(len(histogram["counts"]), len(edges) + 1)
            self.assertGreater(min(histogram["counts"]), 0)
        self.assertNotIn("training_histograms",
                         reference_evaluator.read(copse_export.dumps(stump(), X=rows))[0])
        with self.assertRaisesRegex(copse_export.ExportError, "X is not given"):
            copse_export.dumps(stump(), histograms=True)


class Thresholds(unittest.TestCase):
    def test_same_branch_as_the_double_for_every_neighbour(self):
        rng = np.random.default_rng(0)
        bits = rng.integers(0, 2**64, 20000, dtype=np.uint64)
        thresholds = bits.view(np.float64)[np.isfinite(bits.view(np.float64))]
        thresholds = np.concatenate([thresholds, rng.normal(size=20000), [0.0, -0.0, 1e-50, -1e-50,
                                                                          1e39, -1e39, 3.5e38]])
        rounded = copse_export.round_down_to_float32(thresholds)
        self.assertEqual(rounded.dtype, np.float32)
        for way in (-np.inf, 0, np.inf):
            x = rounded if way == 0 else np.nextafter(rounded, np.float32(way))
            with np.errstate(invalid="ignore"):
                same = (x.astype(np.float64) <= thresholds) == (x <= rounded)
            self.assertTrue(same.all())

    def test_a_float32_stays(self):
        x = np.float32([0.1, -2.5, 1e-45, 3.4e38])
        self.assertTrue((copse_export.round_down_to_float32(x) == x).all())


class Versions(unittest.TestCase):
    """What changed in scikit-learn; the shapes are those of `Tree.__getstate__`."""

    def test_fractions_are_not_divided_again(self):
        for version in ("1.4.1.post1", "1.9.0", "1.2.1"):  # the content decides
            tensors = reference_evaluator.read(copse_export.dumps(Fraction(version)))[1]
            self.assertEqual(tensors["leaf.value"].tolist(), [[0.25, 0.75, 0.0], [0.1, 0.6, 0.3]])

    def test_missing_is_allowed_where_scikit_learn_says_so(self):
        metadata, tensors = reference_evaluator.read(copse_export.dumps(Fraction("1.4.1")))
        self.assertEqual(metadata["missing"], "allowed")
        self.assertEqual(tensors["node.flags"].tolist(), [1])
        refusing = copse_export.dumps(Fraction("1.4.1", allow_nan=False))
        self.assertEqual(reference_evaluator.read(refusing)[0]["missing"], "error")
        self.assertEqual(reference_evaluator.read(copse_export.dumps(stump()))[0]["missing"],
                         "error")

    def test_the_version_is_that_of_the_one_who_fitted(self):
        source = reference_evaluator.read(copse_export.dumps(Fraction("1.4.1")))[0]["source"]
        self.assertEqual(json.loads(source)["version"], "1.4.1")

    def test_boosting_decides_on_the_raw_score_from_1_4_on(self):
        Xc, yc = load_breast_cancer(return_X_y=True)
        boosting = GradientBoostingClassifier(n_estimators=2, max_depth=1).fit(Xc, yc)
        three = GradientBoostingClassifier(n_estimators=2, max_depth=1).fit(X, Y)
        for version, decision, link in (("1.3.2", "argmax", "softmax"),
                                        ("1.4.0", "ge0", "softmax_argmax")):
            boosting._sklearn_version = three._sklearn_version = version
            read = reference_evaluator.read
            self.assertEqual(read(copse_export.dumps(boosting))[0]["decision"], decision)
            self.assertEqual(read(copse_export.dumps(three))[0]["link"], link)


class Module(unittest.TestCase):
    def test_imports_nothing_but_numpy(self):
        program = ("import sys; sys.path.insert(0, sys.argv[1]); import copse_export; "
                   "sys.exit('sklearn' in sys.modules or 'pickle' in copse_export.__dict__)")
        subprocess.run([sys.executable, "-c", program, str(ROOT / "models")],
                       check=True, timeout=60)

    def test_feature_names_of_the_estimator_are_kept(self):
        import pandas
        frame = pandas.DataFrame(X, columns=["a", "b", "c", "d"])
        tree = DecisionTreeClassifier(max_depth=1).fit(frame, Y)
        features = json.loads(reference_evaluator.read(copse_export.dumps(tree))[0]["features"])
        self.assertEqual([feature["name"] for feature in features], ["a", "b", "c", "d"])

    def test_wide_forests_get_wide_feature_numbers(self):
        self.assertEqual(copse_export.feature_dtype(65536), np.uint16)
        self.assertEqual(copse_export.feature_dtype(65537), np.uint32)

    def test_covers_are_the_training_weights(self):
        Xd, yd = load_diabetes(return_X_y=True)
        forest = RandomForestRegressor(3, max_depth=3, random_state=0).fit(Xd, yd)
        tensors = reference_evaluator.read(copse_export.dumps(forest))[1]
        roots = tensors["node.cover"][tensors["tree.root"]]
        self.assertEqual(roots.tolist(), [442.0] * 3)
        self.assertEqual(tensors["leaf.cover"].sum(), 3 * 442.0)


class Committed(unittest.TestCase):
    def test_the_iris_model_comes_out_byte_for_byte(self):
        committed = (ROOT / "models" / "iris.safetensors").read_bytes()
        self.assertEqual(iris_model.dumps(), committed)

    def test_the_iris_table_is_that_of_scikit_learn(self):
        lines = (ROOT / "models" / "iris.csv").read_text().splitlines()
        self.assertEqual(lines[0], "s_length,s_width,p_length,p_width,species")
        rows = [line.split(",") for line in lines[1:]]
        self.assertTrue((np.array([row[:4] for row in rows], float) == X).all())
        self.assertEqual([row[4] for row in rows], load_iris().target_names[Y].tolist())

    def test_the_iris_vector_is_what_its_script_makes(self):
        with tempfile.TemporaryDirectory() as folder:
            with contextlib.redirect_stdout(io.StringIO()):
                make_vectors.main(["--only", "iris", "--out", folder])
            committed = ROOT / "tests" / "vectors" / "iris"
            names = sorted(path.name for path in committed.iterdir())
            same, *others = filecmp.cmpfiles(committed, f"{folder}/iris", names, shallow=False)
            self.assertEqual((same, others), (names, [[], []]))

    def test_every_vector_agrees_with_its_file_alone(self):
        folder = ROOT / "tests" / "vectors"
        for name in json.loads((folder / "index.json").read_text()):
            case = json.loads((folder / name / "case.json").read_text())
            model = reference_evaluator.ReferenceModel(
                (folder / name / "model.safetensors").read_bytes())
            rows = np.load(folder / name / case["rows"])
            for kind, answer in case["answers"].items():
                expected = np.load(folder / name / answer["file"])
                got = model.answer(kind, rows)
                with self.subTest(f"{name} {kind}"):
                    self.assertTrue(vector_case.agrees(expected, got, answer["tolerance"]))

    def test_agreement_can_fail(self):
        one, next_one = np.array([[1.0]]), np.array([[np.nextafter(1.0, 2)]])
        self.assertFalse(vector_case.agrees(one, next_one, vector_case.BITS))
        self.assertTrue(vector_case.agrees(one, next_one, vector_case.ABSOLUTE))
        self.assertFalse(vector_case.agrees(one, one + 3e-15, vector_case.ABSOLUTE))
        self.assertFalse(vector_case.agrees(one, one * np.nan, vector_case.RELATIVE))
        self.assertFalse(vector_case.agrees(one, np.array([[1.0, 1.0]]), vector_case.BITS))
        three = np.float32(1) + 3 * np.spacing(np.float32(1))
        self.assertFalse(vector_case.agrees(np.float32([[1]]), np.array([[three]]),
                                            vector_case.ULP32))


if __name__ == "__main__":
    unittest.main()
