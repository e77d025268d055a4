"""Scales and zero points as ONNX nodes name them: read and checked here, for all rules of quantized ops.

A parameter is a scalar, or has one value for each channel; ONNX also writes a scalar as a vector of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from xdsl.dialects.builtin import bf16, f16, f32, i32
from xdsl.ir import Attribute, SSAValue

from ...dialects import nn, qnn
from ...dialects.errors import TenonError
from .cast import converted
from .context import Context, dtype_of, shape_of, tensor_type
from .node import Node

FLOATS = (f32, f16, bf16)


class Affine(NamedTuple):
    """value = (integer - zero) * scale; scale is f32, zero has the integers' type."""

    scale: SSAValue
    zero: SSAValue


class Names(NamedTuple):
    """Where a node has a scale and its zero point, and what ONNX calls them: `x_scale`, `x_zero_point`."""

    stem: str
    scale: int
    zero: int


def element_of(value: SSAValue) -> Attribute:
    return tensor_type(value).element_type


def affine(
    ctx: Context, node: Node, names: Names, element: Attribute | None, extent: int | None = None
) -> Affine:
    """The parameters of integers of type `element` (None: that of the zero point), which may have one for
    each of `extent` channels. A zero point left out is 0."""
    zero = node.get(names.zero)
    if element is None:
        element = qnn.ui8 if zero is None else element_of(zero)
    return Affine(
        scale_of(ctx, node[names.scale], f"{names.stem}_scale", extent),
        zero_of(ctx, zero, f"{names.stem}_zero_point", element, extent),
    )


def scale_of(ctx: Context, scale: SSAValue, name: str, extent: int | None = None) -> SSAValue:
    return shaped(ctx, scale_values(ctx, scale, name), name, extent)


def scale_values(ctx: Context, scale: SSAValue, name: str) -> SSAValue:
    """A scale of any shape in f32; finite and above 0 where it is known."""
    check_elements(name, scale, (*FLOATS, nn.POWERS_OF_TWO))
    known = ctx.array(scale)
    qnn.check_values(name, None if known is None else known.astype(np.float64))
    return converted(ctx, scale, f32)


def zero_of(
    ctx: Context, zero: SSAValue | None, name: str, element: Attribute, extent: int | None = None
) -> SSAValue:
    """A zero point of the type `element`; 0 where it is left out."""
    return shaped(ctx, zero_values(ctx, zero, name, element), name, extent)


def zero_values(ctx: Context, zero: SSAValue | None, name: str, element: Attribute) -> SSAValue:
    if zero is None:
        return ctx.constant(np.zeros((), nn.numpy_dtype(element)))
    if element_of(zero) != element:
        raise TenonError(f"{name} is {dtype_of(zero)}, expected {nn.numpy_dtype(element)} as its tensor")
    known = ctx.array(zero)
    if element == i32 and known is not None and known.any():
        raise TenonError(f"{name} is {known[known != 0].flat[0]}, expected 0 for int32")
    return zero


def is_single(value: SSAValue) -> bool:
    """A scalar, also one that is written as a vector of one."""
    return shape_of(value) in ((), (1,))


def shaped(ctx: Context, value: SSAValue, name: str, extent: int | None) -> SSAValue:
    """A vector of one as a scalar; TenonError unless there is one value, or one for each channel."""
    if is_single(value):
        return ctx.reshape(value, ())
    if extent is None or shape_of(value) != (extent,):
        channels = "" if extent is None else f" or {extent}, one a channel"
        raise TenonError(f"{name} has shape {list(shape_of(value))}, expected one value{channels}")
    return value


def blocked_affine(ctx: Context, node: Node, names: Names, element: Attribute) -> Affine:
    """Parameters that both have the rank of their tensor."""
    scale = scale_values(ctx, node[names.scale], f"{names.stem}_scale")
    zero = zero_values(ctx, node.get(names.zero), f"{names.stem}_zero_point", element)
    if shape_of(zero) not in ((), shape_of(scale)):
        found = f"{names.stem}_zero_point has shape {list(shape_of(zero))}"
        raise TenonError(f"{found}, expected {list(shape_of(scale))} as its scale")
    return Affine(scale, zero)


def check_elements(name: str, value: SSAValue, allowed: Sequence[Attribute]) -> None:
    """Raises unless the elements of `value` are of one of the types."""
    if element_of(value) not in allowed:
        expected = ", ".join(str(nn.numpy_dtype(element)) for element in allowed)
        raise TenonError(f"{name} is {dtype_of(value)}, expected one of {expected}")


def integer_zero(ctx: Context) -> SSAValue:
    """The zero point of sums."""
    return ctx.constant(np.zeros((), np.int32))


def product_scale(ctx: Context, *scales: SSAValue) -> SSAValue:
    """The scale of a sum of products, in f32 and in this order, as onnxruntime has it."""
    total, *others = scales
    for scale in others:
        total = ctx.elementwise("mul", total, scale)
    return total


def requantized(ctx: Context, total: SSAValue, scale: SSAValue, to: Affine, axis: int) -> SSAValue:
    """A sum of products of this scale (one value, or one a position of `axis`) under the parameters `to`."""
    return ctx.emit(qnn.RequantizeOp(total, scale, integer_zero(ctx), to.scale, to.zero, axis=axis))
