"""The arithmetic of the qnn ops in numpy: the definition that every path has to meet, bit for bit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .base import QnnOperation
from .parameters import limits

SIGNIFICAND_BITS = 31
LARGEST_SHIFT = 63
"""A product shifted further is 0: |difference| < 2^32, significand < 2^31."""


def spread(parameter: np.ndarray, shape: Sequence[int], axis: int, block: int = 0) -> np.ndarray:
    """A scale or zero point as an array that broadcasts to `shape`."""
    if parameter.ndim == 0:
        return parameter
    if block:
        wide = np.repeat(parameter, block, axis=axis)
        return wide[(slice(None),) * axis + (slice(0, shape[axis]),)]
    return parameter.reshape(-1, *(1,) * (len(shape) - 1 - axis))


def difference(q: np.ndarray, zero: np.ndarray) -> np.ndarray:
    """q - zero in f32, both converted first."""
    return q.astype(np.float32) - zero.astype(np.float32)


def rounded(y: np.ndarray, rounding: str) -> np.ndarray:
    """To an integer, still a float. What decides is y - floor(y), which is exact."""
    if rounding == "half_even":
        return np.rint(y)
    if rounding == "upward":
        below = np.floor(y)
        return below + (y - below >= 0.5)
    towards = np.trunc(y)
    return towards + np.copysign(np.abs(y - towards) >= 0.5, y)


def clamped(y: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """By comparisons: a NaN becomes `low`."""
    y = np.where(y > low, y, low)
    return np.where(y < high, y, high)


class Modes(NamedTuple):
    """The fields of an op that say how results become integers."""

    bounds: tuple[int, int]
    rounding: str
    arithmetic: str
    nan: str

    @staticmethod
    def of(op: QnnOperation) -> Modes:
        """What an op has no field for: the whole range, f32, and the low end for a NaN."""
        given = op.values()
        bounds = given.get("range", limits(op.type.element_type))
        return Modes(bounds, given["rounding"], given.get("arithmetic", "f32"), given.get("nan", "lowest"))


def integer(y: np.ndarray, zero: np.ndarray, modes: Modes) -> np.ndarray:
    """f32 to integers of the type of `zero`: clamped, rounded, `zero` added. i32 takes the way of f64."""
    wide = np.float64 if zero.dtype == np.int32 else np.float32
    low, high = (wide(bound) - zero.astype(wide) for bound in modes.bounds)
    if modes.nan == "zero":
        y = np.where(np.isnan(y), np.float32(0), y)
    whole = rounded(clamped(y.astype(wide), low, high), modes.rounding)
    return (whole.astype(np.int64) + zero).astype(zero.dtype)


class FixedPoint(NamedTuple):
    """significand / 2^shift, in i64."""

    significand: np.ndarray
    shift: np.ndarray


def fixed_point(multiplier: np.ndarray) -> FixedPoint:
    """The nearest significand of 31 bits (halves away from zero) and a shift from 0 to 63."""
    fraction, exponent = np.frexp(np.asarray(multiplier, np.float64))
    significand = np.trunc(np.ldexp(fraction, SIGNIFICAND_BITS) + np.copysign(0.5, fraction))
    full = np.abs(significand) == 1 << SIGNIFICAND_BITS  # rounded up to the next power of two
    significand = np.where(full, significand / 2, significand).astype(np.int64)
    shift = SIGNIFICAND_BITS - exponent.astype(np.int64) - full
    largest = (1 << SIGNIFICAND_BITS) - 1
    significand = np.where(shift < 0, np.sign(significand) * largest, significand)
    significand = np.where(shift > LARGEST_SHIFT, 0, significand)
    return FixedPoint(significand, np.clip(shift, 0, LARGEST_SHIFT))


def scaled(x: np.ndarray, by: FixedPoint, rounding: str) -> np.ndarray:
    """x * by, rounded to an integer: x is i64, below 2^32 in magnitude, so the product is below 2^63."""
    product = x * by.significand
    below = product >> by.shift
    rest = product - (below << by.shift)
    half = np.int64(1) << np.maximum(by.shift - 1, 0)
    # Without a shift rest is 0 and half 1: nothing is rounded.
    if rounding == "half_even":
        return below + (rest > half - (below & 1))
    return below + (rest >= half + (product < 0 if rounding == "away" else 0))


def saturated(y: np.ndarray, zero: np.ndarray, modes: Modes) -> np.ndarray:
    """y + zero within the bounds, in the type of `zero`."""
    return np.clip(y + zero.astype(np.int64), *modes.bounds).astype(zero.dtype)
