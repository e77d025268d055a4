"""How far a round goes: the controller of the papers, without its two faults.

It raises a threshold by a step as long as rounds keep what they must keep; after a round that does not, it
goes back to the last one that did and takes smaller steps. As published it fails where every pruned round
misses (it goes back to a round that is not there) and forgets an accepted round after three misses, which
may be the best. Here the network as it was is always there to go back to, and who asks for the best round
looks at all of them."""

from __future__ import annotations

from dataclasses import dataclass, field

PATIENCE = 3
"""Misses in a row after which a round that was accepted is no longer trusted."""

LARGEST = 0.3
"""Of the parameters: about what a round of the methods with a fixed rate takes. Scores are alike, after a
batch norm above all: within one step of a threshold may lie a few channels or nearly all of them."""


@dataclass
class Controller:
    """`threshold` is that of the round to come; `report` says what it lost. The round numbered 0 is the
    network as it was, with threshold 0. `first` is the first step, `target` the most that a round may
    lose, `largest` the part of the parameters that it may take."""

    first: float
    target: float
    threshold: float = 0.0
    step: float = 0.0
    largest: float = LARGEST
    misses: int = 0
    good: list[int] = field(default_factory=list)
    thresholds: list[float] = field(default_factory=list)
    steps: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.step = self.step or self.first

    def report(self, lost: float, level: float | None = None) -> int | None:
        """What the round lost, infinity or NaN for one that failed, and the level that it was pruned at,
        where that was less than the threshold. Returns the round to go back to, if any, and sets the next
        threshold."""
        number = len(self.thresholds)
        if level is not None:
            self.threshold = min(self.threshold, level)
        self.thresholds.append(self.threshold)
        self.steps.append(self.step)
        if number == 0 or lost <= self.target:
            self.good.append(number)
            self.misses = 0
            self.largest = min(LARGEST, 2 * self.largest)
            self.threshold += self.step
            return None
        return self._back(number)

    def _back(self, number: int) -> int:
        last = self.good[-1]
        self.misses += 1
        self.largest /= 2
        if self.misses < PATIENCE:
            self.step = self.steps[last] / 2**self.misses
            self.threshold = self.thresholds[last] + self.step
            return last
        self.step = self.steps[number] / 2
        self.threshold = self.thresholds[last]
        self.misses = 0
        if len(self.good) > 1:
            self.good.pop()
        return last
