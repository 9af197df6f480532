"""The real binary on a free port of loopback, and a client that says exactly what it is told; the
cases that several test files share."""

import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("COPSE_BIN", str(ROOT / "build/bin/copse"))
IRIS = str(ROOT / "models/iris.safetensors")
DEADLINE_S = 60
# What the iris model is asked most often: one flower, whose answer is [0].
GOOD = "/predict?s_length=5.1&s_width=3.5&p_length=1.4&p_width=0.2"
ROW = b"[5.1,3.5,1.4,0.2]"
JSON = [("Content-Type", "application/json")]
CSV = [("Content-Type", "text/csv")]


class Service:
    """`copse serve --port 0 ...`; ends with the block it is used in. `through`: a command that runs
    it."""

    def __init__(self, *arguments, models=(IRIS,), log=True, environment=None, through=()):
        self.folder = tempfile.mkdtemp(prefix="copse-test-")
        self.stdout_path = os.path.join(self.folder, "stdout")
        self.stderr_path = os.path.join(self.folder, "stderr")
        self.log_path = os.path.join(self.folder, "log.db")
        command = [*through, BINARY, "serve", "--host", "127.0.0.1", "--port", "0"]
        for model in models:
            command += ["--model", model]
        command += ["--log", self.log_path] if log else ["--no-log"]
        environment = {k: v for k, v in os.environ.items()
                       if not k.startswith("COPSE_")} | (environment or {})
        with open(self.stdout_path, "wb") as out, open(self.stderr_path, "wb") as err:
            self.process = subprocess.Popen(
                command + list(arguments), stdout=out, stderr=err, cwd=self.folder,
                env=environment)
        self.port = self._wait_for_port()

    def _wait_for_port(self):
        end = time.monotonic() + DEADLINE_S
        while time.monotonic() < end:
            found = re.search(r"listens on http://[^ ]*:(\d+)", self.stderr())
            if found:
                return int(found.group(1))
            if self.process.poll() is not None:
                break
            time.sleep(0.01)
        code = self.process.poll()
        raise AssertionError(f"the service did not start, exit code {code}: {self._end()}")

    def stderr(self):
        return Path(self.stderr_path).read_text(errors="replace")

    def stdout(self):
        return Path(self.stdout_path).read_text(errors="replace")

    def terminate(self):
        """Sends SIGTERM; the exit code, and the seconds that it took."""
        start = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE_S), time.monotonic() - start

    def __enter__(self):
        return self

    def __exit__(self, *_):
        said = self._end()
        # A sanitizer ends it with a code of its own; who kills it himself knows.
        if self.process.returncode not in (0, -signal.SIGKILL):
            raise AssertionError(f"the service ended with {self.process.returncode}: {said}")

    def _end(self):
        """Stops what still runs, and removes its files; what it has said on stderr."""
        overdue = False
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(DEADLINE_S)
            except subprocess.TimeoutExpired:
                overdue = True
                self.process.kill()
                self.process.wait()
        said = self.stderr()
        shutil.rmtree(self.folder, ignore_errors=True)
        if overdue:
            raise AssertionError(f"the service did not stop when it was told to: {said}")
        return said

    def connect(self):
        return Wire(self.port)

    def ask(self, method, target, fields=(), body=b""):
        """One request on a connection of its own."""
        with self.connect() as wire:
            return wire.ask(method, target, fields, body)


class Answer:
    def __init__(self, status, fields, body):
        self.status = status
        self.fields = fields  # names in lower case
        self.body = body

    def __repr__(self):
        return f"{self.status} {self.fields} {self.body[:300]!r}"

    @property
    def type(self):
        return self.fields.get("content-type")


class Closed(Exception):
    """The server ended the connection before an answer was complete."""


class Wire:
    """A raw connection: what is sent is sent as it is, and answers are read by the standard."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def ask(self, method, target, fields=(), body=b""):
        names = {name.lower() for name, _ in fields}
        head = f"{method} {target} HTTP/1.1\r\n"
        if "host" not in names:
            head += "Host: localhost:5000\r\n"
        if body and not names & {"content-length", "transfer-encoding"}:
            head += f"Content-Length: {len(body)}\r\n"
        for name, value in fields:
            head += f"{name}: {value}\r\n"
        self.send(head.encode() + b"\r\n" + body)
        return self.read_answer(method)

    def _more(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionError as error:
            raise Closed from error
        if not data:
            raise Closed
        self.buffer += data

    def read_head(self):
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        fields = {}
        for line in lines[1:]:
            name, value = line.split(": ", 1)
            assert name.lower() not in fields, f"{name} is sent twice"
            fields[name.lower()] = value
        version, status = lines[0].split(" ")[:2]
        assert version == "HTTP/1.1", lines[0]
        return int(status), fields

    def read_answer(self, method="GET"):
        status, fields = self.read_head()
        length = int(fields["content-length"])
        if method == "HEAD" or status == 304:
            length = 0
        while len(self.buffer) < length:
            self._more()
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return Answer(status, fields, body)

    def is_closed(self, within_s=5):
        """Whether the server ends the connection, without another byte."""
        if self.buffer:
            return False
        ready, _, _ = select.select([self.socket], [], [], within_s)
        if not ready:
            return False
        try:
            return self.socket.recv(1) == b""
        except ConnectionError:
            return True


def form(content, name="input_file", file_name="x.csv", part_type="text/csv"):
    """A multipart body with one file, and its Content-Type."""
    boundary = "----seedboundary"
    file = f'; filename="{file_name}"' if file_name is not None else ""
    head = (f"--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n"
            f"Content-Type: {part_type}\r\n\r\n")
    body = head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
    return [("Content-Type", f"multipart/form-data; boundary={boundary}")], body


class ServiceCase(unittest.TestCase):
    def problem(self, answer, status):
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.type, "application/problem+json")
        return json.loads(answer.body)


class OneServiceCase(ServiceCase):
    """One service for all: no test here may hurt the next."""

    @classmethod
    def setUpClass(cls):
        cls.service = cls.enterClassContext(Service())

    def tearDown(self):
        self.assertIsNone(self.service.process.poll(), self.service.stderr())
        self.assertEqual(self.service.ask("GET", GOOD).body, b"[0]")
