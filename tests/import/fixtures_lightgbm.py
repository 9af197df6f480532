"""LightGBM text models written by hand, each with what LightGBM answers to its rows.

LightGBM is not packaged, so the answers come from the evaluator below: a plain walk through the
trees as they were drawn, never through the text. It follows LightGBM 4.6: PredictForMat of
src/c_api.cpp (which reads |x| <= 1e-35f as 0), NumericalDecision, CategoricalDecision and Predict of
include/LightGBM/tree.h, ConvertOutput of src/objective. exp and log are mpmath's, rounded once.
"""
import dataclasses
import json
import math
import pathlib
from typing import Any

import mpmath
import numpy as np

mpmath.mp.prec = 200
BITS = {"kind": "bits"}
ABSOLUTE = {"kind": "absolute", "value": 2e-15}
RELATIVE = {"kind": "relative", "value": 1e-15}
TINY = float(np.float32(1e-35))
NONE, ZERO, NAN = 0, 1, 2
CASES = {}


# Trees


@dataclasses.dataclass
class Leaf:
    value: float
    terms: tuple = ()     # (feature, coefficient) of a linear leaf
    const: float = 0.0
    count: int = 0


@dataclasses.dataclass
class Split:
    feature: int
    threshold: float
    left: Any
    right: Any
    missing: int = NONE
    default_left: bool = False
    categories: Any = None  # set of codes

    def decision_type(self):
        return (self.categories is not None) | self.default_left << 1 | self.missing << 2

    def goes_left(self, x):
        if self.categories is not None:
            if math.isnan(x) or math.isinf(x) or x <= -1 or x >= 2**31:
                return False
            return int(x) in self.categories
        if math.isnan(x) and self.missing != NAN:
            x = 0.0
        if (self.missing == ZERO and abs(x) <= TINY) or (self.missing == NAN and math.isnan(x)):
            return self.default_left
        return x <= self.threshold


@dataclasses.dataclass
class Tree:
    root: Any
    linear: bool = False
    splits: list = dataclasses.field(default_factory=list)
    leaves: list = dataclasses.field(default_factory=list)
    links: list = dataclasses.field(default_factory=list)

    def __post_init__(self):
        self.place(self.root)

    def place(self, node):
        """LightGBM's numbers: of a split, or the complement of a leaf's."""
        if isinstance(node, Leaf):
            self.leaves.append(node)
            return ~(len(self.leaves) - 1)
        number = len(self.splits)
        self.splits.append(node)
        self.links.append(None)
        self.links[number] = (self.place(node.left), self.place(node.right))
        return number

    def find_leaf(self, x):
        node = self.root
        while isinstance(node, Split):
            node = node.left if node.goes_left(x[node.feature]) else node.right
        return next(j for j, leaf in enumerate(self.leaves) if leaf is node)

    def value(self, x):
        leaf = self.leaves[self.find_leaf(x)]
        if not self.linear:
            return leaf.value
        total = leaf.const
        for feature, coef in leaf.terms:
            if math.isnan(x[feature]):
                return leaf.value
            total += coef * x[feature]
        return total

    def text(self):
        lines = {"num_leaves": [len(self.leaves)], "num_cat": [len(self.sets())]}
        if self.splits:
            lines.update(self.split_lines())
        lines["leaf_value"] = [leaf.value for leaf in self.leaves]
        if self.splits:
            lines["leaf_count"] = [leaf.count for leaf in self.leaves]
            lines["internal_count"] = [self.count(split) for split in self.splits]
        if self.sets():
            lines.update(self.set_lines())
        lines["is_linear"] = [int(self.linear)]
        if self.linear:
            lines.update(self.linear_lines())
        lines["shrinkage"] = [0.1]
        return "".join(f"{key}={' '.join(map(number, values))}\n"
                       for key, values in lines.items()) + "\n"

    def sets(self):
        return [split for split in self.splits if split.categories is not None]

    def count(self, node):
        if isinstance(node, Leaf):
            return node.count
        return self.count(node.left) + self.count(node.right)

    def split_lines(self):
        sets = self.sets()
        place = {id(split): i for i, split in enumerate(sets)}
        return {"split_feature": [split.feature for split in self.splits],
                "split_gain": [1.5] * len(self.splits),
                "threshold": [place.get(id(split), split.threshold) for split in self.splits],
                "decision_type": [split.decision_type() for split in self.splits],
                "left_child": [left for left, _ in self.links],
                "right_child": [right for _, right in self.links]}

    def set_lines(self):
        boundaries, words = [0], []
        for split in self.sets():
            own = [0] * (max(split.categories, default=-1) // 32 + 1)
            for code in split.categories:
                own[code // 32] |= 1 << code % 32
            words += own
            boundaries.append(len(words))
        return {"cat_boundaries": boundaries, "cat_threshold": words}

    def linear_lines(self):
        terms = [term for leaf in self.leaves for term in leaf.terms]
        return {"leaf_const": [leaf.const for leaf in self.leaves],
                "num_features": [len(leaf.terms) for leaf in self.leaves],
                "leaf_features": [feature for feature, _ in terms],
                "leaf_coeff": [coef for _, coef in terms]}


def number(x):
    return str(x) if isinstance(x, (int, np.integer)) else f"{x:.17g}"


# Files


@dataclasses.dataclass
class Model:
    trees: list
    infos: list
    objective: Any = "regression"
    columns: int = 1
    version: str = "v4"
    average: bool = False
    names: Any = None
    sizes: bool = True
    newline: str = "\n"
    stray: tuple = ()
    pandas: Any = None

    def text(self):
        names = self.names or [f"Column_{f}" for f in range(len(self.infos))]
        lines = ["tree", f"version={self.version}", f"num_class={self.columns}",
                 f"num_tree_per_iteration={self.columns}", "label_index=0",
                 f"max_feature_idx={len(self.infos) - 1}", *self.stray]
        lines += [f"objective={self.objective}"] if self.objective else []
        lines += ["average_output"] if self.average else []
        lines += ["feature_names=" + " ".join(names), "feature_infos=" + " ".join(self.infos)]
        blocks = [f"Tree={i}\n{tree.text()}\n" for i, tree in enumerate(self.trees)]
        sizes = " ".join(str(len(block)) for block in blocks)
        lines += [f"tree_sizes={sizes}"] if self.sizes else []
        text = "\n".join(lines) + "\n\n" + "".join(blocks) + self.end()
        return text.replace("\n", self.newline).encode()

    def end(self):
        importance = "Column_0=3\nColumn_1=1\n"
        if self.version == "v2":
            return "\nfeature importances:\n" + importance
        texts = json.dumps(self.pandas)
        return (f"end of trees\n\nfeature_importances:\n{importance}\nparameters:\n[boosting: gbdt]\n"
                f"[data: train.csv]\n\nend of parameters\n\npandas_categorical:{texts}\n")

    def answers(self, rows):
        """kind -> array; `proba` of classes, `predict` of numbers."""
        margins, leaves, values = [], [], []
        for row in rows:
            # The C door drops what is almost zero.
            x = [0.0 if abs(v) <= TINY else float(v) for v in row]
            sums = [0.0] * self.columns
            for i, tree in enumerate(self.trees):
                sums[i % self.columns] += tree.value(x)
            margins.append(sums)
            leaves.append([tree.find_leaf(x) for tree in self.trees])
            count = len(self.trees) // self.columns
            values.append(self.link([s / count if self.average else s for s in sums]))
        is_class = self.objective and self.objective.split()[0] in (
            "binary", "multiclass", "multiclassova")
        answers = {"margin": (np.array(margins), BITS),
                   "proba" if is_class else "predict": (np.array(values), self.tolerance())}
        if self.trees:
            answers["leaf"] = (np.array(leaves, np.int64), BITS)
        return answers

    def tolerance(self):
        name = (self.objective or "custom").split()[0]
        if name in ("binary", "multiclass", "multiclassova", "cross_entropy"):
            return ABSOLUTE
        return RELATIVE if name in ("poisson", "tweedie", "cross_entropy_lambda") else BITS

    def link(self, x):
        name, *parameters = (self.objective or "custom").split()
        values = dict(word.split(":") for word in parameters if ":" in word)
        scale = float(values.get("sigmoid", 1))
        if name == "binary":
            return [1 - sigmoid(scale * x[0]), sigmoid(scale * x[0])]
        if name == "multiclassova":
            return [sigmoid(scale * v) for v in x]
        if name == "multiclass":
            powers = [mpmath.exp(v - max(x)) for v in x]
            return [float(p / sum(powers)) for p in powers]
        if name == "cross_entropy":
            return [sigmoid(x[0])]
        if name == "cross_entropy_lambda":
            return [float(mpmath.log1p(mpmath.exp(x[0])))]
        if name in ("poisson", "tweedie"):
            return [float(mpmath.exp(x[0]))]
        if "sqrt" in parameters:
            return [math.copysign(1, x[0]) * x[0] * x[0]]
        return x


def sigmoid(x):
    return float(1 / (1 + mpmath.exp(-x)))


def case(name, model, rows):
    CASES[name] = (model, np.asarray(rows, np.float64))


def write_corpus(folder):
    """Where the fuzzer starts: everything in few bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in CORPUS.items():
        (folder / name).write_bytes(text)


def write_cases(folder):
    write_corpus(pathlib.Path(folder).parent / "corpus" / "lightgbm")
    for name, (model, rows) in CASES.items():
        path = pathlib.Path(folder) / name
        path.mkdir(parents=True, exist_ok=True)
        (path / "model.txt").write_bytes(model.text())
        np.save(path / "rows.npy", rows)
        answers = {}
        for kind, (expected, tolerance) in model.answers(rows).items():
            np.save(path / f"{kind}.npy", expected)
            answers[kind] = {"file": f"{kind}.npy", "tolerance": tolerance}
        (path / "case.json").write_text(json.dumps(
            {"name": name, "model": "model.txt", "rows": "rows.npy", "answers": answers,
             "producer": {"library": "LightGBM", "version": model.version,
                          "estimator": "written by hand"}}, indent=1) + "\n")


# Drawn trees


def leaf_of(rng):
    return Leaf(float(rng.normal()), count=int(rng.integers(1, 100)))


def draw(rng, n_features, depth, split, leaf=leaf_of):
    if depth == 0 or rng.random() < 0.1:
        return leaf(rng)
    left = draw(rng, n_features, depth - 1, split, leaf)
    return split(rng, n_features, left, draw(rng, n_features, depth - 1, split, leaf))


def numeric(rng, n_features, left, right):
    threshold = [float(rng.normal()), 0.0, TINY, -TINY, 1e-36, -1e-36][
        int(rng.integers(6)) if rng.integers(2) else 0]
    return Split(int(rng.integers(n_features)), threshold, left, right,
                 missing=int(rng.integers(3)), default_left=bool(rng.integers(2)))


def forest(seed, n_trees, split=numeric, n_features=4, depth=3, leaf=leaf_of):
    rng = np.random.default_rng(seed)
    return [Tree(draw(rng, n_features, depth, split, leaf)) for _ in range(n_trees)]


def rows_for(trees, n_features, seed, n=60):
    """Rows on thresholds and beside them, at zero, missing, infinite."""
    rng = np.random.default_rng(seed)
    special = [0.0, -0.0, TINY, -TINY, np.nextafter(TINY, 1), -np.nextafter(TINY, 1), 1e-36, 5e-324,
               np.nan, np.inf, -np.inf, 1e300]
    for tree in trees:
        for split in tree.splits:
            t = split.threshold
            special += [t, np.nextafter(t, np.inf), np.nextafter(t, -np.inf)]
    rows = rng.normal(size=(n, n_features))
    chosen = rng.random(rows.shape) < 0.4
    rows[chosen] = rng.choice(special, int(chosen.sum()))
    return rows


RANGES = ["[-3.5:2.25]", "none", "[0:1e+300]", "[-1e-3:7]"]
TREES = forest(1, 12)
ROWS = rows_for(TREES, 4, 2)
case("lgb_missing_types", Model(TREES, RANGES, "binary sigmoid:1.7"), ROWS)
case("lgb_windows_v2_sqrt",
     Model(TREES[:6], RANGES, "regression sqrt", version="v2", newline="\r\n",
           stray=("monotone_constraints=0 0 1 -1", "someday=a=b", "a bare word"),
           names=["length", "größe", "x=1", "Column_3"]), ROWS)
case("lgb_without_sizes_v2", Model(TREES[:4], RANGES, "huber", version="v2", sizes=False), ROWS)
case("lgb_multiclass_v3", Model(TREES, RANGES, "multiclass num_class:3", 3, "v3"), ROWS)
case("lgb_multiclassova", Model(TREES, RANGES, "multiclassova num_class:4 sigmoid:0.7", 4), ROWS)
case("lgb_forest_multiclass",
     Model(TREES, RANGES, "multiclass num_class:3", 3, average=True), ROWS)
case("lgb_forest_binary_v3",
     Model(TREES[:7], RANGES, "binary sigmoid:1", version="v3", average=True), ROWS)
case("lgb_forest_regression_v2",
     Model(TREES[:7], RANGES, "regression", version="v2", average=True), ROWS)
case("lgb_poisson", Model(TREES[:3], RANGES, "poisson"), ROWS)
case("lgb_tweedie", Model(TREES[3:5], RANGES, "tweedie tweedie_variance_power:1.5"), ROWS)
case("lgb_cross_entropy", Model(TREES[:5], RANGES, "cross_entropy"), ROWS)
case("lgb_cross_entropy_lambda", Model(TREES[:5], RANGES, "cross_entropy_lambda"), ROWS)
case("lgb_lambdarank", Model(TREES[:5], RANGES, "lambdarank"), ROWS)
case("lgb_custom", Model(TREES[:6], RANGES, None, 2), ROWS)
case("lgb_constants", Model([Tree(Leaf(0.1)), Tree(Leaf(-0.3)), Tree(Leaf(0.7))], ["none"] * 4),
     ROWS[:5])
case("lgb_no_trees", Model([], RANGES, "binary sigmoid:1"), ROWS[:5])
case("lgb_numbers",
     Model([Tree(Split(0, np.inf, Split(1, -1e300, Leaf(1e-310), Leaf(-5e-324)), Leaf(1.0))),
            Tree(Split(2, 1e22, Leaf(0.1 + 0.2), Leaf(2.0**70)))], RANGES), ROWS)
case("lgb_not_finite",
     Model([Tree(Split(0, 0.5, Leaf(math.inf), Split(1, 0.25, Leaf(-math.inf), Leaf(2.0)))),
            Tree(Split(2, 0.0, Leaf(1.0), Leaf(-1.0)))], RANGES), ROWS)

# Leaves numbered from the right.
FROM_RIGHT = Tree(Split(0, 0.5, Split(1, 0.25, Leaf(1.0), Leaf(2.0)), Leaf(3.0)))
FROM_RIGHT.leaves.reverse()
FROM_RIGHT.links = [(1, ~0), (~2, ~1)]
case("lgb_leaf_order", Model([FROM_RIGHT], RANGES), ROWS)

# Categories

COLOURS = ["red", "green", "blue", "ünï", "e", "f", "g", "h", "i"]
CODES = [0, -0.0, 1, 2, 7, 8, 9, 31, 32, 33, 64, 69, 70, 500, -0.5, -0.999, -1, -3, 2.7, 31.999,
         1e-36, 2.0**31, 2.0**32, 1e300, np.nan, np.inf, -np.inf]


def categorical(n_codes):
    def split(rng, n_features, left, right):
        if rng.integers(3) == 0:
            return numeric(rng, 1, left, right)
        feature = int(rng.integers(1, 3))
        n = n_codes[feature]
        codes = {int(c) for c in rng.choice(n, int(rng.integers(1, n)), replace=False)}
        return Split(feature, 0.0, left, right, int(rng.integers(3)), bool(rng.integers(2)), codes)
    return split


def code_rows(seed):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(60, 3))
    rows[:, 1:] = rng.choice(CODES, (60, 2))
    return rows


case("lgb_categories",
     Model(forest(5, 10, categorical({1: 70, 2: 9}), 3), ["[0:1]", "3:0:69:5:-1", "8:0"],
           "binary sigmoid:1"), code_rows(6))
case("lgb_pandas_categories",
     Model(forest(7, 10, categorical({1: 9, 2: 3}), 3), ["[0:1]", "3:0:8:5:-1", "2:0:1"],
           "regression_l1", pandas=[COLOURS, [10, 2.5, True]]), code_rows(8))

# Linear trees


def linear_leaf(rng):
    leaf = leaf_of(rng)
    features = rng.choice(4, int(rng.integers(0, 4)), replace=False)
    leaf.terms = tuple((int(f), float(rng.normal())) for f in features)
    leaf.const = float(rng.normal())
    return leaf


LINEAR = forest(9, 8, leaf=linear_leaf)
for tree in LINEAR[1::2] + LINEAR[:1]:
    tree.linear = True
LINEAR.append(Tree(Leaf(2.5, ((1, 0.5), (3, -2.0)), 0.25), linear=True))
LINEAR_ROWS = rows_for(LINEAR, 4, 10)
LINEAR_ROWS[np.abs(LINEAR_ROWS) < 1e-30] = 0.5
case("lgb_linear", Model(LINEAR, RANGES), LINEAR_ROWS)

# The fuzzer's start

SETS = Tree(Split(1, 0, Leaf(1.5, count=3), Split(
    0, -TINY, Leaf(-2.25, count=4),
    Split(2, 0, Leaf(0.5, count=1), Leaf(1e-30, count=2), categories={0, 1}), ZERO, True),
    categories={0, 2, 33}))
TERMS = Tree(Split(0, 0.25, Leaf(1.0, ((0, 0.5), (2, -1.0)), 0.125), Leaf(2.0, (), 2.0), NAN),
             linear=True)
CODE_RANGES = ["[0:1]", "0:2:33:-1", "1:0"]
CORPUS = {
    "everything.txt": Model([SETS, TERMS, Tree(Leaf(0.75))], CODE_RANGES, "binary sigmoid:0.5",
                            pandas=[[f"c{i}" for i in range(34)], [3, True]]).text(),
    "forest_without_sizes.txt": Model([SETS, Tree(Leaf(0.5))], CODE_RANGES,
                                      "multiclass num_class:2", 2, "v3", average=True, sizes=False,
                                      newline="\r\n").text(),
    "cycle.txt": Model([SETS], CODE_RANGES, "regression sqrt", version="v2").text().replace(
        b"right_child=1 2", b"right_child=1 0")}
