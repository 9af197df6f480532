"""docs/benchmarks.md is what the results give, and the guides quote the results as they are."""
import re
import unittest

from bench_report import latest, report
from record import RESULTS, ROOT

MB = 1e6
NUMBER = r"([\d,]+(?:\.\d+)?)"


def flask_row(title, key):
    """A row of README's table: ours, theirs, how many times."""
    copse, flask = (latest()["flask"][0]["medians"][who][key] for who in ("copse", "flask"))
    return "README.md", rf"\| {re.escape(title)} \| {NUMBER} \| {NUMBER} \| {NUMBER}x \|", copse, flask, max(
        copse / flask, flask / copse)


def flask_quotes():
    yield flask_row("requests per second, 8 clients", "c8_requests_per_s")
    yield flask_row("latency p50, 1 client (ms)", "c1_p50_ms")
    yield flask_row("latency p99, 8 clients (ms)", "c8_p99_ms")
    yield flask_row("CPU per request, 8 clients (µs)", "c8_cpu_us_per_request")
    yield flask_row("memory (MiB)", "memory_mb")
    yield flask_row("start to first answer (ms)", "start_ms")


def image_quotes():
    record = latest()["image"][0]
    changes = latest().get("rebuild", latest()["image"])[0]["copse"]["seconds"]
    ours, theirs = record["copse"]["bytes"] / MB, record["flask"]["bytes"] / MB
    yield "README.md", rf"\| nothing that is not needed \|.*: {NUMBER} MB \|", ours
    yield "README.md", rf"the image \({NUMBER} MB; {NUMBER} MB of the tutorial's kind\)", ours, theirs
    yield "README.md", rf"compiles everything: {NUMBER} minutes", record["copse"]["seconds"]["everything"] / 60
    yield ("README.md", rf"nothing has changed, {NUMBER} seconds after a change of a\s+source of the service, {NUMBER} of the "
           rf"core and {NUMBER} of the page", *(changes[what] for what in
                                               ("native/metrics.cc", "core/src/forest.cc", "web/src/theme.ts")))


def csv_quotes():
    text = max(RESULTS.glob("large-csv-*.md")).read_text("utf-8")
    size, seconds, memory = (float(re.search(pattern, text)[1].replace(",", "")) for pattern in (
        rf"\| file \| {NUMBER} bytes", rf"\| clock \| {NUMBER} s", rf"\| largest resident memory \| {NUMBER} MB"))
    yield ("README.md", rf"A CSV of\s+{NUMBER} GB goes through `copse predict` in {NUMBER} seconds and {NUMBER} MB", size / 1e9,
           seconds, memory)


def module_quotes():
    """How much slower the small module is, at the least and at the most; and what is loaded."""
    record = latest()["web"][0]
    ratios = [shape["rows"]["copse-wasm-small"]["ns_per_row"][batch] / time for shape in record["shapes"].values()
              for batch, time in shape["rows"]["copse-wasm"]["ns_per_row"].items()]
    yield "wasm/README.md", rf"answers {NUMBER} to {NUMBER}\s+times slower", min(ratios), max(ratios)
    yield "wasm/js/index.ts", rf"answers {NUMBER} to {NUMBER} times slower", min(ratios), max(ratios)
    yield "docs/adr/0004-standalone-wasm.md", rf"answers {NUMBER} to {NUMBER} times as fast", min(ratios), max(ratios)
    yield "wasm/README.md", rf"\({NUMBER} kB as brotli", record["download"]["copse/inline, one script"]["brotli"] / 1e3
    text = max(RESULTS.glob("debian13-*.md")).read_text("utf-8")
    sizes = (float(re.search(rf"\| {name} \| {NUMBER} \|", text)[1].replace(",", "")) / 1e3
             for name in (r"copse\.wasm", r"copse-fast\.wasm"))
    yield "wasm/README.md", rf"\({NUMBER} kB instead of {NUMBER}, as brotli\)", *sizes


def differences(text, pattern, values):
    """What is quoted otherwise than it was measured, as it would be rounded there."""
    found = re.search(pattern, text)
    if not found:
        return [f"nothing is like {pattern}"]
    measured = [f"{value:,.{len(quoted.partition('.')[2])}f}" for quoted, value in zip(found.groups(), values, strict=True)]
    return [f"{quoted} is quoted, and {true} was measured: {found[0]}"
            for quoted, true in zip(found.groups(), measured) if quoted != true]


class Report(unittest.TestCase):
    def test_is_what_the_results_give(self):
        self.assertEqual((ROOT / "docs/benchmarks.md").read_text("utf-8"), report(), "run tests/bench/bench_report.py")


class Quotes(unittest.TestCase):
    def test_guides_quote_what_was_measured(self):
        for quotes in (flask_quotes, image_quotes, csv_quotes, module_quotes):
            for name, pattern, *values in quotes():
                with self.subTest(name, pattern=pattern):
                    self.assertEqual(differences((ROOT / name).read_text("utf-8"), pattern, values), [])

    def test_a_wrong_number_is_found(self):
        self.assertEqual(differences("takes 12.7 MB", rf"takes {NUMBER} MB", [12.74]), [])
        self.assertEqual(len(differences("takes 12.8 MB", rf"takes {NUMBER} MB", [12.74])), 1)
        self.assertEqual(len(differences("takes much", rf"takes {NUMBER} MB", [12.74])), 1)


if __name__ == "__main__":
    unittest.main()
