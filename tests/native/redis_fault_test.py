"""The whole service while its Redis is absent, frozen, killed, full, or refuses the password.

Every prediction is answered 200 all the time, and has arrived in Redis, once and in order, when the
fault is over. COPSE_BIN names the binary (default: build/bin/copse).
"""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

import redis

ROOT = pathlib.Path(__file__).resolve().parents[2]
COPSE = os.environ.get("COPSE_BIN", str(ROOT / "build" / "bin" / "copse"))
GUARD_S = 60  # a guard against hanging, not a measure
ANSWER_S_MAX = 2.0  # one answer; the seed's service hung for ever
FLOWERS = [("5.1", "3.5", "1.4", "0.2"), ("6.0", "2.9", "4.5", "1.5"), ("6.9", "3.1", "5.4", "2.1")]


def eventually(condition, what):
    deadline = time.monotonic() + GUARD_S
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"still not so after {GUARD_S} s: {what}")
        time.sleep(0.01)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(url):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", int(url.rsplit(":", 1)[1]))) == 0


class Redis:
    def __init__(self, folder):
        self.folder, self.port, self.process, self.password = folder, free_port(), None, None

    def start(self, *settings):
        self.spawn(*settings)
        eventually(self.answers, "redis-server answers")

    def spawn(self, *settings):
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.folder,
             "--save", "", "--appendfsync", "always", *settings], stdout=subprocess.DEVNULL)

    def client(self):
        return redis.Redis(port=self.port, password=self.password, socket_timeout=GUARD_S)

    def answers(self):
        try:
            return self.client().ping()
        except redis.RedisError:
            return False

    def set_password(self, password):
        self.client().config_set("requirepass", password)
        self.password = password

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
        self.process = None

    def stream(self):
        return [fields for _, fields in self.client().xrange("copse:predictions")]


class Service:
    """copse serve, with what it says on stderr kept line by line. `through`: a command that runs it."""

    def __init__(self, *arguments, through=()):
        self.process = subprocess.Popen(
            [*through, COPSE, "serve", "--model", str(ROOT / "models" / "iris.safetensors"), "--host",
             "127.0.0.1", "--port", "0", "--no-access-log", *arguments],
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        self.said = []
        self.reader = threading.Thread(target=self._read)
        self.reader.start()
        eventually(lambda: self.url() or self.process.poll() is not None, "the service listens")

    def _read(self):
        for line in self.process.stderr:
            self.said.append(line)

    def url(self):
        found = re.search(r"http://\S+:\d+", "".join(self.said))
        return found and found.group()

    def events(self):
        return [json.loads(line) for line in list(self.said) if line.startswith("{")]

    def says(self, event, reason=""):
        return any(e.get("event") == event and reason in e.get("reason", "") for e in self.events())

    def predict(self, i):
        """(status, body, seconds) of one request for flower i % 3, with i in its request id"""
        query = "s_length={}&s_width={}&p_length={}&p_width={}".format(*FLOWERS[i % 3])
        request = urllib.request.Request(f"{self.url()}/predict?{query}",
                                         headers={"X-Request-ID": f"request-{i}"})
        begin = time.monotonic()
        with urllib.request.urlopen(request, timeout=GUARD_S) as answer:
            return answer.status, answer.read().decode().strip(), time.monotonic() - begin

    def predict_file(self, rows):
        """the answer to a file that repeats FLOWERS"""
        text = "\n".join(",".join(FLOWERS[i % 3]) for i in range(rows)) + "\n"
        body = ('--b\r\nContent-Disposition: form-data; name="input_file"; filename="f.csv"\r\n'
                f'\r\n{text}\r\n--b--\r\n').encode()
        request = urllib.request.Request(
            f"{self.url()}/predict_file", data=body,
            headers={"Content-Type": "multipart/form-data; boundary=b", "X-Request-ID": "file"})
        with urllib.request.urlopen(request, timeout=GUARD_S) as answer:
            return json.loads(answer.read())

    def ask(self, path, accept="*/*"):
        """(status, body) of a GET"""
        request = urllib.request.Request(self.url() + path, headers={"Accept": accept})
        try:
            with urllib.request.urlopen(request, timeout=GUARD_S) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def metric(self, name):
        found = re.search(rf"^{name}(?:{{[^}}]*}})? (\S+)$", self.ask("/metrics")[1], re.M)
        return found and float(found.group(1))

    def stop(self):
        """(exit code, seconds) of SIGTERM"""
        begin = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(GUARD_S)
        return code, time.monotonic() - begin

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.reader.join()
        self.process.stderr.close()


class RedisFaultCase(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="copse-redis-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.redis = Redis(self.folder)
        self.addCleanup(self.redis.kill)
        self.n = 0

    def serve(self, user_info="", *arguments):
        return self.serve_at(f"{user_info}127.0.0.1:{self.redis.port}", *arguments)

    def serve_at(self, address, *arguments, through=()):
        service = Service("--redis", f"redis://{address}", "--log",
                          os.path.join(self.folder, "predictions.db"), *arguments, through=through)
        self.addCleanup(service.end)
        return service

    def ask(self, service, n):
        """The next n predictions: all answered, none kept waiting."""
        for i in range(self.n, self.n + n):
            status, body, seconds = service.predict(i)
            self.assertEqual((status, body), (200, f"[{i % 3}]"))
            self.assertLess(seconds, ANSWER_S_MAX)
        self.n += n

    def arrived(self, ids, keys):
        """Waits until the stream is as long as it must be, and compares all of it."""
        eventually(lambda: self.redis.answers() and
                   self.redis.client().xlen("copse:predictions") >= len(ids), "all have arrived")
        stream = self.redis.stream()
        self.assertEqual([row[b"request_id"].decode() for row in stream],
                         [f"request-{i}" for i in ids])
        self.assertEqual([row[b"output"].decode() for row in stream], [f"[{i % 3}]" for i in ids])
        values = self.redis.client().mget([str(k) for k in range(len(keys) + 1)])
        self.assertEqual(values, [f"[{i % 3}]".encode() for i in keys] + [None])

    def all_arrived(self):
        self.arrived(range(self.n), range(self.n))


class RedisFaults(RedisFaultCase):
    def test_every_prediction_is_a_key_and_an_entry(self):
        self.redis.start()
        service = self.serve()
        self.ask(service, 30)
        self.all_arrived()
        self.assertEqual(self.redis.client().get("0"), b"[0]")
        row = self.redis.stream()[0]
        self.assertEqual(sorted(row), sorted([b"id", b"time", b"model", b"version", b"request_id",
                                              b"input", b"output", b"label"]))
        self.assertEqual(json.loads(row[b"input"]), [5.1, 3.5, 1.4, 0.2])
        self.assertEqual((row[b"model"], row[b"label"]), (b"iris", b"setosa"))
        self.assertEqual(service.events(), [])

    def test_a_file_goes_to_the_stream_alone(self):
        self.redis.start()
        service = self.serve()
        self.assertEqual(service.predict_file(600), [0, 1, 2] * 200)
        eventually(lambda: self.redis.client().xlen("copse:predictions") == 600, "600 rows")
        ids = [row[b"request_id"].decode() for row in self.redis.stream()]
        self.assertEqual(len(set(ids)), 600)
        self.assertTrue(all(request_id.startswith("file:") for request_id in ids))
        self.assertEqual(self.redis.client().exists("0"), 0)

    def test_a_file_longer_than_the_queue_arrives_whole(self):
        self.redis.start()
        service = self.serve()
        rows = 150_000  # the queue holds 100,000
        answers = []
        upload = threading.Thread(target=lambda: answers.append(service.predict_file(rows)))
        upload.start()
        while upload.is_alive():
            self.ask(service, 1)
        upload.join()
        self.assertEqual(answers, [[0, 1, 2] * (rows // 3)])
        eventually(lambda: self.redis.client().xlen("copse:predictions") == rows + self.n, "all")
        self.assertEqual(self.redis.client().get("copse:count"), str(self.n).encode())
        self.assertEqual(service.events(), [])

    def test_absent_at_the_start(self):
        service = self.serve()
        self.ask(service, 60)
        eventually(lambda: service.says("prediction_log_down", "Connection refused"), "says down")
        self.redis.start()
        self.all_arrived()
        eventually(lambda: service.says("prediction_log_up"), "says up")

    def test_a_service_with_time_to_end_waits_for_redis(self):
        service = self.serve("", "--shutdown-timeout", "50")
        self.ask(service, 60)
        eventually(lambda: service.says("prediction_log_down"), "says down")
        ended = []
        stopping = threading.Thread(target=lambda: ended.append(service.stop()))
        stopping.start()
        eventually(lambda: not listens(service.url()), "takes no more requests")
        self.assertIsNone(service.process.poll(), "it waits")
        self.redis.start()
        stopping.join()
        self.assertEqual(ended[0][0], 0)
        self.all_arrived()
        service.end()  # all that it said has been read
        self.assertFalse(service.says("prediction_log_waiting"))

    def test_a_service_without_time_leaves_its_rows_to_the_next(self):
        service = self.serve()
        self.ask(service, 60)
        eventually(lambda: service.says("prediction_log_down"), "says down")
        self.assertEqual(service.stop()[0], 0)
        eventually(lambda: service.says("prediction_log_waiting"), "says that rows wait")
        self.redis.start()
        self.serve()
        self.all_arrived()

    def test_frozen(self):
        self.redis.start()
        service = self.serve()
        self.ask(service, 10)
        self.redis.process.send_signal(signal.SIGSTOP)
        self.ask(service, 300)
        eventually(lambda: service.says("prediction_log_down", "no answer"), "says down")
        self.ask(service, 100)
        self.redis.process.send_signal(signal.SIGCONT)
        self.all_arrived()

    def test_killed_and_back_with_its_data(self):
        self.redis.start("--appendonly", "yes")
        service = self.serve()
        self.ask(service, 50)
        self.all_arrived()
        self.redis.kill()
        self.ask(service, 100)
        eventually(lambda: service.says("prediction_log_down"), "says down")
        self.redis.start("--appendonly", "yes")
        self.all_arrived()

    def test_killed_and_back_empty(self):
        self.redis.start()
        service = self.serve()
        self.ask(service, 50)
        self.all_arrived()
        self.redis.kill()
        self.ask(service, 100)
        self.redis.start()
        self.arrived(range(50, 150), range(50, 150))

    def test_killed_and_back_with_an_older_snapshot_gets_again_what_it_lost(self):
        self.redis.start()
        service = self.serve()
        self.ask(service, 50)
        self.all_arrived()
        self.redis.client().save()
        self.ask(service, 100)
        self.all_arrived()
        self.redis.kill()
        self.redis.start()  # with what it had 100 predictions ago; nothing new is needed to notice
        self.all_arrived()
        self.assertTrue(service.says("prediction_log_rewound", "rows 51 to 150"))
        self.ask(service, 30)
        self.all_arrived()

    def test_an_older_snapshot_after_both_have_ended(self):
        self.redis.start()
        service = self.serve()
        self.ask(service, 50)
        self.all_arrived()
        self.redis.client().save()
        self.ask(service, 70)
        self.all_arrived()
        self.redis.kill()
        service.end()
        self.redis.start()
        service = self.serve()
        self.ask(service, 10)
        self.all_arrived()

    def test_read_only(self):
        self.redis.start()
        service = self.serve()
        self.ask(service, 10)
        self.all_arrived()
        self.redis.client().execute_command("REPLICAOF", "127.0.0.1", str(free_port()))
        self.ask(service, 50)
        eventually(lambda: service.says("prediction_log_down", "READONLY"), "says why")
        self.redis.client().execute_command("REPLICAOF", "NO", "ONE")
        self.all_arrived()

    def test_still_loading(self):
        self.redis.start()
        service = self.serve()
        self.ask(service, 400)
        self.all_arrived()
        self.redis.client().save()
        self.redis.kill()
        self.ask(service, 20)
        self.redis.spawn("--key-load-delay", "4000", "--loading-process-events-interval-bytes",
                         "1024")
        eventually(lambda: service.says("prediction_log_down", "LOADING"), "says why")
        self.ask(service, 20)
        self.all_arrived()

    def test_a_disk_that_fails_under_redis(self):
        self.redis.start("--save", "3600 1", "--dbfilename", "blocked.rdb")
        service = self.serve()
        self.ask(service, 10)
        self.all_arrived()
        blocked = os.path.join(self.folder, "blocked.rdb")
        os.makedirs(os.path.join(blocked, "x"))  # no snapshot can take that name

        def snapshot_is(status):
            try:
                self.redis.client().bgsave()
            except redis.ResponseError:
                pass  # one is being made
            return self.redis.client().info("persistence")["rdb_last_bgsave_status"] == status

        eventually(lambda: snapshot_is("err"), "the snapshot fails")
        self.ask(service, 50)
        eventually(lambda: service.says("prediction_log_down", "MISCONF"), "says why")
        shutil.rmtree(blocked)
        eventually(lambda: snapshot_is("ok"), "the snapshot works")
        self.all_arrived()

    def test_a_cluster_is_refused_in_one_sentence(self):
        self.redis.start("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
        self.redis.client().execute_command("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        service = self.serve()
        self.ask(service, 10)
        eventually(lambda: service.says("prediction_log_down", "a Redis Cluster cannot"), "says why")

    def test_no_password_where_one_is_wanted(self):
        self.redis.start()
        self.redis.set_password("s3cret")
        service = self.serve()
        self.ask(service, 20)
        eventually(lambda: service.says("prediction_log_down", "NOAUTH"), "says why")
        self.redis.client().config_set("requirepass", "")
        self.redis.password = None
        self.all_arrived()

    def test_a_user_who_may_do_what_is_needed_and_no_more(self):
        self.redis.start()
        self.redis.client().execute_command(
            "ACL", "SETUSER", "copse", "on", ">p@ss:word", "~copse:*", "~[0-9]*", "-@all",
            *"+ping +eval +get +set +setnx +del +type +xadd +xrevrange".split())
        service = self.serve("copse:p%40ss%3Aword@")
        self.ask(service, 20)
        self.all_arrived()
        self.assertEqual(service.events(), [])

    def test_the_password_comes_from_a_file(self):
        self.redis.start()
        self.redis.client().execute_command("ACL", "SETUSER", "copse", "on", ">p@ss:word",
                                            "~*", "+@all")
        secret = os.path.join(self.folder, "secret")
        pathlib.Path(secret).write_text("p@ss:word\n")
        service = self.serve("copse@", "--redis-password-file", secret)
        self.ask(service, 20)
        self.all_arrived()
        self.assertEqual(service.events(), [])
        for url, path, sentence in (
                ("redis://copse:one@h", secret, "has a password, and a file has another"),
                ("h", secret + "x", f"--redis-password-file is {secret}x: No such file")):
            ran = subprocess.run(
                [COPSE, "serve", "--check", "--model", str(ROOT / "models" / "iris.safetensors"),
                 "--redis", url, "--redis-password-file", path],
                capture_output=True, text=True, timeout=GUARD_S)
            self.assertEqual(ran.returncode, 3)
            self.assertIn(sentence, ran.stderr)

    def test_wrong_password_then_the_right_one(self):
        self.redis.start()
        self.redis.set_password("another")
        service = self.serve(":s3cret@")
        self.ask(service, 60)
        eventually(lambda: service.says("prediction_log_down", "WRONGPASS"), "says why")
        self.redis.set_password("s3cret")
        self.all_arrived()
        self.assertNotIn("s3cret", "".join(service.said))

    def test_memory_full(self):
        self.redis.start()
        service = self.serve()
        self.ask(service, 10)
        self.all_arrived()
        self.redis.client().config_set("maxmemory", "1")
        self.ask(service, 100)
        eventually(lambda: service.says("prediction_log_down", "OOM"), "says why")
        self.redis.client().config_set("maxmemory", "0")
        self.all_arrived()

    def test_connection_cut_in_the_middle(self):
        self.redis.start()
        service = self.serve()
        for _ in range(20):
            self.ask(service, 20)
            self.redis.client().client_kill_filter(_type="normal", skipme=True)
        self.all_arrived()

    def test_stops_in_time_and_empties_its_queue(self):
        self.redis.start()
        service = self.serve()
        self.ask(service, 100)
        code, _ = service.stop()
        self.assertEqual(code, 0)
        self.all_arrived()

    def test_stops_in_time_while_redis_is_frozen_and_goes_on_after_the_next_start(self):
        self.redis.start()
        service = self.serve()
        self.ask(service, 20)
        self.all_arrived()
        self.redis.process.send_signal(signal.SIGSTOP)
        self.ask(service, 20)
        code, seconds = service.stop()
        self.redis.process.send_signal(signal.SIGCONT)
        self.assertEqual(code, 0)
        self.assertLess(seconds, 10)
        eventually(lambda: service.says("prediction_log_waiting"), "says what Redis has not got")
        self.assertFalse(service.says("prediction_log_lost"))
        service = self.serve()
        self.ask(service, 20)
        self.all_arrived()
        self.assertEqual(service.events(), [])

    def test_a_bad_address_is_one_sentence_without_the_password(self):
        ran = subprocess.run(
            [COPSE, "serve", "--model", str(ROOT / "models" / "iris.safetensors"), "--redis",
             "redis://:s3cret@127.0.0.1:99999"], capture_output=True, text=True, timeout=GUARD_S)
        self.assertIn(ran.returncode, (2, 3))
        self.assertIn("port '99999', which is not a number from 1 to 65535", ran.stderr)
        self.assertEqual(ran.stderr.count("\n"), 1)
        self.assertNotIn("s3cret", ran.stderr)


if __name__ == "__main__":
    if not shutil.which("redis-server"):
        sys.exit("redis-server is not installed")
    unittest.main()
