"""Products of integers: a convolution or matrix product in i32, and what zero points add to its start value.

    sum (x - a) (w - b)  =  sum x w  -  a sum w  -  b sum x  +  K a b

The body of the contraction is `ext, ext, muli, addi`, that of the machine's dot products. What is known at
compile time is arithmetic on weights, of nn ops: their zero point is subtracted there (b = 0, and two terms
are gone), and their sum goes into the start value beside the bias. The border is padded with the zero point
of x, so that it adds nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from xdsl.dialects.builtin import i8, i16, i32
from xdsl.ir import SSAValue
from xdsl.ir.affine import AffineExpr

from ...dialects import nn, qnn
from ...dialects.nn.scalar_builder import ScalarBuilder
from ...dialects.qnn.intervals import WIDENED, Contraction, Interval, weights_of, weights_within
from ...dialects.qnn.parameters import BYTES, visible
from ...dialects.tensorized import RangeAttr
from ..graph_builder import GraphBuilder
from ..lower_nn.emitter import Emitter, Operand, at, broadcast_access, dims
from ..lower_nn.linear import convolved, multiply_add, note_ranges


def lower_conv(emit: Emitter, op: qnn.ConvOp) -> SSAValue:
    new, window = GraphBuilder(op), op.window
    x, zero = op.x, op.zp_x
    if any(window.pads) and visible(zero) is None:  # no value to pad with
        x, zero = _centred(new, x, zero), None
    filters = _without_zero_point(new, op, op.w, _along_rows(new, op.zp_w, window.rank + 1))
    start = op.bias
    if zero is not None and not _is_zero(zero):
        axes = range(1, 2 + window.rank)
        sums = new(nn.ReduceOp("sum", new.cast(filters, i32), axes=axes, keepdims=False))
        start = _minus(new, start, new.compute("mul", new.cast(zero, i32), sums))
    number = None if zero is None else visible(zero)
    if any(window.pads):
        x = new(nn.PadOp(x, (0, 0, *window.low), (0, 0, *window.high), 0 if number is None else int(number)))
    if WIDENED in op.attributes:
        filters = new.cast(filters, i32)
    return convolved(emit, op, x, filters, start, _ranges(op, x, filters))


def lower_matmul(emit: Emitter, op: qnn.MatmulOp) -> SSAValue:
    """Loops (batch..., m, n | k)."""
    new = GraphBuilder(op)
    a, b, zp_a, zp_b = op.a, op.b, _along_rows(new, op.zp_a, 1), op.zp_b
    # Subtracted at compile time, where it can be: of the other operand no sum is needed then.
    weights = weights_of(op)
    if weights is not None and weights[0] is op.b:
        b, zp_b = _without_zero_point(new, op, b, zp_b), None
    elif weights is not None:
        a, zp_a = _without_zero_point(new, op, a, zp_a), None
    terms = _matmul_start(new, op.bias, (a, zp_a), (b, zp_b))
    batch = op.shape[:-2]
    loops = len(batch) + 3
    m, n, k = dims(len(batch), 3)

    def read(value: SSAValue, row: AffineExpr, column: AffineExpr) -> Operand:
        outer = broadcast_access(nn.tensor_of(value).get_shape()[:-2], batch).results
        return Operand(value, at(loops, [*outer, row, column]))

    init = Operand(_started(emit, terms, op.shape), at(loops, dims(0, loops - 1)))
    total = emit.generic([read(a, m, k), read(b, k, n)], init, 1, multiply_add)
    return note_ranges(total, _ranges(op, a, b))


Factor = tuple[SSAValue, SSAValue | None]
"""An operand, and its zero point unless that has been subtracted."""


class _Start(NamedTuple):
    """`value` minus the product of `factors`; both broadcast to the result, either may be missing."""

    value: SSAValue | None
    factors: tuple[SSAValue, SSAValue] | None = None


def _matmul_start(new: GraphBuilder, bias: SSAValue | None, left: Factor, right: Factor) -> _Start:
    """bias - zp_a * sums of b's columns - zp_b * (sums of a's rows - K * zp_a), as far as there are zero
    points. A product of the first term that is known at run time only is left to the start value's loops: it
    has a value for every row and column."""
    (a, zp_a), (b, zp_b), start, column, factors = left, right, bias, None, None
    if zp_a is not None and not _is_zero(zp_a):
        column = new.cast(zp_a, i32)
        sums = new.reduce("sum", new.cast(b, i32), [nn.tensor_of(b).get_num_dims() - 2])
        if nn.is_compile_time(column):
            start = _minus(new, start, new.compute("mul", column, sums))
        else:
            factors = column, sums
    if zp_b is not None and not _is_zero(zp_b):
        rank, depth = nn.tensor_of(a).get_num_dims(), nn.tensor_of(a).get_shape()[-1]
        sums = new.reduce("sum", new.cast(a, i32), [rank - 1])
        if column is not None:
            sums = new.compute("sub", sums, new.compute("mul", column, new.scalar(depth, column)))
        start = _minus(new, start, new.compute("mul", new.cast(zp_b, i32), sums))
    return _Start(start, factors)


def _started(emit: Emitter, start: _Start, shape: tuple[int, ...]) -> SSAValue:
    """The start value of every sum, by one generic, which becomes part of the kernel that adds up."""
    operands = [emit.broadcast(v, shape) for v in (start.value, *(start.factors or ())) if v is not None]
    if not operands:
        return emit.filled(i32, shape, 0)

    def body(b: ScalarBuilder, *values: SSAValue) -> SSAValue:
        if start.factors is None:
            return values[0]
        before = b.like(values[-1], 0) if start.value is None else values[0]
        return b.sub(before, b.mul(values[-2], values[-1]))

    return emit.elementwise(operands, i32, shape, body)


def _is_zero(zero: SSAValue) -> bool:
    number = visible(zero)
    return number is not None and not np.any(number)


def _minus(new: GraphBuilder, start: SSAValue | None, value: SSAValue) -> SSAValue:
    return new.compute("neg", value) if start is None else new.compute("sub", start, value)


def _centred(new: GraphBuilder, x: SSAValue, zero: SSAValue) -> SSAValue:
    """x - zero in a type that holds every difference."""
    wide = i16 if nn.tensor_of(x).element_type in BYTES else i32
    return new.compute("sub", new.cast(x, wide), new.cast(zero, wide))


def _without_zero_point(new: GraphBuilder, op: Contraction, w: SSAValue, zero: SSAValue) -> SSAValue:
    """w - zero, in bytes where all differences are known to fit."""
    if _is_zero(zero):
        return w
    wide, interval = _centred(new, w, zero), weights_within(op, w, zero)
    return new.cast(wide, i8) if interval.fits(i8) else wide


def _along_rows(new: GraphBuilder, zero: SSAValue, dimensions: int) -> SSAValue:
    """One value a row of an operand, where there are several: `dimensions` more follow."""
    shape = nn.tensor_of(zero).get_shape()
    return new.reshape(zero, (*shape, *(1,) * dimensions)) if shape else zero


def _ranges(op: Contraction, *operands: SSAValue) -> list[RangeAttr | None]:
    """What is known of weights in bytes: the smallest [-2^n, 2^n] around their interval, so that kernels of
    nearly the same weights are the same."""
    weights = weights_of(op)
    if weights is None:
        return [None] * len(operands)
    bits = _bits(weights_within(op, *weights))
    known = RangeAttr.of(-(1 << bits), 1 << bits) if bits < 7 else None
    return [known if nn.is_compile_time(v) else None for v in operands]


def _bits(interval: Interval) -> int:
    return (max(abs(interval.low), abs(interval.high), 1) - 1).bit_length()
