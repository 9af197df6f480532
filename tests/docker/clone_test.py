"""The README's ways, as a stranger has them: a clone of what is committed and `docker compose up --build`, and a
machine with the packages of `make build` alone."""
import json
import pathlib
import tempfile
import unittest

from engine import NAME, ROOT, SETOSA, compose_environment, docker, eventually, free_port, get, give_back, image_id, require_engine, run

# What the compose file calls the image that it builds: another of that name is given it back.
IMAGE = "rf-api:latest"
PROJECT = f"{NAME}-clone"


class Clone(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        require_engine()
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory())) / "copse"
        run("git", "clone", "--quiet", "--depth", "1", f"file://{ROOT}", str(cls.folder))
        cls.port = free_port()
        # What a stranger has not set is not set, but for what building here may take.
        others = {name: value for name, value in compose_environment().items()
                  if not name.startswith(("COMPOSE_", "COPSE_")) or name == "COPSE_CA_BUNDLE"}
        cls.environment = {**others, "COPSE_PORT": str(cls.port), "COMPOSE_PROJECT_NAME": PROJECT}
        cls.addClassCleanup(give_back, IMAGE, image_id(IMAGE))
        cls.addClassCleanup(cls.compose, "down", "--volumes", "--remove-orphans", check=False)
        cls.compose("up", "--build", "--detach", "--wait")

    @classmethod
    def compose(cls, *arguments, **kwargs):
        # Not in the checkout: in the clone.
        return run("docker", "compose", "--project-directory", str(cls.folder), *arguments, env=cls.environment,
                   **kwargs).stdout.strip()

    def test_is_what_is_committed_and_nothing_else(self):
        head = run("git", "rev-parse", "HEAD").stdout
        self.assertEqual(run("git", "-C", str(self.folder), "rev-parse", "HEAD").stdout, head)
        self.assertEqual(run("git", "-C", str(self.folder), "status", "--porcelain", "--ignored").stdout, "")

    def test_the_page_the_documents_and_a_prediction_are_there_and_redis_knows_it(self):
        status, page = get(self.port, "/")
        self.assertEqual(status, 200)
        self.assertIn('<div id="app"', page)
        status, documents = get(self.port, "/apidocs/")
        self.assertEqual(status, 200)
        self.assertIn("swagger-ui", documents)
        self.assertIn("/predict", json.loads(get(self.port, "/openapi.json")[1])["paths"])
        self.assertEqual(get(self.port, f"/predict?{SETOSA}"), (200, "[0]"))
        redis = ("exec", "-T", "redis-server", "redis-cli", "GET", "0")
        eventually(lambda: self.compose(*redis) == "[0]")


class Packages(unittest.TestCase):
    def test_those_of_make_build_are_all_that_it_takes(self):
        require_engine()
        docker("build", "--output", "type=cacheonly", "-f", "tests/docker/fresh.Dockerfile", ".")


if __name__ == "__main__":
    unittest.main()
