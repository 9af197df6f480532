"""NVIDIA's tritonclient.http, as its users run it, against the real binary.

It is no package of Debian or npm: where it cannot be imported, nothing is tested. PYTHONPATH may name
a folder that has it, COPSE_BIN the binary (default: build/bin/copse).
"""

import json
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import numpy as np

from service import BINARY, DEADLINE_S, IRIS, ROOT, Service

try:
    import tritonclient.http as triton
except (ImportError, RuntimeError):  # the second: it is there, and geventhttpclient is not
    triton = None

VECTORS = ROOT / "tests/vectors"
NAMES = ("ref_category_known", "hgb_wine_nan", "rf_multioutput_str", "rf_diabetes",
         "xgb_iris_softprob")
FLOWERS = np.array([[5.1, 3.5, 1.4, 0.2], [7.2, 3.6, 6.1, 2.5]])
# Outputs of the protocol, and what the command line calls the same numbers.
SAME = {"predict_proba": "proba", "margin": "margin", "leaf": "leaf"}


def given(array, name="input-0", binary=True):
    array = np.asarray(array)
    tensor = triton.InferInput(name, list(array.shape), triton.np_to_triton_dtype(array.dtype))
    tensor.set_data_from_numpy(array, binary_data=binary)
    return tensor


def wanted(*names, **how):
    return [triton.InferRequestedOutput(name, **how) for name in names]


def model_of(name):
    return str(VECTORS / name / "model.safetensors")


def rows_of(name):
    folder = VECTORS / name
    return folder / json.loads((folder / "case.json").read_text())["rows"]


def predicted(model, rows, kind):
    """What `copse predict` says of the rows of a file."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "out.npy")
        subprocess.run([BINARY, "predict", "--model", model, "--input", rows, "--output", kind,
                        "--out", out], check=True, timeout=DEADLINE_S, capture_output=True)
        return np.load(out)


class TritonCase(unittest.TestCase):
    def connect(self, service, **how):
        client = triton.InferenceServerClient(f"127.0.0.1:{service.port}", **how)
        self.addCleanup(client.close)
        return client

    def refused(self, status, parts, ask, *arguments, **more):
        """The client has understood the error: its sentence has all of the parts."""
        with self.assertRaises(triton.InferenceServerException) as caught:
            ask(*arguments, **more)
        self.assertEqual(caught.exception.status(), str(status), caught.exception)
        self.assertIsNone(caught.exception.debug_details(), "that is what could not be read")
        for part in parts:
            self.assertIn(part, caught.exception.message())

    def same_bits(self, got, expected, what):
        self.assertEqual(got.size, expected.size, what)
        got, expected = (np.ascontiguousarray(x.reshape(-1)) for x in (got, expected))
        if expected.dtype.kind == "f":
            # A float is the same number as a double; a NaN is a NaN.
            got, expected = got.astype("<f8"), expected.astype("<f8")
            missing = np.isnan(got) & np.isnan(expected)
            np.testing.assert_array_equal(got.view("<u8")[~missing],
                                          expected.view("<u8")[~missing], what)
        else:
            np.testing.assert_array_equal(got, expected, what)


class Inference(TritonCase):
    @classmethod
    def setUpClass(cls):
        models = [IRIS, *(f"{name}={model_of(name)}" for name in NAMES)]
        cls.service = cls.enterClassContext(Service(models=models))

    def setUp(self):
        self.client = self.connect(self.service)

    def infer(self, *arguments, model="iris", **more):
        return self.client.infer(model, *arguments, **more)

    def test_health_and_metadata(self):
        self.assertIs(self.client.is_server_live(), True)
        self.assertIs(self.client.is_server_ready(), True)
        self.assertIs(self.client.is_model_ready("iris"), True)
        self.assertIs(self.client.is_model_ready("nobody"), False)
        server = self.client.get_server_metadata()
        self.assertEqual(server["name"], "copse")
        for extension in ("binary_tensor_data", "classification", "model_repository", "statistics"):
            self.assertIn(extension, server["extensions"])
        meta = self.client.get_model_metadata("iris")
        self.assertEqual((meta["name"], meta["platform"]), ("iris", "copse"))
        self.assertEqual(meta["inputs"],
                         [{"name": "input-0", "datatype": "FP64", "shape": [-1, 4]}])
        for version in meta["versions"]:
            self.assertIs(self.client.is_model_ready("iris", version), True)
            self.assertEqual(self.client.get_model_metadata("iris", version), meta)
            result = self.infer([given(FLOWERS)], model_version=version)
            self.assertEqual(result.get_response()["model_version"], version)
        # A model's configuration is Triton's own, and no part of the protocol.
        self.refused(404, ["/v2/models/iris/config"], self.client.get_model_config, "iris")

    def test_what_the_metadata_says_is_what_is_answered(self):
        for name in ("iris", *NAMES):
            meta = self.client.get_model_metadata(name)
            rows = FLOWERS if name == "iris" else np.load(rows_of(name))[:2].astype("<f8")
            outputs = wanted(*(o["name"] for o in meta["outputs"]))
            result = self.infer([given(rows)], model=name, outputs=outputs)
            for output in meta["outputs"]:
                answered = result.get_output(output["name"])
                self.assertEqual(answered["datatype"], output["datatype"], output)
                self.assertEqual(answered["shape"], [2, *output["shape"][1:]], output)
                array = result.as_numpy(output["name"])
                self.assertEqual(list(array.shape), answered["shape"])
                self.assertEqual(array.dtype, triton.triton_to_np_dtype(output["datatype"]))

    def test_inputs_and_outputs_are_json_or_binary(self):
        names = ("predict", "predict_label", "predict_proba", "margin", "leaf")
        first = self.infer([given(FLOWERS)], outputs=wanted(*names))
        self.assertEqual(first.as_numpy("predict").tolist(), [[0], [2]])
        self.assertEqual(first.as_numpy("predict_label").tolist(), [[b"setosa"], [b"virginica"]])
        for binary_in in (True, False):
            for binary_out in (True, False):
                result = self.infer([given(FLOWERS, binary=binary_in)],
                                    outputs=wanted(*names, binary_data=binary_out))
                for name in names:
                    self.assertEqual("data" in result.get_output(name), not binary_out, name)
                    array = result.as_numpy(name)
                    if name == "predict_label" and not binary_out:  # JSON has texts, not bytes
                        array = np.vectorize(str.encode, otypes=[object])(array)
                    self.same_bits(array, first.as_numpy(name), name)

    def test_each_output_decides_for_itself(self):
        result = self.infer([given(FLOWERS)], outputs=[
            *wanted("leaf", binary_data=False), *wanted("predict_proba"),
            *wanted("predict_label", binary_data=False), *wanted("margin")])
        self.assertEqual([o["name"] for o in result.get_response()["outputs"]],
                         ["leaf", "predict_proba", "predict_label", "margin"])
        self.assertEqual(["data" in o for o in result.get_response()["outputs"]],
                         [True, False, True, False])
        margin, proba = (result.as_numpy(name) for name in ("margin", "predict_proba"))
        self.same_bits(margin, proba, "the mean of these trees is both")
        self.assertEqual(result.as_numpy("predict_label").tolist(), [["setosa"], ["virginica"]])
        self.assertIsNone(result.as_numpy("explain"), "nobody asked for it")

    def test_without_outputs_all_that_is_usual_is_binary(self):
        result = self.infer([given(FLOWERS)])
        for output in result.get_response()["outputs"]:
            self.assertIn("binary_data_size", output["parameters"])
        self.assertEqual(result.as_numpy("predict").tolist(), [[0], [2]])
        self.assertEqual(result.as_numpy("predict_proba").shape, (2, 3))

    def test_every_type_of_number(self):
        for kind in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"):
            rows = np.array([[5, 3, 1, 0], [7, 3, 6, 2]], kind)
            for binary in (True,) if kind == "f2" else (True, False):
                result = self.infer([given(rows, binary=binary)])
                self.assertEqual(result.as_numpy("predict").tolist(), [[0], [2]], (kind, binary))
        self.refused(400, ["FP16"], self.infer, [given(FLOWERS.astype("f2"), binary=False)])

    def test_one_input_for_each_feature(self):
        features = ("s_length", "s_width", "p_length", "p_width")
        for binary in ((True,) * 4, (False,) * 4, (True, False, True, False)):
            columns = [given(FLOWERS[:, i], name, binary[i]) for i, name in enumerate(features)]
            result = self.infer(columns)
            self.assertEqual(result.as_numpy("predict").tolist(), [[0], [2]])

    def test_categories_are_texts_or_codes(self):
        name = "ref_category_known"
        features = json.loads(self.client.get_model_metadata(name)["properties"]["features"])
        rows = np.load(rows_of(name))
        rows = rows[(rows[:, 1] >= 0) & (rows[:, 1] < 70) & (rows[:, 1] % 1 == 0)][:40]
        self.assertGreater(len(rows), 9)
        expected = self.infer([given(rows)], model=name, outputs=wanted("margin"))
        for binary in (True, False):
            for text in (str, lambda text: text.encode()):
                columns = [given(rows[:, i], feature, binary) for i, feature in enumerate(features)]
                shades = np.array([text(f"shade {int(x)}") for x in rows[:, 1]], object)
                columns[1] = given(shades, "colour", binary)
                result = self.infer(columns, model=name, outputs=wanted("margin"))
                self.same_bits(result.as_numpy("margin"), expected.as_numpy("margin"), "by name")
        columns[1] = given(np.array(["mauve"] * len(rows), object), "colour")
        self.refused(400, ["row 1", "colour", "mauve"], self.infer, columns, model=name)

    def test_missing_numbers(self):
        name = "hgb_wine_nan"
        rows = np.load(rows_of(name)).astype("<f8")
        rows = rows[np.isnan(rows).any(axis=1)][:9]
        self.assertGreater(len(rows), 0)
        self.infer([given(rows)], model=name)
        self.refused(400, ["null"], self.infer, [given(rows, binary=False)], model=name)
        holes = np.where(FLOWERS == 3.5, np.nan, FLOWERS)
        self.refused(400, ["row 1", "s_width"], self.infer, [given(holes)])

    def logged_lengths(self, ids):
        """How long the answers were, by the access log, which is written when they have gone."""
        end = time.monotonic() + DEADLINE_S
        while time.monotonic() < end:
            lines = self.service.stdout().split("\n")[:-1]
            lengths = {line["request_id"]: line["bytes"] for line in map(json.loads, lines)}
            if lengths.keys() >= set(ids):
                return lengths
            time.sleep(0.01)
        raise AssertionError(f"not all of {ids} are in the access log")

    def test_compression_both_ways(self):
        rows = np.repeat(FLOWERS, 300, axis=0)
        names = ("predict", "predict_label", "predict_proba")
        plain = self.infer([given(rows)], outputs=wanted(*names))
        proba = plain.as_numpy("predict_proba")
        codings = (None, "gzip", "deflate")
        for there in codings:
            for back in codings:
                for binary in (True, False):
                    result = self.infer(
                        [given(rows, binary=binary)], outputs=wanted(*names),
                        request_compression_algorithm=there, response_compression_algorithm=back,
                        headers={"X-Request-ID": f"{there}-{back}"})
                    for name in names:
                        self.same_bits(result.as_numpy(name), plain.as_numpy(name), name)
        lengths = self.logged_lengths([f"{a}-{b}" for a in codings for b in codings])
        for there in codings:
            for back in codings[1:]:
                self.assertLess(lengths[f"{there}-{back}"], lengths[f"{there}-None"] / 10)
        # JSON alone, which has no length of its own.
        for coding in codings[1:]:
            result = self.infer(
                [given(rows, binary=False)], outputs=wanted(*names, binary_data=False),
                request_compression_algorithm=coding, response_compression_algorithm=coding)
            self.same_bits(result.as_numpy("predict_proba"), proba, coding)

    def test_classification(self):
        proba = self.infer([given(FLOWERS)]).as_numpy("predict_proba")
        for binary in (True, False):
            result = self.infer([given(FLOWERS)],
                                outputs=wanted("predict_proba", class_count=2, binary_data=binary))
            self.assertEqual(result.get_output("predict_proba")["datatype"], "BYTES")
            best = result.as_numpy("predict_proba")
            self.assertEqual(best.shape, (2, 2))
            for i, texts in enumerate(best):
                texts = [x.decode() if binary else x for x in texts]
                values, indices, _ = zip(*(text.split(":") for text in texts))
                self.assertEqual([proba[i][int(k)] for k in indices], [float(v) for v in values])
                self.assertEqual(float(values[0]), proba[i].max())
                self.assertEqual(texts[0].split(":")[2], ("setosa", "virginica")[i])
        self.refused(400, ["classification"], self.infer, [given(FLOWERS)],
                     outputs=wanted("leaf", class_count=1))

    def test_the_request_id_comes_back(self):
        for request_id in ("1", "a-b_c.d", "a \u00e9 \u4e2d \U0001f332 \" \\ / \n", "x" * 200):
            result = self.infer([given(FLOWERS)], request_id=request_id)
            self.assertEqual(result.get_response()["id"], request_id)
        self.assertNotIn("id", self.infer([given(FLOWERS)]).get_response())

    def test_parameters_that_mean_nothing_here_hurt_nobody(self):
        result = self.infer([given(FLOWERS)], timeout=1_000_000, priority=2, sequence_id=7,
                            sequence_start=True, parameters={"mine": "yes", "n": 3, "b": True})
        self.assertEqual(result.as_numpy("predict").tolist(), [[0], [2]])
        result = self.infer([given(FLOWERS)], query_params={"a": "b c", "d": [1, 2]})
        self.assertEqual(result.as_numpy("predict").tolist(), [[0], [2]])

    def test_errors_are_sentences(self):
        rows, ask = given(FLOWERS), self.client.infer
        self.refused(404, ['"nobody"'], ask, "nobody", [rows])
        self.refused(404, ['"a b%2Fc"'], ask, "a b%2Fc", [rows])
        self.refused(404, ["iris", '"7"'], ask, "iris", [rows], model_version="7")
        self.refused(404, ['"nobody"'], self.client.get_model_metadata, "nobody")
        self.refused(404, ['"nobody"'], self.client.get_inference_statistics, "nobody")
        self.refused(400, ["input-1"], ask, "iris", [given(FLOWERS, "input-1")])
        self.refused(400, ["predict_prob"], ask, "iris", [rows], outputs=wanted("predict_prob"))
        self.refused(400, ["twice"], ask, "iris", [rows, rows])
        self.refused(400, ["4"], ask, "iris", [given(FLOWERS[:, :3])])
        self.refused(400, ["s_length", "long"], ask, "iris",
                     [given(np.array([["long", "2", "3", "4"]], object))])
        self.refused(400, ["input"], ask, "iris", [])
        untold = triton.InferInput("input-0", [1, 4], "FP64")  # no data has been set
        self.refused(400, ["input-0"], ask, "iris", [untold])
        self.assertEqual(ask("iris", [rows]).as_numpy("predict").tolist(), [[0], [2]])

    def test_asynchronous_requests(self):
        client = self.connect(self.service, concurrency=4)
        asked = []
        for i in range(40):
            model, row = ("iris", FLOWERS[i % 2:i % 2 + 1]) if i % 5 else ("nobody", FLOWERS)
            coding = (None, "gzip", "deflate")[i % 3]
            asked.append(client.async_infer(model, [given(row, binary=i % 4 > 0)],
                                            request_id=f"request {i}",
                                            request_compression_algorithm=coding))
        for i, request in enumerate(asked):
            if i % 5 == 0:
                self.refused(404, ['"nobody"'], request.get_result, timeout=DEADLINE_S)
                continue
            result = request.get_result(timeout=DEADLINE_S)
            self.assertEqual(result.get_response()["id"], f"request {i}")
            self.assertEqual(result.as_numpy("predict").tolist(), [[2 * (i % 2)]])

    def test_many_requests_give_the_bits_of_the_command_line(self):
        for name in NAMES:
            kinds = {o["name"] for o in self.client.get_model_metadata(name)["outputs"]}
            asked = {n: kind for n, kind in SAME.items() if n in kinds}
            if "predict_label" not in kinds:
                asked["predict"] = "predict"
            rows = np.load(rows_of(name)).astype("<f8")
            expected = {n: predicted(model_of(name), rows_of(name), kind).reshape(len(rows), -1)
                        for n, kind in asked.items()}
            for i in range(min(len(rows), 150)):
                result = self.infer([given(rows[i:i + 1])], model=name, outputs=wanted(*asked))
                for output in asked:
                    self.same_bits(result.as_numpy(output), expected[output][i], (name, output, i))
            result = self.infer([given(rows)], model=name, outputs=wanted(*asked))
            for output in asked:
                self.same_bits(result.as_numpy(output), expected[output], (name, output))


class Operation(TritonCase):
    """What changes the service: each has one of its own."""

    def test_models_are_unloaded_and_loaded(self):
        with Service(models=[IRIS, f"wine={model_of('hgb_wine_nan')}"], log=False) as service:
            client = self.connect(service)

            def states():
                return {m["name"]: m["state"] for m in client.get_model_repository_index()}
            self.assertEqual(states(), {"iris": "READY", "wine": "READY"})
            client.unload_model("iris")
            self.assertEqual(states(), {"iris": "UNAVAILABLE", "wine": "READY"})
            self.assertIs(client.is_model_ready("iris"), False)
            self.assertIs(client.is_server_ready(), True)
            self.refused(503, ['"iris"', "unloaded"], client.infer, "iris", [given(FLOWERS)])
            client.unload_model("wine", unload_dependents=True)
            self.assertIs(client.is_server_ready(), False)
            self.assertIs(client.is_server_live(), True)
            client.load_model("iris")
            self.assertEqual(states(), {"iris": "READY", "wine": "UNAVAILABLE"})
            self.assertIs(client.is_server_ready(), True)
            result = client.infer("iris", [given(FLOWERS)])
            self.assertEqual(result.as_numpy("predict").tolist(), [[0], [2]])
            self.refused(404, ['"nobody"'], client.load_model, "nobody")
            self.refused(404, ['"nobody"'], client.unload_model, "nobody")
            self.refused(400, ["config"], client.load_model, "iris", config="{}")

    def test_tokens_are_headers(self):
        with Service("--auth-token", "readers-only", "--control-token", "operators-only",
                     log=False) as service:
            client = self.connect(service)
            reader, operator = ({"Authorization": f"Bearer {token}-only"}
                                for token in ("readers", "operators"))
            rows = [given(FLOWERS)]
            self.assertIs(client.is_server_ready(), True)
            self.refused(401, ["Authorization"], client.infer, "iris", rows)
            self.refused(401, ["Authorization"], client.unload_model, "iris", headers=dict(reader))
            client.unload_model("iris", headers=dict(operator))
            client.load_model("iris", headers=dict(operator))
            result = client.infer("iris", rows, headers=dict(reader))
            self.assertEqual(result.as_numpy("predict").tolist(), [[0], [2]])

    def test_statistics(self):
        with Service(models=[IRIS, f"wine={model_of('hgb_wine_nan')}"], log=False) as service:
            client = self.connect(service)
            for _ in range(3):
                client.infer("iris", [given(FLOWERS)])
            client.infer("iris", [given(FLOWERS[:1])])
            self.refused(400, ["input-1"], client.infer, "iris", [given(FLOWERS, "input-1")])
            (stats,) = client.get_inference_statistics("iris")["model_stats"]
            self.assertEqual((stats["inference_count"], stats["execution_count"]), (7, 4))
            done = stats["inference_stats"]
            self.assertEqual((done["success"]["count"], done["fail"]["count"]), (4, 1))
            self.assertGreater(done["compute_infer"]["ns"], 0)
            self.assertGreater(stats["last_inference"], 0)
            of_version = client.get_inference_statistics("iris", stats["version"])
            self.assertEqual(of_version["model_stats"][0]["inference_count"], 7)
            counts = {s["name"]: s["inference_count"]
                      for s in client.get_inference_statistics()["model_stats"]}
            self.assertEqual(counts, {"iris": 7, "wine": 0})


class Absent(unittest.TestCase):
    def test_it_cannot_be_imported(self):
        print("SKIP: tritonclient.http is not there; PYTHONPATH may name a folder that has it",
              file=sys.stderr)
        self.skipTest("tritonclient.http is not there")


def load_tests(loader, tests, _):
    cases = (Absent,) if triton is None else (Inference, Operation)
    return unittest.TestSuite(map(loader.loadTestsFromTestCase, cases))


if __name__ == "__main__":
    unittest.main()
