"""prune-score: how much each channel of each group matters.

Expects groups (`prune-analyze`). Leaves a `prune.score` for each that may shrink. Criteria:

- `random`: seeded by `seed` and the group's name;
- `l1`, `l2`: the size of the weights that make a channel, of all products that make it together;
- `gamma`: |scale| of the batch norms it passes;
- `attention`: activations on data, |a| averaged over the samples of all batches, to the power `power`, then
  `mapping` (mean, sum or max) over the channel's positions. They are taken where masks would be: behind batch
  norm, activation and sum, at every reader, and averaged over readers.

Weights and activations come from the `Runner` that the pass is given: passes never execute IR.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from ..dialects import prune
from ..dialects.errors import TenonError, UsageError
from .pruning.criteria import CRITERIA, MAPPINGS, Settings
from .pruning.groups import resolve
from .runner import DataRunner


@dataclass(frozen=True)
class PruneScorePass(ModulePass):
    """Scores the groups that have no score yet."""

    name = "prune-score"
    preserves: ClassVar[str] = "exact"

    criterion: str = "l1"
    mapping: str = "mean"
    power: float = 1.0
    seed: int = 0
    runner: DataRunner | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name, value, known in (
            ("criterion", self.criterion, tuple(CRITERIA)),
            ("mapping", self.mapping, tuple(MAPPINGS)),
        ):
            if value not in known:
                raise UsageError(f"{name} is '{value}', expected one of {', '.join(known)}")
        if not 0 < self.power < 100:
            raise UsageError(f"power is {self.power}, expected a number above 0 and below 100")
        if self.seed < 0:
            raise UsageError(f"seed is {self.seed}, expected at least 0")

    def with_runner(self, runner: DataRunner) -> Self:
        """The pass with a source of weights and activations."""
        object.__setattr__(self, "runner", runner)
        return self

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        resolved = resolve(op, self.name)
        known = prune.scores(op)
        groups = [g for g in prune.groups(op) if g.pinned is None and g.label not in known]
        if self.runner is None and self.criterion != "random":
            raise TenonError(
                f"prune-score: criterion '{self.criterion}' needs weights or data: give the pass a runner"
            )
        settings = Settings(self.mapping, self.power, self.seed)
        found = CRITERIA[self.criterion](resolved, [g.label for g in groups], self.runner, settings)
        for group in groups:
            score = _score(group.label, self.criterion, found[group.label])
            op.body.block.insert_op_after(score, group)


def _score(group: str, criterion: str, values: np.ndarray) -> prune.ScoreOp:
    with np.errstate(over="ignore"):
        score = prune.ScoreOp(group, criterion, values)
    wrong = np.flatnonzero(~np.isfinite(score.array))
    if len(wrong):
        what = f"criterion '{criterion}': the score of channel {wrong[0]} of group @{group}"
        raise TenonError(f"{what} is {score.array[wrong[0]]}, expected a finite number")
    return score
