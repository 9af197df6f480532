"""Contributions on the command line and over loopback: what each feature adds, in every format, the
same numbers everywhere, and those of XGBoost's own pred_contribs.

Needs Debian's numpy, pandas, scikit-learn and xgboost."""

import json
import pickle
import subprocess
import tempfile
import unittest
from pathlib import Path

import numpy as np
import pandas as pd
import xgboost
from sklearn.datasets import (load_breast_cancer, load_diabetes, load_digits, load_linnerud,
                              load_wine)
from sklearn.ensemble import (ExtraTreesRegressor, GradientBoostingClassifier,
                              GradientBoostingRegressor, HistGradientBoostingClassifier,
                              IsolationForest, RandomForestClassifier)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from service import BINARY, IRIS, ROOT, Service

VECTORS = ROOT / "tests/vectors"
NO_COVERS = VECTORS / "ref_stumps/model.safetensors"
JSON = [("Content-Type", "application/json")]
FLOWERS = b"5.1,3.5,1.4,0.2\n6.0,2.9,4.5,1.5\n7.2,3.6,6.1,2.5\n"
FEATURES = ["s_length", "s_width", "p_length", "p_width"]
CLASSES = ["setosa", "versicolor", "virginica"]
SECONDS = 60  # of any one run


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="copse-explain-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def run_explain(self, model, rows, *more, stdin=b""):
        return subprocess.run(
            [BINARY, "explain", "--model", str(model), "--input", str(rows), *map(str, more)],
            input=stdin, capture_output=True, timeout=SECONDS, check=False)

    def text(self, model, rows, *more, stdin=b""):
        run = self.run_explain(model, rows, *more, stdin=stdin)
        self.assertEqual((run.returncode, run.stderr), (0, b""))
        return run.stdout

    def array(self, model, rows, *more):
        """What is written as .npy: contributions [rows, margins, features + 1]."""
        out = self.folder / "out.npy"
        run = self.run_explain(model, rows, "--out", out, *more)
        self.assertEqual(run.returncode, 0, run.stderr)
        return np.load(out)

    def refusal(self, code, *arguments, stdin=b""):
        run = self.run_explain(*arguments, stdin=stdin)
        self.assertEqual(run.returncode, code, run.stderr)
        self.assertRegex(run.stderr.decode(), r"\Acopse: [^\n]+\n\Z")
        return run.stderr.decode()

    def flowers(self, rows=FLOWERS, name="rows.csv"):
        path = self.folder / name
        path.write_bytes(rows)
        return path

    def margins(self, model, rows):
        out = self.folder / "margin.npy"
        subprocess.run([BINARY, "predict", "--model", str(model), "--input", str(rows), "--out",
                        out, "--output", "margin"], check=True, timeout=SECONDS)
        return np.load(out)


class Files(Case):
    def test_an_array_has_margins_and_bases(self):
        rows = self.flowers()
        parts = self.array(IRIS, rows)
        self.assertEqual((parts.shape, parts.dtype.str), ((3, 3, 5), "<f8"))
        np.testing.assert_allclose(parts.sum(2), self.margins(IRIS, rows), rtol=0, atol=1e-12)
        self.assertEqual(len(np.unique(parts[:, :, 4], axis=0)), 1, "one base for all rows")
        self.assertGreater(parts[0, 0, 2], 0.2)  # a petal of 1.4 cm speaks for setosa

    def test_csv_has_the_same_numbers_and_a_header_on_demand(self):
        rows = self.flowers()
        parts = self.array(IRIS, rows).reshape(3, 15)
        lines = self.text(IRIS, rows, "--output-format", "csv").decode().splitlines()
        self.assertEqual([[float(x) for x in line.split(",")] for line in lines], parts.tolist())
        out = self.folder / "out.csv"
        self.assertEqual(self.text(IRIS, rows, "--out", out, "--header"), b"")
        head, *rest = out.read_text().splitlines()
        self.assertEqual(head.split(","), [f"{c}:{f}" for c in CLASSES for f in FEATURES + ["base"]])
        self.assertEqual(rest, lines)

    def test_lines_of_json_name_everything(self):
        rows = self.flowers()
        parts = self.array(IRIS, rows)
        margins = self.margins(IRIS, rows)
        lines = self.text(IRIS, rows).decode().splitlines()
        self.assertEqual(len(lines), 3)
        for line, own, of_row in zip(lines, parts, margins):
            said = json.loads(line)["margins"]
            self.assertEqual([m["class"] for m in said], CLASSES)
            self.assertEqual([m["margin"] for m in said], of_row.tolist())
            self.assertEqual([[*m["contributions"].values(), m["base"]] for m in said], own.tolist())
            self.assertEqual(list(said[0]["contributions"]), FEATURES)

    def test_pipes_and_every_format_of_rows(self):
        expected = self.text(IRIS, self.flowers())
        self.assertEqual(self.text(IRIS, "-", stdin=FLOWERS), expected)
        numbers = np.array([[float(x) for x in line.split(b",")] for line in FLOWERS.split()])
        np.save(self.folder / "rows.npy", numbers)
        self.assertEqual(self.text(IRIS, self.folder / "rows.npy"), expected)
        objects = "".join(json.dumps(dict(zip(FEATURES, row))) + "\n" for row in numbers.tolist())
        self.assertEqual(self.text(IRIS, "-", stdin=objects.encode()), expected)

    def test_bytes_do_not_depend_on_threads(self):
        rows = self.flowers(FLOWERS * 700)
        one = self.text(IRIS, rows, "--threads", "1")
        self.assertEqual(len(one.splitlines()), 2100)
        for threads in (2, 5):
            self.assertEqual(self.text(IRIS, rows, "--threads", threads), one)
        table = self.text(IRIS, rows, "--importances", "--threads", "1")
        self.assertEqual(self.text(IRIS, rows, "--importances", "--threads", "3"), table)

    def test_saabas_adds_up_too_and_differs(self):
        rows = self.flowers()
        quick = self.array(IRIS, rows, "--method", "saabas")
        np.testing.assert_allclose(quick.sum(2), self.margins(IRIS, rows), rtol=0, atol=1e-12)
        exact = self.array(IRIS, rows)
        np.testing.assert_array_equal(quick[:, :, 4], exact[:, :, 4])
        self.assertGreater(np.abs(quick - exact).max(), 0.01)

    def test_importances(self):
        rows = self.flowers()
        means = np.abs(self.array(IRIS, rows)[:, :, :4]).mean(axis=0).sum(axis=0)
        table = [line.split(",") for line in
                 self.text(IRIS, rows, "--importances").decode().splitlines()]
        self.assertEqual(table[0],
                         ["feature", "mean_abs_contribution", "splits", "cover", "gain"])
        self.assertEqual([line[0] for line in table[1:]], FEATURES)
        np.testing.assert_allclose([float(line[1]) for line in table[1:]], means, rtol=1e-12)
        splits = [int(line[2]) for line in table[1:]]
        described = json.loads(subprocess.run([BINARY, "inspect", IRIS, "--json"], check=True,
                                              capture_output=True, timeout=SECONDS).stdout)
        self.assertEqual(sum(splits), described["n_nodes"])
        objects = [json.loads(line) for line in
                   self.text(IRIS, rows, "--importances", "--output-format", "ndjson").splitlines()]
        self.assertEqual([o["splits"] for o in objects], splits)
        self.assertEqual([o["cover"] for o in objects], [float(line[3]) for line in table[1:]])

    def test_refusals(self):
        rows = self.flowers()
        self.refusal(2, IRIS, rows, "--method", "lime")
        self.refusal(2, IRIS, rows, "--header")  # of ndjson
        self.refusal(2, IRIS, rows, "--out", "-", "--output-format", "npy")
        self.refusal(2, IRIS, rows, "--importances", "--out", self.folder / "x.npy")
        self.refusal(2, IRIS, rows, "--out", self.folder / "x.xyz")
        said = self.refusal(3, IRIS, self.flowers(FLOWERS + b"1,2,x,4\n", "bad.csv"))
        for part in ("bad.csv", "row 4", "p_length", "x"):
            self.assertIn(part, said)
        self.assertIn("p_length", self.refusal(3, IRIS, self.flowers(b"1,2,,4\n")))
        self.assertIn("leaf.cover", self.refusal(3, NO_COVERS, VECTORS / "ref_stumps/rows.npy"))
        self.assertIn("linear leaves", self.refusal(
            3, VECTORS / "ref_linear_leaves/model.safetensors",
            VECTORS / "ref_linear_leaves/rows.npy"))
        self.assertIn("nowhere", self.refusal(3, "/nowhere", rows))
        self.assertIn("no rows", self.refusal(3, IRIS, self.flowers(b"", "empty.csv"),
                                              "--importances"))
        self.assertEqual(list(self.folder.glob("*.partial")), [])


class Gains(Case):
    """Importances by gain are those of the library that trained the model."""

    def gains(self, model, rows):
        np.save(self.folder / "rows.npy", rows[:5])
        lines = self.text(model, self.folder / "rows.npy", "--importances", "--output-format",
                          "ndjson").splitlines()
        found = [json.loads(line)["gain"] for line in lines]
        return None if None in found else np.array(found)

    def pickled(self, model):
        path = self.folder / "model.pkl"
        path.write_bytes(pickle.dumps(model))
        return path

    def test_scikit_learn(self):
        wine = load_wine(return_X_y=True)
        diabetes = load_diabetes(return_X_y=True)
        for model, data in ((DecisionTreeClassifier(random_state=0), wine),
                            (RandomForestClassifier(12, random_state=0), wine),
                            (ExtraTreesRegressor(8, random_state=0), diabetes),
                            (GradientBoostingClassifier(n_estimators=6, random_state=0), wine),
                            (GradientBoostingRegressor(n_estimators=6, random_state=0), diabetes)):
            with self.subTest(type(model).__name__):
                model.fit(*data)
                ours = self.gains(self.pickled(model), data[0])
                np.testing.assert_allclose(ours / ours.sum(), model.feature_importances_,
                                           rtol=1e-12, atol=1e-15)
        model = make_pipeline(StandardScaler(), RandomForestClassifier(5, random_state=0)).fit(*wine)
        path = self.pickled(model)
        ours = self.gains(path, wine[0])
        np.testing.assert_allclose(ours / ours.sum(), model[-1].feature_importances_, rtol=1e-12)
        # The file of our own keeps them.
        out = self.folder / "model.safetensors"
        subprocess.run([BINARY, "import", path, "-o", out], check=True, timeout=SECONDS,
                       capture_output=True)
        np.testing.assert_array_equal(self.gains(out, wine[0]), ours)

    def test_hist_gradient_boosting(self):
        rows, labels = load_wine(return_X_y=True)
        model = HistGradientBoostingClassifier(max_iter=4).fit(rows, labels)
        right = np.zeros(rows.shape[1])
        for stage in model._predictors:  # pylint: disable=protected-access
            for tree in stage:
                for node in tree.nodes:
                    right[node["feature_idx"]] += 0 if node["is_leaf"] else node["gain"]
        np.testing.assert_allclose(self.gains(self.pickled(model), rows), right, rtol=1e-12)

    def test_xgboost(self):
        rows, labels = load_wine(return_X_y=True)
        booster = xgboost.train({"objective": "multi:softprob", "num_class": 3, "max_depth": 3},
                                xgboost.DMatrix(rows, labels), 6)
        score = booster.get_score(importance_type="total_gain")
        right = np.array([score.get(f"f{i}", 0) for i in range(rows.shape[1])])
        for name in ("model.json", "model.ubj"):
            booster.save_model(self.folder / name)
            ours = self.gains(self.folder / name, rows.astype(np.float32))
            np.testing.assert_allclose(ours, right, rtol=1e-5, atol=1e-6)

    def test_models_without_gains_have_none(self):
        rows, _ = load_wine(return_X_y=True)
        forest = IsolationForest(n_estimators=3, random_state=0).fit(rows)
        self.assertIsNone(self.gains(self.pickled(forest), rows))
        flowers = np.array([[5.1, 3.5, 1.4, 0.2]])
        self.assertIsNone(self.gains(IRIS, flowers))


class Xgboost(Case):
    """Against pred_contribs. XGBoost adds in float32, and its covers' quotients are of float32."""

    def compare(self, booster, rows, matrix=None, **options):
        path = self.folder / "model.json"
        booster.save_model(path)
        np.save(self.folder / "rows.npy", rows)
        method = "saabas" if options.get("approx_contribs") else "treeshap"
        ours = self.array(path, self.folder / "rows.npy", "--method", method)
        matrix = matrix if matrix is not None else xgboost.DMatrix(rows)
        theirs = booster.predict(matrix, pred_contribs=True, **options).reshape(ours.shape)
        size = np.abs(theirs).max(axis=2, keepdims=True)
        self.assertLess(np.max(np.abs(ours - theirs) / size), 1e-5)
        self.assertGreater(np.abs(ours[:, :, :-1]).max(), 0.01)
        # The sums are the engine's float32 margin, to the last bits of a double.
        margins = booster.predict(matrix, output_margin=True).reshape(ours.shape[:2])
        np.testing.assert_allclose(ours.sum(axis=2), margins, rtol=1e-9, atol=1e-12)

    @staticmethod
    def cancer():
        rows, labels = load_breast_cancer(return_X_y=True)
        rows = rows.astype(np.float32)
        rows[np.random.default_rng(7).random(rows.shape) < 0.2] = np.nan
        return rows, labels

    def test_classes_with_missing_values(self):
        rows, labels = self.cancer()
        for more in ({"max_depth": 6}, {"max_depth": 14, "min_child_weight": 0,
                                        "tree_method": "hist"},
                     {"booster": "dart", "rate_drop": 0.3, "max_depth": 4},
                     {"num_parallel_tree": 3, "subsample": 0.7, "max_depth": 5}):
            with self.subTest(**more):
                booster = xgboost.train({"objective": "binary:logistic", **more},
                                        xgboost.DMatrix(rows, labels), 20)
                self.compare(booster, rows[:60])

    def test_many_classes(self):
        rows, labels = load_digits(return_X_y=True)
        booster = xgboost.train({"objective": "multi:softprob", "num_class": 10, "max_depth": 6},
                                xgboost.DMatrix(rows, labels), 8)
        self.compare(booster, rows[:60].astype(np.float32))

    def test_numbers_and_both_methods(self):
        rows, values = load_diabetes(return_X_y=True)
        matrix = xgboost.DMatrix(rows, values)
        for more in ({"objective": "reg:squarederror", "max_depth": 10},
                     {"objective": "count:poisson", "max_depth": 5}):
            with self.subTest(**more):
                booster = xgboost.train(more, matrix, 40)
                self.compare(booster, rows[:60].astype(np.float32))
                self.compare(booster, rows[:60].astype(np.float32), approx_contribs=True)

    def test_a_linear_booster(self):
        rows, values = load_diabetes(return_X_y=True)
        booster = xgboost.train({"objective": "reg:squarederror", "booster": "gblinear"},
                                xgboost.DMatrix(rows, values), 10)
        self.compare(booster, rows[:60].astype(np.float32))

    def test_several_targets(self):
        rows, values = load_linnerud(return_X_y=True)
        booster = xgboost.train({"objective": "reg:squarederror", "max_depth": 3},
                                xgboost.DMatrix(rows, values), 12)
        self.compare(booster, rows.astype(np.float32))

    def test_categories(self):
        dice = np.random.default_rng(3)
        n = 1500
        frame = pd.DataFrame({"a": dice.normal(size=n),
                              "c": pd.Categorical(dice.integers(0, 12, n)),
                              "b": dice.normal(size=n),
                              "d": pd.Categorical(dice.integers(0, 3, n))})
        values = frame.a + np.isin(frame.c, [1, 3, 8]) * frame.b + (frame.d == 1) * 2
        matrix = xgboost.DMatrix(frame, values, enable_categorical=True)
        booster = xgboost.train({"tree_method": "hist", "max_depth": 7, "max_cat_to_onehot": 4},
                                matrix, 30)
        rows = np.column_stack([frame.a, frame.c.astype(int), frame.b, frame.d.astype(int)])
        self.compare(booster, rows[:80].astype(np.float32),
                     xgboost.DMatrix(frame.iloc[:80], enable_categorical=True))


class Loopback(Case):
    """The service says the bits of the command line."""

    def test_explain_names_what_the_command_line_writes(self):
        parts = self.array(IRIS, self.flowers())
        rows = [[float(x) for x in line.split(b",")] for line in FLOWERS.split()]
        with Service() as service:
            answer = service.ask("POST", "/explain", JSON, json.dumps(rows).encode())
            self.assertEqual((answer.status, answer.type), (200, "application/json"))
            self.assertEqual(answer.fields["cache-control"], "no-store")
            said = json.loads(answer.body)["explanations"]
            self.assertEqual([[[*m["contributions"].values(), m["base"]] for m in row["margins"]]
                              for row in said], parts.tolist())
            quick = service.ask("POST", "/explain?method=saabas", JSON, json.dumps(rows[0]).encode())
            line = self.text(IRIS, self.flowers(), "--method", "saabas").splitlines()[0]
            self.assertEqual(json.loads(quick.body)["margins"], json.loads(line)["margins"])
            metrics = service.ask("GET", "/metrics").body.decode()
            self.assertRegex(metrics, r'model_explanations_total\{.*method="treeshap"\} 3\n')
            self.assertIn('http_route="/explain"', metrics)

    def test_too_many_rows_are_refused_at_once(self):
        rows = b"[" + b",".join([b"[5.1,3.5,1.4,0.2]"] * 80000) + b"]"
        with Service() as service:
            answer = service.ask("POST", "/explain", JSON, rows)
            self.assertEqual(answer.status, 413)
            said = json.loads(answer.body)["detail"]
            self.assertRegex(said, r"\A80000 rows are too many .* send at most \d+ rows")
            most = int(said.split("at most ")[1].split()[0])
            self.assertGreater(most, 100)
            infer = {"inputs": [{"name": "input-0", "datatype": "FP64", "shape": [most + 1, 4],
                                 "data": [5.1, 3.5, 1.4, 0.2] * (most + 1)}],
                     "outputs": [{"name": "explain"}]}
            refused = service.ask("POST", "/v2/models/iris/infer", JSON, json.dumps(infer).encode())
            self.assertEqual(refused.status, 413)
            self.assertIn(f"at most {most} rows", json.loads(refused.body)["error"])

    def test_every_vector_by_binary_tensors(self):
        names = json.loads((VECTORS / "index.json").read_text())
        n_explained = 0
        models = [f"{name}={VECTORS / name / 'model.safetensors'}" for name in names]
        with Service(models=models) as service:
            for name in names:
                with self.subTest(name):
                    n_explained += self.same_bits(service, name)
        self.assertGreater(n_explained, 50)

    def same_bits(self, service, name):
        metadata = json.loads(service.ask("GET", f"/v2/models/{name}").body)
        outputs = {output["name"]: output["shape"] for output in metadata["outputs"]}
        model, rows = VECTORS / name / "model.safetensors", VECTORS / name / "rows.npy"
        if "explain" not in outputs:
            self.assertIn("copse: ", self.refusal(3, model, rows))
            return False
        ours = self.array(model, rows)
        self.assertEqual(outputs["explain"], [-1, *ours.shape[1:]])
        data = np.load(rows)[:40].astype("<f8")
        head = json.dumps({
            "inputs": [{"name": "input-0", "shape": list(data.shape), "datatype": "FP64",
                        "parameters": {"binary_data_size": data.nbytes}}],
            "outputs": [{"name": "explain", "parameters": {"binary_data": True}}]}).encode()
        answer = service.ask("POST", f"/v2/models/{name}/infer",
                             [("Inference-Header-Content-Length", str(len(head)))],
                             head + data.tobytes())
        self.assertEqual(answer.status, 200, answer)
        length = int(answer.fields["inference-header-content-length"])
        output = json.loads(answer.body[:length])["outputs"][0]
        self.assertEqual(output["shape"], [len(data), *ours.shape[1:]])
        self.assertEqual(answer.body[length:], ours[:40].astype("<f8").tobytes())
        return True


if __name__ == "__main__":
    unittest.main()
