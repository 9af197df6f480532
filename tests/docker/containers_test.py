"""One container, as the tutorial runs it: what it answers, writes and is allowed to do."""
import contextlib
import gzip
import pathlib
import re
import signal
import sqlite3
import tempfile
import unittest
import urllib.request
from datetime import datetime, timezone

from engine import NAME, SETOSA, VIRGINICA, Container, Load, docker, eventually, get, image, run


def setUpModule():
    image()


def recorded_ids(test, container):
    """The request ids in the log of a container, running or stopped."""
    copied = pathlib.Path(test.enterContext(tempfile.TemporaryDirectory()))
    docker("cp", f"{container}:/var/lib/copse/.", str(copied))
    with contextlib.closing(sqlite3.connect(copied / "predictions.db")) as database:
        return [row[0] for row in database.execute("select request_id from predictions")]


class OneContainer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.container = docker("run", "-d", "-p", "127.0.0.1::5000", "--name", NAME, image()).stdout.strip()
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

    def test_serves_a_file_alike_with_and_without_compression(self):
        path = "/apidocs/swagger-ui-bundle.js"
        plain = get(self.port, path)[1]
        self.assertGreater(len(plain), 1_000_000)
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}",
                                         headers={"Accept-Encoding": "gzip"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            self.assertEqual(answer.headers["Content-Encoding"], "gzip")
            self.assertEqual(gzip.decompress(answer.read()).decode(), plain)
        request.headers["Accept-encoding"] = "br"
        with urllib.request.urlopen(request, timeout=10) as answer:
            self.assertEqual(answer.headers["Content-Encoding"], "br")
            self.assertLess(len(answer.read()), len(plain) / 4)

    def test_records_predictions_in_the_embedded_log(self):
        get(self.port, f"/predict?{VIRGINICA}", **{"X-Request-ID": "in-the-log"})
        self.assertIn("in-the-log", recorded_ids(self, NAME))

    def test_becomes_healthy(self):
        eventually(lambda: self.inspect("{{.State.Health.Status}}") == "healthy")

    def test_runs_as_an_ordinary_user(self):
        self.assertEqual(self.inspect("{{.Config.User}}"), "10001:10001")
        status = pathlib.Path("/proc", self.inspect("{{.State.Pid}}"), "status").read_text()
        ids = {line.split()[0]: line.split()[1:] for line in status.splitlines() if line}
        self.assertEqual(ids["Uid:"], ["10001"] * 4)
        self.assertEqual(ids["Gid:"], ["10001"] * 4)

    def test_commands_of_the_binary_run_in_it(self):
        self.assertIn("iris", docker("exec", NAME, "copse", "inspect",
                                     "/usr/local/share/copse/models/iris.safetensors").stdout)
        docker("exec", NAME, "copse", "healthcheck")


class Restricted(unittest.TestCase):
    RESTRICTIONS = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
                    "--memory", "256m", "--pids-limit", "256")

    def test_needs_no_file_system_to_write_on_and_no_capabilities(self):
        container = Container(self, *self.RESTRICTIONS)
        port = container.wait_ready()
        self.assertEqual(get(port, f"/predict?{SETOSA}"), (200, "[0]"))
        eventually(container.is_healthy)
        self.assertNotEqual(recorded_ids(self, container.name), [])

    def test_streams_that_spool_find_a_folder_too(self):
        container = Container(self, *self.RESTRICTIONS)
        port = container.wait_ready()
        # All of it is sent before anything is read: answers have to wait somewhere.
        rows = b"[5.1, 3.5, 1.4, 0.2]\n" * 200_000
        request = urllib.request.Request(f"http://127.0.0.1:{port}/predict_file", data=rows,
                                         headers={"Content-Type": "application/x-ndjson"})
        with urllib.request.urlopen(request, timeout=120) as answer:
            self.assertEqual(sum(1 for _ in answer), 200_000)


class Ends(unittest.TestCase):
    def test_stops_cleanly(self):
        container = Container(self)
        eventually(container.is_healthy)
        docker("stop", "-t", "10", container.name)
        self.assertEqual(container.inspect("{{.State.ExitCode}}"), "0")

    def stop_under_load(self, container, port):
        """Seconds from the signal to the end, and the clients, when nothing answers any more."""
        with Load(port) as load:
            load.wait_for(300)
            told = datetime.now(timezone.utc)
            docker("kill", "-s", "TERM", container.name)
            eventually(lambda: container.inspect("{{.State.Running}}") == "false")
        # Nine digits of a second, or fewer: six are read.
        ended = re.match(r"[^.Z]+(\.\d{1,6})?", container.inspect("{{.State.FinishedAt}}"))[0]
        return (datetime.fromisoformat(ended + "+00:00") - told).total_seconds(), load

    def test_sigterm_under_load_answers_what_was_recorded_and_records_what_was_answered(self):
        # On the machine's own network: Docker's proxy of a published port takes connections for a
        # container that has gone.
        taken = []
        for attempt in range(3):
            container = Container(self, "--network", "host", image_name=image(),
                                  command=("copse", "serve", "--host", "127.0.0.1", "--port", "0"))
            port = eventually(lambda c=container: next(
                (int(word.rsplit(":", 1)[1]) for word in docker("logs", c.name).stderr.split()
                 if word.startswith("http://")), None))
            seconds, load = self.stop_under_load(container, port)
            taken.append(seconds)
            self.assertEqual(container.inspect("{{.State.ExitCode}}"), "0")
            ids = recorded_ids(self, container.name)
            self.assertEqual(len(ids), len(set(ids)), "a request was recorded twice")
            self.assertEqual(sorted(ids), sorted(load.answered))
            # What was not answered was not taken, and not recorded (above): its connection was closed with
            # not a byte of an answer, and a client may ask again. Nothing that was answered is lost.
            self.assertLessEqual(len(load.lost), load.clients)
            for _, error in load.lost:
                self.assertRegex(error, "ConnectionReset|BrokenPipe|RemoteDisconnected")
            docker("rm", "-f", "-v", container.name)
        print(f"report: SIGTERM under load to the end: {', '.join(f'{t:.2f}' for t in taken)} s")
        self.assertLess(max(taken), 1.0)

    def test_is_started_again_after_a_crash_and_has_what_it_recorded(self):
        container = Container(self, "--restart", "unless-stopped")
        port = container.wait_ready()
        get(port, f"/predict?{SETOSA}", **{"X-Request-ID": "before-the-crash"})
        # Not `docker kill`, which Docker takes for the user's wish.
        docker("run", "--rm", "--privileged", "--pid", "host", "--user", "0", image("debug"),
               "kill", f"-{int(signal.SIGKILL)}", container.inspect("{{.State.Pid}}"))
        eventually(lambda: container.inspect("{{.RestartCount}}") == "1")
        get(container.wait_ready(), f"/predict?{SETOSA}", **{"X-Request-ID": "after-the-crash"})
        self.assertEqual(recorded_ids(self, container.name), ["before-the-crash", "after-the-crash"])


if __name__ == "__main__":
    unittest.main()
