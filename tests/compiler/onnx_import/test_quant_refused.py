"""Quantized nodes that are wrong: one line that names the node, the value and what was expected."""

import numpy as np
import pytest
from onnx import helper

from tenonc.compiler import TenonError, compile, load

X = np.ones((2, 4, 6), np.float32)
BYTES = np.ones((2, 4, 6), np.uint8)
IMAGE, FILTERS = np.ones((1, 4, 6, 6), np.uint8), np.ones((3, 4, 2, 2), np.int8)
MS, I16 = "com.microsoft.", np.array(0, np.int16)


def f(*values):
    return np.array(values, np.float32).squeeze()


def u8(value):
    return np.array(value, np.uint8)


def i8(value):
    return np.array(value, np.int8)


CONV = [IMAGE, f(0.1), u8(3), FILTERS, f(0.1), i8(0), f(0.1), u8(3)]


def conv(**changed):
    """The operands of a QLinearConv, some of them replaced."""
    places = {"s_x": 1, "zp_x": 2, "w": 3, "s_w": 4, "zp_w": 5, "s_y": 6, "zp_y": 7, "bias": 8}
    operands = [*CONV, None]
    for name, value in changed.items():
        operands[places[name]] = value
    return "QLinearConv", operands, {}


REFUSED = [
    (("QuantizeLinear", [X, f(0), u8(0)], {}), "y_scale: scale is 0.0, expected a finite number above 0"),
    (("QuantizeLinear", [X, f(-2), u8(0)], {}), "y_scale: scale is -2.0, expected a finite number above 0"),
    (("DequantizeLinear", [BYTES, f(np.nan)], {}), "x_scale: scale is nan, expected a finite number above 0"),
    (("DequantizeLinear", [BYTES, f(np.inf)], {}), "x_scale: scale is inf, expected a finite number above 0"),
    (("QuantizeLinear", [X, f(1, 0, 2, 2), None], {}), "y_scale: scale is 0.0"),
    (("QuantizeLinear", [X, f(1, 2, 3), None], {"axis": 2}),
     "y_scale has shape [3], expected one value or 6, one a channel"),
    (("QuantizeLinear", [X, f(1, 2, 3, 4), np.zeros(3, np.uint8)], {}),
     "y_zero_point has shape [3], expected one value or 4, one a channel"),
    (("QuantizeLinear", [X, f(1), None], {"axis": 3, "output_dtype": 7}), "has elements of i64, expected"),
    (("QuantizeLinear", [X, f(1), u8(0)], {"output_dtype": 3}), "output_dtype is i8, y_zero_point has"),
    (("QuantizeLinear", [X, f(1, 2), None], {"axis": 4}), "axis 4 is outside the rank 3"),
    (("QuantizeLinear", [X, np.ones((2, 2, 4), np.float32), None], {"axis": 2, "block_size": 2}),
     "y_scale has shape [2, 2, 4], which does not fit block_size 2 along axis 2 of [2, 4, 6]"),
    (("QuantizeLinear", [X, np.ones((2, 2, 6), np.float32), None], {}), "does not fit block_size 0"),
    (("QuantizeLinear", [BYTES, f(1), None], {}), "x is uint8, expected one of float32, float16"),
    (("QuantizeLinear", [X, np.array(1), None], {}), "y_scale is int64, expected one of float32"),
    (("DequantizeLinear", [X, f(1), None], {}), "x is float32, expected one of int8, uint8"),
    (("DequantizeLinear", [BYTES, f(1), i8(3)], {}), "x_zero_point is int8, expected uint8 as its tensor"),
    (("DequantizeLinear", [np.ones(3, np.int32), f(1), np.array(3, np.int32)], {}),
     "x_zero_point is 3, expected 0 for int32"),
    (("QuantizeLinear", [X, f(1), None], {"precision": 7}), "precision is i64, expected one of f32, f16"),
    (conv(s_x=f(-1)), "x_scale: scale is -1.0"),
    (conv(s_w=f(1, 2)), "w_scale has shape [2], expected one value or 3, one a channel"),
    (conv(zp_w=u8(3)), "w_zero_point is uint8, expected int8 as its tensor"),
    (conv(zp_x=i8(3)), "x_zero_point is int8, expected uint8 as its tensor"),
    (conv(s_y=f(1, 2, 3)), "y_scale has shape [3], expected one value"),
    (conv(w=FILTERS.astype(np.int16), zp_w=np.array(0, np.int16)), "w is int16, expected one of int8, uint8"),
    (conv(bias=f(1, 2, 3)), "B is float32, expected one of int32"),
    (conv(bias=np.ones(2, np.int32)), "bias"),
    (("QLinearMatMul", [BYTES, f(1), u8(0), X[0].T, f(1), f(0), f(1), u8(0)], {}), "b is float32, expected"),
    (("MatMulInteger", [BYTES, np.ones((6, 3), np.int8), np.zeros(5, np.uint8)], {}),
     "a_zero_point has shape [5], expected one value or 4, one a channel"),
    ((MS + "QLinearAdd", [BYTES, f(1), u8(0), BYTES[:, 1:], f(1), u8(0), f(1), u8(0)], {}),
     "shapes 2x4x6, 2x3x6 do not broadcast"),
    ((MS + "QLinearSigmoid", [BYTES.astype(np.int16), f(1), I16, f(1), I16], {}),
     "x has element type i16, expected one of"),
    ((MS + "QLinearConcat", [f(1), u8(0), BYTES, f(1)], {"axis": 0}), "has 4 inputs, expected 2 and 3"),
    ((MS + "QLinearConcat", [f(1), u8(0), BYTES, f(0), u8(0)], {"axis": 0}), "inputs[0]_scale: scale is 0.0"),
    ((MS + "MatMulNBits", [X, np.ones((2, 1, 8), np.uint8), f(1, 2)], {"N": 2, "K": 6, "block_size": 8}),
     "N 2, K 6, bits 4 and block_size 8 describe no weights"),
    ((MS + "MatMulNBits", [X, np.ones((2, 2, 8), np.uint8), f(1, 2)], {"N": 2, "K": 6, "block_size": 16}),
     "B has shape [2, 2, 8], expected [2, 1, 8]"),
    ((MS + "QLinearAdd", [BYTES, f(1), u8(0)], {}), "has 3 inputs, expected 7 to 8"),
    ((MS + "QLinearSoftmax", [BYTES, f(1), u8(0), f(1), u8(0)], {}), "attribute 'opset' is missing"),
]  # fmt: skip


@pytest.mark.parametrize(("case", "text"), REFUSED)
def test_refused(build, case, text):
    op, operands, attributes = case
    domain, _, op = op.rpartition(".")
    named = {f"i{i}": array for i, array in enumerate(operands) if array is not None}
    order = ["" if array is None else f"i{i}" for i, array in enumerate(operands)]
    while not order[-1]:
        order.pop()
    node = helper.make_node(op, order, ["y"], name="n", domain=domain, **attributes)
    first = named.pop("i0")
    model = build(
        [node], {"i0": (helper.np_dtype_to_tensor_dtype(first.dtype), first.shape)}, ["y"], named, 23, 10
    )
    with pytest.raises(TenonError) as caught:
        load(model)
    line = str(caught.value)
    assert text in line and line.startswith(f"node 'n' ({op}): ") and "\n" not in line


def test_a_sum_that_leaves_32_bits(build):
    """The bias leaves no room for the products: known when the weights are looked at."""
    op, operands, _ = conv(bias=np.array([0, 2**31 - 9, 0], np.int32))
    names = [f"i{i}" for i in range(len(operands))]
    node = helper.make_node(op, names, ["y"], name="n")
    arrays = {name: array for name, array in zip(names, operands, strict=True) if array is not None}
    image = arrays.pop("i0")
    model = build([node], {"i0": (helper.np_dtype_to_tensor_dtype(image.dtype), image.shape)}, ["y"], arrays)
    with pytest.raises(TenonError, match=r"^n: the accumulator may reach 214748\d+, expected a value of i32"):
        compile(load(model), cache=False)


def test_an_op_of_another_domain_without_a_rule(build):
    nodes = [
        helper.make_node(op, ["x"], [f"y{i}"], name=f"n{i}", domain=domain)
        for i, (domain, op) in enumerate([("com.microsoft", "BiasGelu"), ("else", "QLinearAdd")])
    ]
    model = build(nodes, {"x": (1, [2])}, ["y0", "y1"])
    with pytest.raises(TenonError, match=r"ops: com.microsoft.BiasGelu \('n0'\); else.QLinearAdd"):
        load(model)
