"""Scales, zero points, ranges and modes: what all qnn ops ask of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from xdsl.dialects.builtin import (
    DenseIntOrFPElementsAttr,
    IntegerType,
    Signedness,
    TensorType,
    f32,
    i8,
    i16,
    i32,
)
from xdsl.ir import Attribute, SSAValue

from ..errors import TenonError
from ..nn import ConstantOp, dense_array
from ..nn.base import shape_text
from ..nn.scalar_builder import is_unsigned

ui8, ui16 = IntegerType(8, Signedness.UNSIGNED), IntegerType(16, Signedness.UNSIGNED)
BYTES = (i8, ui8)
NARROW = (i8, ui8, i16, ui16)
QUANTIZED = (*NARROW, i32)
"""The element types of quantized tensors; i32 holds accumulators."""

ROUNDINGS = ("half_even", "upward", "away")
"""Where halves go: to the even neighbour, up, away from zero."""
ARITHMETICS = ("f32", "exact")
NANS = ("lowest", "zero")
"""What a NaN becomes: the low end of the range, or the zero point."""


def limits(element: Attribute) -> tuple[int, int]:
    """The least and the largest value of an integer type."""
    assert isinstance(element, IntegerType)
    width = element.width.data
    return (0, (1 << width) - 1) if is_unsigned(element) else (-(1 << width - 1), (1 << width - 1) - 1)


def check_values(
    node: str,
    scale: np.ndarray | None,
    zero_point: np.ndarray | None = None,
    limit: tuple[int, int] | None = None,
) -> None:
    """TenonError in the name of `node` unless every scale is finite and above 0, and every zero point within
    `limit`, both ends included. What is None is not looked at."""
    if scale is not None:
        scale = np.asarray(scale)
        wrong = scale[~(np.isfinite(scale) & (scale > 0))]
        if wrong.size:
            raise TenonError(f"{node}: scale is {wrong.flat[0]}, expected a finite number above 0")
    if zero_point is not None and limit is not None:
        zero_point = np.asarray(zero_point)
        wrong = zero_point[(zero_point < limit[0]) | (zero_point > limit[1])]
        if wrong.size:
            raise TenonError(f"{node}: zero point is {wrong.flat[0]}, expected {limit[0]} to {limit[1]}")


def visible(value: SSAValue) -> np.ndarray | None:
    """The array of a constant that stands in the IR."""
    owner = value.owner
    if isinstance(owner, ConstantOp) and isinstance(owner.value, DenseIntOrFPElementsAttr):
        return dense_array(owner.value)
    return None


def check_word(op: str, name: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise TenonError(f"{op}: {name} '{value}' is unknown, expected one of {', '.join(allowed)}")


def check_element(op: str, name: str, tensor: TensorType, allowed: Collection[Attribute]) -> None:
    if tensor.element_type not in allowed:
        expected = ", ".join(map(str, allowed))
        raise TenonError(f"{op}: {name} has element type {tensor.element_type}, expected one of {expected}")


def check_range(op: str, bounds: Sequence[int], element: Attribute) -> None:
    """`bounds` are [lo, hi] within the type of the result."""
    low, high = limits(element)
    if len(bounds) != 2 or not low <= bounds[0] <= bounds[1] <= high:
        raise TenonError(f"{op}: range is {list(bounds)}, expected [lo, hi] within {low} to {high}")


def check_axis(op: str, axis: int, rank: int) -> None:
    if not 0 <= axis < rank:
        raise TenonError(f"{op}: axis {axis} is not within the rank {rank}")


def check_pair(
    op: str,
    x: TensorType,
    scale: TensorType,
    zero: TensorType,
    quantized: Attribute,
    axis: int | None = None,
    block: int = 0,
) -> None:
    """Scale and zero point of `x` whose quantized element type is `quantized`: scalars, one value for every
    position of `axis`, or one for every `block` of them (None: only scalars)."""
    if scale.element_type != f32:
        raise TenonError(f"{op}: the scale has element type {scale.element_type}, expected f32")
    if zero.element_type != quantized:
        what = f"{op}: the zero point has element type {zero.element_type}"
        raise TenonError(f"{what}, expected {quantized}, that of the quantized tensor")
    for name, tensor in (("scale", scale), ("zero point", zero)):
        check_shape(op, name, tensor, x.get_shape(), axis, block)


def check_shape(
    op: str, name: str, parameter: TensorType, shape: Sequence[int], axis: int | None, block: int = 0
) -> None:
    found = parameter.get_shape()
    if not found:
        return
    if axis is None:
        raise TenonError(f"{op}: the {name} has shape {shape_text(found)}, expected a scalar")
    check_axis(op, axis, len(shape))
    if block < 0:
        raise TenonError(f"{op}: block is {block}, expected 0 or more")
    blocks = -(-shape[axis] // block) if block else shape[axis]
    expected = (*shape[:axis], blocks, *shape[axis + 1 :]) if block else (blocks,)
    if found != expected:
        where = f"blocks of {block} along axis {axis}" if block else f"axis {axis}"
        what = f"{op}: the {name} has shape {shape_text(found)}, expected a scalar or {shape_text(expected)}"
        raise TenonError(f"{what} for {where} of {shape_text(shape)}")
