"""tensorize-match: finds the instruction that computes each kernel's reduction.

Expects: kernels of `tensorized.generic`s, and the target's instructions in the module (`attach-target`).
Leaves: every reduction a `tensorized.contract` with its binding, and on every kernel the loops that run
along vector lanes. A reduction whose body no instruction has gets one made of that very body, without an
intrinsic, so that there is one path from here on.

A match needs an equal body (modulo commutativity), the accumulator on the init, loops of equal kind, and
for every operand an access its registers can make: contiguous, broadcast, packed or gathered. Among all
matches the one with the least estimated cycles wins.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
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
from xdsl.ir.affine import AffineMap
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from ..dialects import tensorized
from ..dialects.tensorized import InstructionOp, LoopAttr
from ..dialects.tensorized.attributes import element_bytes
from ..dialects.tensorized.linear_form import coefficients
from .tensorize.access import Access, classify
from .tensorize.bodies import body_bindings
from .tensorize.target import TargetFacts, instructions, target_facts


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

    def idle_lanes(self, nest: tensorized.GenericOp) -> int:
        """Lanes of the last instruction along each loop that have nothing to do."""
        return sum(-nest.extents[at] % width for at, width in zip(self.loops, self.instruction.extents))


class _Matcher:
    def __init__(self, module: ModuleOp):
        self.module = module
        self.facts = target_facts(module)
        self.available = instructions(module)

    def match(self, kernel: tensorized.KernelOp) -> None:
        nests = [op for op in kernel.body.block.ops if isinstance(op, tensorized.GenericOp)]
        reductions = [nest for nest in nests if nest.is_reduction]
        lanes: dict[str, int] = {}
        for nest in reductions:
            best = self._best(nest, kernel)
            lanes |= _parallel_lanes(nest, best)
            self._replace(nest, best)
        if not reductions:
            for nest in nests:
                lanes |= self._elementwise_lanes(nest, kernel, lanes)
        kernel.properties["lanes"] = DictionaryAttr({k: IntAttr(v) for k, v in lanes.items()})

    def _best(self, nest: tensorized.GenericOp, kernel: tensorized.KernelOp) -> Match:
        found = [m for i in self.available for m in matches(i, nest, kernel, self.facts)]
        if not found:
            made = [self._from_body(nest, lanes) for lanes in {self._lanes(nest), 1}]
            found = [m for i in made for m in matches(i, nest, kernel, self.facts)]
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
            regions=[body],
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
        self, nest: tensorized.GenericOp, kernel: tensorized.KernelOp, known: dict[str, int]
    ) -> dict[str, int]:
        """The loop of an elementwise nest that most operands run along contiguously."""
        if any(name in known for name in nest.loop_names):
            return {}
        widest = max(
            element_bytes(v.type.element_type)
            for v in (*nest.inputs, nest.init)
            if isinstance(v.type, TensorType)
        )
        lanes = max(1, self.facts.vector_bytes // widest)
        nests = [op for op in kernel.body.block.ops if isinstance(op, tensorized.GenericOp)]
        band = [op for op in nests if op.loop_names == nest.loop_names]

        def cost(loop: int) -> tuple[float, int]:
            total = sum(_access_cycles(op, kernel, [(loop, 1)], lanes, self.facts) for op in band)
            return total * _blocks(nest.extents[loop], lanes) / nest.extents[loop], -loop

        return {nest.loop_names[min(range(len(nest.extents)), key=cost)]: lanes}


def _blocks(extent: int, lanes: int) -> int:
    return -(-extent // lanes)


def _access_cycles(
    op: tensorized.NestOperation,
    kernel: tensorized.KernelOp,
    lanes: Sequence[tuple[int, int]],
    count: int,
    facts: TargetFacts,
) -> float:
    """Cycles to load and store one register of every operand."""
    cycles = 0.0
    for value, access in zip((*op.inputs, op.init), op.accesses):
        if isinstance(value.owner, tensorized.NestOperation):
            continue
        kind = classify(value, access, op.extents, lanes, kernel.constant_arguments)
        cycles += (2 * count if kind is Access.GATHER else 1) / facts.loads_per_cycle
    return cycles


def matches(
    instruction: InstructionOp, nest: tensorized.GenericOp, kernel: tensorized.KernelOp, facts: TargetFacts
) -> Iterator[Match]:
    """Every way `instruction` computes `nest`."""
    accumulator, init = instruction.accumulator.data, len(nest.inputs)
    for bound in body_bindings(instruction.body.block, nest.body.block):
        if len(bound) != len(instruction.registers) or bound[accumulator] != init:
            continue
        if sum(operand == init for operand in bound.values()) != 1:
            continue
        operands = tuple(bound[k] for k in range(len(bound)))
        for loops in permutations(range(len(nest.extents)), len(instruction.extents)):
            kinds = [nest.kinds[loop] for loop in loops]
            if kinds != [loop.kind.data for loop in instruction.loops] or not _divides(
                instruction, nest, loops
            ):
                continue
            cycles = _estimate(instruction, nest, kernel, operands, loops, facts)
            if cycles is not None:
                yield Match(instruction, operands, loops, cycles)


def _divides(instruction: InstructionOp, nest: tensorized.GenericOp, loops: tuple[int, ...]) -> bool:
    """Reductions run whole instructions; parallel loops may end in a partial register."""
    pairs = zip(instruction.loops, loops)
    return all(k.kind.data == "parallel" or nest.extents[at] % k.extent.data == 0 for k, at in pairs)


def _estimate(
    instruction: InstructionOp,
    nest: tensorized.GenericOp,
    kernel: tensorized.KernelOp,
    operands: tuple[int, ...],
    loops: tuple[int, ...],
    facts: TargetFacts,
) -> float | None:
    """Cycles of the whole nest: instructions issued, or register loads where an operand is gathered.
    None if an operand varies along an instruction loop that its register does not have."""
    steps = math.prod(
        _blocks(extent, instruction.extents[loops.index(i)]) if i in loops else extent
        for i, extent in enumerate(nest.extents)
    )
    values, accesses = (*nest.inputs, nest.init), nest.accesses
    cycles = steps / (instruction.per_cycle.data if instruction.per_cycle else 1)
    for register, access, operand in zip(instruction.registers, instruction.maps, operands):
        row = coefficients(access.data.results[0], instruction.extents)
        assert row is not None
        used = accesses[operand].used_dims()
        if any(
            loop in used and lane == 0 and extent > 1
            for loop, lane, extent in zip(loops, row[0], instruction.extents)
        ):
            return None
        kind = classify(
            values[operand],
            accesses[operand],
            nest.extents,
            list(zip(loops, row[0])),
            kernel.constant_arguments,
        )
        if kind is Access.GATHER and operand < len(nest.inputs):
            cycles += steps * register.get_shape()[0] / facts.loads_per_cycle
    return cycles + _outputs(nest, loops, instruction, kernel, facts)


def _outputs(
    nest, loops, instruction: InstructionOp, kernel: tensorized.KernelOp, facts: TargetFacts
) -> float:
    """Cycles to load and store what the elementwise nests around the reduction touch."""
    parallel = [i for i, loop in enumerate(instruction.loops) if loop.kind.data == "parallel"]
    lanes = math.prod(instruction.extents[i] for i in parallel)
    total = 0.0
    for op in kernel.body.block.ops:
        if isinstance(op, tensorized.GenericOp) and not op.is_reduction:
            names = op.loop_names
            along = [
                (names.index(nest.loop_names[loops[i]]), 1)
                for i in parallel
                if nest.loop_names[loops[i]] in names
            ]
            total += _access_cycles(op, kernel, along, lanes, facts) * math.prod(op.extents) / lanes
    return total


def _parallel_lanes(nest: tensorized.GenericOp, match: Match) -> dict[str, int]:
    return {
        nest.loop_names[at]: loop.extent.data
        for loop, at in zip(match.instruction.loops, match.loops)
        if loop.kind.data == "parallel"
    }
