"""What an op says about its dimensions: which run along, which are summed over, which it looks at whole.

Operands are named by number. A dimension of more than one element that no relation names is looked at whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np


class Carry(NamedTuple):
    """Position k of the result's axes `result`, flat, depends on position `positions[k]` of the operand's
    axes `source`, flat, and on no other; -1: on none. Without `positions` it is k itself. Both lists of
    axes ascend; an empty `result` picks one position."""

    operand: int
    source: tuple[int, ...]
    result: tuple[int, ...]
    positions: np.ndarray | None = None


class Sum(NamedTuple):
    """Axes, as (operand, axis), whose elements are multiplied with each other and summed: what is zero in
    one of them adds nothing."""

    axes: tuple[tuple[int, int], ...]


class Fix(NamedTuple):
    """The op looks at all of an axis: without a part of it the result would differ."""

    operand: int
    axis: int
    why: str


class Parts(NamedTuple):
    """An axis (of the result where `operand` is None) is cut into `count` equal parts: `whole` ones leave,
    or else each must keep equally many positions."""

    operand: int | None
    axis: int
    count: int
    whole: bool


Relation = Carry | Sum | Fix | Parts


def along(operand: int, axes: Iterable[int], offset: int = 0) -> list[Relation]:
    """Axes that run along with the result's, `offset` further right."""
    return [Carry(operand, (axis,), (axis + offset,)) for axis in axes]


def blocks(source: tuple[int, ...], result: tuple[int, ...]) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """The axes of two shapes of equal size in runs of equal products: what a reshape does to each of them.
    Axes of extent 1 are left out."""
    left = [axis for axis, n in enumerate(source) if n != 1]
    right = [axis for axis, n in enumerate(result) if n != 1]
    found: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
    while left and right:
        a, b = [left.pop(0)], [right.pop(0)]
        p, q = source[a[0]], result[b[0]]
        while p != q:
            if p < q:
                a.append(left.pop(0))
                p *= source[a[-1]]
            else:
                b.append(right.pop(0))
                q *= result[b[-1]]
        found.append((tuple(a), tuple(b)))
    return found
