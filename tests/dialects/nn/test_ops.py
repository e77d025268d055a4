"""Constructors: inferred types, and one clear line for what is wrong."""

import numpy as np
import pytest
from xdsl.dialects.builtin import DYNAMIC_INDEX, TensorType, f32, f64, i1, i32
from xdsl.dialects.test import TestOp

from tenonc.dialects import nn
from tenonc.dialects.errors import TenonError


def value(*shape, element=f32):
    return TestOp(result_types=[TensorType(element, shape)]).results[0]


X, W = value(1, 4, 9, 9), value(6, 4, 3, 3)
CONV = dict(strides=[1, 1], pads=[0, 0, 0, 0], dilations=[1, 1])
POOL = dict(kernel=[2, 2], strides=[2, 2], pads=[0, 0, 0, 0], dilations=[1, 1])

INFERRED = [
    (
        lambda: nn.ElementwiseOp("add", value(2, 1, element=i32), value(3, element=i32)),
        TensorType(i32, [2, 3]),
    ),
    (lambda: nn.ElementwiseOp("less", value(2), value(2)), TensorType(i1, [2])),
    (lambda: nn.ElementwiseOp("where", value(2, element=i1), value(1), value()), TensorType(f32, [2])),
    (lambda: nn.CastOp(value(2), f64), TensorType(f64, [2])),
    (lambda: nn.ConvOp(X, W, **CONV), TensorType(f32, [1, 6, 7, 7])),
    (lambda: nn.ConvOp(X, W, **CONV | dict(strides=[2, 3], dilations=[2, 1])), TensorType(f32, [1, 6, 3, 3])),
    (lambda: nn.ConvOp(X, W, value(6), **CONV | dict(pads=[1, 0, 0, 2])), TensorType(f32, [1, 6, 8, 9])),
    (lambda: nn.PoolOp("max", X, **POOL), TensorType(f32, [1, 4, 4, 4])),
    (lambda: nn.PoolOp("max", X, ceil_mode=True, **POOL), TensorType(f32, [1, 4, 5, 5])),
    (lambda: nn.MatmulOp(value(5, 1, 2, 3), value(4, 3, 7)), TensorType(f32, [5, 4, 2, 7])),
    (lambda: nn.ReduceOp("sum", X, axes=[1, 3], keepdims=False), TensorType(f32, [1, 9])),
    (lambda: nn.ReduceOp("max", X, axes=[1], keepdims=True), TensorType(f32, [1, 1, 9, 9])),
    (lambda: nn.BroadcastOp(value(), [2, 2]), TensorType(f32, [2, 2])),
]


@pytest.mark.parametrize("make, expected", INFERRED)
def test_inferred_type(make, expected):
    op = make()
    op.verify()
    assert op.result.type == expected


WRONG = [
    (lambda: nn.ElementwiseOp("plus", X, X), "elementwise function 'plus' is unknown, expected one of add"),
    (lambda: nn.ElementwiseOp("add", X), "add: got 1 operands, expected 2"),
    (lambda: nn.ElementwiseOp("add", X, value(9, element=f64)), "add: element types differ: f32, f64"),
    (lambda: nn.ElementwiseOp("add", value(2), value(3)), "add: shapes 2, 3 do not broadcast"),
    (lambda: nn.ElementwiseOp("exp", value(2, element=i32)), "exp: element type i32 is not a float type"),
    (lambda: nn.ElementwiseOp("not", value(2)), "not: element type f32, expected i1"),
    (
        lambda: nn.ElementwiseOp("neg", value(DYNAMIC_INDEX)),
        "operand has type tensor<?xf32>, expected a",
    ),
    (
        lambda: nn.ConvOp(X, value(6, 3, 3, 3), **CONV),
        "conv: input 1x4x9x9, weight 6x3x3x3 and groups",
    ),
    (lambda: nn.ConvOp(X, W, value(5), **CONV), "conv: bias has shape 5, expected 6"),
    (lambda: nn.ConvOp(X, value(6, 4, 3), **CONV), "conv: input has rank 4, weight 3, expected equal"),
    (
        lambda: nn.ConvOp(X, value(6, 4, 12, 3), **CONV),
        "conv: window spans 12x3, more than the padded",
    ),
    (
        lambda: nn.ConvOp(X, W, **CONV | dict(strides=[0, 1])),
        "conv: strides is [0, 1], expected 2 numbers",
    ),
    (lambda: nn.PoolOp("median", X, **POOL), "pool 'median' is unknown, expected one of max, average, sum"),
    (lambda: nn.MatmulOp(value(2, 3), value(4, 5)), "matmul: shapes 2x3 and 4x5 do not agree"),
    (lambda: nn.MatmulOp(value(3), value(3, 5)), "matmul: shapes 3 and 3x5, expected rank 2 or more"),
    (
        lambda: nn.ReduceOp("sum", X, axes=[4], keepdims=True),
        "reduce sum: axes [4] are no distinct axes",
    ),
    (lambda: nn.SoftmaxOp(X, 4), "softmax: axis 4 is not within the rank 4"),
    (lambda: nn.BatchNormOp(X, *[value(3)] * 4, 0.1), "batch_norm: scale has shape 3, expected 4"),
    (lambda: nn.ReshapeOp(X, [5]), "reshape: shape 1x4x9x9 cannot become 5"),
    (
        lambda: nn.TransposeOp(X, [0, 1, 2, 2]),
        "transpose: perm [0, 1, 2, 2] is no permutation of",
    ),
    (
        lambda: nn.ConcatOp([value(2, 3), value(3, 4)], 0),
        "concat: shapes 2x3, 3x4 differ in more",
    ),
    (lambda: nn.SliceOp(value(4), [2], [2], [2]), "slice: 2 elements from 2 by 2 leave the 4 of axis 0"),
    (lambda: nn.PadOp(value(4), [-1], [0], 0.0), "pad: low [-1], high [0], expected 1 numbers"),
    (lambda: nn.BroadcastOp(value(4), [4, 2]), "broadcast: shape 4 does not broadcast to 4x2"),
    (
        lambda: nn.element_type(np.dtype("complex64")),
        "dtype complex64 is not supported, expected one",
    ),
]


@pytest.mark.parametrize("make, message", WRONG, ids=[message for _, message in WRONG])
def test_mistakes_are_one_line(make, message):
    with pytest.raises(TenonError) as raised:
        make()
    text = str(raised.value)
    assert text.startswith(message) and "\n" not in text and not text.endswith(".")


def test_compile_time_values():
    store = nn.WeightStore()
    w = nn.constant(store, np.ones((4, 5), np.float32)).result
    folded = nn.TransposeOp(nn.ElementwiseOp("neg", w).result, [1, 0]).result
    assert nn.is_compile_time(folded)
    assert not nn.is_compile_time(nn.MatmulOp(value(3, 5), folded).result)
