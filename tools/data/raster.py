"""Polygons as pixels: what share of each pixel they cover, by the non-zero winding rule."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

FINE = 4
"""Samples along each side of a pixel."""


def inside(polygons: Sequence[np.ndarray], size: int) -> np.ndarray:
    """[size, size], whether the centre of each cell lies inside; polygons [n, 2] are closed, of x and y, both
    in cells, y downwards."""
    starts = np.concatenate([np.asarray(polygon, np.float64) for polygon in polygons])
    ends = np.concatenate([np.roll(polygon, -1, axis=0) for polygon in polygons])
    rows = np.arange(size)[:, None] + 0.5
    (x0, y0), (x1, y1) = starts.T, ends.T
    crossed = (y0 <= rows) != (y1 <= rows)
    row, edge = np.nonzero(crossed)
    share = (rows[row, 0] - y0[edge]) / (y1[edge] - y0[edge])
    at = x0[edge] + share * (x1[edge] - x0[edge])
    column = np.clip(np.ceil(at - 0.5), 0, size).astype(int)
    winding = np.zeros((size, size + 1), np.int64)
    np.add.at(winding, (row, column), np.where(y1[edge] > y0[edge], 1, -1))
    return winding.cumsum(axis=1)[:, :size] != 0


def blurred(image: np.ndarray, radius: int) -> np.ndarray:
    """Each element the mean of the square of 2 radius + 1 around it, zeros beyond the border."""
    width = 2 * radius + 1
    for axis in (0, 1):
        pads = [(radius + 1, radius) if a == axis else (0, 0) for a in (0, 1)]
        sums = np.pad(image.astype(np.float64), pads).cumsum(axis=axis)
        image = (
            np.take(sums, range(width, sums.shape[axis]), axis)
            - np.take(sums, range(image.shape[axis]), axis)
        ) / width
    return image


def covered(fine: np.ndarray) -> np.ndarray:
    """Means of the FINE x FINE samples of each pixel."""
    size = len(fine) // FINE
    return fine.reshape(size, FINE, size, FINE).mean(axis=(1, 3))
