"""Affine expressions as linear forms, simplified with the ranges of their dimensions.

`AffineExpr.simplify` of xDSL knows no ranges, so `(32 * o + l) floordiv 32` with l in [0, 32) would stay;
splitting a loop into tiles lives from exactly that simplification.

A form is `constant + sum(coefficient * atom)`; an atom is a dimension, or a floordiv / mod that cannot
be resolved. Dimension i ranges over [0, extents[i]).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from xdsl.ir.affine import (
    AffineBinaryOpExpr,
    AffineBinaryOpKind,
    AffineConstantExpr,
    AffineDimExpr,
    AffineExpr,
    AffineMap,
)
from xdsl.utils.exceptions import VerifyException


@dataclass(frozen=True)
class LinearForm:
    """`constant + sum(coefficient * atom)`; no coefficient is zero."""

    constant: int
    terms: Mapping[AffineExpr, int]

    def expr(self) -> AffineExpr:
        """The form as an expression; dimensions in order, the constant last."""
        result: AffineExpr | None = None
        for atom, coefficient in sorted(self.terms.items(), key=_atom_order):
            term = (
                atom
                if coefficient == 1
                else AffineExpr.binary(AffineBinaryOpKind.Mul, atom, AffineExpr.constant(coefficient))
            )
            result = term if result is None else AffineExpr.binary(AffineBinaryOpKind.Add, result, term)
        if result is None:
            return AffineExpr.constant(self.constant)
        if self.constant:
            return AffineExpr.binary(AffineBinaryOpKind.Add, result, AffineExpr.constant(self.constant))
        return result

    def scaled(self, factor: int) -> LinearForm:
        if factor == 0:
            return LinearForm(0, {})
        return LinearForm(self.constant * factor, {a: c * factor for a, c in self.terms.items()})

    def plus(self, other: LinearForm) -> LinearForm:
        terms = dict(self.terms)
        for atom, coefficient in other.terms.items():
            total = terms.pop(atom, 0) + coefficient
            if total:
                terms[atom] = total
        return LinearForm(self.constant + other.constant, terms)


def _atom_order(item: tuple[AffineExpr, int]):
    atom = item[0]
    return (0, atom.position, "") if isinstance(atom, AffineDimExpr) else (1, 0, str(atom))


def linear_form(expr: AffineExpr, extents: Sequence[int]) -> LinearForm:
    """`expr` as a linear form, dimensions ranging over `extents`; exact for floordiv and mod. Raises
    `VerifyException` for what is no access: products of dimensions, symbols, division by 0 or less."""
    if isinstance(expr, AffineConstantExpr):
        return LinearForm(expr.value, {})
    if isinstance(expr, AffineDimExpr):
        return LinearForm(0, {expr: 1} if extents[expr.position] > 1 else {})
    if not isinstance(expr, AffineBinaryOpExpr):
        raise VerifyException(f"symbols are not supported in accesses: {expr}")
    left, right = linear_form(expr.lhs, extents), linear_form(expr.rhs, extents)
    if expr.kind is AffineBinaryOpKind.Add:
        return left.plus(right)
    if expr.kind is AffineBinaryOpKind.Mul and right.terms:
        left, right = right, left
    if right.terms:
        raise VerifyException(f"not affine: {expr}")
    if expr.kind is AffineBinaryOpKind.Mul:
        return left.scaled(right.constant)
    if right.constant < 1:
        raise VerifyException(f"divides by {right.constant}, expected a positive number: {expr}")
    if expr.kind is AffineBinaryOpKind.CeilDiv:
        return _floordiv(left.plus(LinearForm(right.constant - 1, {})), right.constant, extents)
    divide = _floordiv if expr.kind is AffineBinaryOpKind.FloorDiv else _mod
    return divide(left, right.constant, extents)


def _remainder(form: LinearForm, divisor: int, extents: Sequence[int]) -> tuple[LinearForm, bool]:
    """The part of `form` that `divisor` does not divide, and whether it stays within [0, divisor)."""
    rest = LinearForm(form.constant % divisor, {a: c for a, c in form.terms.items() if c % divisor})
    low, high = bounds(rest, extents)
    return rest, low >= 0 and high < divisor


def _floordiv(form: LinearForm, divisor: int, extents: Sequence[int]) -> LinearForm:
    rest, small = _remainder(form, divisor, extents)
    whole = LinearForm(
        form.constant // divisor, {a: c // divisor for a, c in form.terms.items() if c % divisor == 0}
    )
    if small:
        return whole
    atom = AffineExpr.binary(AffineBinaryOpKind.FloorDiv, rest.expr(), AffineExpr.constant(divisor))
    return whole.plus(LinearForm(0, {atom: 1}))


def _mod(form: LinearForm, divisor: int, extents: Sequence[int]) -> LinearForm:
    rest, small = _remainder(form, divisor, extents)
    if small:
        return rest
    atom = AffineExpr.binary(AffineBinaryOpKind.Mod, rest.expr(), AffineExpr.constant(divisor))
    return LinearForm(0, {atom: 1})


def bounds(form: LinearForm, extents: Sequence[int]) -> tuple[int, int]:
    """Smallest and largest value of `form` (conservative where atoms share dimensions)."""
    low = high = form.constant
    for atom, coefficient in form.terms.items():
        first, last = _atom_bounds(atom, extents)
        low += min(coefficient * first, coefficient * last)
        high += max(coefficient * first, coefficient * last)
    return low, high


def _atom_bounds(atom: AffineExpr, extents: Sequence[int]) -> tuple[int, int]:
    if isinstance(atom, AffineDimExpr):
        return 0, extents[atom.position] - 1
    assert isinstance(atom, AffineBinaryOpExpr) and isinstance(atom.rhs, AffineConstantExpr)
    divisor = atom.rhs.value
    low, high = bounds(linear_form(atom.lhs, extents), extents)
    if atom.kind is AffineBinaryOpKind.Mod:
        return (0, divisor - 1) if low < 0 or high >= divisor else (low, high)
    return low // divisor, high // divisor


def simplify(expr: AffineExpr, extents: Sequence[int]) -> AffineExpr:
    return linear_form(expr, extents).expr()


def substitute(access: AffineMap, replacement: Sequence[AffineExpr], extents: Sequence[int]) -> AffineMap:
    """`access` with dimension i replaced by `replacement[i]`, over new dimensions with `extents`."""
    results = (simplify(e.replace_dims_and_symbols(replacement, []), extents) for e in access.results)
    return AffineMap(len(extents), 0, tuple(results))


def coefficients(expr: AffineExpr, extents: Sequence[int]) -> tuple[list[int], int] | None:
    """Coefficient of every dimension and the constant, or None where a floordiv or mod remains.
    A dimension of extent 1 has coefficient 0."""
    form = linear_form(expr, extents)
    row = [0] * len(extents)
    for atom, coefficient in form.terms.items():
        if not isinstance(atom, AffineDimExpr):
            return None
        row[atom.position] = coefficient
    return row, form.constant


def row_major(shape: Sequence[int]) -> list[int]:
    """Element strides of a row-major array."""
    strides = [1] * len(shape)
    for i in range(len(shape) - 2, -1, -1):
        strides[i] = strides[i + 1] * shape[i + 1]
    return strides


def flat_access(access: AffineMap, strides: Sequence[int], extents: Sequence[int]) -> LinearForm:
    """The element address of `access` in an array with `strides`."""
    total = LinearForm(0, {})
    for expr, stride in zip(access.results, strides, strict=True):
        total = total.plus(linear_form(expr, extents).scaled(stride))
    return total


def flat_strides(access: AffineMap, strides: Sequence[int], extents: Sequence[int]) -> list[int] | None:
    """How far the address moves per step of each dimension, or None where it is not linear in it."""
    row = _flat_strides(access, tuple(strides), tuple(extents))
    return None if row is None else list(row)


@lru_cache(maxsize=4096)  # matching asks for the same access once per candidate
def _flat_strides(access: AffineMap, strides: tuple[int, ...], extents: tuple[int, ...]) -> list[int] | None:
    row = [0] * len(extents)
    for atom, coefficient in flat_access(access, strides, extents).terms.items():
        if not isinstance(atom, AffineDimExpr):
            return None
        row[atom.position] = coefficient
    return row
