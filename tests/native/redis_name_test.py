"""The whole service while the name of its Redis is not known, or nobody answers who is asked for it.

The service sees a resolver of its own: files of this test are mounted over those of the machine, in a
namespace that only the service is in. Nothing leaves this machine. Every prediction is answered 200 all
the time, and has arrived in Redis when the name is known. Needs root, for port 53 and for the mounts.
"""
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import threading
import unittest

import redis_fault_test
from redis_fault_test import GUARD_S, eventually

# All of 127/8 is loopback; one for each run, for others may run beside it.
ADDRESS = f"127.53.{os.getpid() >> 8 & 255}.{os.getpid() & 255}"
NAME = "redis.copse.invalid"  # .invalid is nobody's (RFC 6761)
MOUNTED = ("resolv.conf", "nsswitch.conf")
ENTER = " && ".join(f"mount --bind {name} /etc/{name}" for name in MOUNTED) + ' && exec "$@"'


class Resolver:
    """A server of names that knows NAME, knows nothing, or says nothing."""

    def __init__(self):
        self.says, self.n_asked = "nothing", 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((ADDRESS, 53))
        self.thread = threading.Thread(target=self._answer)
        self.thread.start()

    def _answer(self):
        while True:
            query, client = self.socket.recvfrom(512)
            if client[0] == ADDRESS:  # from close()
                return
            self.n_asked += 1
            if self.says != "nothing":
                self.socket.sendto(self._answer_to(query), client)

    def _answer_to(self, query):
        end = query.index(b"\0", 12) + 5  # of the question: a name, a type, and a class
        question = query[12:end]
        known = self.says == "the address" and question[-4:] == struct.pack(">HH", 1, 1)
        code = 0 if self.says == "the address" else 3  # NXDOMAIN
        head = query[:2] + struct.pack(">5H", 0x8180 | code, 1, int(known), 0, 0)
        # The name of the question, type A, class IN, seconds that it is good for, and 4 bytes.
        record = struct.pack(">HHHIH", 0xC00C, 1, 1, 0, 4) + bytes([127, 0, 0, 1])
        return head + question + (record if known else b"")

    def close(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
            here.bind((ADDRESS, 0))
            here.sendto(b"", (ADDRESS, 53))
        self.thread.join()
        self.socket.close()


def why_not(folder):
    if os.geteuid() != 0:
        return "only root may bind port 53 and mount"
    if not shutil.which("unshare"):
        return "unshare (util-linux) is not there"
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
            here.bind((ADDRESS, 53))
    except OSError as error:
        return f"port 53 of {ADDRESS} cannot be had: {error}"
    ran = subprocess.run(["unshare", "--mount", "sh", "-c", ENTER, "sh", "true"], cwd=folder,
                         capture_output=True, text=True, timeout=GUARD_S)
    return None if ran.returncode == 0 else f"nothing can be mounted: {ran.stderr.strip()}"


class RedisName(redis_fault_test.RedisFaultCase):
    def setUp(self):
        super().setUp()
        self.resolver_waits("timeout:1 attempts:2")
        pathlib.Path(self.folder, "nsswitch.conf").write_text("hosts: dns\n")
        reason = why_not(self.folder)
        if reason:
            self.skipTest(f"SKIP: {reason}")
        self.resolver = Resolver()
        self.addCleanup(self.resolver.close)

    def resolver_waits(self, options):
        pathlib.Path(self.folder, "resolv.conf").write_text(
            f"nameserver {ADDRESS}\noptions {options}\n")

    def serve(self):
        enter = f"cd {self.folder} && {ENTER}"
        return self.serve_at(f"{NAME}:{self.redis.port}",
                             through=("unshare", "--mount", "sh", "-c", enter, "sh"))

    def test_nobody_knows_the_name(self):
        self.resolver.says = "no such name"
        service = self.serve()
        self.ask(service, 60)
        eventually(lambda: service.says("prediction_log_down", "cannot connect"), "says down")
        self.ask(service, 60)
        self.assertEqual(service.ask("/readyz")[0], 200)
        self.redis.start()
        self.resolver.says = "the address"
        self.all_arrived()
        eventually(lambda: service.says("prediction_log_up"), "says up")
        self.assertEqual(service.stop()[0], 0)

    def test_nobody_answers_for_a_while(self):
        self.redis.start()
        service = self.serve()
        eventually(lambda: self.resolver.n_asked > 0, "the name is asked for")
        self.ask(service, 60)
        self.assertEqual(service.ask("/readyz")[0], 200)
        eventually(lambda: service.says("prediction_log_down", "cannot connect"), "says down")
        self.resolver.says = "the address"
        self.ask(service, 60)
        self.all_arrived()

    def test_nobody_answers_to_the_end(self):
        self.resolver_waits("timeout:30 attempts:5")  # minutes
        service = self.serve()
        eventually(lambda: self.resolver.n_asked > 0, "the name is asked for")
        self.ask(service, 300)
        self.assertEqual(service.ask("/readyz")[0], 200)
        self.assertEqual(service.metric("prediction_log_unshipped_rows"), self.n)
        code, seconds = service.stop()
        self.assertEqual(code, 0)
        self.assertLess(seconds, 10)
        eventually(lambda: service.says("prediction_log_waiting"), "says what Redis has not got")
        self.redis.start()
        self.resolver.says = "the address"
        service = self.serve()
        self.ask(service, 20)
        self.all_arrived()
        self.assertEqual(service.events(), [])


if __name__ == "__main__":
    if not shutil.which("redis-server"):
        sys.exit("redis-server is not installed")
    unittest.main()
