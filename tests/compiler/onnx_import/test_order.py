"""Positions, orders, totals, scatters and rearrangements, interpreted and native, against onnxruntime."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenonc.compiler import TenonError, compile, load, run_reference

RNG = np.random.default_rng(23)


def f32(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def few(*shape, dtype=np.float32):
    """Many equal elements."""
    return RNG.integers(-3, 4, shape).astype(dtype)


def ints(*values):
    return np.array(values, np.int64)


@pytest.mark.parametrize("dtype", ["f4", "i4", "f8", "u1", "f2"])
@pytest.mark.parametrize("op", ["ArgMax", "ArgMin"])
def test_positions_of_extrema(one_op, like_onnxruntime, op, dtype):
    x = {"x": np.abs(few(3, 5, 7)).astype(dtype)}
    for axis, keepdims, last in [(0, 1, 0), (1, 0, 1), (-1, 0, 0), (2, 1, 1)]:
        model = one_op(op, x, opset=13, axis=axis, keepdims=keepdims, select_last_index=last)
        like_onnxruntime(model, x)


def test_the_first_nan_is_the_extremum(one_op):
    x = np.float32([[1, np.nan, 9, np.nan], [3, -np.inf, np.inf, 0]])
    for op, expected in (("ArgMax", [1, 2]), ("ArgMin", [1, 1])):
        model = one_op(op, {"x": x}, axis=1, keepdims=0)
        assert compile(load(model))(x)[0].tolist() == expected
        assert run_reference(load(model), {"x": x})["y0"].tolist() == expected


@pytest.mark.parametrize("largest", [0, 1])
@pytest.mark.parametrize("dtype", ["f4", "i8", "f8", "u1"])
def test_top_k(one_op, like_onnxruntime, dtype, largest):
    x = {"x": few(3, 11, dtype="i8").clip(0 if dtype == "u1" else -9).astype(dtype)}
    for axis, k in [(1, 4), (0, 3), (-1, 11), (1, 1)]:
        model = one_op("TopK", x, {"k": ints(k)}, outputs=2, axis=axis, largest=largest)
        like_onnxruntime(model, x)


def test_top_k_orders_nan_above_numbers(one_op):
    x = np.float32([np.nan, 1, np.inf, np.nan, -1])
    model = one_op("TopK", {"x": x}, {"k": ints(5)}, outputs=2)
    assert compile(load(model))(x)[1].tolist() == [0, 3, 2, 1, 4]
    assert run_reference(load(model), {"x": x})["y1"].tolist() == [0, 3, 2, 1, 4]


@pytest.mark.parametrize("reverse", [0, 1])
@pytest.mark.parametrize("exclusive", [0, 1])
@pytest.mark.parametrize("dtype", ["f4", "i4", "i8", "f8"])
def test_running_sums(one_op, like_onnxruntime, dtype, exclusive, reverse):
    x = {"x": (f32(2, 9, 5) * 4).astype(dtype)}
    for axis in (0, 1, -1):
        model = one_op("CumSum", x, {"a": np.array(axis)}, exclusive=exclusive, reverse=reverse)
        like_onnxruntime(model, x)


@pytest.mark.parametrize("opset", [11, 13])
def test_hardmax(one_op, like_onnxruntime, opset):
    x = {"x": few(2, 3, 4)}
    for axis in (0, 1, 2):
        like_onnxruntime(one_op("Hardmax", x, opset=opset, axis=axis), x)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_one_hot(one_op, like_onnxruntime, axis):
    x, values = {"i": RNG.integers(-5, 5, (2, 3))}, {"d": ints(5), "v": np.float32([0.5, 2])}
    like_onnxruntime(one_op("OneHot", x, values, axis=axis), x)


SCATTERED = ["none", "add", "mul", "max", "min"]


def distinct(shape, axis, count):
    """Positions along an axis, none twice in a line: with several of one, onnxruntime's order is open."""
    lines = [RNG.permutation(shape[axis])[:count] for _ in range(int(np.prod(shape)) // shape[axis])]
    moved = np.array(lines).reshape(*(n for i, n in enumerate(shape) if i != axis), count)
    return np.ascontiguousarray(np.moveaxis(moved, -1, axis))


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("kind", SCATTERED)
def test_scatter_elements(one_op, like_onnxruntime, kind, known):
    for axis in (0, 1, 2):
        indices = distinct((4, 5, 6), axis, 3)
        indices[0] -= (4, 5, 6)[axis]
        part = indices[:, :3, :5] if axis != 1 else indices[:2]
        for i in (indices, np.ascontiguousarray(part)):
            x = {"x": f32(4, 5, 6)} | ({} if known else {"i": i}) | {"u": f32(*i.shape)}
            constants = {"i": i} if known else {}
            model = one_op("ScatterElements", x, constants, opset=18, order="xiu", axis=axis, reduction=kind)
            like_onnxruntime(model, x)


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("kind", SCATTERED)
def test_scatter_nd(one_op, like_onnxruntime, kind, known):
    for count, rows in [(1, 3), (2, 7), (3, 30)]:
        flat = RNG.permutation(int(np.prod((4, 5, 6)[:count])))[:rows]
        i = np.stack(np.unravel_index(flat, (4, 5, 6)[:count]), -1)
        i[0] -= np.array((4, 5, 6)[:count])
        x = {"x": f32(4, 5, 6)} | ({} if known else {"i": i}) | {"u": f32(len(i), *(4, 5, 6)[count:])}
        model = one_op("ScatterND", x, {"i": i} if known else {}, opset=18, order="xiu", reduction=kind)
        like_onnxruntime(model, x)


@pytest.mark.parametrize("kind", ["add", "mul", "max", "none"])
def test_several_updates_of_one_element_in_order(one_op, kind):
    x, u = f32(3, 2), f32(6, 2)
    i = ints(0, 2, 0, -1, 0, 2).reshape(6, 1)
    expected = x.copy()
    fold = {"add": np.add, "mul": np.multiply, "max": np.maximum, "none": lambda a, b: b}[kind]
    for at, row in zip(i[:, 0], u):
        expected[at] = fold(expected[at], row)
    for constants in ({}, {"i": i}):
        arrays = {"x": x, "i": i, "u": u}
        arrays = {k: v for k, v in arrays.items() if k not in constants}
        model = one_op("ScatterND", arrays, constants, opset=18, order="xiu", reduction=kind)
        np.testing.assert_allclose(compile(load(model))(arrays)[0], expected, rtol=1e-6)


@pytest.mark.parametrize("mode", ["linear", "circular"])
def test_windows_of_a_cache(one_op, mode):
    cache, update = f32(2, 3, 8, 4), f32(2, 3, 3, 4)
    start = ints(0, 5) if mode == "linear" else ints(7, 6)
    model = one_op("TensorScatter", {"c": cache, "u": update, "w": start}, opset=24, axis=2, mode=mode)
    expected = cache.copy()
    for batch, first in enumerate(start):
        for step in range(3):
            expected[batch, :, (first + step) % 8] = update[batch, :, step]
    np.testing.assert_array_equal(compile(load(model))(cache, update, start)[0], expected)


@settings(max_examples=25)
@given(st.data())
def test_padding_by_the_tensor_itself(one_op, like_onnxruntime, data):
    mode = data.draw(st.sampled_from(["reflect", "edge", "wrap"]))
    shape = [data.draw(st.integers(3, 5)) for _ in range(3)]
    pads = [data.draw(st.integers(0, 2)) for _ in range(6)]
    x = {"x": f32(*shape)}
    like_onnxruntime(one_op("Pad", x, {"p": ints(*pads)}, opset=19, mode=mode), x)


def test_steps_backwards(one_op, like_onnxruntime):
    x = {"x": f32(5, 6, 7)}
    constants = {"s": ints(10, -1, 1), "e": ints(-10, 0, 6), "a": ints(0, 2, 1), "t": ints(-2, -3, 2)}
    like_onnxruntime(one_op("Slice", x, constants), x)


@pytest.mark.parametrize("upper", [0, 1])
def test_repeated_and_masked(one_op, like_onnxruntime, upper):
    x = {"x": f32(2, 3, 4)}
    like_onnxruntime(one_op("Tile", x, {"r": ints(2, 1, 3)}), x)
    for k in (-1, 0, 2):
        like_onnxruntime(one_op("Trilu", x, {"k": np.array(k)}, upper=upper), x)
    matrix = {"x": f32(3, 5)}
    like_onnxruntime(one_op("EyeLike", matrix, k=upper), matrix)
    like_onnxruntime(one_op("Compress", x, {"c": np.array([True, False, True])}, axis=1), x)


@pytest.mark.parametrize("batch", [0, 1])
def test_sequences_backwards(one_op, like_onnxruntime, batch):
    x = {"x": f32(4, 5, 3), "n": ints(*RNG.integers(1, 5, 4 + batch))}
    like_onnxruntime(one_op("ReverseSequence", x, opset=10, batch_axis=batch, time_axis=1 - batch), x)


def test_what_decides_shapes_must_be_known(one_op, like_onnxruntime):
    x = {"x": few(3, 4)}
    with pytest.raises(TenonError, match="the input of NonZero, .* must be known at compile time"):
        load(one_op("NonZero", x))
    unused = {"y": f32(1)}
    like_onnxruntime(one_op("NonZero", unused, x, order=["x"]), unused)
    for ordered in (0, 1):
        model = one_op("Unique", unused, {"x": few(9)}, outputs=4, order=["x"], sorted=ordered)
        like_onnxruntime(model, unused)


def test_unpooled(build, like_onnxruntime):
    from onnx import TensorProto, helper

    pool = helper.make_node("MaxPool", ["x"], ["y", "i"], kernel_shape=[2, 2], strides=[2, 2])
    back = helper.make_node("MaxUnpool", ["y", "i"], ["z"], kernel_shape=[2, 2], strides=[2, 2])
    like_onnxruntime(
        build([pool, back], {"x": (TensorProto.FLOAT, [2, 3, 6, 8])}, ["z"]), {"x": f32(2, 3, 6, 8)}
    )
