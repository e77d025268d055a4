"""qdq-to-integer: which ops run on integers, and that they compute what the floats did."""

import numpy as np
import pytest
from xdsl.dialects.builtin import f32

from tenonc.dialects import nn, qnn

from .program import Program

WINDOW = dict(strides=(1, 1), pads=(1, 1, 1, 1), dilations=(1, 1))
POOL = dict(kernel=(2, 2), strides=(2, 2), pads=(0, 0, 0, 0), dilations=(1, 1))


def conv(p: Program, x, w, bias=None, **fields):
    return p(nn.ConvOp(x, w, bias, **{**WINDOW, **fields}))


def conv_float_bias(p: Program):
    return p.quantized(conv(p, p.input(1, 2, 6, 6), p.weights(4, 2, 3, 3, axis=0), p.floats(4)), 0.2, 120)


def conv_relu(p: Program):
    y = conv(p, p.input(1, 2, 6, 6), p.weights(4, 2, 3, 3), p.floats(4))
    return p.quantized(p.compute("relu", y), 0.1, 7)


def conv_clip(p: Program):
    y = conv(p, p.input(1, 4, 6, 6, dtype=np.int8), p.weights(4, 1, 3, 3, axis=0), groups=4)
    return p.quantized(p.compute("clip", y, 0.0, 6.0), 0.1, -100, np.int8)


def conv_and_bias_behind(p: Program):
    y = conv(p, p.input(1, 2, 6, 6), p.weights(4, 2, 3, 3, axis=0))
    return p.quantized(p.compute("relu", p.compute("add", y, p.floats(1, 4, 1, 1))), 0.1)


def conv_transposed(p: Program):
    fields = dict(strides=(2, 2), pads=(0, 0, 0, 0), dilations=(1, 1))
    y = p(nn.ConvTransposeOp(p.input(1, 3, 4, 4), p.weights(3, 2, 2, 2, axis=1), p.floats(2), **fields))
    return p.quantized(y, 0.1, 128)


def gemm(p: Program):
    w = p(nn.TransposeOp(p.weights(5, 8, axis=0), (1, 0)))
    y = p.compute("add", p.floats(5), p(nn.MatmulOp(p.input(3, 8), w)))
    return p.quantized(y, 0.1, 128)


def gemm_quantized_bias(p: Program):
    x, w = p.input(3, 8), p.weights(8, 5, axis=1)
    s = p.compute("mul", x.owner.s, w.owner.s)  # pyright: ignore
    bias = p.constant(p.rng.integers(-9000, 9000, 5).astype(np.int32)), s, p.constant(np.zeros(5, np.int32))
    y = p.compute("add", p(nn.MatmulOp(x, w)), p(qnn.DequantizeOp(*bias, axis=0)))
    return p.quantized(y, 0.1, 128)


def attention(p: Program):
    q, k = p.input(2, 4, 8, dtype=np.int8), p.input(2, 4, 8, dtype=np.int8)
    scores = p(nn.MatmulOp(q, p(nn.TransposeOp(k, (0, 2, 1)))))
    return p.quantized(p.compute("div", scores, np.sqrt(8)), 0.02, 2, np.int8)


def residual(p: Program):
    total = p.compute("add", p.input(1, 4, 5, 5), p.input(1, 4, 5, 5))
    return p.quantized(p.compute("relu", total), 0.03)


def difference(p: Program):
    return p.quantized(p.compute("sub", p.input(2, 7), p.input(7, dtype=np.int8)), 0.05, 120)


def product(p: Program):
    return p.quantized(p.compute("mul", p.input(2, 7), p.weights(2, 1, zero=None)), 0.05, 120)


def average_pool(p: Program):
    return p.quantized(p(nn.PoolOp("average", p.input(1, 3, 6, 6), **POOL)), 0.02, 120)


def global_average(p: Program):
    return p.quantized(p(nn.ReduceOp("mean", p.input(1, 3, 6, 6), axes=[2, 3], keepdims=True)), 0.004, 120)


def softmax(p: Program):
    return p.quantized(p(nn.SoftmaxOp(p.input(4, 9), axis=1)), 1 / 256, 0)


def leaky(p: Program):
    return p.quantized(p.compute("leaky_relu", p.input(3, 50), 0.1), 0.03, 30)


def sigmoid(p: Program):
    return p.quantized(p.compute("sigmoid", p.input(3, 50, dtype=np.int8)), 1 / 256, -128, np.int8)


def swish(p: Program):
    x = p.input(3, 50, dtype=np.int8)
    return p.quantized(p.compute("mul", x, p.compute("sigmoid", x)), 0.02, -100, np.int8)


def erf_gelu(p: Program):
    x = p.input(3, 50)
    inner = p.compute("add", p.compute("erf", p.compute("div", x, np.sqrt(2))), 1.0)
    return p.quantized(p.compute("mul", p.compute("mul", x, inner), 0.5), 0.02, 20)


def shifted(p: Program):
    return p.quantized(p.compute("add", p.input(3, 50), p.constant(np.ones((1, 1), np.float32))), 0.03, 90)


def spelled_out(p: Program):
    """MatMulInteger -> Cast -> Mul, with a bias of floats behind it."""
    zero = p.constant(np.uint8(100)), p.constant(np.int8(0))
    sums = p(qnn.MatmulOp(p.argument(3, 8, dtype=np.uint8), p.weights(8, 5).owner.x, *zero))  # pyright: ignore
    scaled = p.compute("mul", p(nn.CastOp(sums, f32)), p.floats(5, low=0.1))
    return p.quantized(p.compute("add", scaled, p.floats(5)), 50, 128)


CASES = {
    conv_float_bias: ["qnn.conv", "qnn.requantize"],
    conv_relu: ["qnn.conv", "qnn.requantize"],
    conv_clip: ["qnn.conv", "qnn.requantize"],
    conv_and_bias_behind: ["qnn.conv", "qnn.requantize"],
    conv_transposed: ["qnn.conv_transpose", "qnn.requantize"],
    gemm: ["qnn.matmul", "qnn.requantize"],
    gemm_quantized_bias: ["qnn.matmul", "qnn.requantize"],
    spelled_out: ["qnn.matmul", "qnn.requantize"],
    attention: ["nn.transpose", "qnn.matmul", "qnn.requantize"],
    residual: ["qnn.add"],
    difference: ["qnn.subtract"],
    product: ["qnn.mul"],
    average_pool: ["qnn.pool"],
    global_average: ["qnn.reduce"],
    softmax: ["qnn.softmax"],
    leaky: ["qnn.leaky_relu"],
    sigmoid: ["qnn.elementwise sigmoid"],
    swish: ["nn.gather"],
    erf_gelu: ["nn.gather"],
    shifted: ["qnn.elementwise add"],
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_becomes_integers(case):
    p = Program()
    found = p.convert(case(p))
    assert found.ops == CASES[case]
    assert not found.reasons
    found.check()
