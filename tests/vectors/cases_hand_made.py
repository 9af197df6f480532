"""Cases that no engine at hand can make: drawn trees, answered by the reference evaluator.

They cover the rest of the format's vocabulary, above all LightGBM's rules (its `Tree::Decision`,
`CategoricalDecision` and linear trees in include/LightGBM/tree.h), and every width and decision.
"""
import numpy as np

import copse_export
from forest_builder import Leaf, Split, class_output, metadata, tensors_of, value_outputs
from reference_evaluator import ALMOST_ZERO, ReferenceModel
from vector_case import ABSOLUTE, BITS, RELATIVE, ULP32, edge_rows, write_case

CASES = {}
PRODUCER = {"library": "copse", "version": "1", "estimator": "reference evaluator"}
BINARY = [class_output(["no", "yes"], 0, 1)]
VALUE = value_outputs(1)


def hand_made(name, covers, answers, *, n_margins=1, outputs=VALUE, n_features=5, tensors=None,
              rows=None, X=None, **meta):
    """Registers a case.

    answers  kind -> tolerance
    tensors  rng -> tensors; rows: further rows, rng -> [n, n_features]; X: rng -> data rows
    meta     arguments of metadata
    """
    def make(folder, name):
        rng = np.random.default_rng(sum(map(ord, name)))
        data = copse_export.canonical_bytes(tensors(rng), metadata(outputs, n_features, **meta))
        model = ReferenceModel(data)
        allowed = meta.get("missing", "allowed") == "allowed"
        infinite = meta.get("infinite", "error" if meta.get("input") == "f32" else "allowed")
        given = X(rng) if X else rng.normal(size=(24, n_features))
        all_rows = edge_rows(data, given, rng, missing=allowed, infinite=infinite == "allowed")
        if rows is not None:
            all_rows = np.concatenate([all_rows, rows(rng)])
        # Sums in float32 are float32 numbers, and an engine would say them so.
        width = np.float32 if meta.get("accumulate") == "f32" else np.float64
        expected = {kind: (model.answer(kind, all_rows).astype(width), tolerance)
                    for kind, tolerance in answers.items()}
        write_case(folder, name, data, all_rows, expected, PRODUCER, covers)
    CASES[name] = make


# Drawn trees


def normal_leaf(rng, depth):
    return Leaf(float(rng.normal()), id=int(rng.integers(1000)))


def quarter_leaf(rng, depth):
    """Few values that cancel: sums meet zero and each other exactly."""
    return Leaf(float(rng.integers(-2, 3)) / 4)


def vector_leaf(width):
    return lambda rng, depth: Leaf([float(v) for v in rng.normal(size=width)])


def numeric_split(rng, n_features, left, right):
    return Split(int(rng.integers(n_features)), float(rng.normal()), left, right,
                 default_left=bool(rng.integers(2)))


def any_rule_split(rng, n_features, left, right):
    """All missing rules and directions; thresholds also at and around zero."""
    threshold = [float(rng.normal()), 0.0, ALMOST_ZERO, -1e-36][int(rng.integers(4))]
    return Split(int(rng.integers(n_features)), threshold, left, right,
                 default_left=bool(rng.integers(2)), rule=int(rng.integers(3)))


def draw(rng, n_features, depth, leaf, split=numeric_split, stop=0.15):
    if depth == 0 or rng.random() < stop:
        return leaf(rng, depth)
    left = draw(rng, n_features, depth - 1, leaf, split, stop)
    right = draw(rng, n_features, depth - 1, leaf, split, stop)
    return split(rng, n_features, left, right)


def forest(n_trees, depth=4, leaf=normal_leaf, split=numeric_split, n_features=5, base=(0.0,),
           **arguments):
    """rng -> tensors of drawn trees; arguments: those of tensors_of."""
    def make(rng):
        trees = [draw(rng, n_features, depth, leaf, split) for _ in range(n_trees)]
        return tensors_of(trees, n_features, base, **arguments)
    return make


F64 = {"threshold": np.float64}
F32 = {"threshold": np.float32, "value": np.float32}
PROBABILITIES = {"margin": BITS, "proba": ABSOLUTE, "index": BITS, "leaf": BITS}
NUMBERS = {"margin": BITS, "predict": BITS, "leaf": BITS}


# Missing values


def around_zero(n_features):
    """Rows of one value next to the border of "almost zero", also one step of either width."""
    up, down = np.float32(np.inf), np.float32(0)
    border = np.float32(1e-35)
    values = [ALMOST_ZERO, np.nextafter(ALMOST_ZERO, 1), np.nextafter(ALMOST_ZERO, 0), 1e-35,
              np.nextafter(border, up), np.nextafter(border, down), 1e-36, 0.0, np.nan]
    values += [-v for v in values]
    return lambda rng: np.array([np.full(n_features, float(v)) for v in values])


hand_made("ref_missing_rules", ["missing rules 0, 1, 2", "sigmoid scale", "leaf.id, few leaf rows"],
          PROBABILITIES, outputs=BINARY, link="sigmoid", link_params={"scale": 1.7},
          tensors=forest(12, split=any_rule_split, leaf_ids=True, **F64), rows=around_zero(5))
hand_made("ref_missing_rules_f32", ["missing rules 0, 1, 2 on float32 input"],
          NUMBERS, input="f32", tensors=forest(12, split=any_rule_split), rows=around_zero(5))
hand_made("ref_infinite_f32", ["infinities allowed on float32 input", "infinite thresholds"],
          NUMBERS, input="f32", infinite="allowed",
          tensors=forest(12, split=lambda rng, n, left, right: Split(
              int(rng.integers(n)), [float(rng.normal()), np.inf, -np.inf][rng.integers(3)],
              left, right, bool(rng.integers(2)))))
hand_made("ref_infinite_refused_f64", ["infinite: error on float64 input", "missing: error"],
          NUMBERS, infinite="error", missing="error", tensors=forest(8, **F64))

# Categories

CATEGORY_FEATURES = [
    {"name": "weight", "kind": "num", "categories": None, "unit": "kg"},
    {"name": "colour", "kind": "cat", "categories": [f"shade {i}" for i in range(70)]},
    {"name": "length", "kind": "num", "categories": None},
    {"name": "code", "kind": "cat", "categories": None},
    {"name": "x4", "kind": "num", "categories": None}]
CODES = [0, -0.0, 1, 30, 31, 32, 33, 63, 64, 69, 70, 95, 96, 1000, -0.5, -0.999,
         -1, np.nextafter(-1, 0), -1.5, -40, 2.7, 31.999, 1e-320, 16777216, 2.0**31, 2.0**32,
         2.0**63, 2.0**64, 1e38, -1e38, np.nan]


def category_split(known, listed_right):
    def split(rng, n_features, left, right):
        if rng.integers(3) == 0:
            return Split(int(rng.choice([0, 2, 4])), float(rng.normal()), left, right)
        codes = {int(c) for c in rng.choice(70, rng.integers(0, 30), replace=False)}
        more = {int(c) for c in rng.choice(100, 20, replace=False)}
        return Split(int(rng.choice([1, 3])), 0.0, left, right, bool(rng.integers(2)),
                     categories=codes, known=codes | more if known else None,
                     listed_right=listed_right and bool(rng.integers(2)))
    return split


def code_data(rng):
    X = rng.normal(size=(24, 5))
    X[:, [1, 3]] = rng.integers(0, 75, size=(24, 2))
    return X


def code_rows(rng):
    rows = []
    for code in CODES:
        for columns in ([1], [3], [1, 3]):
            row = code_data(rng)[0]
            row[columns] = code
            rows.append(row)
    return np.array(rows)


hand_made("ref_category_truncate", ["category_cast truncate", "empty category sets"],
          NUMBERS, category_cast="truncate", features=CATEGORY_FEATURES,
          tensors=forest(15, split=category_split(False, False), **F64), rows=code_rows,
          X=code_data)
hand_made("ref_category_both_ways", ["listed goes left and right", "no known sets"],
          NUMBERS, input="f32", features=CATEGORY_FEATURES,
          tensors=forest(15, split=category_split(False, True)), rows=code_rows, X=code_data)
hand_made("ref_category_known", ["cat.known", "listed goes left and right", "category texts"],
          PROBABILITIES, outputs=BINARY, link="sigmoid", features=CATEGORY_FEATURES,
          tensors=forest(15, split=category_split(True, True), **F64), rows=code_rows,
          X=code_data)

TABLE = [[], [-2.5, -1.0, 0.0, 0.5, 3.0, 2.0**31, 1e300], [],
         [float(v) for v in range(-40, 80, 3)] + [np.inf], [0.25]]
TABLE_FEATURES = [{**feature, "categories": None} for feature in CATEGORY_FEATURES]
TABLE_VALUES = [-np.inf, -41, -40, -39.5, -37, -2.5, -1, -0.5, -0.0, 0, 0.25, 0.5, 1, 2, 3, 5, 77,
                80, 2.0**31, 2.0**31 + 1, 2.0**32, 1e300, 1e301, np.inf, np.nan]


def table_split(rng, n_features, left, right):
    feature = int(rng.integers(5))
    if rng.integers(3) == 0:
        return Split(feature, float(rng.normal()), left, right, bool(rng.integers(2)))
    n = len(TABLE[feature])
    codes = {int(c) for c in rng.choice(n + 1, (n + 1) // 2, replace=False)}
    more = {int(c) for c in rng.choice(n + 1, (n + 1) // 2, replace=False)}
    return Split(feature, 0.0, left, right, bool(rng.integers(2)), rule=int(rng.integers(3)),
                 categories=codes, known=codes | more, listed_right=bool(rng.integers(2)))


def table_forest(rng):
    tensors = forest(20, split=table_split, **F64)(rng)
    tensors["category.begin"] = np.cumsum([0] + [len(v) for v in TABLE]).astype(np.uint32)
    tensors["category.value"] = np.array([v for values in TABLE for v in values], np.float64)
    return tensors


def table_data(rng):
    return np.array([[rng.choice(values) if values and rng.integers(4) else rng.normal()
                      for values in TABLE] for _ in range(24)])


def table_rows(rng):
    rows = []
    for value in TABLE_VALUES:
        for columns in ([1], [3], [1, 3, 4], [0, 1, 2, 3, 4]):
            row = table_data(rng)[0]
            row[columns] = value
            rows.append(row)
    return np.array(rows)


hand_made("ref_category_table", ["category_cast table", "numeric splits on the same features"],
          NUMBERS, category_cast="table", features=TABLE_FEATURES, tensors=table_forest,
          rows=table_rows, X=table_data)

# Linear leaves


def linear_leaf(rng, depth):
    n = int(rng.integers(0, 4))
    features = [int(f) for f in rng.choice(5, n, replace=False)]
    return Leaf(float(rng.normal()), terms=tuple((f, float(rng.normal())) for f in features),
                const=float(rng.normal()))


def some_missing(rng):
    rows = rng.normal(size=(30, 5))
    rows[rng.random(rows.shape) < 0.3] = np.nan
    return rows


hand_made("ref_linear_leaves", ["linear leaves", "leaves without terms", "missing terms"],
          NUMBERS, infinite="error", tensors=forest(8, leaf=linear_leaf, linear=True, **F64),
          rows=some_missing)
hand_made("ref_linear_outputs", ["linear leaves with tree.output", "softmax"],
          PROBABILITIES, outputs=[class_output([0, 1, 2], 0, 3)], link="softmax", infinite="error",
          tensors=forest(9, leaf=linear_leaf, linear=True, base=(0.1, 0.0, -0.2),
                         outputs=[0, 1, 2] * 3, **F64), rows=some_missing)

# Linear models


def linear_model(n_outputs, fill):
    def make(rng):
        tensors = {"linear_model.coef": rng.normal(size=(n_outputs, 5)),
                   "linear_model.intercept": rng.normal(size=n_outputs)}
        if fill:
            tensors["linear_model.fill"] = rng.normal(size=5)
        return tensors
    return make


LINEAR = {"margin": BITS, "predict": BITS}
hand_made("ref_linear_model_fill", ["linear_model.fill", "two outputs"], LINEAR,
          outputs=value_outputs(2), infinite="error", tensors=linear_model(2, True),
          rows=some_missing)
hand_made("ref_linear_model_fill_f32", ["linear_model.fill on float32 input", "sums in float64"],
          LINEAR, input="f32", tensors=linear_model(1, True), rows=some_missing)
hand_made("ref_linear_model_f32", ["linear model summed in float32", "linear_model.fill"],
          LINEAR, input="f32", accumulate="f32", link_math="f32", outputs=value_outputs(3),
          infinite="error", tensors=linear_model(3, True), rows=some_missing)
hand_made("ref_linear_model_missing", ["linear model without fill: missing stays missing"],
          LINEAR, infinite="error", tensors=linear_model(1, False), rows=some_missing)

# Links

hand_made("ref_sqrt_signed", ["sqrt_signed"], NUMBERS, link="sqrt_signed",
          tensors=forest(6, base=(-0.25,), **F64))
hand_made("ref_log1pexp", ["log1pexp"], {"margin": BITS, "predict": RELATIVE}, link="log1pexp",
          tensors=forest(6, leaf=lambda rng, d: Leaf(float(rng.normal() * 10)), **F64))
hand_made("ref_exp_wide", ["exp that is 0, infinite, and far out between them"],
          {"margin": BITS, "predict": RELATIVE}, link="exp",
          tensors=forest(4, leaf=lambda rng, d: Leaf(float(rng.integers(-10, 11) * 50.125)), **F64))
hand_made("ref_sigmoid_wide", ["sigmoid far out"],
          {"margin": BITS, "proba": ABSOLUTE, "index": BITS}, outputs=BINARY, link="sigmoid",
          tensors=forest(4, leaf=lambda rng, d: Leaf(float(rng.normal() * 300)), **F64))
hand_made("ref_ova_sigmoid", ["sigmoid of each class", "sigmoid scale"],
          PROBABILITIES, outputs=[class_output(["a", "b", "c"], 0, 3)], link="sigmoid",
          link_params={"scale": 0.6},
          tensors=forest(12, base=(0.0,) * 3, outputs=[0, 1, 2] * 4, **F64))

hand_made("ref_divisor_sigmoid", ["divisor", "sigmoid scale", "margin is not divided"],
          PROBABILITIES, outputs=BINARY, link="sigmoid", link_params={"scale": 1.5, "divisor": 7},
          tensors=forest(7, **F64))
hand_made("ref_divisor_softmax", ["divisor", "softmax"],
          PROBABILITIES, outputs=[class_output(["a", "b", "c"], 0, 3)], link="softmax",
          link_params={"divisor": 3},
          tensors=forest(9, base=(0.0,) * 3, outputs=[0, 1, 2] * 3, **F64))
hand_made("ref_divisor_f32", ["divisor in float32"],
          {"margin": BITS, "predict": BITS}, input="f32", accumulate="f32", link_math="f32",
          link="sqrt_signed", link_params={"divisor": 3}, tensors=forest(9, base=(0.1,)))
ZERO_LEAVES = [0.0, 0.0, 0.0, 1e-7, 2e-7, -5e-8, 0.75, -0.5, 3.0]


def zero_leaf(rng, depth):
    return Leaf([float(rng.choice(ZERO_LEAVES)) for _ in range(4)])


hand_made("ref_softmax_zero", ["softmax_zero in float32", "decision on the margins"],
          {"margin": BITS, "proba": ULP32, "index": BITS}, input="f32", accumulate="f32",
          link_math="f32", outputs=[class_output(["a", "b", "c", "d"], 0, 4)],
          link="softmax_zero", tensors=forest(2, base=(0.0,) * 4, leaf=zero_leaf, **F32))
hand_made("ref_softmax_zero_f64", ["softmax_zero in float64", "margins that are all 0"],
          {"margin": BITS, "proba": RELATIVE, "index": BITS}, link="softmax_zero",
          outputs=[class_output(["a", "b", "c"], 0, 3)],
          tensors=forest(3, base=(0.0,) * 3, depth=2, outputs=[0, 1, 2],
                         leaf=lambda rng, d: Leaf(float(rng.choice(ZERO_LEAVES))), **F64))
hand_made("ref_softmax_zero_binary", ["softmax_zero of one margin for two classes"],
          {"margin": BITS, "proba": RELATIVE, "index": BITS}, link="softmax_zero", outputs=BINARY,
          tensors=forest(2, depth=2, leaf=lambda rng, d: Leaf(float(rng.choice(ZERO_LEAVES))),
                         **F64))


def far_leaf(rng, depth):
    return Leaf(float(rng.normal() * 8))


# A step of the last place below 1 is all that small probabilities are made of in float32.
LOGISTIC_F32 = {"margin": BITS, "proba": {"kind": "absolute", "value": 2.0 ** -23}, "index": BITS}
hand_made("ref_logistic_f32", ["logistic of one margin for two classes in float32"],
          LOGISTIC_F32, input="f32", accumulate="f32", link_math="f32", outputs=BINARY,
          decision="gt0", link="logistic", tensors=forest(3, base=(-20.0,), leaf=far_leaf, **F32))
hand_made("ref_logistic", ["logistic of each class", "decision on the margins", "divisor"],
          PROBABILITIES, outputs=[class_output(["a", "b", "c"], 0, 3)], link="logistic",
          link_params={"divisor": 0.5},
          tensors=forest(6, base=(-40.0,) * 3, leaf=far_leaf, outputs=[0, 1, 2] * 2, **F64))
hand_made("ref_logistic_values", ["logistic of a value output"],
          {"margin": BITS, "predict": ABSOLUTE}, link="logistic",
          tensors=forest(3, leaf=far_leaf, **F64))

# Decisions

for decision in ("ge0", "gt0", "argmax"):
    hand_made("ref_decision_" + decision, ["decision " + decision, "margins of exactly 0"],
              PROBABILITIES, outputs=BINARY, link="sigmoid2x", decision=decision,
              tensors=forest(5, leaf=quarter_leaf, **F64))
hand_made("ref_decision_ties", ["argmax: first of equals", "vector leaves, mean"],
          {"proba": BITS, "index": BITS, "leaf": BITS}, outputs=[class_output([5, 7, 9], 0, 3)],
          input="f32", combine="mean", missing="error",
          tensors=forest(4, base=(0.0,) * 3, leaf=lambda rng, d: Leaf(
              [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.0, 0.5, 0.5)]
              [rng.integers(4)])))
hand_made("ref_softmax_argmax", ["softmax_argmax: margins differ where probabilities do not"],
          {"margin": BITS, "proba": ABSOLUTE, "index": BITS},
          outputs=[class_output(["a", "b", "c"], 0, 3)], link="softmax_argmax",
          tensors=forest(6, base=(0.0, 0.0, 0.0), leaf=lambda rng, d: Leaf(
              [float(v) * 1e-18 for v in rng.integers(-1, 2, 3)]), **F64))

# Sums, widths and shapes

hand_made("ref_vector_sum", ["vector leaves, sum", "base", "trees of a single leaf"],
          PROBABILITIES, outputs=[class_output(["a", "b", "c"], 0, 3)], link="softmax",
          tensors=forest(10, leaf=vector_leaf(3), base=(0.5, -0.5, 0.25), **F64))
hand_made("ref_float_leaves_double_sum", ["F32 leaves summed in float64", "leaf.row absent"],
          NUMBERS, input="f32", tensors=forest(30, base=(0.1,), **F32))
hand_made("ref_double_leaves_float_sum", ["F64 leaves summed in float32", "F32 link"],
          {"margin": BITS, "predict": BITS, "leaf": BITS}, input="f32", accumulate="f32",
          link_math="f32", tensors=forest(30, base=(0.1,)))
hand_made("ref_float_mean_uneven", ["mean in float32", "outputs with unequal numbers of trees"],
          {"margin": BITS, "leaf": BITS}, outputs=value_outputs(3), input="f32", accumulate="f32",
          combine="mean",
          tensors=forest(13, base=(0.1, -7.0, 1e6), outputs=[0, 1, 1, 2, 2, 2, 1, 2, 2, 1, 2, 2, 2],
                         **F32))
hand_made("ref_double_mean_base", ["mean with a base", "mean of scalar leaves by output"],
          {"margin": BITS, "predict": BITS}, outputs=value_outputs(2), combine="mean",
          tensors=forest(9, base=(0.1, 100.0), outputs=[1, 0, 0, 1, 0, 0, 0, 0, 0], **F64))
hand_made("ref_min_uneven", ["min in float32", "outputs with unequal numbers of trees", "base"],
          {"margin": BITS, "leaf": BITS}, outputs=value_outputs(3), input="f32", accumulate="f32",
          combine="min", tensors=forest(8, base=(0.1, -7.0, 1e6), outputs=[0, 1, 1, 2, 2, 2, 1, 2]))
hand_made("ref_max_vector", ["max of vector leaves", "base"],
          PROBABILITIES, outputs=[class_output(["a", "b", "c"], 0, 3)], combine="max",
          link="softmax", tensors=forest(5, leaf=vector_leaf(3), base=(0.5, 0.0, -0.25), **F64))
for combine in ("min", "max"):
    hand_made(f"ref_{combine}_nonfinite", [combine + " passes over NaN", "allow_nonfinite"],
              {"margin": BITS, "predict": BITS}, combine=combine, allow_nonfinite="true",
              tensors=forest(3, base=(1.5,), leaf=lambda rng, d: Leaf(
                  [float(rng.normal()), np.inf, -np.inf, np.nan][rng.integers(4)]), **F64))
hand_made("ref_double_input_float_thresholds", ["F32 thresholds on float64 input"],
          NUMBERS, tensors=forest(10))
hand_made("ref_mixed_outputs", ["class and value outputs together"],
          {"margin": BITS, "proba": BITS, "index": BITS},
          outputs=[class_output(["a", "b"], 0, 2, "kind"),
                   {"name": "amount", "kind": "value", "columns": [2, 3]},
                   class_output([False, True], 3, 5, "flag")], input="f32", combine="mean",
          tensors=forest(7, leaf=vector_leaf(5), base=(0.0,) * 5))
hand_made("ref_nonfinite_leaves", ["allow_nonfinite"],
          {"margin": BITS, "predict": BITS}, allow_nonfinite="true",
          tensors=forest(2, leaf=lambda rng, d: Leaf(
              [float(rng.normal()), np.inf, float(rng.normal())][rng.integers(3)]), **F64))
hand_made("ref_stumps", ["many small trees"], {"margin": BITS, "predict": BITS}, input="f32",
          tensors=lambda rng: tensors_of(
              [numeric_split(rng, 5, normal_leaf(rng, 0), normal_leaf(rng, 0))
               for _ in range(300)], 5, [0.0]))


def chain(rng):
    tree = normal_leaf(rng, 0)
    for i in range(300):
        leaf, threshold = normal_leaf(rng, 0), 3 - i / 50
        if i % 2:
            tree = Split(i % 5, threshold, leaf, tree)
        else:
            tree = Split(i % 5, -threshold, tree, leaf)
    return tensors_of([tree], 5, [0.0], covers=True)


hand_made("ref_chain", ["a tree 300 nodes deep"], NUMBERS, input="f32", tensors=chain)

# More features than 16 bits can name

N_WIDE = 65537


def wide_tree(rng):
    split = numeric_split(rng, N_WIDE, normal_leaf(rng, 0), normal_leaf(rng, 0))
    return Split(N_WIDE - 1, 0.5, split, Split(65535, -0.5, normal_leaf(rng, 0),
                                               normal_leaf(rng, 0)))


def make_wide(folder, name):
    rng = np.random.default_rng(9)
    features = [{"name": f"{i}", "kind": "num"} for i in range(N_WIDE)]
    tensors = tensors_of([wide_tree(rng) for _ in range(3)], N_WIDE, [0.0])
    data = copse_export.canonical_bytes(
        tensors, metadata(VALUE, N_WIDE, input="f32", features=features))
    rows = np.zeros((2, N_WIDE), np.float32)
    rows[0, -1], rows[1, tensors["node.feature"]] = 1, np.nan
    model = ReferenceModel(data)
    write_case(folder, name, data, rows, {kind: (model.answer(kind, rows), BITS)
                                          for kind in ("margin", "predict", "leaf")},
               PRODUCER, ["U32 node.feature: 65,537 features"])


CASES["ref_wide"] = make_wide
