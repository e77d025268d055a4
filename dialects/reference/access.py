"""Arrays seen through affine maps: element (d0, d1, ...) of the view is the array's at map(d0, d1, ...).

A view has one dimension a loop: the loop's extent where the map uses it, else 1, so that views broadcast.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import as_strided
from xdsl.ir.affine import (
    AffineBinaryOpExpr,
    AffineBinaryOpKind,
    AffineConstantExpr,
    AffineDimExpr,
    AffineExpr,
    AffineMap,
)

_INDEX_FUNCTIONS = {
    AffineBinaryOpKind.Add: np.add,
    AffineBinaryOpKind.Mul: np.multiply,
    AffineBinaryOpKind.FloorDiv: np.floor_divide,
    AffineBinaryOpKind.Mod: np.mod,
    AffineBinaryOpKind.CeilDiv: lambda x, y: -np.floor_divide(-x, y),
}


def read(array: np.ndarray, access: AffineMap, extents: Sequence[int]) -> np.ndarray:
    """The view of `array`; without a copy where the map is linear. IndexError if it leaves the array."""
    strided = _strided(array, access, extents)
    return array[_indices(access, extents, array.shape)] if strided is None else strided


def write(array: np.ndarray, access: AffineMap, extents: Sequence[int], value: np.ndarray) -> None:
    """Store `value`, which broadcasts to the view, into `array`."""
    strided = _strided(array, access, extents)
    if strided is None:
        array[_indices(access, extents, array.shape)] = value
    else:
        strided[...] = value


def coefficients(expr: AffineExpr, dims: int) -> list[int] | None:
    """The factor of each dimension, and last the constant; None unless `expr` is linear."""
    match expr:
        case AffineConstantExpr():
            return [0] * dims + [expr.value]
        case AffineDimExpr():
            return [int(i == expr.position) for i in range(dims)] + [0]
        case AffineBinaryOpExpr():
            left, right = coefficients(expr.lhs, dims), coefficients(expr.rhs, dims)
            if left is None or right is None:
                return None
            if expr.kind is AffineBinaryOpKind.Add:
                return [x + y for x, y in zip(left, right, strict=True)]
            if expr.kind is AffineBinaryOpKind.Mul and not any(right[:-1]):
                return [x * right[-1] for x in left]
            if expr.kind is AffineBinaryOpKind.Mul and not any(left[:-1]):
                return [x * left[-1] for x in right]
    return None


def _strided(array: np.ndarray, access: AffineMap, extents: Sequence[int]) -> np.ndarray | None:
    dims = len(extents)
    rows = [coefficients(expr, dims) for expr in access.results]
    shape, strides, start = [1] * dims, [0] * dims, []
    for row, size, step in zip(rows, array.shape, array.strides, strict=True):
        if row is None:
            return None
        _check_bounds(row, extents, size, access)
        start.append(row[-1])
        for d in range(dims):
            if row[d]:
                shape[d], strides[d] = extents[d], strides[d] + row[d] * step
    # An array of one element more in each dimension than the start leaves: its address is the start's.
    origin = array[(*(slice(first, None) for first in start), ...)]
    return as_strided(origin, shape, strides)


def _check_bounds(row: list[int], extents: Sequence[int], size: int, access: AffineMap) -> None:
    reach = [factor * (extent - 1) for factor, extent in zip(row, extents, strict=False)]
    low = row[-1] + sum(r for r in reach if r < 0)
    high = row[-1] + sum(r for r in reach if r > 0)
    if low < 0 or high >= size:
        raise IndexError(f"access {access} reaches {low}..{high} of {size} elements")


def _indices(access: AffineMap, extents: Sequence[int], shape: Sequence[int]) -> tuple[np.ndarray, ...]:
    grid = np.ogrid[tuple(slice(0, extent) for extent in extents)]
    full = (1,) * len(extents)
    found = []
    for expr, size in zip(access.results, shape, strict=True):
        index = np.asarray(_index(expr, grid))
        if index.min() < 0 or index.max() >= size:
            raise IndexError(f"access {access} reaches {index.min()}..{index.max()} of {size} elements")
        found.append(index.reshape(index.shape or full))
    return tuple(found)


def _index(expr: AffineExpr, grid: Sequence[np.ndarray]) -> np.ndarray | int:
    if isinstance(expr, AffineConstantExpr):
        return expr.value
    if isinstance(expr, AffineDimExpr):
        return grid[expr.position]
    assert isinstance(expr, AffineBinaryOpExpr)
    return _INDEX_FUNCTIONS[expr.kind](_index(expr.lhs, grid), _index(expr.rhs, grid))
