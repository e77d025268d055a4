"""How positions of an op's result depend on positions of its operands, worked out from its relations.

A *factor* of a value is a set of its axes whose positions, taken together, are channels: usually one axis,
several where a reshape has split a dimension of channels (heads, a channel shuffle).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .relations import Carry


class Factor(NamedTuple):
    """Axes, ascending, and the atom of each of their positions: an array with their extents as its shape."""

    axes: tuple[int, ...]
    ids: np.ndarray


class Link(NamedTuple):
    """What the positions of a factor of the result (number `result`) depend on: positions of a factor of an
    operand, flat, -1 for none. The dimensions of `positions` are the result's axes `kept`, those of the
    factor; the result's axes `same`, along which its channels do not differ; and the operand's axes `whole`,
    which the op does not keep. Without a result factor what is read is needed whatever is taken of the
    result."""

    operand: int
    factor: int
    result: int | None
    positions: np.ndarray
    kept: tuple[int, ...]
    same: tuple[int, ...]
    whole: tuple[int, ...]

    @property
    def reads(self) -> np.ndarray:
        """[positions of the result factor, positions read]."""
        count = int(np.prod(self.positions.shape[: len(self.kept)], dtype=int))
        return self.positions.reshape(count, -1)


class Component(NamedTuple):
    """Axes of the result that belong together, and the carries that lead to them."""

    axes: tuple[int, ...]
    carries: tuple[Carry, ...]


Factors = Sequence[Sequence[Factor]]
"""Of each operand."""


def touching(carry: Carry, factors: Sequence[Factor]) -> list[int]:
    """The factors that a carry takes axes of."""
    return [i for i, factor in enumerate(factors) if set(factor.axes) & set(carry.source)]


def components(carries: Sequence[Carry], factors: Factors) -> list[Component]:
    """Axes that one factor of an operand reaches belong together."""
    parts: list[tuple[set[int], set[tuple[int, int]], list[Carry]]] = []
    for carry in carries:
        keys = {(carry.operand, i) for i in touching(carry, factors[carry.operand])}
        merged = (set(carry.result), keys, [carry])
        for part in [p for p in parts if p[0] & merged[0] or p[1] & keys]:
            parts.remove(part)
            merged = (merged[0] | part[0], merged[1] | part[1], part[2] + merged[2])
        parts.append(merged)
    return [Component(tuple(sorted(axes)), tuple(found)) for axes, _, found in parts]


class Reader:
    """Positions of operands' factors that the positions of one component read."""

    def __init__(self, component: Component, shapes: Sequence[tuple[int, ...]], result: tuple[int, ...]):
        self.component, self.shapes = component, shapes
        self.extents = tuple(result[axis] for axis in component.axes)

    def positions(self, operand: int, factor: Factor) -> np.ndarray:
        """Which position is read, -1 for none. The dimensions are those of the component, then the axes of
        the factor that are not carried (summed over, say)."""
        rank, coordinates, outside = len(self.extents), dict[int, np.ndarray](), np.zeros((), bool)
        for carry in self.component.carries:
            if carry.operand == operand and set(carry.source) & set(factor.axes):
                flat = self._flat(carry)
                outside = outside | (flat < 0)
                source = [self.shapes[operand][axis] for axis in carry.source]
                found = np.unravel_index(np.maximum(flat, 0), source)
                coordinates |= {a: c for a, c in zip(carry.source, found, strict=True) if a in factor.axes}
        whole = self.whole(operand, factor)
        expand = (*(slice(None),) * rank, *(None,) * len(whole))
        aligned = {a: np.broadcast_to(c, self.extents)[expand] for a, c in coordinates.items()}
        for i, axis in enumerate(whole):
            extent = self.shapes[operand][axis]
            aligned[axis] = np.arange(extent).reshape(
                (1,) * (rank + i) + (extent,) + (1,) * (len(whole) - i - 1)
            )
        index = np.ravel_multi_index([aligned[axis] for axis in factor.axes], factor.ids.shape)
        lost = tuple(self.shapes[operand][axis] for axis in whole)
        index = np.broadcast_to(index, (*self.extents, *lost))
        return np.where(np.broadcast_to(outside, self.extents)[expand], -1, index)

    def whole(self, operand: int, factor: Factor) -> tuple[int, ...]:
        """The axes of a factor that the component does not carry."""
        carried = {a for c in self.component.carries if c.operand == operand for a in c.source}
        return tuple(axis for axis in factor.axes if axis not in carried)

    def reads(self, operand: int) -> np.ndarray:
        """Where the component reads an operand at all, with the extents of the component."""
        found = np.ones(self.extents, bool)
        for carry in self.component.carries:
            if carry.operand == operand:
                found = found & (self._flat(carry) >= 0)
        return found

    def _flat(self, carry: Carry) -> np.ndarray:
        """The positions a carry reads, broadcasting to the extents of the component."""
        extents = {axis: n for axis, n in zip(self.component.axes, self.extents, strict=True)}
        shape = [n if axis in carry.result else 1 for axis, n in extents.items()]
        count = int(np.prod([extents[axis] for axis in carry.result], dtype=int))
        positions = np.arange(count) if carry.positions is None else carry.positions
        return positions.reshape(shape)
