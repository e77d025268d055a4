"""Offsets for buffers with known live ranges in one arena: a heuristic, a lower bound and a validator.

Finding the smallest arena is NP-hard (dynamic storage allocation). The heuristic places buffers one by one
into the tightest gap between those alive at the same time, over several orders, and keeps the best result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np


class Buffer(NamedTuple):
    """`size` bytes, alive from time `first` to time `last`, both included."""

    size: int
    first: int
    last: int


class Placed(NamedTuple):
    """A buffer at `offset` bytes from the arena's start."""

    buffer: Buffer
    offset: int

    @property
    def end(self) -> int:
        return self.offset + self.buffer.size


def max_live_bytes(buffers: Sequence[Buffer]) -> int:
    """The most bytes alive at one time: no arena can be smaller."""
    events: dict[int, int] = {}
    for size, first, last in buffers:
        events[first] = events.get(first, 0) + size
        events[last + 1] = events.get(last + 1, 0) - size
    live = most = 0
    for time in sorted(events):
        live += events[time]
        most = max(most, live)
    return most


def arena_bytes(plan: Sequence[Placed]) -> int:
    """The size of the arena a plan needs."""
    return max((placed.end for placed in plan), default=0)


# Buffers that are hard to place go first; what makes one hard differs between networks.
_ORDERS: tuple[Callable[[Buffer], tuple[int, ...]], ...] = (
    lambda b: (-b.size, b.first - b.last, b.first),
    lambda b: (-b.size * (b.last - b.first + 1), b.first),
    lambda b: (b.first, -b.size),
    lambda b: (-b.last, -b.size),
)


def allocate(buffers: Sequence[Buffer]) -> list[Placed]:
    """A valid plan, in the order of `buffers`. Offsets are sums of sizes: sizes that are multiples of an
    alignment give aligned offsets."""
    if not buffers:
        return []
    bound = max_live_bytes(buffers)
    first, last = (np.array([b[field] for b in buffers]) for field in (1, 2))
    neighbours = (first[:, None] <= last) & (first <= last[:, None])
    best: list[Placed] = []
    for key in _ORDERS:
        order = sorted(range(len(buffers)), key=lambda i: key(buffers[i]))
        plan = _best_fit(buffers, order, neighbours)
        if not best or arena_bytes(plan) < arena_bytes(best):
            best = plan
        if arena_bytes(best) == bound:
            break
    return best


def _best_fit(buffers: Sequence[Buffer], order: Sequence[int], neighbours: np.ndarray) -> list[Placed]:
    """Places buffers in `order`, each into the smallest gap that holds it, else above all its neighbours."""
    sizes = np.array([b.size for b in buffers])
    # An unplaced buffer is no obstacle: it ends where it starts, below everything.
    offsets, ends = np.zeros_like(sizes), np.zeros_like(sizes)
    for i in order:
        alive = np.flatnonzero(neighbours[i] & (ends > 0))
        alive = alive[np.argsort(offsets[alive])]
        # floors[k] is the top of the k lowest neighbours; gap k lies between it and the next one's offset
        floors = np.concatenate(([0], np.maximum.accumulate(ends[alive])))
        gaps = offsets[alive] - floors[:-1]
        fitting = np.flatnonzero(gaps >= sizes[i])
        offsets[i] = floors[fitting[np.argmin(gaps[fitting])]] if fitting.size else floors[-1]
        ends[i] = offsets[i] + sizes[i]
    return [Placed(buffer, int(offset)) for buffer, offset in zip(buffers, offsets, strict=True)]


def check_plan(plan: Sequence[Placed], capacity: int, alignment: int = 1) -> list[str]:
    """Every way `plan` is wrong for an arena of `capacity` bytes, one sentence each; empty if it is valid.

    Independent of `allocate`: compares all pairs."""
    faults: list[str] = []
    for i, placed in enumerate(plan):
        size, first, last = placed.buffer
        if size < 0 or first > last:
            faults.append(f"buffer {i} has size {size} and live range {first}..{last}")
        if placed.offset < 0:
            faults.append(f"buffer {i} starts at {placed.offset}, before the arena")
        if placed.end > capacity:
            faults.append(f"buffer {i} ends at {placed.end}, beyond the arena's {capacity} bytes")
        if placed.offset % alignment:
            faults.append(f"buffer {i} starts at {placed.offset}, not a multiple of {alignment}")
        for j in range(i):
            if clash := _clash(plan[j], placed):
                faults.append(f"buffers {j} and {i} share {clash}")
    return faults


def _clash(one: Placed, other: Placed) -> str:
    """The bytes and times two placed buffers share, or nothing."""
    low, high = max(one.offset, other.offset), min(one.end, other.end)
    first, last = max(one.buffer.first, other.buffer.first), min(one.buffer.last, other.buffer.last)
    return f"bytes {low}..{high - 1} at times {first}..{last}" if low < high and first <= last else ""
