"""Clients that take their time, and memory that they would take: the real binary over loopback."""

import contextlib
import gzip
import json
import os
import resource
import socket
import threading
import time
import unittest
from pathlib import Path

from service import BINARY, IRIS, Closed, Service

WIDE = str(Path(IRIS).parents[1] / "tests/vectors/ref_wide/model.safetensors")  # 2.5 MB
WIDE_BYTES = os.path.getsize(WIDE)
WIDE_PATH = "/models/wide.safetensors"
GOOD = "/predict?s_length=5.1&s_width=3.5&p_length=1.4&p_width=0.2"
CSV = [("Content-Type", "text/csv")]
GZIP = CSV + [("Content-Encoding", "gzip")]
ROW = b"[5.1,3.5,1.4,0.2]"
ROWS = b"5.1,3.5,1.4,0.2\n"
N_SLOW = 20
N_IDLE = 2000
MIB = 1 << 20
# Nobody is freed by a time-out while the others are asked for.
PATIENT = ("--write-timeout", "600", "--body-timeout", "600", "--head-timeout", "600")
SANITIZED = any(name in Path(BINARY).read_bytes() for name in (b"__asan_init", b"__tsan_init"))


def head(method, path, *fields):
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


@contextlib.contextmanager
def dripping(step):
    """Calls `step` once a second from another thread while the block lasts."""
    ended = threading.Event()

    def run():
        while not ended.wait(1):
            step()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


class SlowClients(unittest.TestCase):
    def clients(self, service, stack):
        return [stack.enter_context(service.connect()) for _ in range(N_SLOW)]

    def others_are_served(self, service):
        """Whoever is quick is answered, whatever he asks: each of these times out otherwise."""
        for _ in range(20):
            self.assertEqual(service.ask("GET", GOOD).body, b"[0]")
        answer = service.ask("POST", "/predict_file", CSV, ROWS * 5000)
        self.assertEqual((answer.status, answer.body.count(b"0")), (200, 5000))
        self.assertEqual(len(service.ask("GET", WIDE_PATH).body), WIDE_BYTES)

    def serve(self, *arguments, log=True):
        return Service("--threads", "2", *PATIENT, *arguments, models=[IRIS, f"wide={WIDE}"],
                       log=log)

    def test_slow_readers_hold_no_thread(self):
        with self.serve() as service, contextlib.ExitStack() as stack:
            slow = self.clients(service, stack)
            for wire in slow:
                wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
                wire.send(head("GET", WIDE_PATH) * 4)

            def step():
                for wire in slow:
                    wire.buffer += wire.socket.recv(1)

            with dripping(step):
                time.sleep(1.5)  # until all of them wait for their clients
                self.others_are_served(service)
            for wire in (slow[0], slow[-1]):  # and who takes all of it gets all of it
                for _ in range(4):
                    self.assertEqual(len(wire.read_answer().body), WIDE_BYTES)

    def test_slow_chunks_hold_no_thread(self):
        begin = head("POST", "/predict", "Content-Type: application/json",
                     "Transfer-Encoding: chunked") + chunk(ROW[:1])
        sent = chunk(ROW[1:] + b" " * 200) + b"0\r\n\r\n"  # minutes
        with self.serve() as service, contextlib.ExitStack() as stack:
            slow = self.clients(service, stack)
            for wire in slow:
                wire.send(begin)
            n_sent = 0

            def step():
                nonlocal n_sent
                for wire in slow:
                    wire.send(sent[n_sent:n_sent + 1])
                n_sent += 1

            with dripping(step):
                time.sleep(1.5)
                self.others_are_served(service)
            for wire in slow:
                wire.send(sent[n_sent:])
                self.assertEqual(wire.read_answer().body, b"[0]")
                self.assertEqual(wire.ask("GET", GOOD).body, b"[0]", "the connection goes on")

    def test_slow_compressed_bodies_hold_no_thread(self):
        body = gzip.compress(ROWS * 10, compresslevel=0)  # minutes
        framings = ((f"Content-Length: {len(body)}", body),
                    ("Transfer-Encoding: chunked", chunk(body[:9]) + chunk(body[9:]) + b"0\r\n\r\n"))
        with self.serve() as service, contextlib.ExitStack() as stack:
            slow = self.clients(service, stack)
            kinds = [framings[i % 2] for i in range(N_SLOW)]
            for wire, (field, _) in zip(slow, kinds):
                wire.send(head("POST", "/predict_file", "Content-Type: text/csv",
                               "Content-Encoding: gzip", field))
            n_sent = 0

            def step():
                nonlocal n_sent
                for wire, (_, sent) in zip(slow, kinds):
                    wire.send(sent[n_sent:n_sent + 1])
                n_sent += 1

            with dripping(step):
                time.sleep(1.5)
                self.others_are_served(service)
            for wire, (_, sent) in zip(slow, kinds):
                wire.send(sent[n_sent:])
                answer = wire.read_answer()
                self.assertEqual((answer.status, answer.body.count(b"0")), (200, 10))

    def test_bodies_that_were_asked_for_hold_no_thread(self):
        with self.serve() as service, contextlib.ExitStack() as stack:
            slow = self.clients(service, stack)
            for wire in slow:
                wire.send(head("POST", "/predict", "Content-Type: application/json",
                               f"Content-Length: {len(ROW)}", "Expect: 100-continue"))
                self.assertEqual(wire.read_head()[0], 100)
            self.others_are_served(service)
            for wire in slow:
                wire.send(ROW)
                self.assertEqual(wire.read_answer().body, b"[0]")

    def test_streams_leave_a_thread(self):
        for threads in ("1", "2", "3"):
            with Service("--threads", threads, *PATIENT, models=[IRIS, f"wide={WIDE}"]) as service, \
                    contextlib.ExitStack() as stack:
                slow = self.clients(service, stack)
                begin = head("POST", "/predict_file", "Content-Type: application/x-ndjson",
                             "Transfer-Encoding: chunked") + chunk(ROW + b"\n")
                slow[0].send(begin)
                self.assertEqual(slow[0].read_head()[0], 200)
                for wire in slow[1:]:
                    wire.send(begin)
                    answer = wire.read_answer()
                    self.assertEqual(answer.status, 503, answer)
                    self.assertIn("retry-after", answer.fields)
                self.others_are_served(service)

    def test_slow_readers_are_given_up_in_time(self):
        with Service("--write-timeout", "0.5", "--threads", "2", models=[f"wide={WIDE}"],
                     log=False) as service, service.connect() as wire:
            wire.send(head("GET", WIDE_PATH) * 8)
            time.sleep(3)
            with self.assertRaises(Closed):
                for _ in range(8):
                    wire.read_answer()

    def test_answers_that_are_taken_slowly_end_with_the_service_in_time(self):
        with self.serve() as service, service.connect() as slow, service.connect() as late:
            slow.send(head("GET", WIDE_PATH) * 8)
            late.send(head("GET", WIDE_PATH))
            time.sleep(0.5)
            answers = []
            reader = threading.Thread(target=lambda: (time.sleep(0.3),
                                                      answers.append(late.read_answer())))
            reader.start()
            code, seconds = service.terminate()
            reader.join()
            self.assertEqual(code, 0)
            self.assertLess(seconds, 10)
            self.assertEqual(len(answers[0].body), WIDE_BYTES, "what has begun is finished")

    def test_what_is_cut_at_the_end_is_in_the_access_log(self):
        def named(name, method, path, *fields):
            return head(method, path, f"X-Request-ID: {name}", *fields)

        json_body = ("Content-Type: application/json", f"Content-Length: {len(ROW)}")
        with self.serve() as service, contextlib.ExitStack() as stack:
            wires = {name: stack.enter_context(service.connect())
                     for name in ("body", "asked", "taken", "answered", "idle", "head")}
            wires["body"].send(named("body", "POST", "/predict?a=b", *json_body) + ROW[:-1])
            wires["asked"].send(named("asked", "POST", "/v2/models/iris/infer", *json_body,
                                      "Expect: 100-continue"))
            self.assertEqual(wires["asked"].read_head()[0], 100)
            wires["taken"].send(b"".join(named(f"taken-{i}", "GET", WIDE_PATH) for i in range(8)))
            wires["answered"].send(named("answered", "GET", GOOD))
            self.assertEqual(wires["answered"].read_answer().status, 200)
            wires["head"].send(named("head", "GET", GOOD)[:-2])
            time.sleep(0.5)
            code, _ = service.terminate()
            self.assertEqual(code, 0)
            lines = {line["request_id"]: line
                     for line in map(json.loads, service.stdout().splitlines())}
            whole = [f"taken-{i}" for i in range(8) if lines.get(f"taken-{i}", {}).get("status") == 200]
            cut = f"taken-{len(whole)}"  # the one that its client was taking
            self.assertEqual(set(lines), {"body", "asked", "answered", cut, *whole})
            self.assertEqual({name: (line["method"], line["route"], line["path"], line["status"])
                              for name, line in lines.items() if name not in whole}, {
                "body": ("POST", "/predict", "/predict", 0),
                "asked": ("POST", "/v2/models/{model}/infer", "/v2/models/iris/infer", 0),
                "answered": ("GET", "/predict", "/predict", 200),
                cut: ("GET", "/models/{name}.safetensors", WIDE_PATH, 0)})
            self.assertEqual((lines["body"]["bytes"], lines["asked"]["bytes"]), (0, 0))
            self.assertLess(lines[cut]["bytes"], WIDE_BYTES)
            for name in ("body", "asked", cut):
                self.assertGreater(lines[name]["duration_ms"], 400)
                self.assertEqual(lines[name]["remote"], "127.0.0.1")


def resident(service):
    text = Path(f"/proc/{service.process.pid}/statm").read_text()
    return int(text.split()[1]) * os.sysconf("SC_PAGESIZE")


def processor_s(service):
    """Of all threads; the kernel counts it in hundredths."""
    text = Path(f"/proc/{service.process.pid}/stat").read_text()
    user, system = text.rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def descriptors(n):
    """So many for this process, and for those that it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < n:
        raise unittest.SkipTest(f"SKIP: {n} descriptors are needed, and {hard} are allowed")
    if soft != resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, n), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class IdleClients(unittest.TestCase):
    def is_answered(self, wire):
        answer = wire.ask("GET", GOOD)
        self.assertEqual((answer.status, answer.body), (200, b"[0]"))

    def test_thousands_of_idle_connections_cost_little_and_stay(self):
        with descriptors(N_IDLE + 500), \
                Service("--threads", "2", "--idle-timeout", "600", *PATIENT) as service, \
                contextlib.ExitStack() as stack:
            for _ in range(50):
                self.assertEqual(service.ask("GET", GOOD).body, b"[0]")
            before = resident(service)
            idle = []
            for i in range(N_IDLE):
                idle.append(stack.enter_context(service.connect()))
                if i % 4:  # the fourth says nothing
                    self.is_answered(idle[-1])
            spent = processor_s(service)
            time.sleep(2)  # what is measured is that nothing happens
            self.assertLess(processor_s(service) - spent, 0.2)
            for _ in range(50):  # others
                self.assertEqual(service.ask("GET", GOOD).body, b"[0]")
            answer = service.ask("POST", "/predict_file", CSV, ROWS * 5000)
            self.assertEqual((answer.status, answer.body.count(b"0")), (200, 5000))
            for wire in idle:
                self.is_answered(wire)
            if not SANITIZED:
                self.assertLess(resident(service) - before, 20 * MIB)  # of which they need 2
            self.assertEqual(service.terminate()[0], 0)


class Memory(unittest.TestCase):
    def refused(self, answer):
        self.assertEqual(answer.status, 503, answer)
        self.assertIn("retry-after", answer.fields)
        self.assertIn("together have more than 1048576 bytes", json.loads(answer.body)["detail"])

    def test_chunked_bodies_of_all_clients_together_are_bounded(self):
        begin = head("POST", "/predict_file", "Content-Type: text/csv",
                     "Transfer-Encoding: chunked") + chunk(ROWS * 40_000)  # 640 kB
        with Service("--held-bytes-max", "1MiB", log=False) as service:
            with service.connect() as first, service.connect() as second:
                first.send(begin)
                time.sleep(1)  # until it is held: two that come at once may both be refused
                second.send(begin)
                self.refused(second.read_answer())
                first.send(b"0\r\n\r\n")
                self.assertEqual(first.read_answer().status, 200)
                first.send(begin + b"0\r\n\r\n")
                self.assertEqual(first.read_answer().status, 200, "what was answered is not held")

    def test_what_compressed_bodies_hold_is_bounded(self):
        with Service("--held-bytes-max", "1MiB", log=False) as service:
            for _ in range(3):
                self.refused(service.ask("POST", "/predict_file", GZIP, gzip.compress(ROWS * 200_000)))
            for _ in range(3):
                answer = service.ask("POST", "/predict_file", GZIP, gzip.compress(ROWS * 20_000))
                self.assertEqual((answer.status, answer.body.count(b"0")), (200, 20_000))

    def test_answers_that_are_not_taken_are_bounded(self):
        with Service("--held-bytes-max", "16MiB", *PATIENT, models=[f"wide={WIDE}"],
                     log=False) as service, contextlib.ExitStack() as stack:
            before = resident(service)
            wires = []
            for _ in range(120):  # 300 MB, besides what the sockets hold
                wire = stack.enter_context(service.connect())
                wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
                wire.send(head("GET", WIDE_PATH) * 3)
                wires.append(wire)
                self.assertEqual(service.ask("GET", "/healthz").status, 200)
            time.sleep(1)
            if not SANITIZED:
                self.assertLess(resident(service) - before, 120 * MIB)
            n_whole = 0
            for wire in wires:
                with contextlib.suppress(Closed):  # those that were given up
                    for _ in range(3):
                        self.assertEqual(len(wire.read_answer().body), WIDE_BYTES)
                    n_whole += 1
            self.assertGreater(n_whole, 2)
            self.assertLess(n_whole, 30)
            self.assertEqual(len(service.ask("GET", WIDE_PATH).body), WIDE_BYTES)

    @unittest.skipIf(SANITIZED, "a sanitizer ends the process where memory is lacking")
    def test_no_memory_ends_no_process(self):
        body = ROWS * (15 * MIB // len(ROWS))
        begin = head("POST", "/predict_file", "Content-Type: text/csv",
                     f"Content-Length: {len(body)}")
        with Service("--threads", "4", log=False) as service:
            for _ in range(20):
                self.assertEqual(service.ask("GET", GOOD).body, b"[0]")
            status = Path(f"/proc/{service.process.pid}/status").read_text()
            size = int(status.split("VmSize:")[1].split()[0]) * 1024
            limits = resource.prlimit(service.process.pid, resource.RLIMIT_AS)
            resource.prlimit(service.process.pid, resource.RLIMIT_AS, (size + 24 * MIB, limits[1]))
            with contextlib.ExitStack() as stack:
                wires = [stack.enter_context(service.connect()) for _ in range(8)]
                for wire in wires:
                    with contextlib.suppress(ConnectionError):
                        wire.send(begin + body[:-1])
                n_refused = 0
                for wire in wires:
                    with contextlib.suppress(ConnectionError, Closed):
                        wire.send(body[-1:])
                        n_refused += wire.read_answer().status == 503
                        continue
                    n_refused += 1
                self.assertGreater(n_refused, 0, "there was memory for all of it")
            resource.prlimit(service.process.pid, resource.RLIMIT_AS, limits)
            self.assertIn("there was no memory for it", service.stderr())
            self.assertEqual(service.ask("GET", GOOD).body, b"[0]")
            self.assertEqual(service.ask("POST", "/predict_file", CSV, body).status, 200)
            self.assertIsNone(service.process.poll())


if __name__ == "__main__":
    unittest.main()
