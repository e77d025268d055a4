"""MatMulNBits: a product with weights of 2, 4 or 8 bits, packed in blocks of one scale each."""

from __future__ import annotations

import math

import numpy as np
from xdsl.ir import SSAValue

from ...dialects import nn, qnn
from ...dialects.errors import TenonError
from .context import Context, dtype_of, shape_of
from .linear import product
from .node import Node
from .quant import FLOATS, check_elements, scale_values
from .registry import onnx_op
from .tensors import unpacked


@onnx_op("com.microsoft.MatMulNBits")
def matmul_nbits(ctx: Context, node: Node) -> SSAValue:
    """a @ dequantized(b)' + bias. b is [N, blocks, packed block], its scales and zero points lie one a block
    of K; a zero point left out is the middle of the range."""
    columns, depth, bits, block = (node.attr(name) for name in ("N", "K", "bits", "block_size"))
    if bits not in (2, 4, 8) or block < 16 or block & (block - 1) or min(columns, depth) < 1:
        raise TenonError(f"N {columns}, K {depth}, bits {bits} and block_size {block} describe no weights")
    if node.get(4) is not None:
        raise TenonError("g_idx is not supported")
    a, blocks = node[0], -(-depth // block)
    check_elements("A", a, FLOATS)
    packed = _known(ctx, node[1], "B", (columns, blocks, block * bits // 8))
    b = unpacked(packed, bits).reshape(columns, blocks * block)[:, :depth]
    _check_size(node[2], "scales", (columns, blocks))
    scale = ctx.reshape(scale_values(ctx, node[2], "scales"), (columns, blocks))
    zero = _zero_points(ctx, node, (columns, blocks), bits)
    weights = qnn.DequantizeOp(ctx.constant(b), scale, zero, axis=1, block=block)
    turned = ctx.emit(nn.TransposeOp(ctx.cast(ctx.emit(weights), a), (1, 0)))
    y = product(ctx, a, turned, lambda left, right: ctx.emit(nn.MatmulOp(left, right)))
    return y if node.get(5) is None else ctx.elementwise("add", y, node[5])


def _zero_points(ctx: Context, node: Node, shape: tuple[int, int], bits: int) -> SSAValue:
    given = node.get(3)
    if given is None:
        return ctx.constant(np.full(shape, 1 << bits - 1, np.uint8))
    if dtype_of(given) != np.uint8:
        raise TenonError(f"zero_points is {dtype_of(given)}, expected packed uint8")
    packed = _known(ctx, given, "zero_points", (shape[0], -(-shape[1] * bits // 8)))
    return ctx.constant(np.ascontiguousarray(unpacked(packed, bits)[:, : shape[1]]))


def _known(ctx: Context, value: SSAValue, name: str, shape: tuple[int, ...]) -> np.ndarray:
    array = ctx.known(value, name)
    if array.dtype != np.uint8:
        raise TenonError(f"{name} is {array.dtype}, expected packed uint8")
    _check_size(value, name, shape)
    return array.reshape(shape)


def _check_size(value: SSAValue, name: str, shape: tuple[int, ...]) -> None:
    """Some write it flat."""
    if math.prod(shape_of(value)) != math.prod(shape):
        raise TenonError(f"{name} has shape {list(shape_of(value))}, expected {list(shape)}")
