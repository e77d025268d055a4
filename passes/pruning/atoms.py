"""Atoms: what leaves together. A union-find over integers, in numpy, with reasons why one cannot leave."""

from __future__ import annotations

import numpy as np

_FREE = np.iinfo(np.int64).max


class Atoms:
    """Ids are handed out by `fresh`; ids that were united have the same root."""

    def __init__(self) -> None:
        self._parent = np.zeros(1024, np.int64)
        self._pin = np.full(1024, _FREE, np.int64)
        self._count = 0
        self._reasons: list[str] = []

    def __len__(self) -> int:
        return self._count

    def fresh(self, count: int) -> np.ndarray:
        """New ids, each an atom of its own."""
        start, self._count = self._count, self._count + count
        if self._count > len(self._parent):
            room = 2 * self._count
            self._parent = np.concatenate([self._parent, np.zeros(room, np.int64)])
            self._pin = np.concatenate([self._pin, np.full(room, _FREE, np.int64)])
        ids = np.arange(start, self._count)
        self._parent[ids] = ids
        return ids

    def roots(self, ids: np.ndarray) -> np.ndarray:
        """The atom of each id."""
        found = self._parent[ids]
        while True:
            above = self._parent[found]
            if np.array_equal(above, found):
                break
            found = above
        self._parent[ids] = found
        return found

    def unite(self, left: np.ndarray, right: np.ndarray) -> None:
        """Elementwise; the arrays broadcast."""
        one, other = np.broadcast_arrays(left, right)
        while True:
            one, other = self.roots(one), self.roots(other)
            differ = one != other
            if not differ.any():
                return
            one, other = one[differ], other[differ]
            # A root goes below a smaller one: no cycles, and every round ends at least one root.
            low, high = np.minimum(one, other), np.maximum(one, other)
            self._parent[high] = low
            np.minimum.at(self._pin, self.roots(high), self._pin[high])

    def pin(self, ids: np.ndarray, reason: str) -> None:
        """These cannot leave; of several reasons the first stays."""
        roots = np.unique(self.roots(ids))
        free = roots[self._pin[roots] == _FREE]
        if len(free):
            self._pin[free] = len(self._reasons)
            self._reasons.append(reason)

    def reason(self, root: int) -> str | None:
        """Why an atom cannot leave; None if it can."""
        pin = int(self._pin[root])
        return None if pin == _FREE else self._reasons[pin]
