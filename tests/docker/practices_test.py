"""Where a practice is applied a comment above says so, with [BP]."""
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCKERFILE = r"RUN --mount|COPY (CMakeLists|package\.json|haproxy)|USER |HEALTHCHECK |STOPSIGNAL |LABEL |VOLUME "
COMPOSE = (r"read_only:|user:|healthcheck:$|logging:|mem_limit: \d|stop_grace_period:|depends_on:$"
           r"|secrets: \[|update_config: &|resources: |internal: true|command: >$")
KUBERNETES = (r"securityContext:|automountServiceAccountToken:|resources:$|startupProbe:|rollingUpdate:"
              r"|terminationGracePeriodSeconds:|secret:|images:$|kind: NetworkPolicy|kind: PodDisruptionBudget"
              r"|kind: HorizontalPodAutoscaler|enableServiceLinks:|topologySpreadConstraints:|preStop:|command: >$")
# The first of several probes has the mark; lists of files are no list of limits.
APART = r"resources:\n\s*-|resources:\n\s*requests: \{storage"
FILES = {"docker/Dockerfile": DOCKERFILE, "docker/balancer/Dockerfile": DOCKERFILE, "docker-compose.yml": COMPOSE,
         "docker/compose.scale.yml": COMPOSE, "docker/compose.swarm.yml": COMPOSE, "docker/compose.token.yml": COMPOSE,
         **{str(path.relative_to(ROOT)): KUBERNETES for path in sorted((ROOT / "docker/kubernetes").rglob("*.yaml"))}}


def unmarked(text, practices):
    """Numbers of the lines that apply a practice, and whose comment says nothing of it."""
    lines = text.splitlines()
    for i, line in enumerate(lines):
        if not re.match(rf"[\s-]*({practices})", line) or re.match(rf"\s*({APART})", "\n".join(lines[i:i + 2])):
            continue
        above = i
        # What opens the object, or begins with it, stands between a comment and the practice.
        while above > 0 and re.match(r"\s*#|\s*- name: \S+$|apiVersion:|strategy:", lines[above - 1]):
            above -= 1
        if not any("[BP]" in each for each in lines[above:i + 1]):
            yield i + 1


class Practices(unittest.TestCase):
    def test_each_is_marked_where_it_is_applied(self):
        for name, practices in FILES.items():
            with self.subTest(name):
                self.assertEqual(list(unmarked((ROOT / name).read_text("utf-8"), practices)), [])

    def test_a_missing_mark_is_found(self):
        self.assertEqual(list(unmarked("# [BP] Not root.\nUSER 1\nRUN --mount=type=cache true\n", DOCKERFILE)), [3])
        self.assertEqual(list(unmarked("a:\n  # [BP] Limits.\n  mem_limit: 1m\nb:\n  mem_limit: 1m\n", COMPOSE)), [5])


if __name__ == "__main__":
    unittest.main()
