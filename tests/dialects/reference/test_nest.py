"""evaluate_nest against the nest run point by point, for every way it takes."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from xdsl.dialects import arith
from xdsl.dialects.builtin import f32, i8, i32
from xdsl.dialects.linalg.ops import YieldOp
from xdsl.ir import Block
from xdsl.ir.affine import AffineMap

from tenonc.dialects.nn.scalar_builder import ScalarBuilder
from tenonc.dialects.reference import evaluate_body, evaluate_nest

RNG = np.random.default_rng(0)


def block_of(types, body):
    block, builder = Block(arg_types=types), ScalarBuilder()
    result = body(builder, *block.args)
    block.add_ops([*builder.ops, YieldOp(result)])
    return block


def by_points(extents, kinds, maps, arrays, block):
    result = arrays[-1].copy()
    for point in product(*map(range, extents)):
        *read, at = [tuple(access.eval(list(point), [])) for access in maps]
        elements = [array[i] for array, i in zip(arrays, read, strict=False)] + [result[at]]
        (result[at],) = evaluate_body(block, elements)
    return result


def check(extents, kinds, maps, arrays, block, tolerance=0.0):
    expected = by_points(extents, kinds, maps, arrays, block)
    found = evaluate_nest(extents, kinds, maps, arrays, block)
    assert found.dtype == arrays[-1].dtype
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


def floats(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


P, R = "parallel", "reduction"
MULTIPLY_ADD = block_of([f32] * 3, lambda b, x, y, s: b.add(s, b.mul(x, y)))


@given(st.tuples(*[st.integers(1, 4)] * 6), st.integers(1, 2), st.integers(1, 2))
def test_convolution_with_halo(extents, stride, dilation):
    h, w, o, r, s, c = extents
    maps = [
        AffineMap.from_callable(lambda h, w, o, r, s, c: (h * stride + r * dilation, w + s, c)),
        AffineMap.from_callable(lambda h, w, o, r, s, c: (o, r, s, c)),
        AffineMap.from_callable(lambda h, w, o, r, s, c: (h + 1, w + 1, o)),
    ]
    image = floats((h - 1) * stride + (r - 1) * dilation + 1, w + s - 1, c)
    arrays = [image, floats(o, r, s, c), floats(h + 2, w + 2, o)]
    check(extents, [P] * 3 + [R] * 3, maps, arrays, MULTIPLY_ADD, 2e-5)


def test_blocked_accesses():
    maps = [
        AffineMap.from_callable(lambda o, k: (k // 4, k % 4)),
        AffineMap.from_callable(lambda o, k: (o // 8, k, o % 8)),
        AffineMap.from_callable(lambda o, k: (o // 8, o % 8)),
    ]
    arrays = [floats(3, 4), floats(3, 12, 8), floats(3, 8)]
    check([20, 12], [P, R], maps, arrays, MULTIPLY_ADD, 1e-5)


def test_elements_that_no_iteration_writes_keep_the_init():
    copy = block_of([f32, f32], lambda b, x, old: x)
    maps = [AffineMap.identity(1), AffineMap.from_callable(lambda i: (i * 2 + 1,))]
    check([3], [P], maps, [floats(3), floats(8)], copy)


BATCHES = [
    ["b, m, k", "b, k, n"],  # batch
    ["m, k", "n, k"],  # neither has b: repeats are broadcast
    ["b, k", "k"],  # a vector
    ["b, m", "n"],  # k in neither: the product is taken k times
    ["b, m, k", "n"],  # k in one only
]


@pytest.mark.parametrize("left, right", BATCHES)
def test_contractions(left, right):
    size = dict(b=2, m=3, n=4, k=5)
    names = list(size)

    def access(text):
        return AffineMap.from_callable(lambda b, m, n, k: tuple(dict(b=b, m=m, n=n, k=k)[i] for i in text))

    reads = [side.split(", ") for side in (left, right)]
    arrays = [floats(*(size[i] for i in read)) for read in reads] + [floats(2, 3, 4)]
    maps = [access(read) for read in (*reads, ["b", "m", "n"])]
    check([size[i] for i in names], [P, P, P, R], maps, arrays, MULTIPLY_ADD, 1e-5)


def test_integer_contraction_extends_and_wraps():
    def body(b, x, y, s):
        return b.add(s, b.mul(b(arith.ExtSIOp, x, i32), b(arith.ExtUIOp, y, i32)))

    block = block_of([i8, i8, i32], body)
    x, y = (RNG.integers(-128, 128, 300).astype(np.int8) for _ in range(2))
    identity, scalar = AffineMap.identity(1), AffineMap(1, 0, ())
    start = np.array(2**31 - 5, np.int32)
    with np.errstate(over="ignore"):
        check([300], [R], [identity, identity, scalar], [x, y, start], block)


def test_wide_integer_products_wrap():
    block = block_of([i32] * 3, lambda b, x, y, s: b.add(s, b.mul(x, y)))
    x, y = (RNG.integers(-(2**31), 2**31, 50).astype(np.int32) for _ in range(2))
    identity, scalar = AffineMap.identity(1), AffineMap(1, 0, ())
    check([50], [R], [identity, identity, scalar], [x, y, np.array(7, np.int32)], block)


COMBINATIONS = {
    "sum of exp": (lambda b, x, s: b.add(s, b.mul(b.abs(x), b.like(x, 0.5))), 1e-5),
    "maximum": (lambda b, x, s: b.max(s, x), 0.0),
    "product": (lambda b, x, s: b.mul(b.add(x, b.like(x, 1.0)), s), 1e-4),
    "order matters": (lambda b, x, s: b.add(b.mul(s, b.like(s, 0.5)), x), 1e-6),
    "accumulator twice": (lambda b, x, s: b.max(s, b.add(s, x)), 1e-5),
    "count": (lambda b, x, s: b.add(s, b.like(s, 1.0)), 2e-6),
}


@pytest.mark.parametrize("name", COMBINATIONS)
def test_reductions(name):
    body, tolerance = COMBINATIONS[name]
    block = block_of([f32, f32], body)
    maps = [AffineMap.from_callable(lambda i, r, s: (i, s, r)), AffineMap.from_callable(lambda i, r, s: (i,))]
    check([3, 2, 4], [P, R, R], maps, [floats(3, 4, 2), floats(3)], block, tolerance)


def test_nan_reaches_the_maximum():
    block = block_of([f32, f32], lambda b, x, s: b.max(s, x))
    x = np.array([1, np.nan, 2], np.float32)
    maps = [AffineMap.identity(1), AffineMap(1, 0, ())]
    assert np.isnan(evaluate_nest([3], [R], maps, [x, np.array(-np.inf, np.float32)], block))


def test_an_access_outside_the_array_is_refused():
    copy = block_of([f32, f32], lambda b, x, old: x)
    for access in (lambda i: (i + 1,), lambda i: (i // 2 + 3,), lambda i: (i * -1,)):
        maps = [AffineMap.from_callable(access), AffineMap.identity(1)]
        with pytest.raises(IndexError, match="of 4 elements"):
            evaluate_nest([4], [P], maps, [floats(4), floats(4)], copy)


def test_nothing_to_do():
    maps = [AffineMap.identity(1), AffineMap.identity(1)]
    copy = block_of([f32, f32], lambda b, x, old: x)
    assert evaluate_nest([0], [P], maps, [floats(0), floats(0)], copy).shape == (0,)
