"""Simplification with ranges keeps values, and bounds hold, over all index points."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from xdsl.ir.affine import AffineBinaryOpKind as Kind
from xdsl.ir.affine import AffineExpr, AffineMap
from xdsl.utils.exceptions import VerifyException

from tenonc.dialects.tensorized.linear_form import (
    bounds,
    coefficients,
    flat_access,
    flat_strides,
    linear_form,
    row_major,
    simplify,
    substitute,
)

Dim, Const = AffineExpr.dimension, AffineExpr.constant

extents = st.lists(st.integers(1, 7), min_size=1, max_size=3)


def expressions(dims: int) -> st.SearchStrategy[AffineExpr]:
    leaves = st.integers(0, dims - 1).map(Dim) | st.integers(-5, 9).map(Const)

    def grow(inner: st.SearchStrategy[AffineExpr]) -> st.SearchStrategy[AffineExpr]:
        divisor = st.integers(1, 9)
        return st.one_of(
            st.tuples(inner, inner).map(lambda p: p[0] + p[1]),
            st.tuples(inner, st.integers(-4, 8)).map(lambda p: p[0] * p[1]),
            st.tuples(inner, divisor).map(lambda p: p[0] // p[1]),
            st.tuples(inner, divisor).map(lambda p: p[0] % p[1]),
            st.tuples(inner, divisor).map(lambda p: p[0].ceil_div(p[1])),
        )

    return st.recursive(leaves, grow, max_leaves=6)


cases = extents.flatmap(lambda sizes: st.tuples(st.just(sizes), expressions(len(sizes))))


def points(sizes: list[int]):
    return product(*map(range, sizes))


@given(cases)
def test_simplify_keeps_the_value_at_every_point(case: tuple[list[int], AffineExpr]):
    sizes, expr = case
    simple = simplify(expr, sizes)
    for point in points(sizes):
        assert simple.eval(point, []) == expr.eval(point, []), f"{expr} -> {simple} at {point}"


@given(cases)
def test_bounds_enclose_every_value(case: tuple[list[int], AffineExpr]):
    sizes, expr = case
    low, high = bounds(linear_form(expr, sizes), sizes)
    values = [expr.eval(point, []) for point in points(sizes)]
    assert low <= min(values) and max(values) <= high


@given(cases)
def test_coefficients_rebuild_the_value(case: tuple[list[int], AffineExpr]):
    sizes, expr = case
    row = coefficients(expr, sizes)
    if row is None:
        return
    factors, constant = row
    for point in points(sizes):
        assert sum(c * p for c, p in zip(factors, point)) + constant == expr.eval(point, [])


@given(cases, st.data())
def test_substitute_composes(case: tuple[list[int], AffineExpr], data: st.DataObject):
    """Every dimension of the expression is replaced by one of new dimensions that stays in its range."""
    sizes, expr = case
    inner = data.draw(st.lists(st.integers(1, 4), min_size=2, max_size=2))
    choices = st.sampled_from([Dim(0) * inner[1] + Dim(1), Dim(1), Const(3)])
    replacement = [data.draw(choices) % n for n in sizes]
    result = substitute(AffineMap(len(sizes), 0, (expr,)), replacement, inner)
    assert result.num_dims == 2
    for point in points(inner):
        outer = [e.eval(point, []) for e in replacement]
        assert result.results[0].eval(point, []) == expr.eval(outer, [])


@given(st.lists(st.integers(1, 5), min_size=1, max_size=3), st.data())
def test_flat_access_is_the_row_major_address(shape: list[int], data: st.DataObject):
    sizes = data.draw(extents)
    access = AffineMap(len(sizes), 0, tuple(data.draw(expressions(len(sizes))) for _ in shape))
    strides = row_major(shape)
    address = flat_access(access, strides, sizes).expr()
    row = flat_strides(access, strides, sizes)
    for point in points(sizes):
        wanted = sum(e.eval(point, []) * s for e, s in zip(access.results, strides))
        assert address.eval(point, []) == wanted
        if row is not None:
            origin = address.eval([0] * len(sizes), [])
            assert origin + sum(c * p for c, p in zip(row, point)) == wanted


def test_tiles_and_panels_resolve():
    """What splitting a loop into tiles lives from: (32 o + l) floordiv 32 is o for l in [0, 32)."""
    outer, lane = Dim(0), Dim(1)
    index = outer * 32 + lane
    assert simplify(index // 32, [4, 32]) == outer
    assert simplify(index % 32, [4, 32]) == lane
    assert simplify((outer * 6 + lane) // 2, [4, 6]) == simplify(outer * 3 + lane // 2, [4, 6])


def test_a_dimension_of_extent_one_vanishes():
    assert simplify(Dim(0) * 5 + 3, [1]) == Const(3)


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (AffineExpr.binary(Kind.Mod, Dim(0), Const(0)), "divides by 0, expected a positive number"),
        (AffineExpr.binary(Kind.FloorDiv, Dim(0), Const(-2)), "divides by -2, expected a positive number"),
        (Dim(0) + AffineExpr.symbol(0), "symbols are not supported"),
    ],
)
def test_what_is_no_access(expression: AffineExpr, text: str):
    with pytest.raises(VerifyException, match=text):
        linear_form(expression, [4, 4])
