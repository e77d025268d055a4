"""tensorize-match: finds the instruction that computes each kernel's reduction.

Expects: kernels of `tensorized.generic`s, and the target's instructions in the module (`attach-target`).
Leaves: every reduction a `tensorized.contract` with its binding, and on every kernel the loops that run
along vector lanes. A reduction whose body no instruction has gets one made of that very body, without an
intrinsic, so that there is one path from here on.

A match needs an equal body (modulo commutativity), the accumulator on the init, loops of equal kind,
for every operand an access its registers can make: contiguous, broadcast, packed or gathered, and elements
within what the instruction is valid for. Among all
matches the one with the least estimated cycles wins.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import (
    AffineMapAttr,
    ArrayAttr,
    DictionaryAttr,
    IntAttr,
    ModuleOp,
    StringAttr,
    TensorType,
    VectorType,
)
from xdsl.ir import BlockArgument
from xdsl.ir.affine import AffineMap
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from ..dialects import tensorized
from ..dialects.tensorized import InstructionOp, LoopAttr, RangeAttr
from ..dialects.tensorized.attributes import element_bytes
from .fusion.combiner import combiner
from .tensorize.bodies import body_bindings
from .tensorize.cost import InstructionView, NestView, blocks, input_cycles, output_cycles
from .tensorize.rows import row_lanes
from .tensorize.target import TargetFacts, instructions, target_facts
from .tensorize.transform import as_transform, is_transform


@dataclass(frozen=True)
class TensorizeMatchPass(ModulePass):
    name = "tensorize-match"
    preserves: ClassVar[str] = "reassociates(1e-5)"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        matcher = _Matcher(op)
        for kernel in tensorized.kernels(op):
            matcher.match(kernel)


@dataclass(frozen=True)
class Match:
    """One way to run a nest on an instruction.

    operands: for each register of the instruction, the operand of the nest (inputs, then the init);
    loops: for each loop of the instruction, the loop of the nest; cycles: the estimate.
    """

    instruction: InstructionOp
    operands: tuple[int, ...]
    loops: tuple[int, ...]
    cycles: float

    def idle_lanes(self, nest: NestView) -> int:
        """Lanes of the last instruction along each loop that have nothing to do."""
        return sum(-nest.extents[at] % width for at, width in zip(self.loops, self.instruction.extents))


class _Matcher:
    def __init__(self, module: ModuleOp):
        self.module = module
        self.facts = target_facts(module)
        self.available = instructions(module)

    def match(self, kernel: tensorized.KernelOp) -> None:
        for nest in [op for op in kernel.body.block.ops if is_transform(op)]:
            kernel.properties["lanes"] = DictionaryAttr(
                {name: IntAttr(n) for name, n in as_transform(nest, self.facts).items()}
            )
            return
        nests = [op for op in kernel.body.block.ops if isinstance(op, tensorized.GenericOp)]
        views = {nest: NestView(nest, kernel) for nest in nests}
        around = [view for nest, view in views.items() if not nest.is_reduction]
        lanes = self._row_lanes(views)
        if lanes:
            kernel.properties["lanes"] = DictionaryAttr({k: IntAttr(v) for k, v in lanes.items()})
            return
        for nest, view in views.items():
            if nest.is_reduction:
                best = self._best(view, around)
                lanes |= _parallel_lanes(view, best)
                self._replace(nest, best)
        if len(around) == len(nests):
            for view in around:
                lanes |= self._elementwise_lanes(view, around, lanes)
        kernel.properties["lanes"] = DictionaryAttr({k: IntAttr(v) for k, v in lanes.items()})

    def _row_lanes(self, views: dict[tensorized.GenericOp, NestView]) -> dict[str, int]:
        """The lanes of a row kernel; nothing where the only reduction runs on an instruction: one of several
        operands (a contraction), or one whose row does not lie along memory."""
        reductions = [nest for nest in views if nest.is_reduction]
        if not reductions or any(combiner(nest.body.block) is None for nest in reductions):
            return {}
        name, lanes = row_lanes(list(views.values()), self.facts)
        if len(reductions) == 1 and _stands_alone(reductions[0], views):
            (nest,) = reductions
            along = name in nest.loop_names and nest.kinds[nest.loop_names.index(name)] == "reduction"
            if not along or len(nest.inputs) > 1:
                return {}
        return {name: lanes}

    def _best(self, nest: NestView, around: Sequence[NestView]) -> Match:
        found = [m for i in self.available for m in matches(i, nest, around, self.facts)]
        if not found:
            made = [self._from_body(nest.op, lanes) for lanes in {self._lanes(nest.op), 1}]
            found = [m for i in made for m in matches(i, nest, around, self.facts)]
        return min(found, key=lambda m: (m.cycles, m.idle_lanes(nest), -math.prod(m.instruction.extents)))

    def _lanes(self, nest: tensorized.GenericOp) -> int:
        widest = max(element_bytes(a.type) for a in nest.body.block.args)
        return max(1, self.facts.vector_bytes // widest)

    def _from_body(self, nest: tensorized.GenericOp, lanes: int) -> InstructionOp:
        """An instruction that is the nest's own body over `lanes` elements."""
        body = nest.body.clone()
        access = AffineMapAttr(AffineMap.identity(1))
        arguments = body.block.args
        return InstructionOp.build(
            properties={
                "sym_name": StringAttr("body"),
                "loops": ArrayAttr([LoopAttr.of("i", "parallel", lanes)]),
                "registers": ArrayAttr(VectorType(a.type, [lanes]) for a in arguments),
                "maps": ArrayAttr([access] * len(arguments)),
                "accumulator": IntAttr(len(arguments) - 1),
            },
            regions=[body, []],
        )

    def _replace(self, nest: tensorized.GenericOp, best: Match) -> None:
        name = self._declared(best.instruction)
        order = [k for k in best.operands if k < len(nest.inputs)]
        accesses = nest.accesses
        contract = tensorized.ContractOp(
            name,
            [nest.inputs[k] for k in order],
            nest.init,
            nest.loops.data,
            [*(accesses[k] for k in order), accesses[-1]],
            {loop.label.data: nest.loop_names[at] for loop, at in zip(best.instruction.loops, best.loops)},
        )
        contract.location = nest.location
        Rewriter.replace_op(nest, contract)

    def _declared(self, instruction: InstructionOp) -> str:
        """The symbol of an instruction in the module, declared there if it was made from a body."""
        if instruction in self.available:
            return instruction.sym_name.data
        taken = {i.sym_name.data for i in self.available}
        n = 0
        while (name := f"body_{n}") in taken:
            n += 1
        instruction.properties["sym_name"] = StringAttr(name)
        Rewriter.insert_op(instruction, InsertPoint.at_start(self.module.body.block))
        self.available.append(instruction)
        return name

    def _elementwise_lanes(
        self, nest: NestView, nests: Sequence[NestView], known: dict[str, int]
    ) -> dict[str, int]:
        """The loop of an elementwise nest that most operands run along contiguously."""
        if any(name in known for name in nest.names):
            return {}
        # Positions of lookups are wide, but one of them serves a whole row.
        looks_up = any(isinstance(op, tensorized.LookupOp) for op in nest.op.body.block.ops)
        counted = nest.values[-1:] if looks_up else nest.values
        widest = max(element_bytes(v.type.element_type) for v in counted if isinstance(v.type, TensorType))
        lanes = max(1, self.facts.vector_bytes // widest)
        band = [view for view in nests if view.names == nest.names]

        def cost(loop: int) -> tuple[float, int]:
            total = sum(view.transfer_cycles(((loop, 1),), lanes, self.facts) for view in band)
            return total * blocks(nest.extents[loop], lanes) / nest.extents[loop], -loop

        return {nest.names[min(range(len(nest.extents)), key=cost)]: lanes}


def matches(
    instruction: InstructionOp, nest: NestView, around: Sequence[NestView], facts: TargetFacts
) -> Iterator[Match]:
    """Every way `instruction` computes `nest`; `around` are the elementwise nests of its kernel."""
    shape = InstructionView(instruction)
    accumulator, init = instruction.accumulator.data, len(nest.values) - 1
    places = [p for p in permutations(range(len(nest.extents)), len(shape.extents)) if _fits(shape, nest, p)]
    outputs = {loops: output_cycles(shape, nest, around, loops, facts) for loops in places}
    for bound in body_bindings(instruction.body.block, nest.op.body.block):
        if len(bound) != len(instruction.registers) or bound[accumulator] != init:
            continue
        if sum(operand == init for operand in bound.values()) != 1:
            continue
        operands = tuple(bound[k] for k in range(len(bound)))
        if not all(map(_allows, shape.ranges, (nest.ranges[operand] for operand in operands))):
            continue
        for loops in places:
            cycles = input_cycles(shape, nest, operands, loops, facts)
            if cycles is not None:
                yield Match(instruction, operands, loops, cycles + outputs[loops])


def _allows(valid: RangeAttr | None, known: RangeAttr | None) -> bool:
    """Whether an operand's elements lie in what the instruction is valid for."""
    return valid is None or (known is not None and valid.holds(known))


def _fits(shape: InstructionView, nest: NestView, loops: tuple[int, ...]) -> bool:
    """Loops are of equal kind; any may end in a partial instruction."""
    return all(kind == nest.kinds[at] for kind, at in zip(shape.kinds, loops))


def _stands_alone(nest: tensorized.GenericOp, nests: Iterable[tensorized.GenericOp]) -> bool:
    """Whether only `nest` runs over the loops it reduces, and reads nothing that the kernel makes."""
    row = {name for name, kind in zip(nest.loop_names, nest.kinds) if kind == "reduction"}
    others = {name for other in nests if other is not nest for name in other.loop_names}
    return not row & others and all(isinstance(value, BlockArgument) for value in nest.inputs)


def _parallel_lanes(nest: NestView, match: Match) -> dict[str, int]:
    return {
        nest.names[at]: loop.extent.data
        for loop, at in zip(match.instruction.loops, match.loops)
        if loop.kind.data == "parallel"
    }
