"""ONNX tree ensembles, written here byte by byte, with a plain walk that answers.

Neither onnx nor onnxruntime is packaged for Debian 12's Python, so the first part writes protocol
buffers, as onnx.proto says. The second walks the trees as they were drawn, in NumPy's float32
(float64 for double tensors), by the rules of the operators' specification; where onnxruntime
departs from it, by onnxruntime's (`two_classes`). Leaf weights are multiples of 1/64, so sums are
exact in any order.
"""
import dataclasses
import json
import pathlib
import struct
from typing import Any

import numpy as np

BITS = {"kind": "bits"}
NEAR = {"kind": "relative", "value": 1e-6}
F32, F64 = np.float32, np.float64
NAN, INF = float("nan"), float("inf")
FLOAT, UINT8, INT64, STRING, DOUBLE = 1, 2, 7, 8, 11
CASES = {}


# Protocol buffers

def varint(number):
    number &= (1 << 64) - 1
    data = bytearray()
    while number > 127:
        data.append(number & 127 | 128)
        number >>= 7
    return bytes(data + bytes([number]))


def whole(field, number):
    return varint(field << 3) + varint(number)


def message(field, data):
    data = data.encode() if isinstance(data, str) else data
    return varint(field << 3 | 2) + varint(len(data)) + data


def floats(field, numbers):
    return b"".join(varint(field << 3 | 5) + struct.pack("<f", x) for x in numbers)


class Tensor:
    """TensorProto; `raw` chooses between raw_data and the field of the type."""

    def __init__(self, kind, values, dims=None, name="", raw=True):
        dims = [len(values)] if dims is None else dims
        code = {FLOAT: "f", UINT8: "B", INT64: "q", DOUBLE: "d"}.get(kind)
        self.data = b"".join(whole(1, dim) for dim in dims) + whole(2, kind) + message(8, name)
        if kind == STRING:
            self.data += b"".join(message(6, text) for text in values)
        elif raw:
            self.data += message(9, struct.pack(f"<{len(values)}{code}", *values))
        elif kind in (FLOAT, DOUBLE):
            packed = struct.pack(f"<{len(values)}{code}", *values)
            self.data += message(4 if kind == FLOAT else 10, packed)
        else:
            packed = b"".join(varint(value) for value in values)
            self.data += message(7 if kind == INT64 else 5, packed)


def attribute(name, value, packed=False):
    data = message(1, name)
    if isinstance(value, Tensor):
        return data + message(5, value.data) + whole(20, 4)
    if isinstance(value, str):
        return data + message(4, value) + whole(20, 3)
    if isinstance(value, int):
        return data + whole(3, value) + whole(20, 2)
    if isinstance(value, float):
        return data + floats(2, [value]) + whole(20, 1)
    if value and isinstance(value[0], str):
        return data + b"".join(message(9, text) for text in value) + whole(20, 8)
    if value and isinstance(value[0], float):
        if packed:
            return data + message(7, struct.pack(f"<{len(value)}f", *value)) + whole(20, 6)
        return data + floats(7, value) + whole(20, 6)
    if packed:
        return data + message(8, b"".join(varint(int(x)) for x in value)) + whole(20, 7)
    return data + b"".join(whole(8, int(x)) for x in value) + whole(20, 7)


def node(op, inputs, outputs, domain="", packed=False, **attributes):
    data = b"".join(message(1, name) for name in inputs)
    data += b"".join(message(2, name) for name in outputs) + message(4, op)
    data += b"".join(message(5, attribute(*item, packed)) for item in attributes.items())
    return data + (message(7, domain) if domain else b"")


def ml(op, inputs, outputs, packed=False, **attributes):
    return node(op, inputs, outputs, "ai.onnx.ml", packed, **attributes)


def value_info(name, kind, dims):
    if dims is None:                        # what a ZipMap makes: a list of maps from `kind`
        of_map = whole(1, kind) + message(2, message(1, whole(1, FLOAT)))
        return message(1, name) + message(2, message(4, message(1, message(5, of_map))))
    shape = b"".join(message(1, b"" if dim is None else
                             message(2, dim) if isinstance(dim, str) else whole(1, dim))
                     for dim in dims)
    return message(1, name) + message(2, message(1, whole(1, kind) + message(2, shape)))


def model_file(nodes, inputs, outputs, constants=(), opset=15, ml_opset=3):
    graph = b"".join(message(1, item) for item in nodes) + message(2, "trees")
    graph += b"".join(message(5, tensor.data) for tensor in constants)
    graph += b"".join(message(11, value_info(*item)) for item in inputs)
    graph += b"".join(message(12, value_info(*item)) for item in outputs)
    data = whole(1, 8) + message(2, "by-hand") + message(3, "1.0") + message(7, graph)
    for domain, version in (("", opset), ("ai.onnx.ml", ml_opset)):
        data += message(8, message(1, domain) + whole(2, version))
    return data


# Trees

@dataclasses.dataclass
class Split:
    mode: str
    feature: int
    value: Any              # a number, or the set of a MEMBER
    true: Any
    false: Any
    nan_true: bool = False

    def takes_true(self, x):
        compare = {"LEQ": x <= self.value, "LT": x < self.value, "GTE": x >= self.value,
                   "GT": x > self.value, "EQ": x == self.value, "NEQ": x != self.value,
                   } if self.mode != "MEMBER" else {"MEMBER": x in self.value}
        return bool(compare[self.mode]) or (self.nan_true and x != x)


@dataclasses.dataclass
class Leaf:
    weights: dict           # target -> weight


def leaf(*weights):
    """A leaf with one weight of each of the targets 0, 1, ..."""
    return Leaf(dict(enumerate(weights)))


@dataclasses.dataclass
class Ensemble:
    trees: list
    n_targets: int = 1
    aggregate: str = "SUM"
    base: tuple = ()
    post: str = "NONE"
    labels: tuple = ()      # of a classifier
    width: Any = F32

    def walk(self, tree, row):
        while isinstance(tree, Split):
            x = self.width(row[tree.feature])
            tree = tree.true if tree.takes_true(x) else tree.false
        return tree.weights

    def sums(self, row):
        """Aggregated weights of a row, before the transform."""
        reached = [self.walk(tree, row) for tree in self.trees]
        sums = []
        for k in range(self.n_targets):
            weights = [self.width(leaf.get(k, 0)) for leaf in reached if k in leaf] or [0]
            total = {"MIN": min, "MAX": max}.get(self.aggregate, sum)(weights)
            total = total / len(self.trees) if self.aggregate == "AVERAGE" else total
            sums.append(self.width(total + (self.base[k] if k < len(self.base) else 0)))
        return sums


def logistic(x):
    """onnxruntime's ComputeLogistic: every operation in float32."""
    p = F32(1) / (F32(1) + F32(np.exp(-abs(F64(F32(x))))))
    return F32(1) - p if x < 0 else p


def sigmoid(x):
    """The operator Sigmoid, which approximates this."""
    return F32(1 / (1 + np.exp(-F64(x))))


def transformed(post, sums):
    if post == "LOGISTIC":
        return [logistic(x) for x in sums]
    if post == "SOFTMAX":
        powers = np.exp(np.array(sums, F64) - max(sums))
        return list((powers / powers.sum()).astype(F32))
    if post == "SOFTMAX_ZERO":
        powers = np.array([np.exp(F64(x) - max(sums)) if abs(x) > 1e-7 else 0 for x in sums])
        return list((powers / powers.sum()).astype(F32))
    return sums


def two_classes(ensemble, s):
    """onnxruntime's scores of two classes with weights of one, s being their sum."""
    weights = [w for tree in ensemble.trees for w in weights_of(tree)]
    if min(weights) >= 0:
        return [F32(1) - s, s], int(s > 0.5)
    if ensemble.post == "LOGISTIC":
        return [logistic(-s), logistic(s)], int(s > 0)
    return [-s, s], int(s > 0)


def weights_of(tree):
    if isinstance(tree, Leaf):
        return list(tree.weights.values())
    return weights_of(tree.true) + weights_of(tree.false)


# As converters write it

def listed(ensemble, first_tree=0, number=lambda i: i, packed=False, as_tensor=False):
    """Attributes of TreeEnsembleClassifier and TreeEnsembleRegressor; `number` gives node ids."""
    kind = "class" if ensemble.labels else "target"
    names = ["treeids", "nodeids", "featureids", "modes", "values", "truenodeids", "falsenodeids",
             "missing_value_tracks_true"]
    nodes = {name: [] for name in names}
    weights = {name: [] for name in ("treeids", "nodeids", "ids", "weights")}

    def add(t, tree, ids):
        at = ids.setdefault(id(tree), len(ids))
        if list(nodes["treeids"]).count(t) > at:
            return at                       # a branch that others share stands once
        row = len(nodes["treeids"])
        for name in names:
            nodes[name].append(0)
        nodes["treeids"][row], nodes["nodeids"][row] = first_tree + t, number(at)
        nodes["values"][row] = 0.0
        if isinstance(tree, Leaf):
            nodes["modes"][row] = "LEAF"
            for target, weight in tree.weights.items():
                for name, item in zip(weights, (first_tree + t, number(at), target, float(weight))):
                    weights[name].append(item)
            return at
        nodes["modes"][row] = "BRANCH_" + tree.mode
        nodes["featureids"][row], nodes["values"][row] = tree.feature, float(tree.value)
        nodes["missing_value_tracks_true"][row] = int(tree.nan_true)
        nodes["truenodeids"][row] = number(add(t, tree.true, ids))
        nodes["falsenodeids"][row] = number(add(t, tree.false, ids))
        return at

    for t, tree in enumerate(ensemble.trees):
        add(t, tree, {})
    attributes = {f"nodes_{name}": values for name, values in nodes.items()}
    attributes["nodes_hitrates"] = [1.0] * len(nodes["modes"])
    attributes.update({f"{kind}_{name}": values for name, values in weights.items()})
    if ensemble.base:
        attributes["base_values"] = [float(x) for x in ensemble.base]
    if as_tensor:
        for name in ("nodes_values", f"{kind}_weights", "base_values"):
            if name in attributes:
                attributes[f"{name}_as_tensor"] = Tensor(DOUBLE, attributes.pop(name), raw=False)
    attributes["post_transform"] = ensemble.post
    if not ensemble.labels:
        attributes.update(n_targets=ensemble.n_targets, aggregate_function=ensemble.aggregate)
    elif isinstance(ensemble.labels[0], str):
        attributes["classlabels_strings"] = list(ensemble.labels)
    else:
        attributes["classlabels_int64s"] = list(ensemble.labels)
    return dict(attributes, packed=packed)


def linked(ensemble, kind, raw=True):
    """Attributes of TreeEnsemble 5. A leaf that stands twice in a tree is written once."""
    modes = ["LEQ", "LT", "GTE", "GT", "EQ", "NEQ", "MEMBER"]
    lists = {name: [] for name in ("featureids", "modes", "splits", "truenodeids", "falsenodeids",
                                   "trueleafs", "falseleafs", "missing_value_tracks_true")}
    leaves, members, roots = [], {}, []

    def add(tree):
        at = len(lists["modes"])
        for values in lists.values():
            values.append(0)
        lists["featureids"][at], lists["modes"][at] = tree.feature, modes.index(tree.mode)
        lists["splits"][at] = NAN if tree.mode == "MEMBER" else float(tree.value)
        lists["missing_value_tracks_true"][at] = int(tree.nan_true)
        if tree.mode == "MEMBER":
            members[at] = list(tree.value) + [NAN]
        for way, child in (("true", tree.true), ("false", tree.false)):
            is_leaf = isinstance(child, Leaf)
            if is_leaf and not any(child is other for other in leaves):
                leaves.append(child)
            lists[f"{way}leafs"][at] = int(is_leaf)
            position = next((i for i, other in enumerate(leaves) if other is child), None)
            lists[f"{way}nodeids"][at] = position if is_leaf else add(child)
        return at

    for tree in ensemble.trees:
        roots.append(add(tree))
    pairs = [next(iter(item.weights.items())) for item in leaves]
    attributes = {f"nodes_{name}": values for name, values in lists.items()}
    attributes["nodes_modes"] = Tensor(UINT8, lists["modes"], raw=raw)
    attributes["nodes_splits"] = Tensor(kind, lists["splits"], raw=raw)
    if members:
        values = [x for at in sorted(members) for x in members[at]]
        attributes["membership_values"] = Tensor(kind, values, raw=raw)
    attributes["leaf_targetids"] = [target for target, _ in pairs]
    attributes["leaf_weights"] = Tensor(kind, [float(weight) for _, weight in pairs], raw=raw)
    return dict(attributes, tree_roots=roots, n_targets=ensemble.n_targets, post_transform=0,
                aggregate_function=["AVERAGE", "SUM", "MIN", "MAX"].index(ensemble.aggregate))


def regressor(ensemble, **how):
    return ml("TreeEnsembleRegressor", ["X"], ["Y"], **listed(ensemble, **how))


def classifier(ensemble, source="X", label="label", scores="scores", **how):
    return ml("TreeEnsembleClassifier", [source], [label, scores], **listed(ensemble, **how))


VALUES = [("Y", FLOAT, [None, 1])]
CLASSES = [("label", INT64, [None]), ("scores", FLOAT, [None, None])]
TEXTS = [("label", STRING, [None]), ("scores", FLOAT, [None, None])]


# Cases

def case(name):
    """Registers a function that returns (model file, rows, answers)."""
    def register(make):
        CASES[f"onnx_{name}"] = make
        return make
    return register


def write_cases(folder):
    corpus = pathlib.Path(folder).parent / "corpus/onnx"
    corpus.mkdir(parents=True, exist_ok=True)
    for name, data in odd_files().items():
        (corpus / name).write_bytes(data)
    for name, make in CASES.items():
        data, rows, answers = make()
        path = pathlib.Path(folder) / name
        path.mkdir(parents=True)
        (path / "model.onnx").write_bytes(data)
        np.save(path / "rows.npy", rows)
        found = {"name": name, "producer": {"library": "ONNX", "version": "",
                                            "estimator": "written by hand"},
                 "model": "model.onnx", "rows": "rows.npy", "answers": {}}
        for kind, (numbers, tolerance) in answers.items():
            width = "<i8" if kind == "index" else "<f4"
            np.save(path / f"{kind}.npy", np.array(numbers, width).reshape(len(rows), -1))
            found["answers"][kind] = {"file": f"{kind}.npy", "tolerance": tolerance}
        (path / "case.json").write_text(json.dumps(found, indent=1) + "\n")


def odd_files():
    """Files to start fuzzing from, and to be refused."""
    chain = {"nodes_treeids": [0] * 4, "nodes_nodeids": [0, 1, 2, 3], "nodes_featureids": [0] * 4,
             "nodes_modes": ["BRANCH_EQ"] * 3 + ["LEAF"], "nodes_values": [1.0, 2.0, 3.0, 0.0],
             "nodes_truenodeids": [3, 3, 3, 0], "nodes_falsenodeids": [1, 2, 1, 0],
             "target_treeids": [0], "target_nodeids": [3], "target_ids": [0],
             "target_weights": [1.0], "n_targets": 1}
    tree = Ensemble([Split("LEQ", 0, 0.5, leaf(1), Split("MEMBER", 0, (2.0, 7.0), leaf(2), leaf(4)))])
    shared = dict(linked(tree, FLOAT), tree_roots=[0, 1])
    rows, value = [("X", FLOAT, [None, 1])], [("Y", FLOAT, [None, 1])]
    return {"equal_cycle.onnx": model_file([ml("TreeEnsembleRegressor", ["X"], ["Y"], **chain)], rows,
                                           value),
            "shared_node.onnx": model_file([ml("TreeEnsemble", ["X"], ["Y"], **shared)], rows, value,
                                           opset=21, ml_opset=5)}


def beside(numbers, width=F32):
    """The numbers and their two neighbours."""
    return [float(np.nextafter(width(x), width(way)) if way else x)
            for x in numbers for way in (None, -INF, INF)]


def rows_of(columns, width=F32):
    """Every number of each column, beside a fixed one of the others; then some together."""
    rows = [[x if c == k else column[0] for c, column in enumerate(columns)]
            for k, own in enumerate(columns) for x in own]
    longest = max(len(column) for column in columns)
    rows += [[column[(i * (2 * c + 1)) % len(column)] for c, column in enumerate(columns)]
             for i in range(longest)]
    return np.array(rows, width)


ODD = [NAN, INF, -INF, -0.0, 1e-42, 3e38]


def values(ensemble, rows):
    return {"predict": ([ensemble.sums(row) for row in rows], BITS)}


def two_class_answers(ensemble, rows, tolerance=BITS):
    both = [two_classes(ensemble, ensemble.sums(row)[0]) for row in rows]
    return {"proba": ([scores for scores, _ in both], tolerance),
            "index": ([index for _, index in both], BITS)}


def class_answers(ensemble, rows, tolerance=BITS):
    sums = [ensemble.sums(row) for row in rows]
    return {"proba": ([transformed(ensemble.post, row) for row in sums], tolerance),
            "margin": (sums, BITS), "index": ([int(np.argmax(row)) for row in sums], BITS)}


def simple(ensemble, width=F32, kind=FLOAT, columns=None, ml_opset=3, **how):
    rows = rows_of(columns or [beside([0.5, 2, -1], width) + ODD] * 2, width)
    inputs = [("X", kind, [None, rows.shape[1]])]
    data = model_file([regressor(ensemble, **how)], inputs, VALUES, ml_opset=ml_opset)
    return data, rows, values(ensemble, rows)


def modes_case(mode, nan_true):
    def make():
        tree = Split(mode, 0, 0.5, Split(mode, 1, 2, leaf(1), leaf(2), not nan_true),
                     Split(mode, 1, -1, leaf(4), leaf(8)), nan_true)
        return simple(Ensemble([tree]), ml_opset=1)
    return make


for _mode in ("LEQ", "LT", "GTE", "GT", "EQ", "NEQ"):
    CASES[f"onnx_mode_{_mode.lower()}"] = modes_case(_mode, False)
    CASES[f"onnx_mode_{_mode.lower()}_missing"] = modes_case(_mode, True)


@case("mode_mixed")
def _():
    trees = [Split("GT", 0, 0.5, Split("EQ", 0, 2, leaf(1), leaf(2), True), leaf(4)),
             Split("NEQ", 1, -1, Split("LT", 1, 0.5, leaf(8), leaf(16)), leaf(32)),
             Split("GTE", 1, INF, leaf(64), Split("LT", 0, -INF, leaf(128), leaf(256)), True)]
    return simple(Ensemble(trees))


@case("equal_chain")
def _():
    """A set of values as LightGBM's converter writes it: == after ==, with one true branch."""
    found = leaf(1)
    chain = leaf(2)
    for value in (-3, 1e6, 0, 2.5, 7):
        chain = Split("EQ", 0, value, found, chain)
    columns = [beside([-3, 1e6, 0, 2.5, 7]) + ODD, beside([0.5]) + [NAN]]
    tree = Split("LEQ", 1, 0.5, chain, Split("LEQ", 0, 2.5, leaf(4), leaf(8)))
    return simple(Ensemble([tree]), columns=columns)


@case("double")
def _():
    tree = Split("LT", 0, 0.1, leaf(0.1, -0.5), Split("GT", 1, 0.1, leaf(1 / 3, 0.5), leaf(2, 4)))
    ensemble = Ensemble([tree, tree], 3, base=(0.25, 0.1, 0.0), post="NONE", labels=(0, 1, 2),
                        width=F64)
    rows = rows_of([beside([0.1], F64) + [float(F32(0.1))] + ODD] * 2, F64)
    data = model_file([classifier(ensemble, as_tensor=True)], [("X", DOUBLE, [None, 2])], CLASSES)
    near = {"kind": "relative", "value": 1e-7}       # the answers are float32
    return data, rows, {"proba": ([ensemble.sums(row) for row in rows], near)}


@case("double_floats")
def _():
    """Thresholds are floats, rows are not."""
    tree = Split("LEQ", 0, float(F32(0.1)), leaf(1), Split("LT", 1, float(F32(0.1)), leaf(2),
                                                           leaf(4)))
    ensemble = Ensemble([tree], labels=(0, 1), width=F64)
    rows = rows_of([beside([0.1, float(F32(0.1))], F64) + ODD] * 2, F64)
    data = model_file([classifier(ensemble)], [("X", DOUBLE, [None, 2])], CLASSES)
    return data, rows, two_class_answers(ensemble, rows)


def stumps(*weights, **options):
    """Trees of one split each; `weights` are (left, right) of each."""
    return Ensemble([Split("LEQ", t % 2, t / 2, Leaf(left), Leaf(right))
                     for t, (left, right) in enumerate(weights)], **options)


for _aggregate in ("SUM", "AVERAGE", "MIN", "MAX"):
    CASES[f"onnx_{_aggregate.lower()}"] = lambda aggregate=_aggregate: simple(stumps(
        ({0: 1}, {0: -2}), ({0: 0.5}, {0: 4}), ({0: -8}, {0: 0.25}), ({0: 3}, {0: 0}),
        aggregate=aggregate, base=(0.75,)))
    CASES[f"onnx_{_aggregate.lower()}_of_targets"] = lambda aggregate=_aggregate: simple(stumps(
        ({0: 1, 1: 2}, {0: -2, 1: 8}), ({0: 0.5, 1: -4}, {1: 4, 0: 3}),
        n_targets=2, aggregate=aggregate, base=(0.75, -1.5)))


@case("target_each_its_tree")
def _():
    """One target a tree, one without any; base values where a leaf has a weight."""
    return simple(stumps(({0: 1}, {0: -2}), ({2: 0.5}, {2: 4}), ({0: 8}, {0: 16}),
                         n_targets=4, base=(0.25, 0, -3, 0)))


@case("scattered_ids")
def _():
    """Node ids are names: here 9, 16, 23, ..., packed."""
    tree = Split("LEQ", 0, 0.5, leaf(1), Split("LEQ", 1, 2, leaf(2), leaf(4)))
    return simple(Ensemble([tree, leaf(0.5), tree]), first_tree=7, number=lambda i: 9 + 7 * i,
                  packed=True)


POSITIVE = (({0: 0.25}, {0: 0.5}), ({0: 0}, {0: 0.375}))
SIGNED = (({0: -0.75}, {0: 1.5}), ({0: 2}, {0: -0.25}))
FAR = (({0: -6.5}, {0: 9}), ({0: -2.25}, {0: -9.5}))    # sums of -16 to 7


def two_class_case(weights, post, base, labels=(0, 1), outputs=None):
    def make():
        ensemble = stumps(*weights, post=post, base=base, labels=labels)
        rows = rows_of([[0, 0.25, 0.5, 0.75, -1, NAN, 5]] * 2)
        data = model_file([classifier(ensemble)], [("X", FLOAT, ["N", 2])], outputs or CLASSES,
                          ml_opset=1)
        logistic_used = post == "LOGISTIC" and weights is not POSITIVE
        return data, rows, two_class_answers(ensemble, rows, NEAR if logistic_used else BITS)
    return make


CASES["onnx_two_shares"] = two_class_case(POSITIVE, "NONE", ())
CASES["onnx_two_shares_base"] = two_class_case(POSITIVE, "SOFTMAX", (0.125,))
CASES["onnx_two_signed"] = two_class_case(SIGNED, "NONE", (), ("no", "yes ✓"), TEXTS)
CASES["onnx_two_signed_softmax"] = two_class_case(SIGNED, "SOFTMAX", (0.5,), (-7, 9))
CASES["onnx_two_logistic"] = two_class_case(SIGNED, "LOGISTIC", ())
CASES["onnx_two_logistic_far"] = two_class_case(FAR, "LOGISTIC", ())
CASES["onnx_two_logistic_base"] = two_class_case(SIGNED, "LOGISTIC", (-0.5,), ("é", "a b"), TEXTS)


@case("two_mirrored")
def _():
    """Weights of both classes, each the other's negative: CatBoost."""
    trees = [Split("GT", 0, 0.5, leaf(-0.75, 0.75), leaf(0.5, -0.5), True),
             Split("GT", 1, 2, leaf(1.5, -1.5), leaf(0.25, -0.25))]
    ensemble = Ensemble(trees, 2, post="LOGISTIC", labels=("-1", "1"))
    rows = rows_of([beside([0.5, 2]) + ODD] * 2)
    nodes = [classifier(ensemble, scores="p"),
             ml("ZipMap", ["p"], ["scores"], classlabels_strings=["-1", "1"])]
    outputs = [("label", STRING, [None]), ("scores", STRING, None)]
    data = model_file(nodes, [("X", FLOAT, ["N", 2])], outputs)
    answers = class_answers(ensemble, rows, NEAR)
    return data, rows, {"proba": answers["proba"], "index": answers["index"]}


def many_class_case(post, base=(), labels=(10, -20, 30)):
    def make():
        ensemble = stumps(({0: 1.5, 1: 0.25, 2: 0}, {0: 0.5, 1: 2, 2: 3}),
                          ({0: 0, 1: 0, 2: 1}, {0: 0.75, 1: 0.125, 2: 0}), n_targets=3, post=post,
                          base=base, labels=labels)
        rows = rows_of([[0, 0.25, 0.5, 0.75, -1, NAN, 5]] * 2)
        outputs = TEXTS if isinstance(labels[0], str) else CLASSES
        data = model_file([classifier(ensemble)], [("X", FLOAT, [None, 2])], outputs)
        return data, rows, class_answers(ensemble, rows, BITS if post == "NONE" else NEAR)
    return make


for _post in ("NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"):
    CASES[f"onnx_many_{_post.lower()}"] = many_class_case(_post)
# Values of 0, and labels by the sums.
CASES["onnx_many_logistic_far"] = many_class_case("LOGISTIC", (-20, -22, -21))
CASES["onnx_many_base"] = many_class_case("SOFTMAX", (-0.5, 0.25, 1), ("a", "b", "c"))


@case("boosted_classes")
def _():
    """A tree for each class in turn."""
    ensemble = stumps(({0: 1}, {0: -2}), ({1: 0.5}, {1: 4}), ({2: -8}, {2: 0.25}),
                      ({0: 3}, {0: 0}), ({1: -1}, {1: 1}), ({2: 2}, {2: 5}), n_targets=3,
                      post="SOFTMAX", labels=(0, 1, 2))
    rows = rows_of([[0, 0.5, 1, 1.5, 2, 2.5, NAN]] * 2)
    data = model_file([classifier(ensemble)], [("X", FLOAT, [None, 2])], CLASSES)
    return data, rows, class_answers(ensemble, rows, NEAR)


def v5_case(ensemble, kind=FLOAT, raw=True):
    def make():
        width = F64 if kind == DOUBLE else F32
        rows = rows_of([beside([0.5, 2, 0.1, 7], width) + ODD] * 2, width)
        nodes = [ml("TreeEnsemble", ["X"], ["Y"], **linked(ensemble, kind, raw))]
        data = model_file(nodes, [("X", kind, [None, 2])], [("Y", kind, [None, ensemble.n_targets])],
                          opset=21, ml_opset=5)
        return data, rows, values(ensemble, rows)
    return make


def v5_trees():
    shared = leaf(1)
    return [Split("LEQ", 0, 0.5, shared, Split("GTE", 1, 2, shared, leaf(4), True)),
            Split("MEMBER", 0, (2.0, 7.0, 0.5), Split("NEQ", 1, 7, leaf(8), leaf(16)),
                  Split("MEMBER", 1, (0.5,), leaf(32), leaf(64)), True)]


CASES["onnx_v5"] = v5_case(Ensemble(v5_trees()))
CASES["onnx_v5_typed_fields"] = v5_case(Ensemble(v5_trees(), aggregate="MAX"), raw=False)
CASES["onnx_v5_double"] = v5_case(Ensemble(
    [Split("LT", 0, 0.1, leaf(1), Split("GT", 1, 0.1, leaf(2), leaf(4), True))], width=F64,
    aggregate="AVERAGE"), DOUBLE)
CASES["onnx_v5_targets"] = v5_case(Ensemble(
    [Split("LEQ", 0, 0.5, Leaf({2: 1}), Leaf({0: 2})), Split("EQ", 1, 2, Leaf({1: 4}), Leaf({2: 8}))],
    3))


# What stands before the trees

def piped_case(nodes, constants, steps, width=F32, kind=FLOAT):
    """`steps` turns a row into what the trees see, in the width that the operators have."""
    def make():
        trees = [Split("LEQ", 0, 0.25, leaf(1), leaf(2)),
                 Split("GT", 1, -0.5, leaf(4), Split("LT", 0, 1, leaf(8), leaf(16)), True)]
        ensemble = Ensemble(trees)
        plain = np.linspace(-3, 3, 25)
        rows = rows_of([list(plain) + beside([0.325, 0.7, 1.1], width) + ODD,
                        list(plain[::-1]) + beside([0.2, -1.25], width) + [NAN]], width)
        data = model_file([*nodes, ml("TreeEnsembleRegressor", ["T"], ["Y"], **listed(ensemble))],
                          [("X", kind, [None, 2])], VALUES, constants)
        with np.errstate(invalid="ignore", over="ignore"):
            seen = [steps(row) for row in rows]
        return data, rows, {"predict": ([ensemble.sums(row) for row in seen], BITS)}
    return make


OFFSET, SCALE = [F32(0.3), F32(-0.7)], [F32(1 / 3), F32(2.7)]
SCALER = {"offset": [float(x) for x in OFFSET], "scale": [float(x) for x in SCALE]}


def scaled(row, width=F32):
    return [F32((width(x) - width(o)) * width(s)) for x, o, s in zip(row, OFFSET, SCALE)]


CASES["onnx_scaler"] = piped_case([ml("Scaler", ["X"], ["T"], **SCALER)], [], scaled)
CASES["onnx_scaler_double"] = piped_case([ml("Scaler", ["X"], ["T"], **SCALER)], [],
                                         lambda row: scaled(row, F64), F64, DOUBLE)
CASES["onnx_imputer_scaler"] = piped_case(
    [ml("Imputer", ["X"], ["I"], imputed_value_floats=[0.75, -1.5], replaced_value_float=NAN),
     ml("Scaler", ["I"], ["T"], **SCALER)], [],
    lambda row: scaled([F32(fill) if x != x else x for x, fill in zip(row, (0.75, -1.5))]))
CASES["onnx_cast"] = piped_case([node("Cast", ["X"], ["T"], to=FLOAT)], [],
                                lambda row: [F32(x) for x in row], F64, DOUBLE)
CASES["onnx_selected"] = piped_case(
    [ml("ArrayFeatureExtractor", ["X", "one"], ["A"]), node("Gather", ["X", "zero"], ["B"], axis=1),
     node("Concat", ["A", "B"], ["C"], axis=1), node("Identity", ["C"], ["T"])],
    [Tensor(INT64, [1], name="one"), Tensor(INT64, [-2], name="zero", raw=False)],
    lambda row: [row[1], row[0]])
CASES["onnx_arithmetic"] = piped_case(
    [node("Sub", ["X", "a"], ["B"]), node("Div", ["B", "b"], ["C"]), node("Mul", ["C", "c"], ["D"]),
     node("Add", ["c", "D"], ["T"])],
    [Tensor(FLOAT, OFFSET, [1, 2], "a"), Tensor(FLOAT, SCALE, name="b"),
     Tensor(FLOAT, [0.7], name="c")],
    lambda row: [F32(F32(F32(F32(x - o) / s) * F32(0.7)) + F32(0.7))
                 for x, o, s in zip(row, OFFSET, SCALE)])
CASES["onnx_clip"] = piped_case(
    [node("Clip", ["X", "low", "high"], ["T"])],
    [Tensor(FLOAT, [-0.75], [], "low"), Tensor(FLOAT, [0.25], [], "high")],
    lambda row: [x if x != x else min(max(x, F32(-0.75)), F32(0.25)) for x in row])


@case("inputs_joined")
def _():
    """A data frame: one input a column, two of whole numbers."""
    ensemble = Ensemble([Split("LEQ", 0, 0.5, leaf(1), leaf(2)), Split("GT", 1, 3, leaf(4), leaf(8)),
                         Split("EQ", 2, 7, leaf(16), leaf(32))])
    rows = rows_of([[0, 0.5, 0.75, NAN], [1, 3, 4, -2], [7, 8, 0]])
    nodes = [node("Cast", ["wide"], ["wide_f"], to=FLOAT), node("Cast", ["n"], ["n_f"], to=FLOAT),
             node("Concat", ["x", "wide_f", "n_f"], ["T"], axis=-1),
             ml("TreeEnsembleRegressor", ["T"], ["Y"], **listed(ensemble))]
    inputs = [("x", FLOAT, [None, 1]), ("wide", INT64, [None, 1]), ("n", INT64, [None, 1])]
    return model_file(nodes, inputs, VALUES), rows, values(ensemble, rows)


# What stands behind them

@case("zipmap")
def _():
    ensemble = stumps(*POSITIVE, labels=(3, 4))
    rows = rows_of([[0, 0.25, 0.5, 0.75, -1, NAN]] * 2)
    nodes = [classifier(ensemble, label="l", scores="p"), node("Cast", ["l"], ["label"], to=INT64),
             ml("Normalizer", ["p"], ["q"], norm="L1"),
             ml("ZipMap", ["q"], ["scores"], classlabels_int64s=[3, 4])]
    outputs = [("label", INT64, [None]), ("scores", INT64, None)]
    data = model_file(nodes, [("X", FLOAT, [None, 2])], outputs)
    return data, rows, two_class_answers(ensemble, rows)


@case("labels_looked_up")
def _():
    ensemble = stumps(({0: 0.5, 1: 0.25, 2: 0.25}, {0: 0, 1: 0.75, 2: 0.25}), n_targets=3,
                      labels=(0, 1, 2))
    rows = rows_of([[0, 0.25, -1, NAN]] * 2)
    nodes = [classifier(ensemble, label="l", scores="p"),
             ml("ArrayFeatureExtractor", ["names", "l"], ["t"]),
             node("Reshape", ["t", "flat"], ["label"]),
             ml("Normalizer", ["p"], ["scores"], norm="L1")]
    constants = [Tensor(STRING, ["x", "y", "z"], name="names"), Tensor(INT64, [-1], name="flat")]
    data = model_file(nodes, [("X", FLOAT, [None, 2])], TEXTS, constants)
    return data, rows, class_answers(ensemble, rows)


def split_sum(post):
    """Trees in several ensembles whose sums are added in double, and exp behind: LightGBM."""
    whole_one = stumps(({0: 1}, {0: -2}), ({0: 0.5}, {0: 0.125}), ({0: -1}, {0: 0.25}))
    parts = [Ensemble(whole_one.trees[:2]), Ensemble(whole_one.trees[2:])]
    rows = rows_of([[0, 0.25, 0.5, 1, 1.5, NAN]] * 2)
    nodes = [ml("TreeEnsembleRegressor", ["X"], [f"t{i}"], **listed(part))
             for i, part in enumerate(parts)]
    nodes += [node("Cast", [f"t{i}"], [f"d{i}"], to=DOUBLE) for i in range(2)]
    nodes += [node("Sum", ["d0", "d1"], ["sum"]), node("Cast", ["sum"], ["f"], to=FLOAT),
              node(post, ["f"], ["Y"])]
    data = model_file(nodes, [("X", FLOAT, [None, 2])], VALUES)
    sums = np.array([whole_one.sums(row) for row in rows], F64)
    answers = {"Identity": sums, "Exp": np.exp(sums), "Sigmoid": sigmoid(sums)}[post]
    return data, rows, {"predict": (answers, BITS if post == "Identity" else NEAR)}


for _post in ("Identity", "Exp", "Sigmoid"):
    CASES[f"onnx_split_{_post.lower()}"] = lambda post=_post: split_sum(post)


@case("poisson")
def _():
    """exp of the sums times a constant: XGBoost's converter."""
    ensemble = stumps(({0: 1}, {0: -2}), ({0: 0.5}, {0: 0.125}))
    rows = rows_of([[0, 0.25, 0.5, 1, 1.5, NAN]] * 2)
    nodes = [ml("TreeEnsembleRegressor", ["X"], ["t"], **listed(ensemble)),
             node("Exp", ["t"], ["e"]), node("Mul", ["e", "c"], ["Y"])]
    data = model_file(nodes, [("X", FLOAT, [None, 2])], VALUES, [Tensor(FLOAT, [0.3], name="c")])
    sums = np.array([ensemble.sums(row) for row in rows], F64)
    return data, rows, {"predict": (np.exp(sums) * F64(F32(0.3)), NEAR)}


@case("divided")
def _():
    ensemble = stumps(({0: 1}, {0: -2}), ({0: 0.5}, {0: 0.125}), base=(0.5,))
    rows = rows_of([[0, 0.25, 0.5, 1, 1.5, NAN]] * 2)
    nodes = [ml("TreeEnsembleRegressor", ["X"], ["t"], **listed(ensemble)),
             node("Div", ["t", "c"], ["Y"])]
    data = model_file(nodes, [("X", FLOAT, [None, 2])], VALUES, [Tensor(FLOAT, [100], [], "c")])
    sums = np.array([ensemble.sums(row) for row in rows], F32)
    return data, rows, {"predict": (sums / F32(100), BITS)}
