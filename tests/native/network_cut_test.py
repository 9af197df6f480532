"""The whole service while the network to its Redis is cut: no answer, no refusal, nothing at all.

Redis runs in a network of its own (ip netns), behind a pair of interfaces whose link is taken down
and up again. Nothing leaves this machine. Every prediction is answered 200 all the time, and is in
Redis exactly once when the link has been back for a while. Needs root and ip (iproute2).
"""
import os
import shutil
import subprocess
import sys
import threading
import time
import unittest

import redis

import redis_fault_test
from redis_fault_test import GUARD_S, Redis, eventually

# For documentation (RFC 5737), and so in no real network; virtual machines use them, though.
BLOCKS = ("198.51.100", "203.0.113", "192.0.2")


def ip(*arguments, check=True):
    return subprocess.run(["ip", *arguments], check=check, capture_output=True, text=True,
                          timeout=GUARD_S)


def unused_block():
    """One of BLOCKS that this machine neither has nor knows a way to."""
    known = ip("-4", "route", "show", "table", "all").stdout
    return next((block for block in BLOCKS if block + "." not in known), None)


class Network:
    """A network with one host, `there`, which is reached by a link that can be cut."""

    def __init__(self):
        self.name = f"copse-{os.getpid()}"
        self.link = f"cp{os.getpid()}"[:15]
        block = unused_block()
        self.here, self.there = f"{block}.1", f"{block}.2"

    def open(self):
        ip("netns", "add", self.name)
        ip("link", "add", self.link, "type", "veth", "peer", "name", "redis0", "netns", self.name)
        ip("address", "add", f"{self.here}/30", "dev", self.link)
        ip("-n", self.name, "address", "add", f"{self.there}/30", "dev", "redis0")
        ip("-n", self.name, "link", "set", "lo", "up")
        ip("-n", self.name, "link", "set", "redis0", "up")
        self.restore()

    def cut(self):
        """Packets vanish on the way: the other end is down, and this one has not been told."""
        ip("-n", self.name, "link", "set", "redis0", "down")

    def cut_here(self):
        """This end is down, too, and there is no way to that address."""
        ip("link", "set", self.link, "down")

    def cut_back(self):
        """What is sent arrives there; what is answered vanishes."""
        ip("-n", self.name, "route", "replace", "blackhole", f"{self.here}/32")

    def restore(self):
        ip("-n", self.name, "route", "delete", "blackhole", f"{self.here}/32", check=False)
        ip("link", "set", self.link, "up")
        ip("-n", self.name, "link", "set", "redis0", "up")

    def close(self):
        ip("link", "delete", self.link, check=False)
        ip("netns", "delete", self.name, check=False)


class FarRedis(Redis):
    """In that network; looked into through the socket in its folder, which no cut concerns."""

    def __init__(self, folder, network):
        super().__init__(folder)
        self.network, self.socket = network, os.path.join(folder, "redis.sock")

    def spawn(self, *settings):
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", self.network.name, "redis-server", "--port", str(self.port),
             "--bind", self.network.there, "--protected-mode", "no", "--dir", self.folder, "--save", "",
             "--unixsocket", self.socket, *settings], stdout=subprocess.DEVNULL)

    def client(self):
        return redis.Redis(unix_socket_path=self.socket, socket_timeout=GUARD_S)


def why_not():
    if not shutil.which("ip"):
        return "ip (iproute2) is not there"
    if unused_block() is None:
        return f"this machine uses all of {', '.join(BLOCKS)}"
    network = Network()
    try:
        network.open()
    except subprocess.CalledProcessError as error:
        return f"no network of its own can be made: {error.stderr.strip()}"
    finally:
        network.close()
    return None


class NetworkCut(unittest.TestCase):
    ask, arrived, all_arrived = redis_fault_test.RedisFaults.ask, redis_fault_test.RedisFaults.arrived, redis_fault_test.RedisFaults.all_arrived

    def setUp(self):
        reason = why_not()
        if reason:
            self.skipTest(f"SKIP: {reason}")
        redis_fault_test.RedisFaults.setUp(self)
        self.network = Network()
        self.addCleanup(self.network.close)
        self.network.open()
        self.redis = FarRedis(self.folder, self.network)
        self.addCleanup(self.redis.kill)

    def serve(self):
        return redis_fault_test.RedisFaults.serve_at(self, f"{self.network.there}:{self.redis.port}")

    def once_each(self):
        """By request id, whatever the order; then in the order of the answers, too."""
        eventually(lambda: self.redis.client().xlen("copse:predictions") >= self.n, "all arrive")
        ids = [row[b"request_id"].decode() for row in self.redis.stream()]
        self.assertEqual(len(ids), len(set(ids)), "some have arrived twice")
        self.assertEqual(set(ids), {f"request-{i}" for i in range(self.n)})
        self.all_arrived()

    def test_cut_while_predictions_are_answered_and_restored_at_once(self):
        self.redis.start()
        service = self.serve()
        self.ask(service, 50)
        for cut in (self.network.cut, self.network.cut_here, self.network.cut):
            # The link goes while requests are being answered, and rows are on their way.
            going = threading.Timer(0.02, cut)
            going.start()
            self.ask(service, 200)
            going.join()
            self.ask(service, 50)
            self.network.restore()
            self.ask(service, 50)
        self.once_each()

    def longer_than_time_out(self, cut):
        self.redis.start()
        service = self.serve()
        self.ask(service, 50)
        self.all_arrived()
        cut()
        self.ask(service, 100)
        # The client has given up, and says so; answers go on, and wait in the outbox.
        eventually(lambda: service.says("prediction_log_down"), "says down")
        for _ in range(5):
            self.ask(service, 50)
            time.sleep(0.5)  # of an outage: tries to connect fail meanwhile
        self.assertEqual(service.metric("redis_up"), 0)
        self.assertEqual(self.redis.client().xlen("copse:predictions"), 50)
        self.network.restore()
        self.once_each()
        eventually(lambda: service.says("prediction_log_up"), "says up")
        self.ask(service, 20)
        self.once_each()

    def test_a_cut_longer_than_the_time_out_where_packets_vanish(self):
        self.longer_than_time_out(self.network.cut)

    def test_a_cut_longer_than_the_time_out_where_there_is_no_way(self):
        self.longer_than_time_out(self.network.cut_here)

    def test_what_redis_answers_never_arrives(self):
        """Redis gets the rows and does its work; that it has done so never arrives."""
        self.redis.start()
        service = self.serve()
        for _ in range(3):
            self.ask(service, 40)
            self.once_each()
            before = self.n
            self.network.cut_back()
            self.ask(service, 40)
            eventually(lambda: self.redis.client().xlen("copse:predictions") > before, "arrives")
            eventually(lambda: service.metric("redis_up") == 0, "says down")
            self.network.restore()
            self.once_each()

    def test_ends_in_time_while_cut_and_the_next_one_ships(self):
        self.redis.start()
        service = self.serve()
        self.ask(service, 20)
        self.all_arrived()
        self.network.cut()
        self.ask(service, 30)
        code, _ = service.stop()
        self.assertEqual(code, 0)
        eventually(lambda: service.says("prediction_log_waiting"), "says what Redis has not got")
        self.network.restore()
        service = self.serve()
        self.ask(service, 10)
        self.once_each()


if __name__ == "__main__":
    if not shutil.which("redis-server"):
        sys.exit("redis-server is not installed")
    unittest.main()
