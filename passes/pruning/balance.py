"""Which channels leave: the lowest scores of each group, and equally many of parts that must stay even."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np


class Candidate(NamedTuple):
    """The channels of a group: their scores, and the part each lies in (-1: none) for every op that wants
    its parts even."""

    scores: np.ndarray
    evens: Mapping[str, np.ndarray]


def families(groups: Mapping[str, Candidate]) -> list[list[str]]:
    """Groups that share parts have to be looked at together."""
    found: list[tuple[list[str], set[str]]] = []
    for name, group in groups.items():
        names, ops = [name], set(group.evens)
        for other in [f for f in found if f[1] & ops]:
            found.remove(other)
            names, ops = other[0] + names, other[1] | ops
        found.append((names, ops))
    return [names for names, _ in found]


def lowest(scores: np.ndarray, count: int) -> np.ndarray:
    """The channels with the lowest scores, ascending; of equal ones the first."""
    return np.sort(np.argsort(scores, kind="stable")[:count])


def evened(groups: Mapping[str, Candidate], counts: Mapping[str, int]) -> dict[str, np.ndarray]:
    """The channels of a family that leave: at most `counts` of each group, fewer where parts would not stay
    even. Channels that lie in the same parts are one cell; of a cell the lowest scores leave."""
    names = [name for name, group in groups.items() for _ in group.scores]
    channels = np.concatenate([np.arange(len(group.scores)) for group in groups.values()])
    ops = sorted({op for group in groups.values() for op in group.evens})
    parts = np.stack(
        [
            np.concatenate([g.evens.get(op, np.full(len(g.scores), -1)) for g in groups.values()])
            for op in ops
        ],
        axis=1,
    )
    owner = np.array([list(groups).index(name) for name in names])
    cells, cell = np.unique(np.column_stack([owner, parts]), axis=0, return_inverse=True)
    cell = cell.reshape(-1)
    size = np.bincount(cell)
    share = np.array([counts[name] / len(groups[name].scores) for name in groups])[cells[:, 0]]
    leaving = _balanced(cells[:, 1:], np.ceil(size * share - 1e-9).astype(int), size * share)
    allowed = np.array([counts[name] for name in groups])
    while (over := np.bincount(cells[:, 0], weights=leaving) > allowed).any():
        excess = np.where(over[cells[:, 0]] & (leaving > 0), leaving - size * share, -np.inf)
        leaving[np.argmax(excess)] -= 1
        leaving = _balanced(cells[:, 1:], leaving, size * share)
    scores = np.concatenate([group.scores for group in groups.values()])
    gone: dict[str, list[int]] = {name: [] for name in groups}
    for number, count in enumerate(leaving):
        mine = np.flatnonzero(cell == number)
        for index in mine[np.argsort(scores[mine], kind="stable")[:count]]:
            gone[names[index]].append(int(channels[index]))
    return {name: np.sort(np.array(found, int)) for name, found in gone.items()}


def _balanced(parts: np.ndarray, counts: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """`counts` of each cell, lowered until every op's parts lose equally many. `parts` [cells, ops]. First
    goes the cell that is in most parts that lose too many, then the one furthest above what was wanted."""
    counts = counts.copy()
    while True:
        excess = np.stack([_excess(parts[:, op], counts) for op in range(parts.shape[1])], axis=1)
        above = (excess > 0).sum(axis=1) * (counts > 0)
        if not above.any():
            return counts
        best = np.lexsort((counts - wanted, above - (excess == 0).sum(axis=1) * 1e-3))[-1]
        counts[best] -= 1


def _excess(parts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """By how much each cell's part loses more than the part that loses least; -1 for a cell in none."""
    held = parts >= 0
    lost = np.bincount(parts[held], weights=counts[held]).astype(int)
    return np.where(held, lost[np.maximum(parts, 0)] - lost.min(), -1)


def rounded_kept(kept: int, extent: int, multiple: int) -> int:
    """The multiple nearest to `kept`, of two the larger; at least one of them, at most all channels."""
    return min(extent, max(1, (kept + multiple // 2) // multiple) * multiple)


def threshold_for(scores: Sequence[np.ndarray], ratio: float) -> float:
    """The score below or at which `ratio` of all channels lie."""
    every = np.sort(np.concatenate(list(scores)))
    count = int(ratio * len(every))
    return float(every[count - 1]) if count else -np.inf
