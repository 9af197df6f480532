"""Builds the image and runs it, alone and with Redis, in a real Docker engine.

Where no engine answers, everything here is skipped and says so; with COPSE_DOCKER_REQUIRED=1
that is a failure. Everything made here carries the name of this process and is removed again.
"""
import json
import os
import pathlib
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAME = f"copse-test-{os.getpid()}"
IMAGE = f"{NAME}/rf-api"
SETOSA = "s_length=5.1&s_width=3.5&p_length=1.4&p_width=0.2"
VIRGINICA = "s_length=7.2&s_width=3.6&p_length=6.1&p_width=2.5"


def run(*command, check=True, **kwargs):
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, timeout=1500, **kwargs)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(command)} failed:\n{done.stdout[-4000:]}\n{done.stderr[-8000:]}")
    return done


def docker(*arguments, **kwargs):
    return run("docker", *arguments, **kwargs)


def ca_bundle():
    """The certificate authorities npm needs behind a proxy that re-signs TLS, if any."""
    path = os.environ.get("COPSE_CA_BUNDLE") or os.environ.get("NODE_EXTRA_CA_CERTS")
    return path if path and os.path.getsize(path) else None


def get(port, path, **headers):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.status, answer.read().decode()


def eventually(check, seconds=60):
    """The first true value of `check`, asked until it comes or the time is over."""
    deadline = time.monotonic() + seconds
    last = None
    while time.monotonic() < deadline:
        try:
            last = check()
            if last:
                return last
        except (OSError, urllib.error.URLError, AssertionError) as error:
            last = error
        time.sleep(0.2)
    raise AssertionError(f"did not happen within {seconds} s: {last}")


def setUpModule():
    if run("docker", "info", check=False).returncode != 0:
        message = "no Docker engine answers: container tests are not run"
        if os.environ.get("COPSE_DOCKER_REQUIRED") == "1":
            raise AssertionError(message)
        print(f"SKIP: {message}")
        raise unittest.SkipTest(message)
    # The tutorial's command, with another tag and, where TLS is re-signed, the bundle.
    secret = ["--secret", f"id=ca-bundle,src={ca_bundle()}"] if ca_bundle() else []
    docker("build", "-t", IMAGE, "-f", "docker/Dockerfile", *secret, ".")


def tearDownModule():
    run("docker", "image", "rm", "-f", IMAGE, check=False)


class OneContainer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.container = docker("run", "-d", "-p", "127.0.0.1::5000", "--name", NAME, IMAGE).stdout.strip()
        cls.addClassCleanup(run, "docker", "rm", "-f", "-v", cls.container, check=False)
        cls.port = docker("port", NAME, "5000").stdout.strip().rsplit(":", 1)[1]
        eventually(lambda: get(cls.port, "/readyz"))

    def inspect(self, template):
        return docker("inspect", "-f", template, NAME).stdout.strip()

    def test_answers_as_the_tutorial(self):
        self.assertEqual(get(self.port, f"/predict?{SETOSA}"), (200, "[0]"))

    def test_serves_the_page_and_the_docs(self):
        self.assertIn("<!doctype html>", get(self.port, "/")[1].lower())
        self.assertIn("swagger-ui", get(self.port, "/apidocs/")[1])

    def test_records_predictions_in_the_embedded_log(self):
        get(self.port, f"/predict?{VIRGINICA}")
        copied = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        docker("cp", f"{NAME}:/var/lib/copse/.", str(copied))
        count = run("sqlite3", str(copied / "predictions.db"),
                    "select count(*) from predictions where output = '[2]'").stdout
        self.assertGreaterEqual(int(count), 1)

    def test_becomes_healthy(self):
        eventually(lambda: self.inspect("{{.State.Health.Status}}") == "healthy")

    def test_is_not_root_and_has_no_compiler(self):
        self.assertEqual(docker("exec", NAME, "id", "-u").stdout.strip(), "10001")
        for tool in ("cc", "g++", "em++", "node", "npm", "python3"):
            found = run("docker", "exec", NAME, "sh", "-c", f"command -v {tool}", check=False)
            self.assertNotEqual(found.returncode, 0, f"{tool} is in the image")

    def test_is_small(self):
        size = int(docker("image", "inspect", "-f", "{{.Size}}", IMAGE).stdout)
        print(f"report: image size {size / 1e6:.1f} MB")
        self.assertLess(size, 110e6)

    def test_stops_cleanly(self):
        other = f"{NAME}-stop"
        docker("run", "-d", "--name", other, IMAGE)
        self.addCleanup(run, "docker", "rm", "-f", "-v", other, check=False)
        health = lambda: docker("inspect", "-f", "{{.State.Health.Status}}", other).stdout.strip()
        eventually(lambda: health() == "healthy")
        docker("stop", "-t", "10", other)
        self.assertEqual(docker("inspect", "-f", "{{.State.ExitCode}}", other).stdout.strip(), "0")


class ComposeWithRedis(unittest.TestCase):
    """docker-compose.yml as it is, but for the published port, which a test must not fix."""

    @classmethod
    def setUpClass(cls):
        folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        override = folder / "override.yml"
        override.write_text("services:\n  rf-api:\n    image: " + IMAGE + "\n"
                            "    ports: !override ['127.0.0.1::5000']\n")
        cls.base = ("docker", "compose", "-p", NAME, "-f", "docker-compose.yml", "-f", str(override))
        cls.environment = {**os.environ, **({"COPSE_CA_BUNDLE": ca_bundle()} if ca_bundle() else {})}
        cls.addClassCleanup(cls.compose, "down", "-v", "--remove-orphans", check=False)
        cls.compose("up", "--build", "--wait", "-d")

    @classmethod
    def compose(cls, *arguments, **kwargs):
        return run(*cls.base, *arguments, env=cls.environment, **kwargs).stdout.strip()

    def port(self):
        return self.compose("port", "rf-api", "5000").rsplit(":", 1)[1]

    def redis(self, *command):
        return self.compose("exec", "-T", "redis-server", "redis-cli", *command)

    def test_every_prediction_is_in_redis_and_outlives_it(self):
        for query, label in ((SETOSA, "[0]"), (VIRGINICA, "[2]")):
            self.assertEqual(get(self.port(), f"/predict?{query}"), (200, label))
        eventually(lambda: self.redis("GET", "1") == "[2]")
        self.assertEqual(self.redis("GET", "0"), "[0]")
        self.assertEqual(self.redis("XLEN", "copse:predictions"), "2")

        self.compose("stop", "redis-server")
        self.assertEqual(get(self.port(), f"/predict?{SETOSA}"), (200, "[0]"))
        self.compose("start", "redis-server")
        eventually(lambda: self.redis("GET", "2") == "[0]")
        self.assertEqual(self.redis("GET", "0"), "[0]", "the first prediction survived the restart")

    def test_what_waits_for_redis_outlives_the_service(self):
        before = int(self.redis("XLEN", "copse:predictions"))
        self.compose("stop", "redis-server")
        for _ in range(5):
            self.assertEqual(get(self.port(), f"/predict?{VIRGINICA}"), (200, "[2]"))
        self.compose("kill", "-s", "SIGKILL", "rf-api")
        self.compose("rm", "-f", "rf-api")  # the volume has a name: it stays
        self.compose("up", "--wait", "-d")
        eventually(lambda: int(self.redis("XLEN", "copse:predictions")) == before + 5)

    def test_redis_is_not_published(self):
        description = json.loads(self.compose("config", "--format", "json"))
        self.assertFalse(description["services"]["redis-server"].get("ports"))
        self.assertEqual(description["services"]["rf-api"]["restart"], "unless-stopped")

    def test_the_file_as_it_stands_publishes_5000(self):
        done = run("docker", "compose", "-f", "docker-compose.yml", "config", "--format", "json")
        ports = json.loads(done.stdout)["services"]["rf-api"]["ports"]
        self.assertEqual([(p["published"], p["target"]) for p in ports], [("5000", 5000)])


if __name__ == "__main__":
    unittest.main()
