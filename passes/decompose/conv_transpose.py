"""Transposed convolution by phases of its result: no multiplication with inserted zeros.

With stride s, position q of the result takes only the taps k with k * dilation = q + pad (mod s): for each of
the s phases these are every (s / g)-th tap, g the common divisor of stride and dilation, and the phase is an
ordinary convolution with that part of the kernel, turned round (of quantized tensors one that pads with their
zero point). Phases with equally many taps at the same place share one convolution with so many times the
channels; a kernel of s taps is one 1x1 convolution. The phases are interleaved by a reshape and a transpose.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

from xdsl.ir import SSAValue

from ...dialects import nn, qnn
from ..graph_builder import GraphBuilder

ConvTranspose = nn.ConvTransposeOp | qnn.ConvTransposeOp


class Line(NamedTuple):
    """One dimension of a phase: positions s * t + phase - pad for all t are a convolution of x."""

    first: int
    """The lowest tap of the phase."""
    step: int
    """From one tap of the phase to the next."""
    taps: int
    dilation: int
    low: int
    """Padding of x, negative where x is cut."""
    high: int


class Span(NamedTuple):
    """The steps t, `first` to `last`, that one dimension of the result needs."""

    first: int
    last: int

    @property
    def count(self) -> int:
        return self.last - self.first + 1


def decompose_conv_transpose(new: GraphBuilder, op: ConvTranspose) -> SSAValue:
    window, rank = op.window, op.window.rank
    spans = [
        Span(low // s, (low + n - 1) // s)
        for low, n, s in zip(window.low, op.shape[2:], window.strides, strict=True)
    ]
    phases = list(product(*map(range, window.strides)))
    lines = {phase: tuple(_line(op, spans[i], i, phase[i]) for i in range(rank)) for phase in phases}
    parts: dict[tuple, list[tuple[int, ...]]] = {}
    for phase, found in lines.items():
        geometry = tuple(line._replace(first=0) for line in found) if all(x.taps for x in found) else ()
        parts.setdefault(geometry, []).append(phase)
    # [N, groups, phases, O / groups, t...] of each part
    made = [_part(new, op, spans, [lines[phase] for phase in same]) for same in parts.values()]
    order = [phase for same in parts.values() for phase in same]
    stacked = _in_order(new, made, [order.index(phase) for phase in phases])
    return _interleaved(new, op, spans, stacked)


def _line(op: ConvTranspose, span: Span, axis: int, phase: int) -> Line:
    window, n = op.window, nn.tensor_of(op.x).get_shape()[2 + axis]
    stride, dilation, kernel = window.strides[axis], window.dilations[axis], window.kernel[axis]
    common = math.gcd(stride, dilation)
    step = stride // common
    taps = [k for k in range(kernel) if k * dilation % stride == phase]
    if not taps:
        return Line(0, step, 0, 1, 0, 0)
    # Tap k of step t meets element t - (k * dilation - phase) / stride.
    back = (taps[0] * dilation - phase) // stride
    last_back = (taps[-1] * dilation - phase) // stride
    return Line(
        taps[0], step, len(taps), dilation // common, last_back - span.first, span.last - back - (n - 1)
    )


def _part(
    new: GraphBuilder, op: ConvTranspose, spans: Sequence[Span], phases: Sequence[tuple[Line, ...]]
) -> SSAValue:
    """The phases that one convolution computes."""
    image, groups = nn.tensor_of(op.x).get_shape(), op.value_of("groups")
    outputs, rank = op.shape[1] // groups, op.window.rank
    grouped = (image[0], groups, len(phases), outputs, *(span.count for span in spans))
    bias = None if op.bias is None else _of_phases(new, op.bias, grouped)
    if not all(line.taps for line in phases[0]):
        nothing = (
            new.scalar(0, op.result) if bias is None else new.reshape(bias, (*grouped[1:4], *(1,) * rank))
        )
        return new(nn.BroadcastOp(nothing, grouped))
    lines = phases[0]
    weights = [_kernel(new, op, phase) for phase in phases]
    w = weights[0] if len(weights) == 1 else new(nn.ConcatOp(weights, 1))
    w = new.reshape(w, (math.prod(grouped[1:4]), image[1] // groups, *(line.taps for line in lines)))
    geometry = {
        "strides": (1,) * rank,
        "pads": [max(line.low, 0) for line in lines] + [max(line.high, 0) for line in lines],
        "dilations": [line.dilation for line in lines],
        "groups": groups,
    }
    x = _padded_or_cut(new, op.x, lines)
    if isinstance(op, nn.ConvTransposeOp):
        return new.reshape(new(nn.ConvOp(x, w, bias, **geometry)), grouped)
    zero = _of_phases(new, op.zp_w, grouped) if nn.tensor_of(op.zp_w).get_shape() else op.zp_w
    return new.reshape(new(qnn.ConvOp(x, w, op.zp_x, zero, bias, **geometry)), grouped)


def _of_phases(new: GraphBuilder, value: SSAValue, grouped: Sequence[int]) -> SSAValue:
    """One value a channel of the result, for every channel of the convolution."""
    _, groups, phases, outputs, *_ = grouped
    value = new.reshape(value, (groups, 1, outputs))
    value = new(nn.BroadcastOp(value, (groups, phases, outputs))) if phases > 1 else value
    return new.reshape(value, (groups * phases * outputs,))


def _kernel(new: GraphBuilder, op: ConvTranspose, phase: tuple[Line, ...]) -> SSAValue:
    """The taps of a phase, turned round: [groups, 1, O / groups, C / groups, taps...]."""
    shape, groups = nn.tensor_of(op.w).get_shape(), op.value_of("groups")
    w = new.reshape(op.w, (groups, shape[0] // groups, *shape[1:]))
    for axis, line in enumerate(phase, start=3):
        w = _taken(new, w, axis, [line.first + j * line.step for j in reversed(range(line.taps))])
    rank = len(phase)
    w = new.transpose(w, (0, 2, 1, *range(3, 3 + rank)))
    turned = nn.tensor_of(w).get_shape()
    return new.reshape(w, (groups, 1, *turned[1:]))


def _taken(new: GraphBuilder, x: SSAValue, axis: int, positions: Sequence[int]) -> SSAValue:
    """The elements of one axis at `positions`, in their order."""
    shape = nn.tensor_of(x).get_shape()
    if list(positions) == list(range(shape[axis])):
        return x
    pieces: list[SSAValue] = []
    for position in positions:
        starts, sizes = [0] * len(shape), list(shape)
        starts[axis], sizes[axis] = position, 1
        pieces.append(new(nn.SliceOp(x, starts, sizes, [1] * len(shape))))
    return pieces[0] if len(pieces) == 1 else new(nn.ConcatOp(pieces, axis))


def _padded_or_cut(new: GraphBuilder, x: SSAValue, lines: Sequence[Line]) -> SSAValue:
    """x without what a negative padding takes away; elements no phase meets."""
    shape = nn.tensor_of(x).get_shape()
    starts = [0, 0, *(max(-line.low, 0) for line in lines)]
    cuts = [0, 0, *(max(-line.high, 0) for line in lines)]
    if not any((*starts, *cuts)):
        return x
    sizes = [n - start - cut for n, start, cut in zip(shape, starts, cuts, strict=True)]
    return new(nn.SliceOp(x, starts, sizes, [1] * len(shape)))


def _in_order(new: GraphBuilder, parts: Sequence[SSAValue], order: Sequence[int]) -> SSAValue:
    """The parts along axis 2, their phases in `order`."""
    stacked = parts[0] if len(parts) == 1 else new(nn.ConcatOp(parts, 2))
    return _taken(new, stacked, 2, order)


def _interleaved(new: GraphBuilder, op: ConvTranspose, spans: Sequence[Span], stacked: SSAValue) -> SSAValue:
    """[N, groups, phases, O / groups, t...] as [N, O, t * phase...], cut to the result."""
    strides, rank, low = op.window.strides, op.window.rank, op.window.low
    n, groups, _, outputs, *counts = nn.tensor_of(stacked).get_shape()
    split = new.reshape(stacked, (n, groups, *strides, outputs, *counts))
    pairs = [axis for i in range(rank) for axis in (3 + rank + i, 2 + i)]
    woven = new.transpose(split, (0, 1, 2 + rank, *pairs))
    extents = [count * s for count, s in zip(counts, strides, strict=True)]
    whole = new.reshape(woven, (n, groups * outputs, *extents))
    if (n, groups * outputs, *extents) == op.shape:
        return whole
    starts = [at - span.first * s for at, span, s in zip(low, spans, strides, strict=True)]
    return new(nn.SliceOp(whole, (0, 0, *starts), op.shape, (1,) * (2 + rank)))
