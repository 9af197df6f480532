"""Rows that are answered as they come: the real binary over loopback."""

import contextlib
import json
import os
import select
import sqlite3
import threading
import time
import unittest
from pathlib import Path

from service import BINARY, DEADLINE_S, Closed, Service

KIND = [("Content-Type", "application/x-ndjson")]
ROWS = (b'[5.1,3.5,1.4,0.2]\n', b'{"s_length":7.2,"s_width":3.6,"p_length":6.1,"p_width":2.5}\n',
        b'[5.9,3.0,4.2,1.5]\n')
SANITIZED = any(name in Path(BINARY).read_bytes() for name in (b"__asan_init", b"__tsan_init"))
LABELS = ("setosa", "virginica", "versicolor")


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


class Stream:
    """A request whose body is sent, and whose answer is read, part by part."""

    def __init__(self, wire, fields=KIND, length=None, version="1.1"):
        self.wire, self.chunked, self.ended = wire, length is None, False
        framing = [("Transfer-Encoding", "chunked") if length is None
                   else ("Content-Length", str(length))]
        head = f"POST /predict_file HTTP/{version}\r\nHost: localhost\r\n"
        wire.send((head + "".join(f"{n}: {v}\r\n" for n, v in fields + framing) + "\r\n").encode())
        self.text = bytearray()

    def send(self, data):
        self.wire.send(chunk(data) if self.chunked else data)

    def end(self):
        self.wire.send(b"0\r\n\r\n")

    def head(self):
        self.status, self.fields = self.wire.read_head()
        return self.status

    def _line(self):
        while b"\r\n" not in self.wire.buffer:
            self.wire._more()
        line, self.wire.buffer = self.wire.buffer.split(b"\r\n", 1)
        return line

    def more(self):
        """One chunk of the answer; empty at the end."""
        size = int(self._line(), 16)
        while len(self.wire.buffer) < size + 2:
            self.wire._more()
        data, self.wire.buffer = self.wire.buffer[:size], self.wire.buffer[size + 2:]
        self.text += data
        self.ended = size == 0
        return data

    def lines(self, n):
        """Reads until there are n lines."""
        while self.text.count(b"\n") < n and not self.ended:
            self.more()
        return [json.loads(line) for line in self.text.splitlines()]

    def all(self):
        while not self.ended:
            self.more()
        return [json.loads(line) for line in self.text.splitlines()]


class Streams(unittest.TestCase):
    def labels(self, answers):
        return [answer["label"] for answer in answers]

    def test_each_row_is_answered_before_the_next_is_sent(self):
        with Service() as service, service.connect() as wire:
            stream = Stream(wire)
            for i in range(30):
                stream.send(ROWS[i % 3])
                if i == 0:
                    self.assertEqual(stream.head(), 200)
                    self.assertEqual(stream.fields["content-type"], "application/x-ndjson")
                    self.assertEqual(stream.fields["transfer-encoding"], "chunked")
                    self.assertIn("x-request-id", stream.fields)
                    self.assertEqual(stream.fields["x-content-type-options"], "nosniff")
                self.assertEqual(self.labels(stream.lines(i + 1)),
                                 [LABELS[k % 3] for k in range(i + 1)])
            stream.end()
            self.assertEqual(len(stream.all()), 30)
            self.assertEqual(wire.ask("GET", "/healthz").status, 200, "the connection goes on")
            service.terminate()
            with sqlite3.connect(service.log_path) as log:
                rows = log.execute("SELECT request_id, label FROM predictions ORDER BY seq").fetchall()
            self.assertEqual([label for _, label in rows], [LABELS[i % 3] for i in range(30)])
            self.assertEqual([int(i.rsplit(":")[-1]) for i, _ in rows], list(range(1, 31)))

    def test_more_rows_than_any_body_may_have_in_little_memory(self):
        part = b"".join(ROWS[i % 3] for i in range(3000))
        n_parts = 50 if SANITIZED else 500  # 1,500,000 rows: 45 MB, and answers of 170 MB
        with Service("--body-bytes-max", "1MiB", log=False) as service, service.connect() as wire:
            stream = Stream(wire)

            def send():
                for _ in range(n_parts):
                    stream.send(part)
                stream.end()

            sender = threading.Thread(target=send)
            sender.start()
            self.assertEqual(stream.head(), 200)
            count = 0
            while data := stream.more():
                count += data.count(b"\n")
                stream.text.clear()
            sender.join()
            self.assertEqual(count, n_parts * 3000)
            status = Path(f"/proc/{service.process.pid}/status").read_text()
            peak_kb = int(status.split("VmHWM:")[1].split()[0])
            if not SANITIZED:  # a sanitizer keeps what was freed
                self.assertLess(peak_kb, 100_000)

    def test_a_client_that_sends_everything_first_is_no_problem(self):
        part = b"".join(ROWS[i % 3] for i in range(3000))
        n_parts = 80  # some 24 MB of answers: no socket holds that
        for length in (None, n_parts * len(part)):
            with Service(log=False) as service, service.connect() as wire:
                stream = Stream(wire, length=length)
                for _ in range(n_parts):
                    stream.send(part)
                if length is None:
                    stream.end()
                self.assertEqual(stream.head(), 200)
                answers = self.labels(stream.all())
                self.assertEqual(len(answers), n_parts * 3000)
                self.assertEqual(answers[:3000], [LABELS[i % 3] for i in range(3000)])
                self.assertEqual(wire.ask("GET", "/healthz").status, 200)

    def test_answers_that_wait_go_on_while_the_client_says_nothing(self):
        part = b"".join(ROWS[i % 3] for i in range(3000))
        with Service(log=False) as service, service.connect() as wire:
            stream = Stream(wire)
            for _ in range(80):
                stream.send(part)
            self.assertEqual(stream.head(), 200)
            self.assertEqual(len(stream.lines(80 * 3000)), 80 * 3000, "and the body has not ended")
            stream.send(ROWS[1])
            self.assertEqual(stream.lines(80 * 3000 + 1)[-1]["label"], "virginica")
            stream.end()
            self.assertEqual(stream.more(), b"")

    def test_a_first_row_that_is_wrong_is_a_refusal(self):
        with Service(log=False) as service:
            for body, field, part in ((b'[5.1,3.5,"x",0.2]\n', "p_length", "row 1"),
                                      (b"[1,2,3]\n", None, "row 1"),
                                      (b"{", None, "not JSON"), (b"", None, "no rows"),
                                      (b"\n\n", None, "no rows")):
                with service.connect() as wire:
                    stream = Stream(wire)
                    if body:
                        stream.send(body)
                    stream.end()
                    answer = wire.read_answer()
                    self.assertEqual(answer.status, 400, body)
                    self.assertEqual(answer.type, "application/problem+json")
                    problem = json.loads(answer.body)
                    self.assertIn(part, problem["detail"])
                    if field:
                        self.assertEqual(problem["field"], field)

    def test_a_later_row_that_is_wrong_breaks_the_answer_off(self):
        with Service() as service, service.connect() as wire:
            stream = Stream(wire)
            stream.send(ROWS[0])
            self.assertEqual(stream.head(), 200)
            stream.lines(1)
            stream.send(b"[5.1,3.5,null,0.2]\n" + ROWS[1])
            answers = stream.lines(2)
            self.assertEqual(answers[0]["label"], "setosa")
            self.assertEqual((answers[1]["status"], answers[1]["field"]), (400, "p_length"))
            self.assertIn("row 2", answers[1]["detail"])
            with self.assertRaises(Closed):
                stream.more()
            self.assertEqual(service.ask("GET", "/healthz").status, 200)
            service.terminate()
            with sqlite3.connect(service.log_path) as log:
                self.assertEqual(log.execute("SELECT count(*) FROM predictions").fetchone(), (1,))

    def test_a_short_stream_under_another_spelling_is_one_too(self):
        body = b"".join(ROWS)
        with Service() as service:
            for _ in range(20):
                with service.connect() as wire:
                    head = "POST /predict%5Ffile HTTP/1.1\r\nHost: localhost\r\n"
                    head += f"Content-Type: application/x-ndjson\r\nContent-Length: {len(body)}"
                    wire.send(head.encode() + b"\r\n\r\n" + body)
                    self.assertEqual(wire.read_head()[0], 200)
                    with sqlite3.connect(service.log_path) as log:
                        n = log.execute("SELECT count(*) FROM predictions").fetchone()[0]
                    self.assertEqual(n % 3, 0, "what is answered is recorded")
                    self.assertGreater(n, 0)

    def test_csv_is_answered_so_if_it_is_asked_for(self):
        csv = b"s_length,s_width,p_length,p_width\n" + b"5.1,3.5,1.4,0.2\n7.2,3.6,6.1,2.5\n" * 5
        kind = [("Content-Type", "text/csv"), ("Accept", "application/x-ndjson")]
        with Service(log=False) as service, service.connect() as wire:
            stream = Stream(wire, kind, length=len(csv))
            stream.send(csv)
            self.assertEqual(stream.head(), 200)
            self.assertEqual(self.labels(stream.all()), ["setosa", "virginica"] * 5)

    def test_clients_of_http_1_0_get_an_answer_that_ends_with_the_connection(self):
        body = b"".join(ROWS)
        with Service(log=False) as service, service.connect() as wire:
            stream = Stream(wire, length=len(body), version="1.0")
            stream.send(body)
            self.assertEqual(stream.head(), 200)
            self.assertNotIn("transfer-encoding", stream.fields)
            self.assertEqual(stream.fields["connection"], "close")
            with self.assertRaises(Closed):
                while True:
                    wire._more()
            self.assertEqual(self.labels(json.loads(x) for x in wire.buffer.splitlines()),
                             list(LABELS))

    def test_a_client_that_falls_silent_is_left(self):
        with Service("--body-timeout", "2", log=False) as service, service.connect() as wire:
            stream = Stream(wire)
            for i in range(3):
                stream.send(ROWS[i])
                time.sleep(0.8)  # together longer than the time-out
            self.assertEqual(stream.head(), 200)
            self.assertEqual(self.labels(stream.lines(3)), list(LABELS))
            last = stream.lines(4)[-1]
            self.assertIn("not in time", last["detail"])
            with self.assertRaises(Closed):
                stream.more()

    def test_a_client_that_reads_nothing_is_left_and_others_are_served(self):
        part = b"".join(ROWS[i % 3] for i in range(3000))
        with Service("--write-timeout", "0.5", "--threads", "2", log=False) as service:
            with service.connect() as wire:
                stream = Stream(wire)
                for _ in range(80):
                    stream.send(part)
                stream.end()
                for _ in range(20):
                    self.assertEqual(service.ask("GET", "/healthz").status, 200)
                end = time.monotonic() + DEADLINE_S
                while service.ask("GET", "/metrics").body.count(b'http_route="/predict_file"') == 0:
                    self.assertLess(time.monotonic(), end)
                    time.sleep(0.05)

    def test_streams_leave_threads_for_others(self):
        with Service("--threads", "4", log=False) as service, contextlib.ExitStack() as stack:
            wires = [stack.enter_context(service.connect()) for _ in range(3)]
            streams = [Stream(wire) for wire in wires[:2]]
            for stream in streams:
                stream.send(ROWS[0])
                self.assertEqual(stream.head(), 200)
            third = Stream(wires[2])
            third.send(ROWS[0])
            third.end()
            answer = wires[2].read_answer()
            self.assertEqual(answer.status, 503)
            self.assertIn("retry-after", answer.fields)
            self.assertEqual(service.ask("GET", "/healthz").status, 200)
            streams[0].end()
            self.assertEqual(self.labels(streams[0].all()), ["setosa"])

    def test_a_row_without_an_end_is_refused(self):
        with Service("--body-bytes-max", "1MiB", log=False) as service, service.connect() as wire:
            stream = Stream(wire)
            with contextlib.suppress(ConnectionError):
                for _ in range(40):
                    stream.send(b" " * 65_536)
            answer = wire.read_answer()
            self.assertEqual(answer.status, 413)
            self.assertIn("a row has more than 1048576 bytes", json.loads(answer.body)["detail"])

    def test_what_is_no_such_stream_is_refused(self):
        with Service("--auth-token", "word", log=False) as service:
            stranger = service.ask("POST", "/predict_file", KIND, ROWS[0])
            self.assertEqual(stranger.status, 401)
        with Service(log=False) as service:
            packed = service.ask("POST", "/predict_file", KIND + [("Content-Encoding", "gzip")], b"x")
            self.assertEqual(packed.status, 415)
            latin = [("Content-Type", "application/x-ndjson; charset=latin-1")]
            self.assertEqual(service.ask("POST", "/predict_file", latin, ROWS[0]).status, 415)
        with Service("--models", os.path.dirname(__file__), models=[], log=False) as service:
            self.assertEqual(service.ask("POST", "/predict_file", KIND, ROWS[0]).status, 503)

    def test_it_ends_with_the_service(self):
        with Service(log=False) as service, service.connect() as wire:
            stream = Stream(wire)
            stream.send(ROWS[0])
            self.assertEqual(stream.head(), 200)
            stream.lines(1)
            code, seconds = service.terminate()
            self.assertEqual(code, 0)
            self.assertLess(seconds, 10)
            self.assertTrue(select.select([wire.socket], [], [], 5)[0])


if __name__ == "__main__":
    unittest.main()
