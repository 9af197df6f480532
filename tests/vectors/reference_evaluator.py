"""Answers of a model file, computed slowly in plain Python from nothing but its bytes.

Written from docs/FORMAT.md and independent of core: it walks one row through one tree at a time,
and takes exp, log and powers from mpmath at 200 bits, rounded once. make_vectors.py checks every
case with it, and takes it for the engine where no installed engine can make such a model.
"""
import hashlib
import json
import math
import struct

import mpmath
import numpy as np

mpmath.mp.prec = 200

DTYPES = {"F64": "<f8", "F32": "<f4", "I32": "<i4", "U32": "<u4", "U16": "<u2", "U8": "u1"}
ALMOST_ZERO = float(np.float32(1e-35))
FLOAT64, FLOAT32 = float, np.float32


def read(data):
    """(metadata texts, tensors) of a safetensors file whose checksum is right."""
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    metadata = header.pop("__metadata__")
    zeroed = data.replace(metadata["sha256"].encode(), b"0" * 64, 1)
    assert hashlib.sha256(zeroed).hexdigest() == metadata["sha256"]
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        raw = data[8 + size + begin:8 + size + end]
        tensors[name] = np.frombuffer(raw, DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return metadata, tensors


class ReferenceModel:
    def __init__(self, data):
        self.metadata, self.tensors = read(data)
        meta = self.metadata
        self.input = FLOAT32 if meta["input"] == "f32" else FLOAT64
        self.sum_type = FLOAT32 if meta["accumulate"] == "f32" else FLOAT64
        self.link_type = FLOAT32 if meta["link_math"] == "f32" else FLOAT64
        self.params = json.loads(meta["link_params"])
        self.outputs = json.loads(meta["outputs"])
        # Python's lists and numbers are much faster to walk than NumPy's scalars.
        self.lists = {name: array.tolist() for name, array in self.tensors.items()}

    def answer(self, kind, rows):
        """[n_rows, columns] of "predict", "index", "proba", "margin", "leaf" or "score"."""
        return np.array([self._answer_row(kind, row) for row in np.asarray(rows, np.float64)])

    def _answer_row(self, kind, row):
        x = self.cast(row)
        if kind == "leaf":
            return [self.leaf_id(self.find_leaf(t, x)) for t in range(self.n_trees())]
        margins = self.margins(x)
        answer = []
        for output in self.outputs:
            own = margins[slice(*output["columns"])]
            values = self.link(own, output)
            is_class = output["kind"] == "class"
            if kind == "margin":
                answer += values if self.metadata["link"] == "iforest" else own
            elif kind == "score":
                answer += [value + self.params["offset"] for value in values]
            elif kind == "proba":
                answer += values if is_class else []
            elif is_class:
                answer.append(self.class_index(own, values))
            elif kind == "predict":
                outlier = self.metadata["link"] == "iforest"
                answer += [(-1 if v < 0 else 1) if outlier else v for v in values]
        return answer

    # Trees

    def n_trees(self):
        return len(self.lists["tree.root"])

    def cast(self, row):
        if self.input is FLOAT32:
            with np.errstate(over="ignore", under="ignore"):
                row = np.asarray(row).astype(np.float32)
        return [float(x) for x in row]

    def find_leaf(self, tree, x):
        at = self.lists["tree.root"][tree]
        while at >= 0:
            left = self.goes_left(at, x[self.lists["node.feature"][at]])
            at = self.lists["node.left" if left else "node.right"][at]
        return ~at

    def goes_left(self, node, x):
        flags = self.lists["node.flags"][node]
        default_left, rule = bool(flags & 1), flags >> 2 & 3
        if rule == 1 and math.isnan(x):
            x = 0.0
        if math.isnan(x) or (rule == 2 and abs(x) <= ALMOST_ZERO):
            return default_left
        if flags & 2:
            return self.category_goes_left(node, x, default_left, bool(flags & 16))
        return x <= self.lists["node.threshold"][node]

    def category_goes_left(self, node, x, default_left, listed_right):
        i = self.lists["cat.node"].index(node)
        code = self.code(self.lists["node.feature"][node], x)
        if self.holds("cat", i, code):
            return not listed_right
        if "cat.known_words" in self.lists and not self.holds("cat.known", i, code):
            return default_left
        return listed_right

    def code(self, feature, x):
        cast = self.metadata.get("category_cast")
        if cast == "table":
            begin, end = self.lists["category.begin"][feature:feature + 2]
            values = self.lists["category.value"][begin:end]
            return values.index(x) if x in values else None
        negative = x <= -1 if cast == "truncate" else x < 0
        return None if negative or math.isinf(x) else int(x)

    def holds(self, kind, i, code):
        prefix = kind + ("_" if kind == "cat.known" else ".")
        begin, end = self.lists[prefix + "begin"][i:i + 2]
        if code is None or code >= 32 * (end - begin):
            return False
        return bool(self.lists[prefix + "words"][begin + code // 32] >> code % 32 & 1)

    def leaf_row(self, leaf):
        rows = self.lists.get("leaf.row")
        return leaf if rows is None else rows[leaf]

    def leaf_id(self, leaf):
        ids = self.lists.get("leaf.id")
        return leaf if ids is None else ids[leaf]

    def leaf_values(self, leaf, x):
        row = self.leaf_row(leaf)
        values = self.lists["leaf.value"][row]
        if "linear.const" not in self.lists:
            return values
        begin, end = self.lists["linear.begin"][row:row + 2]
        total = self.lists["linear.const"][row]
        for i in range(begin, end):
            x_i = x[self.lists["linear.feature"][i]]
            if math.isnan(x_i):
                return values
            total += self.lists["linear.coef"][i] * x_i
        return [total]

    def margins(self, x):
        if "linear_model.coef" in self.lists:
            return self.linear_margins(x)
        real = self.sum_type
        base = [real(b) for b in self.lists["base"]]
        if self.metadata["combine"] in ("min", "max"):
            return [float(b + s) for b, s in zip(base, self.extremes(x, len(base)))]
        mean = self.metadata["combine"] == "mean"
        sums = [real(0)] * len(base) if mean else list(base)
        count = [0] * len(base)
        for tree in range(self.n_trees()):
            values = self.leaf_values(self.find_leaf(tree, x), x)
            first = self.lists["tree.output"][tree] if "tree.output" in self.lists else 0
            for k, value in enumerate(values, first):
                sums[k] = sums[k] + real(value)
                count[k] += 1
        if mean:
            sums = [b + (s / real(n) if n else real(0)) for b, s, n in zip(base, sums, count)]
        return [float(s) for s in sums]

    def extremes(self, x, n_outputs):
        values = [[] for _ in range(n_outputs)]
        for tree in range(self.n_trees()):
            first = self.lists["tree.output"][tree] if "tree.output" in self.lists else 0
            for k, value in enumerate(self.leaf_values(self.find_leaf(tree, x), x), first):
                values[k].append(self.sum_type(value))
        choose = min if self.metadata["combine"] == "min" else max
        return [choose([v for v in column if not math.isnan(v)], default=self.sum_type("nan"))
                for column in values]

    def linear_margins(self, x):
        fill = self.lists.get("linear_model.fill")
        if fill is not None:
            x = [f if math.isnan(v) else v for f, v in zip(self.cast(fill), x)]
        margins = []
        for coef, intercept in zip(self.lists["linear_model.coef"],
                                   self.lists["linear_model.intercept"]):
            if self.sum_type is FLOAT32:
                total = FLOAT32(intercept)
                with np.errstate(over="ignore"):
                    for c, v in zip(coef, x):
                        total = total + FLOAT32(c) * FLOAT32(v)
            else:
                total = sum((c * v for c, v in zip(coef, x)), 0.0) + intercept
            margins.append(float(total))
        return margins

    # Links and decisions

    def link(self, margins, output):
        """Values of one output, in float32 after every operation if link_math says so."""
        name, real = self.metadata["link"], self.link_type
        margins = [real(m) / real(self.params.get("divisor", 1)) for m in margins]
        two = output["kind"] == "class" and len(margins) == 1 and len(output["labels"]) == 2
        if name.startswith("softmax"):
            values = self.softmax([-margins[0], margins[0]] if two else margins)
        else:
            values = [self.column(name, m) for m in margins]
            if name == "normalize_ovr":
                total = sum(values, real(0))
                values = [v / total for v in values]
            if two and name == "logistic":
                values = [self.column(name, -margins[0]), values[0]]
            elif two:
                values = [real(1) - values[0], values[0]]
        return [float(v) for v in values]

    def softmax_zero(self, margins):
        real = self.link_type
        largest, total, values = max(margins), real(0), []
        for m in margins:
            if abs(float(m)) > float(FLOAT32(1e-7)):
                values.append(self.exp(m - largest))
                total = total + values[-1]
            else:
                values.append(m * self.exp(-largest))
        with np.errstate(all="ignore"):
            return [real(np.divide(v, total)) for v in values]

    def softmax(self, margins):
        if self.metadata["link"] == "softmax_zero":
            return self.softmax_zero(margins)
        real = self.link_type
        powers = [self.exp(m - max(margins)) for m in margins]
        total = sum(float(p) for p in powers)
        return [p / real(total) for p in powers]

    def exp(self, x):
        return self.link_type(mpmath.exp(float(x)))

    def column(self, name, x):
        real = self.link_type
        if name in ("sigmoid", "sigmoid2x", "normalize_ovr"):
            scale = 2 if name == "sigmoid2x" else self.params.get("scale", 1)
            power = -(real(scale) * x)
            if real is FLOAT32:
                power = min(power, FLOAT32(88.7))
            return real(1) / ((real(1) + self.exp(power)) + real(self.params.get("guard", 0)))
        if name == "logistic":
            p = real(1) / (real(1) + self.exp(-abs(x)))
            return real(1) - p if x < 0 else p
        if name == "exp":
            return self.exp(x)
        if name == "log1pexp":
            return real(mpmath.log1p(mpmath.exp(float(x))))
        if name == "sqrt_signed":
            return -(x * x) if x < 0 else x * x
        if name == "hinge":
            return real(x > 0)
        if name == "iforest":
            power = mpmath.mpf(2) ** (-float(x) / self.params["denominator"])
            return -float(power) - self.params["offset"]
        assert name == "identity", name
        return x

    def class_index(self, margins, values):
        decision = self.metadata["decision"]
        if len(margins) == 1 and len(values) == 2 and decision in ("ge0", "gt0"):
            return int(margins[0] >= 0 if decision == "ge0" else margins[0] > 0)
        if self.metadata["link"] in ("softmax_argmax", "softmax_zero", "normalize_ovr", "logistic"):
            values = margins if len(margins) > 1 else [-margins[0], margins[0]]
        return values.index(max(values))
