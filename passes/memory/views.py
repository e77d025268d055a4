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
    """The memory of a tensor: its physical shape, row-major."""
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
    """Views into one memref<Nxi8>, with one index constant per offset at the function's start."""

    def __init__(self, function: FuncOp, source: SSAValue):
        self.block = function.body.block
        self.source = source
        self._offsets: dict[int, SSAValue] = {}
        self._views: dict[tuple[int, MemRefType], SSAValue] = {}

    def view(self, buffer: int, offset: int, type_: MemRefType, before: Operation) -> SSAValue:
        """The view of `type_` of a buffer, which lies at `offset`; made before `before` unless it is there
        already. Two buffers at one offset have two views, so that the IR shows which is alive."""
        if (buffer, type_) not in self._views:
            made = memref.ViewOp(self.source, self._offset(offset), [], type_)
            made.location = before.location
            Rewriter.insert_op(made, InsertPoint.before(before))
            self._views[buffer, type_] = made.result
        return self._views[buffer, type_]

    def _offset(self, offset: int) -> SSAValue:
        if offset not in self._offsets:
            constant = arith.ConstantOp.from_int_and_width(offset, IndexType())
            constant.result.name_hint = f"c{offset}"
            Rewriter.insert_op(constant, InsertPoint.at_start(self.block))
            self._offsets[offset] = constant.result
        return self._offsets[offset]
