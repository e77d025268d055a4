"""prune-select: which channels leave, and masks in front of everything that would read them.

Expects nn ops, groups (`prune-analyze`) and a score for each that may shrink (`prune-score`), unless its
`removed` is given already. Leaves `removed` on the groups, and `prune.mask`s on what products sum over:
behind batch norm and activation, at every reader.

Policies: `uniform` removes `ratio` of each group's channels, those with the lowest scores; `percentile`
those at or below the score that `ratio` of the group lies under, so at least one; `global` those at or below
one threshold, `weighted` at or below the threshold times the group's share of all parameters (`share` =
params) or multiplications (flops). Without `threshold` it is such that `ratio` of all channels leave.
`ratios` overrides single groups: `conv1=0.3;conv2=0`. At least one channel stays; with `round` the number
that stays is the nearest multiple of it, counted in positions (a head of 64 is 64)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import gcd, isnan
from numbers import Real
from typing import ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from ..dialects import prune
from ..dialects.errors import TenonError, UsageError
from .pruning.balance import Candidate, evened, families, lowest, rounded_kept, threshold_for
from .pruning.groups import Resolved, resolve
from .pruning.masks import place_masks
from .pruning.work import shares

POLICIES = ("uniform", "percentile", "global", "weighted")
RATES = ("uniform", "percentile")
SHARES = ("params", "flops")


@dataclass(frozen=True)
class PruneSelectPass(ModulePass):
    """Decides for every group that is not pinned and has no `removed` yet."""

    name = "prune-select"
    preserves: ClassVar[str] = "nothing"

    ratio: float = 0.5
    policy: str = "uniform"
    threshold: float | None = None
    share: str = "params"
    ratios: str = ""
    round: int = 1

    def __post_init__(self) -> None:
        check_ratio("ratio", self.ratio)
        for name, value, known in (("policy", self.policy, POLICIES), ("share", self.share, SHARES)):
            if value not in known:
                raise UsageError(f"{name} is '{value}', expected one of {', '.join(known)}")
        if self.threshold is not None and isnan(self.threshold):
            raise UsageError("threshold is nan, expected a number")
        if self.threshold is not None and self.policy in RATES:
            raise UsageError(f"threshold is {self.threshold}, which policy {self.policy} has not")
        if self.round < 1:
            raise UsageError(f"round is {self.round}, expected at least 1")

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        resolved = resolve(op, self.name)
        open_ = {
            group.label: group for group in prune.groups(op) if group.pinned is None and group.removed is None
        }
        scores = _scores(op, open_)
        counts = self._counts(resolved, open_, scores)
        for family in families({name: _candidate(open_[name], scores[name]) for name in open_}):
            for name, removed in _leaving(open_, scores, counts, family).items():
                open_[name].remove(removed.tolist())
        place_masks(resolved, list(prune.groups(op)))

    def _counts(
        self, resolved: Resolved, groups: Mapping[str, prune.GroupOp], scores: Mapping[str, np.ndarray]
    ) -> dict[str, int]:
        """How many channels of each group leave."""
        given = _parse_ratios(self.ratios, groups)
        limits = self._thresholds(resolved, scores)
        counts: dict[str, int] = {}
        for name, group in groups.items():
            extent = group.channels
            if self.policy == "percentile" and name not in given:
                gone = int((scores[name] <= np.percentile(scores[name], 100 * self.ratio)).sum())
            elif self.policy == "uniform" or name in given:
                gone = int(given.get(name, self.ratio) * extent + 1e-9)
            else:
                gone = int((scores[name] <= limits[name]).sum())
            span = max(member.positions(extent).shape[1] for member in group.members)
            multiple = self.round // gcd(self.round, span)
            counts[name] = extent - rounded_kept(extent - gone, extent, multiple)
        return counts

    def _thresholds(self, resolved: Resolved, scores: Mapping[str, np.ndarray]) -> dict[str, float]:
        if self.policy in RATES or not scores:
            return {}
        weights = dict.fromkeys(scores, 1.0)
        if self.policy == "weighted":
            weights = shares(resolved, self.share, list(scores))
        limit = self.threshold
        if limit is None:
            limit = threshold_for([scores[name] / weights[name] for name in scores], self.ratio)
        return {name: limit * weights[name] for name in scores}


def check_ratio(name: str, value: float) -> None:
    """A part of the channels that leaves, never all."""
    if not isinstance(value, Real) or not 0 <= value < 1:
        raise UsageError(f"{name} is {value!r}, expected a number from 0 to below 1")


def _scores(module: ModuleOp, groups: Mapping[str, prune.GroupOp]) -> dict[str, np.ndarray]:
    found = prune.scores(module)
    missing = [name for name in groups if name not in found]
    if missing:
        raise TenonError(f"prune-select: group @{missing[0]} has no score, expected prune-score before")
    return {name: found[name].array.astype(np.float64) for name in groups}


def _candidate(group: prune.GroupOp, scores: np.ndarray) -> Candidate:
    return Candidate(scores, {even.op.data: even.parts for even in group.even or ()})


def _leaving(
    groups: Mapping[str, prune.GroupOp],
    scores: Mapping[str, np.ndarray],
    counts: Mapping[str, int],
    family: list[str],
) -> dict[str, np.ndarray]:
    members = {name: _candidate(groups[name], scores[name]) for name in family}
    if any(member.evens for member in members.values()):
        return evened(members, counts)
    return {name: lowest(scores[name], counts[name]) for name in family}


def _parse_ratios(text: str, groups: Mapping[str, prune.GroupOp]) -> dict[str, float]:
    """`conv1=0.3;conv2=0` as a dict."""
    found: dict[str, float] = {}
    for item in filter(None, text.split(";")):
        name, equals, number = item.rpartition("=")
        try:
            found[name] = float(number)
        except ValueError:
            equals = ""
        if not equals or name not in groups:
            known = ", ".join(list(groups)[:8])
            raise UsageError(f"ratios has '{item}', expected group=ratio with one of the groups {known}")
        check_ratio(f"the ratio of '{name}'", found[name])
    return found
