"""qdq-to-integer: what stays float, and the reason that is given."""

import numpy as np
import pytest
from xdsl.dialects.builtin import StringAttr, f32

from tenonc.dialects import nn, qnn

from .program import Program

WINDOW = dict(strides=(1, 1), pads=(1, 1, 1, 1), dilations=(1, 1))


def float_weights(p: Program):
    return p.quantized(p(nn.ConvOp(p.input(1, 2, 5, 5), p.floats(3, 2, 3, 3), **WINDOW)), 0.05)


def sixteen_bits(p: Program):
    return p.quantized(p(nn.MatmulOp(p.input(2, 4, dtype=np.int16), p.weights(4, 3))), 0.05)


def rows_of_weights(p: Program):
    return p.quantized(p(nn.MatmulOp(p.input(2, 4), p.weights(4, 3, axis=0))), 0.05)


def blocks(p: Program):
    q = p.constant(p.rng.integers(-8, 8, (4, 6)).astype(np.int8))
    s, zp = p.floats(2, 6, low=0.1), p.constant(np.zeros((2, 6), np.int8))
    w = p(qnn.DequantizeOp(q, s, zp, axis=0, block=2))
    return p.quantized(p(nn.MatmulOp(p.input(3, 4), w)), 0.05)


def run_time_parameters(p: Program):
    pair = p.argument(), p.constant(np.uint8(3))
    return p.quantized(p.compute("add", p.input(3, 4), p.input(3, 4, parameters=pair)), 0.05)


def run_time_result(p: Program):
    q = qnn.QuantizeOp(p.compute("exp", p.input(3, 4)), p.argument(), p.constant(np.uint8(3)))
    return p(q)


def per_channel_result(p: Program):
    q = qnn.QuantizeOp(p.compute("exp", p.input(3, 4)), p.floats(4, low=0.1), p.constant(np.uint8(3)), axis=1)
    return p(q)


def two_readers(p: Program):
    y = p.compute("add", p.input(3, 4), p.input(3, 4))
    return p.quantized(y, 0.05), p.compute("exp", y)


def norm(p: Program):
    x = p.input(2, 16)
    y = nn.NormalizeOp("standard", x, p.floats(16), p.floats(16), axes=[1], groups=1, epsilon=1e-5)
    return p.quantized(p(y), 0.02, 128)


def quotient(p: Program):
    return p.quantized(p.compute("div", p.input(3, 4), p.input(3, 4)), 0.02, 128)


def wide_table(p: Program):
    return p.quantized(p.compute("tanh", p.input(3, 4, dtype=np.int16)), 1 / 128, 0, np.int8)


def result(p: Program):
    return p.compute("tanh", p.input(3, 4))


def sum_of_sums(p: Program):
    y = p(nn.ConvOp(p.input(1, 2, 5, 5), p.weights(3, 2, 3, 3), **WINDOW))
    return p.quantized(p.compute("relu", p.compute("add", y, p.input(1, 3, 5, 5))), 0.05)


def nothing_quantized(p: Program):
    return p.compute("tanh", p.compute("exp", p.compute("neg", p.input(3, 4))))


CASES = {
    float_weights: ("nn.conv", "operand 1 is not quantized"),
    sixteen_bits: ("nn.matmul", "operand 0 is i16: a sum of its products may leave i32"),
    rows_of_weights: ("nn.matmul", "operand 1 has parameters along axis 0, expected the columns, axis 1"),
    blocks: ("nn.matmul", "operand 1 is dequantized in blocks"),
    run_time_parameters: (
        "nn.elementwise add",
        "operand 1 is dequantized with parameters known at run time only",
    ),
    run_time_result: (
        "nn.elementwise exp",
        "its result is quantized with parameters known at run time only",
    ),
    per_channel_result: ("nn.elementwise exp", "its result is quantized with parameters per channel"),
    two_readers: ("nn.elementwise add", "its result is read as a float, too, by nn.elementwise"),
    norm: ("nn.normalize standard", "nn.normalize has no integer form"),
    quotient: ("nn.elementwise div", "it has two quantized operands, and no integer form"),
    wide_table: ("nn.elementwise tanh", "its operand is i16: a table has 256 entries"),
    result: ("nn.elementwise tanh", "its result is not quantized"),
    sum_of_sums: ("nn.elementwise add", "operand 0 is a sum that is not quantized"),
    nothing_quantized: ("nn.elementwise exp", "neither its operands nor its result are quantized"),
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_reason(case):
    p = Program()
    results = case(p)
    found = p.convert(*(results if isinstance(results, tuple) else (results,)))
    op, reason = CASES[case]
    assert found.reasons[op] == reason
    marked = [kept for kept in found.kept if "qnn.stays_float" in kept.attributes]
    assert StringAttr(reason) in [kept.attributes["qnn.stays_float"] for kept in marked]
    assert len(marked) == len(found.reasons)


def test_a_sum_that_stays_float_is_one_of_integers():
    """The product is computed in integers and dequantized; what stays float reads that."""
    p = Program()
    found = p.convert(sum_of_sums(p))
    assert found.ops == ["qnn.conv", "qnn.dequantize", "qnn.dequantize", "nn.elementwise add", "qnn.quantize"]
    found.check()


def test_a_bias_of_run_time_is_added_in_floats():
    p = Program()
    y = p(nn.ConvOp(p.input(1, 2, 5, 5), p.weights(3, 2, 3, 3), p.argument(3), **WINDOW))
    found = p.convert(p.quantized(y, 0.05, 128))
    behind = ["nn.reshape", "nn.elementwise add", "qnn.quantize"]
    assert found.ops == ["qnn.conv", "qnn.dequantize", *behind] and not found.reasons
    found.check()


def test_a_sum_with_parameters_of_run_time():
    """As DynamicQuantizeLinear gives them: the product is one of integers, what reads it is float."""
    p = Program()
    x = p.input(1, 2, 5, 5, parameters=(p.argument(), p.argument(dtype=np.uint8)))
    y = p(nn.ConvOp(x, p.weights(3, 2, 3, 3, axis=0), p.floats(3), **WINDOW))
    found = p.convert(p.compute("relu", y), p(nn.MatmulOp(x, p.weights(5, 4))))
    scale, product = "nn.elementwise mul", ["qnn.conv", "qnn.dequantize", "nn.elementwise add"]
    rest = ["nn.elementwise relu", "qnn.matmul", scale, "qnn.dequantize"]
    assert found.ops == [scale, *product, *rest]
    reason = "neither its operands nor its result are quantized"
    assert found.reasons == {"nn.elementwise relu": reason}
    found.check()


def test_a_scale_of_run_time_that_is_spelled_out():
    """DynamicQuantizeLinear -> MatMulInteger -> Cast -> Mul."""
    p = Program()
    zero = p.argument(dtype=np.uint8), p.constant(np.int8(0))
    sums = p(qnn.MatmulOp(p.argument(3, 8, dtype=np.uint8), p.constant(np.ones((8, 5), np.int8)), *zero))
    scale = p.compute("mul", p.argument(), p.floats(5, low=0.1))
    found = p.convert(p.compute("mul", p(nn.CastOp(sums, f32)), scale))
    assert found.ops == ["qnn.matmul", "nn.elementwise mul", "qnn.dequantize"]
    np.testing.assert_array_equal(found.before, found.after)


def test_a_float_program_is_left_alone():
    p = Program()
    found = p.convert(p.compute("exp", p.argument(2, 3)))
    assert found.ops == ["nn.elementwise exp"] and not found.reasons
