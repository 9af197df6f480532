"""Every command of the guides is run, in order, and prints what is shown."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

from guide import ROOT, RUN, Reader, agrees, blocks_of, taken_ports

sys.path.insert(0, str(ROOT / "tests/docker"))
from engine import (ca_bundle, docker, give_back, image_id, is_in_swarm, leave_swarm, require_engine,  # noqa: E402
                    require_free_engine)

# What is only looked at.
PICTURES = ("mermaid",)
# The examples of the package's own guide are run by tests/wasm.
ELSEWHERE = {"wasm/README.md"}
# Where the package's examples run, which `<!-- example: -->` names instead of the test.
PACKAGE_EXAMPLES, PACKAGE_TEST = ("node", "require", "page", "inline"), "tests/wasm/readme.test.mjs"
# All that no test runs, by the first line of its block: a page says more here only with a line here.
NOT_RUN = {
    ("README.md", "sudo apt-get update && sudo apt-get install git make curl"),          # packages of the machine; the address is the reader's
    ("README.md", "make test    # installs what is missing, runs every test, prints the counts"),  # this is a part of it
    ("README.md", "sudo apt-get install python3-sklearn python3-pandas sqlite3"),  # packages of the machine
    ("README.md", 'sudo usermod -aG docker "$USER"   # then log in again'),       # makes somebody as good as root
    ("docker/kubernetes/README.md", "kubectl create namespace copse"),             # a cluster; kubernetes.test.mjs renders it
    ("docker/kubernetes/README.md", "kubectl --namespace copse apply -k docker/kubernetes/overlays/production"),  # as above
    ("docker/kubernetes/README.md", "kubectl --namespace copse apply -k docker/kubernetes/kserve"),               # as above
    ("docs/CONTRIBUTING.md", "make test    # everything; the first run also installs what is missing"),  # as above
    ("docs/CONTRIBUTING.md", ".ci/test release web"),                              # as above
    ("docs/hosting.md", "sudo apt-get install nginx"),                              # root's folders; hosting.test.mjs runs that nginx.conf
}
# Commands that stand in a line of text: what is not a whole command is no reader's to paste.
COMMAND = re.compile(r"`((?:sudo|git|npm|npx|node|docker|make|mv|cp|apt-get|python3|ctest|build/bin/copse|\.ci/\w+) [^`]+)`")
# A target of the Makefile may be named anywhere.
IN_LINE = {
    "README.md": {
        "docker build", "docker run", "make run PORT=8000",    # named, not given
        "docker rm --force --volumes flowers",                 # where a reader begins again
        "build/bin/copse inspect",                             # for what `copse inspect` stands
        "docker exec flowers sh",                              # shown to fail
        "npm ci",                                              # in the Dockerfile
        "docker compose logs", "docker login",                 # where to look; a real swarm's
    },
    "CHANGELOG.md": {"npm pack"},
    "docker/kubernetes/README.md": {  # it takes a registry
        "docker login registry.example.org", "docker tag rf-api registry.example.org/you/rf-api:1",
        "docker push registry.example.org/you/rf-api:1",
        "docker build -t registry.example.org/you/flowers:1 .",  # image_test.py
    },
    "docs/adr/0013-one-balancer-and-its-retries.md": {"docker compose config"},
    "docs/operations.md": {
        "docker compose up -d --force-recreate",               # compose_test.py
        "docker exec NAME copse healthcheck",                  # the README does
        "docker build -t rf-api:debug --target debug -f docker/Dockerfile .",  # as above
        "docker build --pull --no-cache ...",                  # it takes a registry, and long
        "docker run --rm --network container:REPLICA rf-api:debug wget -qO- 127.0.0.1:5000/metrics",  # scale_test.py
        "docker buildx build --platform linux/arm64 -t rf-api:arm64 -f docker/Dockerfile .",  # says that it is untried
    },
    "models/README.md": {"build/bin/copse import model.pkl -o model.safetensors"},  # tests/import
}
# Of the containers that the guides begin, and of the stack.
NAMES = ("flowers", "my-flowers")
STACK = "flowers"
IMAGES = ("rf-api:latest", "rf-api:debug", "rf-api:2", "rf-api-balancer:latest")


def guides():
    names = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
                           cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    return [name for name in names if not name.startswith("tests/") and name not in ELSEWHERE]


class Guides(unittest.TestCase):
    def follow(self, name):
        blocks = [block for block in blocks_of((ROOT / name).read_text("utf-8")) if block.language not in PICTURES]
        for block in blocks:
            self.check_notes(name, block)
        to_run = [block for block in blocks if "not run" not in block.notes
                  and ("file" in block.notes or "example" not in block.notes)]
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
            for each in IMAGES:
                self.addCleanup(give_back, each, image_id(each))
            if any("docker swarm init" in block.text for block in to_run):
                require_free_engine()
                self.addCleanup(self.remove_swarm)
        bundle = ca_bundle()
        with tempfile.TemporaryDirectory(prefix="copse-guide-") as folder:
            # npm has nothing to ask a registry for.
            quiet = {"npm_config_offline": "true", "npm_config_audit": "false", "npm_config_update_notifier": "false"}
            reader = Reader(folder, {**quiet, **({"COPSE_CA_BUNDLE": bundle} if bundle else {})})
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
        if "not run" in block.notes:
            self.assertIn((name, block.text.split("\n")[0]), NOT_RUN, f"{where} is not run, and may not say so")
        if "example" in block.notes:
            self.assertNotIn(block.language, RUN, f"{where} would not be run")
            named = block.notes["example"]
            test = ROOT / (PACKAGE_TEST if block.language == "js" and named in PACKAGE_EXAMPLES else named)
            self.assertTrue(test.is_file(), f"{where}: there is no test {named}")
            self.assertRegex(test.read_text("utf-8"), rf"['\"]{re.escape(name)}['\"]", f"{where}: {named} does not read it")
        if block.language not in RUN:
            self.assertTrue({"file", "not run", "example"} & set(block.notes), f"{where} is shown, and not compared")

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
        for text in ("```json\n{}\n```\n", "```\n1\n```\n", "<!-- example: no-such-test -->\n```\n1\n```\n",
                     "<!-- example: node -->\n```js\nf()\n```\n", "<!-- not run: who knows -->\n```sh\nfalse\n```\n",
                     "<!-- example: tests/docs/format_test.py -->\n```python\nf()\n```\n",
                     "<!-- example: node -->\n```sh\nfalse\n```\n"):
            with self.assertRaisesRegex(AssertionError, "GUIDE.md:[12]"):
                self.check_notes("GUIDE.md", blocks_of(text)[0])

    def test_what_is_not_run_is_listed_and_still_there(self):
        there = {(name, block.text.split("\n")[0]) for name in guides() for block in blocks_of((ROOT / name).read_text("utf-8"))
                 if "not run" in block.notes}
        self.assertEqual(there, NOT_RUN)

    def test_a_command_stands_in_a_block_that_is_run(self):
        makefile = (ROOT / "Makefile").read_text("utf-8")
        targets = {f"make {each}" for each in re.findall(r"^([\w-]+):", makefile, re.M)}
        for name in guides():
            allowed = IN_LINE.get(name, set())
            text = re.sub(r"^```.*?^```$", "", (ROOT / name).read_text("utf-8"), flags=re.M | re.S)
            self.assertEqual({each for each in COMMAND.findall(text) if each not in targets}, allowed, name)


def add(name):
    def test(self):
        self.follow(name)

    setattr(Guides, "test_" + name.removesuffix(".md").replace("/", "_").replace("-", "_").lower(), test)


for guide in guides():
    add(guide)

if __name__ == "__main__":
    os.chdir(ROOT)
    unittest.main()
