"""Each op's torch function against the reference interpreter, its gradient against finite differences."""

from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenonc.compiler.training.rules import RULES
from tenonc.compiler.training.rules.elementwise import FUNCTIONS
from tenonc.compiler.training.runners import SPECIAL, check_supported
from tenonc.dialects import nn, prune
from tenonc.dialects.errors import TenonError

RNG = np.random.default_rng(4)


def floats(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def distinct(*shape):
    """No two elements are closer than finite differences reach."""
    count = int(np.prod(shape))
    return (RNG.permutation(count).reshape(shape) / 3 - count / 6).astype(np.float32)


def ints(*values):
    return np.array(values, np.int64)


ROUNDING = {"floor", "ceil", "round", "sign"}
DOMAINS = {
    **dict.fromkeys(("log", "sqrt", "rsqrt", "pow"), (0.3, 2.0)),
    **dict.fromkeys(("asin", "acos", "atanh"), (-0.9, 0.9)),
    "acosh": (1.2, 3.0),
}


@pytest.mark.parametrize("fn", [name for name, f in nn.ELEMENTWISE.items() if f.rule in ("number", "float")])
def test_functions_of_floats(check, fn):
    arity, domain = nn.ELEMENTWISE[fn].arity, DOMAINS.get(fn, (-2.5, 2.5))
    x = np.linspace(*domain, 12, dtype=np.float32)
    x = x[np.abs(x % 1 - 0.5) > 0.05].reshape(-1, 1)
    operands = {1: [], 2: [[0.4, 1.3]], 3: [[-1.0], [1.2]]}[arity]
    check(
        partial(nn.ElementwiseOp, fn),
        x,
        *(np.array(a, np.float32) for a in operands),
        gradient=fn not in {*ROUNDING, "mod", "fmod"},
    )


def test_comparisons_and_logic(check):
    a, b = floats(3, 4).round(), floats(4).round()
    for fn in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"):
        check(partial(nn.ElementwiseOp, fn), a, b, gradient=False)
    for fn in ("and", "or", "xor"):
        check(partial(nn.ElementwiseOp, fn), a > 0, b > 0, gradient=False)
    check(partial(nn.ElementwiseOp, "not"), a > 0, gradient=False)
    check(partial(nn.ElementwiseOp, "where"), a > 0, floats(3, 1), floats(4))


def test_integers_are_the_interpreters(check):
    x, y = np.array([-7, 7, 100], np.int8), np.array([2, 0, 100], np.int8)
    for fn in ("add", "div", "pow", "shift_left", "bit_xor", "max"):
        check(partial(nn.ElementwiseOp, fn), x, y, gradient=False)
    check(lambda x: nn.CastOp(x, nn.element_type(np.int16)), floats(5) * 3, gradient=False)
    check(lambda x: nn.CastOp(x, nn.element_type(np.float32)), np.array([3, 9], np.uint32), gradient=False)
    check(lambda x: nn.BitcastOp(x, nn.element_type(np.uint32)), floats(5), gradient=False)
    check(lambda x: nn.ArgReduceOp("max", x, 1), floats(3, 5), gradient=False)
    check(lambda x: nn.TopKOp(x, 1, 3), floats(3, 5), gradient=False)
    check(lambda: nn.IotaOp(6), gradient=False)
    check(lambda x: nn.ReduceOp("max", x, axes=[1], keepdims=False), floats(2, 0), gradient=False)


def test_casts_of_floats(check):
    check(lambda x: nn.CastOp(x, nn.element_type(np.float16)), floats(5), gradient=False)
    check(lambda x: nn.CastOp(x, nn.element_type(np.float64)), floats(5))
    check(lambda x: nn.CastOp(x, nn.element_type(np.float32)), ints(1, 2), gradient=False)


@given(st.data())
def test_convolutions(check, data):
    rank, groups = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 2))

    def numbers(count, low, high):
        return [data.draw(st.integers(low, high)) for _ in range(count)]

    window: dict[str, Any] = dict(strides=numbers(rank, 1, 2), dilations=numbers(rank, 1, 2), groups=groups)
    kernel, bias = numbers(rank, 1, 3), (floats(4),) if data.draw(st.booleans()) else ()
    x = floats(2, 2 * groups, *numbers(rank, 5, 6))
    w = floats(4, 2, *kernel)
    pads = numbers(2 * rank, 0, 2)
    check(lambda *v: nn.ConvOp(*v, pads=pads, **window), x, w, *bias, gradient=False)
    pads = numbers(2 * rank, -1, 1)
    w = floats(2 * groups, 4 // groups, *kernel)
    check(lambda *v: nn.ConvTransposeOp(*v, pads=pads, **window), x, w, *bias, gradient=False)


def test_gradients_of_convolutions(check):
    window: dict[str, Any] = dict(strides=[2, 1], dilations=[1, 2], groups=2)
    x, bias = floats(1, 2, 4, 5), floats(2)
    check(lambda *v: nn.ConvOp(*v, pads=[1, 0, 0, 1], **window), x, floats(2, 1, 2, 2), bias)
    check(lambda *v: nn.ConvTransposeOp(*v, pads=[1, -1, 0, 2], **window), x, floats(2, 1, 2, 2), bias)


@given(st.data())
def test_pools(check, data):
    rank = data.draw(st.integers(1, 3))

    def numbers(count, low, high):
        return [data.draw(st.integers(low, high)) for _ in range(count)]

    window: dict[str, Any] = dict(
        kernel=numbers(rank, 1, 3), strides=numbers(rank, 1, 3), dilations=numbers(rank, 1, 2)
    )
    flags: dict[str, Any] = dict(
        ceil_mode=data.draw(st.booleans()), count_include_pad=data.draw(st.booleans())
    )
    x, pads = floats(2, 3, *numbers(rank, 5, 7)), numbers(2 * rank, 0, 2)
    for kind in ("max", "sum", "average", "argmax"):
        check(lambda v, kind=kind: nn.PoolOp(kind, v, pads=pads, **window, **flags), x, gradient=False)


def test_gradients_of_pools(check):
    window: dict[str, Any] = dict(
        kernel=[2, 3], strides=[2, 1], pads=[1, 0, 0, 1], dilations=[1, 2], ceil_mode=True
    )
    for kind in ("max", "average"):
        check(lambda v, kind=kind: nn.PoolOp(kind, v, **window), distinct(1, 2, 4, 7))


def test_matmul_softmax_and_reductions(check):
    check(nn.MatmulOp, floats(2, 1, 3, 4), floats(5, 4, 2))
    for log in (False, True):
        check(lambda x, log=log: nn.SoftmaxOp(x, 1, log=log), floats(2, 3, 2))
    for kind in ("sum", "mean", "max", "min", "prod"):
        for axes, keep in (([0, 2], False), ([1], True), ([], True)):
            check(lambda x, k=kind, a=axes, d=keep: nn.ReduceOp(k, x, axes=a, keepdims=d), distinct(2, 3, 2))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("exclusive", [False, True])
def test_cumulate(check, exclusive, reverse):
    for kind in ("sum", "prod"):
        check(lambda x, k=kind: nn.CumulateOp(k, x, 1, exclusive=exclusive, reverse=reverse), floats(2, 4))


def test_norms(check):
    x, parameters = floats(2, 4, 3), [floats(4, 1), floats(4, 1)]
    for kind in ("standard", "rms", "l1", "l2"):
        check(lambda *v, k=kind: nn.NormalizeOp(k, *v, axes=[2], epsilon=1e-5), x)
        check(lambda *v, k=kind: nn.NormalizeOp(k, *v, axes=[1, 2], epsilon=0.1, groups=2), x, *parameters)
    half = [a.astype(np.float16) for a in (x, *parameters)]
    check(lambda *v: nn.NormalizeOp("standard", *v, axes=[2], epsilon=1e-5), *half, gradient=False)
    statistics = [floats(4), floats(4), floats(4), np.abs(floats(4)) + 0.5]
    check(lambda *v: nn.BatchNormOp(*v, epsilon=1e-3), x, *statistics)
    check(lambda *v: nn.BatchNormOp(*v, epsilon=1e-3), x, weights=tuple(statistics))


def test_moves(check):
    x = floats(2, 3, 4)
    for array in (x, RNG.integers(0, 9, (2, 3, 4)), np.arange(24, dtype=np.uint16).reshape(2, 3, 4), x > 0):
        gradient = array.dtype.kind == "f"
        check(lambda v: nn.ReshapeOp(v, (6, 4)), array, gradient=gradient)
        check(lambda v: nn.TransposeOp(v, [2, 0, 1]), array, gradient=gradient)
        check(lambda *v: nn.ConcatOp(v, 1), array, array[:, :1], gradient=gradient)
        check(lambda v: nn.SliceOp(v, [0, 1, 0], [2, 2, 2], [1, 1, 3]), array, gradient=gradient)
        check(lambda v: nn.PadOp(v, [0, 1, 0], [2, 0, 1], 1.0), array, gradient=gradient)
        check(lambda v: nn.BroadcastOp(v, (5, 2, 3, 4)), array, gradient=gradient)
    check(lambda v: nn.BroadcastOp(v, (2, 5, 3)), floats(5, 1))


def test_gathers(check):
    x, index = floats(2, 3, 4), ints(0, -1, 7, 2, -9)
    check(lambda *v: nn.GatherOp(v[0], v[1:], 1), x, index.reshape(5, 1))
    check(lambda *v: nn.GatherOp(v[0], v[1:], 1), x, index, ints(3, 3, 0, -2, 1))
    pair = RNG.integers(-3, 3, (2, 2, 5))
    check(lambda *v: nn.GatherOp(v[0], v[1:], 1, 1), x, pair, pair[::-1].copy())
    check(lambda *v: nn.GatherOp(v[0], v[1:], 2, 1), x, pair)
    check(lambda x, i: nn.GatherElementsOp(x, i, 1), x, RNG.integers(-4, 4, (2, 5, 3)))


@pytest.mark.parametrize("kind", ["replace", "add", "mul", "max", "min"])
def test_scatters(check, kind):
    x, updates = distinct(4, 3), distinct(5, 3) + np.float32(0.1)
    check(lambda x, i, u: nn.ScatterOp(kind, x, i, u), x, ints(1, 0, 1, -1, 9), updates)
    indices = RNG.integers(-5, 5, (4, 6))
    check(
        lambda x, i, u: nn.ScatterElementsOp(kind, x, i, u, 1), x, indices, distinct(4, 6) + np.float32(0.1)
    )


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
def test_resize(check, mode):
    x = floats(1, 2, 4, 5)
    fields: dict[str, Any] = dict(sizes=[1, 2, 7, 3], scales=[1.0, 1.0, 1.75, 0.6])
    for coordinates in ("half_pixel", "align_corners", "asymmetric"):
        check(lambda v, c=coordinates: nn.ResizeOp(mode, v, coordinates=c, **fields), x)
    roi: dict[str, Any] = dict(
        roi=[0.0, 0.0, -0.5, 0.1, 1.0, 1.0, 1.2, 0.8], coordinates="tf_crop_and_resize"
    )
    check(lambda v: nn.ResizeOp(mode, v, extrapolation=3.0, **roi, **fields), x)


def test_masks(check):
    check(lambda x: prune.MaskOp(x, 1, [0, 2]), floats(2, 3, 4))
    check(lambda x: prune.MaskOp(x, 2, []), floats(2, 3, 4))
    check(lambda x: prune.MaskOp(x, 0, [1]), np.array([1, np.nan, 3], np.float32), gradient=False)


def test_every_op_has_a_rule_or_no_gradient():
    """But for those of passes that come after training."""
    late = {nn.WinogradInputOp, nn.WinogradWeightsOp, nn.WinogradOutputOp}
    integers = {nn.BitcastOp, nn.IotaOp, nn.ArgReduceOp, nn.TopKOp}
    ruled = {*RULES, *SPECIAL, *late, *integers, nn.ConstantOp}
    assert ruled == {*nn.NN.operations, prune.MaskOp}
    numbers = {name for name, f in nn.ELEMENTWISE.items() if f.rule != "integer"}
    assert numbers == FUNCTIONS.keys()


def test_unsupported_ops_are_listed(model_of):
    model = model_of(lambda x: nn.WinogradInputOp(x, tile=2, pads=[0, 0, 0, 0]), floats(1, 2, 4, 4))
    with pytest.raises(TenonError, match="^cannot run under torch: nn.winograd_input$"):
        check_supported(model.module)
