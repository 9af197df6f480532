"""Answered = recorded exactly once, in SQLite and in Redis, whatever dies when.

The real service and the real redis-server are killed under load, files are copied, erased and
shared, and every row is found by its request id. COPSE_BIN names the binary.
"""
import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import unittest
import urllib.parse

import redis_fault_test as faults
from redis_fault_test import COPSE, FLOWERS, GUARD_S, ROOT, Redis, Service, eventually

KILLS = 12
THREADS = 4
ANSWERS_PER_KILL = 250
FULL = 1 << 20  # the smallest cap


class Load:
    """Clients that ask as fast as they can, and remember which of their requests were answered."""

    def __init__(self, url, name):
        self.address = urllib.parse.urlsplit(url).netloc
        self.name, self.answered, self.stopped = name, [], threading.Event()
        self.wrong = []
        self.threads = [threading.Thread(target=self._run, args=(i,)) for i in range(THREADS)]
        for thread in self.threads:
            thread.start()

    def _run(self, thread):
        connection = http.client.HTTPConnection(self.address, timeout=GUARD_S)
        try:
            for i in range(100_000):
                if self.stopped.is_set():
                    return
                request_id = f"{self.name}.{thread}.{i}"
                query = "s_length={}&s_width={}&p_length={}&p_width={}".format(*FLOWERS[i % 3])
                connection.request("GET", "/predict?" + query, headers={"X-Request-ID": request_id})
                answer = connection.getresponse()
                body = answer.read()
                if body == f"[{i % 3}]".encode() and answer.status == 200:
                    self.answered.append(request_id)
                else:
                    self.wrong.append((answer.status, body))
        except (OSError, http.client.HTTPException):
            pass  # the service died: what it had not answered does not count
        finally:
            connection.close()

    def end(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join()
        assert not self.wrong, self.wrong[:3]
        return self.answered


class Wire:
    """A network between the service and Redis: it can swallow what comes from either side, without
    a word, as a cut cable does."""

    def __init__(self, port):
        self.target, self.swallows, self.swallowed = port, set(), 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.threads, self.sockets = [], []
        self._start(self._accept)

    def _start(self, function, *arguments):
        self.threads.append(threading.Thread(target=function, args=arguments, daemon=True))
        self.threads[-1].start()

    def _accept(self):
        while True:
            try:
                service = self.listener.accept()[0]
                target = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                return
            self.sockets += [service, target]
            self._start(self._forward, "questions", service, target)
            self._start(self._forward, "answers", target, service)

    def _forward(self, what, source, target):
        try:
            while data := source.recv(65536):
                if what in self.swallows:
                    self.swallowed += 1
                else:
                    target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self):
        for end in (self.listener, *self.sockets):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        for thread in self.threads:
            thread.join(GUARD_S)


class OutboxCase(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="copse-outbox-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.redis = Redis(self.folder)
        self.addCleanup(self.redis.kill)
        self.log = os.path.join(self.folder, "predictions.db")
        self.n = 0

    def serve(self, *arguments, log=None, redis=True, port=None):
        arguments = ("--log", log or self.log, *arguments)
        if redis:
            arguments += ("--redis", f"127.0.0.1:{port or self.redis.port}")
        service = Service(*arguments)
        self.addCleanup(service.end)
        return service

    def ask(self, service, n):
        """n predictions; their request ids"""
        begin, self.n = self.n, self.n + n
        for i in range(begin, self.n):
            status, _, seconds = service.predict(i)
            self.assertEqual(status, 200)
            self.assertLess(seconds, faults.ANSWER_S_MAX)
        return [f"request-{i}" for i in range(begin, self.n)]

    def rows(self, log=None, column="request_id"):
        with contextlib.closing(sqlite3.connect(log or self.log)) as file:
            return [row[0] for row in file.execute(f"SELECT {column} FROM predictions ORDER BY seq")]

    def stream(self):
        return [row[b"request_id"].decode() for row in self.redis.stream()]

    def drained(self, *services):
        for service in services:
            eventually(lambda s=service: s.metric("prediction_log_queued") == 0
                       and s.metric("prediction_log_unshipped_rows") == 0
                       and s.metric("redis_up") == 1, "everything is in Redis")

    def assert_once(self, ids, in_order=True):
        """Redis has these request ids and no others, each once; and as many numbered keys."""
        stream = self.stream()
        if in_order:
            self.assertEqual(stream, list(ids))
        self.assertEqual(len(stream), len(set(stream)), "a row is in Redis twice")
        self.assertEqual(set(stream), set(ids))
        self.assertEqual(int(self.redis.client().get("copse:count")), len(stream))
        self.assertIsNone(self.redis.client().get(str(len(stream))))


class Kills(OutboxCase):
    def check_all(self, answered):
        service = self.serve()
        self.drained(service)
        self.assertEqual(service.metric("prediction_log_gone_total"), 0)
        rows, stream = self.rows(), self.stream()
        self.assertEqual(len(rows), len(set(rows)), "a request is in the file twice")
        self.assertEqual(stream, rows, "Redis has the rows of the file, once and in order")
        self.assertEqual(set(answered) - set(rows), set(), "an answered request is lost")
        self.assertLessEqual(len(rows) - len(answered), KILLS * THREADS, "only what was in flight")
        self.assertEqual(int(self.redis.client().get("copse:count")), len(rows))
        self.assertGreater(len(answered), KILLS * ANSWERS_PER_KILL - 1)
        print(f"report: {len(answered)} answered, {len(rows)} recorded, {KILLS} kills")

    def load_until_killed(self, name, during=lambda: None):
        service = self.serve()
        load = Load(service.url(), name)
        eventually(lambda: len(load.answered) >= ANSWERS_PER_KILL, "requests are answered")
        during()
        service.process.kill()
        service.process.wait()
        return load.end()

    def test_the_service_is_killed_under_load(self):
        self.redis.start()
        answered = []
        for kill in range(KILLS):
            answered += self.load_until_killed(f"k{kill}")
        self.check_all(answered)

    def test_the_service_and_redis_are_killed_under_load(self):
        self.redis.start("--appendonly", "yes")
        answered = []

        def end_redis():
            self.redis.kill()
            self.redis.start("--appendonly", "yes")

        def freeze_redis():
            self.redis.process.send_signal(signal.SIGSTOP)
            self.addCleanup(lambda process=self.redis.process: process.poll() is None and
                            process.send_signal(signal.SIGCONT))

        def cut_connections():
            self.redis.client().client_kill_filter(_type="normal", skipme=True)

        for kill in range(KILLS):
            during = (end_redis, freeze_redis, cut_connections)[kill % 3]
            answered += self.load_until_killed(f"k{kill}", during)
            if during is freeze_redis:
                self.redis.process.send_signal(signal.SIGCONT)
        self.check_all(answered)

    def test_redis_comes_back_with_older_snapshots(self):
        self.redis.start()
        service = self.serve()
        load = Load(service.url(), "s")
        for _ in range(4):
            n = len(load.answered)
            eventually(lambda: len(load.answered) > n + 200, "requests are answered")
            self.redis.client().save()
            n = len(load.answered)
            eventually(lambda: len(load.answered) > n + 200, "requests are answered")
            self.redis.kill()
            self.redis.start()
        answered = load.end()
        self.drained(service)
        rows = self.rows()
        self.assertEqual(sorted(rows), sorted(answered))
        self.assert_once(rows)
        self.assertTrue(service.says("prediction_log_rewound"))


class Network(OutboxCase):
    def test_a_cut_network_loses_and_repeats_nothing(self):
        self.redis.start()
        wire = Wire(self.redis.port)
        self.addCleanup(wire.close)
        service = self.serve(port=wire.port)
        load = Load(service.url(), "n")
        for cut in ({"answers"}, {"questions"}, {"answers", "questions"}):
            n = len(load.answered)
            eventually(lambda: len(load.answered) > n + 100, "requests are answered")
            before, wire.swallows = wire.swallowed, cut
            eventually(lambda: wire.swallowed > before, "something is swallowed")
            eventually(lambda: service.metric("redis_up") == 0, "the service notices")
            n = len(load.answered)
            eventually(lambda: len(load.answered) > n + 100, "requests are answered all the same")
            wire.swallows = set()
            eventually(lambda: service.metric("redis_up") == 1, "the service goes on")
        answered = load.end()
        self.drained(service)
        rows = self.rows()
        self.assertEqual(sorted(rows), sorted(answered))
        self.assert_once(rows)
        self.assertTrue(service.says("prediction_log_down", "no answer within"))


class Files(OutboxCase):
    def copy(self, name):
        """a copy of the file, which no service has open"""
        target = os.path.join(self.folder, name)
        shutil.copy(self.log, target)
        return target

    def test_rows_recorded_without_redis_follow_when_there_is_one(self):
        service = self.serve(redis=False)
        ids = self.ask(service, 40)
        self.assertEqual(service.stop()[0], 0)
        self.redis.start()
        service = self.serve()
        ids += self.ask(service, 10)
        self.drained(service)
        self.assert_once(ids)

    def test_rows_that_wait_are_named_when_redis_is_left_out(self):
        self.redis.start()
        service = self.serve()
        ids = self.ask(service, 10)
        self.drained(service)
        self.redis.kill()
        ids += self.ask(service, 5)
        service.stop()
        service = self.serve(redis=False)
        self.assertTrue(service.says("prediction_log_waiting", "started without it"))
        self.assertEqual(service.events()[0]["waiting"], 5)

    def test_two_services_with_copies_of_one_file(self):
        self.redis.start()
        service = self.serve()
        ids = self.ask(service, 30)
        self.drained(service)
        service.stop()
        services = [self.serve(), self.serve(log=self.copy("copy.db"))]
        for _ in range(5):
            for service in services:
                ids += self.ask(service, 5)
        self.drained(*services)
        self.assert_once(ids, in_order=False)
        said = [service.says("prediction_log_copied") for service in services]
        self.assertEqual(sorted(said), [False, True], "one of them takes a new name, and says so")

    def test_a_copy_of_rows_that_wait_moves_them_once(self):
        service = self.serve()
        ids = self.ask(service, 300)
        service.stop()
        copy = self.copy("copy.db")
        services = [self.serve(), self.serve(log=copy)]
        for service in services:
            ids += self.ask(service, 20)
        self.redis.start()
        self.drained(*services)
        self.assert_once(ids, in_order=False)

    def test_a_file_from_a_backup(self):
        self.redis.start()
        service = self.serve()
        ids = self.ask(service, 30)
        service.stop()
        backup = self.copy("backup.db")
        service = self.serve()
        ids += self.ask(service, 20)
        self.drained(service)
        service.stop()
        os.replace(backup, self.log)
        service = self.serve()
        ids += self.ask(service, 10)
        self.drained(service)
        self.assert_once(ids)
        self.assertTrue(service.says("prediction_log_copied"))

    def test_an_erased_file_begins_anew(self):
        self.redis.start()
        service = self.serve()
        ids = self.ask(service, 30)
        self.drained(service)
        service.stop()
        os.remove(self.log)
        service = self.serve()
        ids += self.ask(service, 10)
        self.drained(service)
        self.assert_once(ids)
        self.assertEqual(len(self.rows()), 10)
        self.assertEqual(service.events(), [])

    def test_a_file_erased_under_a_running_service(self):
        self.redis.start()
        service = self.serve()
        ids = self.ask(service, 30)
        os.remove(self.log)
        ids += self.ask(service, 10)
        self.drained(service)
        self.assert_once(ids)
        eventually(lambda: service.says("prediction_log_moved", "Start the service again"), "says")

    def test_two_services_share_one_file(self):
        self.redis.start()
        services = [self.serve(), self.serve()]
        loads = [Load(service.url(), name) for service, name in zip(services, "ab")]
        for load in loads:
            eventually(lambda: len(load.answered) > 500, "requests are answered")
        answered = sum((load.end() for load in loads), [])
        self.drained(*services)
        rows = self.rows()
        eventually(lambda: self.redis.client().xlen("copse:predictions") == len(rows), "all")
        self.assertEqual(sorted(rows), sorted(answered))
        self.assert_once(rows)

    def test_a_file_that_cannot_be_written_is_one_sentence(self):
        ran = subprocess.run(
            [COPSE, "serve", "--model", str(ROOT / "models" / "iris.safetensors"), "--port", "0",
             "--redis", "--log", "/nowhere/predictions.db"],
            capture_output=True, text=True, timeout=GUARD_S)
        self.assertEqual(ran.returncode, 3)
        self.assertIn("cannot write the prediction log '/nowhere/predictions.db'", ran.stderr)
        self.assertEqual(ran.stderr.count("\n"), 1)


class Size(OutboxCase):
    def test_rows_that_wait_are_never_trimmed(self):
        service = self.serve("--log-max-bytes", "1MiB")
        service.predict_file(15_000)
        eventually(lambda: service.says("prediction_log_down", "is full: rows that wait"), "says")
        self.assertEqual(service.metric("prediction_log_up"), 0)
        self.assertEqual(service.metric("redis_up"), 0)
        self.assertGreater(service.metric("prediction_log_unshipped_rows"), 1_000)
        self.assertGreater(service.metric("prediction_log_lag_seconds"), 0)
        self.assertEqual(service.metric("prediction_log_dropped_total"), 0)
        self.ask(service, 20)  # answered all the same
        self.redis.start()
        eventually(lambda: self.redis.client().xlen("copse:predictions") == 15_020, "all arrive")
        stream = self.stream()
        self.assertEqual(stream[:15_000], [f"file:{i}" for i in range(1, 15_001)])
        self.assertEqual(len(set(stream)), 15_020)
        eventually(lambda: service.says("prediction_log_up"), "says that it works again")
        self.assertLess(service.metric("prediction_log_bytes"), 2 * FULL)
        self.assertLess(os.path.getsize(self.log), 3 * FULL)
        self.assertEqual(service.metric("prediction_log_gone_total"), 0)

    def test_what_neither_file_nor_queue_can_hold_is_counted(self):
        service = self.serve("--log-max-bytes", "1MiB")
        rows = 120_000  # the queue holds 100,000
        service.predict_file(rows)
        eventually(lambda: service.says("prediction_log_full"), "says that it drops")
        dropped = service.metric("prediction_log_dropped_total")
        self.assertGreater(dropped, 0)
        self.redis.start()
        eventually(lambda: self.redis.client().xlen("copse:predictions") + dropped == rows, "rest")
        self.assertEqual(service.metric("prediction_log_dropped_total"), dropped)

    def test_old_rows_are_trimmed(self):
        for arguments, redis, most in ((("--log-keep", "500"), False, 500),
                                       (("--log-keep", "500"), True, 500 + 256),
                                       (("--log-max-bytes", "1MiB"), False, 10_000)):
            with self.subTest(arguments=arguments, redis=redis):
                self.log = os.path.join(self.folder, f"{len(os.listdir(self.folder))}.db")
                if redis:
                    self.redis.start()
                service = self.serve(*arguments, redis=redis)
                service.predict_file(20_000)
                if redis:
                    self.drained(service)
                    self.assertEqual(len(set(self.stream())), 20_000)
                self.ask(service, 3)
                rows = self.rows()
                self.assertLessEqual(len(rows), most)
                self.assertGreater(len(rows), 300)
                self.assertEqual(rows[-1], f"request-{self.n - 1}")
                self.assertEqual(self.rows(column="seq")[-1], 20_003)
                self.assertEqual(service.stop()[0], 0)

    def test_rows_that_are_too_old_are_trimmed_once_redis_has_them(self):
        service = self.serve("--log-keep-days", "0.00001")  # less than a second
        ids = self.ask(service, 20)
        eventually(lambda: service.metric("prediction_log_lag_seconds") > 2, "they are old")
        self.assertEqual(self.rows(), ids, "they wait for Redis")
        self.redis.start()
        eventually(lambda: self.rows() == ids[-1:], "nobody asks, and they go")
        self.drained(service)
        self.assert_once(ids)

    def test_numbers_go_on_after_trimming_and_a_restart(self):
        self.redis.start()
        ids = []
        for _ in range(3):
            service = self.serve("--log-keep", "1")
            ids += self.ask(service, 20)
            self.drained(service)
            service.process.kill()
            service.process.wait()
        self.assert_once(ids)
        self.assertEqual(self.rows(column="seq")[-1], 60)


class Answers(OutboxCase):
    def test_a_slow_redis_delays_nobody(self):
        self.redis.start()
        service = self.serve()
        client = self.redis.client()
        ids = []
        for _ in range(10):
            client.client_pause(400)
            ids += self.ask(service, 30)
        self.drained(service)
        self.assert_once(ids)

    def test_the_state_is_in_the_metrics(self):
        service = self.serve()
        self.ask(service, 10)
        eventually(lambda: service.metric("redis_up") == 0, "down")
        self.assertEqual(service.metric("prediction_log_unshipped_rows"), 10)
        self.assertEqual(service.metric("prediction_log_up"), 1)
        self.assertEqual(service.metric("prediction_log_written_total"), 10)
        eventually(lambda: service.metric("prediction_log_lag_seconds") > 0, "they get older")
        self.redis.start()
        self.drained(service)
        self.assertEqual(service.metric("prediction_log_lag_seconds"), 0)
        self.assertEqual(service.metric("prediction_log_shipped_total"), 10)
        self.assertGreater(service.metric("prediction_log_bytes"), 4096)

    def test_recent_predictions(self):
        service = self.serve("--predictions-route", redis=False)
        self.ask(service, 150)
        status, body = service.ask("/predictions")
        rows = json.loads(body)["predictions"]
        self.assertEqual(status, 200)
        self.assertEqual([row["request_id"] for row in rows],
                         [f"request-{i}" for i in range(149, 49, -1)])
        self.assertEqual(rows[0]["input"], [6.9, 3.1, 5.4, 2.1])
        self.assertEqual((rows[0]["output"], rows[0]["label"], rows[0]["seq"]),
                         ("[2]", "virginica", 150))
        status, body = service.ask("/predictions?limit=2", "application/x-ndjson")
        self.assertEqual([json.loads(line)["seq"] for line in body.splitlines()], [150, 149])
        for query, sentence in (
                ("limit=0", 'limit is \\"0\\"; a whole number from 1 to 1000 was expected.'),
                ("limit=1001", 'limit is \\"1001\\"; a whole'), ("limit=x", 'limit is \\"x\\"; a'),
                ("limit=1&limit=2", "limit is given twice"), ("n=1", 'no parameter \\"n\\"')):
            status, body = service.ask("/predictions?" + query)
            self.assertEqual(status, 400)
            self.assertIn(sentence, body)

    def test_recent_predictions_are_off_unless_asked_for(self):
        service = self.serve(redis=False)
        self.assertEqual(service.ask("/predictions")[0], 404)

    def test_options_that_need_the_log(self):
        for arguments in (("--redis", "localhost"), ("--predictions-route",)):
            ran = subprocess.run(
                [COPSE, "serve", "--model", str(ROOT / "models" / "iris.safetensors"), "--no-log",
                 *arguments], capture_output=True, text=True, timeout=GUARD_S)
            self.assertEqual(ran.returncode, 2)
            self.assertIn("--no-log turns off", ran.stderr)


if __name__ == "__main__":
    if not shutil.which("redis-server"):
        sys.exit("redis-server is not installed")
    unittest.main()
