"""Cases whose expected answers come from scikit-learn."""
import numpy as np
import sklearn
from sklearn import datasets, dummy, ensemble, linear_model, tree

import copse_export
import engines
import iris_model
from forest_builder import class_output, value_outputs
from vector_case import ABSOLUTE, BITS, BLAS, RELATIVE, edge_rows, write_case

CASES = {}
FRUIT = np.array(["barbera", "barolo", "grignolino"])


def case(name):
    """Registers the function that makes the case: make(folder, name)."""
    def register(make):
        CASES[name] = make
        return make
    return register


def load(name):
    return getattr(datasets, "load_" + name)(return_X_y=True)


def producer(estimator):
    return {"library": "scikit-learn", "version": sklearn.__version__,
            "estimator": type(estimator).__name__}


def raw_thresholds(estimator):
    """Float64 thresholds in the order of the file's inner nodes."""
    members = np.ravel(getattr(estimator, "estimators_", [estimator]))
    trees = [member.tree_ for member in members]
    return np.concatenate([t.threshold[t.children_left >= 0] for t in trees])


def positions(estimator, labels):
    """Class index of predicted labels; a column for each output."""
    if isinstance(estimator.classes_, list):
        columns = [np.searchsorted(c, labels[:, k]) for k, c in enumerate(estimator.classes_)]
        return np.stack(columns, axis=1)
    return np.searchsorted(estimator.classes_, labels)


def sklearn_answers(estimator, rows, margin=BITS, proba=BITS, predict=BITS):
    """What the estimator answers to `rows`; the tolerances are those of the three numbers."""
    answers = {}
    if hasattr(estimator, "classes_"):
        p = estimator.predict_proba(rows)
        answers["proba"] = np.concatenate(p, axis=1) if isinstance(p, list) else p, proba
        answers["index"] = positions(estimator, estimator.predict(rows)), BITS
        if hasattr(estimator, "decision_function"):
            answers["margin"] = estimator.decision_function(rows), margin
    else:
        answers["predict"] = estimator.predict(rows), predict
    if hasattr(estimator, "apply"):
        answers["leaf"] = np.asarray(estimator.apply(rows)).reshape(len(rows), -1), BITS
    return answers


def exported(name, covers, make, seed, *, n_data=24, proba=BITS, **arguments):
    """A case of copse_export; make() gives the estimator and its training rows."""
    @case(name)
    def write(folder, name):
        estimator, X = make()
        data = copse_export.dumps(estimator, X=X, leaf_ids=True, **arguments)
        rows = edge_rows(data, X, np.random.default_rng(seed), n_data=n_data,
                         raw_thresholds=raw_thresholds(estimator))
        write_case(folder, name, data, rows, sklearn_answers(estimator, rows, proba=proba),
                   producer(estimator), covers)


def fit(estimator, data, target=None, **more):
    """() -> (estimator fitted on a bundled data set, its rows); target maps y to other labels."""
    def make():
        X, y = load(data)
        return estimator.fit(X, y if target is None else target(y), **more), X
    return make


@case("iris")
def iris(folder, name):
    forest, X = iris_model.train()
    data = iris_model.dumps()
    rows = edge_rows(data, load("iris")[0], np.random.default_rng(1), n_data=40, n_nodes=10,
                     raw_thresholds=raw_thresholds(forest))
    answers = sklearn_answers(forest, rows)
    del answers["leaf"]  # the file keeps no node numbers of scikit-learn
    write_case(folder, name, data, rows, answers, producer(forest),
               ["models/iris.safetensors", "vector leaves", "mean", "labels str"])


# Trees and forests

exported("dt_wine", ["one tree", "vector leaves", "leaf.id"],
         fit(tree.DecisionTreeClassifier(random_state=2), "wine"), 2)
exported("dt_diabetes", ["one tree", "regressor"],
         fit(tree.DecisionTreeRegressor(max_depth=6, random_state=3), "diabetes"), 3)
exported("dt_linnerud", ["multi-output regressor", "vector leaves"],
         fit(tree.DecisionTreeRegressor(max_depth=4, random_state=4), "linnerud"), 4)
exported("dt_constant", ["tree of a single leaf", "no inner nodes"],
         fit(tree.DecisionTreeRegressor(random_state=5), "diabetes", lambda y: y * 0 + 4.25), 5)
exported("dt_digits_bestfirst", ["max_leaf_nodes: nodes in best-first order"],
         fit(tree.DecisionTreeClassifier(max_leaf_nodes=40, random_state=6), "digits"), 6)
exported("dt_iris_multioutput", ["multi-output classifier", "labels int"],
         fit(tree.DecisionTreeClassifier(max_depth=3, random_state=7), "iris",
             lambda y: np.stack([y, (y == 1).astype(int)], axis=1)), 7)
exported("extratree_iris", ["ExtraTree", "random thresholds"],
         fit(tree.ExtraTreeClassifier(random_state=8), "iris"), 8)
exported("rf_wine_str", ["labels str, not ASCII", "names, descriptions and units"],
         fit(ensemble.RandomForestClassifier(20, random_state=9), "wine", lambda y: FRUIT[y]), 9,
         labels=["Barbera d’Alba", "Barolo", "Grignolino \"rosé\""],
         feature_names=[f"größe {i}" for i in range(13)], feature_units=["µg/l"] * 13)
exported("rf_cancer_bool", ["labels bool"],
         fit(ensemble.RandomForestClassifier(15, random_state=10), "breast_cancer",
             lambda y: y == 1), 10)
exported("rf_cancer_float", ["labels float", "class_weight"],
         fit(ensemble.RandomForestClassifier(15, max_depth=5, random_state=11,
                                             class_weight={-1.0: 0.3, 2.0: 1.7}),
             "breast_cancer", lambda y: np.where(y == 1, 2.0, -1.0)), 11)
exported("rf_cancer_int", ["labels int, negative", "sample_weight"],
         fit(ensemble.RandomForestClassifier(15, max_depth=6, random_state=12), "breast_cancer",
             lambda y: np.where(y == 1, 7, -3),
             sample_weight=np.random.default_rng(12).uniform(0.1, 3, 569)), 12)
exported("rf_digits_balanced", ["ten classes: NumPy's blocked sum", "class_weight balanced"],
         fit(ensemble.RandomForestClassifier(12, max_depth=7, class_weight="balanced_subsample",
                                             random_state=13), "digits"), 13, n_data=20)
exported("rf_oneclass", ["one class", "every tree a single leaf"],
         fit(ensemble.RandomForestClassifier(5, random_state=14), "iris", lambda y: y * 0 + 4), 14)
exported("rf_multioutput_str", ["multi-output classifier", "labels str", "output names"],
         fit(ensemble.RandomForestClassifier(10, max_depth=5, random_state=15), "digits",
             lambda y: np.stack([np.where(y % 2, "odd", "even"), np.char.mod("d%d", y % 3)], 1)),
         15, n_data=20, output_names=["parity", "remainder"])
exported("rf_diabetes", ["forest regressor", "mean"],
         fit(ensemble.RandomForestRegressor(15, max_depth=6, random_state=16), "diabetes"), 16)
exported("rf_linnerud", ["multi-output forest regressor"],
         fit(ensemble.RandomForestRegressor(10, random_state=17), "linnerud"), 17)
exported("et_digits", ["ExtraTrees"],
         fit(ensemble.ExtraTreesClassifier(10, max_depth=8, random_state=18), "digits"), 18,
         n_data=20)
exported("et_diabetes", ["ExtraTrees regressor"],
         fit(ensemble.ExtraTreesRegressor(10, max_depth=6, random_state=19), "diabetes"), 19)

# Gradient boosting

exported("gb_cancer", ["sum", "base", "two labels on one margin", "sigmoid"],
         fit(ensemble.GradientBoostingClassifier(n_estimators=20, random_state=20),
             "breast_cancer"), 20, proba=ABSOLUTE)
exported("gb_iris", ["tree.output", "softmax"],
         fit(ensemble.GradientBoostingClassifier(n_estimators=12, random_state=21), "iris",
             lambda y: np.array(["setosa", "versicolor", "virginica"])[y]), 21, proba=ABSOLUTE)
exported("gb_cancer_exponential", ["sigmoid2x"],
         fit(ensemble.GradientBoostingClassifier(loss="exponential", n_estimators=20,
                                                 random_state=22), "breast_cancer"), 22,
         proba=ABSOLUTE)
exported("gb_wine_init_zero", ["base 0", "subsample"],
         fit(ensemble.GradientBoostingClassifier(n_estimators=8, init="zero", subsample=0.6,
                                                 random_state=23), "wine"), 23, proba=ABSOLUTE)
exported("gb_cancer_earlystop", ["early stopping warning"],
         fit(ensemble.GradientBoostingClassifier(n_estimators=60, learning_rate=0.5,
                                                 n_iter_no_change=3, random_state=24),
             "breast_cancer"), 24, proba=ABSOLUTE)
exported("gb_cancer_init_uniform", ["start value of a DummyClassifier"],
         fit(ensemble.GradientBoostingClassifier(
             n_estimators=8, random_state=25, init=dummy.DummyClassifier(strategy="uniform")),
             "breast_cancer"), 25, proba=ABSOLUTE)
for i, loss in enumerate(["squared_error", "huber", "quantile", "absolute_error"]):
    exported("gb_diabetes_" + loss, ["regressor", loss],
             fit(ensemble.GradientBoostingRegressor(loss=loss, n_estimators=20,
                                                    random_state=26 + i), "diabetes"), 26 + i)


# Histogram gradient boosting

CODES = (0, 1, 5, 31, 32, 40, 254, -1, -0.5, -0.0, 2.7, 3.999, np.nan)


def with_holes(X, rng, share=0.15):
    X = X.copy()
    X[rng.random(X.shape) < share] = np.nan
    return X


def coded(X, rng):
    """Columns 1 and 3 as codes of up to 40 categories, some unused, the second with holes."""
    X = X[:, :6].copy()
    for column, n in ((1, 40), (3, 12)):
        ranks = np.argsort(np.argsort(X[:, column], kind="stable"), kind="stable")
        X[:, column] = 3 * (ranks * n // len(X) // 3) + ranks % 2
    X[rng.random(len(X)) < 0.1, 3] = np.nan
    return X


def hist_case(name, covers, estimator, data, links, seed, change=with_holes, target=None,
              proba=ABSOLUTE, predict=BITS, codes=()):
    @case(name)
    def write(folder, name):
        rng = np.random.default_rng(seed)
        X, y = load(data)
        X, y = change(X, rng), y if target is None else target(y)
        estimator.fit(X, y)
        file = engines.hist_boosting(estimator, links(estimator))
        rows = edge_rows(file, X, rng, missing=True, infinite=True, codes=codes)
        write_case(folder, name, file, rows,
                   sklearn_answers(estimator, rows, proba=proba, predict=predict),
                   producer(estimator), covers)


def one_margin(estimator):
    return {"outputs": [class_output(estimator.classes_, 0, 1)], "link": "sigmoid"}


def margin_each(estimator):
    n = len(estimator.classes_)
    return {"outputs": [class_output(estimator.classes_, 0, n)], "link": "softmax"}


def value(link):
    return lambda estimator: {"outputs": value_outputs(1), "link": link}


def hist_options(seed, **more):
    return {"max_iter": 15, "early_stopping": False, "min_samples_leaf": 8, "random_state": seed,
            "max_leaf_nodes": 12, **more}


hist_case("hgb_cancer_nan", ["F64 thresholds", "input f64", "missing direction", "infinities"],
          ensemble.HistGradientBoostingClassifier(**hist_options(40)), "breast_cancer", one_margin,
          40)
hist_case("hgb_wine_nan", ["tree.output", "missing direction", "softmax"],
          ensemble.HistGradientBoostingClassifier(**hist_options(41)), "wine", margin_each, 41)
hist_case("hgb_cancer_categorical", ["cat.known", "missing direction at categories"],
          ensemble.HistGradientBoostingClassifier(**hist_options(42, categorical_features=[1, 3])),
          "breast_cancer", one_margin, 42, change=coded, codes=CODES)
hist_case("hgb_diabetes_categorical", ["cat.known", "regressor"],
          ensemble.HistGradientBoostingRegressor(**hist_options(43, categorical_features=[1, 3])),
          "diabetes", value("identity"), 43, change=coded, codes=CODES)
hist_case("hgb_diabetes_poisson", ["exp in float64"],
          ensemble.HistGradientBoostingRegressor(**hist_options(44, loss="poisson")), "diabetes",
          value("exp"), 44, predict=RELATIVE)
hist_case("hgb_diabetes_quantile", ["regressor"],
          ensemble.HistGradientBoostingRegressor(**hist_options(45, loss="quantile",
                                                                quantile=0.8)), "diabetes",
          value("identity"), 45)


# Isolation forest, logistic regression


def isolation_case(name, covers, estimator, data, seed):
    @case(name)
    def write(folder, name):
        X, _ = load(data)
        estimator.fit(X)
        file = engines.isolation_forest(estimator)
        rows = edge_rows(file, X, np.random.default_rng(seed))
        write_case(folder, name, file, rows, {
            "margin": (estimator.decision_function(rows), ABSOLUTE),
            "score": (estimator.score_samples(rows), ABSOLUTE),
            "predict": (estimator.predict(rows).astype(np.float64), BITS)},
            producer(estimator), covers)


isolation_case("iforest_wine", ["iforest", "score"],
               ensemble.IsolationForest(n_estimators=15, random_state=50), "wine", 50)
isolation_case("iforest_cancer_subset", ["iforest", "columns of each tree", "contamination"],
               ensemble.IsolationForest(n_estimators=10, max_samples=64, max_features=0.4,
                                        contamination=0.1, random_state=51), "breast_cancer", 51)


def logistic_case(name, covers, estimator, data, link, seed, decision="argmax", target=None):
    @case(name)
    def write(folder, name):
        X, y = load(data)
        X = X / np.abs(X).max(axis=0)
        estimator.fit(X, y if target is None else target(y))
        file = engines.logistic(estimator, link, decision)
        rows = X[np.random.default_rng(seed).choice(len(X), 40, replace=False)]
        rows = np.concatenate([rows, rows[:8] * -3, rows[:2] * 1e-310, rows[:2] * 0.0])
        answers = sklearn_answers(estimator, rows, margin=BLAS_SUM, proba=BLAS)
        write_case(folder, name, file, rows, answers, producer(estimator), covers)


# A margin is a difference of larger numbers: its error is relative to those.
BLAS_SUM = {"kind": "absolute", "value": 1e-12}

logistic_case("logreg_cancer", ["linear model", "two labels on one margin", "gt0"],
              linear_model.LogisticRegression(max_iter=500), "breast_cancer", "sigmoid", 60, "gt0",
              lambda y: y == 1)
logistic_case("logreg_iris_ovr", ["linear model", "normalize_ovr"],
              linear_model.LogisticRegression(multi_class="ovr", solver="liblinear"), "iris",
              "normalize_ovr", 61)
logistic_case("logreg_wine_multinomial", ["linear model", "softmax_argmax"],
              linear_model.LogisticRegression(multi_class="multinomial", max_iter=500), "wine",
              "softmax_argmax", 62, target=lambda y: FRUIT[y])
logistic_case("logreg_cancer_multinomial", ["linear model", "softmax of one margin"],
              linear_model.LogisticRegression(multi_class="multinomial", max_iter=500),
              "breast_cancer", "softmax_argmax", 63)
