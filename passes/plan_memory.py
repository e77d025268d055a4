"""plan-memory: every value gets its place in memory before the program runs.

Expects: public functions over physical tensors that hold compile-time ops, `tensorized.call`s, `nn.scan`s and
a return (`fuse-kernels`, `schedule-kernels`).
Leaves: the same functions on memrefs: (inputs..., outputs..., arena: memref<Nxi8>), without results. Each
intermediate is a `memref.view` of the arena at a constant offset, a multiple of 64; a call that works in
place passes one view twice. What is returned is written straight into its output argument, or copied
there at the end. A loop is an `scf.for` around the calls of its function, which vanishes: slices are views at
offsets that depend on the loop's index, carried values have two buffers, the next one copied to the first at
the end of each step. Compile-time operands are still tensors (`materialize-weights`). The function carries
`tenon.arena_bytes` and, as the lower bound of that, `tenon.max_live_bytes`; output arguments carry
`tenon.output` beside the attributes of the result they were.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import (
    ArrayAttr,
    DictionaryAttr,
    IntegerAttr,
    MemRefType,
    ModuleOp,
    TensorType,
    UnitAttr,
    i8,
    i64,
)
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import Rewriter

from ..dialects.nn import ScanOp
from .memory.region import Region
from .memory.views import memref_of, public_functions
from .memory.writer import Memory, RegionWriter


@dataclass(frozen=True)
class PlanMemoryPass(ModulePass):
    name = "plan-memory"
    preserves: ClassVar[str] = "exact"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        bodies = {scan.function() for scan in op.walk() if isinstance(scan, ScanOp)}
        for function in public_functions(op):
            if function.function_type.outputs.data:
                _plan(function)
        for body in bodies:  # their calls stand in loops now
            Rewriter.erase_op(body)


def _plan(function: FuncOp) -> None:
    region = Region(function)
    memory = _inputs(region)
    outputs = [
        _argument(region, memref_of(type_), f"output{i}")
        for i, type_ in enumerate(function.function_type.outputs)
    ]
    arena = _argument(region, MemRefType(i8, [region.size]), "arena")
    RegionWriter(function, arena).write(region, memory, outputs, region.end)
    end = ReturnOp()
    end.location = region.end.location
    Rewriter.replace_op(region.end, end)
    for step in reversed(region.steps):
        Rewriter.erase_op(step)
    _update_type(function, {"tenon.arena_bytes": region.size, "tenon.max_live_bytes": region.least})


def _argument(region: Region, type_: Attribute, hint: str) -> SSAValue:
    argument = region.block.insert_arg(type_, len(region.block.args))
    argument.name_hint = hint
    return argument


def _inputs(region: Region) -> Memory:
    """The function's arguments become memrefs; calls and the return are rewritten later."""
    memory: Memory = {}
    for argument in list(region.block.args):
        if isinstance(argument.type, TensorType):
            new = Rewriter.replace_value_with_new_type(argument, memref_of(argument.type))
            memory[new] = new
    return memory


def _update_type(function: FuncOp, facts: dict[str, int]) -> None:
    given = len(function.function_type.inputs)
    made = len(function.function_type.outputs)
    inputs = _attributes(function.arg_attrs, given)
    results = _attributes(function.res_attrs, made)
    outputs = [DictionaryAttr({**result.data, "tenon.output": UnitAttr()}) for result in results]
    arena = DictionaryAttr({"tenon.arena": UnitAttr()})
    function.properties["arg_attrs"] = ArrayAttr([*inputs, *outputs, arena])
    function.properties.pop("res_attrs", None)
    function.update_function_type()
    function.attributes |= {name: IntegerAttr(value, i64) for name, value in facts.items()}


def _attributes(attributes: ArrayAttr[DictionaryAttr] | None, count: int) -> list[DictionaryAttr]:
    return list(attributes) if attributes is not None else [DictionaryAttr({})] * count
