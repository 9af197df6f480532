#!/usr/bin/python3
"""Makes tests/import/fixtures: models of other libraries, rows, and those libraries' answers.

    tests/import/make_fixtures.py [PREFIX ...]     only the modules whose cases begin so

Debian 12: python3-sklearn 1.2.1, python3-xgboost 1.7.4, python3-joblib. Cases of libraries that are
not packaged (LightGBM, ONNX, CatBoost) are written by hand in their file formats and answered by an
evaluator in plain Python, which shares no code with the product. The same versions make the same
bytes.
"""
import importlib
import pathlib
import shutil
import sys

HERE = pathlib.Path(__file__).resolve().parent
MODULES = {"skl": "fixtures_sklearn", "wrap": "fixtures_wrappers", "xgb": "fixtures_xgboost",
           "cat": "fixtures_catboost", "lgb": "fixtures_lightgbm", "onnx": "fixtures_onnx"}


def main(prefixes):
    sys.path[:0] = [str(HERE), str(HERE.parent / "vectors")]
    for prefix in prefixes or MODULES:
        folder = HERE / "fixtures"
        for old in folder.glob(f"{prefix}_*"):
            shutil.rmtree(old)
        importlib.import_module(MODULES[prefix]).write_cases(folder)
        print(f"{len(list(folder.glob(f'{prefix}_*')))} cases {prefix}_*")


if __name__ == "__main__":
    main(sys.argv[1:])
