"""Typed views of byte buffers, and the functions that are given such buffers."""

from __future__ import annotations

from collections.abc import Iterator

from xdsl.dialects import arith, bufferization, memref
from xdsl.dialects.builtin import IndexType, MemRefType, ModuleOp, TensorType, UnitAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.rewriter import InsertPoint, Rewriter

from ...dialects.tensorized import physical_type


def public_functions(module: ModuleOp) -> Iterator[FuncOp]:
    """The functions with a body that are not private."""
    for op in list(module.body.block.ops):
        if isinstance(op, FuncOp) and not op.is_declaration:
            if op.sym_visibility is None or op.sym_visibility.data != "private":
                yield op


def memref_of(type_: Attribute) -> MemRefType:
    """The memory of a tensor: its physical shape, row-major; a memref is one already."""
    if isinstance(type_, MemRefType):
        return type_
    assert isinstance(type_, TensorType)
    physical = physical_type(type_)
    return MemRefType(physical.element_type, physical.get_shape())


def materialize(value: SSAValue, destination: SSAValue) -> Operation:
    """Writes a tensor into a memref."""
    made = bufferization.MaterializeInDestinationOp.build(
        operands=[value, destination], result_types=[[]], properties={"writable": UnitAttr()}
    )
    if isinstance(value.owner, Operation):
        made.location = value.owner.location
    return made


class ByteViews:
    """Views into one memref<Nxi8>, with one index constant per offset at the function's start; `indices`
    holds those made before."""

    def __init__(self, function: FuncOp, source: SSAValue, indices: dict[int, SSAValue] | None = None):
        self.block = function.body.block
        self.source = source
        self.indices = {} if indices is None else indices
        self._views: dict[tuple[int, MemRefType], SSAValue] = {}

    def view(
        self, buffer: int, offset: int, type_: MemRefType, user: Operation, before: Operation | None = None
    ) -> SSAValue:
        """The view of `type_` of a buffer, which lies at `offset`; made before `before` (else `user`, whose
        location it has) unless it is there already. Two buffers at one offset have two views, so that the
        IR shows which is alive."""
        if (buffer, type_) not in self._views:
            made = memref.ViewOp(self.source, self.index(offset), [], type_)
            self._views[buffer, type_] = _placed(made, user, before or user)
        return self._views[buffer, type_]

    def moving_view(
        self, at: SSAValue, start: int, step: int, type_: MemRefType, user: Operation, before: Operation
    ) -> SSAValue:
        """The view of `type_` at byte start + at * step, where `at` is a loop's index."""
        moved = _placed(arith.MuliOp(at, self.index(step)), user, before)
        place = _placed(arith.AddiOp(moved, self.index(start)), user, before)
        return _placed(memref.ViewOp(self.source, place, [], type_), user, before)

    def index(self, number: int) -> SSAValue:
        """The constant of type index."""
        if number not in self.indices:
            constant = arith.ConstantOp.from_int_and_width(number, IndexType())
            constant.result.name_hint = f"c{number}".replace("-", "m")
            Rewriter.insert_op(constant, InsertPoint.at_start(self.block))
            self.indices[number] = constant.result
        return self.indices[number]


def _placed(made: Operation, user: Operation, before: Operation) -> SSAValue:
    made.location = user.location
    Rewriter.insert_op(made, InsertPoint.before(before))
    return made.results[0]
