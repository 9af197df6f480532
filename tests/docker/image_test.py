"""What is in the image, and what is not."""
import gzip
import json
import pathlib
import posixpath
import re
import shutil
import subprocess
import tarfile
import tempfile
import unittest

from engine import NAME, ROOT, SETOSA, Container, ca_bundle, docker, get, image, run

SIZE_MAX = 15e6
DOC = "usr/local/share/doc"
BILL = "usr/local/share/copse/sbom.cdx.json"
SWAGGER = ROOT / "node_modules/swagger-ui-dist"
VERSION = re.search(r"^project\(copse VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text(), re.M)[1]
# Libraries that swagger-ui-bundle.js.LICENSE.txt names, as npm calls them.
NAMED_BY_SWAGGER = {"classnames": "classnames", "buffer module": "buffer", "JSON-Patch": "fast-json-patch",
                    "repeat-string": "repeat-string", "DOMPurify": "dompurify", "ieee754": "ieee754",
                    "regenerator-runtime": "@babel/runtime", "safe-buffer": "safe-buffer", "Lee Byron": "immutable",
                    "react-dom.production": "react-dom", "react.production": "react",
                    "scheduler.production": "scheduler", "Viacheslav Lotsmanov": "deep-extend",
                    "use-sync-external-store": "use-sync-external-store"}


def setUpModule():
    image()


def build(*options):
    """The id of what is built."""
    secret = ["--secret", f"id=ca-bundle,src={ca_bundle()}"] if ca_bundle() else []
    return docker("build", "-q", "-f", "docker/Dockerfile", *secret, *options, ".").stdout.strip()


class Files:
    """The files of an image, and what the engine says of it. `suffix` makes the container's name."""

    def __init__(self, test_class, name, suffix):
        self.folder = pathlib.Path(test_class.enterClassContext(tempfile.TemporaryDirectory()))
        container = f"{NAME}-{suffix}"
        docker("create", "--name", container, name)
        test_class.addClassCleanup(run, "docker", "rm", "-f", "-v", container, check=False)
        docker("export", "-o", str(self.folder / "files.tar"), container)
        self.archive = test_class.enterClassContext(tarfile.open(self.folder / "files.tar"))
        self.members = {each.name.rstrip("/"): each for each in self.archive.getmembers()}
        self.config = json.loads(docker("image", "inspect", name).stdout)[0]

    def read(self, path):
        return self.archive.extractfile(self.members[path]).read()

    def bill(self):
        return json.loads(self.read(BILL))

    def components(self):
        return {each["name"]: each for each in self.bill()["components"]}

    def licences(self):
        """The packages of which a licence is there."""
        return {path[len(DOC) + 1:-len("/copyright.gz")] for path in self.members
                if path.startswith(DOC) and path.endswith("/copyright.gz")}


def linked_packages(stage, folder, linker_map=None):
    """{name: version} of the packages that a build has taken something from, asked in another way than
    docker/sbom asks: which sections of which files have a place in the linker's memory map, which headers
    the compiler's lists name, and in whose list of files those are. Of what is in /usr/local the path."""
    ask = ("docker", "run", "--rm", "--network", "none", image(stage))
    headers = run(*ask, "ninja", "-C", folder, "-t", "deps").stdout
    paths = {posixpath.normpath(posixpath.join("/src", folder, line.strip()))
             for line in headers.splitlines() if line.startswith("    ")}
    if linker_map:
        memory = run(*ask, "cat", linker_map).stdout.partition("Linker script and memory map")[2]
        placed = re.findall(r"0x0*[1-9a-f][0-9a-f]*\s+0x[1-9a-f][0-9a-f]*\s(/\S+?)(?:\(\S+\))?$", memory, re.M)
        paths |= {posixpath.normpath(path) for path in placed}
    resolved = subprocess.run([*ask[:3], "-i", *ask[3:], "xargs", "realpath"], input="\n".join(sorted(paths)),
                              text=True, capture_output=True, check=True).stdout.split()
    owners = {}
    for line in run(*ask, "sh", "-c", "cd /var/lib/dpkg/info && grep -H /usr/ *.list").stdout.splitlines():
        package, path = line.split(".list:", 1)
        owners[path] = package.partition(":")[0]
    versions = dict(line.split() for line in run(*ask, "dpkg-query", "-W", "-f", "${Package} ${Version}\\n")
                    .stdout.splitlines())
    outside = [path for path in resolved if path.startswith("/usr/")]
    return {owners.get(path, path): versions.get(owners.get(path)) for path in outside}


def imported_packages():
    """The npm packages that the page's sources import, and those that these depend on."""
    sources = [path for folder in ("src", "saved-page", "service-worker") for path in (ROOT / "web" / folder).rglob("*.ts*")
               if path.name != "vite.config.ts"]
    text = "\n".join(path.read_text("utf-8") for path in sources)
    names = {re.match(r"(@[^/]+/)?[^/]+", name)[0] for name in
             re.findall(r"^(?:import|export) (?!type )[^;]*?from '([^.'][^']*)'", text, re.M)} - {"copse"}
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    queue = sorted(names)
    for name in queue:
        queue += [each for each in locked[f"node_modules/{name}"].get("dependencies", {}) if each not in queue]
    return {name: locked[f"node_modules/{name}"]["version"] for name in queue}


class Image(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.files = Files(cls, image(), "files")
        cls.members, cls.config = cls.files.members, cls.files.config
        cls.folder = cls.files.folder
        cls.files.archive.extract("usr/local/bin/copse", cls.folder)

    def test_is_small(self):
        print(f"report: image size {self.config['Size'] / 1e6:.1f} MB")
        self.assertLess(self.config["Size"], SIZE_MAX)

    def test_has_one_program_and_no_shell(self):
        # Docker itself puts the mount points of every container there: .dockerenv, dev/, etc/hosts.
        programs = [name for name, each in self.members.items()
                    if each.isfile() and each.mode & 0o111 and not name.startswith((".dockerenv", "dev/", "etc/"))]
        self.assertEqual(programs, ["usr/local/bin/copse"])
        for shell in ("sh", "bash", "busybox"):
            done = run("docker", "run", "--rm", "--network", "none", image(), shell, "-c", "true", check=False)
            self.assertEqual(done.returncode, 127, f"{shell}: {done.stderr}")

    def test_the_program_is_static_stripped_and_position_independent(self):
        headers = run("readelf", "-lSh", str(self.folder / "usr/local/bin/copse")).stdout
        self.assertNotIn("INTERP", headers)
        self.assertNotIn(".symtab", headers)
        self.assertRegex(headers, r"Type:\s+DYN")

    def test_nothing_belongs_to_the_user_but_the_folder_of_the_log(self):
        own = [name for name, each in self.members.items() if each.uid == 10001]
        self.assertEqual(own, ["var/lib/copse"])
        writable = [name for name, each in self.members.items()
                    if each.mode & 0o022 and not each.issym() and not name.startswith("dev")]
        self.assertEqual(writable, [])
        self.assertEqual([name for name, each in self.members.items() if each.mode & 0o6000], [])

    def test_every_file_has_the_same_time(self):
        ours = {each.mtime for name, each in self.members.items()
                if name.startswith(("usr/", "var/lib/")) or name in ("etc/passwd", "etc/nsswitch.conf")}
        self.assertEqual(ours, {0})

    def test_says_what_it_is_and_how_it_is_run(self):
        config = self.config["Config"]
        prefix = "org.opencontainers.image."  # others are of whoever built it, such as Compose
        labels = {name.removeprefix(prefix): value for name, value in config["Labels"].items() if name.startswith(prefix)}
        self.assertEqual(set(labels), {"title", "vendor", "description", "licenses", "version", "revision"})
        self.assertTrue(all(labels.values()), labels)
        self.assertEqual((labels["title"], labels["licenses"], labels["version"]), ("copse", "Apache-2.0", VERSION))
        self.assertEqual(config["User"], "10001:10001")
        self.assertEqual(config["StopSignal"], "SIGTERM")
        self.assertEqual(config["Healthcheck"]["Test"], ["CMD", "copse", "healthcheck"])
        self.assertEqual(config["Cmd"], ["copse", "serve"])

    def test_no_secret_and_no_certificate_is_in_it(self):
        history = docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", image()).stdout
        self.assertNotIn("ca-bundle", history)
        names = "\n".join(self.members)
        self.assertNotRegex(names, r"\.(pem|crt|key)\b|run/secrets/.")

    def test_bill_of_materials_is_one(self):
        bill = self.files.bill()
        self.assertEqual((bill["bomFormat"], bill["specVersion"]), ("CycloneDX", "1.5"))
        self.assertEqual(bill["metadata"]["component"]["version"], VERSION)
        purls = [each["purl"] for each in bill["components"]]
        self.assertEqual(purls, sorted(set(purls)))
        for each in bill["components"]:
            self.assertRegex(each["purl"], r"^pkg:(deb/debian|npm)/[^@]+@.+")
            self.assertTrue(each["version"])

    def test_bill_of_materials_names_what_is_linked_and_bundled_and_nothing_else(self):
        native = linked_packages("native", "build/image", "build/image/copse.map")
        # Built from Debian's sources.
        for path, source in (("/usr/local/include/httplib.h", "cpp-httplib"), ("/usr/local/lib/libhwy.a", "highway")):
            self.assertIn(path, native)
            del native[path]
            native[source] = self.files.components()[source]["version"]
        page = imported_packages()
        page["swagger-ui-dist"] = json.loads((SWAGGER / "package.json").read_text())["version"]
        expected = {**linked_packages("wasm", "build/wasm"), **native, **page}
        self.assertEqual({name: each["version"] for name, each in self.files.components().items()}, expected)

        text = self.files.read("usr/local/bin/copse")
        sqlite = self.files.components()["libsqlite3-dev"]["version"]
        self.assertIn(re.match(r"[\d.]+", sqlite)[0].encode(), text, "the version that is in the binary")

    def test_bill_of_materials_says_which_debian(self):
        for stage, name in (("native", "libsqlite3-dev"), ("wasm", "emscripten")):
            said = run("docker", "run", "--rm", image(stage), "cat", "/etc/os-release").stdout
            release = re.search(r'^VERSION_ID="?([^"\n]+)', said, re.M)[1]
            self.assertIn(f"distro=debian-{release}", self.files.components()[name]["purl"])

    def test_bill_of_materials_names_what_swagger_ui_has_in_its_bundle(self):
        parts = {each["name"] for each in self.files.components()["swagger-ui-dist"]["components"]}
        notice = (SWAGGER / "swagger-ui-bundle.js.LICENSE.txt").read_text()
        for words, name in NAMED_BY_SWAGGER.items():
            self.assertIn(words, notice)
            self.assertIn(name, parts)
        self.assertEqual(len(re.findall(r"^/\*[*!]", notice, re.M)), len(NAMED_BY_SWAGGER) + 1, "JSON-Patch is named twice")
        # The list that the bundler left, of which one line is Swagger UI itself; the style sheet has one more.
        self.assertEqual(len(parts), len((SWAGGER / "log.bundle-sizes.swagger-ui.txt").read_text().split("\n")[:-1]) - 1 + 1)
        self.assertIn("tachyons-sass", parts)

    def test_licences_of_all_that_is_in_it_are_there(self):
        self.assertEqual(self.files.licences(), set(self.files.components()))
        for name, each in self.files.components().items():
            text = gzip.decompress(self.files.read(f"{DOC}/{name}/copyright.gz")).decode()
            self.assertGreater(len(text), 300, name)
            if each["purl"].startswith("pkg:npm/"):
                own = next((ROOT / "node_modules" / name).glob("LICEN[CS]E*")).read_text("utf-8")
                self.assertIn(own.strip(), text, name)

    def test_its_own_licence_is_there(self):
        self.assertEqual(self.files.read(f"{DOC}/copse/LICENSE"), (ROOT / "LICENSE").read_bytes())
        self.assertEqual(self.files.read(f"{DOC}/copse/NOTICE"), (ROOT / "wasm/NOTICE").read_bytes())

    def test_the_licences_that_swagger_ui_refers_to_are_beside_it(self):
        name = "swagger-ui-bundle.js.LICENSE.txt"
        bundle = gzip.decompress(self.files.read("usr/local/share/copse/web/apidocs/swagger-ui-bundle.js.gz"))
        self.assertIn(name.encode(), bundle[:200])
        self.assertEqual(gzip.decompress(self.files.read(f"usr/local/share/copse/web/apidocs/{name}.gz")),
                         (SWAGGER / name).read_bytes())

    def test_bill_of_materials_is_a_target_of_its_own(self):
        out = self.folder / "sbom"
        build("--target", "sbom", "--output", str(out))
        self.assertEqual((out / "sbom.cdx.json").read_bytes(), self.files.read(BILL))


class WithAModel(unittest.TestCase):
    def test_three_lines_make_an_image_with_another_model(self):
        lines = re.findall(r"`((?:FROM|COPY|ENV) [^`]+)`", (ROOT / "docker/kubernetes/README.md").read_text("utf-8"))
        self.assertEqual(len(lines), 3)
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        shutil.copy(ROOT / "models/iris.safetensors", folder / "flowers.safetensors")
        (folder / "Dockerfile").write_text("\n".join(lines).replace("FROM rf-api", f"FROM {image()}") + "\n")
        name = f"{NAME}/flowers"
        self.addCleanup(run, "docker", "image", "rm", "-f", name, check=False)
        docker("build", "-t", name, str(folder))
        port = Container(self, image_name=name).wait_ready()
        self.assertEqual(json.loads(get(port, "/v2/models/flowers")[1])["name"], "flowers")


class Reproducible(unittest.TestCase):
    """What is cheap to make is made a second time; `make bench-image` makes everything again."""

    def ids(self, target, again):
        name = f"{NAME}/reproducible:{target}"
        self.addCleanup(run, "docker", "image", "rm", "-f", name, check=False)
        options = ("-t", name, "--target", target, "--build-arg", "SOURCE_DATE_EPOCH=0")
        return build(*options), build(*options, "--no-cache-filter", again)

    def test_the_same_sources_give_the_same_image(self):
        first, second = self.ids("service", "web,bill,rootfs")
        self.assertEqual(first, second)

    def test_and_the_same_one_with_a_shell(self):
        first, second = self.ids("debug", "busybox,debug-bill,debug-rootfs")
        self.assertEqual(first, second)


class Debug(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.files = Files(cls, image("debug"), "debug-files")

    def test_is_the_same_service_with_a_shell(self):
        container = Container(self, image_name=image("debug"))
        self.assertEqual(get(container.wait_ready(), f"/predict?{SETOSA}"), (200, "[0]"))
        said = docker("exec", container.name, "sh", "-c", "id -u; ls /var/lib/copse; ps").stdout
        self.assertIn("10001", said)
        self.assertIn("predictions.db", said)

    def test_its_bill_and_its_licences_have_the_shell_and_what_is_linked_into_it(self):
        service = Files(type(self), image(), "service-files")
        more = set(self.files.components()) - set(service.components())
        built_using = run("docker", "run", "--rm", image("busybox"), "sh", "-c",
                          "dpkg-query -W -f '${Built-Using} ${Static-Built-Using}' busybox-static").stdout
        self.assertEqual(more, {"busybox-static", *re.findall(r"([^\s,]+) \(= ", built_using)})
        self.assertIn("glibc", more)
        self.assertLess(set(service.components()), set(self.files.components()))
        self.assertEqual(self.files.licences(), set(self.files.components()))

    def test_every_file_has_the_same_time(self):
        ours = {each.mtime for name, each in self.files.members.items() if name.startswith(("usr/", "bin/"))}
        self.assertEqual(ours, {0})


class Balancer(unittest.TestCase):
    def test_says_what_it_is_and_what_it_is_made_on(self):
        name = f"{NAME}/balancer-labels"
        self.addCleanup(run, "docker", "image", "rm", "-f", name, check=False)
        docker("build", "-t", name, "docker/balancer")
        said = json.loads(docker("image", "inspect", "-f", "{{json .Config.Labels}}", name).stdout)
        # Labels of other names are the base's.
        prefix = "org.opencontainers.image."
        labels = {each.removeprefix(prefix): value for each, value in said.items() if each.startswith(prefix)}
        base = re.search(r"^ARG DEBIAN=(\S+)", (ROOT / "docker/balancer/Dockerfile").read_text(), re.M)[1]
        self.assertEqual(set(labels), {"title", "vendor", "description", "version", "revision", "base.name"})
        self.assertTrue(all(labels.values()), labels)
        self.assertEqual((labels["base.name"], labels["version"]), (base, VERSION))


if __name__ == "__main__":
    unittest.main()
