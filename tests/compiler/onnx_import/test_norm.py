"""Norms, interpreted and native, against onnxruntime."""

import numpy as np
import pytest

RNG = np.random.default_rng(7)


def f32(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


IMAGE = {"x": f32(2, 6, 5, 7)}
ROWS = {"x": f32(3, 4, 37) * 3 + 1}


def pair(*shape: int) -> dict[str, np.ndarray]:
    return {"s": f32(*shape), "b": f32(*shape)}


@pytest.mark.parametrize(
    ("op", "arrays", "constants", "opset", "outputs", "attributes"),
    [
        ("LayerNormalization", ROWS, pair(37), 17, 1, {}),
        ("LayerNormalization", ROWS, {"s": f32(37)}, 17, 3, {"epsilon": 0.1}),
        ("LayerNormalization", ROWS, pair(4, 37), 17, 3, {"axis": 1}),
        ("LayerNormalization", ROWS, pair(3, 4, 37), 17, 1, {"axis": -3}),
        ("LayerNormalization", ROWS | pair(37), {}, 17, 1, {}),
        ("RMSNormalization", ROWS, {"s": f32(37)}, 23, 1, {}),
        ("InstanceNormalization", IMAGE, pair(6), 17, 1, {"epsilon": 1e-3}),
        ("InstanceNormalization", ROWS, pair(4), 22, 1, {}),
        ("GroupNormalization", IMAGE, pair(3), 18, 1, {"num_groups": 3}),
        ("GroupNormalization", IMAGE, pair(6), 21, 1, {"num_groups": 2}),
        ("LpNormalization", ROWS, {}, 17, 1, {"p": 1, "axis": 1}),
        ("LpNormalization", ROWS, {}, 17, 1, {"p": 2}),
        ("MeanVarianceNormalization", IMAGE, {}, 13, 1, {}),
        ("MeanVarianceNormalization", ROWS, {}, 13, 1, {"axes": [0, 2]}),
        ("LRN", IMAGE, {}, 13, 1, {"size": 3, "alpha": 0.5}),
        ("LRN", IMAGE, {}, 13, 1, {"size": 5, "bias": 2.0, "beta": 0.5, "alpha": 0.9}),
    ],
)  # fmt: skip
def test_like_onnxruntime(one_op, like_onnxruntime, op, arrays, constants, opset, outputs, attributes):
    like_onnxruntime(one_op(op, arrays, constants, outputs, opset, **attributes), arrays)


def test_a_vector_of_zeros_stays_zero(one_op):
    from tenonc.compiler import compile, load

    zeros = {"x": np.zeros((2, 3), np.float32)}
    for p in (1, 2):
        (y,) = compile(load(one_op("LpNormalization", zeros, p=p)))(zeros)
        np.testing.assert_array_equal(y, 0)


def test_a_batch_of_equal_numbers_has_no_variance(one_op):
    from tenonc.compiler import compile, load

    same = {"x": np.full((2, 3, 4, 5), 3.0, np.float32)}
    (y,) = compile(load(one_op("MeanVarianceNormalization", same)))(same)
    np.testing.assert_array_equal(y, 0)


@pytest.mark.parametrize("opset", [14, 15])
def test_batch_norm_with_the_statistics_of_the_batch(one_op, opset):
    """Against the formula: onnxruntime trains on no CPU."""
    from tenonc.compiler import compile, load

    x = f32(3, 4, 5, 6)
    scale, bias, mean = (f32(4) for _ in range(3))
    variance = np.abs(f32(4))
    constants = {"s": scale, "b": bias, "m": mean, "v": variance}
    attributes = {"training_mode": 1, "momentum": 0.7, "epsilon": 0.01}
    exe = compile(load(one_op("BatchNormalization", {"x": x}, constants, 3, opset, **attributes)))
    y, running_mean, running_variance = exe({"x": x})
    wide = x.astype(np.float64)
    own_mean, own_variance = wide.mean(axis=(0, 2, 3)), wide.var(axis=(0, 2, 3))
    column = (1, 4, 1, 1)
    normal = (wide - own_mean.reshape(column)) / np.sqrt(own_variance.reshape(column) + 0.01)
    np.testing.assert_allclose(y, normal * scale.reshape(column) + bias.reshape(column), atol=1e-5)
    np.testing.assert_allclose(running_mean, 0.7 * mean + 0.3 * own_mean, atol=1e-5)
    np.testing.assert_allclose(running_variance, 0.7 * variance + 0.3 * own_variance, atol=1e-5)
