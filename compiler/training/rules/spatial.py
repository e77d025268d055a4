"""Convolutions, pools and resizing."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ....dialects import nn
from ....dialects.nn.interpretation import counts
from ....dialects.nn.window import Window
from .registry import Run, torch_rule

_CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
_MAX_POOL = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}


def _padded(x: Tensor, low: tuple[int, ...], high: tuple[int, ...], fill: float = 0.0) -> Tensor:
    """With `low` and `high` elements around the last axes; negative numbers cut. torch lists the last axis
    first."""
    pairs = [n for pair in zip(reversed(low), reversed(high), strict=True) for n in pair]
    return F.pad(x, pairs, value=fill) if any(pairs) else x


@torch_rule(nn.ConvOp)
def conv(op: nn.ConvOp) -> Run:
    window, groups = op.window, op.value_of("groups")
    fn, even = _CONV[window.rank], window.low == window.high

    def run(x: Tensor, w: Tensor, bias: Tensor | None = None) -> Tensor:
        x = x if even else _padded(x, window.low, window.high)
        return fn(x, w, bias, window.strides, window.low if even else 0, window.dilations, groups)

    return run


@torch_rule(nn.ConvTransposeOp)
def conv_transpose(op: nn.ConvTransposeOp) -> Run:
    """The bias comes last: pads that add positions add the bias there."""
    window, groups = op.window, op.value_of("groups")
    fn, cut = _TRANSPOSED[window.rank], [tuple(-n for n in pads) for pads in (window.low, window.high)]

    def run(x: Tensor, w: Tensor, bias: Tensor | None = None) -> Tensor:
        y = fn(x, w, None, window.strides, 0, 0, groups, window.dilations)
        y = _padded(y, cut[0], cut[1])
        return y if bias is None else y + bias.reshape(-1, *(1,) * window.rank)

    return run


def _reaching(op: nn.PoolOp, window: Window) -> tuple[int, ...]:
    """Elements behind each axis such that the last window is whole; those no window reaches are cut."""
    sizes, extents = nn.tensor_of(op.x).get_shape()[2:], op.shape[2:]
    spans = zip(sizes, extents, window.strides, window.spans, window.low, strict=True)
    return tuple((k - 1) * s + span - n - low for n, k, s, span, low in spans)


@torch_rule(nn.PoolOp)
def pool(op: nn.PoolOp) -> Run:
    window, high = op.window, _reaching(op, op.window)
    if op.kind.data == "max":
        fn = _MAX_POOL[window.rank]

        def largest(x: Tensor) -> Tensor:
            x = _padded(x, window.low, high, -np.inf)
            return fn(x, window.kernel, window.strides, 0, window.dilations)

        return largest
    average, include = op.kind.data == "average", op.value_of("count_include_pad")
    size = nn.tensor_of(op.x).get_shape()[2:]
    divisor = counts(window, size, op.shape[2:], include) if average else None

    def total(x: Tensor) -> Tensor:
        """As a convolution with ones: torch's own pools know no dilation."""
        lines = _padded(x, window.low, high).flatten(0, 1).unsqueeze(1)
        ones = x.new_ones(1, 1, *window.kernel)
        y = _CONV[window.rank](lines, ones, None, window.strides, 0, window.dilations)
        y = y.reshape(*x.shape[:2], *y.shape[2:])
        return y if divisor is None else y / torch.from_numpy(divisor).to(y)

    return total


@torch_rule(nn.ResizeOp)
def resize(op: nn.ResizeOp) -> Run:
    """Each axis picks elements, or is a product with the matrix of its weights."""
    nearest, before = op.mode.data == "nearest", nn.tensor_of(op.x).get_shape()
    axes: list[tuple[int, np.ndarray]] = []
    beyond = np.zeros(op.shape, bool)
    for axis, taps in ((axis, op.taps(axis)) for axis in range(len(before))):
        if taps is None:
            continue
        positions = np.clip(taps.positions, 0, before[axis] - 1)
        matrix = np.zeros((len(positions), before[axis]))
        np.add.at(matrix, (np.arange(len(positions))[:, None], positions), taps.weights)
        axes.append((axis, positions[:, 0] if nearest else matrix))
        if taps.outside is not None:
            beyond |= taps.outside.reshape(-1, *(1,) * (len(before) - 1 - axis))
    fill, outside = op.value_of("extrapolation"), beyond if beyond.any() else None

    def run(x: Tensor) -> Tensor:
        y = x
        for axis, table in axes:
            given = torch.from_numpy(table).to(x.device)
            if nearest:
                y = y.index_select(axis, given)
            else:
                y = (y.movedim(axis, -1) @ given.to(y.dtype).T).movedim(-1, axis)
        return y if outside is None else y.masked_fill(torch.from_numpy(outside).to(x.device), fill)

    return run
