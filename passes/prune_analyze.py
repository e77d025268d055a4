"""prune-analyze: which dimensions hold the same channels, and can only shrink together.

Expects nn ops. Leaves the same ops, and a `prune.group` for every family of channels, in front of the
functions: the dimensions of named values that they lie along, `pinned` with a reason where none can leave,
`even` where parts must keep equally many. Groups that are there already are checked against the graph; a
group may tie more than the graph does, never less.

With `residuals` indexed, sums do not tie what they add up: `prune.branch` ops mark where a branch reads the
sum and where it adds to it, each with channels of its own, and the sum itself keeps all.

Channels start at weights: each dimension of a constant may lose positions. Ops say what runs along and what
is summed over (passes/pruning/rules.py), and so what has to leave together follows from the graph.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from ..dialects import prune
from ..dialects.errors import UsageError
from .pruning.branches import mark_branches
from .pruning.groups import Channels, main_function, resolve
from .rewriting import free_name

RESIDUALS = ("coupled", "indexed")


@dataclass(frozen=True)
class PruneAnalyzePass(ModulePass):
    """Adds the groups of the first public function."""

    name = "prune-analyze"
    preserves: ClassVar[str] = "exact"

    residuals: str = "coupled"

    def __post_init__(self) -> None:
        if self.residuals not in RESIDUALS:
            raise UsageError(f"residuals is '{self.residuals}', expected one of {', '.join(RESIDUALS)}")

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if self.residuals == "indexed":
            mark_branches(main_function(op, self.name))
        resolved = resolve(op, self.name)
        known = {int(atom) for atoms in resolved.atoms.values() for atom in atoms}
        declared = (prune.GroupOp, prune.ScoreOp)
        first = next(found for found in op.body.block.ops if not isinstance(found, declared))
        for channels in resolved.groups:
            if int(channels.atoms[0]) not in known:
                op.body.block.insert_op_before(_group(free_name(op, channels.name), channels), first)


def _group(name: str, channels: Channels) -> prune.GroupOp:
    members = [
        prune.MemberAttr.of(place.value, place.axis, positions)
        for place, positions in channels.members.items()
    ]
    evens = [prune.EvenAttr.of(op, parts.tolist()) for op, parts in channels.evens.items()]
    return prune.GroupOp(name, len(channels.atoms), members, pinned=channels.pinned, even=evens)
