"""Transposed convolutions of any geometry, interpreted and native, against onnxruntime."""

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

RNG = np.random.default_rng(13)


def f32(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


@st.composite
def transposed(draw):
    """(input shape, weight shape, has a bias, attributes) with something left of the result."""
    rank = draw(st.sampled_from([1, 2, 2, 2, 3]))
    most = 4 if rank < 3 else 2

    def numbers(low: int, high: int, count: int = rank) -> list[int]:
        return draw(st.lists(st.integers(low, high), min_size=count, max_size=count))

    kernel, strides, dilations = numbers(1, most), numbers(1, 3), numbers(1, 2)
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    channels, outputs = draw(st.integers(1, 4)) * groups, draw(st.integers(1, 5))
    image = numbers(1, 5)
    attributes = {"strides": strides, "dilations": dilations, "group": groups}
    spans = [s * (n - 1) + (k - 1) * d + 1 for s, n, k, d in zip(strides, image, kernel, dilations)]
    mode = draw(st.sampled_from(["pads", "pads", "shape", "SAME_UPPER", "SAME_LOWER"]))
    if mode == "pads":
        attributes["pads"] = numbers(0, 2, 2 * rank)
        attributes["output_padding"] = [draw(st.integers(0, s - 1)) for s in strides]
        assume(all(n > a + b for n, a, b in zip(spans, attributes["pads"], attributes["pads"][rank:])))
    elif mode == "shape":
        attributes["output_shape"] = [draw(st.integers(max(n - 3, 1), n)) for n in spans]
    else:
        attributes["auto_pad"] = mode
        assume(all(n >= s * i for n, s, i in zip(spans, strides, image)))
    weight = (channels, outputs, *kernel)
    return (draw(st.integers(1, 2)), channels, *image), weight, draw(st.booleans()), attributes


@settings(max_examples=25)
@given(transposed())
def test_like_onnxruntime(one_op, like_onnxruntime, case):
    shape, weight, biased, attributes = case
    constants = {"w": f32(*weight)}
    if biased:
        constants["b"] = f32(weight[1] * attributes["group"])
    x = {"x": f32(*shape)}
    like_onnxruntime(one_op("ConvTranspose", x, constants, opset=11, **attributes), x)


def test_a_kernel_of_the_stride_is_one_matrix_product(one_op):
    """2x2 with stride 2, as in a U-Net: one 1x1 convolution of four times the channels."""
    from tenonc.compiler import load
    from tenonc.dialects import nn
    from tenonc.passes.decompose_nn import DecomposeNnPass

    x = {"x": f32(1, 8, 5, 6)}
    model = load(one_op("ConvTranspose", x, {"w": f32(8, 3, 2, 2)}, strides=[2, 2]))
    DecomposeNnPass().apply(None, model.module)  # pyright: ignore
    (conv,) = [op for op in model.module.walk() if isinstance(op, nn.ConvOp)]
    assert conv.shape == (1, 12, 5, 6) and conv.window.kernel == (1, 1)


def test_weights_known_only_at_run_time(one_op, like_onnxruntime):
    arrays = {"x": f32(1, 4, 5, 6), "w": f32(4, 3, 3, 3), "b": f32(3)}
    like_onnxruntime(one_op("ConvTranspose", arrays, strides=[2, 2], pads=[1, 1, 0, 0]), arrays)
