"""Least squares in a stream: rows come batch by batch, only their sums are kept."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Solution(NamedTuple):
    """`matrix` [groups, terms, outputs], `offset` [groups, outputs]; the sums of squares that were to be met,
    that were missed with the matrix as it was, and that are missed now."""

    matrix: np.ndarray
    offset: np.ndarray
    wanted: float
    before: float
    after: float


class NormalEquations:
    """Finds the matrix W and offset t that bring x W + t closest to y, for `groups` at once.

    Of the many W that fit as well as the data can tell, it is the one closest to where it starts: a ridge of
    `ridge` times the mean square of a term holds it there. Without `offset` t is 0."""

    def __init__(self, offset: bool, ridge: float):
        self.offset, self.ridge = offset, ridge
        self.rows = 0
        self._sums: list[np.ndarray] = []

    def add(self, x: np.ndarray, y: np.ndarray) -> None:
        """x [groups, rows, terms], y [groups, rows, outputs]."""
        turned = np.swapaxes(x, 1, 2)
        new = [turned @ x, turned @ y, x.sum(axis=1), y.sum(axis=1), (y * y).sum(axis=1)]
        self._sums = [a + b for a, b in zip(self._sums, new, strict=True)] if self._sums else new
        self.rows += x.shape[1]

    def solve(self, start: np.ndarray) -> Solution:
        """`start` [groups, terms, outputs] is the matrix as it is."""
        gram, cross, x, y, squares = self._sums
        if self.offset:
            gram = gram - x[:, :, None] * x[:, None] / self.rows
            cross = cross - x[:, :, None] * y[:, None] / self.rows
            squares = squares - y * y / self.rows
        missing = cross - gram @ start
        scale = np.trace(gram, axis1=1, axis2=2) / max(1, gram.shape[1])
        ridge = self.ridge * np.where(scale > 0, scale, 1.0)
        change = np.linalg.solve(gram + ridge[:, None, None] * np.eye(gram.shape[1]), missing)
        matrix = start + change
        offset = (y - (x[:, None] @ matrix)[:, 0]) / self.rows if self.offset else np.zeros_like(y)
        misses = [_missed(gram, cross, squares, w) for w in (start, matrix)]
        return Solution(matrix, offset, float(squares.sum()), *misses)


def _missed(gram: np.ndarray, cross: np.ndarray, squares: np.ndarray, w: np.ndarray) -> float:
    """|y - x W|^2 from the sums."""
    return max(0.0, float(squares.sum() - 2 * (cross * w).sum() + (w * (gram @ w)).sum()))
