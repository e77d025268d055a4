"""materialize-weights: compile-time operands become views of one blob of weights.

Expects: functions on memrefs whose calls take compile-time tensors (`plan-memory`).
Leaves: those functions with an argument `weights: memref<Nxi8>` before the arena, and a `memref.view` of it
for each compile-time operand, at offsets that are multiples of 64. The compile-time ops move into one private
function that carries `tenon.weights`:

    func.func private @weights(%blob: memref<Nxi8>)

It computes every distinct value once and materializes it in its view of the blob: the blob is what that
function writes. `weight_blob` evaluates it value by value; code generation leaves it out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects import arith, bufferization, memref
from xdsl.dialects.builtin import (
    ArrayAttr,
    DictionaryAttr,
    FunctionType,
    IntegerAttr,
    MemRefType,
    ModuleOp,
    TensorType,
    UnitAttr,
    i8,
    i64,
)
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Operation, Region, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from ..dialects.errors import TenonError
from ..dialects.tensorized import CallOp
from .memory.buffers import aligned_bytes
from .memory.compile_time import clone_expression, compile_time_ops, expression_keys
from .memory.live_range import physical_bytes
from .memory.views import ByteViews, materialize, memref_of, public_functions
from .rewriting import free_name
from .runner import Runner

MARK = "tenon.weights"
"""Marks the function that fills the blob, and the argument that takes it."""


@dataclass(frozen=True)
class MaterializeWeightsPass(ModulePass):
    name = "materialize-weights"
    preserves: ClassVar[str] = "exact"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        functions = [f for f in public_functions(op) if _arena_index(f) is not None]
        if not functions:
            return
        blob = _Blob()
        users = [_WeightUser(function, blob) for function in functions]
        for user in users:
            user.rewrite()
        op.body.block.add_op(blob.function(free_name(op, "weights")))
        for user in users:
            user.erase_compile_time()


def _arena_index(function: FuncOp) -> int | None:
    """The position of the arena, unless the function takes its weights already."""
    marks = [set(a.data) for a in function.arg_attrs or ()]
    if any(MARK in names for names in marks):
        return None
    return next((i for i, names in enumerate(marks) if "tenon.arena" in names), None)


@dataclass
class _Blob:
    """The distinct compile-time values that calls take, by the key of their expression."""

    keys: dict[tuple, int] = field(default_factory=dict)
    offsets: dict[int, int] = field(default_factory=dict)
    values: list[tuple[SSAValue, int]] = field(default_factory=list)
    size: int = 0

    def place(self, value: SSAValue, key: int) -> int:
        """The offset of a value; equal expressions lie in one place."""
        if key not in self.offsets:
            assert isinstance(value.type, TensorType)
            self.offsets[key] = self.size
            self.values.append((value, key))
            self.size += physical_bytes(value.type)
        return self.offsets[key]

    def function(self, name: str) -> FuncOp:
        """The private function that computes every value into its place."""
        type_ = MemRefType(i8, [self.size])
        block = Block(arg_types=[type_])
        block.args[0].name_hint = "blob"
        made = FuncOp(name, FunctionType.from_lists([type_], []), Region(block), visibility="private")
        made.attributes[MARK] = UnitAttr()
        end = ReturnOp()
        block.add_op(end)
        views = ByteViews(made, block.args[0])
        clones: dict[SSAValue, SSAValue] = {}
        for value, key in self.values:
            clone_expression(value, clones, end)
            view = views.view(key, self.offsets[key], memref_of(value.type), end)
            Rewriter.insert_op(materialize(clones[value], view), InsertPoint.before(end))
        return made


class _WeightUser:
    """One function whose calls take compile-time tensors."""

    def __init__(self, function: FuncOp, blob: _Blob):
        self.function = function
        self.block = function.body.block
        self.known = compile_time_ops(self.block.ops)
        keys = expression_keys(self.known, blob.keys)
        # The blob's size is known once every function has placed its values.
        self.places: dict[SSAValue, int] = {}
        for op in function.body.walk():
            if op not in self.known:
                for operand in op.operands:
                    if operand in keys:
                        self.places[operand] = blob.place(operand, keys[operand])
        self.blob = blob

    def rewrite(self) -> None:
        position = _arena_index(self.function)
        assert position is not None
        weights = self.block.insert_arg(MemRefType(i8, [self.blob.size]), position)
        weights.name_hint = "weights"
        views = ByteViews(self.function, weights)
        for op in list(self.function.body.walk()):
            if op not in self.known and any(operand in self.places for operand in op.operands):
                self._use_views(op, views)
        self._update_type(position)

    def _use_views(self, op: Operation, views: ByteViews) -> None:
        def seen(operand: SSAValue) -> SSAValue:
            if operand not in self.places:
                return operand
            place = self.places[operand]
            view = views.view(place, place, memref_of(operand.type), op, self._top(op))
            view.name_hint = view.name_hint or operand.name_hint
            return view

        operands = [seen(operand) for operand in op.operands]
        if isinstance(op, bufferization.MaterializeInDestinationOp):
            made: Operation = memref.CopyOp(*operands)
        elif isinstance(op, CallOp) and not op.results:
            made = CallOp(op.kernel.root_reference.data, operands, [])
        else:
            name = self.function.sym_name.data
            raise TenonError(f"materialize-weights: {op.name} in @{name} takes a compile-time tensor")
        made.attributes |= op.attributes
        made.location = op.location
        Rewriter.replace_op(op, made)

    def _top(self, op: Operation) -> Operation:
        """The op of the function's own block that holds `op`: there a view serves all."""
        while op.parent is not self.block:
            parent = op.parent_op()
            assert parent is not None
            op = parent
        return op

    def _update_type(self, position: int) -> None:
        function = self.function
        attributes = list(function.arg_attrs or ())
        attributes.insert(position, DictionaryAttr({MARK: UnitAttr()}))
        function.properties["arg_attrs"] = ArrayAttr(attributes)
        function.update_function_type()
        function.attributes["tenon.weight_bytes"] = IntegerAttr(self.blob.size, i64)

    def erase_compile_time(self) -> None:
        for op in reversed(self.known):
            Rewriter.erase_op(op)


def weights_function(module: ModuleOp) -> FuncOp | None:
    """The function that fills the blob of weights, if `materialize-weights` has run."""
    for op in module.body.block.ops:
        if isinstance(op, FuncOp) and MARK in op.attributes:
            return op
    return None


def weight_blob(module: ModuleOp, runner: Runner) -> np.ndarray:
    """The bytes of the weights argument: uint8, one dimension, from a multiple of 64; unused ones are zero.

    Evaluates one value at a time: the peak is the blob, that value and what the runner still keeps."""
    function = weights_function(module)
    if function is None:
        raise TenonError("the module has no function marked tenon.weights, run materialize-weights first")
    type_ = function.function_type.inputs.data[0]
    assert isinstance(type_, MemRefType)
    (size,) = type_.get_shape()
    blob = aligned_bytes(size)[:size]
    end = 0
    for op in function.body.block.ops:
        if isinstance(op, bufferization.MaterializeInDestinationOp):
            value, start = runner.evaluate(op.source), _offset(op.dest)
            blob[end:start] = 0
            end = start + value.nbytes
            blob[start:end].view(value.dtype).reshape(value.shape)[...] = value
    blob[end:] = 0
    return blob


def _offset(destination: SSAValue) -> int:
    view = destination.owner
    assert isinstance(view, memref.ViewOp)
    constant = view.byte_shift.owner
    assert isinstance(constant, arith.ConstantOp) and isinstance(constant.value, IntegerAttr)
    return constant.value.value.data
