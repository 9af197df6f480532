"""docker-compose.yml as it is: the service with its Redis, what both survive, and who may do what."""
import json
import pathlib
import tempfile
import unittest
import urllib.error

from engine import (NAME, SETOSA, VIRGINICA, Compose, compose_environment, docker, eventually, get, image,
                    run)


def setUpModule():
    image()


class ComposeWithRedis(unittest.TestCase):
    """Only the published port is another one: a test must not fix it."""

    @classmethod
    def setUpClass(cls):
        cls.compose = Compose(cls, NAME, ["docker-compose.yml"],
                              f"services:\n  rf-api:\n    image: {image()}\n"
                              "    ports: !override ['127.0.0.1::5000']\n")
        cls.compose("up", "--build", "--wait", "-d")

    def port(self):
        return self.compose.port("rf-api")

    def redis(self, *command, **kwargs):
        return self.compose.redis(*command, **kwargs)

    def copse(self, *command):
        """As the user of the service, with its password."""
        return self.compose("exec", "-T", "-e", f"REDISCLI_AUTH={self.secret('password')}", "redis-server",
                            "redis-cli", "--user", "copse", *command)

    def secret(self, name):
        """What redis-access has written: nobody else may read all of it."""
        return self.compose("run", "--rm", "-T", "--entrypoint", "cat", "redis-access", f"/run/redis-access/{name}")

    def each_container(self):
        for service in ("rf-api", "redis-server"):
            for container in self.compose.containers(service):
                yield service, json.loads(docker("inspect", container).stdout)[0]

    def test_every_prediction_is_in_redis_and_outlives_it(self):
        n = int(self.redis("GET", "copse:count") or 0)
        for query, label in ((SETOSA, "[0]"), (VIRGINICA, "[2]")):
            self.assertEqual(get(self.port(), f"/predict?{query}"), (200, label))
        eventually(lambda: self.redis("GET", str(n + 1)) == "[2]")
        self.assertEqual(self.redis("GET", str(n)), "[0]")
        self.assertEqual(self.redis("XLEN", "copse:predictions"), str(n + 2))

        self.compose("stop", "redis-server")
        self.assertEqual(get(self.port(), f"/predict?{SETOSA}"), (200, "[0]"))
        self.compose("start", "redis-server")
        eventually(lambda: self.redis("GET", str(n + 2)) == "[0]")
        self.assertEqual(self.redis("GET", str(n)), "[0]", "what was recorded survived the restart")

    def test_what_waits_for_redis_outlives_the_service(self):
        before = int(self.redis("XLEN", "copse:predictions"))
        self.compose("stop", "redis-server")
        for _ in range(5):
            self.assertEqual(get(self.port(), f"/predict?{VIRGINICA}"), (200, "[2]"))
        self.compose("kill", "-s", "SIGKILL", "rf-api")
        self.compose("rm", "-f", "rf-api")  # the volume has a name: it stays
        self.compose("up", "--wait", "-d")
        eventually(lambda: int(self.redis("XLEN", "copse:predictions")) == before + 5)

    def test_redis_is_not_published(self):
        description = json.loads(self.compose("config", "--format", "json"))
        self.assertFalse(description["services"]["redis-server"].get("ports"))
        self.assertEqual(description["services"]["rf-api"]["restart"], "unless-stopped")
        network = docker("network", "inspect", "-f", "{{.Internal}} {{len .Containers}}", f"{NAME}_redis").stdout
        self.assertEqual(network.split(), ["true", "2"], "nobody else, and no way out")

    def test_the_file_as_it_stands_publishes_5000(self):
        done = run("docker", "compose", "-f", "docker-compose.yml", "config", "--format", "json")
        ports = json.loads(done.stdout)["services"]["rf-api"]["ports"]
        self.assertEqual([(p["published"], p["target"]) for p in ports], [("5000", 5000)])

    def test_everything_runs_without_rights_and_within_limits(self):
        for service, container in self.each_container():
            with self.subTest(service):
                host = container["HostConfig"]
                self.assertTrue(host["ReadonlyRootfs"])
                self.assertEqual(host["CapDrop"], ["ALL"])
                self.assertFalse(host["CapAdd"])
                self.assertEqual(host["SecurityOpt"], ["no-new-privileges:true"])
                self.assertGreater(host["Memory"], 0)
                self.assertGreater(host["PidsLimit"], 0)
                self.assertEqual(host["RestartPolicy"]["Name"], "unless-stopped")
                self.assertNotIn(container["Config"]["User"], ("", "0", "root"))

    def test_who_writes_the_passwords_has_no_more_rights_than_that_takes(self):
        found = json.loads(docker("inspect", self.compose("ps", "-aq", "redis-access")).stdout)[0]["HostConfig"]
        self.assertTrue(found["ReadonlyRootfs"])
        self.assertEqual((found["CapDrop"], sorted(each.removeprefix("CAP_") for each in found["CapAdd"])),
                         (["ALL"], ["CHOWN", "DAC_OVERRIDE"]))
        self.assertEqual((found["SecurityOpt"], found["NetworkMode"]), (["no-new-privileges:true"], "none"))
        self.assertGreater(found["Memory"], 0)
        self.assertGreater(found["PidsLimit"], 0)

    def test_redis_may_hold_everything_twice(self):
        description = json.loads(self.compose("config", "--format", "json"))["services"]["redis-server"]
        command = description["command"]
        most = int(command[command.index("--maxmemory") + 1].removesuffix("mb")) * 2**20
        self.assertGreaterEqual(int(description["mem_limit"]), 2 * most)

    def test_the_password_is_nowhere_but_in_its_file(self):
        password = self.secret("password")
        self.assertRegex(password, "^[0-9a-f]{64}$")
        for service, container in self.each_container():
            self.assertNotIn(password, json.dumps(container), service)
            self.assertNotIn(password, self.compose("logs", service))

    def test_each_reads_its_own_password_alone(self):
        modes = self.compose("run", "--rm", "-T", "--entrypoint", "sh", "redis-access", "-c",
                             "cd /run/redis-access && stat -c '%n %a %u %U' password reader users.acl").splitlines()
        self.assertEqual([line.split()[1] for line in modes], ["400"] * 3)
        self.assertEqual([line.split()[2] for line in modes][0], "10001")
        self.assertEqual([line.split()[3] for line in modes][1:], ["redis"] * 2)
        said = self.compose("exec", "-T", "redis-server", "cat", "/run/redis-access/password", check=False)
        self.assertNotIn(self.secret("password"), said)
        user = json.loads(docker("inspect", self.compose.containers("rf-api")[0]).stdout)[0]["Config"]["User"]
        self.assertEqual(user.split(":")[0], "10001")

    def test_passwords_that_everybody_could_read_are_given_to_their_users(self):
        shell = ("run", "--rm", "-T", "--entrypoint", "sh", "redis-access", "-c")
        password = self.secret("password")
        self.compose(*shell, "cd /run/redis-access && chown root password reader users.acl && chmod 644 password reader users.acl")
        self.compose("run", "--rm", "-T", "redis-access")
        modes = self.compose(*shell, "cd /run/redis-access && stat -c '%n %a %u %U' password reader users.acl").splitlines()
        self.assertEqual([line.split()[1] for line in modes], ["400"] * 3)
        self.assertEqual((modes[0].split()[2], [line.split()[3] for line in modes][1:]), ("10001", ["redis"] * 2))
        self.assertEqual(self.secret("password"), password)
        self.assertEqual(self.redis("PING"), "PONG")

    def test_redis_cli_may_only_read_and_nobody_without_a_password_even_that(self):
        for command in (("SET", "0", "forged"), ("DEL", "0"), ("XADD", "copse:predictions", "*", "a", "b"),
                        ("FLUSHALL",), ("CONFIG", "GET", "*"), ("ACL", "LIST"), ("SHUTDOWN",), ("KEYS", "*"),
                        ("EVAL", "return redis.call('DEL', '0')", "0"), ("GET", "other")):
            said = self.redis(*command, check=False)
            self.assertIn("NOPERM", said, command)
        # Without redis-cli's password for reading there is nothing at all.
        said = self.compose("exec", "-T", "redis-server", "sh", "-c",
                            "PATH=/usr/local/bin:/usr/bin:/bin redis-cli GET 0", check=False)
        self.assertIn("NOAUTH", said)
        self.assertIn("NOAUTH", self.redis("--user", "copse", "--pass", "guessed", "GET", "0", check=False))

    def test_the_service_may_only_do_what_it_needs(self):
        self.assertEqual(self.copse("PING"), "PONG")
        self.copse("SET", "copse:probe", "1")
        self.assertEqual(self.copse("GET", "copse:probe"), "1")
        for command in (("SET", "other", "1"), ("FLUSHALL",), ("CONFIG", "GET", "*"), ("KEYS", "*")):
            self.assertIn("NOPERM", self.copse(*command), command)
        self.copse("DEL", "copse:probe")


class ComposeSaysWhichSources(unittest.TestCase):
    def revision(self, environment):
        """The label of what Compose builds."""
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        name = f"{NAME}/revision"
        (folder / "override.yml").write_text(f"services:\n  rf-api:\n    image: {name}\n")
        run("docker", "compose", "-p", f"{NAME}-revision", "-f", "docker-compose.yml", "-f", str(folder / "override.yml"),
            "build", "rf-api", env={**compose_environment(), **environment})
        try:
            return docker("image", "inspect", "-f", '{{index .Config.Labels "org.opencontainers.image.revision"}}', name).stdout.strip()
        finally:
            docker("image", "rm", "-f", name)

    def test_the_image_is_labelled_with_the_revision_of_the_environment(self):
        self.assertEqual(self.revision({"COPSE_REVISION": "0123abc"}), "0123abc")
        self.assertEqual(self.revision({"COPSE_REVISION": ""}), "unknown")


class ComposeWithAPasswordOfItsOwn(unittest.TestCase):
    def test_is_taken_from_the_file_and_may_change(self):
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        secret = folder / "password"
        override = folder / "override.yml"
        override.write_text(f"services:\n  rf-api:\n    image: {image()}\n"
                            "    ports: !override ['127.0.0.1::5000']\n")
        arguments = ("docker", "compose", "-p", f"{NAME}-own", "-f", "docker-compose.yml", "-f", str(override))
        environment = {**compose_environment(), "COPSE_REDIS_PASSWORD_FILE": str(secret)}
        compose = lambda *more, **kwargs: run(*arguments, *more, env=environment, **kwargs).stdout.strip()
        self.addCleanup(compose, "down", "-v", "--remove-orphans", check=False)
        for count, password in enumerate(("first, with a space", "second"), 1):
            secret.write_text(password + "\n")
            secret.chmod(0o600)
            compose("up", "--wait", "-d", "--force-recreate", "--no-build")
            port = int(compose("port", "rf-api", "5000").rsplit(":", 1)[1])
            self.assertEqual(get(port, f"/predict?{SETOSA}"), (200, "[0]"))
            xlen = ("exec", "-T", "redis-server", "redis-cli", "XLEN", "copse:predictions")
            eventually(lambda: compose(*xlen) == str(count))
            # What Redis had recorded under the old password it has read again.
            self.assertEqual(compose("exec", "-T", "redis-server", "redis-cli", "GET", "0"), "[0]")
            said = compose("exec", "-T", "redis-server", "redis-cli", "--user", "copse", "--pass", password, "PING")
            self.assertEqual(said, "PONG")
        mounted = {mount["Name"] for each in compose("ps", "-aq").split()
                   for mount in json.loads(docker("inspect", each).stdout)[0]["Mounts"] if mount["Type"] == "volume"}
        self.assertGreaterEqual(len(mounted), 3)
        compose("down", "-v")
        left = mounted & set(docker("volume", "ls", "--quiet").stdout.split())
        self.assertEqual(left, set(), "none is left, not even one without a name")


class ComposeWithAToken(unittest.TestCase):
    def test_is_asked_for(self):
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        token = folder / "token"
        token.write_text("a word\n".replace(" ", "-"))
        (folder / "override.yml").write_text(f"services:\n  rf-api:\n    image: {image()}\n"
                                             "    ports: !override ['127.0.0.1::5000']\n")
        arguments = ("docker", "compose", "-p", f"{NAME}-token", "-f", "docker-compose.yml", "-f", "docker/compose.token.yml",
                     "-f", str(folder / "override.yml"))
        environment = {**compose_environment(), "COPSE_AUTH_TOKEN_FILE": str(token)}
        compose = lambda *more, **kwargs: run(*arguments, *more, env=environment, **kwargs).stdout.strip()
        self.addCleanup(compose, "down", "-v", "--remove-orphans", check=False)
        compose("up", "--wait", "-d", "--no-build")
        port = int(compose("port", "rf-api", "5000").rsplit(":", 1)[1])
        with self.assertRaises(urllib.error.HTTPError) as refused:
            get(port, f"/predict?{SETOSA}")
        self.assertEqual(refused.exception.code, 401)
        self.assertEqual(get(port, f"/predict?{SETOSA}", Authorization="Bearer a-word"), (200, "[0]"))


if __name__ == "__main__":
    unittest.main()
