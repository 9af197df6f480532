"""Copse beside nginx that answers a constant, and the tutorial's Flask service: one run, one machine,
turn by turn.

nginx does what any server must do for such a request, and nothing else; Copse reads the numbers,
evaluates the forest, and commits the prediction to its log before it answers. The server is pinned
to one core, the client (wrk, 64 connections) to the other. Medians of all rounds are kept with
command and commit under tests/bench/results/.

  /usr/bin/python3 tests/bench/compare_with_nginx.py [--rounds 3] [--seconds 5]
"""
import argparse
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time

from compare_with_flask import (QUERY, cpu_seconds, free_port, medians, memory_mib, milliseconds,
                                process, train, until_answers)
from record import ROOT, begin_record, keep_record, say

CONNECTIONS = 64
IDLE_CONNECTIONS = 500
NGINX = """worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log {folder}/access.log;
  keepalive_requests 100000000;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location / {{ default_type text/html; return 200 "[0]"; }}
  }}
}}
"""
# Between two requests a connection waits from nothing to twice `ms`. wrk takes whole milliseconds:
# rounding up as often as the fraction says leaves the mean as it is.
WAITING = "function delay() return math.floor(2 * {ms} * math.random() + math.random()) end\n"
HALF = (0.45, 0.55)  # of the full rate is called half of it
PROBES = 4


def family(pid):
    """A process and its children."""
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


def wrk(port, seconds, script=None):
    command = ["taskset", "-c", "1", "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency"]
    command += ["-s", script] if script else []
    out = subprocess.run([*command, f"http://127.0.0.1:{port}{QUERY}"], capture_output=True, text=True,
                         check=True, timeout=seconds + 60).stdout
    assert "Non-2xx" not in out and "Socket errors" not in out, out
    return {"requests": int(re.search(r"(\d+) requests in", out)[1]),
            "requests_per_s": float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1]),
            "p50_ms": milliseconds(re.search(r"^\s+50%\s+(\S+)", out, re.M)[1]),
            "p99_ms": milliseconds(re.search(r"^\s+99%\s+(\S+)", out, re.M)[1])}


def idle_cpu(pid, port, seconds):
    """Processor seconds that a second with so many idle connections takes, less one without."""
    def spent():
        before = sum(cpu_seconds(p) for p in family(pid))
        time.sleep(seconds)
        return (sum(cpu_seconds(p) for p in family(pid)) - before) / seconds
    without, sockets = spent(), []
    for _ in range(IDLE_CONNECTIONS):
        sockets.append(socket.create_connection(("127.0.0.1", port)))
        sockets[-1].sendall(f"GET {QUERY} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert sockets[-1].recv(4096).startswith(b"HTTP/1.1 200")
    with_them = spent()
    for each in sockets:
        each.close()
    return with_them - without


def share_at(port, seconds, ms, full, folder):
    """A run whose connections wait `ms` on average, with its share of the full rate."""
    script = os.path.join(folder, "waiting.lua")
    pathlib.Path(script).write_text(WAITING.format(ms=ms))
    run = wrk(port, seconds, script)
    return {**run, "share": run["requests_per_s"] / full["requests_per_s"]}


def half_load(port, seconds, full, folder):
    """A run at half of the full rate. A connection's period is its wait and how long the answer takes,
    which nobody knows before: short runs find the wait."""
    period_ms = 2 * CONNECTIONS / full["requests_per_s"] * 1e3
    ms = period_ms * 0.9
    probe_seconds = max(1, round(6 * period_ms / 1e3))
    for _ in range(PROBES):
        probe = share_at(port, probe_seconds, ms, full, folder)
        if abs(probe["share"] - 0.5) < 0.02:
            break
        answer_ms = CONNECTIONS / probe["requests_per_s"] * 1e3 - ms
        ms = max(0, period_ms - answer_ms)
    half = share_at(port, seconds, ms, full, folder)
    if not HALF[0] <= half["share"] <= HALF[1]:
        say(f"half of the load is {half['share']:.0%} of it")
    return half


def measure(command, port, seconds, folder):
    """One turn of one server."""
    with process("taskset", "-c", "0", *command) as server:
        until_answers(port, time.perf_counter())
        wrk(port, 1)
        before = sum(cpu_seconds(p) for p in family(server.pid))
        full = wrk(port, seconds)
        spent = sum(cpu_seconds(p) for p in family(server.pid)) - before
        figures = {"requests_per_s": full["requests_per_s"], "p99_ms": full["p99_ms"],
                   "cpu_us_per_request": spent / full["requests"] * 1e6}
        half = half_load(port, seconds, full, folder)
        figures |= {"half_requests_per_s": half["requests_per_s"], "half_share": half["share"],
                    "half_p50_ms": half["p50_ms"], "half_p99_ms": half["p99_ms"]}
        figures["memory_mb"] = sum(memory_mib(p) for p in family(server.pid))
        figures["idle_cpu"] = idle_cpu(server.pid, port, 3)
    return figures


def report(results):
    names = list(results)
    titles = [("requests_per_s", "requests per second, 64 clients", "{:,.0f}"),
              ("p99_ms", "latency p99, 64 clients (ms)", "{:.2f}"),
              ("cpu_us_per_request", "CPU per request (µs)", "{:,.1f}"),
              ("half_share", "half of that load, measured", "{:.0%}"),
              ("half_p99_ms", "latency p99 under it (ms)", "{:.2f}"),
              ("idle_cpu", "CPU of 500 idle connections (share of a core)", "{:.4f}"),
              ("memory_mb", "memory after that (MiB)", "{:.0f}")]
    lines = ["| | " + " | ".join(names) + " |", "| --- |" + " --- |" * len(names)]
    for key, title, form in titles:
        lines.append(f"| {title} | " + " | ".join(form.format(results[n][key]) for n in names) + " |")
    ratio = results["Copse"]["cpu_us_per_request"] / results["nginx"]["cpu_us_per_request"]
    return "\n".join(lines) + f"\n\nCPU per request: {ratio:.2f} of nginx"


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=int, default=5)
    chosen = options.parse_args()
    record = begin_record("compare_with_nginx.py")
    rounds = {"Copse": [], "nginx": [], "tutorial's Flask service": []}
    with tempfile.TemporaryDirectory() as folder:
        pickled = os.path.join(folder, "iris.pkl")
        train(pickled)
        redis_port = free_port()
        with process("redis-server", "--port", str(redis_port), "--bind", "127.0.0.1", "--save", "",
                     "--dir", folder):
            for _ in range(chosen.rounds):
                port = free_port()
                rounds["Copse"].append(measure(
                    [str(ROOT / "build/bin/copse"), "serve", "--model",
                     str(ROOT / "models/iris.safetensors"), "--host", "127.0.0.1", "--port", str(port),
                     "--durability", "commit", "--log", os.path.join(folder, "predictions.db")],
                    port, chosen.seconds, folder))
                port = free_port()
                config = os.path.join(folder, "nginx.conf")
                pathlib.Path(config).write_text(NGINX.format(folder=folder, port=port))
                rounds["nginx"].append(measure(["/usr/sbin/nginx", "-p", folder, "-c", config], port,
                                               chosen.seconds, folder))
                port = free_port()
                rounds["tutorial's Flask service"].append(measure(
                    [sys.executable, str(ROOT / "tests/bench/flask_service.py"), pickled, str(port),
                     str(redis_port)], port, chosen.seconds, folder))
    results = {name: medians(turns) for name, turns in rounds.items()}
    keep_record({**record, "medians": results, "rounds": rounds}, "nginx")
    print(report(results))


if __name__ == "__main__":
    main()
