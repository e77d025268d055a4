"""Scalar ops on arrays: integer signedness and width, comparisons with NaN, casts."""

import numpy as np
import pytest
from xdsl.dialects import arith, math
from xdsl.dialects.builtin import IntegerType, f16, f32, i1, i8, i32
from xdsl.dialects.linalg.ops import YieldOp
from xdsl.dialects.test import TestOp
from xdsl.ir import Block
from xdsl.utils.exceptions import InterpretationError

from tenonc.dialects.nn import element_type
from tenonc.dialects.reference import evaluate_body


def evaluate(make, *arrays):
    block = Block(arg_types=[element_type(array.dtype) for array in arrays])
    op = make(*block.args)
    block.add_ops([op, YieldOp(op.results[0])])
    (result,) = evaluate_body(block, arrays)
    return np.asarray(result)


A, B = np.array([-128, 127, -1, 5], np.int8), np.array([1, 1, 2, -3], np.int8)
T, F = np.array([True, True, False, False]), np.array([True, False, True, False])

INTEGER = [
    (arith.AddiOp, [-127, -128, 1, 2]),
    (arith.SubiOp, [127, 126, -3, 8]),
    (arith.MuliOp, [-128, 127, -2, -15]),
    (arith.DivSIOp, [-128, 127, 0, -1]),
    (arith.DivUIOp, [-128, 127, 127, 0]),
    (arith.MaxSIOp, [1, 127, 2, 5]),
    (arith.MaxUIOp, [-128, 127, -1, -3]),
    (arith.MinUIOp, [1, 1, 2, 5]),
    (arith.AndIOp, [0, 1, 2, 5]),
    (arith.XOrIOp, [-127, 126, -3, -8]),
]


@pytest.mark.parametrize("op, expected", INTEGER, ids=[op.name for op, _ in INTEGER])
def test_integers(op, expected):
    found = evaluate(op, A, B)
    assert found.dtype == np.int8 and found.tolist() == expected


def test_shifts():
    two = np.full(4, 2, np.int8)
    assert evaluate(arith.ShRSIOp, A, two).tolist() == [-32, 31, -1, 1]
    assert evaluate(arith.ShRUIOp, A, two).tolist() == [32, 31, 63, 1]
    assert evaluate(arith.ShLIOp, A, two).tolist() == [0, -4, -4, 20]


def test_booleans_are_one_bit_integers():
    assert evaluate(arith.AddiOp, T, F).tolist() == [False, True, True, False]
    assert evaluate(arith.XOrIOp, T, F).tolist() == [False, True, True, False]
    assert evaluate(arith.MuliOp, T, F).tolist() == [True, False, False, False]
    assert evaluate(lambda x: arith.ExtSIOp(x, i8), T).tolist() == [-1, -1, 0, 0]
    assert evaluate(lambda x: arith.ExtUIOp(x, i8), T).tolist() == [1, 1, 0, 0]
    assert evaluate(lambda x: arith.TruncIOp(x, i1), B).tolist() == [True, True, False, True]
    assert evaluate(lambda x: arith.UIToFPOp(x, f32), T).tolist() == [1, 1, 0, 0]


SIGNED = {"slt": np.less, "sle": np.less_equal, "sgt": np.greater, "sge": np.greater_equal}


@pytest.mark.parametrize("predicate", SIGNED)
def test_comparisons_of_integers(predicate):
    expected = SIGNED[predicate](A, B)
    np.testing.assert_array_equal(evaluate(lambda x, y: arith.CmpiOp(x, y, predicate), A, B), expected)
    unsigned = SIGNED[predicate](A.view(np.uint8), B.view(np.uint8))
    found = evaluate(lambda x, y: arith.CmpiOp(x, y, "u" + predicate[1:]), A, B)
    np.testing.assert_array_equal(found, unsigned)


ORDERS = {"eq": "==", "gt": ">", "ge": ">=", "lt": "<", "le": "<=", "ne": "!="}


@pytest.mark.parametrize("order", ORDERS)
def test_comparisons_of_floats(order):
    x, y = np.array([1, 2, 2, np.nan, 1], np.float32), np.array([2, 1, 2, 1, np.nan], np.float32)
    plain = [eval(f"{a} {ORDERS[order]} {b}") for a, b in zip(x[:3], y[:3], strict=True)]
    for prefix, on_nan in (("o", False), ("u", True)):
        name = prefix + order
        found = evaluate(lambda a, b, name=name: arith.CmpfOp(a, b, name), x, y)
        assert found.tolist() == [*plain, on_nan, on_nan]
    assert evaluate(lambda a, b: arith.CmpfOp(a, b, "uno"), x, y).tolist() == [False] * 3 + [True] * 2


def test_maxima_and_nan():
    x, y = np.array([np.nan, 1, -0.0], np.float32), np.array([1, 2, 0.0], np.float32)
    np.testing.assert_array_equal(evaluate(arith.MaximumfOp, x, y), [np.nan, 2, 0])
    np.testing.assert_array_equal(evaluate(arith.MaxnumfOp, x, y), [1, 2, 0])
    assert not np.signbit(evaluate(arith.MaximumfOp, x, y))[2]
    assert np.signbit(evaluate(arith.MinimumfOp, x, y))[2]


def test_casts_and_bits():
    x = np.array([1.7, -1.7, 65000, 1e-7], np.float32)
    assert evaluate(lambda v: arith.FPToSIOp(v, i32), x).tolist() == [1, -1, 65000, 0]
    assert evaluate(lambda v: arith.FPToUIOp(v, IntegerType(16)), x[[0, 2]]).view(np.uint16).tolist() == [
        1,
        65000,
    ]
    assert evaluate(lambda v: arith.TruncFOp(v, f16), x).dtype == np.float16
    bits = evaluate(lambda v: arith.BitcastOp(v, i32), np.array([1, -2], np.float32))
    assert bits.tolist() == [0x3F800000, -0x40000000]
    assert evaluate(lambda v: arith.UIToFPOp(v, f32), A).tolist() == [128, 127, 255, 5]


def test_arithmetic_rounds_after_every_op_and_fma_once():
    x, y, z = (np.array([v], np.float32) for v in (1 + 2**-13, 1 - 2**-13, -1))
    assert evaluate(math.FmaOp, x, y, z)[0] == np.float32(-(2.0**-26))
    product = evaluate(arith.MulfOp, x, y)
    assert product.dtype == np.float32 and evaluate(arith.AddfOp, product, z)[0] == 0


def test_an_unknown_op_is_named():
    with pytest.raises(InterpretationError, match="no scalar interpretation of test.op"):
        evaluate(lambda x: TestOp([x], result_types=[f32]), np.ones(1, np.float32))
