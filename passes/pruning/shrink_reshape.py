"""How a reshape shrinks: what its operand holds, laid out flat, has to be what its result holds."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ...dialects import nn
from .links import Factor, Link, touching
from .rectangle import arranged
from .relations import Carry
from .rules import relations, shape_of
from .shrink import Order, Shrinker


def shrink_reshape(shrinker: Shrinker, op: nn.ReshapeOp) -> None:
    orders: list[Order] = []
    wants = {}
    for number, factor in enumerate(shrinker.analysis.factors[op.result]):
        links = shrinker.links_to(op, number)
        order, want = _planned(shrinker, op, links[0], factor) if len(links) == 1 else (None, None)
        orders.append(_whole(factor) if order is None else order)
        for link in links:
            source = shrinker.analysis.factors[op.x][link.factor]
            wants[0, link.factor] = _whole(source) if want is None else want
    operands = shrinker.operands(op, orders, wants)
    shrinker.again(op, operands, orders)


def _whole(factor: Factor) -> Order:
    return np.arange(factor.ids.size).reshape(factor.ids.shape)


def _planned(
    shrinker: Shrinker, op: nn.ReshapeOp, link: Link, factor: Factor
) -> tuple[Order | None, Order | None]:
    """The order of a result's factor and what the operand has to hold for it; None where only all of it
    can be."""
    sides = _sides(shrinker, op, link)
    before, after = Side(*sides[0], shrinker.analysis.factors[op.x][link.factor]), Side(*sides[1], factor)
    keep = shrinker.kept(op, link.result)  # pyright: ignore[reportArgumentType]
    target = arranged(keep)
    have = shrinker.have(op.x, link.factor)
    brought = after.order(before.grid(have), target.shape)
    if brought is not None and keep.reshape(-1)[brought].sum() == keep.sum():
        return brought, have
    want = before.order(after.grid(target), None)
    return (None, None) if want is None else (target, want)


def _sides(shrinker: Shrinker, op: nn.ReshapeOp, link: Link):
    """The axes and extents before and after that one factor takes part in."""
    factors = shrinker.analysis.factors[op.x]
    carries = [r for r in relations(op) if isinstance(r, Carry) and link.factor in touching(r, factors)]
    source = sorted(axis for carry in carries for axis in carry.source)
    result = sorted(axis for carry in carries for axis in carry.result)
    x = shape_of(op.x)
    return (source, [x[a] for a in source]), (result, [op.shape[a] for a in result])


class Side:
    """One side of a reshape: axes, of which some are a factor; the others keep their extents."""

    def __init__(self, axes: Sequence[int], extents: Sequence[int], factor: Factor):
        self.extents, self.factor = list(extents), factor
        self.at = [axes.index(axis) for axis in factor.axes]
        self.rest = [i for i in range(len(axes)) if i not in self.at]

    def grid(self, order: Order) -> np.ndarray:
        """The flat position of each element where the factor has this order."""
        shape = self._shape(order.shape)
        coordinates: list[np.ndarray] = [np.zeros(())] * len(shape)
        for i, found in zip(self.at, np.unravel_index(order, self.factor.ids.shape), strict=True):
            coordinates[i] = found.reshape([shape[k] if k in self.at else 1 for k in range(len(shape))])
        for i in self.rest:
            coordinates[i] = np.arange(shape[i]).reshape(
                [shape[i] if k == i else 1 for k in range(len(shape))]
            )
        return np.broadcast_to(np.ravel_multi_index(np.broadcast_arrays(*coordinates), self.extents), shape)

    def order(self, grid: np.ndarray, extents: Sequence[int] | None) -> Order | None:
        """The factor's order where the elements, flat, are at these positions; None where the other axes
        would not be whole. `extents` of the factor, where it has several axes."""
        rest = math.prod(self.extents[i] for i in self.rest)
        if len(self.at) == 1:
            extents = [grid.size // rest]
        if extents is None or math.prod(extents) * rest != grid.size:
            return None
        shape = self._shape(extents)
        coordinates = np.unravel_index(grid.reshape(shape), self.extents)
        for i in self.rest:
            along = np.arange(shape[i]).reshape([shape[i] if k == i else 1 for k in range(len(shape))])
            if not (coordinates[i] == along).all():
                return None
        first = tuple(0 if i in self.rest else slice(None) for i in range(len(shape)))
        found = [coordinates[i][first] for i in self.at]
        for i, one in zip(self.at, found, strict=True):
            wide = one.reshape([shape[k] if k in self.at else 1 for k in range(len(shape))])
            if not (coordinates[i] == wide).all():
                return None
        return np.ravel_multi_index(found, self.factor.ids.shape)

    def _shape(self, extents: Sequence[int]) -> list[int]:
        """All extents, with those of the factor."""
        shape = list(self.extents)
        for i, extent in zip(self.at, extents, strict=True):
            shape[i] = int(extent)
        return shape
