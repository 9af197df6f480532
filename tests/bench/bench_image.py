"""The image beside one of the tutorial's kind: size, building everything, building after a change, and
whether the same sources give the same bytes.

The sources are those of the last commit, in a folder of their own. "Everything" is built without a
layer and without a compiled file; packages come from the builder's cache, for both. The tutorial's
image is Debian's Python with the packages that its service needs and the service itself. Results
are kept with command and commit under tests/bench/results/.

  /usr/bin/python3 tests/bench/bench_image.py [--changes]
"""
import argparse
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from record import ROOT, begin_record, keep_record, output_of, say

FLASK_IMAGE = """FROM debian:bookworm-slim
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    rm -f /etc/apt/apt.conf.d/docker-clean \
 && apt-get update && apt-get install -y --no-install-recommends python3-flask python3-flasgger \
      python3-sklearn python3-pandas python3-redis
COPY flask_service.py /
"""
OURS, FLASK = "copse-bench-image", "copse-bench-flask"
BUILD_SECONDS_MAX = 5_400
# A line for each source, with a number that was never there: ccache has not seen it, and to the compiler
# it is no comment.
CPP, TS = "static_assert({number} > 0);\n", "// {number}\n"
CHANGES = {"nothing": "", "native/metrics.cc": CPP, "core/src/forest.cc": CPP, "web/src/theme.ts": TS}
FIXED = ("--build-arg", "SOURCE_DATE_EPOCH=0")


def build(tag, folder, *options, dockerfile="Dockerfile"):
    """Seconds that `docker build` takes."""
    bundle = os.environ.get("COPSE_CA_BUNDLE") or os.environ.get("NODE_EXTRA_CA_CERTS")
    secret = ["--secret", f"id=ca-bundle,src={bundle}"] if bundle else []
    begin = time.monotonic()
    done = subprocess.run(["docker", "build", "-q", "-t", tag, "-f", dockerfile, *secret, *options, "."],
                          cwd=folder, capture_output=True, text=True, timeout=BUILD_SECONDS_MAX)
    if done.returncode != 0:
        sys.exit(f"the image {tag} cannot be built:\n{done.stderr[-4000:]}")
    return round(time.monotonic() - begin, 1)


def inspect(tag):
    """What the engine knows of an image: its digest, its layers, its size in bytes."""
    out = subprocess.run(["docker", "image", "inspect", tag], capture_output=True, text=True,
                         check=True).stdout
    found = json.loads(out)[0]
    return {"id": found["Id"], "layers": found["RootFS"]["Layers"], "bytes": found["Size"]}


def sources(folder):
    """The committed files, in `folder`."""
    with subprocess.Popen(["git", "archive", "HEAD"], cwd=ROOT, stdout=subprocess.PIPE) as archive:
        subprocess.run(["tar", "-x", "-C", folder], stdin=archive.stdout, check=True)
    assert archive.returncode == 0


@contextlib.contextmanager
def changed(path, line):
    """A file with one more line for as long as this is open."""
    before = path.read_bytes()
    path.write_bytes(before + line.encode())
    try:
        yield
    finally:
        path.write_bytes(before)


def build_ours(folder, *options):
    return build(OURS, folder, *FIXED, *options, dockerfile="docker/Dockerfile")


def measure_changes(folder):
    """Seconds that building takes after a change of each of CHANGES."""
    seconds = {}
    for what, line in CHANGES.items():
        say(f"image: changed {what}")
        # Once untimed: its layers are those of the first build.
        build_ours(folder)
        change = changed(folder / what, line.format(number=time.time_ns())) if line else contextlib.nullcontext()
        with change:
            seconds[what] = build_ours(folder)
    return seconds


def measure_ours(folder):
    say("image: whatever is in the builder's cache")
    build_ours(folder)
    before = inspect(OURS)
    say("image: everything")
    seconds = {"everything": build_ours(folder, "--no-cache", "--build-arg", "CCACHE_RECACHE=1")}
    again = inspect(OURS)
    seconds |= measure_changes(folder)
    return {"bytes": again["bytes"], "seconds": seconds,
            "same_digest": before["id"] == again["id"],
            "same_layers": [a == b for a, b in zip(before["layers"], again["layers"])]}


def measure_flask(folder):
    shutil.copy(ROOT / "tests/bench/flask_service.py", folder)
    (folder / "Dockerfile").write_text(FLASK_IMAGE)
    say("the tutorial's image")
    seconds = {"everything": build(FLASK, folder, "--no-cache")}
    seconds["nothing"] = build(FLASK, folder)
    with changed(folder / "flask_service.py", "# changed\n"):
        seconds["flask_service.py"] = build(FLASK, folder)
    return {"bytes": inspect(FLASK)["bytes"], "seconds": seconds}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--changes", action="store_true", help="only how long building takes after a change")
    only_changes = parser.parse_args().changes
    engine = output_of("docker", "version", "-f", "{{.Server.Version}}")
    if not engine:
        say("no Docker engine answers: the image is not measured")
        return
    record = begin_record("bench_image.py", engine=engine)
    try:
        with tempfile.TemporaryDirectory() as ours, tempfile.TemporaryDirectory() as flask:
            sources(ours)
            if only_changes:
                record["copse"] = {"seconds": measure_changes(pathlib.Path(ours))}
            else:
                record["copse"] = measure_ours(pathlib.Path(ours))
                record["flask"] = measure_flask(pathlib.Path(flask))
    finally:
        output_of("docker", "image", "rm", "-f", OURS, FLASK)
    keep_record(record, "rebuild" if only_changes else "image")
    print(json.dumps({name: record[name] for name in ("copse", "flask") if name in record}, indent=1))


if __name__ == "__main__":
    main()
