"""Copse beside the tutorial's Flask service: one run, one machine, turn by turn.

Both serve the same forest on loopback and record every prediction in the same real Redis. The
server is pinned to one core, the client (wrk) to the other; the two take turns, and the medians
of all rounds are kept with command and commit under tests/bench/results/.

  /usr/bin/python3 tests/bench/compare_with_flask.py [--rounds 5] [--seconds 4]
"""
import argparse
import contextlib
import os
import pathlib
import pickle
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

from record import ROOT, begin_record, keep_record

QUERY = "/predict?s_length=5.1&s_width=3.5&p_length=1.4&p_width=0.2"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def process(*command, **kwargs):
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **kwargs)
    try:
        yield child
    finally:
        child.terminate()
        child.wait(20)


def until_answers(port, started):
    """Seconds from `started` to the first good answer."""
    for _ in range(20_000):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{QUERY}", timeout=5) as answer:
                assert answer.read() == b"[0]"
                return time.perf_counter() - started
        except OSError:
            time.sleep(0.001)
    raise RuntimeError("the server never answered")


def milliseconds(text):
    value, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(value) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]


def load(port, connections, seconds):
    done = subprocess.run(["taskset", "-c", "1", "wrk", "-t1", f"-c{connections}", f"-d{seconds}s",
                           "--latency", f"http://127.0.0.1:{port}{QUERY}"],
                          capture_output=True, text=True, check=True, timeout=seconds + 60).stdout
    assert "Non-2xx" not in done, done
    figures = {"requests_per_s": float(re.search(r"Requests/sec:\s+([\d.]+)", done)[1])}
    for percent in ("50", "99"):
        figures[f"p{percent}_ms"] = milliseconds(re.search(rf"^\s+{percent}%\s+(\S+)", done, re.M)[1])
    return figures


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mib(pid):
    """Resident memory. Results call it memory_mb, as the older ones do; the unit is 2^20 bytes."""
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) / 1024


def measure(command, port, seconds):
    """One turn of one server: start, one client, eight clients, memory."""
    started = time.perf_counter()
    with process("taskset", "-c", "0", *command) as server:
        figures = {"start_ms": until_answers(port, started) * 1e3}
        for connections in (1, 8):
            before, begun = cpu_seconds(server.pid), time.perf_counter()
            result = load(port, connections, seconds)
            answered = result["requests_per_s"] * seconds
            result["cpu_us_per_request"] = (cpu_seconds(server.pid) - before) / answered * 1e6
            figures |= {f"c{connections}_{name}": value for name, value in result.items()}
            assert time.perf_counter() - begun < seconds + 60
        figures["memory_mb"] = memory_mib(server.pid)
    return figures


def train(path):
    from sklearn.datasets import load_iris
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import train_test_split
    x, _, y, _ = train_test_split(*load_iris(return_X_y=True), test_size=0.2, random_state=42)
    with open(path, "wb") as file:
        pickle.dump(RandomForestClassifier(random_state=42).fit(x, y), file)


def medians(rounds):
    return {name: statistics.median(r[name] for r in rounds) for name in rounds[0]}


def report(results):
    copse, flask = results["copse"], results["flask"]
    rows = [("requests per second, 8 clients", "c8_requests_per_s", "{:,.0f}"),
            ("latency p50, 1 client (ms)", "c1_p50_ms", "{:.3f}"),
            ("latency p99, 8 clients (ms)", "c8_p99_ms", "{:.2f}"),
            ("CPU per request, 8 clients (µs)", "c8_cpu_us_per_request", "{:,.0f}"),
            ("memory (MiB)", "memory_mb", "{:.0f}"),
            ("start to first answer (ms)", "start_ms", "{:,.0f}")]
    lines = ["| | Copse | tutorial's Flask service | ratio |", "| --- | --- | --- | --- |"]
    for title, name, form in rows:
        a, b = copse[name], flask[name]
        lines.append(f"| {title} | {form.format(a)} | {form.format(b)} | {max(a / b, b / a):,.0f}x |")
    return "\n".join(lines)


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=int, default=4)
    chosen = options.parse_args()
    record = begin_record("compare_with_flask.py")
    rounds = {"copse": [], "flask": []}
    with tempfile.TemporaryDirectory() as folder:
        pickled = os.path.join(folder, "iris.pkl")
        train(pickled)
        redis_port = free_port()
        with process("redis-server", "--port", str(redis_port), "--bind", "127.0.0.1", "--save", "",
                     "--dir", folder):
            for _ in range(chosen.rounds):
                port = free_port()
                rounds["copse"].append(measure(
                    [str(ROOT / "build/bin/copse"), "serve", "--model", str(ROOT / "models/iris.safetensors"),
                     "--host", "127.0.0.1", "--port", str(port), "--redis", f"127.0.0.1:{redis_port}",
                     "--log", os.path.join(folder, "predictions.db")],
                    port, chosen.seconds))
                port = free_port()
                rounds["flask"].append(measure(
                    [sys.executable, str(ROOT / "tests/bench/flask_service.py"), pickled, str(port),
                     str(redis_port)], port, chosen.seconds))
    results = {name: medians(turns) for name, turns in rounds.items()}
    keep_record({**record, "medians": results, "rounds": rounds}, "flask")
    print(report(results))


if __name__ == "__main__":
    main()
