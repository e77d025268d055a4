"""Files with changed bytes: they load, or raise one line, and nothing else happens."""

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
    model = build(nodes, {"x": (FLOAT, ["N"])}, ["y"])
    model.functions.append(function)
    model.opset_import.add(domain="my", version=1)
    return model


def recurrent(build):
    nodes = [
        node("LSTM", ["x", "w", "r"], ["", "h", ""], hidden_size=2),
        node("Einsum", ["h", "h"], ["e"], equation="dnh,dnk->nhk"),
        node("ReduceSum", ["e", "axes"], ["y"], keepdims=0),
    ]
    weights = {
        "w": np.ones((1, 8, 3), np.float32), "r": np.ones((1, 8, 2), np.float32), "axes": np.array([0]),
    }  # fmt: skip
    return build(nodes, {"x": (FLOAT, [4, 1, 3])}, ["y"], weights)


MODELS = {"network": network, "control": control, "functions": functions, "recurrent": recurrent}


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


def load_or_refuse(data: bytes) -> None:
    try:
        load(data, dims={})
    except TenonError as error:
        assert "\n" not in str(error) and len(str(error)) < 2500
