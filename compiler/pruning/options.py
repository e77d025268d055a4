"""What `compiler.prune` can be asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...dialects.errors import UsageError
from ...passes.prune_analyze import PruneAnalyzePass
from ...passes.prune_score import PruneScorePass
from ...passes.prune_select import PruneSelectPass, check_ratio
from ...targets.record import find_target
from .recover import recovery_of

LANES = "lanes"


@dataclass(frozen=True)
class PruneOptions:
    """What `prune` is asked for; the options of passes/prune_score.py and passes/prune_select.py. `round` is
    a number, or `lanes` for the f32 lanes of `target`."""

    ratio: float = 0.5
    score: str = "l1"
    policy: str = "uniform"
    threshold: float | None = None
    share: str = "params"
    ratios: Mapping[str, float] | None = None
    round: int | str = 1
    target: str = "host"
    mapping: str = "mean"
    power: float = 1.0
    seed: int = 0
    residuals: str = "coupled"
    recover: bool | str = False

    def __post_init__(self) -> None:
        check_ratio("ratio", self.ratio)
        if not isinstance(self.ratios or {}, Mapping):
            raise UsageError(f"ratios is {self.ratios!r}, expected a table of groups and their ratios")
        find_target(self.target)
        recovery_of(self.recover)
        self.analyzing()
        self.selecting()
        self.scoring()

    def analyzing(self) -> PruneAnalyzePass:
        return PruneAnalyzePass(self.residuals)

    def scoring(self) -> PruneScorePass:
        return PruneScorePass(self.score, self.mapping, self.power, self.seed)

    def selecting(self) -> PruneSelectPass:
        single = ";".join(f"{name}={ratio}" for name, ratio in (self.ratios or {}).items())
        return PruneSelectPass(self.ratio, self.policy, self.threshold, self.share, single, self._multiple())

    def _multiple(self) -> int:
        if self.round == LANES:
            return find_target(self.target).vector_bytes // 4
        if not isinstance(self.round, int):
            raise UsageError(f"round is '{self.round}', expected a number or {LANES}")
        return self.round
