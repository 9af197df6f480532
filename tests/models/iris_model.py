"""The committed iris model made again, step by step as the notebook models/iris.ipynb makes it."""
import pathlib
import sys

import pandas
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

MODELS = pathlib.Path(__file__).resolve().parents[2] / "models"
sys.path.insert(0, str(MODELS))
import copse_export  # noqa: E402

FEATURES = ["s_length", "s_width", "p_length", "p_width"]
ARGUMENTS = {
    "feature_names": FEATURES,
    "feature_descriptions": ["sepal length", "sepal width", "petal length", "petal width"],
    "feature_units": ["cm", "cm", "cm", "cm"],
    "output_names": ["species"],
    "provenance": {
        "created_by": "models/iris.ipynb with copse_export",
        "notes": "Trained on the 120 rows of models/iris.csv that train_test_split(test_size=0.2, "
                 "random_state=42) keeps for training.",
        "data": "Fisher's iris (1936), UCI Machine Learning Repository",
        "licence": "Data: CC BY 4.0",
    },
}


def train():
    """(forest fitted on species names, training rows [120, 4] as an array of float64)"""
    table = pandas.read_csv(MODELS / "iris.csv")
    X_train, _, y_train, _ = train_test_split(
        table[FEATURES].to_numpy(), table["species"].to_numpy(), test_size=0.2, random_state=42)
    return RandomForestClassifier(random_state=42).fit(X_train, y_train), X_train


def dumps():
    forest, X_train = train()
    return copse_export.dumps(forest, X=X_train, histograms=True, **ARGUMENTS)
