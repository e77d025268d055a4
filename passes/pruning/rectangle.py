"""Sets of positions on a grid that a tensor can hold: rows that are there hold equally many."""

from __future__ import annotations

import numpy as np


def rectangular(mask: np.ndarray) -> np.ndarray:
    """The smallest set found that has all positions of `mask` and that `arranged` can store."""
    if mask.ndim < 2:
        return mask
    return min((_grown(mask, axis) for axis in range(mask.ndim)), key=np.count_nonzero)


def arranged(mask: np.ndarray) -> np.ndarray:
    """The flat positions of a rectangular set, as an array of its rank. Along one axis rows may hold
    different positions; along the others the same ones are there for all."""
    if mask.ndim == 1:
        return np.flatnonzero(mask)
    for axis in reversed(range(mask.ndim)):
        grown = _grown(mask, axis)
        if np.array_equal(grown, mask):
            flat = np.moveaxis(np.arange(mask.size).reshape(mask.shape), axis, -1)
            rows, there = _rows(mask, axis)
            shape = [int(side.sum()) for side in there]
            picked = flat[np.moveaxis(mask, axis, -1)].reshape(*shape, -1)
            return np.moveaxis(picked, -1, axis)
    raise ValueError("the set is not rectangular")


def _rows(mask: np.ndarray, axis: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """How many positions each row along `axis` holds, and along each other axis which rows are there."""
    count = mask.sum(axis=axis)
    others = range(count.ndim)
    return count, [count.any(axis=tuple(a for a in others if a != side)) for side in others]


def _grown(mask: np.ndarray, axis: int) -> np.ndarray:
    """`mask` with the first free positions added, such that all rows along `axis` that are there hold as many
    as the longest, and rows are there for every combination."""
    count, there = _rows(mask, axis)
    wanted = np.zeros(count.shape, int)
    wanted[np.ix_(*there)] = count.max()
    rows = np.moveaxis(mask, axis, -1)
    order = np.argsort(~rows, axis=-1, kind="stable")
    rank = np.argsort(order, axis=-1, kind="stable")
    return np.moveaxis(rank < wanted[..., None], -1, axis)
