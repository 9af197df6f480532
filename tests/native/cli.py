"""The command line as its tests run it: the binary, and the case that they share. Whoever imports this
is called with COPSE_BINARY SOURCE_FOLDER."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

BINARY = pathlib.Path(sys.argv[1]).resolve()
SOURCE = pathlib.Path(sys.argv[2]).resolve()
IRIS = SOURCE / "models" / "iris.safetensors"
VECTORS = SOURCE / "tests" / "vectors"
SECONDS = 60  # of any one run
SANITIZED = b"__asan_init" in BINARY.read_bytes()
SETOSA = b"5.1,3.5,1.4,0.2\n"
FLOWERS = SETOSA + b"6.0,2.9,4.5,1.5\n7.2,3.6,6.1,2.5\n"


def some_if_sanitized(cases):
    """With a sanitizer, under which a process takes half a second to begin, every eighth: the tests
    of the core and of its reader answer all of them there, in one process."""
    return cases[::8] if SANITIZED else cases


def copse(*arguments, stdin=b"", environment=None):
    return subprocess.run([BINARY, *map(str, arguments)], input=stdin, capture_output=True,
                          timeout=SECONDS, check=False,
                          env={**os.environ, **(environment or {})})


class Command(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="copse-cli-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, name, content):
        path = self.folder / name
        path.write_bytes(content)
        return path

    def answer(self, *arguments, stdin=b""):
        """What a run that must go well wrote to its standard output."""
        run = copse(*arguments, stdin=stdin)
        self.assertEqual((run.returncode, run.stderr), (0, b""), arguments)
        return run.stdout

    def refusal(self, code, *arguments, stdin=b"", environment=None):
        """The one line of a run that must be refused, without `copse: `."""
        run = copse(*arguments, stdin=stdin, environment=environment)
        self.assertEqual(run.returncode, code, run.stderr)
        text = run.stderr.decode()
        self.assertRegex(text, r"\Acopse: [^\n]+\n\Z")
        self.assertLessEqual(len(text), 600)
        return text[len("copse: "):-1]

    def predict(self, source, *arguments, model=IRIS, stdin=b""):
        return self.answer("predict", "--model", model, "--input", source, "--out", "-",
                           *arguments, stdin=stdin)
