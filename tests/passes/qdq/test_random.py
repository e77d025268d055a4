"""qdq-to-integer on drawn programs whose scales are powers of two: then every float is exact, and so is what
the pass makes of it, however long the program."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tenonc.dialects import nn, qnn

from .program import Program

WINDOW = dict(strides=(1, 1), pads=(1, 1, 1, 1), dilations=(1, 1))
POOL = dict(kernel=(2, 2), strides=(2, 2), pads=(0, 0, 0, 0), dilations=(1, 1))


def scales(p: Program, low: int, high: int, *shape: int):
    return p.constant(np.exp2(p.rng.integers(low, high + 1, shape)).astype(np.float32))


def requantized(p: Program, x, dtype):
    """Quantized, and dequantized again; the range is about that of x."""
    zp = p.constant(np.asarray(p.rng.integers(100, 140) - (128 if dtype == np.int8 else 0), dtype))
    s = scales(p, -4, -1)
    return p(qnn.DequantizeOp(p(qnn.QuantizeOp(x, s, zp)), s, zp))


def conv(p: Program, x):
    channels = x.type.get_shape()[1]
    q = p.constant(p.rng.integers(-8, 9, (channels, channels, 3, 3)).astype(np.int8))
    w = qnn.DequantizeOp(q, scales(p, -5, -3, channels), p.constant(np.zeros(channels, np.int8)), axis=0)
    bias = p.constant((p.rng.integers(-64, 65, channels) / 16).astype(np.float32))
    return p(nn.ConvOp(x, p(w), bias, **WINDOW))


def matmul(p: Program, x):
    n = x.type.get_shape()[-1]
    q = p.constant(p.rng.integers(-8, 9, (n, n)).astype(np.int8))
    w = p(qnn.DequantizeOp(q, scales(p, -5, -3), p.constant(np.int8(1))))
    return p.compute("add", p(nn.MatmulOp(x, w)), p.constant(np.float32([0.5] * n)))


OPS = {
    "conv": conv,
    "matmul": matmul,
    "add": lambda p, x: p.compute("add", x, x),
    "residual": lambda p, x: p.compute("add", requantized(p, x, np.uint8), x),
    "mul": lambda p, x: p.compute("mul", x, x),
    "halve": lambda p, x: p.compute("mul", x, 0.5),
    "relu": lambda p, x: p.compute("relu", x),
    "clip": lambda p, x: p.compute("clip", x, -1.5, 2.25),
    "abs": lambda p, x: p.compute("abs", x),
    "max pool": lambda p, x: p(nn.PoolOp("max", p(nn.PadOp(x, (0, 0, 1, 1), (0, 0, 1, 1), -1.0)), **POOL)),
    "average pool": lambda p, x: p(nn.PoolOp("average", x, **{**POOL, "strides": (1, 1)}, ceil_mode=False)),
    "transpose": lambda p, x: p(nn.TransposeOp(x, (0, 1, 3, 2))),
    "concat": lambda p, x: p(nn.ConcatOp([x, requantized(p, x, np.uint8)], axis=2)),
}


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.sampled_from(list(OPS)), st.sampled_from([None, np.int8, np.uint8])), max_size=7),
    st.integers(0, 1000),
)
def test_the_same_bits(steps, seed):
    p = Program(seed)
    x = p.input(1, 3, 6, 6, parameters=(scales(p, -4, -2), p.constant(np.uint8(p.rng.integers(90, 160)))))
    for name, dtype in steps:
        if min(x.type.get_shape()[2:]) < 3 or max(x.type.get_shape()) > 40:
            break
        x = OPS[name](p, x)
        x = x if dtype is None else requantized(p, x, dtype)
    zp = p.constant(np.uint8(128))
    found = p.convert(p(qnn.QuantizeOp(x, scales(p, -4, -1), zp)), x)
    for old, new in zip(found.before, found.after, strict=True):
        np.testing.assert_array_equal(old, new)
