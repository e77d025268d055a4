"""Contractions: convolution and matrix product. The body is a product, of elements in the accumulator's type,
and a sum: mulf and addf, or with integers of fewer bits ext, ext, muli and addi."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import Operation, SSAValue
from xdsl.ir.affine import AffineExpr

from ...dialects import nn, qnn
from ...dialects.nn.scalar_builder import ScalarBuilder
from ...dialects.tensorized import RangeAttr
from ...dialects.tensorized.range import WITHIN, ranges_attribute
from .emitter import Emitter, Operand, at, broadcast_access, dims, scaled
from .views import reshaped


def multiply_add(b: ScalarBuilder, x: SSAValue, y: SSAValue, accumulator: SSAValue) -> SSAValue:
    return b.add(accumulator, b.mul(b.cast(x, accumulator.type), b.cast(y, accumulator.type)))


def window_exprs(
    op: nn.ConvOp | nn.PoolOp | qnn.ConvOp | qnn.PoolOp,
    outer: Sequence[AffineExpr],
    inner: Sequence[AffineExpr],
):
    """Position of tap `inner` of window `outer`: outer * stride + inner * dilation."""
    window = op.window
    steps = zip(outer, window.strides, inner, window.dilations, strict=True)
    return [scaled(o, stride) + scaled(i, dilation) for o, stride, i, dilation in steps]


def lower_conv(emit: Emitter, op: nn.ConvOp) -> SSAValue:
    """Loops (n, channels of the result, spatial | channels summed, kernel) over the padded input."""
    window = op.window
    x = emit.padded(emit.widened(op.x), (0, 0, *window.low), (0, 0, *window.high), 0.0)
    return convolved(emit, op, x, emit.widened(op.w), op.bias)


def convolved(
    emit: Emitter,
    op: nn.ConvOp | qnn.ConvOp,
    x: SSAValue,
    w: SSAValue,
    bias: SSAValue | None,
    ranges: Sequence[RangeAttr | None] = (),
) -> SSAValue:
    """The convolution `op` of a padded input; `ranges` says what the elements of x and w lie within."""
    groups = op.value_of("groups")
    outputs, summed = nn.tensor_of(w).get_shape()[:2]
    if groups == 1:
        return _contract_windows(emit, op, x, w, bias, [outputs], [summed], ranges)
    if summed == 1 and outputs == groups:
        w = reshaped(emit, w, (outputs, *op.window.kernel))
        return _contract_windows(emit, op, x, w, bias, [groups], [], ranges)
    split = [groups, outputs // groups]
    image = nn.tensor_of(x).get_shape()
    x = reshaped(emit, x, (image[0], groups, summed, *image[2:]))
    w = reshaped(emit, w, (*split, summed, *op.window.kernel))
    bias = reshaped(emit, bias, split) if bias else None
    return reshaped(emit, _contract_windows(emit, op, x, w, bias, split, [summed], ranges), op.shape)


def _contract_windows(
    emit: Emitter,
    op: nn.ConvOp | qnn.ConvOp,
    x: SSAValue,
    w: SSAValue,
    bias: SSAValue | None,
    channels: Sequence[int],
    summed: Sequence[int],
    ranges: Sequence[RangeAttr | None],
) -> SSAValue:
    """`channels` are the result's: [o], [group] (depthwise: the input's too) or [group, o]; the first is the
    group where there are groups. `summed` is [c] or nothing."""
    rank, grouped = op.window.rank, op.value_of("groups") > 1
    outer = 1 + len(channels) + rank
    loops = outer + len(summed) + rank
    image, channel = dims(0, 1), dims(1, len(channels))
    spatial, inner, taps = dims(outer - rank, rank), dims(outer, len(summed)), dims(loops - rank, rank)
    group = channel[:1] if grouped else []
    element, shape = nn.compute_type(op.type.element_type), (op.shape[0], *channels, *op.shape[2:])
    if bias is None:
        start = emit.filled(element, shape, 0.0)
    else:
        start = emit.elementwise([Operand(bias, at(len(shape), channel))], element, shape, lambda b, x: x)
    total = emit.generic(
        [
            Operand(x, at(loops, [*image, *group, *inner, *window_exprs(op, spatial, taps)])),
            Operand(w, at(loops, [*channel, *inner, *taps])),
        ],
        Operand(start, at(loops, dims(0, outer))),
        loops - outer,
        multiply_add,
    )
    return emit.rounded(note_ranges(total, ranges), op.type.element_type)


def note_ranges(contraction: SSAValue, ranges: Sequence[RangeAttr | None]) -> SSAValue:
    """Notes on the generic of `contraction` what the elements of its operands lie within."""
    known = ranges_attribute(ranges)
    if known is not None and isinstance(contraction.owner, Operation):
        contraction.owner.attributes[WITHIN] = known
    return contraction


def lower_matmul(emit: Emitter, op: nn.MatmulOp) -> SSAValue:
    """Loops (batch..., m, n | k); a batch dimension that broadcasts is read at constant 0."""
    batch = op.shape[:-2]
    loops = len(batch) + 3
    m, n, k = dims(len(batch), 3)
    start = emit.filled(nn.compute_type(op.type.element_type), op.shape, 0.0)

    def read(value: SSAValue, row: AffineExpr, column: AffineExpr) -> Operand:
        outer = broadcast_access(nn.tensor_of(value).get_shape()[:-2], batch).results
        return Operand(emit.widened(value), at(loops, [*outer, row, column]))

    init = Operand(start, at(loops, dims(0, loops - 1)))
    total = emit.generic([read(op.a, m, k), read(op.b, k, n)], init, 1, multiply_add)
    return emit.rounded(total, op.type.element_type)
