"""Quantized convolutions and matrix products: the interpreter's integers from every instruction that may
compute them, with and without zero points, alone, fused with what follows, and in networks."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenonc.dialects import nn, qnn

from .program import Program

TARGETS = ("x86-64", "x86-64-v3", "cascadelake-emulated")
SEEDS = st.integers(0, 2**32 - 1)
BYTES = (np.int8, np.uint8)


def weights(p: Program, dtype, *shape: int):
    """In all of their type, or within 7 bits, as some quantizers make them."""
    info = np.iinfo(dtype)
    low, high = (-64, 64) if dtype == np.int8 and p.rng.random() < 0.4 else (info.min, info.max)
    return p.value(p.rng.integers(low, high, shape, endpoint=True).astype(dtype))


def requantized(p: Program, accumulator, channels: int, axis: int = 1, dtype=np.uint8, bounds=None):
    scale = p.value((p.rng.uniform(2e-5, 4e-4, channels)).astype(np.float32))
    out = (p.value(np.float32(0.05)), p.zero(dtype))
    modes = {"rounding": p.pick(["half_even", "away"]), "arithmetic": p.pick(["f32", "exact"])}
    return qnn.RequantizeOp(accumulator, scale, p.value(np.int32(0)), *out, axis=axis, range=bounds, **modes)


def geometry(p: Program):
    """(channels, outputs, groups), kernel, and the fields of a convolution."""
    kind = p.pick(["plain", "plain", "grouped", "depthwise"])
    groups = 1 if kind == "plain" else int(p.rng.integers(2, 24 if kind == "depthwise" else 4))
    inner, outer = (1, 1) if kind == "depthwise" else p.rng.integers(1, 24, 2).tolist()
    rank = p.pick([1, 2, 2, 2])
    kernel = p.rng.integers(1, 4, rank).tolist()
    fields = {
        "strides": p.rng.integers(1, 3, rank).tolist(),
        "pads": p.rng.integers(0, 3, 2 * rank).tolist(),
        "dilations": p.rng.integers(1, 3, rank).tolist(),
        "groups": groups,
    }
    return (inner * groups, outer * groups, inner), kernel, fields


@settings(max_examples=5)
@given(SEEDS)
def test_convolutions(seed):
    p = Program(seed)
    for _ in range(2):
        (channels, outputs, inner), kernel, fields = geometry(p)
        x_type, w_type = p.pick([*BYTES, np.int16]), p.pick([*BYTES, np.int8])
        image = [int(p.rng.integers(5, 9)) for _ in kernel]
        x = p.integers(x_type, p.pick([1, 2]), channels, *image)
        w = weights(p, w_type, outputs, inner, *kernel)
        runtime = p.rng.random() < 0.2
        zeros = p.zero(x_type, runtime=runtime), p.zero(w_type, *p.pick([(), (outputs,)]))
        bias = [p.value(p.rng.integers(-(10**5), 10**5, outputs).astype(np.int32))] * (p.rng.random() < 0.7)
        c = qnn.ConvOp(x, w, *zeros, *bias, **fields)
        if p.rng.random() < 0.5:
            p.add(c)
        else:
            p.add(requantized(p, p(c), outputs))
    p.check(*TARGETS)


@settings(max_examples=5)
@given(SEEDS)
def test_matrix_products(seed):
    p = Program(seed)
    for _ in range(2):
        rows, depth, columns = (int(p.rng.integers(1, 40)) for _ in range(3))
        batch = p.pick([(), (2,), (2, 3)])
        a_type, b_type = p.pick([*BYTES, np.int16]), p.pick(BYTES)
        left, right = (p.pick([True, True, False]) for _ in range(2))
        a = p.integers(a_type, *batch, rows, depth, runtime=left)
        b = p.integers(b_type, *p.pick([batch, ()]), depth, columns, runtime=right or not left)
        zp_a = p.zero(a_type, *p.pick([(), (rows,)]), runtime=p.rng.random() < 0.3)
        zp_b = p.zero(b_type, *p.pick([(), (columns,)]), runtime=p.rng.random() < 0.3)
        numbers = p.rng.integers(-(10**6), 10**6, p.pick([(columns,), (rows, 1)])).astype(np.int32)
        bias = [p.value(numbers)] * (p.rng.random() < 0.5)
        p.add(qnn.MatmulOp(a, b, zp_a, zp_b, *bias))
    p.check(*TARGETS)


def quantized_input(p: Program, *shape: int, dtype=np.uint8):
    x = p.value((p.rng.standard_normal(shape) * 2).astype(np.float32), runtime=True)
    return p(qnn.QuantizeOp(x, p.value(np.float32(0.02)), p.value(np.array(3, dtype))))


def conv(p: Program, x, channels: int, outputs: int, kernel: int, zero, w_type=np.int8, **fields):
    groups = fields.pop("groups", 1)
    w = weights(p, w_type, outputs, channels // groups, kernel, kernel)
    pads = [kernel // 2] * 4
    fields = {"strides": [1, 1], "pads": pads, "dilations": [1, 1], "groups": groups} | fields
    bias = p.value(p.rng.integers(-500, 500, outputs).astype(np.int32))
    return p(qnn.ConvOp(x, w, zero, p.value(np.zeros((), w_type)), bias, **fields))


def residual_network(p: Program, dtype):
    """Stem, depthwise, pointwise, residual sum, pool, concat, and a matrix product that ends in floats."""
    info = np.iinfo(dtype)
    s, zero = p.value(np.float32(0.05)), p.value(np.array(info.min + 9, dtype))
    first = p.value(np.array(3, dtype))

    def out(accumulator, channels, bounds=None):
        scale = p.value(p.rng.uniform(2e-5, 4e-4, channels).astype(np.float32))
        none = p.value(np.int32(0))
        return p(qnn.RequantizeOp(accumulator, scale, none, s, zero, range=bounds))

    x = quantized_input(p, 1, 3, 13, 13, dtype=dtype)
    x = out(conv(p, x, 3, 24, 3, first, strides=[2, 2]), 24, (info.min + 9, info.max))
    y = out(conv(p, x, 24, 24, 3, zero, groups=24), 24)
    y = out(conv(p, y, 24, 24, 1, zero), 24)
    z = p(qnn.AddOp(x, y, s, zero, s, zero, s, zero))
    small = p(nn.PoolOp("max", z, kernel=[2, 2], strides=[2, 2], pads=[0] * 4, dilations=[1, 1]))
    more = out(conv(p, small, 24, 8, 3, zero), 8)
    both = p(nn.ConcatOp([small, more], 1))
    mean = p(qnn.ReduceOp("mean", both, s, zero, s, zero, axes=[2, 3], keepdims=False))
    w = weights(p, np.int8, 32, 5)
    total = p(qnn.MatmulOp(mean, w, zero, p.value(np.int8(0))))
    p.add(qnn.DequantizeOp(total, p.value(np.float32(1e-3)), p.value(np.int32(0))))


@pytest.mark.parametrize("dtype", BYTES)
def test_a_network_is_the_same_on_every_target(dtype):
    p = Program(0)
    residual_network(p, dtype)
    exes = p.check(*TARGETS)
    used = [set(re.findall(r"apply @(?!body)(\w+)", str(exe.emit("mlir")))) for exe in exes]
    tap = "tapu8" if dtype == np.uint8 else "taps8"
    assert {"maddwd_8xi32", f"{tap}_8xi32"} <= used[1] <= {"maddwd_8xi32", "maddubs_8xi32", f"{tap}_8xi32"}
    assert "dpbusd_16xi32" in used[2] and all(name.startswith(("dpbusd", "taps8")) for name in used[2])


def test_threads_share_a_network():
    p = Program(1)
    residual_network(p, np.uint8)
    p.check("x86-64-v3", threads=2)
