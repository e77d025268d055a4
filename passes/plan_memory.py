"""plan-memory: every value gets its place in memory before the program runs.

Expects: public functions over physical tensors that hold compile-time ops, `tensorized.call`s and a return
(`fuse-kernels`, `schedule-kernels`).
Leaves: the same functions on memrefs: (inputs..., outputs..., arena: memref<Nxi8>), without results. Each
intermediate is a `memref.view` of the arena at a constant offset, a multiple of 64; a call that works in
place passes one view twice. What is returned is written straight into its output argument, or copied
there at the end. Compile-time operands are still tensors (`materialize-weights`). The function carries
`tenon.arena_bytes` and, as the lower bound of that, `tenon.max_live_bytes`; output arguments carry
`tenon.output` beside the attributes of the result they were.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects import memref
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
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from ..dialects.errors import TenonError
from ..dialects.tensorized import CallOp
from .memory.allocate import allocate, arena_bytes, max_live_bytes
from .memory.compile_time import compile_time_ops
from .memory.live_range import intermediates
from .memory.views import ByteViews, materialize, memref_of, public_functions

Values = dict[SSAValue, SSAValue]


@dataclass(frozen=True)
class PlanMemoryPass(ModulePass):
    name = "plan-memory"
    preserves: ClassVar[str] = "exact"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in public_functions(op):
            if function.function_type.outputs.data:
                _FunctionPlan(function).run()


class _FunctionPlan:
    def __init__(self, function: FuncOp):
        self.function, self.block = function, function.body.block
        end = self.block.last_op
        if len(function.body.blocks) != 1 or not isinstance(end, ReturnOp):
            raise TenonError(f"plan-memory: @{function.sym_name.data} is not one block with a return")
        self.end = end
        known = compile_time_ops(self.block.ops)
        self.compile_time = {result for op in known for result in op.results}
        self.calls: list[CallOp] = []
        for op in self.block.ops:
            if isinstance(op, CallOp):
                self.calls.append(op)
            elif op is not end and op not in known:
                where = f"{op.name} in @{function.sym_name.data}"
                raise TenonError(f"plan-memory: {where} is neither a kernel call nor known at compile time")

    def run(self) -> None:
        plan = intermediates(self.calls)
        placed = allocate(plan.buffers)
        size = arena_bytes(placed)
        memory = self._inputs()
        outputs = self._outputs()
        arena = self._argument(MemRefType(i8, [size]), "arena")
        views = ByteViews(self.function, arena)
        # The first return of a call's result names the argument it is written to.
        for value, output in zip(self.end.arguments, outputs, strict=True):
            if isinstance(value.owner, CallOp):
                memory.setdefault(value, output)
        for call in self.calls:
            for result in call.results_:
                if result in plan.buffer_of:
                    buffer = plan.buffer_of[result]
                    memory[result] = views.view(buffer, placed[buffer].offset, memref_of(result.type), call)
                    memory[result].name_hint = memory[result].name_hint or result.name_hint
            self._bufferize(call, memory)
        self._return(memory, outputs)
        for call in reversed(self.calls):
            Rewriter.erase_op(call)
        self._update_type({"tenon.arena_bytes": size, "tenon.max_live_bytes": max_live_bytes(plan.buffers)})

    def _argument(self, type_: Attribute, hint: str) -> SSAValue:
        argument = self.block.insert_arg(type_, len(self.block.args))
        argument.name_hint = hint
        return argument

    def _inputs(self) -> Values:
        """The function's arguments become memrefs; calls and the return are rewritten later."""
        memory: Values = {}
        for argument in list(self.block.args):
            if isinstance(argument.type, TensorType):
                new = Rewriter.replace_value_with_new_type(argument, memref_of(argument.type))
                memory[new] = new
        return memory

    def _outputs(self) -> list[SSAValue]:
        types = self.function.function_type.outputs
        return [self._argument(memref_of(type_), f"output{i}") for i, type_ in enumerate(types)]

    def _bufferize(self, call: CallOp, memory: Values) -> None:
        operands = [memory.get(value, value) for value in call.arguments]
        made = CallOp(call.kernel.root_reference.data, operands + [memory[r] for r in call.results_], [])
        made.attributes |= call.attributes
        made.location = call.location
        Rewriter.insert_op(made, InsertPoint.before(call))

    def _return(self, memory: Values, outputs: list[SSAValue]) -> None:
        """Copies what is not yet in its output argument, and returns nothing."""
        for value, output in zip(self.end.arguments, outputs, strict=True):
            if memory.get(value) is output:
                continue
            if value in self.compile_time:
                copy = materialize(value, output)
            else:
                copy = memref.CopyOp(memory[value], output)
                source = value.owner if isinstance(value.owner, Operation) else self.end
                copy.location = source.location
            Rewriter.insert_op(copy, InsertPoint.before(self.end))
        end = ReturnOp()
        end.location = self.end.location
        Rewriter.replace_op(self.end, end)

    def _update_type(self, facts: dict[str, int]) -> None:
        function = self.function
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
