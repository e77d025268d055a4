"""Constants, and the index arithmetic that exporters compute shapes with."""

from __future__ import annotations

import math

import numpy as np
from xdsl.ir import SSAValue

from ...dialects import nn
from ...dialects.errors import TenonError
from .context import Context, dtype_of, shape_of
from .node import Node
from .registry import onnx_op
from .tensors import checked_shape, read_sparse, read_tensor

MAX_FOLDED = 2**20

SCALAR_ATTRIBUTES = {
    "value_float": np.float32,
    "value_floats": np.float32,
    "value_int": np.int64,
    "value_ints": np.int64,
}


@onnx_op("Constant")
def constant(ctx: Context, node: Node) -> SSAValue:
    if len(node.attributes) != 1:
        raise TenonError(f"has {len(node.attributes)} attributes, expected exactly one value")
    ((name, value),) = node.attributes.items()
    if name == "value":
        return ctx.weight(read_tensor(value, ctx.source, "value"))
    if name == "sparse_value":
        return ctx.weight(read_sparse(value, ctx.source, "sparse_value"))
    if name not in SCALAR_ATTRIBUTES:
        raise TenonError(f"attribute '{name}' is not supported")
    return ctx.constant(np.asarray(value, SCALAR_ATTRIBUTES[name]))


@onnx_op("ConstantOfShape")
def constant_of_shape(ctx: Context, node: Node) -> SSAValue:
    shape = checked_shape(ctx.integers(node[0], "the shape"), "the shape")
    value = node.attr("value")
    fill = np.zeros(1, np.float32) if value is None else read_tensor(value, ctx.source, "value")
    if fill.size != 1:
        raise TenonError(f"value has {fill.size} elements, expected 1")
    return ctx.emit(nn.BroadcastOp(ctx.constant(fill.reshape(())), shape))


@onnx_op("Shape")
def shape(ctx: Context, node: Node) -> SSAValue:
    extents = shape_of(node[0])[node.attr("start") : node.attr("end")]
    return ctx.constant(np.asarray(extents, np.int64))


@onnx_op("Size")
def size(ctx: Context, node: Node) -> SSAValue:
    return ctx.constant(np.asarray(math.prod(shape_of(node[0])), np.int64))


@onnx_op("Range")
def range_(ctx: Context, node: Node) -> SSAValue:
    start, limit, delta = (ctx.number(node[i], role) for i, role in enumerate(("start", "limit", "delta")))
    if not delta or not math.isfinite(steps := (limit - start) / delta):
        raise TenonError(f"range from {start} to {limit} by {delta} never ends")
    count = math.ceil(max(steps, 0))
    check_size(count)
    if not count:
        return ctx.constant(np.zeros(0, dtype_of(node[0])))
    return ctx.fold([node[0], node[1], node[2]], _arange, "a range")


def _arange(start: np.ndarray, limit: np.ndarray, delta: np.ndarray) -> np.ndarray:
    return np.arange(start.item(), limit.item(), delta.item(), dtype=start.dtype)


def check_size(elements: int) -> None:
    """Raise where index arithmetic would make a tensor that no shape computation needs."""
    if elements > MAX_FOLDED:
        raise TenonError(f"result has {elements} elements, at most {MAX_FOLDED} are computed on import")
