"""Puts trees from anywhere into the tensors of a model file.

Used by make_vectors.py for engines that copse_export does not read, and for trees made by hand.
"""
import dataclasses
import struct
from typing import Any

import numpy as np

import copse_export


@dataclasses.dataclass
class Leaf:
    value: Any               # number, or [V] numbers
    id: int = 0
    cover: float = 0.0
    terms: tuple = ()        # linear leaf: (feature, coefficient) pairs
    const: float = 0.0


@dataclasses.dataclass
class Split:
    feature: int
    threshold: float
    left: Any
    right: Any
    default_left: bool = False
    rule: int = 0            # 0 NaN is missing, 1 NaN is read as 0, 2 NaN or almost 0 is missing
    categories: Any = None   # set of codes of a categorical split
    known: Any = None        # codes seen in training
    listed_right: bool = False
    cover: float = 0.0

    def flags(self):
        categorical = self.categories is not None
        return self.default_left | categorical << 1 | self.rule << 2 | self.listed_right << 4


def tensors_of(trees, n_features, base, *, threshold=np.float32, value=np.float64, outputs=None,
               leaf_ids=False, covers=False, linear=False):
    """Tensors of `trees`, each a Leaf or a Split; inner nodes and leaves in preorder.

    outputs  [T] output column of each tree, where leaves are single numbers
    """
    splits, leaves, links, roots, begin = [], [], [], [], [0]

    def place(node):
        if isinstance(node, Leaf):
            leaves.append(node)
            return ~(len(leaves) - 1)
        number = len(splits)
        splits.append(node)
        links.append(None)
        links[number] = (place(node.left), place(node.right))
        return number

    for tree in trees:
        roots.append(place(tree))
        begin.append(len(splits))
    tensors = {
        "tree.begin": np.array(begin, np.uint32),
        "tree.root": np.array(roots, np.int32),
        "node.left": np.array([left for left, _ in links], np.int32),
        "node.right": np.array([right for _, right in links], np.int32),
        "node.feature": np.array([s.feature for s in splits],
                                 copse_export.feature_dtype(n_features)),
        "node.threshold": np.array([s.threshold for s in splits], threshold),
        "node.flags": np.array([s.flags() for s in splits], np.uint8),
        "base": np.array(base, value)}
    if outputs is not None and len(base) > 1:
        tensors["tree.output"] = np.array(outputs, np.uint16)
    if leaf_ids and leaves:
        tensors["leaf.id"] = np.array([leaf.id for leaf in leaves], np.uint32)
    if covers and leaves:
        tensors["node.cover"] = np.array([s.cover for s in splits], np.float32)
        tensors["leaf.cover"] = np.array([leaf.cover for leaf in leaves], np.float32)
    tensors.update(_leaf_tensors(leaves, value, linear))
    tensors.update(_category_tensors(splits))
    return tensors


def _leaf_tensors(leaves, dtype, linear):
    rows, number, leaf_row = [], {}, []
    for leaf in leaves:
        values = np.atleast_1d(np.array(leaf.value, dtype))
        key = (values.tobytes(), leaf.terms, struct.pack("<d", leaf.const))
        if key not in number:
            number[key] = len(rows)
            rows.append((values, leaf))
        leaf_row.append(number[key])
    width = len(rows[0][0]) if rows else 1
    tensors = {"leaf.value": np.array([values for values, _ in rows], dtype).reshape(-1, width)}
    if len(rows) < len(leaves):
        tensors["leaf.row"] = np.array(leaf_row, np.uint32)
    if linear:
        terms = [term for _, leaf in rows for term in leaf.terms]
        tensors["linear.begin"] = np.cumsum([0] + [len(leaf.terms) for _, leaf in rows]).astype(
            np.uint32)
        tensors["linear.feature"] = np.array([feature for feature, _ in terms], np.uint32)
        tensors["linear.coef"] = np.array([coef for _, coef in terms], np.float64)
        tensors["linear.const"] = np.array([leaf.const for _, leaf in rows], np.float64)
    return tensors


def _category_tensors(splits):
    nodes = [i for i, split in enumerate(splits) if split.categories is not None]
    if not nodes:
        return {}
    tensors = {"cat.node": np.array(nodes, np.uint32)}
    sets = {"cat.": [splits[i].categories for i in nodes],
            "cat.known_": [splits[i].known for i in nodes]}
    for prefix, codes in sets.items():
        if any(c is None for c in codes):
            continue
        words = [_bitset(c) for c in codes]
        tensors[prefix + "begin"] = np.cumsum([0] + [len(w) for w in words]).astype(np.uint32)
        tensors[prefix + "words"] = np.array([w for set_ in words for w in set_], np.uint32)
    return tensors


def _bitset(codes):
    words = [0] * (max(codes, default=-1) // 32 + 1)
    for code in codes:
        words[code // 32] |= 1 << code % 32
    return words


def metadata(outputs, n_features, *, input="f64", accumulate="f64", combine="sum",
             link="identity", link_math="f64", link_params=None, decision="argmax",
             missing="allowed", source=None, features=None, **more):
    """Complete metadata of a case; texts are written as they are, the rest as JSON."""
    if features is None:
        features = [{"name": f"x{i}", "kind": "num", "categories": None}
                    for i in range(n_features)]
    return {"format": copse_export.FORMAT, "format_version": copse_export.FORMAT_VERSION,
            "input": input, "accumulate": accumulate, "combine": combine, "link": link,
            "link_math": link_math, "link_params": link_params or {}, "outputs": outputs,
            "decision": decision, "features": features, "missing": missing,
            "source": source or {"kind": "copse", "version": "1", "estimator": "made by hand"},
            "provenance": {"created_by": "tests/vectors/make_vectors.py"}, "warnings": [], **more}


def class_output(labels, begin, end, name="class"):
    values, label_type = copse_export._labels(labels)
    return {"name": name, "kind": "class", "labels": values, "label_type": label_type,
            "columns": [begin, end]}


def value_outputs(n, kind="value"):
    return [{"name": kind if n == 1 else f"{kind}{k}", "kind": kind, "columns": [k, k + 1]}
            for k in range(n)]
