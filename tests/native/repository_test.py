"""Models that are loaded and unloaded by their names, and what is told of their inputs: the real
binary, real files."""

import json
import os
import shutil
import tempfile
import unittest
from pathlib import Path

from service import IRIS, ROOT, Service

VECTORS = ROOT / "tests/vectors"
OTHER = VECTORS / "gb_iris/model.safetensors"
QUERY = "/predict?s_length={}&s_width=3.5&p_length=1.4&p_width=0.2"
TOKEN = [("Authorization", "Bearer operators-only")]


class Repository(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="copse-repository-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        shutil.copyfile(IRIS, self.folder / "iris.safetensors")
        shutil.copyfile(OTHER, self.folder / "other.safetensors")

    def served(self, *arguments, models=()):
        service = Service("--models", str(self.folder), "--reload-interval", "0", *arguments,
                          models=models, log=False)
        self.addCleanup(service.__exit__)
        return service

    def control(self, service, name, what, body=b"", fields=()):
        return service.ask("POST", f"/v2/repository/models/{name}/{what}", list(fields), body)

    def states(self, service, body=b""):
        answer = service.ask("POST", "/v2/repository/index", [], body)
        return {entry["name"]: entry for entry in json.loads(answer.body)}

    def refused(self, answer, status, part):
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.type, "application/json")
        self.assertIn(part, json.loads(answer.body)["error"])

    def test_a_model_is_unloaded_and_loaded_again(self):
        service = self.served()
        self.assertEqual({n: e["state"] for n, e in self.states(service).items()},
                         {"iris": "READY", "other": "READY"})
        answer = self.control(service, "other", "unload", b"{}")
        self.assertEqual((answer.status, json.loads(answer.body)),
                         (200, {"name": "other", "unload": True}))
        entry = self.states(service)["other"]
        self.assertEqual((entry["state"], entry["reason"]), ("UNAVAILABLE", "It was unloaded."))
        self.assertNotIn("other", self.states(service, b'{"ready":true}'))
        for method, path, body in (("GET", "/v2/models/other/ready", b""),
                                   ("GET", "/v2/models/other", b""),
                                   ("POST", "/v2/models/other/infer", b"{}"),
                                   ("POST", "/v1/models/other:predict", b"{}")):
            answer = service.ask(method, path, [], body)
            self.refused(answer, 503, 'Model "other" is not ready. It was unloaded.')
            self.assertEqual(answer.fields["retry-after"], "1")
        answer = service.ask("GET", "/models/other.safetensors")
        self.assertEqual((answer.status, answer.type), (503, "application/problem+json"))
        self.assertEqual(service.ask("GET", "/v2/models/iris/ready").status, 200)
        answer = self.control(service, "other", "load")
        self.assertEqual((answer.status, json.loads(answer.body)),
                         (200, {"name": "other", "load": True}))
        self.assertEqual(self.states(service)["other"]["state"], "READY")
        self.assertEqual(service.ask("GET", "/v2/models/other/ready").status, 200)

    def test_unloaded_it_stays_whatever_becomes_of_its_file(self):
        service = Service("--models", str(self.folder), "--reload-interval", "0.02", models=[],
                          log=False)
        self.addCleanup(service.__exit__)
        self.control(service, "iris", "unload")
        shutil.copyfile(OTHER, self.folder / "iris.safetensors")
        shutil.copyfile(IRIS, self.folder / "third.safetensors")
        for _ in range(2000):
            if "third" in self.states(service):
                break
        self.assertEqual(self.states(service)["third"]["state"], "READY")
        self.assertEqual(self.states(service)["iris"]["state"], "UNAVAILABLE")

    def test_versions_of_a_model_stand_side_by_side(self):
        def put(version, source, name="model.safetensors"):
            folder = self.folder / "flowers" / version
            folder.mkdir(parents=True)
            shutil.copyfile(source, folder / name)
        put("2", IRIS)
        put("10", OTHER)
        put("3", IRIS, "flowers.safetensors")
        (self.folder / "flowers" / "4").mkdir()
        (self.folder / "empty").mkdir()
        service = self.served()
        meta = json.loads(service.ask("GET", "/v2/models/flowers").body)
        self.assertEqual(meta["versions"], ["10", "3", "2"])
        self.assertEqual(json.loads(meta["properties"]["features"])[0], "x0", "the highest answers")
        old = json.loads(service.ask("GET", "/v2/models/flowers/versions/2").body)
        self.assertEqual(json.loads(old["properties"]["features"])[0], "s_length")
        row = b'{"inputs":[{"name":"input-0","shape":[1,4],"datatype":"FP64","data":[5,3,1,0]}]}'
        for path, version in (("", "10"), ("/versions/2", "2"), ("/versions/10", "10")):
            answer = service.ask("POST", f"/v2/models/flowers{path}/infer", [], row)
            self.assertEqual(json.loads(answer.body)["model_version"], version)
        self.refused(service.ask("GET", "/v2/models/flowers/versions/4"), 404, '"10", "3", "2"')
        names = json.loads(service.ask("GET", "/v2/models").body)["models"]
        self.assertEqual(names, ["iris", "other", "flowers"])
        listed = {m["name"]: m["version"] for m in
                  json.loads(service.ask("GET", "/models").body)["models"]}
        self.assertEqual(listed["flowers"], "10")
        index = json.loads(service.ask("POST", "/v2/repository/index").body)
        self.assertEqual([e["version"] for e in index if e["name"] == "flowers"], ["10", "3", "2"])
        put("11", IRIS)
        self.assertEqual(self.control(service, "flowers", "load").status, 200)
        meta = json.loads(service.ask("GET", "/v2/models/flowers").body)
        self.assertEqual(meta["versions"], ["11", "10", "3", "2"])
        self.control(service, "flowers", "unload")
        self.assertEqual(service.ask("GET", "/v2/models/flowers/versions/2").status, 503)
        self.assertIn("flowers/4: one model file was expected", service.stderr())
        self.assertIn("empty: a folder", service.stderr())
        service.terminate()

    def test_versions_that_cannot_be_read_for_a_moment_stay(self):
        for version in ("1", "2"):
            folder = self.folder / "flowers" / version
            folder.mkdir(parents=True)
            shutil.copyfile(IRIS, folder / "model.safetensors")
        locked = self.folder / "locked"
        locked.mkdir(mode=0)
        # Whoever is root may read everything, unless these rights are taken away.
        rights = "-dac_override,-dac_read_search"
        through = ("setpriv", "--bounding-set", rights) if os.geteuid() == 0 else ()
        service = Service("--models", str(self.folder), "--reload-interval", "0", models=(),
                          log=False, through=through)
        self.addCleanup(service.__exit__)
        self.assertIn(f"not served: {locked}: Permission denied", service.stderr())
        names = ["iris", "other", "flowers"]
        for folder, mode in ((self.folder / "flowers", 0), (self.folder / "flowers/2", 0),
                             (self.folder / "flowers", 0o444), (self.folder, 0o444),
                             (self.folder, 0)):
            with self.subTest(folder=folder, mode=mode):
                folder.chmod(mode)
                answer = self.control(service, "flowers", "load")
                folder.chmod(0o755)
                self.refused(answer, 400, "Permission denied")
                self.assertEqual(json.loads(service.ask("GET", "/v2/models").body)["models"], names)
                meta = json.loads(service.ask("GET", "/v2/models/flowers").body)
                self.assertEqual(meta["versions"], ["2", "1"])
                self.assertEqual(self.control(service, "flowers", "load").status, 200)
        self.assertIn("flowers: Permission denied; what is served from it stays", service.stderr())
        self.assertNotIn("served no more", service.stderr())
        self.folder.chmod(0)
        self.assertEqual(self.control(service, "other", "unload").status, 200)
        self.assertEqual(json.loads(service.ask("GET", "/v2/models").body)["models"],
                         ["iris", "flowers"], "what is unloaded does not stay")
        self.folder.chmod(0o755)
        self.assertEqual(self.control(service, "other", "load").status, 200)
        self.assertNotIn("is loaded", service.stderr())
        shutil.rmtree(self.folder / "flowers/2")
        self.assertEqual(self.control(service, "flowers", "load").status, 200)
        meta = json.loads(service.ask("GET", "/v2/models/flowers").body)
        self.assertEqual(meta["versions"], ["1"], "a folder that is gone is gone")

    def test_without_any_model_the_service_is_not_ready(self):
        service = self.served()
        for name in ("iris", "other"):
            self.assertEqual(self.control(service, name, "unload").status, 200)
        for path in ("/readyz", "/v2/health/ready", QUERY.format(5)):
            answer = service.ask("GET", path)
            self.assertEqual(answer.status, 503, path)
            self.assertIn("retry-after", answer.fields, path)
        self.control(service, "iris", "load")
        self.assertEqual(service.ask("GET", "/readyz").status, 200)
        self.assertEqual(service.ask("GET", QUERY.format(5.1)).body, b"[0]")

    def test_a_named_model_is_unloaded_and_loaded_again(self):
        service = self.served(models=[f"mine={IRIS}"])
        self.assertEqual(service.ask("GET", QUERY.format(5.1)).body, b"[0]")
        self.control(service, "mine", "unload")
        models = json.loads(service.ask("GET", "/models").body)["models"]
        self.assertEqual([model["name"] for model in models], ["iris", "other"])
        self.control(service, "mine", "load")
        models = json.loads(service.ask("GET", "/models").body)["models"]
        self.assertEqual([model["name"] for model in models], ["mine", "iris", "other"])

    def test_loading_looks_at_the_file_at_once(self):
        service = self.served()
        before = self.states(service)["iris"]["version"]
        shutil.copyfile(OTHER, self.folder / "iris.safetensors")
        self.assertEqual(self.states(service)["iris"]["version"], before, "nobody told it")
        self.assertEqual(self.control(service, "iris", "load").status, 200)
        self.assertNotEqual(self.states(service)["iris"]["version"], before)
        shutil.copyfile(IRIS, self.folder / "new.safetensors")
        self.assertEqual(self.control(service, "new", "load").status, 200)
        self.assertEqual(self.states(service)["new"]["state"], "READY")

    def test_what_cannot_be_loaded_is_said_and_what_was_there_stays(self):
        service = self.served()
        good = self.states(service)["iris"]
        (self.folder / "iris.safetensors").write_bytes(b"\x01")
        (self.folder / "broken.safetensors").write_bytes(b"\x01")
        self.refused(self.control(service, "iris", "load"), 400, "iris.safetensors")
        self.assertEqual(self.states(service)["iris"], good)
        self.refused(self.control(service, "broken", "load"), 400, "broken.safetensors")
        self.assertEqual(self.states(service)["broken"]["state"], "UNAVAILABLE")
        self.assertIn("broken.safetensors", self.states(service)["broken"]["reason"])
        for what in ("load", "unload"):
            self.refused(self.control(service, "nobody", what), 404, "nobody")
        self.assertEqual(self.control(service, "nobody%2f..", "load").status, 404)

    def test_bodies_that_ask_for_more_are_refused(self):
        service = self.served()
        for body in (b"", b"{}", b'{"parameters":{}}'):
            self.assertEqual(self.control(service, "iris", "load", body).status, 200, body)
        body = b'{"parameters":{"unload_dependents":false}}'
        self.assertEqual(self.control(service, "iris", "unload", body).status, 200)
        self.refused(self.control(service, "iris", "load", body), 400, "unload_dependents")
        self.refused(self.control(service, "iris", "load", b'{"parameters":{"config":"{}"}}'), 400,
                     "config")
        for body in (b"{", b"[]", b"1", b'{"parameters":1}'):
            self.refused(self.control(service, "iris", "load", body), 400, "{} was expected")
        self.refused(self.control(service, "iris", "load", b"{" + b" " * 70_000), 413, "64 KiB")
        self.assertEqual(service.ask("GET", "/v2/repository/models/iris/load").status, 405)

    def test_strangers_do_not_change_what_is_served(self):
        service = self.served()
        for fields in ([("X-Forwarded-For", "192.0.2.1")], [("Origin", "https://evil.example")],
                       [("Host", "evil.example")], [("Forwarded", "for=192.0.2.1")]):
            self.refused(self.control(service, "iris", "unload", fields=fields), 403,
                         "--control-token")
        here = f"127.0.0.1:{service.port}"
        fields = [("Host", here), ("Origin", f"http://{here}")]
        self.assertEqual(self.control(service, "iris", "unload", fields=fields).status, 200)

    def test_with_a_token_it_is_the_token_that_counts(self):
        service = self.served("--control-token", "operators-only")
        self.refused(self.control(service, "iris", "unload"), 401, "Authorization")
        far = [("X-Forwarded-For", "192.0.2.1")]
        self.assertEqual(self.control(service, "iris", "unload", fields=TOKEN + far).status, 200)


class Drift(unittest.TestCase):
    def test_inputs_unlike_the_training_data_are_seen(self):
        with Service(log=False) as service:
            def stats():
                answer = service.ask("GET", "/v2/models/iris/stats")
                return json.loads(answer.body)["model_stats"][0]["drift"]

            def metric(name, more=""):
                label = f'feature="s_length"{more}'
                lines = [line.split()[-1] for line in
                         service.ask("GET", "/metrics").body.decode().splitlines()
                         if line.startswith(f"{name}{{") and label in line]
                return float(lines[0]) if lines else None

            self.assertEqual((stats()["baseline"], stats()["rows"]), ("histograms", 0))
            self.assertIsNone(stats()["features"][0]["psi"])
            self.assertIsNone(metric("model_feature_psi"))
            service.ask("GET", QUERY.format(5.1))
            self.assertIsNotNone(stats()["features"][0]["psi"])
            self.assertIsNone(metric("model_feature_psi"), "of one row it would only alarm")
            rows = [line.split(",")[:4] for line in
                    (ROOT / "models/iris.csv").read_text().splitlines()[1:]]
            csv = "\n".join(",".join(row) for row in rows).encode()
            kind = [("Content-Type", "text/csv")]
            self.assertEqual(service.ask("POST", "/predict_file", kind, csv).status, 200)
            like = {f["name"]: f for f in stats()["features"]}
            self.assertEqual(stats()["window_rows"], len(rows) + 1)
            for feature in like.values():
                self.assertLess(feature["psi"], 0.2, feature)
            for _ in range(200):
                service.ask("GET", QUERY.format(9.5))
            unlike = {f["name"]: f for f in stats()["features"]}
            self.assertGreater(unlike["s_length"]["psi"], 0.25)
            self.assertEqual(unlike["s_length"]["above"] - like["s_length"]["above"], 200)
            self.assertEqual(metric("model_feature_psi"), unlike["s_length"]["psi"])
            self.assertEqual(metric("model_feature_out_of_range_total", ',side="above"'),
                             unlike["s_length"]["above"])
            self.assertEqual(metric("model_feature_missing_total"), 0)

    def test_each_model_has_a_histogram_of_its_requests(self):
        with Service(models=[IRIS, f"other={OTHER}"], log=False) as service:
            for _ in range(3):
                service.ask("GET", QUERY.format(5))
            service.ask("GET", "/predict?s_length=x")
            text = service.ask("GET", "/metrics").body.decode()
            counts = {line.split('model="')[1].split('"')[0]: int(line.split()[-1])
                      for line in text.splitlines()
                      if line.startswith("model_inference_duration_seconds_count")}
            self.assertEqual(counts, {"iris": 3, "other": 0})
            self.assertRegex(text, r'model_inference_failures_total\{model="iris",version="\w+"\} 1')
            self.assertRegex(text, r'seconds_bucket\{model="iris",version="\w+",le="\+Inf"\} 3')
            batches = json.loads(service.ask("GET", "/v2/models/iris/stats").body)
            self.assertEqual([b["batch_size"] for b in batches["model_stats"][0]["batch_stats"]],
                             [1])


if __name__ == "__main__":
    unittest.main()
