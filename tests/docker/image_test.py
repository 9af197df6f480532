"""What is in the image, and what is not."""
import json
import pathlib
import re
import tarfile
import tempfile
import unittest

from engine import NAME, SETOSA, Container, ca_bundle, docker, get, image, run

SIZE_MAX = 15e6


def setUpModule():
    image()


class Image(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        name = f"{NAME}-files"
        docker("create", "--name", name, image())
        cls.addClassCleanup(run, "docker", "rm", "-f", "-v", name, check=False)
        docker("export", "-o", str(cls.folder / "files.tar"), name)
        with tarfile.open(cls.folder / "files.tar") as archive:
            cls.members = {each.name.rstrip("/"): each for each in archive.getmembers()}
            archive.extract("usr/local/bin/copse", cls.folder)
            archive.extract("usr/local/share/copse/sbom.cdx.json", cls.folder)
        cls.config = json.loads(docker("image", "inspect", image()).stdout)[0]

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
        for label in ("title", "description", "licenses", "version", "revision"):
            self.assertTrue(config["Labels"].get(f"org.opencontainers.image.{label}"), label)
        self.assertEqual(config["User"], "10001:10001")
        self.assertEqual(config["StopSignal"], "SIGTERM")
        self.assertEqual(config["Healthcheck"]["Test"], ["CMD", "copse", "healthcheck"])
        self.assertEqual(config["Cmd"], ["copse", "serve"])

    def test_no_secret_and_no_certificate_is_in_it(self):
        history = docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", image()).stdout
        self.assertNotIn("ca-bundle", history)
        names = "\n".join(self.members)
        self.assertNotRegex(names, r"\.(pem|crt|key)\b|run/secrets/.")

    def test_bill_of_materials_names_what_is_linked(self):
        bill = json.loads((self.folder / "usr/local/share/copse/sbom.cdx.json").read_text())
        self.assertEqual((bill["bomFormat"], bill["specVersion"]), ("CycloneDX", "1.5"))
        purls = [each["purl"] for each in bill["components"]]
        self.assertEqual(purls, sorted(set(purls)))
        names = {each["name"] for each in bill["components"]}
        self.assertLessEqual({"cpp-httplib", "highway", "libc6-dev", "libhiredis-dev", "libsqlite3-dev",
                              "libstdc++-12-dev", "nlohmann-json3-dev", "zlib1g-dev", "emscripten",
                              "preact", "d3-hierarchy", "papaparse", "swagger-ui-dist"}, names)
        # What only builds, or was linked before and is no more, is not there.
        self.assertFalse(names & {"vite", "typescript", "cmake", "libssl-dev", "libbrotli-dev"})
        for each in bill["components"]:
            self.assertRegex(each["purl"], r"^pkg:(deb/debian|npm)/[^@]+@.+")
            self.assertTrue(each["version"])
        text = (self.folder / "usr/local/bin/copse").read_bytes()
        sqlite = next(each["version"] for each in bill["components"] if each["name"] == "libsqlite3-dev")
        self.assertIn(re.match(r"[\d.]+", sqlite)[0].encode(), text, "the version that is in the binary")

    def test_licences_of_all_that_is_in_it_are_there(self):
        bill = json.loads((self.folder / "usr/local/share/copse/sbom.cdx.json").read_text())
        missing = [each["name"] for each in bill["components"] if each["purl"].startswith("pkg:deb/")
                   and f"usr/local/share/doc/{each['name']}/copyright.gz" not in self.members]
        self.assertEqual(missing, [])

    def test_bill_of_materials_is_a_target_of_its_own(self):
        out = self.folder / "sbom"
        docker("build", "-f", "docker/Dockerfile", "--target", "sbom", "--output", str(out),
               *(["--secret", f"id=ca-bundle,src={ca_bundle()}"] if ca_bundle() else []), ".")
        self.assertEqual((out / "sbom.cdx.json").read_bytes(),
                         (self.folder / "usr/local/share/copse/sbom.cdx.json").read_bytes())


class Debug(unittest.TestCase):
    def test_is_the_same_service_with_a_shell(self):
        container = Container(self, image_name=image("debug"))
        self.assertEqual(get(container.wait_ready(), f"/predict?{SETOSA}"), (200, "[0]"))
        said = docker("exec", container.name, "sh", "-c", "id -u; ls /var/lib/copse; ps").stdout
        self.assertIn("10001", said)
        self.assertIn("predictions.db", said)


if __name__ == "__main__":
    unittest.main()
