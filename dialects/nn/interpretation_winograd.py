"""What the ops of Winograd's convolution mean, in numpy: evaluated in f64, rounded once."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from xdsl.interpreter import Interpreter, InterpreterFunctions, impl, register_impls

from .cook_toom import TAPS, transforms
from .interpretation import Args, rounded, wide
from .winograd import WinogradInputOp, WinogradOutputOp, WinogradWeightsOp


@register_impls
class WinogradFunctions(InterpreterFunctions):
    @impl(WinogradInputOp)
    def input(self, interpreter: Interpreter, op: WinogradInputOp, args: Args):
        x, tile = wide(args[0]), op.value_of("tile")
        span = tile + TAPS - 1
        reach = [count * tile + TAPS - 1 for count in op.tiles]
        low = op.value_of("pads")[:2]
        grown = [(0, 0), (0, 0)]
        grown += [(at, max(0, n - at - size)) for at, n, size in zip(low, reach, x.shape[2:], strict=True)]
        padded = np.pad(x, grown)[:, :, : reach[0], : reach[1]]
        windows = sliding_window_view(padded, (span, span), axis=(2, 3))[:, :, ::tile, ::tile]
        matrix = transforms(tile).input
        return rounded(op, np.einsum("ai,bj,nchwij->abnhwc", matrix, matrix, windows, optimize=True))

    @impl(WinogradWeightsOp)
    def weights(self, interpreter: Interpreter, op: WinogradWeightsOp, args: Args):
        """One product with the Kronecker square of G: weights are many."""
        matrix, (outputs, channels) = transforms(op.value_of("tile")).weights, args[0].shape[:2]
        taps = args[0].reshape(outputs * channels, -1).T.reshape(-1, outputs, channels)
        columns = wide(np.swapaxes(taps, 1, 2)).reshape(len(taps), -1)
        return rounded(op, np.kron(matrix, matrix) @ columns)

    @impl(WinogradOutputOp)
    def output(self, interpreter: Interpreter, op: WinogradOutputOp, args: Args):
        m, *bias = map(wide, args)
        tile, (images, height, width) = op.value_of("tile"), op.value_of("extents")
        span, (rows, columns) = tile + TAPS - 1, op.tiles
        m = m.reshape(span, span, images, rows, columns, -1)
        matrix = transforms(tile).output
        y = np.einsum("ua,vb,abnhwo->nohuwv", matrix, matrix, m, optimize=True)
        y = y.reshape(images, m.shape[-1], rows * tile, columns * tile)[:, :, :height, :width]
        return rounded(op, y + bias[0].reshape(-1, 1, 1) if bias else y)
