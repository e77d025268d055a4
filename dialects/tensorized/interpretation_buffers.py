"""Meaning of the memory level: constants, views into byte buffers, copies. A memref is a mutable
numpy array; a view shares its memory."""

from __future__ import annotations

from typing import Any

import numpy as np
from xdsl.dialects import arith, bufferization, memref
from xdsl.dialects.builtin import DenseIntOrFPElementsAttr, IndexType, MemRefType
from xdsl.interpreter import Interpreter, InterpreterFunctions, impl, register_impls
from xdsl.utils.exceptions import InterpretationError

from ..nn.dtypes import dense_array, numpy_dtype
from ..reference.scalar import EVALUATIONS
from ..reference.tensor import unwritten
from .interpretation import reshaped

Arrays = tuple[Any, ...]


@register_impls
class BufferFunctions(InterpreterFunctions):
    @impl(arith.ConstantOp)
    def constant(self, interpreter: Interpreter, op: arith.ConstantOp, args: Arrays):
        if isinstance(op.value, DenseIntOrFPElementsAttr):
            return (dense_array(op.value),)
        value = EVALUATIONS[arith.ConstantOp](op)
        # A loop bound or index is a Python int: cheaper, and exact in index arithmetic.
        return (value.item() if isinstance(op.result.type, IndexType) else value,)

    @impl(arith.AddiOp)
    def add(self, interpreter: Interpreter, op: arith.AddiOp, args: Arrays):
        return (args[0] + args[1],)

    @impl(arith.MuliOp)
    def multiply(self, interpreter: Interpreter, op: arith.MuliOp, args: Arrays):
        return (args[0] * args[1],)

    @impl(memref.AllocaOp)
    def alloca(self, interpreter: Interpreter, op: memref.AllocaOp, args: Arrays):
        type_ = op.memref.type
        assert isinstance(type_, MemRefType)
        return (unwritten(type_.get_shape(), type_.element_type),)

    @impl(memref.ViewOp)
    def view(self, interpreter: Interpreter, op: memref.ViewOp, args: Arrays):
        source, start, *sizes = args
        if sizes:
            raise InterpretationError("memref.view with dynamic sizes is not interpreted")
        type_ = op.result.type
        assert isinstance(type_, MemRefType)
        return (view_bytes(source, start, type_),)

    @impl(memref.CopyOp)
    def copy(self, interpreter: Interpreter, op: memref.CopyOp, args: Arrays):
        source, destination = args
        destination[...] = source
        return ()

    @impl(bufferization.MaterializeInDestinationOp)
    def materialize(
        self, interpreter: Interpreter, op: bufferization.MaterializeInDestinationOp, args: Arrays
    ):
        source, destination = args
        if op.results:
            raise InterpretationError("materialize_in_destination is interpreted into memrefs only")
        destination[...] = source
        return ()


def view_bytes(source: np.ndarray, start: int, type_: MemRefType) -> np.ndarray:
    """The elements of `type_` that begin at byte `start` of `source`, bytes in one dimension."""
    dtype = numpy_dtype(type_.element_type)
    end = start + dtype.itemsize * int(np.prod(type_.get_shape()))
    if not 0 <= start <= end <= source.size:
        raise InterpretationError(f"view of bytes {start}..{end} leaves a buffer of {source.size}")
    return reshaped(source[start:end].view(dtype), type_)
