"""The tutorial's service, request by request, as it was recorded.

What it answered with 200 is answered with the same status, Content-Type and body. What it
answered with 500 is answered with the 4xx that it should have been, or, where that is said, with
an answer. Recorded with Flask 2.2.2, flasgger 0.9.5, scikit-learn 1.2.1, pandas 1.5.3.
"""

import json
import sqlite3
import unittest

from service import ROOT, Service, form

HTML = "text/html; charset=utf-8"
PROBLEM = "application/problem+json"
GOOD = "/predict?s_length=5.1&s_width=3.5&p_length=1.4&p_width=0.2"
REST = "&s_width=3.5&p_length=1.4&p_width=0.2"
THREE = b"5.1,3.5,1.4,0.2\n6.0,2.9,4.5,1.5\n7.2,3.6,6.1,2.5\n"

GOOD_QUERIES = {
    "setosa": ("s_length=5.1&s_width=3.5&p_length=1.4&p_width=0.2", b"[0]"),
    "versicolor": ("s_length=6.0&s_width=2.9&p_length=4.5&p_width=1.5", b"[1]"),
    "screenshot": ("s_length=1.2&s_width=2.7&p_length=3.4&p_width=5.6", b"[2]"),
    "integers": ("s_length=5&s_width=3&p_length=1&p_width=0", b"[0]"),
    "exponents": ("s_length=51e-1&s_width=3.5&p_length=1.4&p_width=2E-1", b"[0]"),
    "shuffled, extra": ("p_width=0.2&foo=bar&p_length=1.4&s_width=3.5&s_length=5.1", b"[0]"),
    "first wins": ("s_length=5.1&s_length=abc" + REST, b"[0]"),
    "white space": ("s_length=%205.1+&s_width=3.5%0A&p_length=1.4&p_width=0.2", b"[0]"),
    "plus sign": ("s_length=%2B5.1" + REST, b"[0]"),
    "bare points": ("s_length=5.&s_width=3.5&p_length=1.4&p_width=.2", b"[0]"),
    "underscore": ("s_length=5_1e-1" + REST, b"[0]"),
    "other digits": ("s_length=%EF%BC%95.1" + REST, b"[0]"),
    "negative": ("s_length=-5.1&s_width=-3.5&p_length=-1.4&p_width=-0", b"[0]"),
}

BAD_QUERIES = {
    "missing one": ("s_length=5.1&s_width=3.5&p_length=1.4", "p_width"),
    "none": ("", "s_length"),
    "empty": ("s_length=" + REST, "s_length"),
    "text": ("s_length=abc" + REST, "s_length"),
    "comma": ("s_length=5,1" + REST, "s_length"),
    "hex": ("s_length=0x5" + REST, "s_length"),
    "nan": ("s_length=nan" + REST, "s_length"),
    "inf": ("s_length=inf" + REST, "s_length"),
    "1e400": ("s_length=1e400" + REST, "s_length"),
    "1e39": ("s_length=1e39" + REST, "s_length"),
    "wrong case": ("S_length=5.1" + REST, "s_length"),
}

GOOD_FILES = {
    "3 rows": (THREE, b"[0, 1, 2]"),
    "no final newline": (b"5.1,3.5,1.4,0.2", b"[0]"),
    "CRLF": (THREE.replace(b"\n", b"\r\n"), b"[0, 1, 2]"),
    "blank lines": (b"5.1,3.5,1.4,0.2\n\n\n6.0,2.9,4.5,1.5\n", b"[0, 1]"),
    "quoted": (b'"5.1","3.5","1.4","0.2"\n', b"[0]"),
    "spaces": (b"5.1, 3.5, 1.4, 0.2\n6.0 ,2.9 ,4.5 ,1.5\n", b"[0, 1]"),
    "BOM": (b"\xef\xbb\xbf5.1,3.5,1.4,0.2\n", b"[0]"),
    "integers": (b"5,3,1,0\n7,3,6,2\n", b"[0, 2]"),
    "exponents": (b"5.1e0,35e-1,1.4,2E-1\n", b"[0]"),
    "plus sign": (b"+5.1,3.5,1.4,0.2\n", b"[0]"),
    "CR": (b"5.1,3.5,1.4,0.2\r6.0,2.9,4.5,1.5\r", b"[0, 1]"),
    "tab": (b"5.1,\t3.5,1.4,0.2\n", b"[0]"),
    "True": (b"True,3.5,1.4,0.2\n", b"[0]"),
    "underscore": (b"5_1,3.5,1.4,0.2\n", b"[0]"),
    "space only line": (b"5.1,3.5,1.4,0.2\n   \n6.0,2.9,4.5,1.5\n", b"[0, 1]"),
    "NUL": (b"5.1,3.5,1.4,0.2\x00\n", b"[0]"),
    "beyond int64": (b"99999999999999999999,3.5,1.4,0.2\n", b"[0]"),
}

BAD_FILES = {
    "3 columns": b"5.1,3.5,1.4\n",
    "5 columns": b"5.1,3.5,1.4,0.2,0\n",
    "trailing comma": b"5.1,3.5,1.4,0.2,\n",
    "missing cell": b"5.1,,1.4,0.2\n",
    "NA": b"5.1,NA,1.4,0.2\n",
    "text": b"5.1,x,1.4,0.2\n",
    "ragged, longer": b"5.1,3.5,1.4,0.2\n5.1,3.5,1.4,0.2,9\n",
    "ragged, shorter": b"5.1,3.5,1.4,0.2\n5.1,3.5,1.4\n",
    "semicolons": b"5.1;3.5;1.4;0.2\n",
    "empty": b"",
    "newline": b"\n",
    "inf": b"inf,3.5,1.4,0.2\n",
    "hex": b"0x5,3.5,1.4,0.2\n",
    "comment": b"# c\n5.1,3.5,1.4,0.2\n",
    "leading comma": b",5.1,3.5,1.4,0.2\n",
    "trailing commas": b"5.1,3.5,1.4,0.2,\n6.0,2.9,4.5,1.5,\n",
    "single quotes": b"'5.1',3.5,1.4,0.2\n",
    "thousands": b'"1,000",3.5,1.4,0.2\n',
    "None": b"None,3.5,1.4,0.2\n",
    "latin-1": b"5.1,3.5,1.4,0.2\xe9\n",
    "open quote": b'"5.1,3.5,1.4,0.2\n',
    "1e400": b"1e400,3.5,1.4,0.2\n",
    "Infinity": b"Infinity,3.5,1.4,0.2\n",
    "date": b"2020-01-01,3.5,1.4,0.2\n",
}


class SeedTranscript(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = cls.enterClassContext(Service())

    def problem(self, answer, status):
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.type, PROBLEM)
        problem = json.loads(answer.body)
        self.assertEqual(problem["status"], status)
        self.assertEqual(problem["request_id"], answer.fields["x-request-id"])
        self.assertNotIn("\n", problem["detail"])
        self.assertGreater(len(problem["detail"]), 10)
        return problem

    def test_good_queries(self):
        for name, (query, body) in GOOD_QUERIES.items():
            with self.subTest(name):
                answer = self.service.ask("GET", "/predict?" + query, [("Accept", "*/*")])
                self.assertEqual((answer.status, answer.type, answer.body), (200, HTML, body))

    def test_bad_queries(self):
        for name, (query, field) in BAD_QUERIES.items():
            with self.subTest(name):
                problem = self.problem(self.service.ask("GET", "/predict?" + query), 400)
                self.assertEqual(problem["field"], field)
                self.assertIn(field, problem["detail"])
                self.assertEqual("value" in problem, f"{field}=" in query)

    def test_head_predicts_but_is_not_recorded(self):
        with Service() as service:
            answer = service.ask("HEAD", GOOD)
            self.assertEqual((answer.status, answer.type, answer.body), (200, HTML, b""))
            self.assertEqual(answer.fields["content-length"], "3")
            self.assertEqual(service.ask("GET", "/predict").status, 400)
            self.assertEqual(service.ask("GET", GOOD).body, b"[0]")
            self.assertEqual(service.terminate()[0], 0)
            with sqlite3.connect(service.log_path) as log:
                tables = [row[0] for row in log.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'table'")]
                self.assertIn("predictions", tables)
                rows = log.execute("SELECT input, output, label FROM predictions").fetchall()
            self.assertEqual(rows, [("[5.1,3.5,1.4,0.2]", "[0]", "setosa")])

    def test_options(self):
        for path, allowed in (("/predict", {"OPTIONS", "HEAD", "GET", "POST"}),
                              ("/predict_file", {"POST", "OPTIONS"})):
            answer = self.service.ask("OPTIONS", path)
            self.assertEqual((answer.status, answer.type, answer.body), (200, HTML, b""))
            self.assertEqual(set(answer.fields["allow"].split(", ")), allowed)

    def test_wrong_methods(self):
        urlencoded = [("Content-Type", "application/x-www-form-urlencoded")]
        self.problem(self.service.ask("POST", "/predict", urlencoded, b"s_length=5.1"), 415)
        for method, path in (("DELETE", "/predict"), ("GET", "/predict_file")):
            answer = self.service.ask(method, path)
            self.problem(answer, 405)
            self.assertIn("OPTIONS", answer.fields["allow"])

    def test_unknown_paths(self):
        for path in ("/predict/?s_length=5.1" + REST, "/favicon.ico", "/apispec.json"):
            self.problem(self.service.ask("GET", path), 404)

    def test_good_files(self):
        for name, (content, body) in GOOD_FILES.items():
            with self.subTest(name):
                answer = self.service.ask("POST", "/predict_file", *form(content))
                self.assertEqual((answer.status, answer.type, answer.body), (200, HTML, body))

    def test_file_of_another_type(self):
        answer = self.service.ask("POST", "/predict_file",
                                  *form(THREE, file_name="x.txt", part_type="text/plain"))
        self.assertEqual(answer.body, b"[0, 1, 2]")

    def test_first_of_two_files_wins(self):
        fields, first = form(b"5.1,3.5,1.4,0.2\n")
        _, second = form(b"7.2,3.6,6.1,2.5\n")
        body = first.replace(b"------seedboundary--\r\n", b"") + second
        answer = self.service.ask("POST", "/predict_file", fields, body)
        self.assertEqual((answer.status, answer.body), (200, b"[0]"))

    def test_all_150_rows(self):
        lines = (ROOT / "models/iris.csv").read_text().splitlines()
        rows = [line.split(",")[:4] for line in lines if line[:1].isdigit()]
        self.assertEqual(len(rows), 150)
        content = "".join(",".join(f"{float(x):.1f}" for x in row) + "\n" for row in rows)
        answer = self.service.ask("POST", "/predict_file", *form(content.encode()))
        self.assertEqual(answer.body.decode(), str([0] * 50 + [1] * 50 + [2] * 50))
        self.assertEqual(len(answer.body), 450)

    def test_bad_files(self):
        for name, content in BAD_FILES.items():
            with self.subTest(name):
                self.problem(self.service.ask("POST", "/predict_file", *form(content)), 400)

    def test_bad_forms(self):
        fields, _ = form(b"")
        cases = {
            "wrong field name": form(THREE, name="file"),
            "no file name": form(THREE, file_name=None),
            "empty multipart": (fields, b"------seedboundary--\r\n"),
        }
        for name, (head, body) in cases.items():
            with self.subTest(name):
                problem = self.problem(self.service.ask("POST", "/predict_file", head, body), 400)
                self.assertIn("input_file", problem["detail"])
                self.assertEqual(problem["field"], "input_file")
                self.assertNotIn("value", problem)
        self.problem(self.service.ask("POST", "/predict_file"), 415)
        self.problem(self.service.ask("POST", "/predict_file", [("Content-Length", "0")]), 415)
        urlencoded = [("Content-Type", "application/x-www-form-urlencoded")]
        self.problem(self.service.ask("POST", "/predict_file", urlencoded, b"input_file=abc"), 415)

    def test_what_is_understood_now(self):
        header = b"s_length,s_width,p_length,p_width\n"
        self.assertEqual(self.service.ask("POST", "/predict_file", *form(header + THREE)).body,
                         b"[0, 1, 2]")
        raw = self.service.ask("POST", "/predict_file", [("Content-Type", "text/csv")], THREE)
        self.assertEqual((raw.status, raw.type, raw.body), (200, HTML, b"[0, 1, 2]"))

    def test_docs(self):
        redirect = self.service.ask("GET", "/apidocs")
        self.assertEqual((redirect.status, redirect.type), (308, HTML))
        self.assertEqual(redirect.fields["location"], "http://localhost:5000/apidocs/")
        index = self.service.ask("GET", "/apidocs/index.html")
        self.assertEqual((index.status, index.fields["location"]), (302, "/apidocs/"))
        spec = self.service.ask("GET", "/apispec_1.json")
        self.assertEqual((spec.status, spec.type), (200, "application/json"))
        self.assertTrue(spec.body.endswith(b"}\n"))
        document = json.loads(spec.body)
        self.assertEqual(document["swagger"], "2.0")
        self.assertEqual(set(document["paths"]), {"/predict", "/predict_file"})
        parameters = document["paths"]["/predict"]["get"]["parameters"]
        self.assertEqual(
            [(p["in"], p["name"], p["required"], p["type"]) for p in parameters],
            [("query", n, True, "number") for n in ("s_length", "s_width", "p_length", "p_width")])


if __name__ == "__main__":
    unittest.main()
