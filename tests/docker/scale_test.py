"""Replicas behind the balancer: all of them answer, and none is missed while it is replaced."""
import ipaddress
import json
import pathlib
import subprocess
import tempfile
import unittest
import urllib.error

from engine import NAME, ROOT, SETOSA, Compose, Load, compose_environment, docker, eventually, get, image, run

FILES = ["docker-compose.yml", "docker/compose.scale.yml"]
REPLICAS = 3
# Later images of the service, by what their files add to it.
ENDS_AT_ONCE = 'CMD ["copse", "serve", "--no-such-option"]'
NEVER_HEALTHY = 'HEALTHCHECK --interval=1s --retries=2 CMD ["copse", "--no-such-option"]'
LATE_TO_BE_HEALTHY = 'HEALTHCHECK --interval=60s CMD ["copse", "healthcheck"]'
ROW = b"[5.1,3.5,1.4,0.2]\n"
# More bytes than a body may have, and than what is on the way can hold.
ROWS = 1_000_000
A_REQUEST_IN_THREE_HOURS = 0.0001


def setUpModule():
    image()


class Replicas(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        balancer = f"{NAME}/balancer"
        cls.addClassCleanup(run, "docker", "image", "rm", "-f", balancer, check=False)
        cls.compose = Compose(cls, f"{NAME}-scale", FILES,
                              f"services:\n  rf-api:\n    image: {image()}\n"
                              f"  balancer:\n    image: {balancer}\n"
                              "    ports: !override ['127.0.0.1::5000']\n")
        cls.compose("up", "--build", "--wait", "-d", "--scale", f"rf-api={REPLICAS}")

    def setUp(self):
        # `up` starts the balancer again once replicas have been replaced, and it gets another port.
        self.port = self.compose.port("balancer")
        eventually(lambda: get(self.port, "/readyz"))

    def test_all_replicas_answer_and_share_one_log(self):
        with Load(self.port) as load:
            load.wait_for(300)
        load.check_recorded_once(self, self.compose.redis)
        for container in self.compose.containers("rf-api"):
            self.assertIn('"path":"/predict"', docker("logs", container).stdout.replace(" ", ""))

    def test_rows_without_end_pass_the_balancer_while_they_are_answered(self):
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        (folder / "rows").write_bytes(ROW * ROWS)
        run("curl", "--silent", "--show-error", "--fail-with-body", "--max-time", "300", "--request", "POST",
            "--upload-file", str(folder / "rows"), "--output", str(folder / "answers"),
            "--header", "Content-Type: application/x-ndjson", f"http://127.0.0.1:{self.port}/predict_file")
        with (folder / "answers").open() as answers:
            self.assertEqual(sum('"label":"setosa"' in line for line in answers), ROWS)

    def load_while_one_ends(self, how):
        """What clients got while `docker HOW` ended a replica, which comes back after the test."""
        self.addCleanup(self.compose, "up", "-d", "--wait", "--no-build", "--scale", f"rf-api={REPLICAS}")
        with Load(self.port) as load:
            load.wait_for(200)
            told = self.balancer_says()
            docker(how, self.compose.containers("rf-api")[0])
            # Until the balancer has noticed, and some time longer: its names are a few seconds old.
            eventually(lambda: self.balancer_says() > told)
            load.wait_for(len(load.answered))
        print(f"report: docker {how}, a replica of {REPLICAS}: {len(load.answered)} requests, {len(load.lost)} lost")
        return load

    def balancer_says(self):
        """How often the balancer has said of a replica that it is gone."""
        return docker("logs", *self.compose.containers("balancer")).stdout.count("DOWN")

    def test_a_replica_that_is_stopped_costs_no_request(self):
        self.load_while_one_ends("stop").check_recorded_once(self, self.compose.redis)

    def test_a_replica_that_is_killed_costs_no_request_and_no_log_entry(self):
        load = self.load_while_one_ends("kill")
        load.check_recorded_once(self, self.compose.redis, twice_max=load.clients)

    def test_rolling_replacement_under_load_loses_no_request_and_no_log_entry(self):
        before = set(self.compose.containers("rf-api"))
        self.assertEqual(len(before), REPLICAS)
        with Load(self.port) as load:
            load.wait_for(100)
            run("docker/rolling-replace", *self.compose.arguments, env=compose_environment())
            load.wait_for(300)
        after = set(self.compose.containers("rf-api"))
        self.assertEqual(len(after), REPLICAS)
        self.assertEqual(before & after, set())
        print(f"report: rolling replacement of {REPLICAS}: {len(load.answered)} requests, {len(load.lost)} lost")
        load.check_recorded_once(self, self.compose.redis)

    def test_a_replacement_that_is_no_good_is_taken_away_again_under_load(self):
        for what, addition in (("ends", ENDS_AT_ONCE), ("unhealthy", NEVER_HEALTHY)):
            with self.subTest(what):
                before = set(self.compose.containers("rf-api"))
                name = self.later_image(what, addition)
                folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
                (folder / "later.yml").write_text(f"services:\n  rf-api:\n    image: {name}\n")
                with Load(self.port) as load:
                    load.wait_for(100)
                    done = run("docker/rolling-replace", *self.compose.arguments, "-f", str(folder / "later.yml"),
                               env={**compose_environment(), "HEALTHY_WITHIN_SECONDS": "15"}, check=False)
                    load.wait_for(100)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn(f"the new rf-api ({name}) did not become healthy", done.stderr)
                self.assertEqual(set(self.compose("ps", "-aq", "rf-api").split()), before)
                load.check_recorded_once(self, self.compose.redis)

    def test_an_interruption_leaves_what_there_was(self):
        before = set(self.compose.containers("rf-api"))
        name = self.later_image("slow", LATE_TO_BE_HEALTHY)
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        (folder / "later.yml").write_text(f"services:\n  rf-api:\n    image: {name}\n")
        script = subprocess.Popen(["docker/rolling-replace", *self.compose.arguments, "-f", str(folder / "later.yml")],
                                  cwd=ROOT, env=compose_environment(), stderr=subprocess.PIPE, text=True)
        eventually(lambda: len(self.compose.containers("rf-api")) > len(before))
        script.terminate()
        said = script.communicate(timeout=120)[1]
        self.assertEqual(script.returncode, 1)
        self.assertIn(f"the new rf-api ({name}) is taken away again", said)
        self.assertEqual(set(self.compose("ps", "-aq", "rf-api").split()), before)

    def test_what_a_command_has_left_is_no_replica(self):
        before = set(self.compose.containers("rf-api"))
        self.compose("run", "--no-deps", "--name", f"{NAME}-once", "rf-api", "copse", "--version")
        self.addCleanup(docker, "rm", f"{NAME}-once", check=False)
        run("docker/rolling-replace", *self.compose.arguments, env=compose_environment())
        after = set(self.compose.containers("rf-api"))
        self.assertEqual((len(after), after & before), (REPLICAS, set()))

    def later_image(self, what, addition):
        name = f"{NAME}/rf-api-{what}"
        self.addCleanup(run, "docker", "image", "rm", "-f", name, check=False)
        run("docker", "build", "-t", name, "-", input=f"FROM {image()}\n{addition}\n")
        return name

    def test_replicas_believe_the_balancer_who_asks(self):
        replica = json.loads(docker("inspect", self.compose.containers("rf-api")[0]).stdout)[0]
        variables = dict(each.split("=", 1) for each in replica["Config"]["Env"])
        ranges = [ipaddress.ip_network(each) for each in variables["COPSE_TRUSTED_PROXY"].split(",")]
        balancer = json.loads(docker("inspect", *self.compose.containers("balancer")).stdout)[0]
        for network in balancer["NetworkSettings"]["Networks"].values():
            address = ipaddress.ip_address(network["IPAddress"])
            self.assertTrue(any(address in each for each in ranges), address)
        self.assertFalse(replica["HostConfig"]["PortBindings"], "nobody else can ask a replica")

    def test_the_balancer_runs_without_rights_and_alone_is_published(self):
        container = json.loads(docker("inspect", *self.compose.containers("balancer")).stdout)[0]
        self.assertTrue(container["HostConfig"]["ReadonlyRootfs"])
        self.assertEqual(container["HostConfig"]["CapDrop"], ["ALL"])
        self.assertEqual(container["Config"]["User"], "haproxy")
        done = run("docker", "compose", *(f"-f{each}" for each in FILES), "config", "--format", "json")
        services = json.loads(done.stdout)["services"]
        published = {name: [p["published"] for p in each.get("ports") or []] for name, each in services.items()}
        self.assertEqual({name: ports for name, ports in published.items() if ports}, {"balancer": ["5000"]})
        self.assertEqual(get(self.port, f"/predict?{SETOSA}"), (200, "[0]"))

    def test_what_has_ended_is_replaced_too(self):
        ended, *_ = before = self.compose.containers("rf-api")
        docker("stop", ended)
        run("docker/rolling-replace", *self.compose.arguments, env=compose_environment())
        after = self.compose.containers("rf-api")
        self.assertEqual(len(after), REPLICAS)
        self.assertEqual({each[:12] for each in after} & {each[:12] for each in before}, set())

    def test_an_old_one_that_is_unwell_is_no_obstacle(self):
        unwell, *_ = before = self.compose.containers("rf-api")
        self.in_network_of(unwell, "--post-data={}", "127.0.0.1:5000/v2/repository/models/iris/unload")
        eventually(lambda: docker("inspect", "-f", "{{.State.Health.Status}}", unwell).stdout.strip() == "unhealthy", 120)
        run("docker/rolling-replace", *self.compose.arguments, env=compose_environment())
        after = self.compose.containers("rf-api")
        self.assertEqual((len(after), set(after) & set(before)), (REPLICAS, set()))

    def in_network_of(self, container, *arguments):
        """What wget says beside a replica, which has no shell of its own."""
        return docker("run", "--rm", "--network", f"container:{container}", image("debug"), "wget", "-qO-", *arguments).stdout

    def test_each_replica_can_be_asked_for_its_metrics(self):
        for container in self.compose.containers("rf-api"):
            self.assertIn("prediction_log_unshipped_rows", self.in_network_of(container, "127.0.0.1:5000/metrics"))


class Limits(unittest.TestCase):
    def test_each_client_of_the_balancer_has_a_limit_of_its_own(self):
        balancer = f"{NAME}/balancer-of-limits"
        self.addClassCleanup(run, "docker", "image", "rm", "-f", balancer, check=False)
        compose = Compose(type(self), f"{NAME}-limits", FILES,
                          f"services:\n  rf-api:\n    image: {image()}\n    scale: 1\n"
                          f"    environment: {{COPSE_RATE_LIMIT: '{A_REQUEST_IN_THREE_HOURS}'}}\n"
                          f"  balancer:\n    image: {balancer}\n    ports: !override ['127.0.0.1::5000']\n"
                          "    environment: {COPSE_BALANCER_TRUSTS: 127.0.0.0/8}\n")
        compose("up", "--build", "--wait", "-d")
        port = compose.port("balancer")

        def ask(*fields):
            """The line of the status that a client on the balancer's own machine gets."""
            head = "".join(f"{line}\\r\\n" for line in (f"GET /predict?{SETOSA} HTTP/1.0", *fields, ""))
            script = f"exec 3<>/dev/tcp/127.0.0.1/5000; printf '{head}' >&3; read -r line <&3; echo $line"
            return compose("exec", "-T", "balancer", "bash", "-c", script)

        # One client comes from outside, and is who it is whatever it says.
        self.assertEqual(get(port, f"/predict?{SETOSA}"), (200, "[0]"))
        for fields in ({}, {"X-Forwarded-For": "192.0.2.1"}):
            with self.assertRaises(urllib.error.HTTPError) as refused:
                get(port, f"/predict?{SETOSA}", **fields)
            self.assertEqual(refused.exception.code, 429)
        # Another one comes from the balancer's own machine, which is trusted here like a proxy.
        for fields in ((), ("X-Forwarded-For: 192.0.2.1",), ("X-Forwarded-For: 192.0.2.2",)):
            for status in (" 200 ", " 429 "):
                self.assertIn(status, ask(*fields), fields)


if __name__ == "__main__":
    unittest.main()
