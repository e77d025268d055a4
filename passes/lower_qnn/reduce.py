"""Means of windows and along axes: a sum in i32, requantized."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce

import numpy as np
from xdsl.dialects import arith
from xdsl.dialects.builtin import f32, i32
from xdsl.ir import SSAValue

from ...dialects import nn, qnn
from ...dialects.nn.scalar_builder import ScalarBuilder as B
from ...dialects.qnn.meaning import Modes
from ...dialects.qnn.reduce import reduced_count
from ..lower_nn.emitter import Emitter
from ..lower_nn.pool import element_counts, padding, reduce_windows
from ..lower_nn.reduce import reduced
from ..lower_nn.views import reshaped
from .nest import Nest, Read
from .parameters import Affine, is_zero
from .scalar import to_integer


def lower_pool(emit: Emitter, op: qnn.PoolOp) -> SSAValue:
    """Padding counts as zero points: it is 0 in the sum, and not among the elements whose zero points go."""
    low, high = padding(op)
    x = emit(nn.PadOp(op.x, low, high, 0.0)) if any((*low, *high)) else op.x
    total = reduce_windows(emit, op, x, i32, 0, lambda b, x, sums: b.add(sums, b.cast(x, i32)))
    inside, averaged = (
        _grid(emit, element_counts(op, include)) for include in (False, op.value_of("count_include_pad"))
    )
    return _mean(emit, op, total, inside, averaged)


def _grid(emit: Emitter, counts: Sequence[Sequence[int]]) -> SSAValue:
    """Elements of the windows, i32: a scalar, or [spatial] where those at the border have fewer."""
    if all(len(set(line)) == 1 for line in counts):
        return emit(
            nn.ConstantOp(nn.dense_attribute(np.array(math.prod(line[0] for line in counts), np.int32)))
        )
    factors = [
        emit(
            nn.ConstantOp(
                nn.dense_attribute(np.array(line, np.int32).reshape(-1, *(1,) * (len(counts) - 1 - i)))
            )
        )
        for i, line in enumerate(counts)
    ]
    return reduce(lambda a, b: emit(nn.ElementwiseOp("mul", a, b)), factors)


def lower_reduce(emit: Emitter, op: qnn.ReduceOp) -> SSAValue:
    total = reduced(emit, op.x, op.value_of("axes"), "sum", i32)
    count = emit(nn.ConstantOp(nn.dense_attribute(np.array(reduced_count(op), np.int32))))
    return reshaped(emit, _mean(emit, op, total, count, count), op.shape)


def _mean(
    emit: Emitter, op: qnn.PoolOp | qnn.ReduceOp, total: SSAValue, inside: SSAValue, averaged: SSAValue
) -> SSAValue:
    """(total - zp * inside) * (s / (s_out * averaged)), in f32 from the difference on."""
    nest = Nest(emit, nn.tensor_of(total).get_shape())
    make, wanted = nest.make, Affine(op.s_out, op.zp_out)
    nest.tensor(total)
    zeros = None if is_zero(op.zp) else nest.tensor(make.compute("mul", make.cast(op.zp, i32), inside))
    weight = make.compute("mul", op.s_out, make.cast(averaged, f32))
    factor = nest.tensor(make.compute("div", op.s, weight))
    finish = to_integer(nest, wanted, Modes.of(op))

    def body(b: B, read: Read) -> SSAValue:
        sums = read(total) if zeros is None else b.sub(read(total), read(zeros))
        return finish(b, read, b.mul(b(arith.SIToFPOp, sums, f32), read(factor)))

    return nest.compute(op.type.element_type, body)
