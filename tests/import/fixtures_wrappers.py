"""Cases of HistGradientBoosting, of pipelines and searches, and of pickled boosters.

Models and answers of scikit-learn 1.2.1 and XGBoost 1.7.4. Files of other scikit-learn versions are
the same objects under the names and in the shapes of those versions. LightGBM is not packaged: its
pickles hold a text written here, and plain Python answers them.
"""
import contextlib
import io
import json
import math
import pathlib
import pickle
import struct
import sys
import types
import warnings

import numpy as np
import pandas
import sklearn
import xgboost
from sklearn import (compose, ensemble, feature_selection, impute, linear_model, model_selection,
                     pipeline, preprocessing, tree)

from fixtures_sklearn import ABSOLUTE, BITS, BLAS, FRUIT, JOBLIB, load, protocol

RELATIVE = {"kind": "relative", "value": 1e-15}
ULP32 = {"kind": "ulp32", "value": 2}
CASES = {}


def case(name, make):
    """Registers make() -> (object to pickle, rows, answers[, file[, options]])."""
    assert name not in CASES
    CASES[name] = make


def write_cases(folder):
    for name, make in CASES.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _write(pathlib.Path(folder) / name, name, *make())


def _write(path, name, found, rows, answers, file=protocol(4), options=None):
    file_name, dump = file
    path.mkdir(parents=True, exist_ok=True)
    (path / file_name).write_bytes(dump(found))
    module = type(found).__module__.split(".")[0]
    library = {"sklearn": "scikit-learn", "xgboost": "XGBoost", "lightgbm": "LightGBM"}.get(
        module, "scikit-learn")
    version = {"XGBoost": xgboost.__version__, "LightGBM": ""}.get(library, sklearn.__version__)
    record = {"name": name, "producer": {"library": library, "version": version,
                                         "estimator": type(found).__name__},
              "model": file_name, "rows": "rows.npy", "answers": {}}
    if options:
        record["options"] = options
    _array(path / "rows.npy", rows, "<f8")
    for kind, (expected, tolerance) in answers.items():
        expected = np.asarray(expected).reshape(len(rows), -1)
        narrow = expected.dtype == np.float32
        _array(path / f"{kind}.npy", expected,
               "<i8" if kind == "index" else "<f4" if narrow else "<f8")
        record["answers"][kind] = {"file": f"{kind}.npy", "tolerance": tolerance}
    (path / "case.json").write_text(json.dumps(record, indent=1) + "\n")


def _array(path, array, dtype):
    with open(path, "wb") as stream:
        np.lib.format.write_array(stream, np.ascontiguousarray(array, dtype), version=(1, 0))


def answers_of(estimator, rows, proba=BITS, predict=BITS, margin=BITS):
    if not hasattr(estimator, "predict_proba"):
        return {"predict": (estimator.predict(rows), predict)}
    labels = np.asarray(estimator.predict(rows))
    answers = {"proba": (estimator.predict_proba(rows), proba),
               "index": (np.searchsorted(estimator.classes_, labels), BITS)}
    if hasattr(estimator, "decision_function"):
        answers["margin"] = estimator.decision_function(rows), margin
    return answers


# Histogram gradient boosting

HGBC = ensemble.HistGradientBoostingClassifier
HGBR = ensemble.HistGradientBoostingRegressor


def hist(cls, seed, **more):
    return cls(**{"max_iter": 5, "early_stopping": False, "min_samples_leaf": 8,
                  "max_leaf_nodes": 8, "max_bins": 12, "random_state": seed, **more})


def with_holes(X, rng):
    X = X.copy()
    X[rng.random(X.shape) < 0.15] = np.nan
    return X


def hist_rows(estimator, X, rng, columns=None, missing=True, numeric=None):
    """Training rows, and rows with one value on a threshold, or a double beside it, or special.

    columns  [features of the trees] their column; numeric: columns that take special values
    """
    numeric = np.arange(X.shape[1]) if numeric is None else numeric
    rows = list(X[rng.choice(len(X), 10, replace=False)])
    columns = np.arange(X.shape[1]) if columns is None else np.asarray(columns)
    for _ in range(8):
        stage = estimator._predictors[rng.integers(len(estimator._predictors))]
        nodes = stage[rng.integers(len(stage))].nodes
        inner = np.flatnonzero((nodes["is_leaf"] == 0) & (nodes["is_categorical"] == 0))
        if not len(inner):
            continue
        node = nodes[rng.choice(inner)]
        t = float(node["num_threshold"])
        for value in (t, np.nextafter(t, np.inf), np.nextafter(t, -np.inf), float(np.float32(t))):
            row = X[rng.integers(len(X))].copy()
            row[columns[node["feature_idx"]]] = value
            rows.append(row)
    for value in (-0.0, 5e-324, 1e300, -1e300, *((np.nan, np.inf, -np.inf) if missing else ())):
        row = X[rng.integers(len(X))].copy()
        row[rng.choice(numeric)] = value
        rows.append(row)
    if missing:
        rows.append(np.full(X.shape[1], np.nan))
    return np.array(rows, np.float64)


def hist_case(name, estimator, data, file=protocol(4), target=None, seed=0, **tolerances):
    def make():
        rng = np.random.default_rng(seed)
        X, y = load(data)
        X, y = with_holes(X, rng), y if target is None else target(y)
        estimator.fit(X, y)
        rows = hist_rows(estimator, X, rng)
        return estimator, rows, answers_of(estimator, rows, **tolerances), file
    case(name, make)


hist_case("wrap_hgb_binary", hist(HGBC, 1), "breast_cancer", protocol(2), seed=1, proba=ABSOLUTE)
hist_case("wrap_hgb_texts_joblib", hist(HGBC, 2, max_iter=3), "wine", JOBLIB,
          lambda y: FRUIT[y], seed=2, proba=ABSOLUTE)
hist_case("wrap_hgb_squared", hist(HGBR, 3), "diabetes", protocol(0), seed=3)
hist_case("wrap_hgb_poisson", hist(HGBR, 4, loss="poisson"), "diabetes", protocol(3), seed=4,
          predict=RELATIVE)
hist_case("wrap_hgb_quantile", hist(HGBR, 5, loss="quantile", quantile=0.7), "diabetes",
          protocol(5), seed=5)
hist_case("wrap_hgb_absolute", hist(HGBR, 6, loss="absolute_error", monotonic_cst=[1] + [0] * 9),
          "diabetes", seed=6)
hist_case("wrap_hgb_stopped", hist(HGBC, 7, max_iter=30, max_leaf_nodes=4, early_stopping=True, n_iter_no_change=2,
                                   learning_rate=0.5), "breast_cancer", seed=7, proba=ABSOLUTE)

CODES = (0, 1, 5, 31, 32, 39, 40, 200, 254, -1, -0.5, -0.0, 2.7, 3.999, np.nan)


def coded(X, rng):
    """Columns 1 and 3 as codes of up to 40 categories, some unused, the second with holes."""
    X = X[:, :6].copy()
    for column, n in ((1, 40), (3, 12)):
        ranks = np.argsort(np.argsort(X[:, column], kind="stable"), kind="stable")
        X[:, column] = 3 * (ranks * n // len(X) // 3) + ranks % 2
    X[rng.random(len(X)) < 0.1, 3] = np.nan
    return X


def code_rows(X, columns, codes, rng):
    rows = []
    for value in codes:
        for column in columns:
            row = X[rng.integers(len(X))].copy()
            row[column] = value
            rows.append(row)
    return np.array(rows)


def categorical_case(name, estimator, data, seed, **tolerances):
    def make():
        rng = np.random.default_rng(seed)
        X, y = load(data)
        X = coded(X, rng)
        estimator.fit(X, y)
        rows = np.concatenate([hist_rows(estimator, X, rng), code_rows(X, (1, 3), CODES, rng)])
        return estimator, rows, answers_of(estimator, rows, **tolerances)
    case(name, make)


categorical_case("wrap_hgb_codes", hist(HGBC, 10, max_bins=255, categorical_features=[1, 3]), "breast_cancer",
                 10, proba=ABSOLUTE)
categorical_case("wrap_hgb_codes_mask", hist(
    HGBR, 11, max_bins=60, categorical_features=[False, True, False, True, False, False]), "diabetes", 11)


@contextlib.contextmanager
def pickled_as(version):
    """Objects that are pickled inside say that this scikit-learn made them."""
    old, sklearn.base.__version__ = sklearn.base.__version__, version
    try:
        yield
    finally:
        sklearn.base.__version__ = old


def pickle_of(version, number):
    def dump(found):
        with pickled_as(version):
            return pickle.dumps(found, number)
    return "model.pkl", dump


def encoded(estimator, frame, y, is_categorical):
    """As scikit-learn 1.4 fits: categorical columns first, as ranks among their categories."""
    encoder = preprocessing.OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan,
        dtype=np.float64)
    numeric = preprocessing.FunctionTransformer(sklearn.utils.check_array,
                                                kw_args={"force_all_finite": False})
    before = compose.ColumnTransformer([("encoder", encoder, is_categorical),
                                        ("numerical", numeric, ~is_categorical)])
    X = before.fit_transform(frame)
    estimator.categorical_features = list(range(int(is_categorical.sum())))
    estimator.fit(X, y)
    estimator._is_categorical_remapped = estimator.is_categorical_
    estimator._preprocessor, estimator.is_categorical_ = before, is_categorical
    return X


def as_frame(rows, texts):
    """Rows of positions as a caller of scikit-learn would give them: with the texts themselves."""
    frame = pandas.DataFrame(rows)
    for column, names in texts.items():
        values = [np.nan if x != x else names[int(x)] if x in range(len(names)) else "unheard of"
                  for x in rows[:, column]]
        frame[column] = np.array(values, dtype=object)
    return frame


def encoded_answers(estimator, frame):
    """What `_preprocess_X` and `_raw_predict` of 1.4 do."""
    X = estimator._preprocessor.transform(frame)
    plain = pickle.loads(pickle.dumps(estimator))
    plain.is_categorical_ = estimator._is_categorical_remapped
    return answers_of(plain, X, proba=ABSOLUTE)


def encoded_case(name, estimator, data, texts, values, seed, version, number=4):
    """texts, values: column -> the category of each code 0, 1, ... of that column."""
    def make():
        rng = np.random.default_rng(seed)
        X, y = load(data)
        X = X[:, :5].copy()
        for column, found in {**texts, **values}.items():
            ranks = np.argsort(np.argsort(X[:, column], kind="stable"), kind="stable")
            codes = (ranks * 3 + ranks // 7) % len(found)
            X[:, column] = codes if column in texts else np.array(found)[codes]
            X[rng.random(len(X)) < 0.1, column] = np.nan
        is_categorical = np.array([c in texts or c in values for c in range(5)])
        encoded(estimator, as_frame(X, texts), y, is_categorical)
        columns = [*np.flatnonzero(is_categorical), *np.flatnonzero(~is_categorical)]
        odd = {c: (0, 1, len(n) - 1, len(n), 300, -1, 0.5, np.nan) for c, n in texts.items()}
        odd |= {c: (*n, 0.0, -0.0, 1e300, n[0] + 1e-9, -1e9, np.nan) for c, n in values.items()}
        rows = [hist_rows(estimator, X, rng, columns, numeric=np.flatnonzero(~is_categorical))]
        rows += [code_rows(X, [c], codes, rng) for c, codes in odd.items()]
        rows = np.concatenate(rows)
        return estimator, rows, encoded_answers(estimator, as_frame(rows, texts)), pickle_of(
            version, number)
    case(name, make)


NAMES = sorted(["zinc", "ale", "\u00e9t\u00e9", "B", "a b", "1", "x" * 40, "\u4e2d"])
encoded_case("wrap_hgb_encoded_numbers", hist(HGBC, 20, max_bins=60, max_iter=3), "wine", {},
             {1: [-3.5, 0.0, 0.1, 7.0, 1e9], 4: [float(i) for i in range(40)]}, 20, "1.4.2")
encoded_case("wrap_hgb_encoded_texts", hist(HGBR, 21), "diabetes", {3: NAMES}, {}, 21, "1.5.0", 5)
encoded_case("wrap_hgb_encoded_both", hist(HGBC, 22, max_bins=255), "breast_cancer",
             {0: NAMES[:3], 2: [f"c{i:03}" for i in range(200)]}, {1: [2.0, 4.0, 8.0]}, 22,
             "1.7.1", 2)


class _OldTrees(pickle.Pickler):
    """Pickles predictors as scikit-learn 0.21 had them: no missing values, no categories."""

    def reducer_override(self, item):
        if type(item).__name__ != "TreePredictor":
            return NotImplemented
        new = item.nodes
        old = np.zeros(len(new), [("value", "<f8"), ("count", "<u4"), ("feature_idx", "<u4"),
                                  ("threshold", "<f8"), ("left", "<u4"), ("right", "<u4"),
                                  ("gain", "<f4"), ("depth", "<u4"), ("is_leaf", "u1"),
                                  ("bin_threshold", "u1")])
        for name in old.dtype.names:
            old[name] = new["num_threshold" if name == "threshold" else name]
        return object.__reduce_ex__, (type(item), 2), {"nodes": old}


def dump_old(found):
    state = {key: value for key, value in vars(found).items() if key not in (
        "is_categorical_", "_bin_mapper", "_n_features", "n_features_in_", "_baseline_prediction")}
    old = type(found).__new__(type(found))
    vars(old).update(state, bin_mapper_=found._bin_mapper, n_features_=found._n_features,
                     loss="least_squares",
                     _baseline_prediction=np.float64(found._baseline_prediction.ravel()[0]))
    stream = io.BytesIO()
    with pickled_as("0.21.3"):
        _OldTrees(stream, 3).dump(old)
    return stream.getvalue()


def hist_old():
    rng = np.random.default_rng(30)
    X, y = load("diabetes")
    estimator = hist(HGBR, 30).fit(X, y)
    rows = hist_rows(estimator, X, rng, missing=False)
    return estimator, rows, answers_of(estimator, rows), ("model.pkl", dump_old)


case("wrap_hgb_0_21", hist_old)

# Pipelines


def order_of(x):
    bits = struct.unpack("<q", struct.pack("<d", x))[0]
    return bits if bits >= 0 else -(2 ** 63) - bits - 1


def double_at(order):
    bits = order if order >= 0 else -(2 ** 63) - order - 1
    return struct.unpack("<d", struct.pack("<q", bits))[0]


def raw_threshold(transform, n_columns, column, feature, t, single):
    """Largest double that the steps map to at most `t`: by bisection, through the steps themselves."""
    def goes_left(x):
        row = np.zeros((1, n_columns))
        row[0, column] = x
        mapped = transform(row)[0, feature]
        return (np.float32(mapped) if single else mapped) <= t
    low, high = order_of(-1e15), order_of(1e15)
    if not goes_left(-1e15) or goes_left(1e15):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if goes_left(double_at(middle)) else (low, middle)
    return double_at(low)


def splits_of(estimator):
    """(feature, threshold) of all inner nodes."""
    if hasattr(estimator, "_predictors"):
        for stage in estimator._predictors:
            for found in stage:
                for node in found.nodes[found.nodes["is_leaf"] == 0]:
                    yield int(node["feature_idx"]), float(node["num_threshold"])
    elif hasattr(estimator, "get_booster"):
        names = {name: i for i, name in enumerate(estimator.get_booster().feature_names or [])}
        frame = estimator.get_booster().trees_to_dataframe()
        for _, node in frame[frame["Feature"] != "Leaf"].iterrows():
            name = node["Feature"]
            yield names[name] if names else int(name[1:]), float(np.nextafter(
                np.float32(node["Split"]), np.float32(-np.inf)))
    else:
        for member in np.ravel(getattr(estimator, "estimators_", [estimator])):
            inner = np.flatnonzero(member.tree_.children_left >= 0)
            yield from zip(member.tree_.feature[inner], member.tree_.threshold[inner])


def pipe_rows(found, X, rng, source, missing):
    """Rows on, just under and just over the raw thresholds; source: column of each tree feature."""
    *steps, last = [step for _, step in found.steps]
    transform = pipeline.make_pipeline(*steps).transform if steps else lambda rows: rows
    single = not hasattr(last, "_predictors")
    rows = list(X[rng.choice(len(X), 10, replace=False)])
    splits = list(splits_of(last)) if not hasattr(last, "coef_") else []
    for i in rng.choice(len(splits), min(12, len(splits)), replace=False) if splits else ():
        feature, t = splits[i]
        column = feature if source is None else source[feature]
        edge = raw_threshold(transform, X.shape[1], column, feature, t, single)
        if edge is None:
            continue
        for value in (edge, np.nextafter(edge, np.inf), np.nextafter(edge, -np.inf)):
            row = X[rng.integers(len(X))].copy()
            row[column] = value
            rows.append(row)
    for value in (-0.0, 5e-324, 1e12, -1e12) if splits else ():
        row = X[rng.integers(len(X))].copy()
        row[rng.integers(X.shape[1])] = value
        rows.append(row)
    rows = np.array(rows, np.float64)
    if missing:
        rows = np.concatenate([rows, with_holes(rows[:12], rng), np.full((1, X.shape[1]), np.nan)])
    return rows


def pipe_case(name, steps, data="wine", file=protocol(4), holes=False, missing=False, source=None,
              change=None, target=None, whole=lambda found: found, **tolerances):
    """whole: the object that is pickled, from the fitted pipeline; it answers like it."""
    def make():
        rng = np.random.default_rng(len(name))
        X, y = load(data)
        X = with_holes(X, rng) if holes else X.copy()
        if change is not None:
            change(X)
        found = pipeline.make_pipeline(*steps).fit(X, y if target is None else target(y))
        rows = pipe_rows(found, X, rng, source(found) if source else None, missing)
        return whole(found), rows, answers_of(found, rows, **tolerances), file
    case(name, make)


def forest(seed, n=3, depth=3):
    return ensemble.RandomForestClassifier(n, max_depth=depth, random_state=seed)


SCALER = preprocessing.StandardScaler
pipe_case("wrap_pipe_standard", [SCALER(), forest(40)], target=lambda y: FRUIT[y])
pipe_case("wrap_pipe_standard_mean", [SCALER(with_std=False), forest(41)], file=protocol(2))
pipe_case("wrap_pipe_standard_std", [SCALER(with_mean=False), ensemble.ExtraTreesClassifier(
    4, max_depth=4, random_state=42)], file=JOBLIB)
pipe_case("wrap_pipe_standard_none", [SCALER(with_mean=False, with_std=False), forest(43)])
pipe_case("wrap_pipe_minmax", [preprocessing.MinMaxScaler((-3, 7)), tree.DecisionTreeRegressor(
    max_depth=6, random_state=44)], "diabetes")
pipe_case("wrap_pipe_minmax_clip", [preprocessing.MinMaxScaler(clip=True), forest(45)])
pipe_case("wrap_pipe_maxabs", [preprocessing.MaxAbsScaler(), ensemble.GradientBoostingClassifier(
    n_estimators=3, random_state=46)], "breast_cancer", proba=ABSOLUTE, margin=ABSOLUTE)
pipe_case("wrap_pipe_robust", [preprocessing.RobustScaler(), ensemble.RandomForestRegressor(
    4, max_depth=5, random_state=47)], "diabetes", file=protocol(5))
pipe_case("wrap_pipe_three_scalers", [SCALER(), preprocessing.MinMaxScaler(),
                                      preprocessing.RobustScaler(), forest(48)])
pipe_case("wrap_pipe_imputer", [impute.SimpleImputer(), forest(49)], holes=True, missing=True)
pipe_case("wrap_pipe_imputer_scaler", [impute.SimpleImputer(strategy="median"), SCALER(),
                                       forest(50)], holes=True, missing=True)
pipe_case("wrap_pipe_scaler_imputer", [SCALER(), impute.SimpleImputer(
    strategy="constant", fill_value=-1), forest(51)], holes=True, missing=True)
pipe_case("wrap_pipe_scaler_hgb", [SCALER(), hist(HGBC, 52)], "breast_cancer", holes=True,
          missing=True, proba=ABSOLUTE)
pipe_case("wrap_pipe_logistic", [impute.SimpleImputer(), SCALER(), linear_model.LogisticRegression(
    max_iter=300)], holes=True, missing=True, proba=BLAS, margin=BLAS)
pipe_case("wrap_pipe_passthrough", ["passthrough", None, forest(53)])


def empty_columns(X):
    X[:, [2, 5]] = np.nan


pipe_case("wrap_pipe_imputer_drops", [impute.SimpleImputer(strategy="most_frequent"), forest(54)],
          holes=True, missing=True, change=empty_columns,
          source=lambda found: [c for c in range(13) if c not in (2, 5)])
pipe_case("wrap_pipe_variance", [feature_selection.VarianceThreshold(0.5), SCALER(), forest(55)],
          source=lambda found: found[0].get_support(indices=True))
pipe_case("wrap_pipe_best", [SCALER(), feature_selection.SelectKBest(k=6), forest(56)],
          source=lambda found: found[1].get_support(indices=True))
pipe_case("wrap_pipe_rfe", [feature_selection.RFE(tree.DecisionTreeClassifier(random_state=0),
                                                  n_features_to_select=4), forest(57)],
          source=lambda found: found[0].get_support(indices=True))
pipe_case("wrap_pipe_nested", [pipeline.make_pipeline(impute.SimpleImputer(), "passthrough"),
                               pipeline.make_pipeline(SCALER()), forest(58)],
          holes=True, missing=True)
pipe_case("wrap_pipe_columns", [compose.ColumnTransformer(
    [("some", pipeline.make_pipeline(impute.SimpleImputer(), SCALER()), [7, 1, 3]),
     ("other", preprocessing.MinMaxScaler(), [0]), ("off", "drop", [9])],
    remainder="passthrough"), forest(59)], source=lambda found: [
        7, 1, 3, 0, *(c for c in range(13) if c not in (7, 1, 3, 0, 9))])
pipe_case("wrap_search_pipe", [SCALER(), forest(60)], whole=lambda found: search_around(found))


def search_around(found):
    search = model_selection.RandomizedSearchCV(found, {})
    search.best_estimator_, search.refit = found, True
    return search


def search_case():
    X, y = load("iris")
    search = model_selection.GridSearchCV(tree.DecisionTreeClassifier(random_state=61),
                                          {"max_depth": [2, 3]}, cv=3).fit(X, y)
    search.refit_time_ = 0.0
    for key in search.cv_results_:
        if key.endswith("_time"):
            search.cv_results_[key] *= 0
    return search, X[::5], answers_of(search, X[::5])


def named_frame():
    X, y = load("wine")
    frame = pandas.DataFrame(X, columns=[f"column {c}" for c in range(13)])
    found = pipeline.make_pipeline(compose.ColumnTransformer(
        [("all", SCALER(), ["column 4", "column 1"])], remainder="passthrough"), forest(62))
    return found.fit(frame, y), X[::6], answers_of(found, frame.iloc[::6])


def in_container():
    X, y = load("iris")
    found = forest(63).fit(X, y)
    return ({"model": found, "features": ["a", "b"], "score": 0.9, "again": [found]}, X[::5],
            answers_of(found, X[::5]))


case("wrap_search_grid", search_case)
case("wrap_pipe_named", named_frame)
case("wrap_dict", in_container)

# XGBoost's wrappers and Boosters


def xgb(cls, seed, **more):
    return cls(**{"n_estimators": 4, "max_depth": 3, "random_state": seed, "n_jobs": 1, **more})


def xgb_answers(found, rows):
    answers = answers_of(found, rows, proba=ULP32, predict=ULP32)
    answers["margin"] = found.predict(rows, output_margin=True), BITS
    if "index" in answers and not hasattr(found, "_le"):
        answers["index"] = found.predict(rows), BITS
    return answers


def xgb_case(name, found, data, file=protocol(4), holes=True, options=None, change=None, **fit):
    def make():
        rng = np.random.default_rng(len(name))
        X, y = load(data)
        X = with_holes(X, rng) if holes else X
        if "early_stopping_rounds" in found.get_params() and found.early_stopping_rounds:
            found.fit(X[::2], y[::2], eval_set=[(X[1::2], y[1::2])], verbose=False)
        else:
            found.fit(X, y, **fit)
        if change is not None:
            change(found)
        rows = X[::11]
        answers = xgb_answers(found, rows)
        if options:
            every = (0, found.get_booster().num_boosted_rounds())
            answers = {"margin": (found.predict(rows, output_margin=True, iteration_range=every),
                                  BITS)}
        return found, rows, answers, file, options
    case(name, make)


def text_labels(found):
    """As use_label_encoder=True did until 1.5."""
    found._le = preprocessing.LabelEncoder().fit(FRUIT)
    del found.classes_
    found.classes_ = FRUIT


xgb_case("wrap_xgb_binary", xgb(xgboost.XGBClassifier, 70), "breast_cancer", protocol(2))
xgb_case("wrap_xgb_labels", xgb(xgboost.XGBClassifier, 71, n_estimators=3), "wine", JOBLIB,
         change=text_labels)
xgb_case("wrap_xgb_regressor", xgb(xgboost.XGBRegressor, 72), "diabetes", protocol(5))
xgb_case("wrap_xgb_regressor_logistic",
         xgb(xgboost.XGBRegressor, 83, objective="binary:logistic"), "breast_cancer")
xgb_case("wrap_xgb_poisson", xgb(xgboost.XGBRegressor, 73, objective="count:poisson"), "diabetes")
xgb_case("wrap_xgb_forest", xgb(xgboost.XGBRFClassifier, 74), "breast_cancer")
xgb_case("wrap_xgb_stopped", xgb(xgboost.XGBClassifier, 75, n_estimators=40, learning_rate=0.9,
                                 early_stopping_rounds=2), "iris")
xgb_case("wrap_xgb_stopped_all", xgb(xgboost.XGBRegressor, 76, n_estimators=12, learning_rate=1.0,
                                     early_stopping_rounds=3), "diabetes",
         options={"iterations": "all"})
xgb_case("wrap_xgb_ranker", xgb(xgboost.XGBRanker, 77, n_estimators=4), "iris",
         group=[50, 50, 50])


def xgb_booster():
    X, y = load("iris")
    found = xgboost.train({"max_depth": 2, "objective": "reg:squarederror"},
                          xgboost.DMatrix(X, y, feature_names=["a", "b", "c d", "e"]), 4)
    rows = X[::6]
    matrix = xgboost.DMatrix(rows, feature_names=["a", "b", "c d", "e"])
    return found, rows, {"predict": (found.predict(matrix), BITS)}


def xgb_pipe(name, steps, data, holes):
    def make():
        rng = np.random.default_rng(len(name))
        X, y = load(data)
        X = with_holes(X, rng) if holes else X
        found = pipeline.make_pipeline(*steps).fit(X, y)
        rows = pipe_rows(found, X, rng, None, holes)
        answers = answers_of(found, rows, proba=ULP32, predict=ULP32)
        answers["margin"] = found[-1].predict(found[:-1].transform(rows), output_margin=True), BITS
        return found, rows, answers
    case(name, make)


class _JsonBoosters(pickle.Pickler):
    """Pickles boosters as XGBoost 1.0 to 1.6 did: JSON, the configuration behind the model."""

    def reducer_override(self, item):
        if type(item) is not xgboost.Booster:
            return NotImplemented
        model = item.save_raw("json").decode()
        config = item.save_config()
        text = f'{{"Model":{model},"Config":{config}}}'
        return object.__reduce_ex__(item, 2)[0], (type(item),), {
            "handle": bytearray(text.encode()), "best_ntree_limit": 3}


def dump_json(found):
    stream = io.BytesIO()
    _JsonBoosters(stream, 3).dump(found)
    return stream.getvalue()


case("wrap_xgb_booster", xgb_booster)
xgb_case("wrap_xgb_json", xgb(xgboost.XGBClassifier, 80, n_estimators=3, max_depth=2), "wine",
         ("model.pkl", dump_json))
xgb_pipe("wrap_xgb_pipe", [SCALER(), xgb(xgboost.XGBClassifier, 78)], "breast_cancer", True)
xgb_pipe("wrap_xgb_pipe_filled", [impute.SimpleImputer(), SCALER(), xgb(xgboost.XGBRegressor, 79)],
         "diabetes", True)

# LightGBM's wrappers: hand-made stumps

STUMPS = [(0, 0.5, -0.25, 0.75), (1, -1.0, 0.1, -0.3), (0, 2.0, -0.05, 0.4), (2, 0.0, 1.5, -1.5)]


def lightgbm_text(objective, n_classes, stumps):
    blocks = []
    for i, (feature, threshold, left, right) in enumerate(stumps):
        blocks.append(
            f"Tree={i}\nnum_leaves=2\nnum_cat=0\nsplit_feature={feature}\nsplit_gain=1\n"
            f"threshold={threshold!r}\ndecision_type=8\nleft_child=-1\nright_child=-2\n"
            f"leaf_value={left!r} {right!r}\nleaf_weight=3 4\nleaf_count=3 4\ninternal_value=0\n"
            "internal_weight=7\ninternal_count=7\nis_linear=0\nshrinkage=1\n\n\n")
    sizes = " ".join(str(len(block)) for block in blocks)
    return (f"tree\nversion=v4\nnum_class={n_classes}\nnum_tree_per_iteration={n_classes}\n"
            f"label_index=0\nmax_feature_idx=2\nobjective={objective}\nfeature_names=a b c\n"
            f"feature_infos=[0:1] [-2:2] none\ntree_sizes={sizes}\n\n" + "".join(blocks) +
            "end of trees\n\nfeature_importances:\na=2\n\nparameters:\n[boosting: gbdt]\n\n"
            "end of parameters\n\npandas_categorical:null\n")


def lightgbm_margins(rows, stumps, n_classes):
    margins = np.zeros((len(rows), n_classes))
    for i, (feature, threshold, left, right) in enumerate(stumps):
        x = rows[:, feature]
        margins[:, i % n_classes] += np.where(x <= threshold, left, right)
    return margins


def lightgbm_objects():
    """The classes by name, as pickle writes them."""
    made = {}
    for module, names in (("lightgbm.basic", ["Booster"]),
                          ("lightgbm.sklearn", ["LGBMClassifier", "LGBMRegressor"])):
        sys.modules.setdefault("lightgbm", types.ModuleType("lightgbm"))
        sys.modules[module] = types.ModuleType(module)
        for name in names:
            made[name] = type(name, (), {"__module__": module})
            setattr(sys.modules[module], name, made[name])
    return made


def lightgbm_rows():
    values = [0.5, np.nextafter(0.5, 1), 2.0, 3.0, -1.0, np.nextafter(-1.0, 0), 0.0, np.nan]
    return np.array([[a, b, c] for a in values for b in values[::3] for c in (-1.0, 1.0)])


def lightgbm_case(name, cls, objective, n_classes, stumps, best, classes=None, handle="_handle",
                  encode=False, options=None, number=4):
    def make():
        made = lightgbm_objects()
        text = lightgbm_text(objective, n_classes, stumps)
        booster = made["Booster"]()
        booster.__dict__.update({handle: text.encode() if encode else text,
                                 "best_iteration": best, "params": {}})
        found = booster
        if cls != "Booster":
            found = made[cls]()
            found.__dict__.update(_Booster=booster, _best_iteration=best, objective=None,
                                  _n_features=3, n_estimators=100)
            if classes is not None:
                found._classes = classes
                found._le = preprocessing.LabelEncoder().fit(classes)
        n_used = best * n_classes if best > 0 and not options else len(stumps)
        rows = lightgbm_rows()
        margins = lightgbm_margins(rows, stumps[:n_used], n_classes)
        answers = {"margin": (margins, BITS)}
        if objective.startswith("binary"):
            p = np.array([1 / (1 + math.exp(-m)) for m in margins[:, 0]])
            answers["proba"] = np.stack([1 - p, p], axis=1), ABSOLUTE
            answers["index"] = (p > 0.5).astype(int), BITS
        elif objective.startswith("regression"):
            answers["predict"] = margins, BITS
        return found, rows, answers, protocol(number), options
    case(name, make)


lightgbm_case("wrap_lgb_classifier", "LGBMClassifier", "binary sigmoid:1", 1, STUMPS, 3,
              np.array(["no", "yes"]))
lightgbm_case("wrap_lgb_classifier_all", "LGBMClassifier", "binary sigmoid:1", 1, STUMPS, 3,
              np.array([4, 7]), "handle", options={"iterations": "all"}, number=2)
lightgbm_case("wrap_lgb_multiclass", "LGBMClassifier", "multiclass num_class:2", 2, STUMPS, 1,
              np.array([10, 20]))
lightgbm_case("wrap_lgb_regressor", "LGBMRegressor", "regression", 1, STUMPS, 0, encode=True)
lightgbm_case("wrap_lgb_booster", "Booster", "regression", 1, STUMPS, 2, handle="handle",
              number=5)
