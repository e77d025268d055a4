"""How registers of an instruction read an operand of a nest."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

import numpy as np

# A register is put together from at most this many runs of neighbouring elements: loads and shuffles.
MOST_RUNS = 4


class Access(Enum):
    """How the lanes of one register lie in memory."""

    CONTIGUOUS = "contiguous"
    BROADCAST = "broadcast"
    ROWS = "rows of memory"
    INTERLEAVE = "in-register interleave"
    PACK = "needs packing"
    GATHER = "gathered"


def classify(
    strides: Sequence[int] | None,
    extents: Sequence[int],
    lanes: Sequence[tuple[int, int]],
    constant: bool,
    counts: Sequence[int] = (),
) -> Access:
    """How an operand that moves by `strides` per step of each loop (None: unevenly) is read. `lanes` pairs
    each loop that runs along lanes with its stride there, in lanes, and `counts` says how many of its steps
    a register takes. A compile-time operand that does not lie right already is packed; any other is put
    together from a few runs of memory, or gathered lane by lane."""
    if strides is not None:
        taken = counts or [MOST_RUNS] * len(lanes)
        steps = [(strides[loop], lane) for (loop, lane), n in zip(lanes, taken) if min(extents[loop], n) > 1]
        if all(step == 0 for step, _ in steps):
            return Access.BROADCAST
        if all(step in (0, lane) for step, lane in steps):
            return Access.CONTIGUOUS
    if constant:
        return Access.PACK
    if strides is not None and counts and 1 < runs(strides, extents, lanes, counts) <= MOST_RUNS:
        return Access.INTERLEAVE
    return Access.GATHER


def in_rows(strides: Sequence[int] | None, lanes: Sequence[tuple[int, int]]) -> bool:
    """Whether the lanes of a register lie in memory row by row: neighbours in a row side by side, the rows
    evenly apart."""
    side_by_side = [loop for loop, lane in lanes if lane == 1]
    even = all(lane >= 0 for _, lane in lanes)
    return strides is not None and even and [strides[loop] for loop in side_by_side] == [1]


def runs(
    strides: Sequence[int], extents: Sequence[int], lanes: Sequence[tuple[int, int]], counts: Sequence[int]
) -> int:
    """Runs of neighbouring elements that the lanes of one register are in."""
    offsets = np.zeros(1, np.int64)
    for (loop, _), count in zip(lanes, counts, strict=True):
        steps = np.arange(min(count, extents[loop]))
        offsets = (offsets[:, None] + strides[loop] * steps).reshape(-1)
    found = np.unique(offsets)
    return 1 + int((np.diff(found) > 1).sum())
