"""One step of pruning in rounds: how much leaves at a level, and the level at which a model fits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...dialects import prune
from ...passes.prune_select import RATES
from ...passes.pruning.groups import resolve
from ...passes.pruning.work import shares
from ..model import Model
from .data import Batches
from .driver import Pruned, scored, shrunk
from .methods import Method
from .options import PruneOptions

Alive = Mapping[str, list[int]]
"""Group -> the original numbers of its channels that are left."""

RATES_TRIED = 64
"""Levels of a rate that bisection tells apart; of thresholds it is every score."""

MOST = 0.98
"""The largest part of a group's channels that a rate takes."""


@dataclass(frozen=True)
class Step:
    """A model whose channels are scored, to be pruned by `method`. Thresholds are in units of `unit`, so that
    the same steps suit every score. What stays is a multiple of `grain` channels where that can be."""

    method: Method
    model: Model
    work: Model
    unit: float
    alive: Alive
    grain: int = 1

    @staticmethod
    def of(
        method: Method,
        model: Model,
        data: Batches | None,
        alive: Alive,
        seed: int,
        unit: float | None = None,
        residuals: str = "coupled",
        grain: int = 1,
    ) -> Step:
        """Scores `model`. Without `unit` it is the median of its channels' scores, over their layers'
        weights."""
        options = PruneOptions(score=method.score, seed=seed, residuals=residuals)
        work = scored(model, options, data)
        groups = [g for g in prune.groups(work.module) if g.pinned is None]
        known = {g.label: alive.get(g.label, list(range(g.channels))) for g in groups}
        found = 1.0 if method.policy in RATES else unit
        return Step(method, model, work, _median(method, work) if found is None else found, known, grain)

    @property
    def levels(self) -> np.ndarray:
        """Every level at which something else leaves, ascending; at the last, all but a channel of each
        group."""
        if self.method.policy in RATES:
            return np.linspace(0, MOST, RATES_TRIED)
        return np.unique(np.concatenate([np.zeros(1), *_normalized(self.method, self.work)])) / self.unit

    def pruned(self, level: float, originals: Mapping[str, int]) -> Pruned:
        """Without the channels that are worth no more than `level`. `originals`: channels that groups began
        with, which the rate of an adaptive method refers to."""
        method, options = self.method, self._options(round=self.grain)
        if method.policy == "uniform" and method.adaptive:
            left = max(1 - MOST, 1 - level)
            ratios = {
                name: max(0.0, 1 - max(1.0, round(left * originals.get(name, len(channels)))) / len(channels))
                for name, channels in self.alive.items()
            }
            options = replace(options, ratios=ratios)
        elif method.policy in RATES:
            options = replace(options, ratio=min(level, MOST))
        else:
            options = replace(options, threshold=level * self.unit)
        return shrunk(self.model, self.work.copied(), options)

    def smallest(self, originals: Mapping[str, int]) -> Pruned:
        """One channel in each group is the least that can be left."""
        return replace(self, grain=1).pruned(self.levels[-1], originals)

    def left(self, found: Pruned) -> dict[str, list[int]]:
        """What is alive after it."""
        gone = {change.name: set(change.removed) for change in found.groups}
        return {
            name: [c for i, c in enumerate(channels) if i not in gone.get(name, ())]
            for name, channels in self.alive.items()
        }

    def fitting(
        self, fits: Callable[[Model], bool], originals: Mapping[str, int], doubtful: bool = False
    ) -> tuple[float, Pruned | None]:
        """The lowest level, found by bisection, at which `fits` holds, and the model there. Where it holds
        nowhere, the highest level and None. `doubtful`: what is found not to fit may do so all the same."""
        level, found = self._lowest(fits, originals, doubtful)
        if found is None and self.grain > 1:
            return replace(self, grain=1)._lowest(fits, originals, doubtful)
        return level, found

    def _lowest(
        self, fits: Callable[[Model], bool], originals: Mapping[str, int], doubtful: bool
    ) -> tuple[float, Pruned | None]:
        levels = self.levels
        low, high = -1, len(levels) - 1
        best = self.pruned(levels[high], originals)
        if not fits(best.model):
            return float(levels[high]), None
        while True:
            while high - low > 1:
                middle = (low + high) // 2
                found = self.pruned(levels[middle], originals)
                if fits(found.model):
                    high, best = middle, found
                else:
                    low = middle
            # A wrong verdict on a level ends the bisection right above it: so the last one is asked again.
            again = self.pruned(levels[low], originals) if doubtful and low >= 0 else None
            if again is None:
                return float(levels[high]), best
            if not fits(again.model):
                return float(levels[high]), self._finer(fits, best, again)
            low, high, best = -1, low, again

    def _finer(self, fits: Callable[[Model], bool], best: Pruned, over: Pruned) -> Pruned:
        """Between a model that fits and one that does not: single channels more, where levels take many."""
        pairs = zip(best.groups, over.groups)
        gone = [(group, len(group.removed), len(more.removed)) for group, more in pairs if not group.pinned]
        steps = max((least - most for _, least, most in gone), default=0)
        low, high = 0, steps
        while high - low > 1:
            middle = (low + high) // 2
            ratios = {
                group.name: (least - (least - most) * middle // steps) / group.extent
                for group, least, most in gone
            }
            found = shrunk(self.model, self.work.copied(), self._options(ratios=ratios))
            if fits(found.model):
                low, best = middle, found
            else:
                high = middle
        return best

    def _options(self, **more: Any) -> PruneOptions:
        method = self.method
        return PruneOptions(score=method.score, policy=method.policy, share=method.share, **more)


def _normalized(method: Method, work: Model) -> list[np.ndarray]:
    """Scores as thresholds meet them."""
    scores = prune.scores(work.module)
    groups = [g.label for g in prune.groups(work.module) if g.pinned is None]
    weights = dict.fromkeys(groups, 1.0)
    if method.policy == "weighted":
        weights = shares(resolve(work.module, "prune"), method.share, groups)
    return [scores[name].array.astype(np.float64) / weights[name] for name in groups if weights[name]]


def _median(method: Method, work: Model) -> float:
    every = np.concatenate([np.zeros(0), *_normalized(method, work)])
    return float(np.median(every)) or 1.0 if len(every) else 1.0
