"""What stands in several places is the same in all of them: the version, and what `make help` says."""
import json
import os
import re
import subprocess
import unittest

from guide import ROOT

# Where the version stands, and how; the truth is CMakeLists.txt's, which the binary says.
VERSIONS = {
    "docker/Dockerfile": r"^ARG VERSION=(\S+)",
    "docker/balancer/Dockerfile": r"^ARG VERSION=(\S+)",
    "docker/kubernetes/overlays/one/kustomization.yaml": r"newTag: ([^\s}]+)",
    "docker/kubernetes/overlays/production/kustomization.yaml": r"newTag: ([^\s}]+)",
    "docker/kubernetes/kserve/kustomization.yaml": r"newTag: ([^\s}]+)",
    "docker/kubernetes/README.md": r"`rf-api:([\d.]+)`",
    "wasm/package.json": r'^  "version": "([^"]+)"',
    "web/package.json": r'^  "version": "([^"]+)"|"copse": "\^([^"]+)"',
    "README.md": r"copse-([\d.]+)\.tgz",
}
# Places that have to do with others' versions, or with what was.
ELSEWHERE = re.compile(r"package-lock\.json|CHANGELOG\.md|CMakeLists\.txt|tests/|models/|core/|native/")
# Targets that need what `make build` makes.
NEED_A_BUILD = {"site": "web/tools/build.mjs", "screenshots": "screenshots.mjs", "run": "copse serve", "bench": "run_bench.py",
                "bench-web": "bench_web.py", "flask": "compare_with_flask.py"}


def version():
    return re.search(r"^project\(copse VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text(), re.M)[1]


def tracked():
    return subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()


def make(*arguments):
    environment = {name: value for name, value in os.environ.items() if name not in ("ROUNDS", "MAKEFLAGS", "MAKELEVEL")}
    return subprocess.run(["make", "--no-print-directory", *arguments], cwd=ROOT, check=True, capture_output=True,
                          text=True, env=environment).stdout


class Version(unittest.TestCase):
    def test_is_the_same_everywhere(self):
        for name, pattern in VERSIONS.items():
            found = [each for groups in re.finditer(pattern, (ROOT / name).read_text("utf-8"), re.M)
                     for each in groups.groups() if each]
            self.assertTrue(found, name)
            self.assertEqual(set(found), {version()}, name)

    def test_of_the_npm_packages_is_locked_too(self):
        packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
        self.assertEqual({packages[name]["version"] for name in ("wasm", "web")}, {version()})

    def test_stands_nowhere_else(self):
        found = {name for name in tracked() if not ELSEWHERE.match(name) and not name.endswith((".png", ".safetensors"))
                 and re.search(rf"(?<![\d.]){re.escape(version())}(?![\d.]*\d)", (ROOT / name).read_text("utf-8", "replace"))}
        self.assertEqual(found, set(VERSIONS))

    def test_has_a_heading_in_the_changelog(self):
        self.assertRegex((ROOT / "CHANGELOG.md").read_text("utf-8"), rf"(?m)^## {re.escape(version())}\b")


class Make(unittest.TestCase):
    def test_help_says_the_defaults(self):
        text = (ROOT / "Makefile").read_text("utf-8")
        rounds = re.search(r"^ROUNDS \?= (\d+)$", text, re.M)[1]
        said = re.findall(r"ROUNDS=(\d+)", make("help"))
        self.assertGreater(len(said), 3)
        self.assertEqual(set(said), {rounds})

    def test_help_says_rounds_where_they_are_taken(self):
        listed = dict(re.findall(r"^  make (\S+) +(.*)$", make("help"), re.M))
        rules = re.findall(r"^([a-z0-9-]+):.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text("utf-8"), re.M)
        for target, recipe in rules:
            self.assertEqual("ROUNDS=" in listed.get(target, ""), "$(ROUNDS)" in recipe, target)

    def test_what_needs_a_build_begins_with_one(self):
        for target, command in NEED_A_BUILD.items():
            steps = make("--dry-run", target)
            self.assertIn(command, steps, target)
            before = steps[:steps.index(command)]
            for needed in (".ci/deps build", "cmake --build --preset release", "npm run --silent build:web"):
                self.assertIn(needed, before, f"{target} without {needed}")


if __name__ == "__main__":
    unittest.main()
