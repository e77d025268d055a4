"""A constant matrix times a vector, in few operations: terms that rows or columns share are computed once.

Matrices of transforms come from pairs of opposite points, so two of their rows are e + o and e - o with e and
o of disjoint columns (even and odd powers), and two of their columns are equal up to sign in every row. Both
save work: the 6x6 matrix of F(4, 3) takes 12 operations instead of 16, and so does its 4x6 one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import combinations
from typing import NamedTuple

import numpy as np


class Term(NamedTuple):
    """A factor times input `value`, or, from the number of inputs on, times the result of a step."""

    factor: Fraction
    value: int


Sum = tuple[Term, ...]


class Program(NamedTuple):
    """Steps, each a sum of earlier values; then the sum that is each row."""

    inputs: int
    steps: tuple[Sum, ...]
    rows: tuple[Sum, ...]


def linear_program(matrix: np.ndarray) -> Program:
    """A program for the product with `matrix` [rows, columns]; coefficients stay exact in its precision."""
    return _Builder(matrix).program()


class _Builder:
    def __init__(self, matrix: np.ndarray):
        self.dtype = matrix.dtype
        self.inputs = matrix.shape[1]
        self.steps: list[Sum] = []
        self.rows: list[dict[int, Fraction]] = [
            {j: Fraction(float(c)) for j, c in enumerate(row) if c} for row in matrix
        ]

    def program(self) -> Program:
        for first, second in combinations(range(self.inputs), 2):
            self._share_columns(first, second)
        free = set(range(len(self.rows)))
        for first, second in combinations(range(len(self.rows)), 2):
            if {first, second} <= free and self._share_rows(first, second):
                free -= {first, second}
        return Program(self.inputs, tuple(self.steps), tuple(map(_sum, self.rows)))

    def _step(self, terms: Iterable[tuple[int, Fraction]]) -> int:
        """The number of the value that is this sum."""
        made = _sum(dict(terms))
        if made not in self.steps:
            self.steps.append(made)
        return self.inputs + self.steps.index(made)

    def _share_columns(self, first: int, second: int) -> None:
        """x + y and x - y in the place of x and y, where every row has both with factors equal up to sign."""
        pairs = [(row.get(first, Fraction(0)), row.get(second, Fraction(0))) for row in self.rows]
        kinds = {(a > 0) == (b > 0) for a, b in pairs if a}
        if any(abs(a) != abs(b) for a, b in pairs) or sum(bool(a) for a, _ in pairs) <= len(kinds):
            return
        for row, (a, b) in zip(self.rows, pairs, strict=True):
            if a:
                sign = Fraction(1 if (a > 0) == (b > 0) else -1)
                del row[first], row[second]
                row[self._step([(first, Fraction(1)), (second, sign)])] = a

    def _share_rows(self, first: int, second: int) -> bool:
        """even + odd and even - odd in the place of two rows, where that takes fewer operations."""
        a, b = self.rows[first], self.rows[second]
        if a.keys() != b.keys() or len(a) < 3:
            return False
        even = {j: c for j, c in a.items() if b[j] == c}
        odd = {j: c for j, c in a.items() if b[j] == -c}
        if not even or not odd or len(even) + len(odd) < len(a):
            return False
        e, o = self._factored(even), self._factored(odd)
        self.rows[first] = {e.value: e.factor, o.value: o.factor}
        self.rows[second] = {e.value: e.factor, o.value: -o.factor}
        return True

    def _factored(self, row: dict[int, Fraction]) -> Term:
        """A sum as a factor times a step whose terms one of has the factor 1, without rounding any."""
        if len(row) == 1:
            ((value, factor),) = row.items()
            return Term(factor, value)
        exact = [f for f in row.values() if all(self._is_exact(c / f) for c in row.values())]
        factor = min(exact, key=lambda f: (abs(f) != 1, f < 0), default=Fraction(1))
        return Term(factor, self._step((j, c / factor) for j, c in row.items()))

    def _is_exact(self, number: Fraction) -> bool:
        return Fraction(float(self.dtype.type(float(number)))) == number


def _sum(row: dict[int, Fraction]) -> Sum:
    """The terms, those with the factor 1 first: a sum starts from one of them without a multiplication."""
    return tuple(
        sorted((Term(c, j) for j, c in row.items()), key=lambda t: (t.factor != 1, abs(t.factor) != 1))
    )


def operations(program: Program) -> int:
    """Additions, multiplications and multiply-adds of a program, each counted once."""
    return sum(_operations(made) for made in (*program.steps, *program.rows))


def _operations(terms: Sequence[Term]) -> int:
    return max(0, len(terms) - 1) + (bool(terms) and terms[0].factor != 1)
