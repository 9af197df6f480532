#!/usr/bin/python3
"""Makes tests/import/pickles: small pickles and joblib files, and what they hold as text.

    tests/import/fixtures_pickle.py

NAME-*.pkl and NAME-*.joblib all hold what NAME.txt says, one line as pickles/dump.h writes it, made
from Python's own objects. Debian 12: Python 3.11, python3-numpy 1.24, python3-joblib 1.2. Where COPSE_PYTHON2 names a
Python 2.7, python2-* are made anew by it; else they stay as they are.
"""
import collections
import os
import pathlib
import pickle
import struct
import subprocess
import sys
import types

FOLDER = pathlib.Path(__file__).resolve().parent / "pickles"

PYTHON2 = r"""
import collections, cPickle, pickle, sys
class Old:
    pass
class New(object):
    pass
Old.__module__ = New.__module__ = 'made.up'
made = type(sys)('made'); made.up = type(sys)('made.up'); made.up.Old = Old; made.up.New = New
sys.modules['made'] = made; sys.modules['made.up'] = made.up
def values():
    old, new = Old(), New()
    old.a = 1
    new.b = [u'\u00e9\u4e2d\U0001f600', 'caf\xe9', "it's", 'new\nline\\', u'back\\slash\n']
    return [None, True, False, 0, 7, -7, 1 << 31, 12345678901234567890L, -3L, 1.5, -0.1, 1e300, 1e-5,
            float('inf'), old, new, (), (1,), (1, 2, 3, 4), {'k': u'v'}, bytearray('\x00\xff'),
            collections.OrderedDict([('b', 1), ('a', 2)])]
for protocol in (0, 1, 2):
    for name, module in (('c', cPickle), ('p', pickle)):
        path = '%s/python2-%s%d.pkl' % (sys.argv[1], name, protocol)
        open(path, 'wb').write(module.dumps(values(), protocol))
"""
PYTHON2_HOLDS = (
    "[None, True, False, 0, 7, -7, 2147483648, a whole number past 64 bits, -3, "
    "0x3ff8000000000000, 0xbfb999999999999a, 0x7e37e43c8800759c, 0x3ee4f8b588e368f1, "
    "0x7ff0000000000000, made.up.Old(){{'a': 1}}, "
    "made.up.New(){{'b': ['\u00e9\u4e2d\U0001f600', 'caf\u00e9', 'it's', 'new\nline\\', "
    "'back\\slash\n']}}, (), (1), (1, 2, 3, 4), {'k': 'v'}, b'00ff', {'b': 1, 'a': 2}]")


class Made:
    """Stands for an estimator: a class with plain attributes."""

    def __init__(self, **attributes):
        self.__dict__.update(attributes)


class MadeDict(dict):
    """As sklearn.utils.Bunch: its items are what matters."""


def name_module():
    module = types.ModuleType("made.up")
    for made in (Made, MadeDict):
        made.__module__ = "made.up"
        setattr(module, made.__name__, made)
    sys.modules["made"] = types.ModuleType("made")
    sys.modules["made.up"] = sys.modules["made"].up = module


def dump_float(number):
    return "nan" if number != number else "0x" + struct.pack(">d", number).hex()


def dump_array(array):
    import numpy
    head = "array[" + ",".join(map(str, array.shape)) + "]"
    if array.dtype.names:
        return head + "".join(f"{n}:({dump_items(array[n])})" for n in array.dtype.names)
    return f"{head}({dump_items(numpy.asarray(array))})"


def dump_items(array):
    kind = array.dtype.kind
    items = array.ravel().tolist()  # in C order
    if kind == "f":
        return ", ".join(map(dump_float, items))
    if kind in "iub":
        return ", ".join(str(int(item)) for item in items)
    if kind in "US":
        texts = (item if kind == "U" else item.decode("latin1") for item in items)
        return ", ".join(f"'{text}'" for text in texts)
    return ", ".join(map(dump, items))


def dump(value):
    import numpy
    if value is None or isinstance(value, bool):
        return str(value)
    if isinstance(value, numpy.dtype):
        return "dtype"
    if isinstance(value, (numpy.ndarray, numpy.generic)):
        return dump_array(numpy.asarray(value))
    if isinstance(value, int):
        return str(value) if -2**63 <= value < 2**63 else "a whole number past 64 bits"
    if isinstance(value, float):
        return dump_float(value)
    if isinstance(value, str):
        return f"'{value}'"
    if isinstance(value, (bytes, bytearray)):
        return f"b'{value.hex()}'"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(dump, value)) + ")"
    if isinstance(value, list):
        return "[" + ", ".join(map(dump, value)) + "]"
    if isinstance(value, (set, frozenset)):
        return "set(" + ", ".join(map(dump, value)) + ")"
    if isinstance(value, dict):
        pairs = "{" + ", ".join(f"{dump(k)}: {dump(v)}" for k, v in value.items()) + "}"
        return "made.up.MadeDict()" + pairs if isinstance(value, MadeDict) else pairs
    if isinstance(value, type):
        return f"<{value.__module__}.{value.__qualname__}>"
    state = f"{{{dump(value.__dict__)}}}" if value.__dict__ else ""  # Python writes no empty one
    return f"made.up.{type(value).__name__}(){state}"


def plain_values():
    shared = [1, 2]
    pairs = collections.defaultdict(list)
    pairs["a"].append(1)
    return [None, True, False, 0, 255, 256, 65535, 65536, -1, 2**30, 2**31 - 1, 2**31, -2**31,
            -2**31 - 1, 2**63 - 1, -2**63, 2**63, 2**200, -2**200, 0.0, -0.0, 0.1, 1e-310,
            float("inf"), float("-inf"), float("nan"), "", "text", "it's \"quoted\" \\ \n\t\x00",
            "\u00e9 \u4e2d \U0001f600", b"", b"\x00\xff bytes", bytearray(b"\x01\xfe"), (), (1,),
            (1, 2), (1, 2, 3), (1, 2, 3, 4), [], [[]], {}, {"a": 1, 2: "b"}, set(), {5},
            frozenset([6]), shared, shared, collections.OrderedDict(b=1, a=2), pairs,
            Made(x=1, y=Made()), list(range(1500)), {i: i for i in range(1100)}]


def records():
    import numpy
    packed = numpy.dtype([("value", "<f8"), ("feature", "<i4"), ("is_leaf", "u1"),
                          ("big", ">f4")])
    array = numpy.zeros(3, packed)
    array["value"] = [0.5, -1, 1e300]
    array["feature"] = [1, -2, 2**31 - 1]
    array["is_leaf"] = [1, 0, 1]
    array["big"] = [1.5, 2.5, -3]
    aligned = numpy.zeros(2, numpy.dtype([("a", "i1"), ("b", "<i8")], align=True))
    aligned["b"] = [-5, 6]
    return [array, aligned, array[:0]]


def numpy_values():
    import numpy
    # No function that chooses its code by the processor: the same bytes everywhere.
    matrix = numpy.arange(6, dtype="<f8").reshape(2, 3)
    cube = numpy.arange(24, dtype="<i4").reshape(2, 3, 4)
    objects = numpy.empty((2, 2), dtype=object)
    objects[:] = [["a", 1], [None, (2, 3)]]
    kinds = "<f8 >f8 <f4 >f4 <f2 >f2 <i8 >i8 <i4 >i4 <i2 >i2 i1 <u8 >u8 <u4 >u4 <u2 >u2 u1 ?".split()
    return [matrix, numpy.asfortranarray(matrix), cube, numpy.asfortranarray(cube),
            cube.transpose(1, 0, 2), matrix[:, ::2], [numpy.array([0, 1, 100], k) for k in kinds],
            numpy.array([-1, -128], "i1"), numpy.array(2.5), numpy.empty((0, 3)),
            numpy.array(["a", "bcd", "\u4e2d\U0001f600"]), numpy.array(["x", "yy"], ">U3"),
            numpy.array([b"s", b"\xe9t"]), objects, numpy.asfortranarray(objects),
            numpy.array([None], dtype=object)[0:0], records(), numpy.dtype("f8"),
            numpy.float64(0.1), numpy.float32(0.1), numpy.int64(-5), numpy.bool_(True),
            numpy.str_("scalar"), numpy.matrix([[1.0, 2.0]])]


def write_text(name, holds):
    (FOLDER / (name + ".txt")).write_text(holds, encoding="utf-8", newline="")


def write_joblib(name, values, aligned):
    import joblib
    from joblib import numpy_pickle
    create = numpy_pickle.NumpyPickler._create_array_wrapper

    def create_old(self, array):  # as joblib 0.10 to 1.1 wrote
        wrapper = create(self, array)
        del wrapper.numpy_array_alignment_bytes
        return wrapper

    numpy_pickle.NumpyPickler._create_array_wrapper = create if aligned else create_old
    joblib.dump(values, FOLDER / (name + ".joblib"))
    numpy_pickle.NumpyPickler._create_array_wrapper = create


def main():
    name_module()
    FOLDER.mkdir(exist_ok=True)
    for name, values in (("plain", plain_values()), ("numpy", numpy_values())):
        write_text(name, dump(values))
        for protocol in range(6):
            (FOLDER / f"{name}-p{protocol}.pkl").write_bytes(pickle.dumps(values, protocol))
    write_text("joblib", dump(numpy_values()))
    write_joblib("joblib-aligned", numpy_values(), aligned=True)
    write_joblib("joblib-packed", numpy_values(), aligned=False)
    write_text("python2", PYTHON2_HOLDS)
    if "COPSE_PYTHON2" in os.environ:
        subprocess.run([os.environ["COPSE_PYTHON2"], "-c", PYTHON2, str(FOLDER)], check=True)


if __name__ == "__main__":
    main()
