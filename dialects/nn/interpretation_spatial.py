"""What ops on images mean that have no windows to look through, in numpy: evaluated in f64, rounded once."""

from __future__ import annotations

from itertools import product

import numpy as np
from xdsl.interpreter import Interpreter, InterpreterFunctions, impl, register_impls

from .conv_transpose import ConvTransposeOp
from .interpretation import Args, rounded, wide
from .resize import ResizeOp
from .window import Window


def scattered(
    x: np.ndarray, w: np.ndarray, window: Window, groups: int, shape: tuple[int, ...]
) -> np.ndarray:
    """The transposed convolution of `shape`, in the type of x: adds the image, times one tap of the kernel,
    at the positions the tap reaches."""
    low, extents = window.low, shape[2:]
    first = [max(-at, 0) for at in low]  # negative pads: positions before the first
    reach = [
        max(stride * (n - 1) + span + before, extent + max(at, 0))
        for n, stride, span, before, extent, at in zip(
            x.shape[2:], window.strides, window.spans, first, extents, low, strict=True
        )
    ]
    x = x.reshape(x.shape[0], groups, -1, *x.shape[2:])
    w = w.reshape(groups, x.shape[2], -1, *window.kernel)
    total = np.zeros((x.shape[0], groups, w.shape[2], *reach), x.dtype)
    for tap in product(*map(range, window.kernel)):
        steps = zip(tap, window.dilations, window.strides, first, x.shape[3:], strict=True)
        reached = [slice(b + k * d, b + k * d + (n - 1) * s + 1, s) for k, d, s, b, n in steps]
        total[(..., *reached)] += np.einsum("ngc...,gco->ngo...", x, w[(..., *tap)])
    kept = [slice(max(at, 0), max(at, 0) + n) for at, n in zip(low, extents, strict=True)]
    return total[(..., *kept)].reshape(shape)


@register_impls
class SpatialFunctions(InterpreterFunctions):
    @impl(ConvTransposeOp)
    def conv_transpose(self, interpreter: Interpreter, op: ConvTransposeOp, args: Args):
        x, w, *bias = map(wide, args)
        result = scattered(x, w, op.window, op.value_of("groups"), op.shape)
        return rounded(op, result + bias[0].reshape(-1, *(1,) * op.window.rank) if bias else result)

    @impl(ResizeOp)
    def resize(self, interpreter: Interpreter, op: ResizeOp, args: Args):
        """Each axis is a product with the matrix of its weights."""
        y, beyond = wide(args[0]), np.zeros(op.shape, bool)
        for axis in range(y.ndim):
            taps = op.taps(axis)
            if taps is None:
                continue
            positions = np.clip(taps.positions, 0, y.shape[axis] - 1)
            if op.mode.data == "nearest":
                y = np.take(y, positions[:, 0], axis=axis)
            else:
                matrix = np.zeros((len(positions), y.shape[axis]))
                np.add.at(matrix, (np.arange(len(positions))[:, None], positions), taps.weights)
                y = np.moveaxis(np.tensordot(matrix, y, (1, axis)), 0, axis)
            if taps.outside is not None:
                beyond |= taps.outside.reshape(-1, *(1,) * (y.ndim - 1 - axis))
        return rounded(op, np.where(beyond, op.value_of("extrapolation"), y) if beyond.any() else y)
