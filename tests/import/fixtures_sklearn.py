"""Cases whose models and answers come from scikit-learn 1.2.1, as pickle and joblib write them.

Small models of every kind that the importer reads, through every protocol; and files as other
versions and machines write them, which are the same model with other names, widths and orders.
"""
import io
import json
import pathlib
import pickle
import warnings

import joblib
import numpy as np
import sklearn
from sklearn import datasets, dummy, ensemble, exceptions, linear_model, tree
from sklearn.tree._tree import Tree

BITS = {"kind": "bits"}
ABSOLUTE = {"kind": "absolute", "value": 2e-15}   # behind NumPy's or SciPy's exp, log, power
BLAS = {"kind": "absolute", "value": 1e-12}       # the order of a dot product is not promised
RELATIVE = {"kind": "relative", "value": 1e-11}    # of large margins, for the same reason
FLT_MAX = float(np.finfo(np.float32).max)
FRUIT = np.array(["barbera", "barolo", "grignolino"])
CASES = {}


def case(name, **arguments):
    """Registers make() -> (estimator, its training rows) as the case `name`."""
    def register(make):
        CASES[name] = (make, arguments)
        return make
    return register


def write_cases(folder):
    for name, (make, arguments) in CASES.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", exceptions.ConvergenceWarning)
            warnings.filterwarnings("ignore", "X does not have valid feature names")
            estimator, X = make()
            _write(pathlib.Path(folder) / name, name, estimator, X, **arguments)
    _write_refused(pathlib.Path(folder).parent / "corpus" / "sklearn")


def load(name):
    return getattr(datasets, "load_" + name)(return_X_y=True)


# Files


def protocol(number):
    """Writes a plain pickle."""
    return "model.pkl", lambda estimator: pickle.dumps(estimator, number)


def _joblib(estimator):
    stream = io.BytesIO()
    joblib.dump(estimator, stream)
    return stream.getvalue()


JOBLIB = "model.joblib", _joblib


class _OtherTrees(pickle.Pickler):
    """Pickles trees with another state: `change(state, n_classes)` gives both."""

    def __init__(self, stream, number, change):
        super().__init__(stream, number)
        self.change = change

    def reducer_override(self, item):
        if type(item) is not Tree:
            return NotImplemented
        maker, (n_features, n_classes, n_outputs), state = item.__reduce__()
        state, n_classes = self.change(dict(state), n_classes)
        return maker, (n_features, n_classes, n_outputs), state


def with_trees(number, change, texts=()):
    """A pickle with other trees, and in protocol 0 other texts: (old, new) bytes."""
    def dump(estimator):
        stream = io.BytesIO()
        _OtherTrees(stream, number, change).dump(estimator)
        data = stream.getvalue()
        for old, new in texts:
            assert old in data, old
            data = data.replace(old, new)
        return data
    return "model.pkl", dump


def same_trees(state, n_classes):
    return state, n_classes


def foreign_machine(state, n_classes):
    """32 bits and big-endian, fields in another order, values in Fortran's order."""
    nodes = state["nodes"]
    kinds = {"threshold": ">f8", "weighted_n_node_samples": ">f8", "impurity": ">f8"}
    names = ["threshold", *(n for n in nodes.dtype.names[::-1] if n != "threshold")]
    other = np.zeros(len(nodes), [(name, kinds.get(name, ">i4")) for name in names])
    for name in names:
        other[name] = nodes[name]
    values = np.asfortranarray(state["values"].astype(">f8"))
    return {**state, "nodes": other, "values": values}, n_classes.astype(">i4")


def fractions(state, n_classes):
    """As scikit-learn 1.4.1 and later: rows are fractions, nodes know missing values."""
    nodes, values = state["nodes"], state["values"]
    other = np.zeros(len(nodes), np.dtype([*nodes.dtype.descr, ("missing_go_to_left", "u1")],
                                          align=True))
    for name in nodes.dtype.names:
        other[name] = nodes[name]
    other["missing_go_to_left"] = np.arange(len(nodes)) % 2
    return {**state, "nodes": other, "values": values / values.sum(axis=2, keepdims=True)}, n_classes


# Rows and answers


def edge_rows(estimator, X, rng, n_data=8, n_nodes=4):
    """Training rows, and rows with one value on a threshold or a float32 or float64 step beside."""
    rows = list(X[rng.choice(len(X), min(n_data, len(X)), replace=False)])
    members = np.ravel(getattr(estimator, "estimators_", [estimator]))
    subsets = getattr(estimator, "estimators_features_", None)
    for _ in range(n_nodes if hasattr(members[0], "tree_") else 0):
        m = rng.integers(len(members))
        found = members[m].tree_
        inner = np.flatnonzero(found.children_left >= 0)
        if not len(inner):
            continue
        node = rng.choice(inner)
        column = found.feature[node] if subsets is None else subsets[m][found.feature[node]]
        t = found.threshold[node]
        for value in (t, np.nextafter(t, np.inf), np.nextafter(t, -np.inf), np.float32(t),
                      np.nextafter(np.float32(t), np.float32(np.inf)),
                      np.nextafter(np.float32(t), np.float32(-np.inf))):
            row = X[rng.integers(len(X))].copy()
            row[column] = value
            rows.append(row)
    for value in (-0.0, 1e-45, FLT_MAX, -FLT_MAX):
        row = X[rng.integers(len(X))].copy()
        row[rng.integers(X.shape[1])] = value
        rows.append(row)
    return np.array(rows, np.float64)


def linear_rows(X, rng):
    rows = X[rng.choice(len(X), 12, replace=False)]
    return np.concatenate([rows, rows[:4] * -2, rows[:2] * 1e-310, rows[:1] * 0])


def answers_of(estimator, rows):
    """Answers by kind, with how closely they must agree."""
    name = type(estimator).__name__
    linear = hasattr(estimator, "coef_")
    margin = BLAS if linear else ABSOLUTE
    answers = {}
    if name == "IsolationForest":
        answers["margin"] = estimator.decision_function(rows), ABSOLUTE
        answers["score"] = estimator.score_samples(rows), ABSOLUTE
        answers["predict"] = estimator.predict(rows).astype(np.float64), BITS
        return answers
    if hasattr(estimator, "classes_"):
        p = estimator.predict_proba(rows)
        boosted = name.startswith("Gradient")
        answers["proba"] = (np.concatenate(p, axis=1) if isinstance(p, list) else p,
                            BLAS if linear else ABSOLUTE if boosted else BITS)
        answers["index"] = _positions(estimator, estimator.predict(rows)), BITS
        if hasattr(estimator, "decision_function"):
            answers["margin"] = estimator.decision_function(rows), margin
    else:
        answers["predict"] = estimator.predict(rows), BLAS if linear else BITS
    if hasattr(estimator, "apply"):
        answers["leaf"] = np.asarray(estimator.apply(rows)).reshape(len(rows), -1), BITS
    return answers


def _positions(estimator, labels):
    if isinstance(estimator.classes_, list):
        columns = [np.searchsorted(c, labels[:, k]) for k, c in enumerate(estimator.classes_)]
        return np.stack(columns, axis=1)
    return np.searchsorted(estimator.classes_, labels)


def _write(path, name, estimator, X, file=protocol(4), seed=0, margin=None):
    rng = np.random.default_rng(seed)
    linear = hasattr(estimator, "coef_")
    rows = linear_rows(X, rng) if linear else edge_rows(estimator, X, rng)
    file_name, dump = file
    path.mkdir(parents=True, exist_ok=True)
    (path / file_name).write_bytes(dump(estimator))
    found = {"name": name, "producer": {"library": "scikit-learn", "version": sklearn.__version__,
                                        "estimator": type(estimator).__name__},
             "model": file_name, "rows": "rows.npy", "answers": {}}
    _array(path / "rows.npy", rows, "<f8")
    for kind, (expected, tolerance) in answers_of(estimator, rows).items():
        tolerance = margin if margin and kind == "margin" else tolerance
        expected = np.asarray(expected).reshape(len(rows), -1)
        _array(path / f"{kind}.npy", expected, "<i8" if kind in ("index", "leaf") else "<f8")
        found["answers"][kind] = {"file": f"{kind}.npy", "tolerance": tolerance}
    (path / "case.json").write_text(json.dumps(found, indent=1) + "\n")


def _array(path, array, dtype):
    with open(path, "wb") as stream:
        np.lib.format.write_array(stream, np.ascontiguousarray(array, dtype), version=(1, 0))


# Trees and forests


def fit(estimator, data, target=None, **more):
    """() -> (estimator fitted on a bundled data set, its rows); target maps y to other labels."""
    def make():
        X, y = load(data)
        return estimator.fit(X, y if target is None else target(y), **more), X
    return make


def tree_case(name, estimator, data, file, target=None, **more):
    case(name, file=file, seed=len(CASES))(fit(estimator, data, target, **more))


tree_case("skl_dt_strings_p0", tree.DecisionTreeClassifier(max_depth=3, random_state=1), "wine",
          protocol(0), lambda y: FRUIT[y])
tree_case("skl_dt_strings_p1", tree.DecisionTreeClassifier(max_depth=3, random_state=1), "wine",
          protocol(1), lambda y: FRUIT[y])
tree_case("skl_dt_objects_p2", tree.DecisionTreeClassifier(max_depth=4, random_state=2), "wine",
          protocol(2), lambda y: FRUIT[y].astype(object))
tree_case("skl_dt_bool_p3", tree.DecisionTreeClassifier(max_depth=3, random_state=3),
          "breast_cancer", protocol(3), lambda y: y == 1)
tree_case("skl_dt_float_p5", tree.DecisionTreeClassifier(max_depth=4, random_state=4), "iris",
          protocol(5), lambda y: y.astype(np.float64) * 2 - 1)
tree_case("skl_dt_int8", tree.DecisionTreeClassifier(max_depth=4, random_state=5,
                                                     class_weight={-7: 0.3, 0: 1.1, 7: 2.7}),
          "iris", protocol(4), lambda y: (y * 7 - 7).astype(np.int8))
tree_case("skl_dt_multioutput", tree.DecisionTreeClassifier(max_depth=5, random_state=6), "wine",
          protocol(4), lambda y: np.stack([FRUIT[y], np.where(y == 1, "yes", "no")], axis=1))
tree_case("skl_dt_one_leaf", tree.DecisionTreeRegressor(random_state=7), "diabetes", protocol(2),
          lambda y: y * 0 - 4.25)
tree_case("skl_dt_bestfirst", tree.DecisionTreeClassifier(max_leaf_nodes=30, random_state=8),
          "wine", JOBLIB)
tree_case("skl_dt_machine", tree.DecisionTreeClassifier(max_depth=4, random_state=9,
                                                        class_weight="balanced"), "wine",
          with_trees(2, foreign_machine))
tree_case("skl_dt_multi_machine", tree.DecisionTreeRegressor(max_depth=4, random_state=10),
          "linnerud", with_trees(5, foreign_machine))
tree_case("skl_rf_0_21", ensemble.RandomForestClassifier(5, max_depth=4, random_state=11), "iris",
          with_trees(0, same_trees, [
              (b"csklearn.tree._classes\n", b"csklearn.tree.tree\n"),
              (b"csklearn.ensemble._forest\n", b"csklearn.ensemble.forest\n"),
              (b"V1.2.1\n", b"V0.21.3\n")]), lambda y: FRUIT[y])
tree_case("skl_rf_1_4_1", ensemble.RandomForestClassifier(3, max_depth=4, random_state=12), "wine",
          with_trees(0, fractions, [(b"V1.2.1\n", b"V1.4.1.post1\n")]))
tree_case("skl_rf_saved_again", ensemble.RandomForestClassifier(3, max_depth=4, random_state=13),
          "wine", with_trees(0, same_trees, [(b"V1.2.1\n", b"V1.7.0\n")]))
tree_case("skl_rf_digits_joblib", ensemble.RandomForestClassifier(
    3, max_depth=5, class_weight="balanced_subsample", random_state=14), "digits", JOBLIB)
tree_case("skl_rf_weights_p3", ensemble.RandomForestClassifier(6, max_depth=5, random_state=15),
          "iris", protocol(3), sample_weight=np.random.default_rng(15).uniform(0.1, 3, 150))
tree_case("skl_rf_one_class", ensemble.RandomForestClassifier(3, random_state=16), "iris",
          protocol(4), lambda y: y * 0 + 4)
tree_case("skl_rf_multioutput_joblib", ensemble.RandomForestClassifier(3, max_depth=3,
                                                                       random_state=17), "digits",
          JOBLIB, lambda y: np.stack([y, y % 2, y // 4], axis=1))
tree_case("skl_rf_diabetes", ensemble.RandomForestRegressor(5, max_depth=5, random_state=18),
          "diabetes", protocol(5))
tree_case("skl_rf_linnerud_joblib", ensemble.RandomForestRegressor(
    6, criterion="absolute_error", random_state=19), "linnerud", JOBLIB)
tree_case("skl_et_wine_p2", ensemble.ExtraTreesClassifier(6, max_depth=5, random_state=20), "wine",
          protocol(2))
tree_case("skl_et_diabetes_p3", ensemble.ExtraTreesRegressor(5, max_depth=5, random_state=21),
          "diabetes", protocol(3))
tree_case("skl_extratree_iris", tree.ExtraTreeClassifier(random_state=22), "iris", protocol(4))
tree_case("skl_extratree_diabetes", tree.ExtraTreeRegressor(max_depth=5, random_state=23),
          "diabetes", JOBLIB)


@case("skl_dt_many_classes", file=JOBLIB, seed=30)
def many_classes():
    """More classes than NumPy adds in one block of its sum."""
    rng = np.random.default_rng(30)
    X, y = rng.normal(size=(600, 5)), np.arange(600) % 131
    found = tree.DecisionTreeClassifier(max_depth=2, random_state=0)
    return found.fit(X, y, sample_weight=rng.uniform(0.1, 2, 600)), X


@case("skl_rf_named", file=protocol(4), seed=31)
def named():
    X, y = load("iris")
    found = ensemble.RandomForestClassifier(4, max_depth=3, random_state=31).fit(X, y)
    found.feature_names_in_ = np.array(datasets.load_iris().feature_names, dtype=object)
    return found, X


# Gradient boosting

DUMMY = dummy.DummyClassifier
tree_case("skl_gb_iris_p2", ensemble.GradientBoostingClassifier(n_estimators=4, random_state=40),
          "iris", protocol(2), lambda y: FRUIT[y])
tree_case("skl_gb_cancer_joblib", ensemble.GradientBoostingClassifier(
    n_estimators=5, learning_rate=0.37, random_state=41), "breast_cancer", JOBLIB)
tree_case("skl_gb_exponential_p3", ensemble.GradientBoostingClassifier(
    loss="exponential", n_estimators=5, random_state=42), "breast_cancer", protocol(3),
    lambda y: np.array(["bad", "good"])[y])
for i, strategy in enumerate(("prior", "most_frequent", "uniform", "constant")):
    tree_case("skl_gb_init_" + strategy, ensemble.GradientBoostingClassifier(
        n_estimators=2, random_state=43, init=DUMMY(strategy=strategy, constant=1)),
        ("wine", "breast_cancer")[i % 2], protocol(i + 1))
tree_case("skl_gb_init_zero", ensemble.GradientBoostingClassifier(
    n_estimators=3, init="zero", random_state=44), "wine", protocol(5))
tree_case("skl_gb_stopped", ensemble.GradientBoostingClassifier(
    n_estimators=60, learning_rate=0.6, n_iter_no_change=2, max_depth=2, random_state=45),
    "breast_cancer", protocol(4))
for i, loss in enumerate(("squared_error", "absolute_error", "huber", "quantile")):
    tree_case("skl_gb_" + loss, ensemble.GradientBoostingRegressor(
        loss=loss, n_estimators=8, random_state=46 + i), "diabetes", protocol(i + 2))
tree_case("skl_gb_init_mean", ensemble.GradientBoostingRegressor(
    n_estimators=5, init=dummy.DummyRegressor(strategy="constant", constant=100.5),
    random_state=50), "diabetes", protocol(4))

# Isolation forests

tree_case("skl_if_wine", ensemble.IsolationForest(n_estimators=4, max_samples=60,
                                                      random_state=60), "wine", protocol(4))
tree_case("skl_if_bootstrap_joblib", ensemble.IsolationForest(
    n_estimators=6, max_samples=50, bootstrap=True, contamination=0.2, random_state=61), "diabetes", JOBLIB)
tree_case("skl_if_columns_p2", ensemble.IsolationForest(
    n_estimators=5, max_samples=40, max_features=0.3, random_state=62), "breast_cancer", protocol(2))

# Linear models


def linear_case(name, estimator, data, file, target=None, change=None):
    @case(name, file=file, seed=len(CASES))
    def make():
        X, y = load(data)
        X = X / np.abs(X).max(axis=0)
        found = estimator.fit(X, y if target is None else target(y))
        if change is not None:
            change(found)
        return found, X


def fortran(found):
    found.coef_ = np.asfortranarray(found.coef_)


def narrow(found):
    found.coef_ = found.coef_.astype(np.float32)
    found.intercept_ = found.intercept_.astype(np.float32)


LOGISTIC = linear_model.LogisticRegression
linear_case("skl_logreg_ovr_p3", LOGISTIC(multi_class="ovr", solver="liblinear"), "iris",
            protocol(3), change=fortran)
linear_case("skl_logreg_auto_liblinear", LOGISTIC(solver="liblinear"), "wine", protocol(0))
linear_case("skl_logreg_auto_newton", LOGISTIC(solver="newton-cholesky"), "wine", protocol(4))
linear_case("skl_logreg_multinomial_joblib", LOGISTIC(max_iter=300), "wine", JOBLIB,
            lambda y: FRUIT[y], fortran)
linear_case("skl_logreg_binary", LOGISTIC(), "breast_cancer", protocol(2), lambda y: y == 1)
linear_case("skl_logreg_binary_softmax", LOGISTIC(multi_class="multinomial"), "breast_cancer",
            protocol(4))
linear_case("skl_logreg_float32", LOGISTIC(), "breast_cancer", protocol(5), change=narrow)
linear_case("skl_logregcv", linear_model.LogisticRegressionCV(Cs=2, cv=2, max_iter=200), "iris",
            protocol(4))
linear_case("skl_sgd_log", linear_model.SGDClassifier(loss="log_loss", random_state=70), "wine",
            protocol(4))
linear_case("skl_sgd_average", linear_model.SGDClassifier(loss="log_loss", average=True,
                                                          random_state=71), "breast_cancer",
            JOBLIB)
linear_case("skl_linreg_p2", linear_model.LinearRegression(), "diabetes", protocol(2))
linear_case("skl_linreg_multi", linear_model.LinearRegression(fit_intercept=False), "linnerud",
            protocol(4))
linear_case("skl_ridge_multi_joblib", linear_model.Ridge(), "linnerud", JOBLIB)
linear_case("skl_lasso", linear_model.Lasso(alpha=0.1), "diabetes", protocol(4))
linear_case("skl_elasticnetcv", linear_model.ElasticNetCV(n_alphas=3, cv=2), "diabetes",
            protocol(4))
linear_case("skl_huber", linear_model.HuberRegressor(), "diabetes", protocol(4))
linear_case("skl_sgd_regressor", linear_model.SGDRegressor(random_state=72), "diabetes",
            protocol(3))
linear_case("skl_bayes", linear_model.BayesianRidge(), "diabetes", protocol(4))
linear_case("skl_poisson", linear_model.PoissonRegressor(alpha=0.1), "diabetes", protocol(4))
linear_case("skl_gamma", linear_model.GammaRegressor(alpha=0.1), "diabetes", protocol(5))


@case("skl_logreg_ovr_wide", file=protocol(4), seed=99, margin=RELATIVE)
def ovr_wide():
    """Margins so large that the probabilities of several classes are 1: labels do not see that."""
    X, y = load("wine")
    found = LOGISTIC(multi_class="ovr", solver="liblinear", C=1e4).fit(X, y)
    return found, X * np.repeat([1, -3, 30, 1000], 45)[:len(X), np.newaxis]


# Files that must be refused


def _nodes(**changes):
    """Trees with a field changed at a node: field=(node, value)."""
    def change(state, n_classes):
        nodes = state["nodes"].copy()
        for field, (node, value) in changes.items():
            nodes[field][node] = value
        return {**state, "nodes": nodes}, n_classes
    return change


def _state(**changes):
    return lambda state, n_classes: ({**state, **changes}, n_classes)


def _write_refused(folder):
    folder.mkdir(parents=True, exist_ok=True)
    X, y = load("iris")
    found = tree.DecisionTreeClassifier(max_depth=2, random_state=0).fit(X, y)
    values = found.tree_.value
    broken = {
        "child_cycle": _nodes(left_child=(0, 0)),
        "child_negative": _nodes(right_child=(0, -2)),
        "child_huge": _nodes(right_child=(0, 2**40)),
        "child_shared": _nodes(right_child=(0, 1)),
        "feature_negative": _nodes(feature=(0, -2)),
        "feature_range": _nodes(feature=(0, 4)),
        "threshold_nan": _nodes(threshold=(0, np.nan)),
        "values_short": _state(values=values[:-1]),
        "values_flat": _state(values=values.ravel()),
        "values_outputs": _state(values=np.concatenate([values, values], axis=1)),
        "values_nan": _state(values=values * np.nan),
        "no_nodes": _state(nodes=found.tree_.__getstate__()["nodes"][:0], values=values[:0]),
        "nodes_plain": _state(nodes=values),
        "classes_more": lambda state, n_classes: (state, n_classes + 1),
        "classes_none": lambda state, n_classes: (state, n_classes * 0),
        "classes_lists": lambda state, n_classes: (state, np.array([3, 3])),
    }
    for name, change in broken.items():
        (folder / f"{name}.pkl").write_bytes(with_trees(4, change)[1](found))
    forest = ensemble.RandomForestClassifier(2, max_depth=2, random_state=0).fit(X, y)
    forest.estimators_ = [forest.estimators_[0]] * 300
    (folder / "same_tree.pkl").write_bytes(pickle.dumps(forest, 4))
    state = found.tree_.__getstate__()
    forest.estimators_ = [tree.DecisionTreeClassifier() for _ in range(50)]
    for member in forest.estimators_:
        member.tree_ = Tree(4, np.array([3]), 1)
        member.tree_.__setstate__(state)
    shared = with_trees(4, lambda _, n_classes: (state, n_classes))[1](forest)
    (folder / "shared_nodes.pkl").write_bytes(shared)
    mixed = ensemble.RandomForestClassifier(1, max_depth=2, random_state=0).fit(X, y)
    mixed.estimators_ += tree.DecisionTreeClassifier(max_depth=1).fit(X[:, :3], y),
    (folder / "other_features.pkl").write_bytes(pickle.dumps(mixed, 4))
    boosting = ensemble.GradientBoostingRegressor(n_estimators=1).fit(X, y)
    boosting.learning_rate = float("nan")
    (folder / "learning_rate_nan.pkl").write_bytes(pickle.dumps(boosting, 4))
