"""Forests as ONNX TreeEnsembles, written by hand with Debian's python3-onnx.

No converter is packaged, and this one is exact where it matters: a float64 threshold is rounded
down to float32, so that every float32 row takes the same branches as in the library. Leaves are
float32, as the operator demands, so answers agree to that precision and no further.
"""
import json

import numpy as np
import xgboost
from onnx import TensorProto, helper, save

LEAF = -1


def below(thresholds):
    """The largest float32 not above each."""
    narrow = thresholds.astype(np.float32)
    return np.where(narrow > thresholds, np.nextafter(narrow, np.float32(-np.inf)), narrow)


def sklearn_trees(model):
    """(feature or LEAF, threshold, left, right, leaf values [nodes, outputs]) of each tree."""
    is_boosting = hasattr(model, "init_")
    is_classifier = hasattr(model, "classes_")
    trees = [estimator.tree_ for estimator in np.ravel(model.estimators_)]
    for tree in trees:
        values = tree.value[:, 0, :]
        if is_classifier:
            values = values / values.sum(axis=1, keepdims=True)
        values = values * (model.learning_rate if is_boosting else 1 / len(trees))
        feature = np.where(tree.children_left < 0, LEAF, tree.feature)
        yield (feature, below(tree.threshold), tree.children_left, tree.children_right, values)


def xgboost_trees(model):
    """The same of a booster of one output; its leaves stand among its thresholds."""
    for tree in json.loads(bytes(model.save_raw("json")))["learner"]["gradient_booster"]["model"]["trees"]:
        left = np.array(tree["left_children"])
        conditions = np.array(tree["split_conditions"], np.float32)
        feature = np.where(left < 0, LEAF, tree["split_indices"])
        yield (feature, conditions, left, np.array(tree["right_children"]),
               np.where(left < 0, conditions, 0)[:, None])


def depth_of(feature, left, right):
    """Depth of each node; children follow their parent."""
    depth = np.zeros(len(feature), int)
    for node in np.flatnonzero(feature != LEAF):
        depth[left[node]] = depth[right[node]] = depth[node] + 1
    return depth


class Attributes:
    """The parallel lists that the operators take, filled tree by tree."""

    def __init__(self, branch_mode, prefix):
        self.branch_mode = branch_mode
        self.prefix = prefix
        self.lists = {}

    def extend(self, **columns):
        for name, values in columns.items():
            self.lists.setdefault(name, []).extend(np.asarray(values).tolist())

    def add_tree(self, number, tree):
        feature, threshold, left, right, values = tree
        is_leaf = feature == LEAF
        count = len(feature)
        self.extend(nodes_treeids=np.full(count, number), nodes_nodeids=np.arange(count),
                    nodes_featureids=np.maximum(feature, 0),
                    nodes_modes=np.where(is_leaf, "LEAF", self.branch_mode),
                    nodes_values=np.where(is_leaf, np.float32(0), threshold),
                    nodes_truenodeids=np.where(is_leaf, 0, left),
                    nodes_falsenodeids=np.where(is_leaf, 0, right),
                    nodes_missing_value_tracks_true=np.zeros(count, int))
        node, output = np.nonzero((values != 0) & is_leaf[:, None])
        self.extend(**{f"{self.prefix}_treeids": np.full(len(node), number),
                       f"{self.prefix}_nodeids": node, f"{self.prefix}_ids": output,
                       f"{self.prefix}_weights": values[node, output].astype(np.float32)})


def write(model, path):
    """Writes the file: input X [n, features], output Y [n, outputs]. Returns the forest's sizes."""
    is_booster = isinstance(model, xgboost.Booster)
    trees = list(xgboost_trees(model) if is_booster else sklearn_trees(model))
    n_features = model.num_features() if is_booster else model.n_features_in_
    n_outputs = trees[0][4].shape[1]
    attributes = Attributes("BRANCH_LT" if is_booster else "BRANCH_LEQ",
                            "class" if n_outputs > 1 else "target")
    depths, leaves = [], []
    for number, tree in enumerate(trees):
        attributes.add_tree(number, tree)
        depth = depth_of(*tree[0:1], *tree[2:4])
        is_leaf = tree[0] == LEAF
        depths.append((depth.max(), depth[is_leaf].mean()))
        leaves.append(int(is_leaf.sum()))
    base = 0.0
    if hasattr(model, "init_"):
        base = float(np.ravel(model.init_.constant_)[0])
    save_graph(path, n_features, n_outputs, base, attributes.lists)
    return {"n_trees": len(trees), "n_nodes": int(sum(len(tree[0]) for tree in trees)),
            "leaves_max": max(leaves), "depth_max": int(max(d for d, _ in depths)),
            "leaf_depth_mean": round(float(np.mean([d for _, d in depths])), 2)}


def save_graph(path, n_features, n_outputs, base, lists):
    shape = lambda name, kind, columns: helper.make_tensor_value_info(name, kind, columns)
    outputs = [shape("Y", TensorProto.FLOAT, [None, n_outputs])]
    if n_outputs > 1:
        node = helper.make_node("TreeEnsembleClassifier", ["X"], ["label", "Y"],
                                domain="ai.onnx.ml", post_transform="NONE",
                                classlabels_int64s=list(range(n_outputs)), **lists)
        outputs.insert(0, shape("label", TensorProto.INT64, [None]))
    else:
        node = helper.make_node("TreeEnsembleRegressor", ["X"], ["Y"], domain="ai.onnx.ml",
                                n_targets=1, aggregate_function="SUM", post_transform="NONE",
                                base_values=[base], **lists)
    graph = helper.make_graph([node], "forest",
                              [shape("X", TensorProto.FLOAT, [None, n_features])], outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13),
                                                    helper.make_opsetid("ai.onnx.ml", 2)])
    model.ir_version = 7
    save(model, path)
