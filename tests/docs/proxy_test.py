"""The block for nginx of docs/operations.md, loaded by a real nginx before a real service: TLS, who
asks, rows as they come, and whose limit of a body holds."""
import contextlib
import http.client
import json
import pathlib
import socket
import ssl
import subprocess
import sys
import tempfile
import unittest

from guide import ROOT, blocks_of

sys.path[:0] = [str(ROOT / "tests/docker"), str(ROOT / "tests/native")]
from engine import eventually, free_port, skip  # noqa: E402
from service import GOOD, Service  # noqa: E402

GUIDE = ROOT / "docs/operations.md"
HOST = "copse.example.org"
NDJSON = "application/x-ndjson"
ROW = b"[5.1,3.5,1.4,0.2]\n"
# More than the service takes at once.
BYTES = 17 * 2 ** 20
RATE_LIMIT = 3
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def nginx_program():
    kept = ROOT / "build/packages/nginx/usr/sbin/nginx"
    found = next((path for path in (pathlib.Path("/usr/sbin/nginx"), kept) if path.exists()), None)
    return str(found or skip("nginx is neither installed nor could its package be had"))


def make_certificate(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", f"/CN={HOST}",
                    "-addext", f"subjectAltName=DNS:{HOST}", "-keyout", str(folder / "copse.key"),
                    "-out", str(folder / "copse.pem")], check=True, capture_output=True)


def configuration(folder, port, service_port):
    """The block as it is shown, but for ports and the place of the certificate; what nginx wants around it."""
    (block,) = [block.text for block in blocks_of(GUIDE.read_text("utf-8")) if block.language == "nginx"]
    for shown, used in (("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"), ("/etc/ssl/", f"{folder}/"),
                        ("http://127.0.0.1:5000", f"http://127.0.0.1:{service_port}")):
        assert shown in block, shown
        block = block.replace(shown, used)
    paths = " ".join(f"{each}_temp_path {folder}/{each};" for each in TEMPORARY)
    return (f"daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr;\n"
            f"events {{}}\nhttp {{ access_log off; {paths}\n{block}}}\n")


class Proxy(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        program = nginx_program()
        folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        make_certificate(folder)
        cls.service = cls.enterClassContext(Service("--trusted-proxy", "127.0.0.1", "--rate-limit", str(RATE_LIMIT)))
        cls.port = free_port()
        (folder / "nginx.conf").write_text(configuration(folder, cls.port, cls.service.port))
        cls.tls = ssl.create_default_context(cafile=str(folder / "copse.pem"))
        command = [program, "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]
        subprocess.run([*command, "-t"], check=True)
        nginx = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        cls.addClassCleanup(nginx.wait, 20)
        cls.addClassCleanup(nginx.terminate)
        eventually(lambda: cls.connect().close() or True)

    @classmethod
    def connect(cls, client="127.0.0.1"):
        """A connection from an address of this machine, whose certificate was checked."""
        connection = http.client.HTTPSConnection(HOST, cls.port, timeout=60)
        plain = socket.create_connection(("127.0.0.1", cls.port), 60, source_address=(client, 0))
        connection.sock = cls.tls.wrap_socket(plain, server_hostname=HOST)
        return connection

    def test_answers_with_tls_and_knows_who_asks(self):
        # More of one client than it may, and as many as it may of another, whatever they claim to be.
        asked = [("127.0.0.2", f"10.0.0.{i}") for i in range(5 * RATE_LIMIT)] + [("127.0.0.3", "10.0.0.3")] * RATE_LIMIT
        statuses = {client: [] for client, _ in asked}
        with contextlib.ExitStack() as stack:
            # Open beforehand: they are to ask faster than the limit is filled up again.
            open_ones = [stack.enter_context(contextlib.closing(self.connect(client))) for client, _ in asked]
            for connection, (client, claimed) in zip(open_ones, asked, strict=True):
                connection.request("GET", GOOD, headers={"X-Forwarded-For": claimed})
                answer = connection.getresponse()
                statuses[client].append(answer.status)
                self.assertIn((answer.status, answer.read()[:3]), ((200, b"[0]"), (429, b'{"t')))
        self.assertEqual(set(statuses["127.0.0.3"]), {200})
        self.assertIn(429, statuses["127.0.0.2"])

    def test_rows_are_answered_as_they_come(self):
        with contextlib.closing(self.connect()) as connection:
            connection.putrequest("POST", "/predict_file")
            for name, value in (("Content-Type", NDJSON), ("Transfer-Encoding", "chunked")):
                connection.putheader(name, value)
            connection.endheaders()
            lines = None
            for _ in range(3):
                connection.send(b"%x\r\n%s\r\n" % (len(ROW), ROW))
                # Nothing more is sent before the answer is there.
                lines = lines or connection.getresponse()
                self.assertEqual(json.loads(lines.readline())["label"], "setosa")
            connection.send(b"0\r\n\r\n")
            self.assertEqual(lines.read(), b"")

    def test_the_limit_of_a_body_is_the_service_s(self):
        with contextlib.closing(self.connect()) as connection:
            connection.putrequest("POST", "/predict_file")
            connection.putheader("Content-Type", "text/csv")
            connection.putheader("Content-Length", str(BYTES))
            connection.endheaders()
            answer = connection.getresponse()
            self.assertEqual((answer.status, answer.headers["Content-Type"]), (413, "application/problem+json"))


if __name__ == "__main__":
    unittest.main()
