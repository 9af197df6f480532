"""Every command of the guides is run, in order, and prints what is shown."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from guide import ROOT, RUN, WRITTEN, Reader, agrees, blocks_of, taken_ports

sys.path.insert(0, str(ROOT / "tests/docker"))
from engine import ca_bundle, docker, is_in_swarm, leave_swarm, require_engine, require_free_engine  # noqa: E402

# What is only looked at.
PICTURES = ("mermaid",)
# The examples of the package's own guide are run by tests/wasm.
ELSEWHERE = {"wasm/README.md"}
# Of the containers that the guides begin, and of the stack.
NAMES = ("flowers", "my-flowers")
STACK = "flowers"


def guides():
    names = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
                           cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    return [name for name in names if not name.startswith("tests/") and name not in ELSEWHERE]


class Guides(unittest.TestCase):
    def follow(self, name):
        blocks = [block for block in blocks_of((ROOT / name).read_text("utf-8")) if block.language not in PICTURES]
        for block in blocks:
            self.check_notes(name, block)
        to_run = [block for block in blocks if not {"not run", "example"} & set(block.notes)]
        for block in blocks:
            if "not run" in block.notes:
                print(f"report: {name}:{block.line} is not run: {block.notes['not run']}", file=sys.stderr)
        if not to_run:
            return
        self.assertTrue((ROOT / "build/bin/copse").exists(), "make build first")
        if taken := taken_ports(to_run):
            message = f"{name}: other services listen on its ports {taken}"
            if os.environ.get("COPSE_DOCKER_REQUIRED") == "1":
                self.fail(message)
            print(f"SKIP: {message}", file=sys.stderr)
            self.skipTest(message)
        engine = any(block.needs_engine() for block in to_run)
        if engine:
            require_engine()
            there = docker("ps", "--all", "--format", "{{.Names}}").stdout.split()
            self.assertFalse(set(NAMES) & set(there), "containers of these names are not the guide's")
            if any("docker swarm init" in block.text for block in to_run):
                require_free_engine()
                self.addCleanup(self.remove_swarm)
        bundle = ca_bundle()
        with tempfile.TemporaryDirectory(prefix="copse-guide-") as folder:
            reader = Reader(folder, {"COPSE_CA_BUNDLE": bundle} if bundle else {})
            if engine:
                self.addCleanup(self.remove_containers, pathlib.Path(folder).name)
            try:
                for block in to_run:
                    reader.follow(block)
            finally:
                reader.close()

    def check_notes(self, name, block):
        """Nothing is shown that no test looks at."""
        where = f"{name}:{block.line}"
        if block.language in RUN:
            self.assertNotIn("example", block.notes, f"{where} would not be run")
            return
        self.assertTrue({"file", "not run", "example"} & set(block.notes), f"{where} is shown, and not compared")
        if block.language not in WRITTEN and "example" in block.notes:
            test = ROOT / block.notes["example"]
            self.assertTrue(test.is_file() and name in test.read_text("utf-8"), f"{where}: {test} does not read it")

    def remove_containers(self, project):
        docker("rm", "--force", "--volumes", *NAMES, check=False)
        of_project = f"label=com.docker.compose.project={project}"
        for kind, *remove in (("ps", "rm", "--force", "--volumes"), ("volume", "volume", "rm"), ("network", "network", "rm")):
            listing = ["ps", "--all"] if kind == "ps" else [kind, "ls"]
            left = docker(*listing, "--quiet", "--filter", of_project).stdout.split()
            if left:
                docker(*remove, *left, check=False)

    def remove_swarm(self):
        if not is_in_swarm():
            return
        docker("stack", "rm", "--detach=false", STACK, check=False)
        leave_swarm()
        volumes = docker("volume", "ls", "--quiet", "--filter", f"label=com.docker.stack.namespace={STACK}").stdout.split()
        if volumes:
            docker("volume", "rm", *volumes, check=False)

    def test_what_is_shown_is_compared(self):
        self.assertTrue(agrees("a ... z\nb\n", "a to  z\nb  \n\n"))
        self.assertFalse(agrees("[0]\n", "[1]\n"))
        self.assertTrue(agrees("a\n...\nz\n", "a\nb\nc\nz\n"))
        self.assertTrue(agrees('{"a":[1,...\n"o":[0],...\n', '{"a":[1,2],"o":[0],"z":1}'))
        self.assertFalse(agrees("[0]\n", "[0]\n[0]\n"))
        self.assertFalse(agrees('{"a":...}\n{"c":...}\n', '{"a":1}\n{"bad":2}\n{"c":3}\n'))

    def test_a_guide_that_is_wrong_is_found(self):
        with tempfile.TemporaryDirectory(prefix="copse-guide-") as folder:
            reader = Reader(folder, {})
            try:
                with self.assertRaisesRegex(AssertionError, "line 1 shows"):
                    reader.follow(blocks_of("```sh\necho 1\n```\n```\n2\n```\n")[0])
                with self.assertRaisesRegex(AssertionError, "line 1 fails"):
                    reader.follow(blocks_of("```sh\nfalse\necho 1\n```\n")[0])
            finally:
                reader.close()
        for text in ("```json\n{}\n```\n", "```\n1\n```\n", "<!-- example: no-such-test -->\n```\n1\n```\n"):
            with self.assertRaisesRegex(AssertionError, "GUIDE.md:[12]"):
                self.check_notes("GUIDE.md", blocks_of(text)[0])


def add(name):
    def test(self):
        self.follow(name)

    setattr(Guides, "test_" + name.removesuffix(".md").replace("/", "_").replace("-", "_").lower(), test)


for guide in guides():
    add(guide)

if __name__ == "__main__":
    os.chdir(ROOT)
    unittest.main()
