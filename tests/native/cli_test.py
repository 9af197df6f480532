"""The command line as a person meets it: help, options, exit codes and descriptions of models.

Usage: cli_test.py COPSE_BINARY SOURCE_FOLDER [unittest arguments].
"""

import json
import sys
import unittest

from cli import IRIS, SETOSA, VECTORS, Command, copse, some_if_sanitized


class Usage(Command):
    def test_help_and_version_go_to_stdout(self):
        self.assertRegex(self.answer("--version"), rb"\Acopse \d+\.\d+\.\d+\n\Z")
        for arguments in [("--help",), ("serve", "--help"), ("predict", "-h"),
                          ("import", "--help"), ("inspect", "--help")]:
            self.assertIn(b"--help", self.answer(*arguments))

    def test_every_serve_option_names_its_variable(self):
        text = self.answer("serve", "--help").decode()
        for option in ["model", "models", "iterations", "host", "port", "redis", "redis-keep", "log",
                       "log-max-bytes", "log-keep", "predictions-route", "durability", "web", "threads", "body-bytes-max", "head-timeout", "body-timeout",
                       "held-bytes-max", "write-timeout", "idle-timeout", "auth-token", "control-token", "cors-origin",
                       "rate-limit", "trusted-proxy", "reload-interval",
                       "shutdown-timeout"]:
            self.assertIn(f"--{option}", text)
            self.assertIn("COPSE_" + option.upper().replace("-", "_"), text)

    def test_wrong_usage_is_two(self):
        rows = self.write("rows.csv", SETOSA)
        good = ["predict", "--model", IRIS, "--input", rows, "--out", "-"]
        self.answer(*good)
        for arguments in [[], ["nonsense"], ["predict"], good[:3], good[:5], ["inspect"],
                          [*good, "--nonsense"], [*good, "--output", "nonsense"],
                          [*good, "--input-format", "xml"], ["serve"],
                          [*good, "--threads", "0"], [*good, "--threads", "many"],
                          ["import", IRIS], ["import", "-o", self.folder / "o"],
                          ["import", IRIS, "-o", self.folder / "o", "--iterations", "some"],
                          ["serve", "--model", IRIS, "--port", "65536"],
                          ["serve", "--model", IRIS, "--durability", "maybe"],
                          ["serve", "--model", IRIS, "--log-max-bytes", "1"],
                          ["serve", "--model", IRIS, "--log-max-bytes", "much"],
                          ["serve", "--model", IRIS, "--log-keep", "-1"],
                          ["serve", "--model", IRIS, "--shutdown-timeout", "0"],
                          ["serve", "--model", IRIS, "--trusted-proxy", "10.0.0.1/8"],
                          ["serve", "--model", IRIS, "--no-log", "--redis"],
                          ["serve", "--model", IRIS, "--no-log", "--predictions-route"]]:
            self.refusal(2, *arguments)

    def test_options_that_do_not_go_together_are_two(self):
        rows = self.write("rows.csv", SETOSA)
        odd = self.write("rows.xyz", SETOSA)
        base = ["predict", "--model", IRIS, "--input"]
        self.assertIn("--input-format", self.refusal(2, *base, odd, "--out", "-"))
        self.assertIn("--output-format", self.refusal(2, *base, rows, "--out", "out.xyz"))
        self.refusal(2, *base, rows, "--out", self.folder / "out.csv", "--output", "json")
        self.refusal(2, *base, rows, "--out", "-", "--output-format", "npy")
        self.assertEqual(self.predict(odd, "--input-format", "csv"), b"setosa\n")

    def test_variables_of_serve_do_not_disturb_other_commands(self):
        self.assertEqual(copse("inspect", IRIS, environment={"COPSE_PORT": "x"}).returncode, 0)
        self.assertIn("--port", self.refusal(2, "serve", "--model", IRIS,
                                             environment={"COPSE_PORT": "x"}))

    def test_serve_reads_its_variables(self):
        text = self.refusal(3, "serve", environment={"COPSE_MODEL": "/nowhere/a.safetensors"})
        self.assertIn("/nowhere/a.safetensors", text)

    def test_serve_wants_one_name_for_one_model(self):
        text = self.refusal(3, "serve", "--model", IRIS, "--model", IRIS, "--no-log")
        self.assertIn("two models are called iris", text)
        self.assertIn("--model NAME=FILE", text)


class Inspect(Command):
    def test_says_what_a_model_is(self):
        text = self.answer("inspect", IRIS).decode()
        for part in ["iris", "setosa, versicolor, virginica", "100 trees", "s_length", "cm",
                     "RandomForestClassifier"]:
            self.assertIn(part, text)

    def test_json_is_one_object(self):
        described = json.loads(self.answer("inspect", IRIS, "--json"))
        self.assertEqual(described["name"], "iris")
        self.assertEqual(described["file_bytes"], IRIS.stat().st_size)
        self.assertEqual(described["version"], described["sha256"][:12])
        self.assertEqual(described["n_trees"], 100)
        renamed = json.loads(self.answer("inspect", f"flowers={IRIS}", "--json"))
        self.assertEqual(renamed["name"], "flowers")

    def test_bad_files_are_three_and_one_line(self):
        pickle = self.write("model.pkl", b"\x80\x04\x95" + bytes(100))
        cut = self.write("cut.safetensors", IRIS.read_bytes()[:1000])
        for path in [pickle, cut, self.folder, self.folder / "absent", self.write("empty", b"")]:
            self.assertIn(str(path), self.refusal(3, "inspect", path))

    def test_says_the_sentence_of_every_invalid_file(self):
        cases = json.loads((VECTORS / "invalid" / "cases.json").read_text("utf-8"))
        for case in some_if_sanitized(cases):
            with self.subTest(case["file"]):
                path = VECTORS / "invalid" / case["file"]
                text = self.refusal(3, "inspect", path)
                self.assertTrue(text.startswith(str(path) + ": "), text)
                head = path.read_bytes()[:9]
                if case["message"] and head[4:] == b"\0\0\0\0{":  # it looks like one of ours
                    whole = f"{path}: {case['message']}"
                    self.assertEqual(text, whole if len(whole) <= 590 else whole[:590])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
