"""The matrices of Winograd's minimal filtering F(m, r), by the construction of Cook and Toom.

m outputs of a filter with r taps are a product of polynomials of degree below n = m + r - 1 turned round
(transposed), evaluated at n - 1 points and at infinity: y = A^T ((G g) * (B^T d)) takes n multiplications
instead of m * r. In two dimensions Y = A^T [(G g G^T) * (B^T d B)] A. See Lavin and Gray, "Fast algorithms
for convolutional neural networks", and Barabasz et al., "Error analysis and improving the accuracy of
Winograd convolution", for the choice of points.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from typing import NamedTuple

import numpy as np

TAPS = 3
POINTS: dict[int, tuple[str, ...]] = {
    2: ("0", "1", "-1"),
    4: ("0", "3/4", "-3/4", "3/2", "-3/2"),
}
"""Tile -> points. Pairs of opposite points share half of their arithmetic. With 3/4 and 3/2 the largest
error of a tile of 4 is a third of that with 1 and 2 (measured on seeded weights), and every coefficient of A
and B is exact in f32."""


class Transforms(NamedTuple):
    """f64 matrices: `output` A^T [m, n], `weights` G [n, r], `input` B^T [n, n]."""

    output: np.ndarray
    weights: np.ndarray
    input: np.ndarray


@cache
def transforms(tile: int) -> Transforms:
    """Those of F(tile, 3), computed in fractions."""
    points = [Fraction(text) for text in POINTS[tile]]
    away = [[p - q for q in points if q != p] for p in points]
    products = [_product(factors) for factors in away]
    output = [[p**i for p in points] + [Fraction(i == tile - 1)] for i in range(tile)]
    weights = [[p**j / scale for j in range(TAPS)] for p, scale in zip(points, products, strict=True)]
    weights.append([Fraction(j == TAPS - 1) for j in range(TAPS)])
    lines = [_polynomial([q for q in points if q != p]) + [Fraction(0)] for p in points]
    lines.append(_polynomial(points))
    return Transforms(*(np.array(m, np.float64) for m in (output, weights, lines)))


def _product(factors: Sequence[Fraction]) -> Fraction:
    total = Fraction(1)
    for factor in factors:
        total *= factor
    return total


def _polynomial(roots: Sequence[Fraction]) -> list[Fraction]:
    """Coefficients of the product of (x - root), the constant first."""
    made = [Fraction(1)]
    for root in roots:
        shifted, scaled = [Fraction(0), *made], [*(c * root for c in made), Fraction(0)]
        made = [a - b for a, b in zip(shifted, scaled, strict=True)]
    return made
