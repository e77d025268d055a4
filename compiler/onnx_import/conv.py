"""Convolutions."""

from __future__ import annotations

from xdsl.ir import SSAValue

from ...dialects import nn
from ...dialects.errors import TenonError
from .context import Context, rank_of, shape_of
from .node import Node
from .registry import onnx_op
from .windows import Window, entries, window_of


def kernel_of(node: Node, x: SSAValue, w: SSAValue) -> list[int]:
    """The window's extents, those of the weight."""
    if rank_of(w) < 3 or rank_of(w) != rank_of(x):
        raise TenonError(
            f"input has rank {rank_of(x)} and weight rank {rank_of(w)}, expected equal ranks from 3"
        )
    kernel = list(shape_of(w)[2:])
    if node.attr("kernel_shape", kernel) != kernel:
        raise TenonError(f"kernel_shape is {node.attr('kernel_shape')}, the weight's is {kernel}")
    return kernel


@onnx_op("Conv")
def conv(ctx: Context, node: Node) -> SSAValue:
    x, w = node[0], node[1]
    window = window_of(node, shape_of(x)[2:], kernel_of(node, x, w))
    return ctx.emit(
        nn.ConvOp(
            x, w, node.get(2), strides=window.strides, pads=window.pads, dilations=window.dilations,
            groups=node.attr("group"),
        )
    )  # fmt: skip


@onnx_op("ConvTranspose")
def conv_transpose(ctx: Context, node: Node) -> SSAValue:
    x, w = node[0], node[1]
    extents = shape_of(x)[2:]
    window = window_of(node, extents, kernel_of(node, x, w))
    pads = _transposed_pads(node, window, extents)
    return ctx.emit(
        nn.ConvTransposeOp(
            x, w, node.get(2), strides=window.strides, pads=pads, dilations=window.dilations,
            groups=node.attr("group"),
        )
    )  # fmt: skip


def _transposed_pads(node: Node, window: Window, extents: tuple[int, ...]) -> list[int]:
    """What is cut off: given, or what the wanted output_shape (auto_pad SAME: extent * stride) leaves over.
    An odd number is halved with the larger half at the begin, for SAME_UPPER at the end."""
    rank, mode = len(extents), node.attr("auto_pad") or "NOTSET"
    added = entries(node, "output_padding", rank, 0, 0)
    wanted = node.attr("output_shape")
    if not wanted and mode in ("SAME_UPPER", "SAME_LOWER"):
        wanted = [n * s for n, s in zip(extents, window.strides, strict=True)]
    if not wanted:
        given = window.pads if mode == "NOTSET" else [0] * 2 * rank
        return given[:rank] + [end - more for end, more in zip(given[rank:], added, strict=True)]
    if len(wanted) != rank or min(wanted) < 1:
        raise TenonError(f"output_shape is {wanted}, expected {rank} positive numbers")
    begins: list[int] = []
    ends: list[int] = []
    for i, n in enumerate(extents):
        full = window.strides[i] * (n - 1) + (window.kernel[i] - 1) * window.dilations[i] + 1
        total = max(full + added[i] - wanted[i], 0)
        begins.append(total // 2 if mode == "SAME_UPPER" else total - total // 2)
        ends.append(full - wanted[i] - begins[-1])
    return begins + ends
