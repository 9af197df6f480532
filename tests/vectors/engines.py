"""Model files from engines that copse_export does not read: test material, not a product.

Each function reads one kind of fitted model through its attributes or its own JSON and returns
the bytes of a model file. The rules are those of the engine's source, named at each function.
"""
import json
import math

import numpy as np

import copse_export
from forest_builder import Leaf, Split, class_output, metadata, tensors_of, value_outputs


def sklearn_source(estimator):
    return {"kind": "scikit-learn", "version": estimator.__dict__.get("_sklearn_version", "1.2.1"),
            "estimator": type(estimator).__name__}


# Histogram gradient boosting


def hist_boosting(estimator, links):
    """sklearn/ensemble/_hist_gradient_boosting/_predictor.pyx, `_predict_one_from_raw_data`.

    links  arguments of `metadata` that follow from the loss: link, decision, outputs
    """
    bins = estimator._bin_mapper
    is_categorical = estimator.is_categorical_
    trees = [_hist_tree(tree, bins) for stage in estimator._predictors for tree in stage]
    base = np.atleast_1d(np.asarray(estimator._baseline_prediction, np.float64).ravel())
    n_features = estimator.n_features_in_
    outputs = list(range(len(base))) * len(estimator._predictors)
    tensors = tensors_of(trees, n_features, base, threshold=np.float64, outputs=outputs,
                         covers=True)
    features = [{"name": f"x{i}", "kind": "num", "categories": None} for i in range(n_features)]
    for i in np.flatnonzero(is_categorical if is_categorical is not None else []):
        features[i]["kind"] = "cat"
    meta = metadata(links.pop("outputs"), n_features, features=features,
                    source=sklearn_source(estimator), **links)
    return copse_export.canonical_bytes(tensors, meta)


def _hist_tree(tree, bins, at=0):
    node = tree.nodes[at]
    if node["is_leaf"]:
        return Leaf(float(node["value"]), cover=float(node["count"]))
    feature = int(node["feature_idx"])
    split = Split(feature, float(node["num_threshold"]), _hist_tree(tree, bins, node["left"]),
                  _hist_tree(tree, bins, node["right"]), bool(node["missing_go_to_left"]),
                  cover=float(node["count"]))
    if node["is_categorical"]:
        split.threshold = 0.0
        split.categories = _codes(tree.raw_left_cat_bitsets[node["bitset_idx"]])
        split.known = {int(code) for code in bins.bin_thresholds_[feature]}
    return split


def _codes(words):
    return {32 * w + b for w, word in enumerate(words) for b in range(32) if int(word) >> b & 1}


# Isolation forest


def isolation_forest(estimator):
    """sklearn/ensemble/_iforest.py, `_compute_score_samples`."""
    n_features = estimator.n_features_in_
    subset = estimator._max_features != n_features
    trees = []
    for member, features in zip(estimator.estimators_, estimator.estimators_features_):
        columns = features if subset else np.arange(n_features)
        trees.append(_isolation_tree(member.tree_, columns, 0, 1))
    tensors = tensors_of(trees, n_features, [0.0], leaf_ids=True, covers=True)
    params = {"denominator": len(trees) * _average_path(estimator._max_samples),
              "offset": float(estimator.offset_)}
    meta = metadata(value_outputs(1, "score"), n_features, input="f32", link="iforest",
                    link_params=params, missing="error", source=sklearn_source(estimator))
    return copse_export.canonical_bytes(tensors, meta)


def _isolation_tree(tree, columns, at, depth):
    samples = int(tree.n_node_samples[at])
    if tree.children_left[at] < 0:
        return Leaf((depth + _average_path(samples)) - 1.0, id=at, cover=samples)
    threshold = copse_export.round_down_to_float32(tree.threshold[at])
    return Split(int(columns[tree.feature[at]]), float(threshold),
                 _isolation_tree(tree, columns, tree.children_left[at], depth + 1),
                 _isolation_tree(tree, columns, tree.children_right[at], depth + 1), cover=samples)


def _average_path(n):
    """Mean path of an unsuccessful search among n: sklearn's `_average_path_length`."""
    if n <= 1:
        return 0.0
    if n == 2:
        return 1.0
    return float(2.0 * (np.log(np.array([n - 1.0])) + np.euler_gamma)[0] - 2.0 * (n - 1.0) / n)


# Logistic regression


def logistic(estimator, link, decision="argmax"):
    """sklearn/linear_model/_logistic.py, `predict_proba`; one margin stands for two classes."""
    tensors = {"linear_model.coef": np.asarray(estimator.coef_, np.float64),
               "linear_model.intercept": np.asarray(estimator.intercept_, np.float64)}
    n_margins = len(estimator.intercept_)
    meta = metadata([class_output(estimator.classes_, 0, n_margins)], estimator.n_features_in_,
                    link=link, decision=decision, missing="error", infinite="error",
                    source=sklearn_source(estimator))
    return copse_export.canonical_bytes(tensors, meta)


# XGBoost

LOGIT = {"binary:logistic", "reg:logistic"}
LOG = {"count:poisson", "reg:gamma", "reg:tweedie"}


def xgboost(booster, outputs, link="identity", decision="argmax", version="1.7.4",
            link_params=None):
    """The booster's JSON: src/tree/tree_model.cc, src/gbm/gbtree.cc and src/objective/.

    All comparisons and sums are in float32; x < condition becomes x <= the float32 just below.
    """
    learner = json.loads(booster.save_raw("json"))["learner"]
    gradient = learner["gradient_booster"]
    weights = gradient.get("weight_drop")
    model = gradient.get("gbtree", gradient)["model"]
    params = learner["learner_model_param"]
    objective = learner["objective"]["name"]
    n_features = int(params["num_feature"])
    n_margins = max(1, int(params["num_class"]), int(params.get("num_target", 1)))
    trees = [_xgboost_tree(tree, 0, np.float32(weights[t] if weights else 1))
             for t, tree in enumerate(model["trees"])]
    base = np.full(n_margins, _base_margin(objective, np.float32(params["base_score"])))
    tensors = tensors_of(trees, n_features, base, value=np.float32, outputs=model["tree_info"],
                         leaf_ids=True, covers=True)
    kinds = learner.get("feature_types") or ["float"] * n_features
    features = [{"name": f"x{i}", "kind": "cat" if kind == "c" else "num", "categories": None}
                for i, kind in enumerate(kinds)]
    meta = metadata(outputs, n_features, input="f32", accumulate="f32", link=link,
                    link_math="f32", link_params=link_params, decision=decision, features=features,
                    source={"kind": "xgboost", "version": version, "estimator": objective})
    return copse_export.canonical_bytes(tensors, meta)


def _base_margin(objective, score):
    """base_score is in the space of predictions: src/objective/*, `ProbToMargin`."""
    if objective in LOGIT:
        odds = np.float32(1) / score - np.float32(1)
        return -np.float32(math.log(float(odds)))
    if objective in LOG:
        return np.float32(math.log(float(score)))
    return score


def _xgboost_tree(tree, at, weight):
    cover = float(tree["sum_hessian"][at])
    condition = np.float32(tree["split_conditions"][at])
    if tree["left_children"][at] < 0:
        return Leaf(weight * condition, id=at, cover=cover)
    split = Split(tree["split_indices"][at], np.nextafter(condition, np.float32(-np.inf)),
                  _xgboost_tree(tree, tree["left_children"][at], weight),
                  _xgboost_tree(tree, tree["right_children"][at], weight),
                  bool(tree["default_left"][at]), cover=cover)
    if tree["split_type"][at] == 1:
        i = tree["categories_nodes"].index(at)
        begin = tree["categories_segments"][i]
        listed = tree["categories"][begin:begin + tree["categories_sizes"][i]]
        split.threshold, split.categories, split.listed_right = 0.0, set(listed), True
    return split
