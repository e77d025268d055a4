"""The bytes that a nest of blocks moves into a cache, counted from its loops.

A nest is a list of loops with block sizes, the outermost first; the same loop may come several times. The
outermost loop whose body (one block of it, of every operand) fits the cache keeps there what its iterations
share: an operand is moved once for all of them. Every loop outside of it moves everything again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from .band import Band, Operand

LINE_BYTES = 64
# What blocks may take of the first and the second-level cache: the rest holds what passes through. Pages lie
# anywhere in memory, so that some sets of the second are full long before others.
CACHE_SHARE = 3 / 4
L2_SHARE = 1 / 2
# Addresses so far apart fall into one set of a first-level cache: its set is known before the page is.
WAY_BYTES = 4096
MOST_ROWS = 32

Nest = Sequence[tuple[str, int]]
"""Loops with the size of their blocks in elements, the outermost first."""


def traffic(band: Band, nest: Nest, operands: Sequence[Operand], room: float) -> list[int]:
    """The bytes of each operand that all of the band moves into a cache with room for `room` bytes of it."""
    whole = {**band.extents, **{n: steps * band.widths.get(n, 1) for n, steps in band.reductions.items()}}
    sizes, outside = dict(whole), 1
    moved = [x.elements(sizes, {}) * x.element_bytes for x in operands]
    if sum(moved) <= room:
        return moved
    for loop, size in nest:
        trips = -(-sizes[loop] // size)
        if trips == 1:
            continue
        block = {**sizes, loop: min(size, sizes[loop])}
        bytes_ = [x.elements(block, {}) * x.element_bytes for x in operands]
        if sum(bytes_) <= room:
            return [outside * x for x in moved]
        sizes, outside, moved = block, outside * trips, bytes_
    return [outside * x for x in moved]


def crowded(operand: Operand, sizes: Mapping[str, int], cache_bytes: int) -> bool:
    """Whether blocks of `sizes` read more lines of one set of the first-level cache than `CACHE_SHARE` of it
    holds: rows a multiple of 4 KiB apart push one another out of the cache."""
    way = min(WAY_BYTES, cache_bytes)
    ways = cache_bytes // way
    offsets = [0]
    for axis in operand.axes:
        if axis.pitch >= LINE_BYTES:
            reach = min(axis.reach(sizes, {}), MOST_ROWS)
            offsets = [at + i * axis.pitch for at in offsets for i in range(reach)]
    sets = Counter(line % (way // LINE_BYTES) for line in {at // LINE_BYTES for at in offsets})
    return max(sets.values()) > ways * CACHE_SHARE


def contiguous_bytes(operand: Operand, sizes: Mapping[str, int]) -> int:
    """The length of the runs in which blocks of `sizes` read an operand."""
    run = operand.element_bytes
    for axis in sorted(operand.axes, key=lambda axis: axis.pitch):
        if axis.pitch != run:
            break
        run *= axis.reach(sizes, {})
    return run
