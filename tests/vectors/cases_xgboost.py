"""Cases whose expected answers come from XGBoost."""
import numpy as np
import xgboost
from sklearn import datasets

import engines
from forest_builder import class_output, value_outputs
from vector_case import BITS, ULP32, edge_rows, write_case

CASES = {}
CODES = (0, 1, 3, 20, 31, 32, 39, 40, 100, 16777215, -1, -0.5, -0.0, 2.7, 19.999)


def load(name):
    return getattr(datasets, "load_" + name)(return_X_y=True)


def with_holes(X, rng):
    X = X.copy()
    X[rng.random(X.shape) < 0.15] = np.nan
    return X


def coded(X, rng):
    """Columns 1 and 3 as codes below 40 and 4: one splits on sets, one on single categories."""
    X = X[:, :6].copy()
    for column, n in ((1, 40), (3, 4)):
        ranks = np.argsort(np.argsort(X[:, column], kind="stable"), kind="stable")
        X[:, column] = (ranks * n // len(X) * 7) % n
    X[rng.random(len(X)) < 0.1, 3] = np.nan
    return X


def binary(answers, margin, predicted):
    """Both probabilities, as XGBClassifier.predict_proba makes them from that of class 1."""
    answers["proba"] = np.stack([1 - predicted, predicted], axis=1), ULP32
    answers["index"] = (predicted > 0.5).astype(np.int64), BITS


def softprob(answers, margin, predicted):
    answers["proba"] = predicted, ULP32
    answers["index"] = predicted.argmax(axis=1), BITS


def softmax(answers, margin, predicted):
    answers["index"] = predicted.astype(np.int64), BITS


def hinge(answers, margin, predicted):
    answers["proba"] = np.stack([1 - predicted, predicted], axis=1), BITS
    answers["index"] = predicted.astype(np.int64), BITS


def multilabel(answers, margin, predicted):
    answers["proba"] = np.stack([1 - predicted, predicted], axis=2), ULP32
    answers["index"] = (predicted > 0.5).astype(np.int64), BITS


def exact(answers, margin, predicted):
    answers["predict"] = predicted, BITS


def through_exp(answers, margin, predicted):
    answers["predict"] = predicted, ULP32


def no_trees(answers, margin, predicted):
    del answers["leaf"]  # it would have no columns
    binary(answers, margin, predicted)


def xgboost_case(name, covers, params, data, outputs, finish, seed, *, rounds=12, target=None,
                 change=with_holes, kinds=None, codes=(), dtype=np.float32, **model):
    """finish  adds the engine's answers behind the link; model: arguments of engines.xgboost"""
    def make(folder, name):
        rng = np.random.default_rng(seed)
        X, y = load(data)
        X = change(X, rng).astype(np.float32)
        y = y if target is None else target(y)
        booster = xgboost.train({"max_depth": 4, "eta": 0.3, "nthread": 1, "seed": seed,
                                 "tree_method": "exact", **params}, matrix(X, kinds, y), rounds)
        file = engines.xgboost(booster, outputs, version=xgboost.__version__, **model)
        rows = edge_rows(file, X, rng, missing=True, codes=codes, dtype=dtype)
        given = matrix(rows, kinds)
        margin = booster.predict(given, output_margin=True)
        answers = {"margin": (margin, BITS),
                   "leaf": (booster.predict(given, pred_leaf=True).astype(np.int64), BITS)}
        finish(answers, margin, booster.predict(given))
        write_case(folder, name, file, rows, answers,
                   {"library": "xgboost", "version": xgboost.__version__,
                    "estimator": params["objective"]}, covers)
    CASES[name] = make


def matrix(X, kinds, y=None):
    return xgboost.DMatrix(X, y, feature_types=kinds, enable_categorical=kinds is not None)


CANCER = [class_output([0, 1], 0, 1)]
IRIS = [class_output(["setosa", "versicolor", "virginica"], 0, 3)]
VALUE = value_outputs(1)
LOGISTIC = {"link": "sigmoid", "link_params": {"guard": 1e-16}}
KINDS = ["q", "c", "q", "c", "q", "q"]

xgboost_case("xgb_cancer_logistic", ["float32 sums", "x < t as x <= t", "base from base_score"],
             {"objective": "binary:logistic", "base_score": 0.2}, "breast_cancer", CANCER, binary,
             101, **LOGISTIC)
xgboost_case("xgb_cancer_float64_rows", ["float64 rows of a float32 model", "gamma, pruned trees"],
             {"objective": "binary:logistic", "gamma": 2.0}, "breast_cancer", CANCER, binary, 102,
             dtype=np.float64, **LOGISTIC)
xgboost_case("xgb_iris_softprob", ["tree.output", "softmax in float32", "labels str"],
             {"objective": "multi:softprob", "num_class": 3}, "iris", IRIS, softprob, 103,
             link="softmax", rounds=8)
xgboost_case("xgb_digits_softmax", ["softmax_argmax", "ten outputs"],
             {"objective": "multi:softmax", "num_class": 10, "max_depth": 3}, "digits",
             [class_output(range(10), 0, 10)], softmax, 104, link="softmax_argmax", rounds=3)
xgboost_case("xgb_diabetes_squared", ["regressor", "base_score"],
             {"objective": "reg:squarederror", "base_score": 152.25}, "diabetes", VALUE, exact, 105)
xgboost_case("xgb_diabetes_absolute", ["regressor", "leaves fitted after growth"],
             {"objective": "reg:absoluteerror"}, "diabetes", VALUE, exact, 106)
xgboost_case("xgb_diabetes_poisson", ["exp in float32"],
             {"objective": "count:poisson", "base_score": 30.0}, "diabetes", VALUE, through_exp,
             107, link="exp")
xgboost_case("xgb_diabetes_gamma", ["exp in float32"],
             {"objective": "reg:gamma"}, "diabetes", VALUE, through_exp, 108, link="exp")
xgboost_case("xgb_diabetes_tweedie", ["exp in float32"],
             {"objective": "reg:tweedie", "tweedie_variance_power": 1.4}, "diabetes", VALUE,
             through_exp, 109, link="exp")
xgboost_case("xgb_cancer_hinge", ["hinge", "gt0"],
             {"objective": "binary:hinge"}, "breast_cancer", CANCER, hinge, 110, link="hinge",
             decision="gt0")
xgboost_case("xgb_cancer_logitraw", ["identity of a binary objective"],
             {"objective": "binary:logitraw"}, "breast_cancer", VALUE, exact, 111)
xgboost_case("xgb_diabetes_logistic_regression", ["sigmoid of a value output"],
             {"objective": "reg:logistic", "base_score": 0.35}, "diabetes", VALUE, through_exp,
             112, target=lambda y: y / 400, **LOGISTIC)
xgboost_case("xgb_cancer_dart", ["dart: weighted trees"],
             {"objective": "binary:logistic", "booster": "dart", "rate_drop": 0.3},
             "breast_cancer", CANCER, binary, 113, rounds=15, **LOGISTIC)
xgboost_case("xgb_cancer_forest", ["num_parallel_tree"],
             {"objective": "binary:logistic", "num_parallel_tree": 6, "subsample": 0.7,
              "colsample_bynode": 0.5, "eta": 1.0}, "breast_cancer", CANCER, binary, 114, rounds=2,
             **LOGISTIC)
xgboost_case("xgb_cancer_categorical", ["categorical splits", "listed goes right", "cat features"],
             {"objective": "binary:logistic", "tree_method": "hist", "max_cat_to_onehot": 5},
             "breast_cancer", CANCER, binary, 115, change=coded, kinds=KINDS, codes=CODES,
             **LOGISTIC)
xgboost_case("xgb_diabetes_categorical", ["categorical splits", "regressor"],
             {"objective": "reg:squarederror", "tree_method": "approx", "max_cat_to_onehot": 1},
             "diabetes", VALUE, exact, 116, change=coded, kinds=KINDS, codes=CODES)
xgboost_case("xgb_linnerud_multioutput", ["several value outputs", "tree.output"],
             {"objective": "reg:squarederror", "tree_method": "hist"}, "linnerud",
             value_outputs(3), exact, 117, rounds=6)
xgboost_case("xgb_iris_multilabel", ["several class outputs of one margin each"],
             {"objective": "binary:logistic", "tree_method": "hist"}, "iris",
             [class_output([False, True], k, k + 1, f"is_{k}") for k in range(3)], multilabel, 118,
             rounds=6, target=lambda y: np.eye(3)[y], **LOGISTIC)
xgboost_case("xgb_cancer_no_trees", ["no trees: base alone"],
             {"objective": "binary:logistic", "base_score": 0.7}, "breast_cancer", CANCER,
             no_trees, 119, rounds=0, **LOGISTIC)
