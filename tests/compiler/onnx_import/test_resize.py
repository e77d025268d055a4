"""Resizing in every mode, interpreted and native, against onnxruntime."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

RNG = np.random.default_rng(19)
COORDINATES = ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "half_pixel_symmetric"]
ROUNDINGS = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]


def f32(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def by_sizes(one_op, x, sizes, opset=19, **attributes):
    constants = {"sizes": np.array(sizes, np.int64)}
    return one_op("Resize", {"x": x}, constants, opset=opset, order=["x", "", "", "sizes"], **attributes)


def by_scales(one_op, x, scales, opset=19, **attributes):
    constants = {"scales": np.array(scales, np.float32)}
    return one_op("Resize", {"x": x}, constants, opset=opset, order=["x", "", "scales"], **attributes)


@st.composite
def resizes(draw):
    """(height, width, new height, new width, attributes)."""
    extents = [draw(st.integers(2, 9)) for _ in range(2)]
    if draw(st.booleans()):
        sizes = [draw(st.integers(1, 14)) for _ in range(2)]
    else:
        sizes = [n * draw(st.sampled_from([1, 2, 3])) for n in extents]
    mode = draw(st.sampled_from(["nearest", "linear", "linear", "cubic"]))
    attributes = {"mode": mode, "coordinate_transformation_mode": draw(st.sampled_from(COORDINATES))}
    if mode == "nearest":
        attributes["nearest_mode"] = draw(st.sampled_from(ROUNDINGS))
    if mode == "cubic":
        attributes["cubic_coeff_a"] = draw(st.sampled_from([-0.75, -0.5]))
        attributes["exclude_outside"] = draw(st.integers(0, 1))
    return *extents, *sizes, attributes


@settings(max_examples=30)
@given(resizes())
def test_like_onnxruntime(one_op, like_onnxruntime, case):
    h, w, new_h, new_w, attributes = case
    x = f32(1, 3, h, w)
    like_onnxruntime(by_sizes(one_op, x, [1, 3, new_h, new_w], **attributes), {"x": x})


@pytest.mark.parametrize("mode", ["linear", "cubic"])
@pytest.mark.parametrize("sizes", [[4, 3], [5, 10], [9, 4], [20, 7]])
def test_antialias(one_op, like_onnxruntime, mode, sizes):
    x = f32(1, 2, 10, 9)
    made = by_sizes(one_op, x, [1, 2, *sizes], mode=mode, antialias=1)
    like_onnxruntime(made, {"x": x}, bound=1e-4)


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize("scales", [[2.0, 2.0], [1.5, 3.0], [0.5, 0.25], [0.6, 1.3]])
def test_scales(one_op, like_onnxruntime, mode, scales):
    x = f32(2, 3, 8, 8)
    like_onnxruntime(by_scales(one_op, x, [1.0, 1.0, *scales], mode=mode), {"x": x})


@pytest.mark.parametrize("policy", ["not_larger", "not_smaller"])
def test_axes_and_aspect_ratio(one_op, like_onnxruntime, policy):
    x = f32(2, 5, 6, 3)
    made = by_sizes(one_op, x, [7, 11], axes=[2, 1], keep_aspect_ratio_policy=policy, mode="linear")
    like_onnxruntime(made, {"x": x})


def test_crop_with_extrapolation(one_op, like_onnxruntime):
    x = f32(1, 1, 6, 5)
    constants = {
        "roi": np.array([0, 0, 0.2, -0.3, 1, 1, 0.9, 1.2], np.float32),
        "sizes": np.array([1, 1, 5, 8], np.int64),
    }
    made = one_op(
        "Resize", {"x": x}, constants, opset=13, order=["x", "roi", "", "sizes"], mode="linear",
        coordinate_transformation_mode="tf_crop_and_resize", extrapolation_value=10.0,
    )  # fmt: skip
    like_onnxruntime(made, {"x": x})


def test_older_opsets(one_op, like_onnxruntime):
    x = f32(1, 2, 4, 5)
    scales = np.array([1, 1, 2, 3], np.float32)
    like_onnxruntime(one_op("Upsample", {"x": x}, opset=8, scales=scales.tolist(), mode="linear"), {"x": x})
    like_onnxruntime(one_op("Upsample", {"x": x}, {"s": scales}, opset=9), {"x": x})
    like_onnxruntime(one_op("Resize", {"x": x}, {"s": scales}, opset=10, mode="linear"), {"x": x})
    half = np.array([1, 1, 0.5, 0.6], np.float32)
    like_onnxruntime(one_op("Resize", {"x": x}, {"s": half}, opset=10), {"x": x})


@pytest.mark.parametrize("rank", [1, 3])
def test_other_ranks(one_op, like_onnxruntime, rank):
    x = f32(2, 2, *(4, 5, 6)[:rank])
    made = by_scales(one_op, x, [1.0, 1.0, *[2.0] * rank], mode="linear")
    like_onnxruntime(made, {"x": x})


def test_integers_have_the_nearest(one_op, like_onnxruntime):
    x = RNG.integers(0, 200, (1, 2, 4, 5)).astype(np.uint8)
    like_onnxruntime(by_scales(one_op, x, [1.0, 1.0, 2.0, 2.0]), {"x": x})


def test_twice_is_elementwise(one_op):
    """The common case has neither gathers nor matrix products."""
    from tenonc.compiler import load
    from tenonc.passes.decompose_nn import DecomposeNnPass

    model = load(by_scales(one_op, f32(1, 3, 8, 8), [1.0, 1.0, 2.0, 2.0], mode="linear"))
    DecomposeNnPass().apply(None, model.module)  # pyright: ignore
    names = {op.name for op in model.main.body.block.ops}
    assert "nn.elementwise" in names and not names & {"nn.gather", "nn.matmul", "nn.resize"}
