"""Numpy functions that numpy lacks, or has with another meaning at the edges."""

from __future__ import annotations

import numpy as np

_ERF_SATURATES = 6.0
"""erf rounds to 1 in f64 from here on."""
_ERF_TERMS = 120


def maximum(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The larger, NaN if either is NaN, and max(-0, +0) = +0 (numpy's takes either zero)."""
    return _ordered_zeros(np.maximum(x, y), x, y, 1)


def minimum(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The smaller, NaN if either is NaN, and min(-0, +0) = -0."""
    return _ordered_zeros(np.minimum(x, y), x, y, -1)


def _ordered_zeros(result: np.ndarray, x: np.ndarray, y: np.ndarray, sign: int) -> np.ndarray:
    if np.asarray(result).dtype.kind not in "fV":
        return result
    both = (x == 0) & (y == 0)
    # The sum of two zeros is -0 only where both are.
    return np.where(both, sign * (sign * x + sign * y), result) if both.any() else result


def integer_divide(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Quotient truncated towards zero, as in C; 0 where y is 0."""
    quotient = np.floor_divide(x, np.where(y == 0, 1, y))
    inexact = quotient * y != x
    return np.where(y == 0, 0, quotient + (inexact & ((x < 0) != (y < 0))))


def erf(x: np.ndarray) -> np.ndarray:
    """The error function in f64, relative error about 1e-15.

    erf(x) = 2 x / sqrt(pi) exp(-x^2) sum_n (2 x^2)^n / (1 3 5 ... (2n + 1)) (Abramowitz, Stegun 7.1.6):
    all terms are positive, so none cancel."""
    x = np.asarray(x, np.float64)
    near = np.clip(x, -_ERF_SATURATES, _ERF_SATURATES)
    square = near * near
    term = total = np.ones_like(near)
    for n in range(1, _ERF_TERMS):
        term = term * (2 * square / (2 * n + 1))
        total = total + term
    value = 2 / np.sqrt(np.pi) * near * np.exp(-square) * total
    return np.where(np.abs(x) >= _ERF_SATURATES, np.sign(x), value)
