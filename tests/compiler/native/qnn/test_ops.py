"""Every qnn op compiled to native code gives the integers of the interpreter, bit for bit."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import Float16Type

from tenonc.dialects import qnn

from .program import Program

TARGETS = ["host", "x86-64"]
NARROW = (np.int8, np.uint8, np.int16, np.uint16)
DTYPES = (*NARROW, np.int32)
ROUNDINGS = ("half_even", "upward", "away")
ARITHMETICS = ("f32", "exact")


SHAPES = st.tuples(st.integers(1, 3), st.integers(1, 20), st.integers(1, 9))
SEEDS = st.integers(0, 2**32 - 1)


def on_every_target(test: Callable[..., None]):
    """Few examples, of many ops each: compiling is what takes time."""
    drawn = settings(max_examples=2)(given(shape=SHAPES, seed=SEEDS)(test))
    return pytest.mark.parametrize("target", TARGETS)(drawn)


@on_every_target
def test_requantize(target, shape, seed):
    p = Program(seed)
    for source in (*DTYPES, np.int32):
        result, runtime = p.pick(DTYPES), p.pick([False, False, True])
        channel, out_channel = (p.pick([(), (shape[1],)]) for _ in range(2))
        p.add(
            qnn.RequantizeOp(
                p.integers(source, *shape),
                p.scale(*channel, near=0.1 if source != np.int32 else 1e-7),
                p.zero(source, *channel) if source != np.int32 else p.value(np.int32(0)),
                p.scale(*out_channel, runtime=runtime),
                p.zero(result, *out_channel, runtime=runtime),
                rounding=p.pick(ROUNDINGS),
                arithmetic=p.pick(ARITHMETICS),
                range=p.bounds(result),
            )
        )
    p.check(target)


@on_every_target
def test_quantize_and_dequantize(target, shape, seed):
    p = Program(seed)
    special = np.array(
        [np.nan, np.inf, -np.inf, 0.5, 1.5, 2.5, -0.5, -1.5, 0.49999997, -0.0, 3e9], np.float32
    )
    for dtype in DTYPES:
        channel, runtime = p.pick([(), (shape[1],)]), p.pick([False, True])
        x = (p.rng.standard_normal(shape) * 60).astype(np.float32)
        x = np.where(p.rng.random(shape) < 0.3, p.rng.choice(special, shape), x).astype(np.float32)
        parameters = (p.scale(*channel, near=1.0, runtime=runtime), p.zero(dtype, *channel, runtime=runtime))
        q = p.add(
            qnn.QuantizeOp(
                p.value(x, True),
                *parameters,
                rounding=p.pick(ROUNDINGS),
                nan=p.pick(["lowest", "zero"]),
                range=p.bounds(dtype),
            )
        )
        p.add(qnn.DequantizeOp(q, *parameters))
        p.add(qnn.DequantizeOp(p.integers(dtype, *shape), *parameters, element=Float16Type()))
    p.check(target)


@on_every_target
def test_blocks(target, shape, seed):
    p = Program(seed)
    for axis in range(3):
        block, dtype = p.pick([1, 2, 3, 32]), p.pick(NARROW)
        blocks = [-(-n // block) if i == axis else n for i, n in enumerate(shape)]
        parameters = p.scale(*blocks), p.zero(dtype, *blocks, runtime=p.pick([False, True]))
        x = p.add(qnn.DequantizeOp(p.integers(dtype, *shape), *parameters, axis=axis, block=block))
        p.add(qnn.QuantizeOp(x, *parameters, axis=axis, block=block))
    p.check(target)


BINARY = (qnn.AddOp, qnn.SubtractOp, qnn.MulOp)


@on_every_target
def test_arithmetic(target, shape, seed):
    p = Program(seed)
    for op in BINARY:
        for arithmetic in ARITHMETICS:
            l, r, result = (p.pick(NARROW) for _ in range(3))  # noqa: E741
            runtime = p.pick([False, False, True])
            other = p.pick([shape, shape[1:], (shape[1], 1), ()])
            p.add(
                op(
                    *(p.integers(l, *shape), p.integers(r, *other)),
                    *(p.scale(runtime=runtime), p.zero(l, runtime=runtime), p.scale(), p.zero(r)),
                    *(p.scale(near=1.0 if op is qnn.MulOp else 0.1), p.zero(result, runtime=runtime)),
                    rounding=p.pick(ROUNDINGS),
                    arithmetic=arithmetic,
                    range=p.bounds(result),
                )
            )
    p.check(target)


@on_every_target
def test_concat(target, shape, seed):
    p = Program(seed)
    for arithmetic in ARITHMETICS:
        dtypes = [p.pick(NARROW) for _ in range(3)]
        axis, s_out, zp_out = p.pick(range(3)), p.scale(), p.zero(dtypes[0])
        p.add(
            qnn.ConcatOp(
                [p.integers(dtype, *shape) for dtype in dtypes],
                [s_out, p.scale(), p.scale(runtime=True)],
                [zp_out, *map(p.zero, dtypes[1:])],
                *(s_out, zp_out),
                axis=axis,
                rounding=p.pick(ROUNDINGS),
                arithmetic=arithmetic,
            )
        )
    p.check(target)


@on_every_target
def test_functions(target, shape, seed):
    """Tables are the interpreter's, whatever the function."""
    p = Program(seed)
    for fn in ("sigmoid", "tanh", "sqrt", "log", "elu", "hardswish"):
        source, result = p.pick([np.int8, np.uint8]), p.pick(NARROW)
        parameters = [p.value(np.float32(0.7))] if fn == "elu" else []
        p.add(
            qnn.ElementwiseOp(
                fn,
                *(p.integers(source, *shape), p.scale(), p.zero(source), p.scale(), p.zero(result)),
                *parameters,
                nan=p.pick(["lowest", "zero"]),
                range=p.bounds(result),
            )
        )
    for arithmetic in ARITHMETICS:
        source, result = p.pick(NARROW), p.pick(NARROW)
        p.add(
            qnn.LeakyReluOp(
                *(p.integers(source, *shape), p.scale(), p.zero(source), p.scale(), p.zero(result)),
                alpha=p.pick([0.1, 0.0, -0.3]),
                rounding=p.pick(ROUNDINGS),
                arithmetic=arithmetic,
                range=p.bounds(result),
            )
        )
    p.check(target)


@on_every_target
def test_means(target, shape, seed):
    p = Program(seed)
    for _ in range(3):
        source, result, runtime = p.pick(NARROW), p.pick(NARROW), p.pick([False, True])
        parameters = (p.scale(), p.zero(source, runtime=runtime), p.scale(), p.zero(result))
        modes = {"rounding": p.pick(ROUNDINGS), "range": p.bounds(result)}
        p.add(
            qnn.PoolOp(
                "average",
                *(p.integers(source, 1, *shape[:2], shape[2] + 3), *parameters),
                kernel=[1, 3],
                strides=[1, 2],
                pads=[0, 1, 0, 2],
                dilations=[1, 1],
                ceil_mode=p.pick([False, True]),
                count_include_pad=p.pick([False, True]),
                **modes,
            )
        )
        axes = p.pick([[0], [1, 2], [2], [0, 1, 2]])
        x = p.integers(source, *shape)
        p.add(qnn.ReduceOp("mean", x, *parameters, axes=axes, keepdims=p.pick([False, True]), **modes))
    p.check(target)


@on_every_target
def test_float_islands_are_within_a_step(target, shape, seed):
    """Softmax; a table whose scale is an argument."""
    p = Program(seed)
    for dtype in (np.int8, np.uint8):
        x, s, zp = p.integers(dtype, *shape), p.scale(), p.zero(dtype)
        p.add(qnn.SoftmaxOp(x, s, zp, p.value(np.float32(1 / 256)), p.value(np.uint8(0)), axis=1))
        s = p.scale(runtime=True)
        p.add(qnn.ElementwiseOp("tanh", x, s, zp, p.value(np.float32(1 / 128)), p.value(np.int8(0))))
    p.check(target, steps=1)


@on_every_target
def test_simulated(target, shape, seed):
    p = Program(seed)
    x = p.value((p.rng.standard_normal(shape) * 60).astype(np.float32), True)
    for code in p.rng.integers(-1, 11, 4):
        channel = p.pick([(), (shape[1],)])
        zp = p.value(p.rng.integers(-3, 3, channel).astype(np.int32))
        operands = (p.scale(*channel, near=1.0), zp, p.value(np.int32(code), True))
        q = p.add(qnn.SimulatedQuantizeOp(x, *operands))
        p.add(qnn.SimulatedDequantizeOp(q, *operands))
    p.check(target)


@on_every_target
def test_conv_transpose(target, shape, seed):
    """The phases of its result are convolutions that pad with the zero point of x."""
    p = Program(seed)
    for _ in range(2):
        source, groups, stride = p.pick([np.int8, np.uint8]), p.pick([1, 2]), p.pick([1, 2, 3])
        outputs = groups * shape[1]
        channel = p.pick([(), (outputs,)])
        p.add(
            qnn.ConvTransposeOp(
                p.integers(source, 1, 2 * groups, shape[0] + 1, shape[2]),
                p.integers(np.int8, 2 * groups, shape[1], 3, 2, runtime=p.pick([False, True])),
                p.zero(source, runtime=p.pick([False, True])),
                p.zero(np.int8, *channel, runtime=p.pick([False, True])),
                *p.pick([[], [p.value(p.rng.integers(-1000, 1000, outputs).astype(np.int32))]]),
                strides=[stride, 1],
                pads=[1, 0, p.pick([1, 0, -1]), 0],
                dilations=[1, p.pick([1, 2])],
                groups=groups,
            )
        )
    p.check(target)
