"""qdq-to-integer: what moves elements moves integers, requantized where parameters differ."""

import numpy as np
import pytest
from xdsl.dialects.builtin import FloatAttr, f64

from tenonc.dialects import nn, qnn

from .program import Program

CONV = dict(strides=(1, 1), pads=(1, 1, 1, 1), dilations=(1, 1))
POOL = dict(kernel=(2, 2), strides=(2, 2), pads=(1, 1, 1, 1), dilations=(1, 1))


class Parameters:
    """Scale 0.05 and zero point 100 of ui8, before and after."""

    def __init__(self, p: Program):
        self.pair = p.constant(np.float32(0.05)), p.constant(np.uint8(100))
        self.p = p

    def input(self, *shape):
        return self.p.input(*shape, parameters=self.pair)

    def quantized(self, x):
        return self.p(qnn.QuantizeOp(x, *self.pair))


MOVES = {
    "reshape": lambda p, x: p(nn.ReshapeOp(x, (4, 18))),
    "transpose": lambda p, x: p(nn.TransposeOp(x, (0, 2, 3, 1))),
    "slice": lambda p, x: p(nn.SliceOp(x, (0, 1, 0, 0), (1, 1, 3, 6), (1, 1, 2, 1))),
    "broadcast": lambda p, x: p(nn.BroadcastOp(x, (3, 2, 6, 6))),
    "pad": lambda p, x: p(nn.PadOp(x, (0, 0, 1, 1), (0, 0, 2, 1), 0.0)),
    "gather": lambda p, x: p(nn.GatherOp(x, [p.constant(np.array([5, 0, -1]))], axis=2)),
    "max pool": lambda p, x: p(nn.PoolOp("max", x, **POOL)),
    "reduce max": lambda p, x: p(nn.ReduceOp("max", x, axes=[2], keepdims=False)),
    "resize": lambda p, x: p(nn.ResizeOp("nearest", x, sizes=(1, 2, 12, 9), scales=(1, 1, 2, 1.5))),
    "where": lambda p, x: p.compute("where", p.constant(np.arange(6) > 2), x, x),
    "relu": lambda p, x: p.compute("relu", x),
}


@pytest.mark.parametrize("name", MOVES)
def test_equal_parameters_pass_through(name):
    """Every integer stays what it is: the values are the same bits."""
    p = Program()
    parameters = Parameters(p)
    found = p.convert(parameters.quantized(MOVES[name](p, parameters.input(1, 2, 6, 6))))
    assert len(found.ops) == 1 and not found.ops[0].startswith("qnn.qu")
    assert not found.reasons
    found.check(steps=0)


@pytest.mark.parametrize("name", MOVES)
def test_other_parameters_are_requantized(name):
    p = Program()
    found = p.convert(p.quantized(MOVES[name](p, p.input(1, 2, 6, 6)), 0.04, 90))
    assert "qnn.requantize" in found.ops and not found.reasons
    found.check()


def test_what_a_pad_adds_is_quantized():
    p = Program()
    padded = p(nn.PadOp(p.input(3, 4), (1, 1), (1, 1), -2.0))
    found = p.convert(p.quantized(padded, 0.05, 100))
    assert found.ops == ["qnn.requantize", "nn.pad"]
    assert found.kept[1].properties["value"] == FloatAttr(60.0, f64)  # -2 / 0.05 + 100
    found.check()


def test_concat_requantizes_what_has_other_parameters():
    p = Program()
    parameters = Parameters(p)
    joined = p(nn.ConcatOp([parameters.input(2, 3), p.input(2, 5), parameters.input(2, 1)], axis=1))
    found = p.convert(parameters.quantized(joined))
    assert found.ops == ["qnn.requantize", "nn.concat"]
    found.check()


def test_a_value_that_is_joined_with_itself_again_and_again_is_asked_for_once():
    """Empty tensors do not grow: 2 ** 50 quantizations of nothing would be asked for."""
    p = Program()
    x = p.compute("exp", p.argument(0, 2))
    for _ in range(50):
        x = p(nn.ConcatOp([x, x], axis=0))
    found = p.convert(p.quantized(x, 0.05))
    assert found.ops.count("qnn.quantize") == 1 and found.ops.count("nn.concat") == 50


def test_parameters_follow_transposed_weights():
    p = Program()
    w = p(nn.ReshapeOp(p(nn.TransposeOp(p.weights(5, 6, axis=0), (1, 0))), (2, 3, 5)))
    found = p.convert(p.quantized(p(nn.MatmulOp(p.input(2, 4, 3), w)), 0.1, 128))
    assert found.ops == ["qnn.matmul", "qnn.requantize"]
    assert found.kept[1].value_of("axis") == 2
    found.check()


def test_quantized_before_it_is_moved():
    """Of a convolution that is pooled, transposed and clamped before it is quantized, bytes are moved."""
    p = Program()
    y = p(nn.ConvOp(p.input(1, 2, 6, 6), p.weights(4, 2, 3, 3, axis=0), **CONV))
    pooled = p(nn.PoolOp("max", p.compute("relu", y), **POOL))
    found = p.convert(p.quantized(p(nn.TransposeOp(pooled, (0, 2, 3, 1))), 0.1, 3))
    assert found.ops == ["qnn.conv", "qnn.requantize", "nn.pool", "nn.transpose"]
    found.check()


def test_floats_are_quantized_before_they_are_moved():
    p = Program()
    total = p.compute("add", p.input(2, 8), p.argument(2, 8))
    found = p.convert(p.quantized(p(nn.ReshapeOp(p.compute("relu", total), (16,))), 0.02, 3))
    assert found.ops == ["qnn.dequantize", "nn.elementwise add", "qnn.quantize", "nn.reshape"]
    assert found.reasons == {"nn.elementwise add": "operand 1 is not quantized"}
    found.check(steps=0)


def test_positions_are_those_of_integers():
    p = Program()
    x = p.input(4, 30)
    found = p.convert(p(nn.ArgReduceOp("max", x, 1)), p(nn.TopKOp(x, 1, 3)))
    assert found.ops == ["nn.arg_reduce", "nn.top_k"]
    for old, new in zip(found.before, found.after, strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_window_of_padding_stays_float():
    """Its maximum is -inf, which no integer stands for."""
    p = Program()
    fields = dict(kernel=(1, 1), strides=(1, 1), pads=(1, 1, 1, 1), dilations=(1, 1))
    found = p.convert(p.quantized(p(nn.PoolOp("max", p.input(1, 1, 4, 4), **fields)), 0.05, 100))
    assert found.ops == ["qnn.dequantize", "nn.pool", "qnn.quantize"]
    assert found.reasons == {"nn.pool max": "nn.pool has no integer form"}
    found.check(steps=0)
