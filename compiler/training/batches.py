"""Batches of arrays, in an order that only the seed and the epoch decide."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ...dialects.errors import TenonError

Augment = Callable[[np.ndarray, np.random.Generator], np.ndarray]
"""(a batch of inputs, generator) -> what is trained on instead, of the same shape."""


@dataclass(frozen=True)
class Minibatches:
    """Pairs of inputs [size, ...] and targets [size, ...] for `fit`; called with the number of an epoch.

    Each epoch has its own permutation; what is left after the last whole batch waits for another epoch. So an
    epoch is the same whatever was trained before it. `part` and `parts` give one of several processes its
    share of every batch."""

    inputs: np.ndarray
    targets: np.ndarray
    size: int
    seed: int = 0
    augment: Augment | None = None
    part: int = 0
    parts: int = 1

    def __post_init__(self) -> None:
        counts = f"{len(self.inputs)} inputs, {len(self.targets)} targets"
        if len(self.inputs) != len(self.targets) or not len(self.inputs):
            raise TenonError(f"got {counts}, expected equal numbers of at least 1")
        if self.size < self.parts or not 0 <= self.part < self.parts:
            text = f"batches of {self.size}, part {self.part} of {self.parts}"
            raise TenonError(f"got {text}, expected at least one input for every part")

    def __len__(self) -> int:
        return max(1, len(self.inputs) // self.size)

    def __call__(self, epoch: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        rng = np.random.default_rng([self.seed, epoch])
        order = rng.permutation(len(self.inputs))
        for index in range(len(self)):
            picked = order[index * self.size : (index + 1) * self.size][self.part :: self.parts]
            inputs = self.inputs[picked]
            yield self.augment(inputs, rng) if self.augment else inputs, self.targets[picked]
