"""fuse-kernels: turns the graph into calls of kernels.

Expects: the linalg level with layouts (`assign-layouts`).
Leaves: `tensorized.kernel`s over physical tensors, equal ones only once, and functions that hold
compile-time ops, `tensorized.call`s, `nn.scan`s and a return. View ops are gone: they are in the accesses.
A kernel that makes an operand of a concat in place takes the buffer as an argument and returns it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects import func, tensor
from xdsl.dialects.builtin import ModuleOp, NameLoc
from xdsl.dialects.linalg.ops import GenericOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from ..dialects import tensorized
from ..dialects.errors import TenonError
from ..dialects.nn import ScanOp, is_compile_time
from .functions import straight_functions
from .fusion.buffers import KernelBuffers
from .fusion.build import KernelBuilder
from .fusion.build_concat import ConcatBuilder
from .fusion.destinations import Destinations
from .fusion.group import Group
from .fusion.growth import form_groups
from .fusion.views import VIEWS, base
from .layout.parts import in_place


@dataclass(frozen=True)
class FuseKernelsPass(ModulePass):
    name = "fuse-kernels"
    preserves: ClassVar[str] = "exact"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        namer = _KernelTable(op)
        for function in straight_functions(op, self.name):
            _lower_function(function, namer)


class _KernelTable:
    """The module's kernels by what they do, so that equal ones are compiled once."""

    def __init__(self, module: ModuleOp):
        self.module = module
        self.known: dict[tuple, str] = {}
        named = (op for op in module.body.block.ops if isinstance(op, tensorized.KernelOp | func.FuncOp))
        self.names = {op.sym_name.data for op in named}

    def add(self, builder: KernelBuffers, hint: str) -> str:
        kernel = builder.build("kernel")
        key = _structure(kernel)
        if key not in self.known:
            self.known[key] = self._unique(hint)
            kernel.properties["sym_name"] = type(kernel.sym_name)(self.known[key])
            first = next(op for op in self.module.body.block.ops if isinstance(op, func.FuncOp))
            Rewriter.insert_op(kernel, InsertPoint.before(first))
        return self.known[key]

    def _unique(self, hint: str) -> str:
        name, n = hint, 1
        while name in self.names:
            n += 1
            name = f"{hint}_{n}"
        self.names.add(name)
        return name


def _structure(kernel: tensorized.KernelOp) -> tuple:
    """The kernel's ops in order, values as numbers: equal where two kernels differ in their names alone."""
    numbers: dict[SSAValue, int] = {}

    def define(values: Sequence[SSAValue]) -> tuple:
        for value in values:
            numbers[value] = len(numbers)
        return tuple(value.type for value in values)

    parts: list[tuple] = [(kernel.function_type, kernel.constants), define(kernel.body.block.args)]
    for op in kernel.body.walk():
        operands = tuple(numbers[operand] for operand in op.operands)
        inner = tuple(define(region.block.args) for region in op.regions)
        parts.append(
            (op.name, operands, frozenset((op.properties | op.attributes).items()), inner, define(op.results))
        )
    return tuple(parts)


def _lower_function(function: func.FuncOp, table: _KernelTable) -> None:
    block = function.body.block
    physical: dict[SSAValue, SSAValue] = {}
    calls: list[tuple[Operation, Operation]] = []
    destinations = Destinations(block.ops)
    for group in form_groups(list(block.ops)):
        concat, destination = group.concat, destinations.of(group.result)
        if concat is not None and destination is not None and all(in_place(concat)):
            assert destination.filled is not None
            physical[group.result] = destination.filled
            continue
        builder = ConcatBuilder(concat) if concat is not None else KernelBuilder(group)
        builder.destination = destination
        name = table.add(builder, _hint(group))
        operands = [physical.get(value, value) for value in builder.arguments]
        kernel_type = builder.block.last_op
        assert kernel_type is not None
        call = tensorized.CallOp(name, operands, [v.type for v in kernel_type.operands])
        call.location = group.ops[-1].location
        call.results[0].name_hint = group.result.name_hint
        physical[group.result] = call.results[0]
        destinations.wrote(group.result, call.results[0])
        calls.append((call, group.ops[-1]))
    for call, last in calls:
        Rewriter.insert_op(call, InsertPoint.before(last))
    for user in [op for op in block.ops if isinstance(op, ScanOp | func.ReturnOp)]:
        for i, value in enumerate(user.operands):
            if (made := physical.get(base(value))) is not None:
                user.operands[i] = _as_returned(made, value)
    _erase_linalg(block)


def _as_returned(made: SSAValue, value: SSAValue) -> SSAValue:
    """A call may give its row-major result the shape the function returns."""
    if made.type == value.type:
        return made
    return Rewriter.replace_value_with_new_type(made, value.type)


def _hint(group: Group) -> str:
    """A readable symbol: the name of the ONNX node the group's main op came from."""
    root = group.reduction or group.ops[-1]
    location = root.location
    name = location.desc.data if isinstance(location, NameLoc) else root.name
    return re.sub(r"\W+", "_", name).strip("_") or "kernel"


def _erase_linalg(block) -> None:
    for op in reversed(list(block.ops)):
        if isinstance(op, (GenericOp, tensor.ConcatOp, tensor.EmptyOp, *VIEWS)) and not any(
            is_compile_time(r) for r in op.results
        ):
            if any(list(r.uses) for r in op.results):
                raise TenonError(f"{op.name} at {op.location} is still used after fusion")
            Rewriter.erase_op(op)
