"""Interpretation of tensor ops with static shapes. A fresh tensor holds NaN, so that reading it shows."""

from __future__ import annotations

from typing import Any

import numpy as np
from xdsl.dialects import tensor
from xdsl.interpreter import Interpreter, InterpreterFunctions, impl, register_impls
from xdsl.ir import Attribute
from xdsl.utils.exceptions import InterpretationError

from ..nn.base import tensor_of
from ..nn.dtypes import numpy_dtype
from .scalar import evaluate_body

_UNWRITTEN = 0x55
"""Every byte of a fresh integer tensor."""


def unwritten(shape: tuple[int, ...], element: Attribute) -> np.ndarray:
    """A tensor whose contents nobody may rely on: NaN, or a striking integer."""
    dtype = numpy_dtype(element)
    if dtype.kind in "iub":
        size = int(np.prod(shape)) * dtype.itemsize
        return np.full(size, _UNWRITTEN, np.uint8).view(dtype).reshape(shape)
    return np.full(shape, np.nan, dtype)


def _window(op: tensor.ExtractSliceOp | tensor.InsertSliceOp) -> tuple[slice, ...]:
    if op.offsets or op.sizes or op.strides:
        raise InterpretationError(f"{op.name} with dynamic offsets is not interpreted")
    fields = (op.static_offsets, op.static_sizes, op.static_strides)
    entries = zip(*(map(int, field.get_values()) for field in fields), strict=True)
    return tuple(slice(start, start + size * step, step) for start, size, step in entries)


@register_impls
class TensorFunctions(InterpreterFunctions):
    @impl(tensor.EmptyOp)
    def empty(self, interpreter: Interpreter, op: tensor.EmptyOp, args: tuple[Any, ...]):
        type_ = tensor_of(op.tensor)
        return (unwritten(type_.get_shape(), type_.element_type),)

    @impl(tensor.CollapseShapeOp)
    def collapse_shape(self, interpreter: Interpreter, op: tensor.CollapseShapeOp, args: tuple[Any, ...]):
        return (args[0].reshape(tensor_of(op.result).get_shape()),)

    @impl(tensor.ExpandShapeOp)
    def expand_shape(self, interpreter: Interpreter, op: tensor.ExpandShapeOp, args: tuple[Any, ...]):
        return (args[0].reshape(tensor_of(op.result).get_shape()),)

    @impl(tensor.ConcatOp)
    def concat(self, interpreter: Interpreter, op: tensor.ConcatOp, args: tuple[Any, ...]):
        return (np.concatenate(args, axis=op.dim.value.data),)

    @impl(tensor.ExtractSliceOp)
    def extract_slice(self, interpreter: Interpreter, op: tensor.ExtractSliceOp, args: tuple[Any, ...]):
        return (args[0][_window(op)].reshape(tensor_of(op.result).get_shape()),)

    @impl(tensor.InsertSliceOp)
    def insert_slice(self, interpreter: Interpreter, op: tensor.InsertSliceOp, args: tuple[Any, ...]):
        source, result = args[0], args[1].copy()
        window = result[_window(op)]
        window[...] = source.reshape(window.shape)
        return (result,)

    @impl(tensor.PadOp)
    def pad(self, interpreter: Interpreter, op: tensor.PadOp, args: tuple[Any, ...]):
        block = op.region.block
        # The region may name the index of the padded element; a constant needs none.
        if any(list(argument.uses) for argument in block.args) or op.low or op.high:
            raise InterpretationError("tensor.pad is interpreted with static amounts and a constant only")
        (fill,) = evaluate_body(block, [np.asarray(0)] * len(block.args))
        amounts = [
            (int(a), int(b))
            for a, b in zip(op.static_low.get_values(), op.static_high.get_values(), strict=True)
        ]
        return (np.pad(args[0], amounts, constant_values=np.asarray(fill)),)
