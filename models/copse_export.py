"""Writes a fitted scikit-learn tree, forest or gradient boosting as a Copse model file.

    import copse_export
    copse_export.save(forest, "model.safetensors", X=X_train)

The file is a valid safetensors file of format version 1 (docs/FORMAT.md): plain arrays and a JSON
header, nothing that can run. The same estimator and arguments give the same bytes on every machine.

Needs the standard library and NumPy. scikit-learn is never imported: estimators are known by the
name of their class and read through their attributes, so one copy of this file serves scikit-learn
0.20 to 1.9. This module never unpickles anything; it takes an estimator that is already in memory.
"""
import hashlib
import inspect
import json
import re
import struct
import sys

import numpy as np

__all__ = ["ExportError", "canonical_bytes", "dumps", "round_down_to_float32", "save"]

FORMAT, FORMAT_VERSION = "copse.forest", "1"
CLASSIFIERS = {"DecisionTreeClassifier", "ExtraTreeClassifier", "RandomForestClassifier",
               "ExtraTreesClassifier"}
REGRESSORS = {"DecisionTreeRegressor", "ExtraTreeRegressor", "RandomForestRegressor",
              "ExtraTreesRegressor"}
BOOSTERS = {"GradientBoostingClassifier", "GradientBoostingRegressor"}
NODE_FIELDS = {"left_child", "right_child", "feature", "threshold", "impurity", "n_node_samples",
               "weighted_n_node_samples", "missing_go_to_left"}
DTYPES = {"float64": "F64", "float32": "F32", "int32": "I32", "uint32": "U32", "uint16": "U16",
          "uint8": "U8"}


class ExportError(ValueError):
    """The estimator or an argument cannot be written; the message says which and why."""


def save(estimator, path, **arguments):
    """Writes `dumps(estimator, **arguments)` to `path`. Raises ExportError before it opens it."""
    data = dumps(estimator, **arguments)
    with open(path, "wb") as file:
        file.write(data)


def dumps(estimator, *, feature_names=None, feature_descriptions=None, feature_units=None,
          labels=None, output_names=None, X=None, histograms=False, provenance=None, leaf_ids=False):
    """The bytes of the model file.

    estimator             fitted DecisionTree*, ExtraTree*, RandomForest*, ExtraTrees* or
                          GradientBoosting*, classifier or regressor, one or several outputs
    feature_names         [F] texts; default: what the estimator was fitted with, else x0, x1, ...
    feature_descriptions  [F] long names, such as "sepal length"
    feature_units         [F] units, such as "cm"; None or "" for none
    labels                [n_classes] shown instead of `classes_`, all of one type (str, int, float
                          or bool), in that order; a list of such lists for several outputs
    output_names          one text for each output; default: class / value (with a number if many)
    X                     [n, F] training rows, for the ranges feature.min and feature.max
    histograms            True: also keep how the values of X are spread, so that a service can see
                          when live rows are unlike them
    provenance            dict of JSON values such as {"notes": ..., "licence": ...}; no time is
                          added, so that the bytes can be made again
    leaf_ids              True: keep scikit-learn's node number of every leaf (`apply`)

    Raises ExportError, one sentence, for anything that is not in this list.
    """
    name, version = _identify(estimator)
    trees = [_Tree(tree, name, version) for tree in _trees_of(estimator, name)]
    make = _boosting if name in BOOSTERS else _forest
    leaf_rows, tensors, metadata = make(estimator, name, version, trees, labels, output_names)
    tensors.update(_tree_tensors(trees, leaf_rows, leaf_ids))

    n_features = trees[0].n_features
    metadata["features"] = _features(estimator, n_features, feature_names, feature_descriptions,
                                     feature_units)
    tensors.update(_training_ranges(X, n_features))
    metadata.update(
        format=FORMAT, format_version=FORMAT_VERSION, input="f32", accumulate="f64",
        link_math="f64", link_params={},
        missing="allowed" if _allows_missing(estimator, name, trees) else "error",
        source={"kind": "scikit-learn", "version": version, "estimator": name,
                "options": _options(estimator)},
        provenance={"created_by": "copse_export", **_provenance(provenance)})
    if histograms:
        if X is None:
            raise ExportError("histograms are asked for, and X is not given")
        metadata["training_histograms"] = _histograms(np.asarray(X, np.float64))
    return canonical_bytes(tensors, metadata)


def canonical_bytes(tensors, metadata):
    """The one file for this content: every writer of the project makes the same bytes.

    tensors   name -> array of a dtype in DTYPES
    metadata  name -> text, or a JSON value that is written as text; `sha256` is added

    Metadata comes first, keys sorted; then the tensors by item size, largest first, then by name;
    compact JSON in UTF-8, padded with spaces to a multiple of 8, so that every tensor is aligned.
    `sha256` is the digest of the file with these 64 digits set to 0.
    """
    texts = {key: value if isinstance(value, str) else _json(value)
             for key, value in metadata.items()}
    zeros = "0" * 64
    texts["sha256"] = zeros
    header = {"__metadata__": {key: texts[key] for key in sorted(texts)}}
    blocks, end = [], 0
    for name, array in sorted(tensors.items(), key=lambda item: (-item[1].itemsize, item[0])):
        begin, end = end, end + array.nbytes
        header[name] = {"dtype": DTYPES[array.dtype.name], "shape": list(array.shape),
                        "data_offsets": [begin, end]}
        blocks.append(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes())
    text = _json(header).encode("utf-8")
    text += b" " * (-len(text) % 8)
    data = b"".join([struct.pack("<Q", len(text)), text, *blocks])
    digest = hashlib.sha256(data).hexdigest()
    # Inside metadata every quote is escaped, so this text is the key itself and nothing else.
    return data.replace(f'"sha256":"{zeros}"'.encode(), f'"sha256":"{digest}"'.encode(), 1)


def round_down_to_float32(thresholds):
    """Largest float32 not above each threshold.

    scikit-learn casts x to float32 and tests it against a float64 threshold. For every float32 x,
    x <= threshold if and only if x <= round_down_to_float32(threshold).
    Source: sklearn/tree/_tree.pyx, `if X_i_node_feature <= node.threshold`.
    """
    thresholds = np.asarray(thresholds, np.float64)
    with np.errstate(over="ignore"):
        nearest = thresholds.astype(np.float32)
    below = np.nextafter(nearest, np.float32(-np.inf))
    return np.where(nearest.astype(np.float64) > thresholds, below, nearest)


class _Tree:
    """What a `sklearn.tree._tree.Tree` holds: nodes [n], values [n, n_outputs, max n_classes].

    Read from its state, as pickle does: the record's fields say what the version knows.
    """

    def __init__(self, tree, name, version):
        state = tree.__getstate__()
        self.nodes, self.values = state["nodes"], state["values"]
        self.n_features = int(tree.n_features)
        self.n_classes = [int(n) for n in np.atleast_1d(tree.n_classes)]
        self.cover = self.nodes["weighted_n_node_samples"].astype(np.float64)
        self.is_leaf = self.nodes["left_child"] < 0
        unknown = sorted(set(self.nodes.dtype.names) - NODE_FIELDS)
        if unknown:
            raise ExportError(f"{name} (scikit-learn {version}) has tree nodes with the field "
                              f"{unknown[0]!r}, which this exporter does not know")

    def knows_missing(self):
        return "missing_go_to_left" in self.nodes.dtype.names


def _identify(estimator):
    """(class name, version of scikit-learn that made it), or a refusal."""
    kind = type(estimator)
    name, module = kind.__name__, kind.__module__
    version = vars(estimator).get("_sklearn_version") if hasattr(estimator, "__dict__") else None
    version = version or getattr(sys.modules.get("sklearn"), "__version__", "of unknown version")
    if module.split(".")[0] != "sklearn" or name not in CLASSIFIERS | REGRESSORS | BOOSTERS:
        known = module.split(".")[0] == "sklearn"
        maker = f"scikit-learn {version}" if known else f"module {module}"
        raise ExportError(f"{name} ({maker}) cannot be exported: expected a scikit-learn "
                          "DecisionTree*, ExtraTree*, RandomForest*, ExtraTrees* or "
                          "GradientBoosting* estimator")
    fitted = hasattr(estimator, "tree_") or hasattr(estimator, "estimators_")
    if not fitted:
        raise ExportError(f"{name} (scikit-learn {version}) is not fitted: call fit before export")
    return name, version


def _version_number(version):
    """"1.4.1.post1" -> (1, 4, 1); of an unknown version: the newest."""
    numbers = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", version)
    return tuple(int(n or 0) for n in numbers.groups()) if numbers else (sys.maxsize,)


def _trees_of(estimator, name):
    """Trees in the order in which scikit-learn adds them; boosting: stages before outputs."""
    if hasattr(estimator, "tree_"):
        return [estimator.tree_]
    if name in BOOSTERS:
        return [member.tree_ for stage in estimator.estimators_ for member in stage]
    return [member.tree_ for member in estimator.estimators_]


# Trees and forests


def _forest(estimator, name, version, trees, labels, output_names):
    """Average of leaf rows: float64 sum in tree order, then one division.

    Source: sklearn/ensemble/_forest.py, `_accumulate_prediction` and `all_proba /= n_estimators`.
    """
    if name in CLASSIFIERS:
        n_classes = trees[0].n_classes
        leaf_rows = [_class_rows(tree, version) for tree in trees]
        several = int(estimator.n_outputs_) > 1
        classes = estimator.classes_ if several else [estimator.classes_]
        outputs = _class_outputs(classes, n_classes, labels, several, output_names)
        n_margins = sum(n_classes)
    else:
        _refuse_labels(labels, name)
        leaf_rows = [tree.values[:, :, 0] for tree in trees]
        n_margins = trees[0].values.shape[1]
        outputs = _value_outputs(n_margins, output_names)
    return leaf_rows, {"base": np.zeros(n_margins)}, {
        "combine": "mean", "link": "identity", "decision": "argmax", "outputs": outputs,
        "warnings": []}


def _class_rows(tree, version):
    """Probabilities [n, sum of n_classes] of every node.

    Until 1.4.0 values are weighted counts and prediction divides each row by its sum (a sum of 0
    by 1); NumPy adds eight or more numbers in blocks, so its own sum is used to get its bits.
    Later values are fractions, and dividing again would change their bits.
    Source: sklearn/tree/_classes.py, `DecisionTreeClassifier.predict_proba`.
    """
    blocks = []
    fractions = _holds_fractions(tree, version)
    for k, n in enumerate(tree.n_classes):
        block = tree.values[:, k, :n]
        if not fractions:
            total = block.sum(axis=1)[:, np.newaxis]
            total[total == 0.0] = 1.0
            block = block / total
        blocks.append(block)
    return np.concatenate(blocks, axis=1)


def _holds_fractions(tree, version):
    """Whether `values` are fractions: the root's row sums to 1, and not to its weight.

    The content decides because an estimator keeps the version it was loaded from when it is
    fitted again. Where the root's weight is 1 both readings agree there, and the version decides.
    """
    total, weight = tree.values[0, 0].sum(), tree.cover[0]
    if abs(weight - 1) > 1e-9:
        return abs(total - 1) <= 1e-9
    return _version_number(version) >= (1, 4, 1)


# Gradient boosting


def _boosting(estimator, name, version, trees, labels, output_names):
    """Start value, then learning_rate * value of each stage, added in float64 in stage order.

    Multiplying at export gives the same bits as multiplying at prediction.
    Source: sklearn/ensemble/_gradient_boosting.pyx, `out += scale * value`.
    """
    n_margins = estimator.estimators_.shape[1]
    number = _version_number(version)
    leaf_rows = [float(estimator.learning_rate) * tree.values[:, 0, :1] for tree in trees]
    tensors = {"base": _start_values(estimator, name, version, n_margins)}
    if n_margins > 1:
        stages = len(trees) // n_margins
        tensors["tree.output"] = np.tile(np.arange(n_margins, dtype=np.uint16), stages)

    link, decision = "identity", "argmax"
    if name == "GradientBoostingClassifier":
        outputs = _class_outputs([estimator.classes_], [len(estimator.classes_)], labels, False,
                                 output_names)
        outputs[0]["columns"] = [0, n_margins]
        # 1.4 decides on the raw score; before, on the probabilities, where ties go to class 0.
        if n_margins > 1:
            link = "softmax_argmax" if number >= (1, 4) else "softmax"
        else:
            link = "sigmoid2x" if estimator.loss == "exponential" else "sigmoid"
            decision = "ge0" if number >= (1, 4) else "argmax"
    else:
        _refuse_labels(labels, name)
        outputs = _value_outputs(1, output_names)
    return leaf_rows, tensors, {
        "combine": "sum", "link": link, "decision": decision, "outputs": outputs,
        "warnings": _stopping_warnings(estimator)}


def _start_values(estimator, name, version, n_margins):
    """Raw prediction [n_margins] before the first tree.

    Sources: sklearn/ensemble/_gb_losses.py, `get_init_raw_predictions` (until 1.3);
    sklearn/ensemble/_gb.py, `_init_raw_predictions` (1.4 on); `init_` of 0.20: the estimators of
    sklearn/ensemble/gradient_boosting.py, which hold the raw value itself.
    """
    init = estimator.init_
    kind = "zero" if isinstance(init, str) else type(init).__name__
    raw_of_old = {"PriorProbabilityEstimator": "priors", "LogOddsEstimator": "prior",
                  "ScaledLogOddsEstimator": "prior", "MeanEstimator": "mean",
                  "QuantileEstimator": "quantile"}
    if kind in ("zero", "ZeroEstimator"):
        raw = np.zeros(n_margins)
    elif kind in raw_of_old:
        raw = getattr(init, raw_of_old[kind])
    elif kind == "DummyRegressor" and name == "GradientBoostingRegressor":
        raw = init.constant_
    elif kind == "DummyClassifier" and name == "GradientBoostingClassifier":
        prior = _dummy_probabilities(init, name, version)
        raw = _raw_of_prior(prior, estimator.loss == "exponential", n_margins, version)
    else:
        raise ExportError(f"{name} (scikit-learn {version}) starts from init={kind}, another "
                          "model, which a model file cannot hold: expected init=None, 'zero' or a "
                          "dummy estimator")
    raw = np.asarray(raw, np.float64).ravel()
    if raw.size != n_margins or not np.isfinite(raw).all():
        raise ExportError(f"{name} (scikit-learn {version}) has the start value {raw.tolist()}: "
                          f"expected {n_margins} finite numbers")
    return raw


def _dummy_probabilities(init, name, version):
    """`predict_proba` [n_classes] of a fitted DummyClassifier (sklearn/dummy.py)."""
    prior = np.asarray(init.class_prior_, np.float64)
    if init.strategy == "prior":
        return prior
    if init.strategy == "most_frequent":
        return np.eye(len(prior))[prior.argmax()]
    if init.strategy == "uniform":
        return np.ones(len(prior)) / len(prior)
    if init.strategy == "constant":
        return (np.asarray(init.classes_) == init.constant).astype(np.float64)
    raise ExportError(f"{name} (scikit-learn {version}) starts from "
                      f"DummyClassifier(strategy={init.strategy!r}), which answers at random: "
                      "expected 'prior', 'most_frequent', 'uniform' or 'constant'")


def _raw_of_prior(prior, exponential, n_margins, version):
    eps = np.finfo(np.float32).eps
    prior = np.clip(prior, eps, 1 - eps)
    if n_margins == 1:
        # A whole array goes through NumPy's logarithm as in scikit-learn, not through libm's.
        odds = np.log(prior[1:] / (1 - prior[1:]))
        return 0.5 * odds if exponential else odds
    if _version_number(version) < (1, 4):
        return np.log(prior)
    return np.log(prior / np.exp(np.log(prior).mean()))


def _stopping_warnings(estimator):
    used, asked = len(estimator.estimators_), getattr(estimator, "n_estimators", None)
    if asked is None or used >= asked:
        return []
    return [f"Early stopping kept {used} of {asked} boosting stages."]


# Tensors


def _tree_tensors(trees, leaf_rows, leaf_ids):
    """Trees one behind the other, inner nodes and leaves each in scikit-learn's node order.

    Children come after their parents there, as the format demands; leaf rows that are equal to
    the bit are stored once, in order of first appearance.
    """
    columns = {name: [] for name in ("left", "right", "feature", "threshold", "flags", "cover",
                                     "leaf_cover", "leaf_id", "row", "root")}
    begin, n_leaves = [0], 0
    for tree, rows in zip(trees, leaf_rows):
        leaf, inner, nodes = tree.is_leaf, ~tree.is_leaf, tree.nodes
        number = np.where(leaf, ~(n_leaves + np.cumsum(leaf) - 1), begin[-1] + np.cumsum(inner) - 1)
        columns["left"].append(number[nodes["left_child"][inner]])
        columns["right"].append(number[nodes["right_child"][inner]])
        columns["feature"].append(nodes["feature"][inner])
        columns["threshold"].append(round_down_to_float32(nodes["threshold"][inner]))
        columns["flags"].append(nodes["missing_go_to_left"][inner] if tree.knows_missing()
                                else np.zeros(inner.sum()))
        columns["cover"].append(tree.cover[inner])
        columns["leaf_cover"].append(tree.cover[leaf])
        columns["leaf_id"].append(np.flatnonzero(leaf))
        columns["row"].append(rows[leaf])
        columns["root"].append(number[:1])
        begin.append(begin[-1] + int(inner.sum()))
        n_leaves += int(leaf.sum())
    joined = {name: np.concatenate(parts) for name, parts in columns.items()}
    values, leaf_row = _distinct_rows(np.ascontiguousarray(joined["row"], np.float64))
    if not np.isfinite(values).all():
        raise ExportError("a leaf holds a value that is not finite: expected finite numbers only")

    tensors = {
        "tree.begin": np.array(begin, np.uint32), "tree.root": joined["root"].astype(np.int32),
        "node.left": joined["left"].astype(np.int32),
        "node.right": joined["right"].astype(np.int32),
        "node.feature": joined["feature"].astype(feature_dtype(trees[0].n_features)),
        "node.threshold": joined["threshold"].astype(np.float32),
        "node.flags": joined["flags"].astype(np.uint8),
        "node.cover": joined["cover"], "leaf.cover": joined["leaf_cover"], "leaf.value": values}
    if leaf_row is not None:
        tensors["leaf.row"] = leaf_row
    if leaf_ids:
        tensors["leaf.id"] = joined["leaf_id"].astype(np.uint32)
    return tensors


def feature_dtype(n_features):
    """Width of node.feature: 16 bits as long as every feature number fits."""
    return np.uint16 if n_features <= 65536 else np.uint32


def _distinct_rows(rows):
    """(distinct rows [L, V] in order of first appearance, row number of each [N] or None).

    Distinct by bits. None when leaf n holds row n: the tensor is then left out.
    """
    keys = rows.view(np.dtype((np.void, rows.shape[1] * rows.itemsize))).ravel()
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    if len(first) == len(rows):
        return rows, None
    return rows[first[order]], rank[inverse.ravel()].astype(np.uint32)


def _training_ranges(X, n_features):
    """feature.min and feature.max [F] of the training rows; NaN where a column has no number."""
    if X is None:
        return {}
    rows = np.asarray(X, np.float64)
    if rows.ndim != 2 or rows.shape[1] != n_features or not len(rows):
        raise ExportError(f"X has the shape {list(rows.shape)}: expected rows of {n_features} "
                          "features")
    present = np.where(np.isnan(rows), np.inf, rows), np.where(np.isnan(rows), -np.inf, rows)
    empty = np.isnan(rows).all(axis=0)
    return {"feature.min": np.where(empty, np.nan, present[0].min(axis=0)),
            "feature.max": np.where(empty, np.nan, present[1].max(axis=0))}


def _histograms(rows):
    """Of each column: bins between its deciles, and how many values are in each; None where a column
    has no number, or infinite ones."""
    histograms = []
    for column in rows.T:
        present = np.sort(column[~np.isnan(column)])
        if not len(present) or not np.isfinite(present).all():
            histograms.append(None)
            continue
        tenths = present[(len(present) * np.arange(1, 10)) // 10]
        edges = np.unique(tenths[tenths < present[-1]])
        ends = np.searchsorted(present, edges, side="right")
        counts = np.diff(np.concatenate([[0], ends, [len(present)]]))
        histograms.append({"edges": edges.tolist(), "counts": counts.tolist(),
                           "missing": len(column) - len(present)})
    return histograms


# Metadata


def _features(estimator, n_features, names, descriptions, units):
    if names is None:
        names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        names = [f"x{i}" for i in range(n_features)]
    names = _texts(names, n_features, "feature_names")
    if "" in names:
        raise ExportError(f"feature_names[{names.index('')}] is empty: expected a name")
    if len(set(names)) < n_features:
        twice = next(name for name in names if names.count(name) > 1)
        raise ExportError(f"feature_names holds {twice!r} twice: expected different names")
    features = [{"name": name, "kind": "num", "categories": None} for name in names]
    for key, texts in (("description", descriptions), ("unit", units)):
        if texts is None:
            continue
        for feature, text in zip(features, _texts(texts, n_features, f"feature_{key}s")):
            if text:
                feature[key] = text
    return features


def _texts(values, n, argument):
    """`values` as a list of n str; None counts as an empty text."""
    if isinstance(values, str) or len(values) != n:
        given = "one text" if isinstance(values, str) else f"{len(values)} entries"
        raise ExportError(f"{argument} has {given}: expected a list of {n}")
    texts = ["" if value is None else value for value in values]
    wrong = [text for text in texts if not isinstance(text, str)]
    if wrong:
        raise ExportError(f"{argument} holds {wrong[0]!r}: expected text")
    return [str(text) for text in texts]


def _class_outputs(classes, n_classes, labels, several, names):
    if labels is None:
        labels = classes
    elif not several:
        labels = [labels]
    names = _output_names(names, "class", len(classes))
    if len(labels) != len(classes):
        raise ExportError(f"labels has {len(labels)} lists: expected one for each of the "
                          f"{len(classes)} outputs")
    outputs, begin = [], 0
    for name, values, n in zip(names, labels, n_classes):
        values, label_type = _labels(values)
        if len(values) != n:
            raise ExportError(f"labels has {len(values)} entries for the output {name!r}: "
                              f"expected {n}, one for each class")
        outputs.append({"name": name, "kind": "class", "labels": values, "label_type": label_type,
                        "columns": [begin, begin + n]})
        begin += n
    return outputs


def _value_outputs(n, names):
    return [{"name": name, "kind": "value", "columns": [k, k + 1]}
            for k, name in enumerate(_output_names(names, "value", n))]


def _output_names(names, default, n):
    if names is None:
        return [default] if n == 1 else [f"{default}{k}" for k in range(n)]
    return _texts(names, n, "output_names")


def _labels(values):
    """(JSON values, label_type) of class labels: NumPy or Python numbers, texts or bools."""
    values = [v.item() if isinstance(v, np.generic) else v for v in values]
    for label_type, kind in (("bool", bool), ("int", int), ("float", float), ("str", str)):
        if all(type(v) is kind or (kind is str and isinstance(v, str)) for v in values):
            break
    else:
        odd = next(v for v in values
                   if type(v) is not type(values[0]) or type(v) not in (bool, int, float, str))
        raise ExportError(f"the class labels hold {odd!r} of type {type(odd).__name__}: expected "
                          "all of one type, str, int, float or bool")
    if label_type == "float" and not np.isfinite(values).all():
        raise ExportError("the class labels hold a number that is not finite: expected finite "
                          "numbers")
    return values, label_type


def _refuse_labels(labels, name):
    if labels is not None:
        raise ExportError(f"labels was given for {name}, which has no classes: leave it out")


def _allows_missing(estimator, name, trees):
    """Whether predict takes NaN. scikit-learn's own tags say so, from 1.3 on."""
    if name in BOOSTERS or not all(tree.knows_missing() for tree in trees):
        return False
    if getattr(estimator, "monotonic_cst", None) is not None:
        return False
    if hasattr(estimator, "__sklearn_tags__"):
        return bool(estimator.__sklearn_tags__().input_tags.allow_nan)
    return bool(estimator._get_tags()["allow_nan"])


def _options(estimator):
    """The constructor's parameters, as far as they are plain values; else the type's name."""
    parameters = inspect.signature(type(estimator).__init__).parameters
    return {key: _plain(value) for key, value in sorted(vars(estimator).items())
            if key in parameters}


def _plain(value):
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return type(value).__name__


def _provenance(provenance):
    if provenance is None:
        return {}
    if not isinstance(provenance, dict):
        raise ExportError(f"provenance is a {type(provenance).__name__}: expected a dict such as "
                          "{'notes': ..., 'licence': ...}")
    return provenance


def _json(value):
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ExportError(f"metadata holds something that JSON cannot: {error}") from None
