#!/usr/bin/python3
"""Every case of the folder of real models, through the command line as a person uses it.

    COPSE_WILD_MODELS=/folder tests/import/wild_test.py [--write FILE | --check FILE] [PART ...]

Each model file is asked for everything that its own library said about the same rows. "Equal" is
what the folder's README says: bits for leaves, labels, averages and raw scores; 2e-15 (or 1e-15 of
a large number) behind exp, log or power in double; 1e-12 for linear models; two units in the last
place behind XGBoost's expf; 1e-5 for ONNX. A case of the tier `core` must be right, one of
`stretch` may be refused, and what is hostile must be, in one sentence, within a second and 256 MB.

With PARTs only cases whose path holds one of them are run. Skips, and says so, without the folder.
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
COPSE = os.environ.get("COPSE_BIN", str(ROOT / "build/bin/copse"))
WILD = os.environ.get("COPSE_WILD_MODELS", "")
MESSAGE_MAX, SECONDS_MAX, KILOBYTES_MAX = 600, 1.0, 256 * 1024
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
HEAD = ["batch", "files", "bit-equal", "within bound", "refused", "wrong"]
GB_CLASSIFIERS = {"GradientBoostingClassifier", "HistGradientBoostingClassifier"}
LINEAR = {"LogisticRegression", "LinearRegression", "OneVsRestClassifier"}


class Run:
    """One run of the program: exit code, first line of stderr, seconds, kilobytes at most."""

    def __init__(self, arguments):
        begin = time.monotonic()
        process = subprocess.Popen([COPSE, *map(str, arguments)], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE)
        # What it says is read to the end, or it could wait for us for ever.
        self.text = process.stderr.read().decode("utf-8", "replace")
        process.stderr.close()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.seconds = time.monotonic() - begin
        self.kilobytes = usage.ru_maxrss
        self.code = process.returncode

    def refusal(self):
        """The sentence of a proper refusal, else None."""
        lines = self.text.strip().split("\n")
        proper = self.code == 3 and len(lines) == 1 and lines[0].startswith("copse: ")
        return lines[0][7:] if proper and len(lines[0]) <= MESSAGE_MAX else None


class Refused(Exception):
    pass


def ask(model, rows, question, folder):
    """`copse predict` as an array [n, columns]. "proba best" asks for the best iteration's."""
    kind, *best = question.split()
    out = pathlib.Path(folder) / f"{kind}.npy"
    run = Run(["predict", "--model", model, "--input", rows, "--out", out, "--output", kind,
               *(["--iterations", "best"] if best else [])])
    if run.code == 0:
        answer = np.load(out)
        return answer.reshape(len(answer), -1)
    sentence = run.refusal()
    if sentence is None:
        raise AssertionError(f"exit code {run.code}: {run.text.strip()[:400]}")
    raise Refused(sentence)


def wide(array):
    return np.asarray(array).reshape(len(array), -1)


def chosen(ours, theirs):
    """The columns of all probabilities that a booster's `predict` gives: of two, the second."""
    if ours.shape[1] == 2 * theirs.shape[1]:
        return ours[:, 1::2]
    return ours


def agrees(ours, theirs, bound):
    """("bits" | "bound" | "wrong", a word about the worst)."""
    if ours.shape != theirs.shape:
        return "wrong", f"shape {ours.shape}, expected {theirs.shape}"
    if theirs.dtype.kind in "US":
        return ("bits", "") if (ours == theirs).all() else ("wrong", "labels differ")
    ours, theirs = ours.astype(np.float64), theirs.astype(np.float64)
    same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    if same.all():
        return "bits", ""
    with np.errstate(invalid="ignore"):
        difference = np.abs(ours - theirs)
        near = same | (difference <= bound(np.abs(theirs)))
    row = int(np.argmin(near.all(axis=1)))
    word = f"{int((~same).sum())} of {same.size} differ, by {np.nanmax(difference):.3g}"
    return ("bound", word) if near.all() else ("wrong", f"{word}; first in row {row}")


def exactly(size):
    return np.zeros_like(size)


def behind_exp(size):
    return np.maximum(2e-15, 1e-15 * size)


def relative(tolerance):
    return lambda size: tolerance * np.maximum(size, 1e-3)


def two_ulps(size):
    return 2 * np.spacing(np.maximum(size, np.finfo(np.float32).tiny).astype(np.float32)).astype(float)


def sklearn_questions(case, folder):
    """(question, expected, bound) of a scikit-learn case."""
    estimator = case.get("estimator", "GradientBoostingClassifier")
    kinds = {"predict_index": "index", "predict_proba": "proba", "decision_function": "margin",
             "score_samples": "score", "predict": "predict", "apply": "leaf"}
    for name, file in case["outputs"].items():
        files = file if isinstance(file, list) else [file]
        expected = np.concatenate([wide(np.load(folder / one)) for one in files], axis=1)
        bound = exactly
        if estimator in LINEAR:
            bound = relative(1e-12)
        elif estimator == "IsolationForest":
            bound = behind_exp
        elif estimator in GB_CLASSIFIERS and name in ("predict_proba", "decision_function"):
            bound = behind_exp
        elif estimator == "HistGradientBoostingRegressor":
            bound = behind_exp if re.search("poisson|gamma", case["case"]) else exactly
        if name in ("predict_index", "apply"):
            bound = exactly
        yield kinds[name], expected, bound


def booster_questions(case, folder, is_xgboost, outputs):
    """(question, expected, bound) of an XGBoost, LightGBM or CatBoost case.

    outputs  those of `copse inspect --json`
    """
    is_class = outputs[0]["kind"] == "class"
    for name, file in case["outputs"].items():
        expected = wide(np.load(folder / file))
        if name.startswith("predict"):
            labels = is_class and re.search("softmax|hinge", str(case.get("params", {})))
            kind = "predict" if labels or not is_class else "proba"
            best = " best" if name == "predict_best_iteration" else ""
            yield kind + best, expected, two_ulps if is_xgboost else behind_exp
        else:
            yield name, expected, exactly


def onnx_questions(case, folder, outputs):
    """(question, expected, bound) of an ONNX case: labels, scores or values."""
    is_class = outputs[0]["kind"] == "class"
    for name, output in case["outputs"].items():
        output = {"file": output} if isinstance(output, str) else output
        if "strings" in output:
            yield "predict", wide(np.array(output["strings"])), exactly
            continue
        expected = wide(np.load(folder / output["file"]))
        is_label = is_class and expected.dtype.kind == "i"
        yield ("predict" if is_label else "proba" if is_class else "predict"), expected, (
            exactly if is_label else relative(1e-5))


def questions(case, batch, folder, model):
    engine = case.get("engine") or case.get("format") or batch
    if "sklearn" in engine or "estimator" in case or "predict_index" in case["outputs"]:
        return list(sklearn_questions(case, folder))
    described = subprocess.run([COPSE, "inspect", model, "--json"], capture_output=True)
    if described.returncode != 0:
        raise Refused(described.stderr.decode().strip()[7:])
    outputs = json.loads(described.stdout)["outputs"]
    if "onnx" in engine or str(model).endswith(".onnx"):
        return list(onnx_questions(case, folder, outputs))
    return list(booster_questions(case, folder, "xgboost" in engine, outputs))


def rows_of(case, folder, scratch):
    """The rows as the caller hands them over; `missing` is a property of the call."""
    path = folder / case.get("input", "X.npy")
    if case.get("missing") is None:
        return path
    rows = np.load(path)
    rows = np.where(rows == case["missing"], np.nan, rows)
    np.save(pathlib.Path(scratch) / "rows.npy", rows)
    return pathlib.Path(scratch) / "rows.npy"


def try_model(case, batch, folder, file):
    """("bits" | "bound" | "refused" | "wrong", a word)."""
    with tempfile.TemporaryDirectory() as scratch:
        worst, words = "bits", []
        try:
            rows = rows_of(case, folder, scratch)
            for kind, expected, bound in questions(case, batch, folder, folder / file):
                ours = ask(folder / file, rows, kind, scratch)
                if kind.startswith("proba"):
                    ours = chosen(ours, expected)
                keep = np.ones(len(expected), bool)
                if kind in ("predict", "index"):
                    keep[list(case.get("tie_rows", []))] = False
                verdict, word = agrees(ours[keep], expected[keep], bound)
                words += [f"{kind}: {word}"] if word else []
                worst = max(worst, verdict, key=["bits", "bound", "wrong"].index)
        except Refused as refusal:
            return "refused", str(refusal)
        except AssertionError as failure:
            return "wrong", str(failure)
    return worst, "; ".join(words)


def model_files(case):
    """Files of a case. Some hold an old binary one beside what its own library made of it."""
    converted = [case["converted"].split()[0]] if "converted" in case else []
    return converted + (case.get("models") or [case["model"]])


def expected_verdicts(case, file):
    """What may become of a file: an old binary one is always refused."""
    if file.endswith("legacy.bin") or ("converted" in case and file == case["model"]):
        return {"refused"}
    return {"bits", "bound"} | ({"refused"} if case["tier"] == "stretch" else set())


def batches(parts):
    """(batch, case, folder, file) of everything that is to be right."""
    for path in sorted(pathlib.Path(WILD).rglob("cases.json")):
        batch = path.parent.relative_to(WILD)
        for case in json.loads(path.read_text()).get("cases", []):
            for file in model_files(case):
                name = f"{batch}/{case['case']}/{file}"
                if not parts or any(part in name for part in parts):
                    yield str(batch), case, path.parent / case["case"], file


def try_hostile(parts, failures):
    """Counts hostile files; those that are not refused as they should be go to `failures`."""
    count = 0
    for path in sorted(pathlib.Path(WILD).rglob("cases.json")):
        for entry in json.loads(path.read_text()).get("files", []):
            file = path.parent / entry["file"]
            if parts and not any(part in str(file) for part in parts):
                continue
            count += 1
            for command in (["import", file, "-o", os.devnull], ["inspect", file]):
                run = Run(command)
                if run.refusal() is None:
                    failures.append(f"{file}: {command[0]} gave {run.code}: {run.text[:300]!r}")
                elif run.seconds > SECONDS_MAX or run.kilobytes > KILOBYTES_MAX:
                    failures.append(f"{file}: {command[0]} took {run.seconds:.2f} s and "
                                    f"{run.kilobytes} kB")
    return count


def table(results, n_hostile):
    counts = {}
    for batch, _, verdict, *_ in results:
        counts.setdefault(batch, {"bits": 0, "bound": 0, "refused": 0, "wrong": 0})[verdict] += 1
    lines = [HEAD]
    for batch, count in counts.items():
        lines.append([batch.split("/")[-1], sum(count.values()), *count.values()])
    if n_hostile:
        lines.append(["hostile", n_hostile, 0, 0, n_hostile, 0])
    lines.append(["all", *(sum(line[i] for line in lines[1:]) for i in range(1, len(HEAD)))])
    text = ["| " + " | ".join(map(str, line)) + " |" for line in lines]
    text.insert(1, "|" + " --- |" * len(HEAD))
    return "\n".join(text)


def write_table(path, text):
    page = pathlib.Path(path).read_text()
    begin, end = page.index(BEGIN) + len(BEGIN), page.index(END)
    pathlib.Path(path).write_text(page[:begin] + "\n" + text + "\n" + page[end:])


def kept_table(path):
    page = pathlib.Path(path).read_text()
    return page[page.index(BEGIN) + len(BEGIN):page.index(END)].strip()


def check_table(path, text, failures):
    """The kept table must be this one, where it was made of the same number of files."""
    kept = kept_table(path)
    if kept == text:
        return
    same_files = [line.split("|")[1:3] for line in kept.splitlines()] == [
        line.split("|")[1:3] for line in text.splitlines()]
    if same_files:
        failures.append(f"{path} keeps another table: run this with --write {path}")
    else:
        print(f"report: {path} keeps the table of other files")


def canonical_sha256(file):
    """SHA-256 of what `copse import` writes, or None."""
    with tempfile.TemporaryDirectory() as scratch:
        out = pathlib.Path(scratch) / "model.safetensors"
        if Run(["import", file, "-o", out]).code != 0:
            return None
        return hashlib.sha256(out.read_bytes()).hexdigest()


def compare_with_wasm(results, pool, failures):
    """Every file that was imported here becomes the same bytes in WebAssembly."""
    files = [folder / file for _, name, verdict, folder, file, _ in results
             if verdict in ("bits", "bound")]
    ours = dict(zip(files, pool.map(canonical_sha256, files)))
    node = subprocess.run(["node", str(ROOT / "tests/import/wild_wasm.mjs")],
                          input=json.dumps([{"file": str(file)} for file in files]).encode(),
                          capture_output=True, timeout=600)
    if node.returncode != 0:
        failures.append("wild_wasm.mjs failed: " + node.stderr.decode()[-400:])
        return 0, 0
    equal = refused = 0
    for line in node.stdout.decode().splitlines():
        answer = json.loads(line)
        file = pathlib.Path(answer["file"])
        if answer.get("sha256") == ours[file]:
            equal += 1
        elif re.search(r"bzip2|\bxz\b|lzma|lz4", answer.get("error", "")):
            refused += 1  # streams that browsers do not decompress
        else:
            failures.append(f"{file}: WebAssembly gave {answer}, natively {ours[file]}")
    if equal + refused != len(files):
        failures.append(f"WebAssembly answered {equal + refused} of {len(files)} files")
    return equal, refused


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--write", metavar="FILE", help="put the table into this page")
    parser.add_argument("--check", metavar="FILE", help="the table in this page must be this one")
    parser.add_argument("--verbose", action="store_true", help="a line for each file")
    parser.add_argument("--no-wasm", action="store_true", help="natively only")
    parser.add_argument("parts", nargs="*", metavar="PART")
    arguments = parser.parse_args()
    if not pathlib.Path(WILD, "README.md").is_file() or not WILD:
        print("SKIP: no folder of real models (COPSE_WILD_MODELS): importers not tried on them")
        print("0 passed, 0 failed, 1 skipped")
        return 0

    failures = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        cases = list(batches(arguments.parts))
        verdicts = pool.map(lambda one: try_model(one[1], *one[:1], *one[2:]), cases)
        results = []
        for (batch, case, folder, file), (verdict, word) in zip(cases, verdicts):
            name = f"{batch}/{case['case']}/{file}"
            results.append((batch, name, verdict, folder, file, word))
            if verdict not in expected_verdicts(case, file):
                failures.append(f"{name} ({case['tier']}): {verdict}: {word}")
            if arguments.verbose:
                print(f"{verdict:8} {name}  {word}")
        n_hostile = try_hostile(arguments.parts, failures)
        text = table(results, n_hostile)
        for line in text.split("\n"):
            print(f"report: {line}")
        if not arguments.no_wasm:
            equal, refused = compare_with_wasm(results, pool, failures)
            print(f"report: WebAssembly: {equal} files became the same bytes as natively; {refused} are in "
                  "streams that browsers do not decompress")
    if arguments.write:
        write_table(arguments.write, text)
    if arguments.check:
        check_table(arguments.check, text, failures)
    for failure in failures:
        print(f"FAILED {failure}")
    print(f"{len(results) + n_hostile - len(failures)} passed, {len(failures)} failed, 0 skipped")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
