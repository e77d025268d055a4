"""How registers of an instruction read an operand of a nest, and what that costs."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum


class Access(Enum):
    """How the lanes of one register lie in memory."""

    CONTIGUOUS = "contiguous"
    BROADCAST = "broadcast"
    PACK = "needs packing"
    GATHER = "gather"


def classify(
    strides: Sequence[int] | None, extents: Sequence[int], lanes: Sequence[tuple[int, int]], constant: bool
) -> Access:
    """How an operand that moves by `strides` per step of each loop (None: unevenly) is read. `lanes` pairs
    each loop that runs along lanes with its stride there, in lanes. A compile-time operand that does not
    lie right already is packed; any other is gathered."""
    if strides is not None:
        steps = [(strides[loop], lane) for loop, lane in lanes if extents[loop] > 1]
        if all(step == 0 for step, _ in steps):
            return Access.BROADCAST
        if all(step in (0, lane) for step, lane in steps):
            return Access.CONTIGUOUS
    return Access.PACK if constant else Access.GATHER
