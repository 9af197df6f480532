"""What the container tests share: the engine, the image, and clients that count.

Where no engine answers, every test is skipped and says so; with COPSE_DOCKER_REQUIRED=1 that is a
failure. Everything made here carries the name of this process and is removed again, but for images whose
name a later build took: these are left without one, and share their layers.
"""
import atexit
import collections
import functools
import http.client
import itertools
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAME = f"copse-test-{os.getpid()}"
SETOSA = "s_length=5.1&s_width=3.5&p_length=1.4&p_width=0.2"
VIRGINICA = "s_length=7.2&s_width=3.6&p_length=6.1&p_width=2.5"


def run(*command, check=True, **kwargs):
    """Runs `command` in the repository; its output, as text. AssertionError if it fails and may not."""
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


def compose_environment():
    return {**os.environ, **({"COPSE_CA_BUNDLE": ca_bundle()} if ca_bundle() else {})}


@functools.cache
def require_engine():
    if not shutil.which("docker") or run("docker", "info", check=False).returncode != 0:
        skip("no Docker engine answers: container tests are not run")


def skip(message):
    """Not this test, and here is why; a failure where container tests have to be run."""
    if os.environ.get("COPSE_DOCKER_REQUIRED") == "1":
        raise AssertionError(message)
    print(f"SKIP: {message}", file=sys.stderr)
    raise unittest.SkipTest(message)


def is_in_swarm():
    return docker("info", "-f", "{{.Swarm.LocalNodeState}}").stdout.strip() == "active"


def require_free_engine():
    """An engine that may become a swarm, and be none again: leaving one takes the published ports away
    from containers that run beside it."""
    require_engine()
    if is_in_swarm():
        skip("this engine is a swarm already, and that is not the tests'")
    others = [name for name in docker("ps", "--format", "{{.Names}}").stdout.split() if not name.startswith(NAME)]
    if others:
        skip(f"containers run here that a swarm would disturb: {', '.join(others)}")
    major = int(docker("version", "-f", "{{.Server.Version}}").stdout.split(".")[0])
    if major < 26:
        skip(f"this engine is Docker {major}: the swarm takes 26")
    done = docker("swarm", "init", "--advertise-addr", "127.0.0.1", "--listen-addr", "127.0.0.1", check=False)
    if done.returncode != 0:
        skip(f"this engine cannot be a swarm: {done.stderr.strip()}")
    leave_swarm()


def leave_swarm():
    """The engine as it was before `docker swarm init`."""
    docker("swarm", "leave", "--force", check=False)
    docker("network", "rm", "docker_gwbridge", check=False)


@functools.cache
def image(target=None):
    """The name of the image, built once by the tutorial's command; of another target of its file."""
    require_engine()
    name = f"{NAME}/rf-api" + (f":{target}" if target else "")
    secret = ["--secret", f"id=ca-bundle,src={ca_bundle()}"] if ca_bundle() else []
    atexit.register(run, "docker", "image", "rm", "-f", name, check=False)
    docker("build", "-t", name, "-f", "docker/Dockerfile", *secret,
           *(["--target", target] if target else []), ".")
    return name


def image_id(name):
    """What an image is called whatever it is named; nothing if there is none."""
    return docker("image", "ls", "--quiet", "--no-trunc", name).stdout.strip()


def give_back(name, before):
    """The image that had a name before (image_id) has it again, and what took it is gone."""
    after = image_id(name)
    if after == before:
        return
    if not before:
        docker("image", "rm", name, check=False)
        return
    docker("tag", before, name, check=False)
    if after and docker("image", "inspect", "-f", "{{len .RepoTags}}", after, check=False).stdout.strip() == "0":
        docker("image", "rm", after, check=False)


def get(port, path, **headers):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.status, answer.read().decode()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def eventually(check, seconds=60):
    """The first true value of `check`, asked until it comes or the time is over."""
    deadline = time.monotonic() + seconds
    last = None
    while time.monotonic() < deadline:
        try:
            last = check()
            if last:
                return last
        except (OSError, urllib.error.URLError, http.client.HTTPException, AssertionError) as error:
            last = error
        time.sleep(0.2)
    raise AssertionError(f"did not happen within {seconds} s: {last}")


class Container:
    """One container of the image, removed with the test that asks for it."""

    def __init__(self, test, *options, image_name=None, command=()):
        self.name = f"{NAME}-{test.id().rsplit('.', 1)[-1]}"[:60]
        self.options = options
        docker("run", "-d", "-p", "127.0.0.1::5000", "--name", self.name, *options,
               image_name or image(), *command)
        test.addCleanup(run, "docker", "rm", "-f", "-v", self.name, check=False)

    def inspect(self, template):
        return docker("inspect", "-f", template, self.name).stdout.strip()

    def port(self):
        return int(docker("port", self.name, "5000").stdout.split("\n")[0].rsplit(":", 1)[1])

    def wait_ready(self):
        """The port, as soon as the service is ready behind it."""
        return eventually(lambda: get(self.port(), "/readyz") and self.port())

    def is_healthy(self):
        return self.inspect("{{.State.Health.Status}}") == "healthy"


class Load:
    """Clients that predict as fast as they are answered, each request under an id of its own.

    Half of them open a connection for each request, half keep theirs. A request counts as `answered`
    with a whole 200; as `lost` if its connection ended after it was sent, or the answer is another
    one; as `refused` if there was nobody to connect to.
    """

    _serials = itertools.count()

    def __init__(self, port, clients=8):
        self.name = f"{NAME}-{next(self._serials)}"
        self.port = port
        self.answered, self.lost = [], []
        self.refused = 0
        self.clients = clients
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(i,)) for i in range(clients)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, count):
        """Until so many more have been answered."""
        target = len(self.answered) + count
        eventually(lambda: len(self.answered) >= target)

    def check_recorded_once(self, test, redis, twice_max=0):
        """Each answered request is in Redis, once; and none was lost. `redis` is what redis-cli prints.
        `twice_max`: so many may be there twice, by a replica that was killed before it answered and by
        the one that was asked then."""
        test.assertEqual((self.lost, self.refused), ([], 0))

        def times():
            stream = json.loads(redis("--json", "XRANGE", "copse:predictions", "-", "+"))
            entries = [dict(zip(fields[::2], fields[1::2])) for _, fields in stream]
            return collections.Counter(entry["request_id"] for entry in entries)
        recorded = eventually(lambda: set(self.answered) <= set(found := times()) and found)
        more = {i: recorded[i] for i in self.answered if recorded[i] != 1}
        test.assertEqual({i: n for i, n in more.items() if n > 2}, {})
        test.assertLessEqual(len(more), twice_max, more)

    def _ask(self, client):
        keep = client % 2 == 0
        connection = None
        serial = 0
        while not self._ended.is_set():
            try:
                if connection is None:
                    connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
                    connection.connect()
            except OSError:
                connection = None
                with self._lock:
                    self.refused += 1
                time.sleep(0.01)
                continue
            serial += 1
            request_id = f"{self.name}-{client}-{serial}"
            connection = self._predict(connection, request_id, keep)
        if connection:
            connection.close()

    def _predict(self, connection, request_id, keep):
        try:
            connection.request("GET", f"/predict?{SETOSA}", headers={"X-Request-ID": request_id})
            answer = connection.getresponse()
            body = answer.read()
            if (answer.status, body) != (200, b"[0]"):
                raise OSError(f"{answer.status} {body[:200]!r}")
            with self._lock:
                self.answered.append(request_id)
            if keep and not answer.will_close:
                return connection
        except (OSError, http.client.HTTPException) as error:
            with self._lock:
                self.lost.append((request_id, repr(error)))
        connection.close()
        return None


class Compose:
    """The compose files as they are, in a project of their own and at free ports."""

    def __init__(self, test_class, project, files, override):
        require_engine()
        folder = pathlib.Path(test_class.enterClassContext(tempfile.TemporaryDirectory()))
        path = folder / "override.yml"
        path.write_text(override)
        self.arguments = ["-p", project]
        for each in (*files, str(path)):
            self.arguments += ["-f", each]
        test_class.addClassCleanup(self, "down", "-v", "--remove-orphans", check=False)

    def __call__(self, *arguments, **kwargs):
        return run("docker", "compose", *self.arguments, *arguments,
                   env=compose_environment(), **kwargs).stdout.strip()

    def port(self, service):
        return int(self("port", service, "5000").rsplit(":", 1)[1])

    def redis(self, *command, **kwargs):
        return self("exec", "-T", "redis-server", "redis-cli", *command, **kwargs)

    def containers(self, service):
        return self("ps", "-q", service).split()
