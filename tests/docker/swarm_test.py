"""The services as a Swarm stack, on a cluster of this one node: deployed, replaced, recorded."""
import json
import os
import pathlib
import tempfile
import unittest
import urllib.error

from engine import (NAME, ROOT, SETOSA, Load, docker, eventually, free_port, get, image, leave_swarm,
                    require_free_engine, run)

REPLICAS = 3
PASSWORD = "a password of the cluster's own"
DEPLOY_SECONDS_MAX = 300
# Later images of the service, by what their files add to it.
GOOD = "LABEL tests.version=2"
ENDS_AT_ONCE = 'CMD ["copse", "serve", "--no-such-option"]'
NEVER_HEALTHY = 'HEALTHCHECK --interval=1s --retries=2 CMD ["copse", "--no-such-option"]'


def setUpModule():
    image()


def make_swarm(test_class):
    """Makes this engine a cluster of one node until the tests end."""
    require_free_engine()
    test_class.addClassCleanup(leave_swarm)
    docker("swarm", "init", "--advertise-addr", "127.0.0.1", "--listen-addr", "127.0.0.1")
    node = docker("info", "-f", "{{.Swarm.NodeID}}").stdout.strip()
    docker("node", "update", "--label-add", "copse.redis=true", node)


class Stack(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        make_swarm(cls)
        cls.name = f"{NAME}-swarm"
        cls.port = free_port()
        folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        (folder / "password").write_text(PASSWORD)
        balancer = f"{NAME}/balancer-of-swarm"
        cls.addClassCleanup(run, "docker", "image", "rm", "-f", balancer, check=False)
        docker("build", "-t", balancer, "docker/balancer")
        cls.environment = {**os.environ, "COPSE_IMAGE": image(), "COPSE_BALANCER_IMAGE": balancer,
                           "COPSE_PORT": str(cls.port), "COPSE_REDIS_PASSWORD_FILE": str(folder / "password")}
        cls.addClassCleanup(cls.remove)
        cls.deploy()
        eventually(lambda: get(cls.port, "/readyz"), 180)

    @classmethod
    def deploy(cls, name=None, **kwargs):
        """Deploys the stack; with the image `name` of the service, if there is one."""
        environment = {**cls.environment, **({"COPSE_IMAGE": name} if name else {})}
        return run("timeout", str(DEPLOY_SECONDS_MAX), "docker/swarm-deploy", cls.name, env=environment, **kwargs)

    def later_image(self, version, addition):
        """The name of an image that is the service with one more line in its Dockerfile."""
        name = f"{NAME}/rf-api:{version}"
        self.addCleanup(run, "docker", "image", "rm", "-f", name, check=False)
        docker("build", "-t", name, "-", input=f"FROM {image()}\n{addition}\n")
        return name

    @classmethod
    def remove(cls):
        docker("stack", "rm", cls.name, check=False)
        mine = ("--filter", f"label=com.docker.stack.namespace={cls.name}")
        eventually(lambda: not docker("ps", "-aq", *mine).stdout.strip())
        for volume in docker("volume", "ls", "-q", *mine).stdout.split():
            docker("volume", "rm", "-f", volume, check=False)

    def containers(self, service):
        return docker("ps", "-q", "--filter", f"label=com.docker.swarm.service.name={self.name}_{service}",
                      "--filter", "health=healthy").stdout.split()

    def redis(self, *arguments):
        return docker("exec", self.containers("redis-server")[0], "redis-cli", *arguments).stdout

    def test_replicas_answer_and_what_they_answer_is_in_redis(self):
        eventually(lambda: len(self.containers("rf-api")) == REPLICAS)
        with Load(self.port) as load:
            load.wait_for(300)
        load.check_recorded_once(self, self.redis)

    def images(self):
        """The images that the replicas which answer were made of."""
        return {docker("inspect", "-f", "{{.Config.Image}}", each).stdout.strip() for each in self.containers("rf-api")}

    def settle(self):
        """All replicas of the first image, as the other tests find them."""
        self.deploy()
        eventually(lambda: len(self.containers("rf-api")) == REPLICAS and self.images() == {f"{image()}:latest"})

    def test_a_new_image_deployed_under_load_loses_no_request_and_no_log_entry(self):
        self.settle()
        before = set(self.containers("rf-api"))
        others = self.containers("balancer") + self.containers("redis-server")
        name = self.later_image("2", GOOD)
        self.addCleanup(self.settle)
        with Load(self.port) as load:
            load.wait_for(100)
            self.deploy(name)
            load.wait_for(300)
        after = set(self.containers("rf-api"))
        self.assertEqual((len(after), before & after), (REPLICAS, set()))
        self.assertEqual(self.images(), {name})
        self.assertEqual(self.containers("balancer") + self.containers("redis-server"), others)
        print(f"report: a new image in a swarm: {len(load.answered)} requests, {len(load.lost)} lost")
        load.check_recorded_once(self, self.redis)

    def test_a_token_is_asked_for_where_one_is_set(self):
        self.settle()
        self.addCleanup(self.settle)
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        (folder / "token").write_text("a-word\n")
        run("timeout", str(DEPLOY_SECONDS_MAX), "docker/swarm-deploy", self.name,
            env={**self.environment, "COPSE_AUTH_TOKEN_FILE": os.path.relpath(folder / "token", ROOT)})
        self.assertEqual(get(self.port, f"/predict?{SETOSA}", Authorization="Bearer a-word"), (200, "[0]"))
        with self.assertRaises(urllib.error.HTTPError) as refused:
            get(self.port, f"/predict?{SETOSA}")
        self.assertEqual(refused.exception.code, 401)

    def test_an_image_that_is_no_good_is_taken_back_under_load(self):
        for what, addition in (("ends", ENDS_AT_ONCE), ("unhealthy", NEVER_HEALTHY)):
            with self.subTest(what):
                self.settle()
                before = set(self.containers("rf-api"))
                name = self.later_image(what, addition)
                with Load(self.port) as load:
                    load.wait_for(100)
                    done = self.deploy(name, check=False)
                    load.wait_for(300)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn(f"{self.name}_rf-api: rollback completed", done.stderr)
                self.assertEqual(self.images(), {f"{image()}:latest"})
                # The old ones were never stopped: a new one would have had to be healthy first.
                self.assertEqual(set(self.containers("rf-api")), before)
                print(f"report: an image taken back ({what}): {len(load.answered)} requests, {len(load.lost)} lost")
                load.check_recorded_once(self, self.redis)

    def test_a_replica_that_is_killed_under_load_is_replaced_and_loses_nothing(self):
        eventually(lambda: len(self.containers("rf-api")) == REPLICAS)
        killed = self.containers("rf-api")[0]
        with Load(self.port) as load:
            load.wait_for(100)
            docker("kill", killed)
            eventually(lambda: len(set(self.containers("rf-api")) - {killed}) == REPLICAS)
            load.wait_for(300)
        print(f"report: a replica killed in a swarm: {len(load.answered)} requests, {len(load.lost)} lost")
        load.check_recorded_once(self, self.redis, twice_max=load.clients)

    def test_what_runs_has_no_rights_and_the_password_is_in_no_environment(self):
        for service in ("rf-api", "balancer", "redis-server"):
            for container in json.loads(docker("inspect", *self.containers(service)).stdout):
                self.assertTrue(container["HostConfig"]["ReadonlyRootfs"], service)
                self.assertEqual(container["HostConfig"]["CapDrop"], ["ALL"], service)
                self.assertGreater(container["HostConfig"]["Memory"], 0, service)
                self.assertNotIn(PASSWORD, json.dumps(container["Config"]))


if __name__ == "__main__":
    unittest.main()
