"""lower-nn against the interpretation of the nn ops it replaces, on every op and random shapes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, NameLoc, StringAttr, TensorType, UnknownLoc
from xdsl.dialects.linalg.ops import GenericOp
from xdsl.ir import Block, Region

from tenonc.dialects import nn
from tenonc.dialects.errors import TenonError
from tenonc.dialects.reference import interpreter
from tenonc.passes.lower_nn import LowerNnPass
from tenonc.passes.lower_nn.views import common_groups

RNG = np.random.default_rng(0)
STORE = nn.WeightStore()


def module_of(build, *inputs):
    """@main(inputs) returning what `build(emit, *arguments)` returns, every op located at "node"."""
    block = Block(arg_types=[TensorType(nn.element_type(x.dtype), x.shape) for x in inputs])

    def emit(op):
        op.location = NameLoc(StringAttr("node"), UnknownLoc())
        block.add_op(op)
        return op.results[0]

    result = build(emit, *block.args)
    block.add_op(func.ReturnOp(result))
    types = [argument.type for argument in block.args], [result.type]
    return ModuleOp([func.FuncOp("main", types, Region(block))])


def run(module, *inputs):
    (result,) = interpreter(module, STORE).call_op("main", inputs)
    return result


def check(build, *inputs, tolerance=1e-6):
    """The lowered module, after comparing its result with the nn ops'."""
    module = module_of(build, *inputs)
    expected = run(module, *inputs)
    LowerNnPass().apply(Context(), module)
    module.verify()
    found = run(module, *inputs)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    scale = np.abs(expected[np.isfinite(expected)]).max(initial=1e-30) if expected.dtype.kind == "f" else 1
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * scale)
    return module


def floats(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def constant(array):
    return nn.constant(STORE, array)


def names(module):
    return [op.name for op in module.walk()]


@pytest.mark.parametrize("fn", nn.ELEMENTWISE)
def test_elementwise_functions(fn):
    function = nn.ELEMENTWISE[fn]
    x = np.concatenate([floats(40) * 3, np.array([0.0, -0.0, 1.0, -1.0, 30.0, -30.0], np.float32)])
    operands = [x, floats(46), np.abs(floats(46)) + 1][: function.arity]
    if fn in ("log", "sqrt", "rsqrt", "pow"):
        operands[0] = np.abs(operands[0]) + np.float32(0.1)
    if fn in ("asin", "acos", "atanh"):
        operands[0] = np.sin(operands[0])
    if fn == "acosh":
        operands[0] = np.abs(operands[0]) + np.float32(1.1)
    if fn in ("sinh", "cosh", "tan"):
        operands[0] = operands[0] / np.float32(20)
    if function.rule == "integer":
        operands = [np.round(v * 9).astype(np.int32) for v in operands]
    if function.rule == "logic":
        operands = [v > 0 for v in operands]
    if function.rule == "where":
        operands[0] = operands[0] > 0
    check(lambda emit, *xs: emit(nn.ElementwiseOp(fn, *xs)), *operands, tolerance=1e-6)


INTEGER_FUNCTIONS = (
    "add sub mul div mod fmod pow min max neg abs sign relu clip less bit_and bit_or bit_xor bit_not"
    " shift_left shift_right"
).split()


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u4", "i8", "u8"])
@pytest.mark.parametrize("fn", INTEGER_FUNCTIONS)
def test_elementwise_functions_of_integers(fn, dtype):
    info = np.iinfo(dtype)
    edges = np.array([info.min, info.max, 0, 1, info.max // 2 + 1], dtype)
    operands = [
        np.concatenate([RNG.permutation(edges), RNG.integers(info.min, info.max, 50, dtype, endpoint=True)])
        for _ in range(nn.ELEMENTWISE[fn].arity)
    ]
    if fn == "div" and dtype[0] == "i":  # numpy warns of the smallest divided by -1
        operands[1] = np.where(operands[1] == -1, operands[1].dtype.type(3), operands[1])
    if fn == "pow":  # exponents of every size, of few bits: numpy's are slow
        operands[1] %= 90
    check_unsigned(lambda emit, *xs: emit(nn.ElementwiseOp(fn, *xs)), *operands)


def check_unsigned(build, *inputs):
    """As check; lowered functions take and return signless integers of the same bits."""
    module = module_of(build, *inputs)
    expected = run(module, *inputs)
    LowerNnPass().apply(Context(), module)
    module.verify()
    assert "ui" not in str(module.ops.first.function_type)
    found = run(module, *(x.view(f"i{x.itemsize}") if x.dtype.kind == "u" else x for x in inputs))
    assert found.itemsize == expected.itemsize
    np.testing.assert_array_equal(found.view(expected.dtype), expected)


def test_unsigned_constants_casts_and_reductions():
    x = RNG.integers(0, 256, (4, 6)).astype(np.uint8)
    other = RNG.integers(0, 256, (6,)).astype(np.uint8)
    build = [
        lambda emit, v: emit(nn.ElementwiseOp("max", v, emit(constant(other)))),
        lambda emit, v: emit(nn.PadOp(v, (0, 1), (1, 0), 200.0)),
        *(
            lambda emit, v, to=to: emit(nn.CastOp(v, nn.element_type(np.dtype(to))))
            for to in ("float32", "float64", "int8", "int32", "uint32", "int64", "bool")
        ),
        *(
            lambda emit, v, kind=kind: emit(nn.ReduceOp(kind, v, axes=(1,), keepdims=False))
            for kind in ("max", "min", "sum")
        ),
    ]
    for one in build:
        check_unsigned(one, x)
    for source in ("uint16", "uint32", "uint64", "int32", "int64"):
        for to in ("float32", "float64", "uint8", "int16", "uint64", "bool"):
            value = RNG.integers(0, 2**16, 20).astype(source)
            check_unsigned(lambda emit, v, to=to: emit(nn.CastOp(v, nn.element_type(np.dtype(to)))), value)


@pytest.mark.parametrize("fn", ["relu", "max", "min", "clip", "exp", "log", "tanh", "erf", "sigmoid", "mul"])
def test_elementwise_special_values(fn):
    special = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-42, 3e38, -3e38], np.float32)
    operands = [special, special[::-1].copy(), np.ones(8, np.float32)][: nn.ELEMENTWISE[fn].arity]
    module = check(lambda emit, *xs: emit(nn.ElementwiseOp(fn, *xs)), *operands)
    before = run(module_of(lambda emit, *xs: emit(nn.ElementwiseOp(fn, *xs)), *operands), *operands)
    after = run(module, *operands)
    np.testing.assert_array_equal(np.isnan(after), np.isnan(before))
    np.testing.assert_array_equal(np.signbit(after)[~np.isnan(after)], np.signbit(before)[~np.isnan(after)])


@given(st.lists(st.integers(1, 4), min_size=0, max_size=4), st.data())
def test_broadcast_operands_are_not_materialized(shape, data):
    other = [n if data.draw(st.booleans()) else 1 for n in shape][data.draw(st.integers(0, len(shape))) :]
    x, y = floats(*shape), floats(*other)
    module = check(lambda emit, a, b: emit(nn.ElementwiseOp("add", a, b)), x, y)
    assert names(module).count("linalg.generic") == 1


conv_cases = [
    # input, weight, strides, pads, dilations, groups
    ((2, 3, 8, 7), (4, 3, 3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 1),
    ((1, 3, 9, 9), (4, 3, 3, 2), (2, 1), (0, 1, 2, 0), (1, 2), 1),
    ((1, 6, 5, 5), (6, 1, 3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 6),
    ((2, 6, 5, 5), (8, 3, 3, 3), (2, 2), (1, 1, 1, 1), (1, 1), 2),
    ((1, 4, 5, 5), (8, 1, 3, 3), (1, 1), (0, 0, 0, 0), (1, 1), 4),
    ((1, 3, 9), (5, 3, 4), (2,), (1, 2), (2,), 1),
    ((1, 2, 4, 5, 6), (3, 2, 2, 2, 3), (1, 2, 1), (1, 0, 1, 0, 1, 1), (1, 1, 1), 1),
    ((1, 8, 4, 4), (5, 8, 1, 1), (1, 1), (0, 0, 0, 0), (1, 1), 1),
]


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("case", conv_cases, ids=str)
def test_conv(case, bias):
    image, weight, strides, pads, dilations, groups = case

    def build(emit, x):
        w = emit(constant(floats(*weight)))
        b = emit(constant(floats(weight[0]))) if bias else None
        return emit(nn.ConvOp(x, w, b, strides=strides, pads=pads, dilations=dilations, groups=groups))

    module = check(build, floats(*image))
    assert names(module).count("linalg.generic") == 2
    assert ("tensor.pad" in names(module)) == any(pads)
    last = [op for op in module.walk() if isinstance(op, GenericOp)][-1]
    assert names_of_body(last) == ["arith.mulf", "arith.addf", "linalg.yield"]


def names_of_body(generic):
    return [op.name for op in generic.body.block.ops]


def test_conv_with_run_time_weights():
    def build(emit, x, w, b):
        return emit(nn.ConvOp(x, w, b, strides=(1, 1), pads=(1, 1, 1, 1), dilations=(1, 1), groups=2))

    module = check(build, floats(1, 4, 5, 5), floats(6, 2, 3, 3), floats(6))
    assert "nn.reshape" not in names(module)


@pytest.mark.parametrize("include", [False, True])
@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize("kind", ["max", "average"])
@pytest.mark.parametrize(
    "case",
    [
        ((2, 3, 8, 8), (2, 2), (2, 2), (0, 0, 0, 0), (1, 1)),
        ((1, 2, 7, 6), (3, 3), (2, 2), (1, 1, 1, 1), (1, 1)),
        ((1, 2, 9, 6), (3, 2), (2, 3), (1, 0, 0, 1), (2, 1)),
        ((1, 2, 10), (3,), (2,), (1, 0), (1,)),
        ((1, 1, 5, 5, 5), (2, 2, 2), (2, 1, 2), (0, 1, 0, 1, 1, 0), (1, 1, 1)),
    ],
    ids=str,
)
def test_pool(case, kind, ceil_mode, include):
    shape, kernel, strides, pads, dilations = case
    check(
        lambda emit, x: emit(
            nn.PoolOp(
                kind,
                x,
                kernel=kernel,
                strides=strides,
                pads=pads,
                dilations=dilations,
                ceil_mode=ceil_mode,
                count_include_pad=include,
            )
        ),
        floats(*shape),
    )


def test_max_pool_keeps_nan_and_minus_infinity():
    x = np.full((1, 1, 4, 4), -np.inf, np.float32)
    x[0, 0, 0, 0] = np.nan
    window = dict(kernel=(2, 2), strides=(2, 2), pads=(0, 0, 0, 0), dilations=(1, 1))
    module = check(lambda emit, v: emit(nn.PoolOp("max", v, **window)), x)
    np.testing.assert_array_equal(run(module, x)[0, 0], [[np.nan, -np.inf], [-np.inf, -np.inf]])


@pytest.mark.parametrize(
    "a, b", [((4, 5), (5, 6)), ((2, 4, 5), (5, 6)), ((3, 1, 4, 5), (2, 5, 6)), ((1, 5), (7, 5, 1))]
)
def test_matmul(a, b):
    module = check(lambda emit, x, y: emit(nn.MatmulOp(x, y)), floats(*a), floats(*b))
    assert names(module).count("linalg.generic") == 2


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axes", [(), (1,), (2, 0), (0, 1, 2)], ids=str)
@pytest.mark.parametrize("kind", ["sum", "mean", "max", "min", "prod"])
def test_reduce(kind, axes, keepdims):
    check(lambda emit, x: emit(nn.ReduceOp(kind, x, axes=axes, keepdims=keepdims)), floats(3, 4, 5))


def test_reduce_integers():
    x = RNG.integers(-(2**31), 2**31, (3, 5)).astype(np.int32)
    for kind in ("sum", "max", "min"):
        check(lambda emit, v, kind=kind: emit(nn.ReduceOp(kind, v, axes=(1,), keepdims=False)), x)


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_softmax(axis, log):
    module = check(lambda emit, x: emit(nn.SoftmaxOp(x, axis, log=log)), floats(3, 4, 5) * 50)
    starts = 2
    assert names(module).count("linalg.generic") == (4 if log else 5) + starts


@given(st.lists(st.integers(1, 6), min_size=0, max_size=5), st.data())
def test_reshape(shape, data):
    factors = [p for n in shape for p in ([2, 2] if n == 4 else [2, 3] if n == 6 else [n])]
    target, rest = [], data.draw(st.permutations(factors))
    while rest:
        take = data.draw(st.integers(1, len(rest)))
        target, rest = [*target, int(np.prod(rest[:take]))], rest[take:]
    x = floats(*shape)
    module = check(lambda emit, v: emit(nn.ReshapeOp(v, target)), x)
    assert sum("_shape" in name for name in names(module)) <= 2


def test_reshape_collapses_only_what_it_must():
    assert common_groups((6, 4, 5), (2, 3, 20)) == [([0], [0, 1]), ([1, 2], [2])]
    assert common_groups((1, 512, 1, 1), (1, 512)) == [([0], [0]), ([1, 2, 3], [1])]


def test_views_and_copies():
    x = floats(2, 3, 4)
    check(lambda emit, v: emit(nn.TransposeOp(v, (2, 0, 1))), x)
    check(lambda emit, v: emit(nn.ConcatOp([v, v, v], 1)), x)
    check(lambda emit, v: emit(nn.SliceOp(v, (0, 1, 0), (2, 2, 2), (1, 1, 3))), x)
    check(lambda emit, v: emit(nn.PadOp(v, (0, 1, 0), (1, 0, 2), -np.inf)), x)
    check(lambda emit, v: emit(nn.BroadcastOp(v, (5, 2, 3, 4))), x)


@pytest.mark.parametrize("source", [np.float32, np.float64, np.float16, np.int32, np.int8, bool])
def test_cast(source):
    x = (floats(50) * 20).astype(source)
    for to in ("float32", "float64", "float16", "int32", "int8", "int64", "bool"):
        check(lambda emit, v, to=to: emit(nn.CastOp(v, nn.element_type(np.dtype(to)))), x)


def test_compile_time_ops_stay_and_locations_survive():
    def build(emit, x):
        w = emit(nn.TransposeOp(emit(constant(floats(6, 5))), (1, 0)))
        return emit(nn.ElementwiseOp("relu", emit(nn.MatmulOp(x, w))))

    module = check(build, floats(4, 5))
    assert names(module).count("nn.transpose") == 1
    body = module.ops.first.body.block
    assert all(isinstance(op.location, NameLoc) for op in body.ops if op is not body.last_op)


def test_bounds_that_are_one_number_are_part_of_the_body():
    def build(emit, x):
        bounds = [emit(constant(np.float32(v))) for v in (-1, 1)]
        return emit(nn.ElementwiseOp("clip", x, *bounds))

    module = check(build, floats(4, 5))
    (generic,) = [op for op in module.walk() if isinstance(op, GenericOp)]
    assert len(generic.inputs) == 1 and names_of_body(generic).count("arith.constant") == 2


def test_what_cannot_be_lowered_is_one_line():
    parameters = [np.ones(3, np.float32)] * 4
    module = module_of(lambda emit, v, *p: emit(nn.BatchNormOp(v, *p, 1e-5)), floats(1, 3, 2, 2), *parameters)
    with pytest.raises(TenonError, match="^lower-nn: nn.batch_norm has no lowering; fold-batch-norm must"):
        LowerNnPass().apply(Context(), module)
    assert "nn.batch_norm" in names(module)
