"""CatBoost models as JSON, written here as CatBoost writes them, with a plain walk that answers.

CatBoost is not packaged. The walk goes through the trees as they were drawn: leaf number from the
splits' bits (cpu/evaluator_impl.cpp), double sums in the order of trees, then scale and bias
(ApplyScaleAndBias), then the prediction that the loss implies. exp is mpmath's, rounded once.
"""
import dataclasses
import json
import pathlib
from typing import Any

import mpmath
import numpy as np

mpmath.mp.prec = 200
BITS = {"kind": "bits"}
ABSOLUTE = {"kind": "absolute", "value": 2e-15}
RELATIVE = {"kind": "relative", "value": 1e-15}
F32 = np.float32
CASES = {}


@dataclasses.dataclass
class Feature:
    name: str = ""
    column: int = 0
    has_nans: bool = False
    treatment: str = "AsIs"

    def is_greater(self, x, border):
        x = F32(x)
        if np.isnan(x):
            return self.has_nans and self.treatment == "AsTrue"
        return bool(x > F32(border))


@dataclasses.dataclass
class Node:
    feature: int
    border: float
    left: Any
    right: Any


@dataclasses.dataclass
class Leaf:
    values: list
    weight: float = 1.0


@dataclasses.dataclass
class Model:
    features: list
    trees: list            # (splits, leaves) of symmetric trees, or Node and Leaf
    loss: dict
    scale: float = 1.0
    bias: tuple = (0.0,)
    class_params: Any = None
    old: bool = False      # bias as a number, no names, classes in multiclass_params
    extra: dict = dataclasses.field(default_factory=dict)

    @property
    def symmetric(self):
        return isinstance(self.trees[0], tuple)

    def leaf(self, tree, row):
        if self.symmetric:
            splits, leaves = tree
            number = sum(self.features[f].is_greater(row[self.features[f].column], border) << bit
                         for bit, (f, border) in enumerate(splits))
            return number, leaves[number].values
        node = tree
        while isinstance(node, Node):
            feature = self.features[node.feature]
            node = node.right if feature.is_greater(row[feature.column], node.border) else node.left
        return [id(leaf) for leaf in leaves_of(tree)].index(id(node)), node.values

    def margins(self, row):
        sums = [0.0] * len(self.bias)
        for tree in self.trees:
            sums = [s + v for s, v in zip(sums, self.leaf(tree, row)[1])]
        return [self.scale * s + b for s, b in zip(sums, self.bias)]


def leaves_of(node):
    return [node] if isinstance(node, Leaf) else leaves_of(node.left) + leaves_of(node.right)


# As CatBoost writes it


def dump(model):
    floats = []
    for number, feature in enumerate(model.features):
        entry = {"borders": sorted(borders_of(model, number)), "feature_index": number,
                 "flat_feature_index": feature.column, "has_nans": feature.has_nans,
                 "nan_value_treatment": feature.treatment, "feature_id": feature.name}
        floats.append(entry)
    info = {"catboost_version_info": "made by hand\n",
            "params": {"loss_function": model.loss}, **model.extra}
    if model.class_params is not None:
        info["multiclass_params" if model.old else "class_params"] = model.class_params
    if model.symmetric:
        trees = {"oblivious_trees": [symmetric_json(tree) for tree in model.trees]}
    else:
        trees = {"trees": [node_json(tree) for tree in model.trees]}
    document = {"features_info": {"float_features": floats}, "model_info": info, **trees}
    bias = model.bias[0] if model.old else list(model.bias)
    document["scale_and_bias"] = [model.scale, bias]
    return json.dumps(document, indent=1).encode()


def borders_of(model, feature):
    def walk(node):
        if isinstance(node, Leaf):
            return set()
        here = {node.border} if node.feature == feature else set()
        return here | walk(node.left) | walk(node.right)
    if model.symmetric:
        return {border for splits, _ in model.trees for f, border in splits if f == feature}
    return set().union(*(walk(tree) for tree in model.trees))


def split_json(feature, border):
    return {"border": border, "float_feature_index": feature, "split_index": 0,
            "split_type": "FloatFeature"}


def symmetric_json(tree):
    splits, leaves = tree
    return {"leaf_values": [v for leaf in leaves for v in leaf.values],
            "leaf_weights": [leaf.weight for leaf in leaves],
            "splits": [split_json(*split) for split in splits] or None}


def node_json(node):
    if isinstance(node, Leaf):
        value = node.values[0] if len(node.values) == 1 else node.values
        return {"value": value, "weight": node.weight}
    return {"split": split_json(node.feature, node.border), "left": node_json(node.left),
            "right": node_json(node.right)}


# Trees and rows


def leaf(rng, width):
    return Leaf([float(v) for v in rng.normal(size=width)], float(rng.integers(0, 50)))


def border(rng):
    return float(F32(rng.normal()))


def symmetric(rng, n_features, width, depths):
    return [([(int(rng.integers(n_features)), border(rng)) for _ in range(depth)],
             [leaf(rng, width) for _ in range(2**depth)]) for depth in depths]


def nested(rng, n_features, width, depth):
    if depth == 0 or rng.random() < 0.2:
        return leaf(rng, width)
    return Node(int(rng.integers(n_features)), border(rng), nested(rng, n_features, width, depth - 1),
                nested(rng, n_features, width, depth - 1))


def rows_for(model, rng):
    n = max(feature.column for feature in model.features) + 1
    rows = list(rng.normal(size=(24, n)))
    for number, feature in enumerate(model.features):
        for value in list(borders_of(model, number))[:4]:
            for x in (value, np.nextafter(F32(value), F32(9)), np.nextafter(F32(value), F32(-9)),
                      np.nextafter(value, 9.0)):
                row = rng.normal(size=n)
                row[feature.column] = x
                rows.append(row)
    for value in (np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-45, 3e38):
        row = rng.normal(size=n)
        row[rng.choice(n, max(1, n // 2), replace=False)] = value
        rows += [row, np.full(n, value)]
    return np.array(rows)


# Answers


def sigmoid(x):
    return float(1 / (1 + mpmath.exp(-mpmath.mpf(x))))


def softmax(margins):
    powers = [mpmath.exp(mpmath.mpf(m)) for m in margins]
    return [float(p / sum(powers)) for p in powers]


def answer(model, rows):
    margins = np.array([model.margins(row) for row in rows])
    answers = {"margin": (margins, BITS)}
    if not any(model.bias):  # a bias is one tree more
        answers["leaf"] = np.array([[model.leaf(t, row)[0] for t in model.trees]
                                    for row in rows]), BITS
    loss = model.loss["type"]
    if loss in ("Logloss", "CrossEntropy", "MultiLogloss"):
        ones = np.array([[sigmoid(m) for m in row] for row in margins])
        answers["proba"] = np.stack([1 - ones, ones], axis=-1), ABSOLUTE
        answers["index"] = margins > 0, BITS
    elif loss.startswith("MultiClass"):
        values = np.array([softmax(row) if loss == "MultiClass" else [sigmoid(m) for m in row]
                           for row in margins])
        answers["proba"] = values, ABSOLUTE
        answers["index"] = margins.argmax(axis=1), BITS
    elif loss in ("Poisson", "Tweedie"):
        answers["predict"] = np.array([[float(mpmath.exp(mpmath.mpf(m))) for m in row]
                                       for row in margins]), RELATIVE
    else:
        answers["predict"] = margins, BITS
    return answers


def case(name, seed, make):
    """Registers make(rng) -> Model."""
    assert name not in CASES
    CASES[name] = seed, make


def write_cases(folder):
    for name, (seed, make) in CASES.items():
        rng = np.random.default_rng(seed)
        model = make(rng)
        rows = rows_for(model, rng)
        path = pathlib.Path(folder) / name
        path.mkdir(parents=True, exist_ok=True)
        (path / "model.json").write_bytes(dump(model))
        entry = {"name": name, "producer": {"library": "CatBoost", "version": "",
                                            "estimator": "written by hand"},
                 "model": "model.json", "rows": "rows.npy", "answers": {}}
        for kind, (numbers, tolerance) in answer(model, rows).items():
            whole = kind in ("index", "leaf")
            np.save(path / f"{kind}.npy", np.ascontiguousarray(
                np.asarray(numbers).reshape(len(rows), -1), "<i8" if whole else "<f8"))
            entry["answers"][kind] = {"file": f"{kind}.npy", "tolerance": tolerance}
        np.save(path / "rows.npy", rows)
        (path / "case.json").write_text(json.dumps(entry, indent=1) + "\n")


THREE = [Feature("a", 0, True, "AsTrue"), Feature("b", 1, True, "AsFalse"), Feature("", 3)]
UNSEEN = [Feature("", 0, False, "AsTrue"), Feature("", 1)]
NAMES = {"class_label_type": "String", "class_to_label": [0, 1, 2], "classes_count": 0,
         "class_names": ["rouge", "größe", "n\"o"]}
NUMBERS = {"class_label_type": "Integer", "class_to_label": [3, 7], "class_names": [],
           "classes_count": 0}

case("cat_logloss", 1, lambda rng: Model(
    THREE, symmetric(rng, 3, 1, (6, 3, 1, 0, 4)), {"type": "Logloss", "params": {}},
    class_params={"class_label_type": "Integer", "class_names": [0, 1], "class_to_label": [0, 1],
                  "classes_count": 0}))
case("cat_rmse_bias", 2, lambda rng: Model(
    THREE, symmetric(rng, 3, 1, (4, 4, 2)), {"type": "RMSE", "params": {}}, bias=(0.1,)))
case("cat_multiclass", 3, lambda rng: Model(
    UNSEEN, symmetric(rng, 2, 3, (3, 2, 4)), {"type": "MultiClass"}, bias=(0.3, -0.7, 0.1),
    class_params=NAMES))
case("cat_one_vs_all", 4, lambda rng: Model(
    UNSEEN, [nested(rng, 2, 3, 4) for _ in range(4)], {"type": "MultiClassOneVsAll"},
    bias=(0.0, 0.0, 0.0), class_params=NAMES))
case("cat_nested_poisson", 5, lambda rng: Model(
    THREE, [nested(rng, 3, 1, 5) for _ in range(5)], {"type": "Poisson"}, bias=(0.25,)))
case("cat_old_layout", 6, lambda rng: Model(
    UNSEEN, symmetric(rng, 2, 1, (2, 3)), {"type": "CrossEntropy"}, class_params=NUMBERS, old=True))
case("cat_multilabel", 7, lambda rng: Model(
    UNSEEN, symmetric(rng, 2, 2, (3, 3)), {"type": "MultiLogloss"}, bias=(0.0, 0.0)))
case("cat_quantile_scaled", 8, lambda rng: Model(
    THREE, symmetric(rng, 3, 1, (3, 3)), {"type": "Quantile", "params": {"alpha": "0.9"}},
    scale=0.5, bias=(-2.5,)))
