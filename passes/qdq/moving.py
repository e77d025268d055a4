"""Ops that commute with quantization: they move elements, or choose the larger of some.

Quantization is monotone, so what such an op makes of integers of equal parameters is what it makes of the
floats, quantized.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from xdsl.dialects.builtin import TensorType
from xdsl.ir import Attribute, Operation, SSAValue

from ...dialects import nn
from ...dialects.nn.fields import FLOAT
from ..graph_builder import GraphBuilder
from .affine import Affine, scalar_of


def _first(op: Operation) -> Sequence[int]:
    return (0,)


def _pool(op: nn.PoolOp) -> Sequence[int]:
    """A window of nothing but padding has a maximum that no integer stands for."""
    window = op.window
    inside = all(pad < span for pad, span in zip(window.pads, (*window.spans, *window.spans), strict=True))
    return (0,) if op.kind.data == "max" and inside else ()


def _reduce(op: nn.ReduceOp) -> Sequence[int]:
    shape = nn.tensor_of(op.x).get_shape()
    return (0,) if op.kind.data in ("max", "min") and math.prod(shape) else ()


def _resize(op: nn.ResizeOp) -> Sequence[int]:
    """What lies outside of a cropped region has a value of its own."""
    crops = op.value_of("coordinates") == "tf_crop_and_resize"
    return (0,) if op.mode.data == "nearest" and not crops else ()


CHOICES = {"where": (1, 2), "max": (0, 1), "min": (0, 1)}
"""Functions that choose one of these operands."""


def _elementwise(op: nn.ElementwiseOp) -> Sequence[int]:
    return CHOICES.get(op.fn.data, ())


MOVED: dict[type[Operation], Callable[[Any], Sequence[int]]] = {
    nn.ReshapeOp: _first,
    nn.TransposeOp: _first,
    nn.SliceOp: _first,
    nn.PadOp: _first,
    nn.BroadcastOp: _first,
    nn.GatherOp: _first,
    nn.GatherElementsOp: _first,
    nn.ConcatOp: lambda op: range(len(op.inputs)),
    nn.PoolOp: _pool,
    nn.ReduceOp: _reduce,
    nn.ResizeOp: _resize,
    nn.ElementwiseOp: _elementwise,
}
"""Op -> which of its operands the elements of its result come from; none where it computes."""

POSITIONS = (nn.ArgReduceOp, nn.TopKOp)
"""Ops that say where elements are: the same on integers."""


def moved_operands(op: Operation) -> Sequence[int]:
    return MOVED[type(op)](op) if type(op) in MOVED else ()


def redone(
    new: GraphBuilder, op: nn.NNOperation, operands: dict[int, SSAValue], element: Attribute, fill: int | None
) -> SSAValue:
    """`op` on integers; `fill` is what a pad puts around them."""
    values = [operands.get(i, value) for i, value in enumerate(op.operands)]
    properties = dict(op.properties)
    if isinstance(op, nn.PadOp):
        assert fill is not None
        properties["value"] = FLOAT.attribute(float(fill))
    result = TensorType(element, op.shape)
    copy = type(op).create(operands=values, result_types=[result], properties=properties)
    copy.location = op.location
    return new(copy)


def axis_behind(op: Operation, axis: int) -> int | None:
    """Where the axis of parameters per channel is behind `op`; None where it is not kept."""
    if isinstance(op, nn.TransposeOp):
        return op.value_of("perm").index(axis)
    if isinstance(op, nn.ReshapeOp):
        return _axis_reshaped(nn.tensor_of(op.x).get_shape(), op.shape, axis)
    return None


def _axis_reshaped(before: Sequence[int], after: Sequence[int], axis: int) -> int | None:
    outer = math.prod(before[:axis])
    for position, extent in enumerate(after):
        if extent == before[axis] and math.prod(after[:position]) == outer:
            return position
    return None


def fill_of(op: Operation, x: Affine) -> int | None:
    """The integer that stands for what a pad puts around x exactly; None where none is seen."""
    zero = scalar_of(x.zero_point)
    if not isinstance(op, nn.PadOp) or zero is None or op.value_of("value") != 0:
        return None
    return int(zero)
