"""What a guide tells its reader to type, and to see: its fenced blocks, and a shell that runs them.

Comments, which a reader does not see, stand before a block that is more than a command that ends:

    <!-- background: URL -->  it goes on running, until its port is wanted again or the guide ends;
                              what follows waits until the URL answers
    <!-- free: PORT -->       what was begun on that port is ended first
    <!-- file: NAME -->       the block is that file's content
    <!-- not run: REASON -->  somebody else has to run it; guide_test.py lists these
    <!-- example: WHERE -->   WHERE is a test that takes it from the guide; `node`, `page` and so on, of
                              the package's examples, are for tests/wasm/readme.test.mjs

A block without a language after a block of commands is what these print; `...` stands for anything
in a line, and at the end of a line also for lines.
"""
import contextlib
import dataclasses
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from urllib.parse import urlsplit

ROOT = pathlib.Path(__file__).resolve().parents[2]
RUN = ("sh", "bash")
_CURL = 'curl() { command curl --fail-with-body "$@"; }\n'
PRELUDE = """
set -eo pipefail
make() { command make --no-print-directory -C "$COPSE_CHECKOUT" "$@"; }
python3() { /usr/bin/python3 "$@"; }
docker() {
  if [ "$1" = build ] && [ -n "${COPSE_CA_BUNDLE-}" ]; then
    command docker build --secret id=ca-bundle,src="$COPSE_CA_BUNDLE" "${@:2}"
  else
    command docker "$@"
  fi
}
"""


@dataclasses.dataclass
class Block:
    language: str
    text: str
    line: int
    notes: dict  # what the comment before it says: {"file": "train.py"}
    expected: str | None = None

    def needs_engine(self):
        return self.language in RUN and re.search(r"\bdocker |\bdocker/(rolling-replace|swarm-deploy)", self.text) is not None


def blocks_of(text):
    """The fenced blocks of a Markdown text, in order."""
    found, notes, lines = [], {}, text.splitlines()
    i = 0
    while i < len(lines):
        line = lines[i]
        note = re.fullmatch(r"<!-- ([a-z ]+): (.+) -->", line)
        if note:
            notes[note[1]] = note[2]
        elif line.startswith("```"):
            end = next(k for k in range(i + 1, len(lines)) if lines[k].startswith("```"))
            body = "\n".join(lines[i + 1:end]) + "\n"
            follows = i > 0 and lines[i - 1].startswith("```")
            if line == "```" and follows and found and found[-1].language in RUN:
                found[-1].expected = body
            else:
                found.append(Block(line[3:].strip(), body, i + 1, notes))
            notes, i = {}, end
        elif line.strip():
            notes = {}
        i += 1
    return found


def agrees(expected, said):
    """Whether `said` is what is shown, white space at the ends of lines aside. A long line may be
    shown as several, after a comma, an opening bracket or `...`."""
    def tidy(text):
        text = "\n".join(line.rstrip() for line in text.strip().splitlines())
        return re.sub(r"(?<=[,{\[])\n(?=[\"{\[])", "", text)

    parts = re.split(r"(\.\.\.\n?)", tidy(expected))
    meaning = {"...": "[^\n]*", "...\n": "(?s:.*)"}
    pattern = "".join(meaning.get(part) or re.escape(part) for part in parts)
    return re.fullmatch(pattern, tidy(said)) is not None


class Reader:
    """Follows a guide in `folder`: a copy of the repository, with what is built. Not thread-safe."""

    def __init__(self, folder, environment):
        self.folder = pathlib.Path(folder)
        names = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                               cwd=ROOT, check=True, capture_output=True).stdout.decode().split("\0")
        for name in filter(None, names):
            if (ROOT / name).is_file():
                target = self.folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, target)
        for name in ("build", "node_modules"):
            (self.folder / name).symlink_to(ROOT / name)
        # npm packs no links.
        if (ROOT / "wasm/dist").is_dir():
            shutil.copytree(ROOT / "wasm/dist", self.folder / "wasm/dist")
        self.private = self.folder / ".guide"
        self.private.mkdir()
        self.prelude = self.private / "prelude"
        self.prelude.write_text(PRELUDE + _CURL)
        self.environment = {**os.environ, "COPSE_CHECKOUT": str(ROOT), **environment}
        self.running = {}
        self.count = 0
        self.shell = self._bash(stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.shell.stdin.write(f"source {self.prelude}\n")

    def _bash(self, *arguments, **kwargs):
        return subprocess.Popen(["bash", "--noprofile", "--norc", *arguments], cwd=self.folder,
                                env=self.environment, start_new_session=True, **kwargs)

    def close(self):
        for port in list(self.running):
            self.free(port)
        self._end(self.shell)
        with contextlib.suppress(BrokenPipeError):
            self.shell.stdin.close()
        self.shell.stdout.close()

    def follow(self, block):
        """Does what the block says. AssertionError if it fails, or prints something else."""
        if "file" in block.notes:
            (self.folder / block.notes["file"]).write_text(block.text)
        elif "background" in block.notes:
            self._begin(block)
        else:
            if "free" in block.notes:
                self.free(int(block.notes["free"]))
            said = self._run(block)
            if block.expected is not None and not agrees(block.expected, said):
                raise AssertionError(f"line {block.line} shows\n{block.expected}and there came\n{said}")

    def free(self, port):
        process = self.running.pop(port, None)
        if process:
            self._end(process)

    def _end(self, process):
        """Ends a shell and all that it has begun."""
        end = time.monotonic() + 20
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
            while time.monotonic() < end:
                process.poll()
                os.killpg(process.pid, 0)
                time.sleep(0.05)
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def _file(self, kind):
        return self.private / f"{self.count}.{kind}"

    def _begin(self, block):
        url = block.notes["background"]
        port = urlsplit(url).port
        self.free(port)
        self.count += 1
        log = self._file("log")
        with log.open("wb") as out:
            process = self._bash("-c", f"source {self.prelude}\n{block.text}", stdin=subprocess.DEVNULL,
                                 stdout=out, stderr=subprocess.STDOUT)
        self.running[port] = process
        end = time.monotonic() + 900
        while not _is_ready(url):
            if process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"line {block.line}: {block.text}{log.read_text(errors='replace')[-4000:]}")
            time.sleep(0.2)

    def _run(self, block, seconds=1800):
        self.count += 1
        script, out, err = self._file("sh"), self._file("out"), self._file("err")
        # What shows no answer wants a good one; a mistake is shown with its answer.
        plain = "unset -f curl\n" if block.expected is not None else ""
        script.write_text(plain + block.text + ("" if not plain else _CURL))
        if self.shell.poll() is not None:
            raise AssertionError(f"line {block.line}: the shell has ended")
        self.shell.stdin.write(f"source {script} </dev/null >{out} 2>{err}\necho done\n")
        if not select.select([self.shell.stdout], [], [], seconds)[0]:
            raise AssertionError(f"line {block.line}: not done after {seconds} s: {block.text}")
        if self.shell.stdout.readline() != "done\n":
            raise AssertionError(f"line {block.line} fails: {block.text}"
                                 f"{out.read_text(errors='replace')[-4000:]}{err.read_text(errors='replace')[-8000:]}")
        return out.read_text(errors="replace")


def _is_ready(url):
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except OSError:  # refused, or an answer that is an error
        return False


def taken_ports(blocks):
    """Ports of this machine that the blocks want and something else has."""
    text = "\n".join(block.text + block.notes.get("background", "") for block in blocks)
    wanted = sorted({int(port) for port in re.findall(r"localhost:(\d+)", text)})
    taken = []
    for port in wanted:
        with contextlib.suppress(OSError), socket.create_connection(("localhost", port), 2):
            taken.append(port)
    return taken
