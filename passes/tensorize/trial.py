"""One instruction tried on a nest: what is left of the ways to run it, and what comes of that."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ...dialects.tensorized import InstructionOp
from .cost import InstructionView, NestView, Read
from .target import TargetFacts


@dataclass(frozen=True)
class Match:
    """One way to run a nest on an instruction.

    operands: for each register of the instruction, the operand of the nest (inputs, then the init);
    loops: for each loop of the instruction, the loop of the nest; reads: how each register reads its operand;
    cycles: the estimate."""

    instruction: InstructionOp
    operands: tuple[int, ...]
    loops: tuple[int, ...]
    reads: tuple[Read, ...]
    cycles: float

    def rank(self, nest: NestView) -> tuple[float, ...]:
        """What the best match has least of: cycles, idle lanes of the last instruction along each loop, and
        issues; rows of a register run along inner loops, where they lie near each other."""
        extents = self.instruction.extents
        idle = sum(-nest.extents[at] % width for at, width in zip(self.loops, extents))
        tall = [self.loops[self.instruction.labels.index(n)] for n in self.instruction.lane_loops[1:]]
        return self.cycles, idle, -math.prod(extents), *(-at for at in tall)


class Rules(NamedTuple):
    """What matching goes by: the target's facts, its features (None: any), and whether sums of floats may run
    in another order than the loops."""

    facts: TargetFacts
    features: frozenset[str] | None = None
    reassociate: bool = True


class Refusal(NamedTuple):
    """The check that failed first, and why."""

    check: str
    reason: str


@dataclass
class Trial:
    """One instruction against one nest, `around` the elementwise nests of its kernel, `lanes` those it has
    been given: the `operands` and `loops` that are left, and at last the matches."""

    shape: InstructionView
    nest: NestView
    around: Sequence[NestView]
    rules: Rules
    lanes: Mapping[str, int]
    operands: list[tuple[int, ...]] = field(default_factory=list)
    loops: list[tuple[int, ...]] = field(default_factory=list)
    matches: list[Match] = field(default_factory=list)

    def register(self, k: int) -> str:
        """A register's name in the declaration."""
        return f"%{self.shape.op.body.block.args[k].name_hint or k}"
