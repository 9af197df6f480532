"""Limits of the service over loopback: how large heads and bodies may be, how long they may take, and
how many clients may wait."""

import contextlib
import gzip
import os
import socket
import threading
import time
import unittest
from pathlib import Path

from service import CSV, GOOD, IRIS, JSON, ROW, Closed, OneServiceCase, Service, ServiceCase, form

WIDE = str(Path(IRIS).parents[1] / "tests/vectors/ref_wide/model.safetensors")  # 2.5 MB
MIB = 1 << 20
BODY_MAX = 16 * MIB


class Sizes(OneServiceCase):
    def test_heads_are_limited(self):
        with self.service.connect() as wire:
            self.problem(wire.ask("GET", "/" + "x" * 9000), 414)
        with self.service.connect() as wire:
            self.problem(wire.ask("GET", GOOD, [(f"X-{i}", "1") for i in range(100)]), 431)
            self.assertTrue(wire.is_closed())
        fields = [("X-Long", "x" * 20000)]
        with self.service.connect() as wire:
            self.problem(wire.ask("GET", GOOD, fields), 431)
            self.assertTrue(wire.is_closed())
        self.assertEqual(
            self.service.ask("GET", GOOD, [(f"X-{i}", "1") for i in range(99)]).status, 200)

    def test_endless_head_line_is_refused_and_not_kept(self):
        before = self.resident_bytes()
        with self.service.connect() as wire:
            try:
                for _ in range(300):
                    wire.send(b"x" * 100000)
            except ConnectionError:
                pass  # the answer is there already, and nobody listens any more
            try:
                self.problem(wire.read_answer(), 431)
            except Closed:
                pass
        self.assertLess(self.resident_bytes() - before, 8 * MIB)

    def test_declared_length_over_the_limit_is_refused_at_once(self):
        for path, fields in (("/predict", JSON), ("/predict_file", CSV), ("/healthz", [])):
            with self.subTest(path), self.service.connect() as wire:
                head = "".join(f"{n}: {v}\r\n" for n, v in fields)
                wire.send(f"POST {path} HTTP/1.1\r\nHost: h\r\n{head}"
                          f"Content-Length: {BODY_MAX + 1}\r\n\r\n".encode())
                self.problem(wire.read_answer(), 413)
                self.assertTrue(wire.is_closed())

    def test_expectation_is_refused_before_the_body_is_sent(self):
        with self.service.connect() as wire:
            answer = wire.ask("POST", "/predict", JSON + [
                ("Expect", "100-continue"), ("Content-Length", str(BODY_MAX + 1))])
            self.problem(answer, 413)
        with self.service.connect() as wire:
            wire.send(b"POST /nope HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
                      b"Content-Length: 5\r\n\r\n")
            answer = wire.read_answer()
            self.problem(answer, 404)
            self.assertEqual(answer.fields["connection"], "close")

    def test_expectation_is_met(self):
        with self.service.connect() as wire:
            wire.send(b"POST /predict HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                      b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(ROW))
            self.assertEqual(wire.read_head(), (100, {}))
            wire.send(ROW)
            self.assertEqual(wire.read_answer().body, b"[0]")

    def test_largest_body_is_read(self):
        line = b"5.1,3.5,1.4,0.2".ljust(1023) + b"\n"
        body = line * (BODY_MAX // len(line))
        self.assertEqual(len(body), BODY_MAX)
        answer = self.service.ask("POST", "/predict_file", CSV, body)
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.body, b"[" + b", ".join([b"0"] * (BODY_MAX // len(line))) + b"]")

    def send_chunks(self, wire, head, pieces):
        wire.send(b"POST /predict_file HTTP/1.1\r\nHost: h\r\nContent-Type: text/csv\r\n" + head +
                  b"Transfer-Encoding: chunked\r\n\r\n")
        try:
            for piece in pieces:
                wire.send(b"%x\r\n%s\r\n" % (len(piece), piece))
            wire.send(b"0\r\n\r\n")
        except ConnectionError:
            pass  # the answer is there already

    def test_chunked_bodies_are_read_and_limited(self):
        with self.service.connect() as wire:
            self.send_chunks(wire, b"", [b"5.1,3.5,", b"1.4,0.2\n6.0,2.9,4.5,1.5\n"])
            self.assertEqual(wire.read_answer().body, b"[0, 1]")
            self.assertEqual(wire.ask("GET", GOOD).body, b"[0]")
        with self.service.connect() as wire:
            self.send_chunks(wire, b"", [b"5.1,3.5,1.4,0.2\n" * 65536] * 20)
            self.problem(wire.read_answer(), 413)
            self.assertTrue(wire.is_closed())

    def test_broken_chunks_are_refused(self):
        for body in (b"x\r\n", b"-1\r\n", b"0x1\r\n", b"1\nx\r\n0\r\n\r\n", b"1\r\nxy\r\n0\r\n\r\n",
                     b"ffffffffffffffff\r\n", b"1;" + b"e" * 1000 + b"\r\nx\r\n0\r\n\r\n", b"\r\n",
                     b"0\r\n" + b"T: 1\r\n" * 200 + b"\r\n"):
            with self.subTest(body[:40]), self.service.connect() as wire:
                wire.send(b"POST /predict HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                          b"Transfer-Encoding: chunked\r\n\r\n" + body)
                self.assertIn(wire.read_answer().status, (400, 413, 431))
                self.assertTrue(wire.is_closed())

    def test_chunk_extensions_and_trailers_are_skipped(self):
        with self.service.connect() as wire:
            wire.send(b"POST /predict HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                      b"Transfer-Encoding: chunked\r\n\r\n"
                      b"%x;a=b\r\n%s\r\n0\r\nX-T: 1\r\n\r\n" % (len(ROW), ROW))
            self.assertEqual(wire.read_answer().body, b"[0]")
            self.assertEqual(wire.ask("GET", GOOD).body, b"[0]")

    def test_gzip_bodies_are_read_and_limited(self):
        fields = CSV + [("Content-Encoding", "gzip")]
        small = gzip.compress(b"5.1,3.5,1.4,0.2\n" * 1000)
        answer = self.service.ask("POST", "/predict_file", fields, small)
        self.assertEqual((answer.status, answer.body.count(b"0")), (200, 1000), answer)
        bomb = gzip.compress(b"\n" * (200 * MIB))
        before = self.resident_bytes()
        self.problem(self.service.ask("POST", "/predict_file", fields, bomb), 413)
        self.assertLess(self.resident_bytes() - before, 64 * MIB)

    def resident_bytes(self):
        text = Path(f"/proc/{self.service.process.pid}/statm").read_text()
        return int(text.split()[1]) * os.sysconf("SC_PAGESIZE")

    def test_gzip_that_is_none_or_not_whole_is_refused(self):
        whole = gzip.compress(b"5.1,3.5,1.4,0.2\n" * 1000)
        for body in (b"5.1,3.5,1.4,0.2\n", whole[:-9], whole[: len(whole) // 2], whole + b"tail"):
            self.problem(self.service.ask("POST", "/predict_file",
                                          CSV + [("Content-Encoding", "gzip")], body), 400)
        answer = self.service.ask("POST", "/predict", JSON + [("Content-Encoding", "zstd")], ROW)
        self.problem(answer, 415)
        self.assertEqual(answer.fields["accept-encoding"], "gzip, deflate")

    def test_large_urlencoded_and_unwanted_bodies_are_refused_by_type(self):
        fields = [("Content-Type", "application/x-www-form-urlencoded")]
        self.problem(self.service.ask("POST", "/predict", fields, b"x" * 100000), 415)
        self.problem(self.service.ask("PUT", "/predict", JSON, b"x" * 1000000), 405)

    def test_post_without_a_length_has_no_body(self):
        start = time.monotonic()
        self.problem(self.service.ask("POST", "/predict", JSON), 400)
        self.assertLess(time.monotonic() - start, 2)

    def test_deep_and_odd_json_is_refused(self):
        for body in (b"[" * MIB, b'{"s_length":' * 100000, b"[1e999,1,1,1]", b"\xef\xbb\xbf[",
                     b'{"s_length":1,"s_length":2,"s_width":1,"p_length":1,"p_width":1}'):
            problem = self.problem(self.service.ask("POST", "/predict", JSON, body), 400)
            self.assertLess(len(problem["detail"]), 600)

    def test_hostile_forms_are_refused(self):
        fields, _ = form(b"")
        for body in (b"------seedboundary", b"------seedboundary\r\n" * 100000,
                     b"------seedboundary\r\nContent-Disposition: form-data; name=\"" + b"a" * MIB,
                     b"\r\n" * MIB):
            self.problem(self.service.ask("POST", "/predict_file", fields, body), 400)


class Waiting(ServiceCase):
    """Services with few threads, or little patience."""

    def test_idle_clients_make_room(self):
        with Service("--threads", "2") as service:
            idle = [service.connect() for _ in range(20)]
            for wire in idle[:2]:
                self.assertEqual(wire.ask("GET", GOOD).body, b"[0]")
            start = time.monotonic()
            self.assertEqual(service.ask("GET", GOOD).body, b"[0]")
            self.assertLess(time.monotonic() - start, 5)
            for wire in idle:
                wire.socket.close()

    def test_bodies_of_all_clients_together_are_bounded(self):
        body = b"5.1,3.5,1.4,0.2\n" * 40_000  # 640 kB
        head = (f"POST /predict_file HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
                f"Content-Length: {len(body)}\r\n\r\n").encode()
        with Service("--held-bytes-max", "1MiB", log=False) as service:
            with service.connect() as first, service.connect() as second:
                first.send(head + body[:-1])
                time.sleep(1)  # until it is held: two that come at once may both be refused
                second.send(head + body[:-1])
                answer = second.read_answer()
                self.assertEqual(answer.status, 503, answer)
                self.assertIn("retry-after", answer.fields)
                first.send(body[-1:])
                self.assertEqual(first.read_answer().status, 200)
                first.send(head + body)
                self.assertEqual(first.read_answer().status, 200, "what was answered is not held")
            self.assertEqual(service.ask("POST", "/predict_file", [("Content-Type", "text/csv")],
                                         body).status, 200)

    def test_clients_that_do_not_read_hold_up_nobody_else(self):
        ask = b"GET /models/wide.safetensors HTTP/1.1\r\nHost: localhost\r\n\r\n"
        with Service("--write-timeout", "600", "--threads", "24", models=[f"wide={WIDE}"],
                     log=False) as service, contextlib.ExitStack() as stack:
            silent = [stack.enter_context(service.connect()) for _ in range(12)]
            for wire in silent:
                wire.send(ask * 8)  # some 20 MB of answers each
            for _ in range(100):
                self.assertEqual(service.ask("GET", "/healthz").status, 200)
            size = os.path.getsize(WIDE)
            for _ in range(8):  # and whoever reads late gets all of it
                self.assertEqual(len(silent[0].read_answer().body), size)

    def test_slow_heads_hold_no_thread(self):
        with Service("--threads", "1") as service:
            slow = [service.connect() for _ in range(20)]
            for wire in slow:
                wire.send(b"GET /nope HTTP/1.1\r\nHost: h\r\n")
            start = time.monotonic()
            self.assertEqual(service.ask("GET", GOOD).body, b"[0]")
            self.assertLess(time.monotonic() - start, 5)
            slow[7].send(b"\r\n")
            self.problem(slow[7].read_answer(), 404)
            for wire in slow:
                wire.socket.close()

    def test_slow_bodies_hold_no_thread(self):
        with Service("--threads", "1") as service:
            slow = [service.connect() for _ in range(20)]
            for wire in slow:
                wire.send(b"POST /predict HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                          b"Content-Length: %d\r\n\r\n" % len(ROW))
            for wire in slow[:10]:
                wire.send(ROW[:1])
            start = time.monotonic()
            self.assertEqual(service.ask("GET", GOOD).body, b"[0]")
            self.assertLess(time.monotonic() - start, 5)
            slow[7].send(ROW[1:])
            slow[17].send(ROW)
            for wire in (slow[7], slow[17]):
                self.assertEqual(wire.read_answer().body, b"[0]")
            for wire in slow:
                wire.socket.close()

    def test_more_clients_than_threads_are_all_answered(self):
        with Service("--threads", "2") as service:
            done = []

            def client():
                for _ in range(10):
                    done.append(service.ask("GET", GOOD).body)

            threads = [threading.Thread(target=client) for _ in range(16)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(done, [b"[0]"] * 160)

    def test_slow_heads_and_bodies_are_given_up(self):
        with Service("--head-timeout", "0.3", "--body-timeout", "0.3") as service:
            with service.connect() as wire:
                wire.send(b"GET / HTTP/1.1\r\n")
                self.problem(wire.read_answer(), 408)
                self.assertTrue(wire.is_closed())
            with service.connect() as wire:
                wire.send(b"POST /predict HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                          b"Content-Length: 10\r\n\r\n[")
                self.problem(wire.read_answer(), 408)
                self.assertTrue(wire.is_closed())

    def test_dripping_does_not_renew_the_deadline(self):
        with Service("--head-timeout", "0.5") as service, service.connect() as wire:
            wire.send(b"GET / HTTP/1.1\r\n")
            end = time.monotonic() + 20
            dripped = 0
            try:
                while not select_readable(wire.socket, 0.05) and time.monotonic() < end:
                    wire.send(b"X: 1\r\n")
                    dripped += 1
            except ConnectionError:
                pass
            self.assertGreater(dripped, 2)
            self.assertLess(dripped, 60)
            self.problem(wire.read_answer(), 408)

    def test_idle_connections_end(self):
        with Service("--idle-timeout", "0.3") as service, service.connect() as wire:
            self.assertEqual(wire.ask("GET", GOOD).body, b"[0]")
            self.assertTrue(wire.is_closed())


def select_readable(sock, timeout_s):
    sock.settimeout(timeout_s)
    try:
        return bool(sock.recv(1, socket.MSG_PEEK)) or True
    except TimeoutError:
        return False
    finally:
        sock.settimeout(60)


if __name__ == "__main__":
    unittest.main()
