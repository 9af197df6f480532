"""XGBoost models as JSON and UBJSON, with what XGBoost 1.7.4 answers to their rows.

Layouts that 1.7.4 does not write (dart's weights in other places, a list of base scores, vectors in
leaves, older and newer keys, other forms of UBJSON) are its own files rewritten, or trees written
here. Where the engine cannot read such a file, a plain walk in float32 answers: `walk` below, which
follows src/predictor/cpu_predictor.cc and src/common/categorical.h.
"""
import copy
import json
import pathlib
import struct

import numpy as np
import xgboost
from sklearn import datasets

BITS = {"kind": "bits"}
ULP32 = {"kind": "ulp32", "value": 2}
F32 = np.float32
CASES = {}
CODES = (0, 1, 3, 20, 31, 32, 39, 40, 100, 16777215, 16777216, -1, -0.5, -0.0, 2.7, 19.999)


def case(name):
    """Registers what follows: () -> (model, rows, answers[, XGBoost's version[, options]])."""
    def register(make):
        assert name not in CASES
        CASES[name] = make
        return make
    return register


def write_cases(folder):
    for name, make in CASES.items():
        _write(pathlib.Path(folder) / name, *make())


def _write(path, model, rows, answers, version="1.7.4", options=None):
    path.mkdir(parents=True, exist_ok=True)
    file = "model.json" if model[:1] + model[1:2].strip(b' \n"') == b"{" else "model.ubj"
    (path / file).write_bytes(model)
    entry = {"name": path.name, "producer": {"library": "XGBoost", "version": version,
                                             "estimator": "Booster"},
             "model": file, "rows": "rows.npy", "answers": {}}
    if options:
        entry["options"] = options
    for kind, (numbers, tolerance) in answers.items():
        whole = kind in ("index", "leaf")
        array = np.ascontiguousarray(np.asarray(numbers).reshape(len(rows), -1),
                                     "<i8" if whole else "<f4")
        np.save(path / f"{kind}.npy", array)
        entry["answers"][kind] = {"file": f"{kind}.npy", "tolerance": tolerance}
    np.save(path / "rows.npy", np.ascontiguousarray(rows, "<f4" if rows.dtype == F32 else "<f8"))
    (path / "case.json").write_text(json.dumps(entry, indent=1) + "\n")


# Rows


def load(name, seed):
    X, y = getattr(datasets, "load_" + name)(return_X_y=True)
    rng = np.random.default_rng(seed)
    X = X.astype(F32)
    X[rng.random(X.shape) < 0.12] = np.nan
    return X, y, rng


def coded(X, rng):
    """Columns 1 and 3 as codes below 40 and 4, some of them missing."""
    X = X[:, :6].copy()
    for column, n in ((1, 40), (3, 4)):
        ranks = np.argsort(np.argsort(X[:, column], kind="stable"), kind="stable")
        X[:, column] = (ranks * n // len(X) * 7) % n
    X[rng.random(len(X)) < 0.1, 3] = np.nan
    return X


def trees_of(document):
    booster = document["learner"]["gradient_booster"]
    return booster.get("gbtree", booster)["model"]["trees"]


def edge_rows(document, X, rng, categorical=(), n_data=16, n_nodes=8, dtype=F32):
    """Data, values on thresholds and one float beside, zeros, huge and missing values, codes."""
    rows = list(X[rng.choice(len(X), n_data)].astype(np.float64))
    numeric = [f for f in range(X.shape[1]) if f not in categorical]
    for _ in range(n_nodes):
        tree = trees_of(document)[rng.integers(len(trees_of(document)))]
        inner = [i for i, child in enumerate(tree["left_children"])
                 if child >= 0 and tree["split_indices"][i] in numeric]
        if not inner:
            continue
        node = inner[rng.integers(len(inner))]
        condition = F32(tree["split_conditions"][node])
        for value in (condition, np.nextafter(condition, F32(np.inf)),
                      np.nextafter(condition, F32(-np.inf))):
            row = X[rng.integers(len(X))].astype(np.float64)
            row[tree["split_indices"][node]] = value
            rows.append(row)
    for value in (0.0, -0.0, 1e-45, -1e-40, 3.4e38, -3.4e38, np.nan):
        row = X[rng.integers(len(X))].astype(np.float64)
        row[rng.choice(numeric, max(1, len(numeric) // 2), replace=False)] = value
        rows.append(row)
    for code in CODES:
        for column in categorical:
            row = X[rng.integers(len(X))].astype(np.float64)
            row[column] = code
            rows.append(row)
    rows.append(np.full(X.shape[1], np.nan))
    return np.array(rows).astype(dtype)


# The engine's answers


def matrix(X, y=None, types=None, names=None):
    return xgboost.DMatrix(X, y, feature_types=types, feature_names=names,
                           enable_categorical=types is not None)


def train(params, X, y, rounds=4, types=None, names=None):
    return xgboost.train({"max_depth": 3, "eta": 0.3, "nthread": 1, "seed": 7,
                          "tree_method": "exact", **params}, matrix(X, y, types, names), rounds)


def document_of(booster):
    return json.loads(bytes(booster.save_raw("json")))


def compact(document):
    return json.dumps(document, separators=(",", ":")).encode()


def answers_of(booster, rows, kind, types=None, names=None, leaf=True, **options):
    given = matrix(rows, None, types, names)
    margin = booster.predict(given, output_margin=True, **options)
    answers = {"margin": (margin, BITS)}
    if leaf:
        answers["leaf"] = booster.predict(given, pred_leaf=True, **options), BITS
    answers.update(finish(kind, booster.predict(given, **options)))
    return answers


def finish(kind, predicted):
    if kind == "binary":
        return {"proba": (np.stack([1 - predicted, predicted], axis=-1), ULP32),
                "index": (predicted > 0.5, BITS)}
    if kind == "hinge":
        return {"index": (predicted, BITS)}
    if kind == "softprob":
        return {"proba": (predicted, ULP32), "index": (predicted.argmax(axis=1), BITS)}
    if kind == "softmax":
        return {"index": (predicted, BITS)}
    return {"predict": (predicted, BITS if kind == "value" else ULP32)}


def plain_case(name, kind, params, data, seed, target=None, rounds=4, ubjson=False,
               change=lambda X, rng: X, types=None, names=None, dtype=F32):
    @case(name)
    def make():
        X, y, rng = load(data, seed)
        X = change(X, rng)
        booster = train(params, X, y if target is None else target(y), rounds, types, names)
        categorical = [f for f, t in enumerate(types or []) if t == "c"]
        linear = params.get("booster") == "gblinear"
        if linear or not rounds:
            rows = X[rng.choice(len(X), 40)]
            rows[0] = np.nan
        else:
            rows = edge_rows(document_of(booster), X, rng, categorical, dtype=dtype)
        answers = answers_of(booster, rows, kind, types, names, leaf=not linear and rounds > 0)
        return bytes(booster.save_raw("ubj" if ubjson else "json")), rows, answers


def unit(y):
    return (y - y.min()) / (y.max() - y.min())


VALUES = {"squarederror": {"base_score": 152.25}, "squaredlogerror": {}, "pseudohubererror": {},
          "absoluteerror": {}}
for number, (objective, more) in enumerate(VALUES.items()):
    plain_case(f"xgb_{objective}", "value", {"objective": f"reg:{objective}", **more}, "diabetes",
               100 + number, ubjson=number % 2 == 1)
for number, (objective, score) in enumerate((("count:poisson", 30.0), ("reg:gamma", 99.5),
                                             ("reg:tweedie", 0.3), ("survival:cox", 0.7),
                                             ("survival:aft", 12.0))):
    if objective != "survival:aft":
        plain_case(f"xgb_{objective.split(':')[1]}", "exp",
                   {"objective": objective, "base_score": score}, "diabetes", 110 + number,
                   ubjson=number % 2 == 0)
plain_case("xgb_reg_logistic", "logistic", {"objective": "reg:logistic", "base_score": 0.35},
           "diabetes", 120, target=unit)
plain_case("xgb_binary", "binary", {"objective": "binary:logistic", "base_score": 0.2},
           "breast_cancer", 121)
plain_case("xgb_binary_ubj_f64_rows", "binary", {"objective": "binary:logistic", "gamma": 1.5},
           "breast_cancer", 122, ubjson=True, dtype=np.float64)
plain_case("xgb_logitraw", "value", {"objective": "binary:logitraw", "base_score": 0.3},
           "breast_cancer", 123)
plain_case("xgb_hinge", "hinge", {"objective": "binary:hinge"}, "breast_cancer", 124, ubjson=True)
plain_case("xgb_softprob", "softprob", {"objective": "multi:softprob", "num_class": 3,
                                        "base_score": 0.1}, "iris", 125)
plain_case("xgb_softmax_ubj", "softmax", {"objective": "multi:softmax", "num_class": 3}, "wine",
           126, ubjson=True)
plain_case("xgb_dart", "value", {"objective": "reg:squarederror", "booster": "dart",
                                 "rate_drop": 0.4, "base_score": 100.5}, "diabetes", 127, rounds=6)
plain_case("xgb_dart_multi_ubj", "softprob", {"objective": "multi:softprob", "num_class": 3,
                                              "booster": "dart", "rate_drop": 0.5}, "wine", 128,
           ubjson=True)
plain_case("xgb_forest_boosted", "softprob",
           {"objective": "multi:softprob", "num_class": 3, "num_parallel_tree": 3,
            "subsample": 0.7}, "wine", 129, rounds=2)
plain_case("xgb_multi_output", "value", {"objective": "reg:squarederror", "tree_method": "hist"},
           "linnerud", 130)
plain_case("xgb_multi_label", "binary", {"objective": "binary:logistic", "tree_method": "hist"},
           "iris", 131, target=lambda y: np.eye(3)[y], ubjson=True)
plain_case("xgb_no_trees", "binary", {"objective": "binary:logistic", "base_score": 0.7},
           "breast_cancer", 132, rounds=0)
plain_case("xgb_names", "value", {"objective": "reg:squarederror"}, "iris", 133,
           names=["größe \"a\"", "b\\c", "\u4e2d", "x y"])
plain_case("xgb_linear", "value", {"objective": "reg:squarederror", "booster": "gblinear",
                                   "updater": "coord_descent"}, "diabetes", 134)
plain_case("xgb_linear_multi_ubj", "softprob",
           {"objective": "multi:softprob", "num_class": 3, "booster": "gblinear",
            "updater": "coord_descent"}, "iris", 135, ubjson=True)
KINDS = ["q", "c", "q", "c", "q", "q"]
plain_case("xgb_onehot", "binary", {"objective": "binary:logistic", "tree_method": "hist",
                                    "max_cat_to_onehot": 100}, "breast_cancer", 136, change=coded,
           types=KINDS)
plain_case("xgb_partition_ubj", "value", {"objective": "reg:squarederror", "tree_method": "approx",
                                          "max_cat_to_onehot": 1}, "diabetes", 137, change=coded,
           types=KINDS, ubjson=True)


@case("xgb_aft")
def aft():
    X, y, rng = load("diabetes", 138)
    data = matrix(X)
    data.set_float_info("label_lower_bound", y)
    data.set_float_info("label_upper_bound", np.where(y > 200, np.inf, y))
    booster = xgboost.train({"objective": "survival:aft", "max_depth": 3, "tree_method": "hist",
                             "nthread": 1, "base_score": 90.0}, data, 4)
    rows = edge_rows(document_of(booster), X, rng)
    return bytes(booster.save_raw("json")), rows, answers_of(booster, rows, "exp")


def ranked(name, objective, seed):
    @case(name)
    def make():
        X, y, rng = load("wine", seed)
        data = matrix(X, y)
        data.set_group([60, 60, len(X) - 120])
        booster = xgboost.train({"objective": objective, "max_depth": 3, "nthread": 1,
                                 "tree_method": "exact"}, data, 3)
        rows = edge_rows(document_of(booster), X, rng)
        return bytes(booster.save_raw("json")), rows, answers_of(booster, rows, "value")


ranked("xgb_rank_pairwise", "rank:pairwise", 139)
ranked("xgb_rank_map", "rank:map", 140)


def stopped(name, iterations, parallel=1, change=lambda document: None):
    """Early stopping: the file holds all rounds and names the best."""
    @case(name)
    def make():
        X, y, rng = load("breast_cancer", 141)
        booster = xgboost.train(
            {"objective": "binary:logistic", "max_depth": 3, "eta": 0.9, "nthread": 1,
             "tree_method": "exact", "num_parallel_tree": parallel, "subsample": 0.8},
            matrix(X[::2], y[::2]), 40, evals=[(matrix(X[1::2], y[1::2]), "d")],
            early_stopping_rounds=2, verbose_eval=False)
        rows = edge_rows(document_of(booster), X, rng)
        n_rounds = booster.num_boosted_rounds()
        assert booster.best_iteration + 1 < n_rounds
        n_used = booster.best_iteration + 1 if iterations == "best" else n_rounds
        answers = answers_of(booster, rows, "binary", iteration_range=(0, n_used))
        document = document_of(booster)
        change(document)
        return compact(document), rows, answers, "1.7.4", {"iterations": iterations}


def without_parallel(document):
    """As before 1.4: only best_ntree_limit tells how many trees a round has."""
    del document["learner"]["gradient_booster"]["model"]["gbtree_model_param"]["num_parallel_tree"]
    document["version"] = [1, 3, 3]


def with_bounds(document):
    """As since 2.1: the rounds' bounds are named, and best_ntree_limit is gone."""
    model = document["learner"]["gradient_booster"]["model"]
    model["iteration_indptr"] = list(range(0, len(model["trees"]) + 1, 3))
    del document["learner"]["attributes"]["best_ntree_limit"]
    document["version"] = [2, 1, 0]


stopped("xgb_stopped_best", "best")
stopped("xgb_stopped_all", "all")
stopped("xgb_stopped_forest_best", "best", 3)
stopped("xgb_stopped_forest_1_3", "best", 3, without_parallel)
stopped("xgb_stopped_forest_2_1", "best", 3, with_bounds)


# The same model in the layouts of other versions


def rewritten(name, kind, params, data, seed, version, change, dump=compact, **more):
    """A file of 1.7.4, changed so that it means the same: its own answers hold."""
    @case(name)
    def make():
        X, y, rng = load(data, seed)
        booster = train(params, X, y, **more)
        document = document_of(booster)
        rows = edge_rows(document, X, rng)
        document["version"] = version
        change(document)
        return dump(document), rows, answers_of(booster, rows, kind), ".".join(map(str, version))


DART = {"objective": "binary:logistic", "booster": "dart", "rate_drop": 0.5, "base_score": 0.4}


def dart_beside_model(document):
    booster = document["learner"]["gradient_booster"]
    booster["model"] = booster.pop("gbtree")["model"]
    booster["name"] = "gbtree"


def dart_in_model(document):
    dart_beside_model(document)
    booster = document["learner"]["gradient_booster"]
    booster["model"]["weight_drop"] = booster.pop("weight_drop")


rewritten("xgb_dart_beside_model", "binary", DART, "breast_cancer", 150, [3, 3, 0],
          dart_beside_model, rounds=6)
rewritten("xgb_dart_in_model", "binary", DART, "breast_cancer", 151, [3, 4, 0], dart_in_model,
          rounds=6)


def as_1_0(document):
    """Flags as true and false, no split_type and categories, fewer and longer parameters."""
    learner = document["learner"]
    param = learner["learner_model_param"]
    param.pop("num_target")
    param.pop("boost_from_average")
    param["base_score"] = "0.500000"
    learner.pop("feature_names")
    learner.pop("feature_types")
    for tree in trees_of(document):
        tree["default_left"] = [bool(flag) for flag in tree["default_left"]]
        for key in list(tree):
            if key.startswith("categor") or key == "split_type":
                del tree[key]


rewritten("xgb_layout_1_0", "binary", {"objective": "binary:logistic"}, "breast_cancer", 152,
          [1, 0, 0], as_1_0)


def as_linear(document):
    document["learner"]["objective"]["name"] = "reg:linear"


rewritten("xgb_reg_linear", "value", {"objective": "reg:squarederror"}, "diabetes", 153,
          [1, 1, 1], as_linear, lambda d: json.dumps(d, indent=2).encode())


def pickled(document):
    """Booster.__getstate__: the configuration comes first and repeats names of the model."""
    config = {"learner": {"gradient_booster": {"name": "gbtree", "updater": {}},
                          "objective": {"name": "reg:squarederror"}}, "version": [1, 7, 4]}
    model = dict(document)
    document.clear()
    document.update({"Config": config, "Model": model})


rewritten("xgb_pickled_handle", "binary", {"objective": "binary:logistic"}, "breast_cancer", 154,
          [1, 7, 4], pickled)


def one_list(document):
    document["learner"]["learner_model_param"]["base_score"] = "[2.5E-1]"


rewritten("xgb_base_in_list", "binary", {"objective": "binary:logistic", "base_score": 0.25},
          "breast_cancer", 155, [3, 1, 0], one_list)


def ubjson(value, plain):
    """UBJSON in other forms than XGBoost's: small lengths, open or counted containers, no-ops."""
    if isinstance(value, dict):
        items = b"".join(length(len(k.encode())) + k.encode() + ubjson(v, plain)
                         for k, v in value.items())
        return b"{" + items + b"}" if plain else b"{#" + length(len(value)) + items
    if isinstance(value, list):
        if not plain and value and all(isinstance(v, float) for v in value):
            return b"[$d#" + length(len(value)) + struct.pack(f">{len(value)}f", *value)
        if not plain and value and all(isinstance(v, int) and -129 < v < 128 for v in value):
            return b"[$i#" + length(len(value)) + struct.pack(f">{len(value)}b", *value)
        items = [ubjson(v, plain) for v in value]
        return b"[N" + b"N".join(items) + b"]" if plain else b"[#" + length(len(items)) + b"".join(
            items)
    if isinstance(value, str):
        return b"S" + length(len(value.encode())) + value.encode()
    if isinstance(value, bool):
        return b"T" if value else b"F"
    if isinstance(value, float):
        return b"D" + struct.pack(">d", value)
    return length(value)


def length(n):
    for marker, form in ((b"i", "b"), (b"U", "B"), (b"I", "h"), (b"l", "i"), (b"L", "q")):
        try:
            return marker + struct.pack(">" + form, n)
        except struct.error:
            continue
    raise ValueError(n)


for form in (True, False):
    rewritten("xgb_ubjson_" + ("open" if form else "counted"), "softprob",
              {"objective": "multi:softprob", "num_class": 3}, "iris", 156, [1, 7, 4],
              lambda document: None, lambda d, form=form: ubjson(d, form))


# Trees that 1.7.4 cannot hold, and a walk that answers


def walk(tree, row):
    node = 0
    while tree["left_children"][node] != -1:
        x = F32(row[tree["split_indices"][node]])
        left = bool(tree["default_left"][node])
        if not np.isnan(x):
            left = x < F32(tree["split_conditions"][node])
            if tree["split_type"][node] == 1:
                at = tree["categories_nodes"].index(node)
                begin = tree["categories_segments"][at]
                listed = tree["categories"][begin:begin + tree["categories_sizes"][at]]
                left = x < 0 or x >= 2**24 or int(x) not in listed
        node = tree["left_children" if left else "right_children"][node]
    return node


def value_of(tree, leaf, n_outputs):
    """What a leaf adds to all outputs."""
    size = int(tree["tree_param"]["size_leaf_vector"])
    if "leaf_weights" in tree:
        row = tree["right_children"][leaf]
        return [F32(v) for v in tree["leaf_weights"][row * size:(row + 1) * size]]
    if size > 1:
        return [F32(v) for v in tree["base_weights"][leaf * size:(leaf + 1) * size]]
    return F32(tree["split_conditions"][leaf])


def walk_all(document, rows, base):
    trees = trees_of(document)
    info = document["learner"]["gradient_booster"]["model"]["tree_info"]
    margins, leaves = [], []
    for row in rows:
        sums = [F32(b) for b in base]
        leaves.append([walk(tree, row) for tree in trees])
        for tree, output, leaf in zip(trees, info, leaves[-1]):
            value = value_of(tree, leaf, len(base))
            for k in range(len(base)):
                if isinstance(value, list):
                    sums[k] = F32(sums[k] + value[k])
                elif k == output:
                    sums[k] = F32(sums[k] + value)
        margins.append(sums)
    return {"margin": (np.array(margins, F32), BITS), "leaf": (np.array(leaves), BITS)}


def grow(rng, depth, n_features, n_outputs, by_leaf=False, categorical=()):
    """A random tree in XGBoost's arrays; vectors in its leaves where n_outputs > 1."""
    tree = {key: [] for key in ("left_children", "right_children", "split_indices",
                                "split_conditions", "default_left", "split_type", "base_weights",
                                "categories", "categories_nodes", "categories_segments",
                                "categories_sizes")}
    rows = []
    level, pending = [0], 1
    for d in range(depth + 1):
        following = []
        for node in level:
            is_leaf = d == depth or (d > 0 and rng.random() < 0.25)
            feature = int(rng.integers(n_features))
            tree["split_type"].append(int(not is_leaf and feature in categorical))
            tree["split_indices"].append(0 if is_leaf else feature)
            tree["default_left"].append(int(not is_leaf and rng.random() < 0.5))
            tree["base_weights"] += [float(F32(v)) for v in rng.normal(size=n_outputs)]
            if is_leaf:
                tree["left_children"].append(-1)
                tree["right_children"].append(len(rows) if by_leaf else -1)
                leaf = float(F32(rng.normal()))
                tree["split_conditions"].append(float("nan") if n_outputs > 1 else leaf)
                rows.append([float(F32(v)) for v in rng.normal(size=n_outputs)])
                continue
            tree["left_children"].append(pending)
            tree["right_children"].append(pending + 1)
            tree["split_conditions"].append(float(F32(rng.normal())))
            if feature in categorical:
                listed = sorted(rng.choice(40, int(rng.integers(1, 6)), replace=False).tolist())
                tree["categories_nodes"].append(node)
                tree["categories_segments"].append(len(tree["categories"]))
                tree["categories_sizes"].append(len(listed))
                tree["categories"] += listed
            following += [pending, pending + 1]
            pending += 2
        level = following
    if by_leaf:
        tree["leaf_weights"] = [v for row in rows for v in row]
    tree["tree_param"] = {"num_deleted": "0", "num_feature": str(n_features),
                          "num_nodes": str(len(tree["left_children"])),
                          "size_leaf_vector": str(n_outputs)}
    return tree


def booster_of(trees, tree_info, n_features, version, objective, param, **learner):
    for number, tree in enumerate(trees):
        tree["id"] = number
    model = {"gbtree_model_param": {"num_parallel_tree": "1", "num_trees": str(len(trees))},
             "tree_info": tree_info, "trees": trees,
             "iteration_indptr": list(range(len(trees) + 1)), **learner.pop("model", {})}
    return {"learner": {"attributes": {}, "feature_names": [], "feature_types": [],
                        "gradient_booster": {"model": model, "name": "gbtree"},
                        "learner_model_param": {"boost_from_average": "1", "num_class": "0",
                                                "num_feature": str(n_features), "num_target": "1",
                                                **param},
                        "objective": {"name": objective}, **learner}, "version": version}


def vectors(name, seed, version, by_leaf, base, mixed=False, dump=compact):
    """Vectors in leaves; with `mixed` every other tree has numbers."""
    @case(name)
    def make():
        rng = np.random.default_rng(seed)
        trees = [grow(rng, 3, 4, 1 if mixed and t % 2 else 3, by_leaf and not (mixed and t % 2))
                 for t in range(6)]
        score = "[" + ",".join(map(repr, base)) + "]" if len(base) > 1 else repr(base[0])
        document = booster_of(trees, [t % 3 if mixed and t % 2 else 0 for t in range(6)], 4,
                              version, "reg:squarederror",
                              {"num_target": "3", "base_score": score})
        rows = edge_rows(document, rng.normal(size=(60, 4)).astype(F32), rng)
        answers = walk_all(document, rows, base if len(base) > 1 else base * 3)
        answers["predict"] = answers["margin"]
        return dump(document), rows, answers, ".".join(map(str, version))


vectors("xgb_vectors_3_0", 160, [3, 0, 0], False, [91.75])
vectors("xgb_vectors_3_3", 161, [3, 3, 0], True, [180.5, 37.1875, -57.580357])
vectors("xgb_vectors_mixed", 162, [3, 4, 0], True, [0.1, 0.2, 0.3], mixed=True)
vectors("xgb_vectors_ubjson", 163, [3, 3, 0], True, [0.1, 0.2, 0.3],
        dump=lambda document: ubjson(document, False))


@case("xgb_base_of_classes")
def base_of_classes():
    """Since 3.1: a base score for each class."""
    X, y, rng = load("iris", 164)
    booster = train({"objective": "multi:softprob", "num_class": 3, "base_score": 0.0}, X, y)
    document = document_of(booster)
    rows = edge_rows(document, X, rng)
    base = [0.25, -1.5, 0.1]
    param = document["learner"]["learner_model_param"]
    param["base_score"] = "[2.5E-1,-1.5E0,1E-1]"
    document["version"] = [3, 1, 1]
    given = matrix(rows)
    given.set_base_margin(np.tile(np.array(base, F32), (len(rows), 1)))
    answers = {"margin": (booster.predict(given, output_margin=True), BITS),
               **finish("softprob", booster.predict(given))}
    assert (walk_all(document, rows, base)["margin"][0] == answers["margin"][0]).all()
    return compact(document), rows, answers, "3.1.1"


def quantiles(name, n_levels, seed):
    @case(name)
    def make():
        rng = np.random.default_rng(seed)
        trees = [grow(rng, 3, 3, 1) for _ in range(2 * n_levels)]
        base = [0.5 + k for k in range(n_levels)]
        document = booster_of(trees, [t % n_levels for t in range(len(trees))], 3, [3, 0, 2],
                              "reg:quantileerror",
                              {"num_target": str(n_levels), "base_score": "0.5"})
        base = [0.5] * n_levels
        rows = edge_rows(document, rng.normal(size=(60, 3)).astype(F32), rng)
        answers = walk_all(document, rows, base)
        answers["predict"] = answers["margin"]
        return compact(document), rows, answers, "3.0.2"


quantiles("xgb_quantile", 1, 165)
quantiles("xgb_quantiles", 3, 166)


@case("xgb_category_names")
def category_names():
    """Since 3.1 the file has the texts of categories; codes are their places."""
    rng = np.random.default_rng(167)
    texts = ["ä", "b", "c c", ""] + [f"t{i}" for i in range(36)]
    encoded = [text.encode() for text in texts]
    signed = [byte - 256 if byte > 127 else byte for text in encoded for byte in text]
    offsets = np.cumsum([0] + [len(text) for text in encoded]).tolist()
    none = {"offsets": [], "values": []}
    cats = {"enc": [none, {"offsets": offsets, "values": signed},
                    {"type": 9, "values": list(range(100, 140))}],
            "feature_segments": [0, 0, 40, 80], "sorted_idx": []}
    document = booster_of([grow(rng, 3, 3, 1, categorical=(1, 2)) for _ in range(5)], [0] * 5, 3,
                          [3, 2, 0], "binary:hinge", {"base_score": "[1E-1]"},
                          feature_types=["float", "c", "c"], model={"cats": cats})
    X = np.stack([rng.normal(size=60), rng.integers(0, 40, 60), rng.integers(0, 40, 60)], axis=1)
    rows = edge_rows(document, X.astype(F32), rng, categorical=(1, 2))
    answers = walk_all(document, rows, [F32("0.1")])
    answers["index"] = answers["margin"][0] > 0, BITS
    return compact(document), rows, answers, "3.2.0"


@case("xgb_never_seen_class")
def never_seen_class():
    """Since 3.1 a base score of 0 is held to 1e-6; before, the engine refused it."""
    rng = np.random.default_rng(168)
    document = booster_of([grow(rng, 2, 3, 1) for _ in range(3)], [0] * 3, 3, [3, 1, 0],
                          "binary:logistic", {"base_score": "[0E0]"})
    rows = edge_rows(document, rng.normal(size=(40, 3)).astype(F32), rng)
    probability = F32(1e-6)
    base = -np.log(F32(1) / probability - F32(1))
    answers = walk_all(document, rows, [base])
    return compact(copy.deepcopy(document)), rows, answers, "3.1.0"
