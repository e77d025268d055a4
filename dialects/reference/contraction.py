"""Sums of products over broadcast operands, as batched matrix products in f64."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

_EXACT = 2.0**53
"""Integer sums below this are exact in f64."""


def contract(a: np.ndarray, b: np.ndarray, extents: Sequence[int], reduced: Sequence[int]) -> np.ndarray:
    """sum over the loops `reduced` of a * b, in f64, or exact modulo 2**64 in i64 for integers.

    Each operand has one dimension a loop, of the loop's extent or 1; so has the result, with 1 for the
    reduced loops."""
    a, b = np.asarray(a), np.asarray(b)
    rank = len(extents)
    a, b, repeats = _reduce_alone(a, b, extents, reduced)
    groups = _groups(a, b, rank, reduced)
    batch, rows, columns, inner = groups
    left, right = _matrices(a, groups, (batch, rows, inner)), _matrices(b, groups, (batch, inner, columns))
    with np.errstate(all="ignore"):
        total = product(left, right) * repeats
    order = (*batch, *rows, *columns)
    total = total.reshape([extents[i] for i in order])
    kept = [extents[i] if i in order else 1 for i in range(rank)]
    return total.transpose(np.argsort(np.array(order, int))).reshape(kept)


def _reduce_alone(a: np.ndarray, b: np.ndarray, extents: Sequence[int], reduced: Sequence[int]):
    """Reduced loops that only one operand has are summed at once; those that none has only repeat."""
    repeats = 1
    for i in reduced:
        if extents[i] == 1 or (a.shape[i] > 1 and b.shape[i] > 1):
            continue
        if a.shape[i] == b.shape[i]:
            repeats *= extents[i]
        elif a.shape[i] > 1:
            a = a.sum(axis=i, keepdims=True, dtype=_wide(a))
        else:
            b = b.sum(axis=i, keepdims=True, dtype=_wide(b))
    return a, b, repeats


def _wide(array: np.ndarray) -> np.dtype:
    return np.dtype(np.int64 if array.dtype.kind in "iub" else np.float64)


def _groups(a: np.ndarray, b: np.ndarray, rank: int, reduced: Sequence[int]) -> list[list[int]]:
    """The loops of extent over 1 by role: of both and kept, of a alone, of b alone, of both and summed."""
    both = [i for i in range(rank) if a.shape[i] > 1 and b.shape[i] > 1]
    return [
        [i for i in both if i not in reduced],
        [i for i in range(rank) if a.shape[i] > 1 and i not in both],
        [i for i in range(rank) if b.shape[i] > 1 and i not in both],
        [i for i in both if i in reduced],
    ]


def _matrices(array: np.ndarray, groups: list[list[int]], roles: Sequence[list[int]]) -> np.ndarray:
    order = [i for role in roles for i in role]
    rest = [i for i in range(array.ndim) if i not in order]
    shape = [math.prod(array.shape[i] for i in role) for role in roles]
    return array.transpose(*order, *rest).astype(_wide(array)).reshape(shape)


def product(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The matrix product; of integers exact modulo 2**64, in f64 where that is exact."""
    if left.dtype.kind == "f":
        return left @ right
    bound = _magnitude(left) * _magnitude(right) * left.shape[-1]
    if bound < _EXACT:
        return (left.astype(np.float64) @ right.astype(np.float64)).astype(np.int64)
    return left.astype(np.int64) @ right.astype(np.int64)


def _magnitude(array: np.ndarray) -> float:
    return max(float(array.max(initial=0)), -float(array.min(initial=0)))
