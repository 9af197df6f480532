#!/usr/bin/env python3
"""Writes tests/vectors/invalid: broken and hostile model files, each with its sentence.

    /usr/bin/python3 tests/vectors/make_invalid.py            write the folder again
    /usr/bin/python3 tests/vectors/make_invalid.py --check    say whether it would change

Each case starts from a small valid file and breaks one thing. The sentences are written here by
hand: what a person reads is part of the contract, as is the code (1 invalid, 2 unsupported, 3 too
large; core/include/copse/result.h).
"""
import hashlib
import json
import pathlib
import struct
import sys

import numpy as np

FOLDER = pathlib.Path(__file__).parent / "invalid"
DTYPES = {"float64": "F64", "float32": "F32", "int32": "I32", "uint32": "U32", "uint16": "U16",
          "uint8": "U8", "int64": "I64", "float16": "F16"}
INVALID, UNSUPPORTED, TOO_LARGE = 1, 2, 3
INT32_MIN = -2**31

CASES = {}


def case(name, code, message, data):
    assert name not in CASES, name
    assert len(message) <= 600, name
    CASES[name] = (code, message, data)


# The valid files that are broken -----------------------------------------------------------------


def metadata(**changes):
    """Metadata of a regression with two features; a change to None removes the key."""
    texts = {
        "format": "copse.forest", "format_version": "1", "input": "f64", "accumulate": "f64",
        "combine": "sum", "link": "identity", "link_math": "f64", "decision": "argmax",
        "missing": "allowed",
        "features": [{"name": "a", "kind": "num"}, {"name": "b", "kind": "num"}],
        "outputs": [{"name": "y", "kind": "value", "columns": [0, 1]}]}
    texts.update(changes)
    return {key: value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
            for key, value in sorted(texts.items()) if value is not None}


def forest(**changes):
    """Two trees, three nodes, five leaves; a change to None removes the tensor.

    Tree 0: a <= 1.5 ? (b <= 0.5 ? leaf 0 : leaf 1) : leaf 2. Tree 1: a <= 2.5 ? leaf 3 : leaf 4.
    """
    tensors = {
        "tree.begin": u32(0, 2, 3), "tree.root": i32(0, 2), "node.left": i32(1, ~0, ~3),
        "node.right": i32(~2, ~1, ~4), "node.feature": u16(0, 1, 0),
        "node.threshold": f64(1.5, 0.5, 2.5), "node.flags": u8(0, 1, 0),
        "leaf.value": f64(1, 2, 3, 4, 5).reshape(5, 1), "base": f64(0.5)}
    tensors.update({key.replace("__", "."): value for key, value in changes.items()})
    return {key: value for key, value in tensors.items() if value is not None}


def vector_forest(**changes):
    """The same trees with leaves of two values, one for each of two outputs."""
    changes = {"leaf__value": f64(*range(10)).reshape(5, 2), "base": f64(0, 0), **changes}
    return forest(**changes)


def category_forest(**changes):
    """The same trees with node 1 a categorical split that lists the categories 0 and 2."""
    changes = {"node__threshold": f64(1.5, 0, 2.5), "node__flags": u8(0, 3, 0),
               "cat__node": u32(1), "cat__begin": u32(0, 1), "cat__words": u32(5), **changes}
    return forest(**changes)


def linear_forest(**changes):
    """The same trees with linear leaves: leaf 0 has the term 2 a."""
    changes = {"linear__begin": u32(0, 1, 1, 1, 1, 1), "linear__feature": u32(0),
               "linear__coef": f64(2), "linear__const": f64(1, 2, 3, 4, 5), **changes}
    return forest(**changes)


def linear_model(**changes):
    tensors = {"linear_model.coef": f64(1, 2).reshape(1, 2), "linear_model.intercept": f64(3)}
    tensors.update({key.replace("__", "."): value for key, value in changes.items()})
    return {key: value for key, value in tensors.items() if value is not None}


def u8(*numbers):
    return np.array(numbers, np.uint8)


def u16(*numbers):
    return np.array(numbers, np.uint16)


def u32(*numbers):
    return np.array(numbers, np.uint32)


def i32(*numbers):
    return np.array(numbers, np.int32)


def f64(*numbers):
    return np.array(numbers, np.float64)


def two_outputs():
    return [{"name": "y", "kind": "value", "columns": [0, 2]}]


def classes(labels, columns, label_type="str", **changes):
    return [{"name": "c", "kind": "class", "labels": labels, "label_type": label_type,
             "columns": columns, **changes}]


# Files ------------------------------------------------------------------------------------------


def layout(tensors):
    """(header entries, data) in the canonical order."""
    entries, data = {}, b""
    for name, array in sorted(tensors.items(), key=lambda item: (-item[1].itemsize, item[0])):
        begin = len(data)
        data += np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
        entries[name] = {"dtype": DTYPES[array.dtype.name], "shape": list(array.shape),
                         "data_offsets": [begin, len(data)]}
    return entries, data


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def raw(header, data=b"", length=None):
    """A file with this header text, whatever it says."""
    header = header.encode("utf-8") if isinstance(header, str) else header
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def file(tensors, texts=None, edit=None):
    """A model file. `edit` may change the header entries before they are written."""
    entries, data = layout(tensors)
    header = {"__metadata__": metadata() if texts is None else texts, **entries}
    if edit is not None:
        edit(header)
    return raw(compact(header), data)


def with_digest(tensors, texts):
    data = file(tensors, {**texts, "sha256": "0" * 64})
    digest = hashlib.sha256(data).hexdigest()
    return data.replace(b"0" * 64, digest.encode(), 1)


def edited(tensor, **changes):
    """The valid file with another header entry for `tensor`."""
    return file(forest(), edit=lambda header: header[tensor].update(changes))


# Rule 1: the container --------------------------------------------------------------------------


def container_cases():
    valid = file(forest())
    header_length, = struct.unpack("<Q", valid[:8])
    data_length = len(valid) - 8 - header_length

    case("empty", INVALID, "the file has 0 bytes, and a safetensors file starts with 8 bytes of "
         "header length", b"")
    case("seven_bytes", INVALID, "the file has 7 bytes, and a safetensors file starts with 8 bytes "
         "of header length", valid[:7])
    case("header_length_zero", INVALID, 'the header length is 0, less than "{}" takes',
         raw("", length=0))
    case("header_length_one", INVALID, 'the header length is 1, less than "{}" takes',
         raw("{", length=1))
    case("header_length_all_ones", INVALID, "the header length is 18446744073709551615, but only "
         "16 bytes follow it; this is no safetensors file, or it is cut short",
         raw("{\"a\":\"b\"}", length=2**64 - 1))
    case("header_length_two_to_63", INVALID, "the header length is 9223372036854775808, but only "
         "8 bytes follow it; this is no safetensors file, or it is cut short",
         raw("{}", length=2**63))
    case("header_length_one_too_many", INVALID, "the header length is 9, but only 8 bytes follow "
         "it; this is no safetensors file, or it is cut short", raw("{}", length=9))
    case("header_is_a_list", INVALID, 'the header starts with "[" where "{" must be', raw("[]"))
    case("header_starts_with_space", INVALID, 'the header starts with " " where "{" must be',
         raw(" {}"))
    case("header_is_a_pickle", INVALID, "the header length is 7309905145621709952, but only 24 "
         "bytes follow it; this is no safetensors file, or it is cut short",
         b"\x80\x04\x95\x1a\x00\x00re" + b"\x94" * 24)
    case("header_is_zeros", INVALID, 'the header starts with "\\x00" where "{" must be',
         raw(b"\0" * 16))
    case("header_cut_short", INVALID, "the header is no JSON: it goes wrong at byte 24",
         raw('{"__metadata__":{"a":"b"'))
    case("header_not_utf8", INVALID, "the header is not UTF-8 at byte 2", raw(b'{"\xff":1}'))
    case("header_utf8_surrogate", INVALID, "the header is not UTF-8 at byte 2",
         raw(b'{"\xed\xa0\x80":1}'))
    case("header_utf8_overlong", INVALID, "the header is not UTF-8 at byte 2",
         raw(b'{"\xc0\xaf":1}'))
    case("header_escaped_half_surrogate", INVALID, "the header is no JSON: it goes wrong at byte 7",
         raw('{"\\ud800":1}'))
    case("header_nul_after_json", INVALID, "the header is no JSON: it goes wrong at byte 2",
         raw(b"{}\0\0\0\0\0\0"))
    case("header_two_documents", INVALID, "the header is no JSON: it goes wrong at byte 2",
         raw("{}{}"))
    case("header_trailing_comma", INVALID, "the header is no JSON: it goes wrong at byte 19",
         raw('{"__metadata__":{},}'))
    case("header_comment", INVALID, "the header is no JSON: it goes wrong at byte 1",
         raw("{/* hello */}"))
    case("header_single_quotes", INVALID, "the header is no JSON: it goes wrong at byte 1",
         raw("{'a':1}"))
    case("header_number_with_plus", INVALID, "the header is no JSON: it goes wrong at byte 5",
         raw('{"a":+1}'))
    case("header_number_with_zero_first", INVALID, "the header is no JSON: it goes wrong at byte 6",
         raw('{"a":01}'))
    case("header_nan", INVALID, "the header is no JSON: it goes wrong at byte 5",
         raw('{"a":NaN}'))
    case("header_number_too_large", INVALID, "the header has a number past the range of a double, "
         "ending at byte 10", raw('{"a":1e400}'))
    case("header_control_character", INVALID, "the header is no JSON: it goes wrong at byte 3",
         raw(b'{"a\n":1}'))
    case("header_nine_levels", INVALID, "the header nests deeper than 8 levels",
         raw('{"a":' + "[" * 8 + "]" * 8 + "}"))
    case("header_deep_nesting", INVALID, "the header nests deeper than 8 levels",
         raw('{"a":' + "[" * 4000))
    case("header_deep_objects", INVALID, "the header nests deeper than 8 levels",
         raw('{"a":' * 800))
    case("header_duplicate_tensor", INVALID, 'the header has the key "base" twice in one object',
         raw(compact({"__metadata__": metadata(), "base": {}})[:-1] + ',"base":{}}'))
    case("header_duplicate_field", INVALID, 'the header has the key "shape" twice in one object',
         raw('{"base":{"dtype":"F64","shape":[1],"shape":[2],"data_offsets":[0,8]}}', b"\0" * 8))
    case("header_duplicate_escaped", INVALID, 'the header has the key "base" twice in one object',
         raw('{"base":{},"b\\u0061se":{}}'))
    case("metadata_duplicate_key", INVALID, 'the header has the key "link" twice in one object',
         raw('{"__metadata__":{"link":"exp","link":"identity"}}'))
    case("metadata_is_a_list", INVALID, "__metadata__ is a list, not an object of strings",
         raw('{"__metadata__":[]}'))
    case("metadata_value_is_a_number", INVALID, 'metadata key "format_version" is 1, not a string',
         raw('{"__metadata__":{"format":"copse.forest","format_version":1}}'))
    case("metadata_value_is_an_object", INVALID, 'metadata key "outputs" is an object, not a '
         "string", raw('{"__metadata__":{"outputs":{}}}'))

    case("tensor_is_a_number", INVALID, 'tensor "base" is 8, not an object', raw('{"base":8}'))
    case("tensor_without_dtype", INVALID, 'tensor "base" has no dtype',
         raw('{"base":{"shape":[0],"data_offsets":[0,0]}}'))
    case("tensor_without_shape", INVALID, 'tensor "base" needs shape, a list of whole numbers',
         raw('{"base":{"dtype":"F64","data_offsets":[0,0]}}'))
    case("tensor_without_offsets", INVALID, 'tensor "base" needs data_offsets, a list of whole '
         "numbers", raw('{"base":{"dtype":"F64","shape":[0]}}'))
    case("tensor_unknown_field", INVALID, 'tensor "base" has the unknown key "strides"',
         edited("base", strides=[8]))
    case("tensor_dtype_is_a_number", INVALID, 'tensor "base" has dtype 64, which is not a known '
         "one", edited("base", dtype=64))
    case("tensor_unknown_dtype", INVALID, 'tensor "base" has dtype "F128", which is not a known '
         "one", edited("base", dtype="F128"))
    case("shape_is_text", INVALID, 'shape[0] of tensor "base" is "1", not a whole number from 0 to '
         "2^64 - 1", edited("base", shape=["1"]))
    case("shape_negative", INVALID, 'shape[0] of tensor "base" is -1, not a whole number from 0 to '
         "2^64 - 1", edited("base", shape=[-1]))
    case("shape_minus_zero", INVALID, 'shape[0] of tensor "base" is 0, not a whole number from 0 '
         "to 2^64 - 1", raw('{"base":{"dtype":"F64","shape":[-0],"data_offsets":[0,0]}}'))
    case("shape_fraction", INVALID, 'shape[0] of tensor "base" is 1.5, not a whole number from 0 '
         "to 2^64 - 1", edited("base", shape=[1.5]))
    case("shape_exponent", INVALID, 'shape[0] of tensor "base" is 1.0, not a whole number from 0 '
         "to 2^64 - 1", raw('{"base":{"dtype":"F64","shape":[1e0],"data_offsets":[0,8]}}',
                            b"\0" * 8))
    case("shape_two_to_64", INVALID, 'shape[0] of tensor "base" is 1.8446744073709552e+19, not a '
         "whole number from 0 to 2^64 - 1", edited("base", shape=[2**64]))
    case("shape_two_to_63", INVALID, 'the shape of tensor "base" overflows 64 bits',
         edited("base", shape=[2**63]))
    case("shape_product_overflows", INVALID, 'the shape of tensor "base" overflows 64 bits',
         edited("base", shape=[2**32, 2**32]))
    case("shape_overflow_times_zero", INVALID, 'the shape of tensor "base" overflows 64 bits',
         edited("base", shape=[2**63, 2, 0]))
    case("shape_wraps_to_the_right_size", INVALID, 'the shape of tensor "base" overflows 64 bits',
         edited("base", shape=[2**61 + 1]))
    case("shape_larger_than_offsets", INVALID, 'tensor "base" takes 16 bytes by dtype and shape, '
         "but 8 by data_offsets", edited("base", shape=[2]))
    case("bomb_two_to_28_nodes", INVALID, 'tensor "node.left" takes 1073741824 bytes by dtype and '
         "shape, but 12 by data_offsets", edited("node.left", shape=[2**28]))
    case("bomb_offsets_too", INVALID, 'data_offsets of tensor "node.left" are 0 and 1073741824, '
         f"outside the {data_length} bytes of data",
         edited("node.left", shape=[2**28], data_offsets=[0, 2**30]))
    case("offsets_three", INVALID, 'data_offsets of tensor "base" has 3 numbers, not a begin and '
         "an end", edited("base", data_offsets=[0, 8, 8]))
    case("offsets_reversed", INVALID, 'data_offsets of tensor "base" are 8 and 0, outside the '
         f"{data_length} bytes of data", edited("base", data_offsets=[8, 0]))
    case("offsets_past_the_end", INVALID, f'data_offsets of tensor "node.flags" are '
         f"{data_length - 3} and {data_length + 1}, outside the {data_length} bytes of data",
         edited("node.flags", data_offsets=[data_length - 3, data_length + 1]))
    case("offsets_two_to_63", INVALID, 'data_offsets of tensor "base" are 9223372036854775808 and '
         f"9223372036854775816, outside the {data_length} bytes of data",
         edited("base", data_offsets=[2**63, 2**63 + 8]))
    case("tensors_overlap", INVALID, 'tensor "leaf.value" begins at byte 0 of the data, and the '
         "one before it ends at 8: there must be no hole, no overlap and no other order",
         edited("leaf.value", data_offsets=[0, 40]))
    case("hole_between_tensors", INVALID, 'tensor "leaf.value" begins at byte 16 of the data, and '
         "the one before it ends at 8: there must be no hole, no overlap and no other order",
         edited("leaf.value", data_offsets=[16, 56]))
    case("bytes_after_the_last_tensor", INVALID, f"the tensors end at byte {data_length} of the "
         f"data, which has {data_length + 5}", valid + b"PK\3\4!")
    case("cut_short_by_one_byte", INVALID, f'data_offsets of tensor "node.flags" are '
         f"{data_length - 3} and {data_length}, outside the {data_length - 1} bytes of data",
         valid[:-1])


# Rules 2 and 3: which tensors, how long -----------------------------------------------------------


def tensor_cases():
    case("tensor_not_in_the_vocabulary", INVALID, 'tensor "tree.weight" is not part of format '
         "version 1", file(forest(tree__weight=f64(1, 1))))
    case("tensor_name_with_escapes", INVALID, 'tensor "\\x1b[2J\\x1b]0;owned\\x07" is not part of '
         "format version 1", file({**forest(), "\x1b[2J\x1b]0;owned\x07": u8(1)}))
    case("tensor_name_very_long", INVALID, 'tensor "' + "n" * 60 + '..." is not part of format '
         "version 1", file({**forest(), "n" * 3000: u8(1)}))
    for name in sorted(forest()):
        case("missing_" + name.replace(".", "_"), INVALID, f"tensor {name} is missing",
             file(forest(**{name.replace(".", "__"): None})))
    case("missing_linear_model_intercept", INVALID, "tensor linear_model.intercept is missing",
         file(linear_model(linear_model__intercept=None)))
    case("dtype_of_tree_root", INVALID, "tensor tree.root has U32 where I32 was expected",
         file(forest(tree__root=u32(0, 2))))
    case("dtype_of_node_left", INVALID, "tensor node.left has another dtype where I32 was expected",
         file(forest(node__left=np.array([1, -1, -4], np.int64))))
    case("dtype_of_node_feature", INVALID, "tensor node.feature has U8 where U16 or U32 was "
         "expected", file(forest(node__feature=u8(0, 1, 0))))
    case("dtype_of_leaf_value", INVALID, "tensor leaf.value has another dtype where F32 or F64 was "
         "expected", file(forest(leaf__value=np.ones((5, 1), np.float16))))
    case("rank_of_leaf_value", INVALID, "tensor leaf.value has 1 dimensions, and 2 were expected",
         file(forest(leaf__value=f64(1, 2, 3, 4, 5))))
    case("rank_of_base", INVALID, "tensor base has 0 dimensions, and 1 were expected",
         file(forest(base=np.array(0.5))))
    case("leaf_value_wide_and_empty", TOO_LARGE, "tensor leaf.value has rows of 1099511627776 "
         "elements, more than 16777216",
         raw(compact({"__metadata__": metadata(), "leaf.value": {
             "dtype": "F64", "shape": [0, 2**40], "data_offsets": [0, 0]}})))
    case("optional_tensor_empty", INVALID, "tensor leaf.row is empty; an optional tensor is left "
         "out instead", file(forest(leaf__row=u32())))
    case("base_empty", INVALID, "base is empty, and it holds one number for each output",
         file(forest(base=f64())))
    case("leaf_width_two_of_three", INVALID, "leaf.value is 2 wide, and 1 or the 3 outputs of base "
         "were expected", file(vector_forest(base=f64(0, 0, 0))))
    case("leaf_width_zero", INVALID, "leaf.value is 0 wide, and 1 or the 1 outputs of base were "
         "expected", file(forest(leaf__value=f64().reshape(5, 0))))
    case("tree_output_missing", INVALID, "tree.output has 0 elements, and 2 were expected: one a "
         "tree", file(forest(base=f64(0, 0)), metadata(outputs=two_outputs())))
    case("tree_output_not_wanted", INVALID, "tree.output must be absent where leaves have a value "
         "for every output", file(forest(tree__output=u16(0, 0))))
    case("tree_output_too_large", INVALID, "tree.output[1] is 2, and there are 2 outputs",
         file(forest(base=f64(0, 0), tree__output=u16(1, 2)), metadata(outputs=two_outputs())))
    for name, values in [("node.right", i32(~2, ~1)), ("node.feature", u16(0, 1, 0, 0)),
                         ("node.threshold", f64(1.5, 0.5)), ("node.flags", u8(0, 0))]:
        case("length_of_" + name.replace(".", "_"), INVALID, f"{name} has {len(values)} elements, "
             "and 3 were expected: one a node, as in node.left",
             file(forest(**{name.replace(".", "__"): values})))
    case("length_of_tree_begin", INVALID, "tree.begin has 2 elements, and 3 were expected: one a "
         "tree, as in tree.root, and the end", file(forest(tree__begin=u32(0, 3))))
    case("leaf_value_too_short_for_leaf_id", INVALID, "leaf.value has 4 elements, and 5 were "
         "expected: with leaf.id no leaf is shared, and binary trees have a leaf more than nodes",
         file(forest(leaf__value=f64(1, 2, 3, 4).reshape(4, 1), leaf__id=u32(1, 2, 3, 4),
                     node__right=i32(~2, ~1, ~3))))
    case("leaf_row_too_long_for_leaf_cover", INVALID, "leaf.row has 6 elements, and 5 were "
         "expected: with leaf.cover no leaf is shared, and binary trees have a leaf more than "
         "nodes", file(forest(leaf__row=u32(0, 1, 2, 3, 4, 4), leaf__cover=f64(1, 2, 2, 1, 1, 0))))
    case("length_of_leaf_id", INVALID, "leaf.id has 3 elements, and 5 were expected: one a leaf",
         file(forest(leaf__id=u32(1, 2, 3))))
    case("length_of_leaf_cover", INVALID, "leaf.cover has 3 elements, and 5 were expected: one a "
         "leaf", file(forest(leaf__cover=f64(1, 2, 3))))
    case("node_cover_empty", INVALID, "tensor node.cover is empty; an optional tensor is left out "
         "instead", file(forest(node__cover=f64(), leaf__cover=f64(1, 2, 2, 1, 1))))
    case("length_of_node_cover", INVALID, "node.cover has 5 elements, and 3 were expected: one a "
         "node, as in node.left", file(forest(node__cover=f64(1, 2, 3, 4, 5))))
    case("length_of_feature_min", INVALID, "feature.min has 3 elements for 2 features",
         file(forest(feature__min=f64(0, 0, 0), feature__max=f64(1, 1))))
    case("length_of_feature_max", INVALID, "feature.max has 1 elements for 2 features",
         file(forest(feature__min=f64(0, 0), feature__max=f64(1))))
    case("length_of_feature_max_alone", INVALID, "feature.max has 3 elements for 2 features",
         file(forest(feature__max=f64(1, 1, 1))))


# Rules 4 and 5: trees that are trees, numbers that are numbers -------------------------------------


def tree_cases():
    case("tree_begin_not_from_zero", INVALID, "tree.begin[0] is 1, and 0 was expected",
         file(forest(tree__begin=u32(1, 2, 3))))
    case("tree_begin_falls", INVALID, "tree.begin[2] is 3, less than the 4000000000 before it",
         file(forest(tree__begin=u32(0, 4000000000, 3))))
    case("tree_begin_ends_early", INVALID, "tree.begin ends with 2, and there are 3 nodes",
         file(forest(tree__begin=u32(0, 2, 2))))
    case("root_of_another_tree", INVALID, "tree.root[1] is 0, and tree.begin says that the tree "
         "starts at node 2", file(forest(tree__root=i32(0, 0))))
    case("root_past_the_end", INVALID, "tree.root[1] is 3, and tree.begin says that the tree "
         "starts at node 2", file(forest(tree__root=i32(0, 3))))
    case("root_is_a_leaf_beside_nodes", INVALID, "tree.root[1] is -4, and tree.begin says that the "
         "tree starts at node 2", file(forest(tree__root=i32(0, ~3))))
    case("root_is_a_node_of_no_nodes", INVALID, "tree.root[1] is 2, and tree.begin says that the "
         "tree is a single leaf", file(forest(
             tree__begin=u32(0, 2, 2), node__left=i32(1, ~0), node__right=i32(~2, ~1),
             node__feature=u16(0, 1), node__threshold=f64(1, 2), node__flags=u8(0, 0),
             leaf__value=f64(1, 2, 3, 4).reshape(4, 1), tree__root=i32(0, 2))))
    case("child_is_itself", INVALID, "node.left[0] is 0, and a node from 1 to 1 or a leaf was "
         "expected", file(forest(node__left=i32(0, ~0, ~3))))
    case("child_cycle", INVALID, "node.left[1] is 0, and a node from 2 to 1 or a leaf was expected",
         file(forest(node__left=i32(1, 0, ~3))))
    case("child_in_another_tree", INVALID, "node.left[0] is 2, and a node from 1 to 1 or a leaf "
         "was expected", file(forest(node__left=i32(2, ~0, ~3))))
    case("child_past_the_end", INVALID, "node.right[2] is 3, and a node from 3 to 2 or a leaf was "
         "expected", file(forest(node__right=i32(~2, ~1, 3))))
    case("child_int32_max", INVALID, "node.right[0] is 2147483647, and a node from 1 to 1 or a "
         "leaf was expected", file(forest(node__right=i32(2**31 - 1, ~1, ~4))))
    case("child_int32_min", INVALID, "node.right[0] is -2147483648, which is leaf 2147483647 of 5",
         file(forest(node__right=i32(INT32_MIN, ~1, ~4))))
    case("root_int32_min", INVALID, "tree.root[0] is -2147483648, which is leaf 2147483647 of 1",
         file(forest(tree__begin=u32(0, 0), tree__root=i32(INT32_MIN), node__left=i32(),
                     node__right=i32(), node__feature=u16(), node__threshold=f64(),
                     node__flags=u8(), leaf__value=f64(1).reshape(1, 1))))
    case("leaf_past_the_end", INVALID, "node.right[2] is -6, which is leaf 5 of 5",
         file(forest(node__right=i32(~2, ~1, ~5))))
    case("node_with_two_parents", INVALID, "node.right[0] is 1, which has a parent already",
         file(forest(node__right=i32(1, ~1, ~4))))
    case("leaf_past_the_end_of_few", INVALID, "node.right[0] is -3, which is leaf 2 of 2",
         file(forest(node__left=i32(1, ~0, ~0), node__right=i32(~2, ~1, ~1),
                     leaf__value=f64(1, 2).reshape(2, 1))))
    case("leaf_past_the_rows", INVALID, "node.right[2] is -5, which is leaf 4 of 4",
         file(forest(leaf__row=u32(0, 1, 2, 3))))
    case("leaf_with_an_id_and_two_parents", INVALID, "node.right[2] is -4, and leaf 3 has a parent "
         "already: with leaf.id no leaf is shared",
         file(forest(node__right=i32(~2, ~1, ~3), leaf__id=u32(1, 2, 3, 4, 5))))
    case("leaf_with_a_cover_and_two_parents", INVALID, "node.left[2] is -1, and leaf 0 has a "
         "parent already: with leaf.cover no leaf is shared",
         file(forest(node__left=i32(1, ~0, ~0), leaf__cover=f64(1, 2, 2, 1, 1))))
    case("root_leaf_with_an_id_and_two_parents", INVALID, "tree.root[1] is -1, and leaf 0 has a "
         "parent already: with leaf.id no leaf is shared",
         file(forest(tree__begin=u32(0, 0, 0), tree__root=i32(~0, ~0), node__left=i32(),
                     node__right=i32(), node__feature=u16(), node__threshold=f64(),
                     node__flags=u8(), leaf__value=f64(1, 2).reshape(2, 1), leaf__id=u32(1, 2))))
    depth = 24
    case("dag_of_exponential_paths", INVALID, "node.right[0] is 1, which has a parent already",
         file(forest(tree__begin=u32(0, depth), tree__root=i32(0),
                     node__left=i32(*range(1, depth), ~0), node__right=i32(*range(1, depth), ~1),
                     node__feature=u16(*[0] * depth), node__threshold=f64(*[0] * depth),
                     node__flags=u8(*[0] * depth),
                     leaf__value=f64(*range(depth + 1)).reshape(depth + 1, 1))))
    case("node_without_a_parent", INVALID, "node 1 belongs to tree 0 but is no child",
         file(forest(node__left=i32(~3, ~0, ~4), node__right=i32(~2, ~1, ~0))))
    case("feature_too_large", INVALID, "node.feature[1] is 2, and there are 2 features",
         file(forest(node__feature=u16(0, 2, 0))))
    case("feature_uint32_max", INVALID, "node.feature[0] is 4294967295, and there are 2 features",
         file(forest(node__feature=u32(2**32 - 1, 1, 0))))
    case("threshold_nan", INVALID, "node.threshold[2] is NaN",
         file(forest(node__threshold=f64(1.5, 0.5, np.nan))))
    case("threshold_nan_float32", INVALID, "node.threshold[0] is NaN",
         file(forest(node__threshold=np.array([np.nan, 0.5, 2.5], np.float32))))
    case("flags_unknown_bit", INVALID, "node.flags[0] is 32, which has unknown bits",
         file(forest(node__flags=u8(32, 0, 0))))
    case("flags_unknown_missing_rule", INVALID, "node.flags[1] is 13, which has unknown bits",
         file(forest(node__flags=u8(0, 13, 0))))
    case("flags_listed_right_of_nothing", INVALID, "node.flags[2] is 16: bit 4 says where listed "
         "categories go, and bit 1 that there are none", file(forest(node__flags=u8(0, 0, 16))))
    case("leaf_row_too_large", INVALID, "leaf.row[3] is 2, and leaf.value has 2 rows",
         file(forest(leaf__row=u32(0, 1, 0, 2, 1), leaf__value=f64(1, 2).reshape(2, 1))))
    case("leaf_value_nan", INVALID, "leaf.value[4] is NaN, and metadata key allow_nonfinite does "
         'not say "true"', file(forest(leaf__value=f64(1, 2, 3, 4, np.nan).reshape(5, 1))))
    case("leaf_value_infinite", INVALID, "leaf.value[0] is -inf, and metadata key allow_nonfinite "
         'does not say "true"', file(forest(leaf__value=f64(-np.inf, 2, 3, 4, 5).reshape(5, 1))))
    case("base_infinite", INVALID, "base[0] is inf, and metadata key allow_nonfinite does not say "
         '"true"', file(forest(base=f64(np.inf))))
    case("cover_negative", INVALID, "leaf.cover[4] is -1.0, and a finite number >= 0 was expected",
         file(forest(node__cover=f64(5, 3, 2), leaf__cover=f64(1, 2, 2, 1, -1))))
    case("cover_nan", INVALID, "node.cover[0] is NaN, and a finite number >= 0 was expected",
         file(forest(node__cover=f64(np.nan, 3, 2), leaf__cover=f64(1, 2, 2, 1, 1))))
    case("mean_of_no_trees", INVALID, 'combine is "mean", and no tree adds to output 1',
         file(forest(base=f64(0, 0), tree__output=u16(0, 0)),
              metadata(outputs=two_outputs(), combine="mean")))
    case("max_of_no_trees", INVALID, 'combine is "max", and no tree adds to output 1',
         file(forest(base=f64(0, 0), tree__output=u16(0, 0)),
              metadata(outputs=two_outputs(), combine="max")))
    case("range_reversed", INVALID, "feature.min[1] is 2.0, above feature.max[1], which is 1.0",
         file(forest(feature__min=f64(np.nan, 2), feature__max=f64(0, 1))))


# Rule 6: categories and linear leaves --------------------------------------------------------------


def set_cases():
    case("cat_flag_without_set", INVALID, "node.flags[1] says the split is categorical, and "
         "cat.node ends before it", file(category_forest(
             cat__node=None, cat__begin=None, cat__words=None)))
    case("cat_node_of_a_plain_node", INVALID, "node.flags[1] says the split is categorical, and "
         "cat.node has 0 at 0", file(category_forest(cat__node=u32(0))))
    case("cat_node_past_the_end", INVALID, "cat.node[1] is 3, which is not the next node whose "
         "flags say categorical", file(category_forest(cat__node=u32(1, 3), cat__begin=u32(0, 1, 1))))
    case("cat_node_twice", INVALID, "cat.node[1] is 1, which is not the next node whose flags say "
         "categorical", file(category_forest(cat__node=u32(1, 1), cat__begin=u32(0, 1, 1))))
    case("cat_sets_without_nodes", INVALID, "there are category sets, and cat.node names no node "
         "that uses them", file(forest(cat__begin=u32(0), cat__words=u32(1))))
    case("cat_threshold_not_zero", INVALID, "node.threshold[1] is 0.5, and 0 was expected because "
         "node.flags says the split is categorical",
         file(category_forest(node__threshold=f64(1.5, 0.5, 2.5))))
    case("cat_begin_too_short", INVALID, "cat.begin has 1 elements, and 2 were expected: one a "
         "range, and the end", file(category_forest(cat__begin=u32(0))))
    case("cat_begin_not_from_zero", INVALID, "cat.begin[0] is 1, and 0 was expected",
         file(category_forest(cat__begin=u32(1, 1))))
    case("cat_begin_past_the_words", INVALID, "cat.begin ends with 4294967295, and cat.words has 1 "
         "elements", file(category_forest(cat__begin=u32(0, 2**32 - 1))))
    case("cat_begin_falls", INVALID, "cat.begin[2] is 1, less than the 9 before it",
         file(category_forest(node__flags=u8(2, 3, 0), node__threshold=f64(0, 0, 2.5),
                              cat__node=u32(0, 1), cat__begin=u32(0, 9, 1))))
    case("cat_known_words_only", INVALID, "cat.known_begin has 0 elements, and 2 were expected: "
         "one a range, and the end", file(category_forest(cat__known_words=u32(7))))
    case("cat_known_past_the_words", INVALID, "cat.known_begin ends with 2, and cat.known_words "
         "has 1 elements", file(category_forest(cat__known_begin=u32(0, 2),
                                                cat__known_words=u32(7))))
    case("linear_begin_missing", INVALID, "linear.begin is missing beside other linear.* tensors",
         file(linear_forest(linear__begin=None)))
    case("linear_begin_too_short", INVALID, "linear.begin has 5 elements, and 6 were expected: one "
         "a range, and the end", file(linear_forest(linear__begin=u32(0, 1, 1, 1, 1))))
    case("linear_begin_past_the_terms", INVALID, "linear.begin ends with 2, and linear.feature has "
         "1 elements", file(linear_forest(linear__begin=u32(0, 1, 1, 1, 1, 2))))
    case("linear_feature_too_large", INVALID, "linear.feature[0] is 2, and there are 2 features",
         file(linear_forest(linear__feature=u32(2))))
    case("linear_coef_too_many", INVALID, "linear.coef has 2 elements, and 1 were expected: one a "
         "term, as in linear.feature", file(linear_forest(linear__coef=f64(1, 2))))
    case("linear_coef_nan", INVALID, "linear.coef[0] is NaN, and metadata key allow_nonfinite does "
         'not say "true"', file(linear_forest(linear__coef=f64(np.nan))))
    case("linear_const_too_few", INVALID, "linear.const has 4 elements, and 5 were expected: one a "
         "row of leaf.value", file(linear_forest(linear__const=f64(1, 2, 3, 4))))
    case("linear_of_vector_leaves", INVALID, "linear.begin is given, and leaf.value is 2 wide: "
         "linear leaves have one value", file(
             {**vector_forest(), **{name: tensor for name, tensor in linear_forest().items()
                                    if name.startswith("linear.")}},
             metadata(outputs=two_outputs())))
    case("linear_model_transposed", INVALID, "linear_model.coef has 2 rows, and "
         "linear_model.intercept has 1 elements",
         file(linear_model(linear_model__coef=f64(1, 2).reshape(2, 1))))
    case("linear_model_too_wide", INVALID, "linear_model.coef has 3 elements, and 1 outputs of 2 "
         "features were expected", file(linear_model(linear_model__coef=f64(1, 2, 3).reshape(1, 3))))
    case("linear_model_nan", INVALID, "linear_model.coef[1] is NaN, and metadata key "
         'allow_nonfinite does not say "true"',
         file(linear_model(linear_model__coef=f64(1, np.nan).reshape(1, 2))))
    case("linear_model_averaged", UNSUPPORTED, 'a linear model needs combine "sum"',
         file(linear_model(), metadata(combine="mean")))
    case("linear_model_with_tables", UNSUPPORTED, 'a linear model has no category_cast "table"',
         file(linear_model(), metadata(category_cast="table")))
    case("linear_model_fill_too_short", INVALID, "linear_model.fill has 1 elements for 2 features",
         file(linear_model(linear_model__fill=f64(1))))
    case("linear_model_fill_nan", INVALID, "linear_model.fill[1] is NaN, and a finite number was "
         "expected", file(linear_model(linear_model__fill=f64(1, np.nan)),
                          metadata(allow_nonfinite="true")))
    case("linear_model_fill_of_trees", INVALID, "tensor linear_model.coef is missing",
         file(forest(linear_model__fill=f64(1, 2))))
    table_cases()
    case("trees_and_linear_model", INVALID, "the file holds both trees and a linear model, and it "
         "must hold one of them", file({**forest(), **linear_model()}))
    case("neither_trees_nor_linear_model", INVALID, "the file holds neither trees nor a linear "
         "model", file({}))


def table_cases():
    exactly = ('category.begin and category.value must be there exactly where category_cast is '
               '"table"')

    def of(begin, value, cast="table", **changes):
        return file(category_forest(category__begin=begin, category__value=value),
                    metadata(category_cast=cast, **changes))

    case("table_missing", INVALID, exactly, of(None, None))
    case("table_begin_missing", INVALID, exactly, of(None, f64(1)))
    case("table_of_another_cast", INVALID, exactly, of(u32(0, 0, 1), f64(1), "truncate"))
    case("table_values_of_another_cast", INVALID, exactly, of(None, f64(1), "nonnegative"))
    case("table_begin_too_short", INVALID, "category.begin has 2 elements, and 3 were expected: one "
         "a range, and the end", of(u32(0, 1), f64(1)))
    case("table_begin_not_from_zero", INVALID, "category.begin[0] is 1, and 0 was expected",
         of(u32(1, 1, 1), f64(1)))
    case("table_begin_falls", INVALID, "category.begin[2] is 1, less than the 2 before it",
         of(u32(0, 2, 1), f64(1)))
    case("table_begin_past_the_values", INVALID, "category.begin ends with 2, and category.value "
         "has 1 elements", of(u32(0, 0, 2), f64(1)))
    case("table_value_missing", INVALID, "category.begin ends with 2, and category.value has 0 "
         "elements", of(u32(0, 0, 2), None))
    case("table_value_nan", INVALID, "category.value[1] is NaN, and the values of a feature must "
         "rise", of(u32(0, 1, 2), f64(1, np.nan)))
    case("table_value_twice", INVALID, "category.value[2] is 0.0, and the values of a feature must "
         "rise", of(u32(0, 1, 3), f64(1, -0.0, 0)))
    case("table_value_falls", INVALID, "category.value[1] is -inf, and the values of a feature must "
         "rise", of(u32(0, 2, 2), f64(np.inf, -np.inf)))
    case("table_beside_texts", INVALID, "features[1].categories is given, and rows hold "
         "category.value", of(u32(0, 0, 1), f64(1), features=[
             {"name": "a", "kind": "num"}, {"name": "b", "kind": "cat", "categories": ["x"]}]))


# Rule 7: metadata ---------------------------------------------------------------------------------


def metadata_cases():
    case("no_metadata", INVALID, 'metadata key format is missing; a model file says "copse.forest"',
         raw(compact(layout(forest())[0]), layout(forest())[1]))
    case("format_of_another_project", UNSUPPORTED, 'metadata key format is "pt", and '
         '"copse.forest" was expected', file(forest(), metadata(format="pt")))
    case("format_version_missing", INVALID, 'metadata key format_version is missing; a model file '
         'says "1"', file(forest(), metadata(format_version=None)))
    case("format_version_two", UNSUPPORTED, 'metadata key format_version is "2", and "1" was '
         "expected", file(forest(), metadata(format_version="2")))
    for key in ("input", "accumulate", "combine", "link", "link_math", "decision", "missing",
                "features", "outputs"):
        case(f"metadata_without_{key}", INVALID, f"metadata key {key} is missing",
             file(forest(), metadata(**{key: None})))
    for key, value, expected in [
            ("input", "f16", '"f32" or "f64"'), ("accumulate", "F64", '"f32" or "f64"'),
            ("combine", "median", '"sum" or "mean" or "min" or "max"'),
            ("link_math", "", '"f32" or "f64"'),
            ("decision", "median", '"argmax" or "ge0" or "gt0"'),
            ("missing", "maybe", '"allowed" or "error"'),
            ("infinite", "maybe", '"allowed" or "error"'),
            ("category_cast", "round", '"nonnegative" or "truncate" or "table"'),
            ("allow_nonfinite", "yes", '"true" or "false"')]:
        case(f"metadata_unknown_{key}", UNSUPPORTED, f'metadata key {key} is "{value}"; expected '
             f"{expected}", file(forest(), metadata(**{key: value})))
    case("metadata_unknown_link", UNSUPPORTED, 'link: "probit" is not known; expected one of '
         "identity, sigmoid, sigmoid2x, softmax, softmax_argmax, softmax_zero, exp, log1pexp, "
         "sqrt_signed, hinge, normalize_ovr, iforest, logistic", file(forest(), metadata(link="probit")))
    case("link_name_with_escapes", UNSUPPORTED, 'link: "\\x1b[31mred\\x0a" is not known; expected '
         "one of identity, sigmoid, sigmoid2x, softmax, softmax_argmax, softmax_zero, exp, "
         "log1pexp, sqrt_signed, hinge, normalize_ovr, iforest, logistic",
         file(forest(), metadata(link="\x1b[31mred\n")))
    case("link_params_not_json", INVALID, "metadata key link_params is no JSON: it goes wrong at "
         "byte 0", file(forest(), metadata(link="sigmoid", link_params="scale=2")))
    case("link_params_a_list", INVALID, "metadata key link_params is a list, not a JSON object",
         file(forest(), metadata(link="sigmoid", link_params="[]")))
    case("link_params_unknown", UNSUPPORTED, 'metadata key link_params has the unknown key '
         '"temperature"; expected "scale" or "guard" or "denominator" or "offset" or "divisor"',
         file(forest(), metadata(link="sigmoid", link_params={"temperature": 2})))
    case("link_params_empty_key", UNSUPPORTED, 'metadata key link_params has the unknown key ""; '
         'expected "scale" or "guard" or "denominator" or "offset" or "divisor"',
         file(forest(), metadata(link_params={"scale": 2, "": 2})))
    case("link_params_scale_zero", INVALID, "metadata key link_params has scale 0, and a number "
         "above 0 was expected", file(forest(), metadata(link="sigmoid", link_params={"scale": 0})))
    case("link_params_divisor_zero", INVALID, "metadata key link_params has divisor 0, and a number "
         "above 0 was expected", file(forest(), metadata(link_params={"divisor": 0})))
    case("link_params_guard_text", INVALID, 'metadata key link_params has guard "1e-16", and a '
         "number was expected",
         file(forest(), metadata(link="sigmoid", link_params={"guard": "1e-16"})))
    case("iforest_without_denominator", INVALID, "metadata key link_params has no denominator, "
         'which link "iforest" needs', file(forest(), metadata(
             link="iforest", outputs=[{"name": "s", "kind": "score", "columns": [0, 1]}])))

    feature_cases()
    output_cases()
    text_cases()


def feature_cases():
    def of(features):
        return file(forest(), metadata(features=features))

    second = {"name": "b", "kind": "num"}
    case("features_not_json", INVALID, "metadata key features is no JSON: it goes wrong at byte 1",
         of("[a,b]"))
    case("features_an_object", INVALID, "metadata key features is an object, not a JSON list",
         of("{}"))
    case("features_empty", INVALID, "metadata key features is an empty list", of([]))
    case("features_of_text", INVALID, 'features[0] is "a", not an object', of(["a", "b"]))
    case("feature_without_name", INVALID, "features[0].name is missing",
         of([{"kind": "num"}, second]))
    case("feature_name_empty", INVALID, "features[0].name is empty",
         of([{"name": "", "kind": "num"}, second]))
    case("feature_name_a_number", INVALID, "features[0].name is 7, not a string",
         of([{"name": 7, "kind": "num"}, second]))
    case("feature_name_twice", INVALID, 'two features are called "b"', of([second, second]))
    case("feature_without_kind", INVALID, "features[0].kind is missing", of([{"name": "a"}, second]))
    case("feature_kind_unknown", UNSUPPORTED, 'features[0].kind is "date"; expected "num" or "cat"',
         of([{"name": "a", "kind": "date"}, second]))
    case("feature_unknown_key_twice", INVALID, 'metadata key features has the key "scale" twice '
         "in one object", of('[{"name":"a","kind":"num","scale":2,"scale":2}]'))
    case("feature_categories_of_a_number", INVALID, "features[0].categories is given, and "
         'features[0].kind is not "cat"',
         of([{"name": "a", "kind": "num", "categories": ["x"]}, second]))
    case("feature_categories_a_text", INVALID, 'features[0].categories is "xyz", not a list of '
         "strings or null", of([{"name": "a", "kind": "cat", "categories": "xyz"}, second]))
    case("feature_category_a_number", INVALID, "features[0].categories[1] is 2, not a string",
         of([{"name": "a", "kind": "cat", "categories": ["1", 2]}, second]))
    case("feature_unit_null", INVALID, "features[0].unit is null, not a string",
         of([{"name": "a", "kind": "num", "unit": None}, second]))
    case("features_deep", INVALID, "metadata key features nests deeper than 8 levels",
         of("[" * 3000))


def output_cases():
    def of(outputs, **changes):
        return file(forest(), metadata(outputs=outputs, **changes))

    case("outputs_empty", INVALID, "metadata key outputs is an empty list", of([]))
    case("output_without_name", INVALID, "outputs[0].name is missing",
         of([{"kind": "value", "columns": [0, 1]}]))
    case("output_kind_unknown", UNSUPPORTED, 'outputs[0].kind is "rank"; expected "class" or '
         '"value" or "score"', of([{"name": "y", "kind": "rank", "columns": [0, 1]}]))
    case("output_unknown_key_deep", INVALID, "metadata key outputs nests deeper than 8 levels",
         of('[{"name":"y","kind":"value","columns":[0,1],"extra":' + "[" * 7 + "]" * 7 + "}]"))
    case("output_columns_missing", INVALID, "outputs[0].columns must be a list of two whole "
         "numbers, begin and end", of([{"name": "y", "kind": "value"}]))
    case("output_columns_with_a_gap", INVALID, "outputs[0].columns is [1,2], and it must begin at "
         "0, end after it, and not pass 65536", of([{"name": "y", "kind": "value",
                                                     "columns": [1, 2]}]))
    case("output_columns_overlap", INVALID, "outputs[1].columns is [0,1], and it must begin at 1, "
         "end after it, and not pass 65536",
         of([{"name": "y", "kind": "value", "columns": [0, 1]},
             {"name": "z", "kind": "value", "columns": [0, 1]}]))
    case("output_columns_empty", INVALID, "outputs[0].columns is [0,0], and it must begin at 0, "
         "end after it, and not pass 65536", of([{"name": "y", "kind": "value",
                                                  "columns": [0, 0]}]))
    case("output_columns_huge", INVALID, "outputs[0].columns is [0,18446744073709551615], and it "
         "must begin at 0, end after it, and not pass 65536",
         of([{"name": "y", "kind": "value", "columns": [0, 2**64 - 1]}]))
    case("outputs_past_the_margins", INVALID, "metadata key outputs ends at column 2, and base has "
         "1 elements", of(two_outputs()))
    case("outputs_of_a_linear_model", INVALID, "metadata key outputs ends at column 2, and "
         "linear_model.intercept has 1 elements",
         file(linear_model(), metadata(outputs=two_outputs())))
    case("labels_missing", INVALID, "outputs[0].labels must be the list of its classes",
         of([{"name": "c", "kind": "class", "label_type": "str", "columns": [0, 1]}]))
    case("labels_too_few", INVALID, "outputs[0].labels has 2 labels for 3 columns",
         of(classes(["x", "y"], [0, 3])))
    case("labels_too_many", INVALID, "outputs[0].labels has 3 labels for 1 columns",
         of(classes(["x", "y", "z"], [0, 1])))
    case("label_type_missing", INVALID, "outputs[0].label_type is missing",
         of([{"name": "c", "kind": "class", "labels": ["x", "y"], "columns": [0, 1]}]))
    case("label_type_unknown", UNSUPPORTED, 'outputs[0].label_type is "date"; expected "str" or '
         '"int" or "float" or "bool"', of(classes(["x", "y"], [0, 1], "date")))
    case("label_of_another_type", INVALID, 'outputs[0].labels[1] is "2", and label_type says '
         '"int"', of(classes([1, "2"], [0, 1], "int")))
    case("label_fraction_as_int", INVALID, 'outputs[0].labels[0] is 1.5, and label_type says '
         '"int"', of(classes([1.5, 2], [0, 1], "int")))
    case("label_past_64_bits", INVALID, "outputs[0].labels[1] is 1.8446744073709552e+19, and "
         'label_type says "int"', of(classes([0, 2**64], [0, 1], "int")))
    case("label_zero_as_bool", INVALID, 'outputs[0].labels[0] is 0, and label_type says "bool"',
         of(classes([0, 1], [0, 1], "bool")))
    case("label_twice", INVALID, 'outputs[0].labels has "\\x1b[7mx" twice',
         of(classes(["\x1b[7mx", "\x1b[7mx"], [0, 1])))
    case("labels_of_a_value", INVALID, 'outputs[0] has labels, and its kind is not "class"',
         of([{"name": "y", "kind": "value", "labels": ["x"], "columns": [0, 1]}]))
    case("softmax_of_a_value", UNSUPPORTED, 'link "softmax" does not suit outputs[0], which has '
         'kind "value" and 1 columns', of([{"name": "y", "kind": "value", "columns": [0, 1]}],
                                            link="softmax"))
    case("exp_of_a_class", UNSUPPORTED, 'link "exp" does not suit outputs[0], which has kind '
         '"class" and 1 columns', of(classes(["x", "y"], [0, 1]), link="exp"))
    case("identity_of_a_score", UNSUPPORTED, 'link "identity" does not suit outputs[0], which has '
         'kind "score" and 1 columns', of([{"name": "s", "kind": "score", "columns": [0, 1]}]))
    case("hinge_of_two_columns", UNSUPPORTED, 'link "hinge" does not suit outputs[0], which has '
         'kind "class" and 2 columns', file(vector_forest(), metadata(
             outputs=classes(["x", "y"], [0, 2]), link="hinge")))
    case("sign_decision_of_two_columns", UNSUPPORTED, 'metadata key decision is "ge0", and '
         "outputs[0] is not two classes on one column", file(vector_forest(), metadata(
             outputs=classes(["x", "y"], [0, 2]), decision="ge0")))


def text_cases():
    case("source_not_json", INVALID, "metadata key source is no JSON: it goes wrong at byte 0",
         file(forest(), metadata(source="scikit-learn")))
    case("provenance_a_list", INVALID, "metadata key provenance is a list, not a JSON object",
         file(forest(), metadata(provenance="[]")))
    case("provenance_twice_the_same_key", INVALID, 'metadata key provenance has the key "notes" '
         "twice in one object", file(forest(), metadata(provenance='{"notes":"a","notes":"b"}')))
    case("warnings_a_text", INVALID, 'metadata key warnings is "careful", not a JSON list',
         file(forest(), metadata(warnings='"careful"')))
    case("warning_a_number", INVALID, "warnings[1] is 3, not a string",
         file(forest(), metadata(warnings='["careful",3]')))
    case("metadata_value_very_long", UNSUPPORTED, 'metadata key combine is "' + "é" * 30 + '..."; '
         'expected "sum" or "mean" or "min" or "max"',
         file(forest(), metadata(combine="é" * 1000)))

    # Rule 9.
    whole = with_digest(forest(), metadata())
    digest = json.loads(whole[8:8 + struct.unpack("<Q", whole[:8])[0]])["__metadata__"]["sha256"]
    damaged = bytearray(whole)
    damaged[-20] ^= 1
    other = hashlib.sha256(bytes(damaged).replace(digest.encode(), b"0" * 64)).hexdigest()
    case("damaged", INVALID, f"the file is damaged: metadata key sha256 is {digest}, and the "
         f"digest of the bytes is {other}", bytes(damaged))
    case("digest_too_short", INVALID, 'metadata key sha256 is "c0ffee", and 64 lower-case '
         "hexadecimal digits were expected", file(forest(), metadata(sha256="c0ffee")))
    case("digest_upper_case", INVALID, 'metadata key sha256 is "' + digest.upper()[:60] + '...", '
         "and 64 lower-case hexadecimal digits were expected",
         whole.replace(digest.encode(), digest.upper().encode()))
    case("digest_is_a_space", INVALID, 'metadata key sha256 is " ", and 64 lower-case hexadecimal '
         "digits were expected", file(forest(), metadata(sha256=" ")))


def main():
    for make in (container_cases, tensor_cases, tree_cases, set_cases, metadata_cases):
        make()
    files = {f"{name}.safetensors": data for name, (_, _, data) in CASES.items()}
    index = [{"file": f"{name}.safetensors", "code": code, "message": message}
             for name, (code, message, _) in CASES.items()]
    files["cases.json"] = (json.dumps(index, indent=1, ensure_ascii=False) + "\n").encode()
    if "--check" in sys.argv:
        found = {path.name: path.read_bytes() for path in FOLDER.iterdir()}
        if found != files:
            wrong = sorted(name for name in files.keys() | found.keys()
                           if files.get(name) != found.get(name))
            sys.exit(f"tests/vectors/invalid differs from what make_invalid.py writes: {wrong}")
        print(f"{len(CASES)} invalid files are as make_invalid.py writes them")
        return
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.iterdir():
        path.unlink()
    for name, data in files.items():
        (FOLDER / name).write_bytes(data)
    print(f"{len(CASES)} invalid files, {sum(map(len, files.values()))} bytes")


if __name__ == "__main__":
    main()
