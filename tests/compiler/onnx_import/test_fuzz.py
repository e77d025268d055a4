"""Files with changed bytes: they load, or raise one line, and nothing else happens."""

import ml_dtypes
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from tenonc.compiler import TenonError, load

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL
node, info = helper.make_node, helper.make_tensor_value_info


def network(build):
    nodes = [
        node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1], strides=[2, 2]),
        node("BatchNormalization", ["c", "s", "s", "s", "s"], ["n"]),
        node("MaxPool", ["n"], ["p"], kernel_shape=[2, 2], ceil_mode=1),
        node("Pad", ["p", "pads"], ["q"]),
        node("Reshape", ["q", "shape"], ["r"]),
        node("Slice", ["r", "zero", "two", "zero"], ["t"]),
        node("Gather", ["t", "zero"], ["g"], axis=1),
        node("Softmax", ["g"], ["y"], axis=1),
    ]
    weights = {
        "w": np.ones((2, 1, 3, 3), np.float32), "s": np.ones(2, np.float32), "shape": np.array([1, -1]),
        "pads": np.array([0, 0, 1, 1, 0, 0, 0, 0]), "zero": np.array([0]), "two": np.array([2]),
    }  # fmt: skip
    return build(nodes, {"x": (FLOAT, [1, 1, 8, 8])}, ["y"], weights)


def control(build):
    body = helper.make_graph(
        [node("Identity", ["c"], ["again"]), node("Add", ["s", "x"], ["t"])], "body",
        [info("i", INT64, []), info("c", BOOL, []), info("s", FLOAT, [2])],
        [info("again", BOOL, []), info("t", FLOAT, [2])],
    )  # fmt: skip
    then = helper.make_graph([node("Relu", ["l"], ["a"])], "then", [], [info("a", FLOAT, [2])])
    other = helper.make_graph([node("Neg", ["l"], ["b"])], "else", [], [info("b", FLOAT, [2])])
    nodes = [
        node("Loop", ["m", "", "x"], ["l"], body=body),
        node("If", ["flag"], ["z"], then_branch=then, else_branch=other),
        node("SequenceConstruct", ["z", "x"], ["seq"]),
        node("ConcatFromSequence", ["seq"], ["y"], axis=0),
    ]
    inputs = {"x": (FLOAT, [2]), "flag": (BOOL, [])}
    return build(nodes, inputs, ["y"], {"m": np.array(20)})


def functions(build):
    elu = node("Elu", ["a"], ["e"])
    elu.attribute.add(name="alpha", ref_attr_name="slope", type=1)
    body = [elu, node("Clip", ["e", "low"], ["b"])]
    function = helper.make_function(
        "my", "F", ["a", "low"], ["b"], body, [helper.make_opsetid("", 17)], [],
        [helper.make_attribute("slope", 0.5)],
    )  # fmt: skip
    values = numpy_helper.from_array(np.array([5.0, 7.0], np.float32), "w")
    sparse = helper.make_sparse_tensor(values, numpy_helper.from_array(np.array([0, 1]), "i"), [2])
    nodes = [
        node("F", ["x", ""], ["f"], domain="my"), node("MeanVarianceNormalization", ["f"], ["n"], axes=[0]),
        node("Constant", [], ["k"], sparse_value=sparse), node("Add", ["n", "k"], ["y"]),
    ]  # fmt: skip
    model = build(nodes, {"x": (FLOAT, [2])}, ["y"])
    model.functions.append(function)
    model.opset_import.add(domain="my", version=1)
    return model


def recurrent(build):
    nodes = [
        node("LSTM", ["x", "w", "r"], ["", "h", ""], hidden_size=2),
        node("Transpose", ["h"], ["e"], perm=[1, 2, 0]),
        node("ReduceSum", ["e", "axes"], ["y"], keepdims=0),
    ]
    weights = {
        "w": np.ones((1, 8, 3), np.float32), "r": np.ones((1, 8, 2), np.float32), "axes": np.array([0]),
    }  # fmt: skip
    return build(nodes, {"x": (FLOAT, [4, 1, 3])}, ["y"], weights)


def quantized(build):
    conv = ["q", "s", "z", "w", "t", "zw", "s", "z", "b"]
    add = ["c", "s", "z", "c", "s", "z", "s", "z"]
    nodes = [
        node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        node("QLinearConv", conv, ["c"], pads=[1, 1, 1, 1], strides=[2, 2]),
        node("QLinearAdd", add, ["a"], domain="com.microsoft"),
        node("QLinearConcat", [*"szaszcsz"], ["k"], domain="com.microsoft", axis=1),
        node("Cast", ["n"], ["f"], to=FLOAT),
        node("DequantizeLinear", ["k", "t4", ""], ["d"], axis=1),
        node("Mul", ["d", "f"], ["y"]),
    ]
    weights = {
        "w": np.ones((2, 1, 3, 3), np.int8), "s": np.array(0.5, np.float32), "z": np.array(3, np.uint8),
        "t": np.array([0.5, 0.25], np.float32), "zw": np.zeros(2, np.int8), "b": np.ones(2, np.int32),
        "t4": np.ones(4, np.float32), "n": np.arange(4).reshape(4, 1, 1).astype(ml_dtypes.int4),
    }  # fmt: skip
    return build(nodes, {"x": (FLOAT, [1, 1, 8, 8])}, ["y"], weights, 21, 10)


MODELS = {
    "network": network,
    "control": control,
    "functions": functions,
    "recurrent": recurrent,
    "quantized": quantized,
}


@st.composite
def edits(draw):
    """A few edits: where (as a part of the file), what, and bytes."""
    kinds = st.sampled_from(["set", "flip", "delete", "insert", "copy", "truncate"])
    one = st.tuples(st.floats(0, 1, exclude_max=True), kinds, st.binary(min_size=1, max_size=8))
    return draw(st.lists(one, min_size=1, max_size=4))


def edited(data: bytes, changes) -> bytes:
    result = bytearray(data)
    for place, kind, extra in changes:
        at, size = int(place * len(result)), len(extra)
        if kind == "set":
            result[at : at + size] = extra[: max(len(result) - at, 0)]
        elif kind == "flip" and at < len(result):
            result[at] ^= 1 << (extra[0] & 7)
        elif kind == "delete":
            del result[at : at + size]
        elif kind == "insert":
            result[at:at] = extra
        elif kind == "copy":
            result[at:at] = result[at // 2 : at // 2 + 4 * size]
        elif kind == "truncate" and extra[0] < 16:
            del result[at:]
    return bytes(result)


@pytest.mark.parametrize("name", MODELS)
@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(changes=edits())
def test_changed_bytes(build, name, changes):
    data = MODELS[name](build).SerializeToString()
    load_or_refuse(edited(data, changes))


NUMBERS = [0, 1, -1, 2, 3, 7, 2**31, -(2**31), 2**40, -(2**63), 2**63 - 1]


def fields_of(message, found: list) -> list:
    """Every set field of `message` and of those in it, as (message, field)."""
    for field, value in message.ListFields():
        found.append((message, field))
        if field.message_type is not None:
            for item in value if field.is_repeated else [value]:
                fields_of(item, found)
    return found


def change(model, rng: np.random.Generator) -> None:
    """One change of the decoded model: a number, a name, bytes, an element that vanishes or comes twice."""
    places = fields_of(model, [])
    message, field = places[rng.integers(len(places))]
    if field.is_repeated:
        values = getattr(message, field.name)
        at = int(rng.integers(len(values)))
        kind = rng.integers(3)
        if kind == 0:
            del values[at]
        elif field.message_type is not None:
            values.add().CopyFrom(values[at])
        elif kind == 1:
            values.append(values[at])
        else:
            values[at] = changed_value(field, values[at], places, rng)
    elif field.message_type is not None:
        message.ClearField(field.name)
    else:
        setattr(message, field.name, changed_value(field, getattr(message, field.name), places, rng))


def changed_value(field, value, places, rng: np.random.Generator):
    if isinstance(value, str):
        names = [getattr(m, f.name) for m, f in places if f.type == field.type and not f.is_repeated]
        return str(rng.choice([*names, "", "x", "Relu", "Loop"]))
    if isinstance(value, bytes):
        data = bytearray(value or b"0")
        data[rng.integers(len(data))] ^= 1 << rng.integers(8)
        return bytes(data)
    if isinstance(value, float):
        return float(rng.choice([0.0, -1.0, np.inf, np.nan, 1e-30]))
    number = int(rng.choice(np.array(NUMBERS, object)))
    if field.enum_type is not None:
        return int(rng.choice([v.number for v in field.enum_type.values]))
    return int(np.int32(number % 2**31)) if field.cpp_type == field.CPPTYPE_INT32 else number


@pytest.mark.parametrize("name", MODELS)
def test_changed_fields(build, name):
    """A well-formed file with one or two wrong numbers, names or elements."""
    rng = np.random.default_rng(list(MODELS).index(name))
    loaded = 0
    for _ in range(150):
        model = MODELS[name](build)
        for _ in range(rng.integers(1, 3)):
            change(model, rng)
        loaded += load_or_refuse(model.SerializeToString())
    assert 0 < loaded < 150  # both ways were taken


def load_or_refuse(data: bytes) -> bool:
    """Whether it loads; a refusal is one line, anything else escapes."""
    try:
        load(data, dims={})
    except TenonError as error:
        assert "\n" not in str(error) and len(str(error)) < 2500
        return False
    return True
