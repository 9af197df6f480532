"""Model files that change while the service runs: real files, the real binary, requests all the time."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

from service import BINARY, DEADLINE_S, IRIS, ROOT, Service

VECTORS = ROOT / "tests/vectors"
# Two models of the same flowers, with columns of the same names.
FIRST, SECOND = (VECTORS / name / "model.safetensors" for name in ("gb_iris", "extratree_iris"))
QUERY = "/predict?x0=5.1&x1=3.5&x2=1.4&x3=0.2"
FAST = ("--reload-interval", "0.05")


def versions(service):
    """What is served now: {name: version}."""
    answer = service.ask("GET", "/models")
    return {model["name"]: model["version"] for model in json.loads(answer.body)["models"]}


def await_that(condition):
    end = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("it did not happen in time")
        time.sleep(0.02)


def put(source, target):
    """As whoever deploys should do it: beside it first, then in its place at once."""
    beside = target.with_name(f".{target.name}.new")
    shutil.copyfile(source, beside)
    os.replace(beside, target)


class Reload(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="copse-reload-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.file = self.folder / "iris.safetensors"
        shutil.copyfile(FIRST, self.file)

    def served(self, *arguments, models=None):
        service = Service(*arguments, models=[str(self.file)] if models is None else models,
                          log=False)
        self.addCleanup(service.__exit__)
        return service

    def test_a_file_is_replaced_under_load_without_a_failed_request(self):
        service = self.served(*FAST)
        first = versions(service)["iris"]
        stop, statuses, seen = threading.Event(), [], set()

        def ask_all_the_time():
            with service.connect() as wire:
                while not stop.is_set() and len(statuses) < 200_000:
                    answer = wire.ask("GET", QUERY, [("Accept", "application/json")])
                    statuses.append(answer.status)
                    seen.add(json.loads(answer.body)["version"])

        threads = [threading.Thread(target=ask_all_the_time) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for turn in range(6):
                before = versions(service)["iris"]
                put(SECOND if turn % 2 == 0 else FIRST, self.file)
                await_that(lambda old=before: versions(service)["iris"] != old)
        finally:
            stop.set()
            for thread in threads:
                thread.join(DEADLINE_S)
        self.assertGreater(len(statuses), 50)
        self.assertEqual(set(statuses), {200})
        self.assertEqual(len(seen), 2, "answers name the version that gave them")
        self.assertEqual(versions(service)["iris"], first)
        metrics = service.ask("GET", "/metrics").body.decode()
        self.assertIn('model_reloads_total{result="loaded"} 6', metrics)
        self.assertIn("is loaded again, instead of version " + first, service.stderr())

    def test_everything_that_is_told_of_a_model_changes_with_it(self):
        service = self.served(*FAST, models=[f"m={self.file}"])
        put(IRIS, self.file)
        await_that(lambda: b"s_length" in service.ask("GET", "/openapi.json").body)
        self.assertIn(b"s_length", service.ask("GET", "/apispec_1.json").body)
        self.assertEqual(service.ask("GET", "/models/m.safetensors").body, self.file.read_bytes())
        self.assertEqual(service.ask("GET", QUERY).status, 400)

    def test_a_bad_file_leaves_the_model_that_was(self):
        service = self.served(*FAST)
        good = versions(service)
        whole = self.file.read_bytes()
        self.file.write_bytes(whole[: len(whole) // 2])
        await_that(lambda: "stays at version " + good["iris"] in service.stderr())
        self.assertEqual(service.ask("GET", QUERY).body, b"[0]")
        self.assertEqual(versions(service), good)
        self.file.unlink()
        await_that(lambda: service.stderr().count("stays at version") >= 2)
        self.assertEqual(service.ask("GET", QUERY).body, b"[0]")
        self.assertEqual(service.ask("GET", "/readyz").status, 200)
        put(SECOND, self.file)
        await_that(lambda: versions(service) != good)
        put(FIRST, self.file)
        await_that(lambda: versions(service) == good)
        self.assertEqual(service.stderr().count("stays at version"), 2,
                         "what was said is not said again at every look")

    def test_a_folder_gains_and_loses_models(self):
        service = self.served("--models", str(self.folder), *FAST, models=[])
        self.assertEqual(list(versions(service)), ["iris"])
        put(SECOND, self.folder / "boosted.safetensors")
        await_that(lambda: list(versions(service)) == ["boosted", "iris"])
        (self.folder / "notes.txt").write_text("no model\n")
        (self.folder / "broken.safetensors").write_bytes(b"\x01")
        await_that(lambda: "notes.txt" in service.stderr() and "broken" in service.stderr())
        self.assertEqual(list(versions(service)), ["boosted", "iris"])
        for name in ("boosted", "iris"):
            (self.folder / f"{name}.safetensors").unlink()
        await_that(lambda: versions(service) == {})
        answer = service.ask("GET", "/readyz")
        self.assertEqual(answer.status, 503)
        self.assertEqual(service.ask("GET", QUERY).status, 503)
        self.assertIn("iris is served no more", service.stderr())
        put(FIRST, self.file)
        await_that(lambda: service.ask("GET", QUERY).body == b"[0]")

    def test_a_file_that_is_written_in_place_is_taken_when_it_is_whole(self):
        service = self.served(*FAST)
        good = versions(service)
        new = SECOND.read_bytes()
        with self.file.open("wb") as file:  # from here on the old one is gone
            for begin in range(0, len(new), 1 + len(new) // 5):
                file.write(new[begin : begin + 1 + len(new) // 5])
                file.flush()
                self.assertEqual(service.ask("GET", QUERY).body, b"[0]")
        await_that(lambda: versions(service) != good)
        self.assertEqual(service.ask("GET", "/models/iris.safetensors").body, new)

    def test_the_same_file_twice_is_loaded_once(self):
        service = self.served("--models", str(self.folder), *FAST)
        put(SECOND, self.file)
        await_that(lambda: "is loaded again" in service.stderr())
        self.assertEqual(service.stderr().count("is loaded again"), 1)

    def test_a_named_model_changes_though_the_folder_is_gone(self):
        folder = self.folder / "more"
        folder.mkdir()
        put(FIRST, folder / "other.safetensors")
        service = self.served("--models", str(folder), *FAST)
        good = versions(service)
        folder.rename(self.folder / "elsewhere")
        put(SECOND, self.file)
        await_that(lambda: versions(service)["iris"] != good["iris"])
        self.assertEqual(versions(service)["other"], good["other"], "it stays")
        self.assertIn("--models is", service.stderr())

    def test_counters_of_versions_that_are_gone_are_forgotten(self):
        service = self.served(*FAST)
        good = versions(service)["iris"]
        service.ask("GET", QUERY)
        self.assertIn(good, service.ask("GET", "/metrics").body.decode())
        put(SECOND, self.file)
        await_that(lambda: versions(service)["iris"] != good)
        self.assertNotIn(good, service.ask("GET", "/metrics").body.decode())

    def test_a_hangup_signal_looks_at_once(self):
        service = self.served("--reload-interval", "0")
        good = versions(service)
        put(SECOND, self.file)
        for _ in range(200):
            self.assertEqual(versions(service), good, "nobody told it")
        service.process.send_signal(signal.SIGHUP)
        await_that(lambda: versions(service) != good)
        code, seconds = service.terminate()
        self.assertEqual(code, 0)
        self.assertLess(seconds, 10)

    def test_check_says_what_would_be_served(self):
        def check(*arguments):
            return subprocess.run([BINARY, "serve", "--check", *arguments], capture_output=True,
                                  text=True, timeout=DEADLINE_S, cwd=self.folder, check=False)

        done = check("--model", self.file, "--redis", "redis://user:word@localhost:1")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"^iris [0-9a-f]{12}: .* trees, .* 4 features")
        self.assertEqual([p.name for p in self.folder.iterdir()], ["iris.safetensors"],
                         "no log is made")
        (self.folder / "broken.safetensors").write_bytes(b"\x01")
        for arguments in (("--models", self.folder), ("--model", self.folder / "absent.pkl"),
                          ("--model", self.file, "--redis", "http://localhost")):
            done = check(*arguments)
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertRegex(done.stderr, r"^copse: .+\n$")


if __name__ == "__main__":
    unittest.main()
