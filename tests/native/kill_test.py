"""kill -9 in a loop under load: rows of every kind that were answered are recorded exactly once.

Single predictions are the business of outbox_test.py; here are files, inference requests and streams
of rows, every durability, and several services with one Redis. COPSE_BIN names the binary.
"""
import collections
import http.client
import itertools
import json
import os
import shutil
import sys
import threading
import unittest
import urllib.parse

from outbox_test import OutboxCase
from redis_fault_test import FLOWERS, GUARD_S, eventually

KILLS = 6
THREADS = 4
ROWS = 40  # of one request
ANSWERED_PER_KILL = 800  # rows


def predict(connection, request_id, i):
    query = "s_length={}&s_width={}&p_length={}&p_width={}".format(*FLOWERS[i % 3])
    connection.request("GET", "/predict?" + query, headers={"X-Request-ID": request_id})
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"[%d]" % (i % 3))
    return [request_id]


def predict_file(connection, request_id, _):
    body = "".join(",".join(FLOWERS[r % 3]) + "\n" for r in range(ROWS))
    connection.request("POST", "/predict_file", body,
                       {"X-Request-ID": request_id, "Content-Type": "text/csv"})
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())) == (200, [r % 3 for r in range(ROWS)])
    return [f"{request_id}:{r + 1}" for r in range(ROWS)]


def infer(connection, request_id, _):
    data = [float(x) for r in range(ROWS) for x in FLOWERS[r % 3]]
    body = json.dumps({"inputs": [{"name": "input-0", "shape": [ROWS, 4], "datatype": "FP64",
                                   "data": data}], "outputs": [{"name": "predict"}]})
    connection.request("POST", "/v2/models/iris/infer", body, {"X-Request-ID": request_id})
    answer = connection.getresponse()
    body = json.loads(answer.read())
    assert answer.status == 200 and body["outputs"][0]["data"] == [r % 3 for r in range(ROWS)]
    return [f"{request_id}:{r + 1}" for r in range(ROWS)]


def stream(connection, request_id, _):
    """Rows that are answered while others are still sent: each that has come counts."""
    stopped = threading.Event()

    def rows():
        for r in itertools.count():
            if stopped.is_set() or r == 100 * ROWS:
                return
            yield ("[" + ",".join(FLOWERS[r % 3]) + "]\n").encode()

    sender = threading.Thread(target=send, args=(connection, request_id, rows()))
    sender.start()
    answered = 0
    try:
        while connection.sock is None and sender.is_alive():
            pass
        answer = http.client.HTTPResponse(connection.sock, method="POST")
        answer.begin()
        assert answer.status == 200
        while line := answer.readline():
            if not line.endswith(b"\n"):
                break
            assert json.loads(line)["index"] == answered % 3
            answered += 1
            yield f"{request_id}:{answered}"
    finally:
        stopped.set()
        sender.join()


def send(connection, request_id, rows):
    try:
        connection.request("POST", "/predict_file", rows, {
            "X-Request-ID": request_id, "Content-Type": "application/x-ndjson",
            "Transfer-Encoding": "chunked"}, encode_chunked=True)
    except OSError:
        pass  # the service was killed


class Load:
    """Clients that ask as fast as they can, and remember which rows were answered, in order."""

    def __init__(self, url, name, ask):
        self.address = urllib.parse.urlsplit(url).netloc
        self.name, self.ask = name, ask
        self.stopped, self.wrong = threading.Event(), []
        self.answered = [[] for _ in range(THREADS)]  # of each client
        self.threads = [threading.Thread(target=self._run, args=(i,)) for i in range(THREADS)]
        for thread in self.threads:
            thread.start()

    def _run(self, thread):
        connection = http.client.HTTPConnection(self.address, timeout=GUARD_S)
        try:
            for i in range(100_000):
                if self.stopped.is_set():
                    return
                for row in self.ask(connection, f"{self.name}.{thread}.{i}", i):
                    self.answered[thread].append(row)
        except (OSError, http.client.HTTPException):
            pass  # the service was killed: what it had not answered does not count
        except (AssertionError, ValueError) as error:
            self.wrong.append(repr(error))
        finally:
            connection.close()

    def rows(self):
        return sum(len(each) for each in self.answered)

    def end(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join(GUARD_S)
        assert not self.wrong, self.wrong[:3]
        return self.answered


class Kills(OutboxCase):
    def run_until_killed(self, name, ask, *arguments, log=None):
        """The rows that were answered, client by client."""
        service = self.serve(*arguments, log=log)
        load = Load(service.url(), name, ask)
        eventually(lambda: load.rows() >= ANSWERED_PER_KILL or load.wrong, "rows are answered")
        service.process.kill()
        service.process.wait()
        return load.end()

    def check(self, answered, in_flight, logs=(None,)):
        services = [self.serve(log=log) for log in logs]
        self.drained(*services)
        rows = [row for log in logs for row in self.rows(log)]
        counts = collections.Counter(rows)
        self.assertEqual([row for row, n in counts.items() if n > 1][:3], [], "recorded twice")
        lost = set(answered) - set(counts)
        self.assertEqual(sorted(lost)[:3], [], f"{len(lost)} answered rows are lost")
        self.assertLessEqual(len(rows) - len(answered), in_flight, "only what was in flight")
        stream = self.stream()
        self.assertEqual(len(stream), len(set(stream)), "a row is in Redis twice")
        self.assertEqual(set(stream), set(counts))
        if len(logs) == 1:
            self.assertEqual(stream, rows, "in the order of the file")
        self.assertGreaterEqual(len(answered), KILLS * ANSWERED_PER_KILL)
        print(f"report: {self.id().rsplit('.')[-1]}: {len(answered)} rows answered, "
              f"{len(rows)} recorded, {KILLS} kills")

    def kill_all(self, ask, *arguments, in_flight):
        self.redis.start()
        answered = []
        for kill in range(KILLS):
            answered += sum(self.run_until_killed(f"k{kill}", ask, *arguments), [])
        self.check(answered, KILLS * THREADS * in_flight)

    def test_files(self):
        self.kill_all(predict_file, in_flight=ROWS)

    def test_inference_requests(self):
        self.kill_all(infer, in_flight=ROWS)

    def test_streams(self):
        self.kill_all(stream, in_flight=100 * ROWS)

    def test_full_durability(self):
        self.kill_all(predict, "--durability", "full", in_flight=1)

    def test_async_loses_the_newest_alone(self):
        self.redis.start()
        recorded_of = collections.defaultdict(list)
        everything = []
        for kill in range(KILLS):
            everything += self.run_until_killed(f"k{kill}", predict, "--durability", "async")
        service = self.serve("--durability", "async")
        ids = self.ask(service, 50)
        self.assertEqual(service.stop()[0], 0)  # an orderly end loses nothing
        rows = self.rows()
        self.assertEqual(len(rows), len(set(rows)), "recorded twice")
        self.assertEqual(rows[-50:], ids)
        for row in rows[:-50]:
            recorded_of[tuple(row.split(".")[:2])].append(row)
        lost = 0
        for answered in everything:  # of each client, what is missing is the end
            recorded = recorded_of[tuple(answered[0].split(".")[:2])]
            n = min(len(recorded), len(answered))
            self.assertEqual(recorded[:n], answered[:n])
            lost += len(answered) - n
        self.drained(self.serve())
        self.assertEqual(self.stream(), rows)
        print(f"report: async: {lost} of {sum(map(len, everything))} answered rows lost")

    def test_two_services_with_one_redis(self):
        self.redis.start()
        logs = [os.path.join(self.folder, name) for name in ("a.db", "b.db")]
        answered, other = [], None
        for kill in range(KILLS):
            other = self.serve(log=logs[(kill + 1) % 2])
            beside = Load(other.url(), f"b{kill}", predict)
            answered += sum(self.run_until_killed(f"a{kill}", predict, log=logs[kill % 2]), [])
            other.process.kill()
            other.process.wait()
            answered += sum(beside.end(), [])
        self.check(answered, 2 * KILLS * THREADS, logs)

    def test_redis_without_persistence_is_killed_under_load(self):
        self.redis.start()
        service = self.serve()
        load = Load(service.url(), "r", predict)
        for _ in range(KILLS):
            n = load.rows()
            eventually(lambda: load.rows() > n + ANSWERED_PER_KILL, "rows are answered")
            self.redis.kill()
            n = load.rows()
            eventually(lambda: load.rows() > n + 100, "rows are answered without Redis")
            self.redis.start()
            eventually(lambda: service.metric("redis_up") == 1, "the service goes on")
        answered = sum(load.end(), [])
        self.drained(service)
        rows = self.rows()
        self.assertEqual(sorted(rows), sorted(answered), "the file has each row once")
        stream = self.stream()
        self.assertGreater(len(stream), 0)
        self.assertEqual(stream, rows[-len(stream):], "what came since, once and in order")
        self.assertEqual(int(self.redis.client().get("copse:count")), len(stream))
        self.assertTrue(service.says("prediction_log_forgotten"))


if __name__ == "__main__":
    if not shutil.which("redis-server"):
        sys.exit("redis-server is not installed")
    unittest.main()
