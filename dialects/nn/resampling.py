"""Where the elements of a resized axis come from: positions in the input, and a weight for each.

x of result element o is the position it looks at; a filter of even width n reads the elements ceil(x) - n / 2
to ceil(x) + n / 2 - 1, those outside being the nearest inside. All of ONNX's modes are such filters.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Axis(NamedTuple):
    """One axis: its extents, the ratio asked for (it need not divide evenly), the region looked at."""

    before: int
    after: int
    scale: float
    start: float = 0.0
    end: float = 1.0


class Taps(NamedTuple):
    """`positions` and `weights` are [after, n]: element o is the sum over the n of weight times input
    element. Positions may lie outside: the nearest element inside counts. `outside` marks elements that look
    past the input, where the mode gives them a value of their own."""

    positions: np.ndarray
    weights: np.ndarray
    outside: np.ndarray | None


def _align_corners(o: np.ndarray, axis: Axis) -> np.ndarray:
    width = axis.scale * axis.before
    return np.zeros_like(o) if width == 1 else o * (axis.before - 1) / (width - 1)


def _crop(o: np.ndarray, axis: Axis) -> np.ndarray:
    last, width = axis.before - 1, axis.scale * axis.before
    part = (axis.end - axis.start) * last
    return axis.start * last + (np.full_like(o, part / 2) if width == 1 else o * part / (width - 1))


def _half_pixel(o: np.ndarray, axis: Axis) -> np.ndarray:
    return (o + 0.5) / axis.scale - 0.5


def _half_pixel_symmetric(o: np.ndarray, axis: Axis) -> np.ndarray:
    center = axis.before / 2
    return center * (1 - axis.after / (axis.scale * axis.before)) + _half_pixel(o, axis)


def _pytorch_half_pixel(o: np.ndarray, axis: Axis) -> np.ndarray:
    return np.full_like(o, -0.5) if axis.scale * axis.before == 1 else _half_pixel(o, axis)


COORDINATES: dict[str, Callable[[np.ndarray, Axis], np.ndarray]] = {
    "half_pixel": _half_pixel,
    "half_pixel_symmetric": _half_pixel_symmetric,
    "pytorch_half_pixel": _pytorch_half_pixel,
    "align_corners": _align_corners,
    "asymmetric": lambda o, axis: o / axis.scale,
    "tf_crop_and_resize": _crop,
}
"""Name -> the positions that elements 0, 1, ... of the result look at."""

ROUNDINGS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "round_prefer_floor": lambda x: np.ceil(x - 0.5),
    "round_prefer_ceil": lambda x: np.floor(x + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}
"""Which element is nearest to a position."""


def _triangle(x: np.ndarray, coefficient: float) -> np.ndarray:
    return np.clip(1 - x, 0, None)


def _keys(x: np.ndarray, a: float) -> np.ndarray:
    """The cubic of Keys (1981), equation 4."""
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))


FILTERS: dict[str, tuple[int, Callable[[np.ndarray, float], np.ndarray]]] = {
    "linear": (1, _triangle),
    "cubic": (2, _keys),
}
"""Mode -> how far its filter reaches, and its weight at a distance."""


def axis_taps(
    mode: str,
    axis: Axis,
    coordinates: str,
    rounding: str,
    coefficient: float,
    exclude_outside: bool,
    antialias: bool,
) -> Taps:
    """What one axis reads. `coefficient` is the cubic's a; `antialias` widens the filter where it shrinks."""
    # In f32 as others compute them: a tie between two neighbours falls on the same side there.
    dtype = np.float32 if mode == "nearest" else np.float64
    x = COORDINATES[coordinates](np.arange(axis.after, dtype=dtype), axis)
    outside = (x < 0) | (x > axis.before - 1) if coordinates == "tf_crop_and_resize" else None
    if mode == "nearest":
        positions = ROUNDINGS[rounding](x).astype(np.int64)[:, None]
        return Taps(positions, np.ones(positions.shape), outside)
    reach, weight = FILTERS[mode]
    shrink = min(axis.scale, 1.0) if antialias else 1.0
    first = math.floor(-reach / shrink) + 1
    positions = (np.ceil(x) - 1)[:, None] + np.arange(first, 2 - first)
    weights = weight(np.abs(positions - x[:, None]) * shrink, coefficient)
    if exclude_outside:
        weights = np.where((positions < 0) | (positions > axis.before - 1), 0.0, weights)
    if exclude_outside or antialias:
        total = weights.sum(axis=1, keepdims=True)
        weights = weights / np.where(total == 0, 1.0, total)
    return Taps(positions.astype(np.int64), weights, outside)
