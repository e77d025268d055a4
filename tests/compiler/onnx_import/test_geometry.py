"""Random windows and slices against onnxruntime."""

import numpy as np
import onnxruntime
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from tenonc.compiler import load, run_reference

RNG = np.random.default_rng(5)
OPTIONS = onnxruntime.SessionOptions()
OPTIONS.intra_op_num_threads = 1
OPTIONS.log_severity_level = 4


def agree(node, x: np.ndarray, weights: dict[str, np.ndarray]) -> None:
    """The imported node against onnxruntime."""
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [
            helper.make_tensor(n, helper.np_dtype_to_tensor_dtype(w.dtype), w.shape, w)
            for n, w in weights.items()
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    want = onnxruntime.InferenceSession(model.SerializeToString(), OPTIONS).run(None, {"x": x})[0]
    got = run_reference(load(model), {"x": x})["y"]
    assert got.shape == want.shape
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-5 * np.abs(want).max(initial=1))


@st.composite
def windows(draw):
    """Extents, kernel, strides, dilations and either pads smaller than the kernel or an auto_pad mode."""
    rank = draw(st.integers(1, 2))
    numbers = {
        name: [draw(st.integers(1, most)) for _ in range(rank)]
        for name, most in (("extents", 9), ("kernel", 3), ("strides", 3), ("dilations", 2))
    }
    mode = draw(st.sampled_from(["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"]))
    pads = [draw(st.integers(0, k - 1)) for k in numbers["kernel"] * 2]
    if mode != "NOTSET":
        # onnxruntime refuses dilations with auto_pad, and its pools strides larger than the kernel.
        numbers["dilations"] = [1] * rank
        numbers["strides"] = list(map(min, numbers["strides"], numbers["kernel"]))
    spans = [(k - 1) * d + 1 for k, d in zip(numbers["kernel"], numbers["dilations"], strict=True)]
    room = [n + a + b for n, a, b in zip(numbers["extents"], pads[:rank], pads[rank:], strict=True)]
    free = numbers["extents"] if mode != "NOTSET" else room
    assume(all(n >= span for n, span in zip(free, spans, strict=True)))
    padding = {"pads": pads} if mode == "NOTSET" else {"auto_pad": mode}
    return numbers["extents"], numbers["kernel"], padding | {k: numbers[k] for k in ("strides", "dilations")}


@given(windows(), st.sampled_from([1, 2]))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_convolution(window, groups):
    extents, kernel, attributes = window
    x = RNG.standard_normal((2, 4, *extents)).astype(np.float32)
    w = RNG.standard_normal((6, 4 // groups, *kernel)).astype(np.float32)
    agree(helper.make_node("Conv", ["x", "w"], ["y"], group=groups, **attributes), x, {"w": w})


@given(windows())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_max_pool(window):
    extents, kernel, attributes = window
    x = RNG.standard_normal((1, 3, *extents)).astype(np.float32)
    agree(helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=kernel, **attributes), x, {})


@given(st.integers(1, 9), st.integers(-12, 12), st.integers(-12, 12), st.integers(1, 4))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_slice(extent, start, end, step):
    x = RNG.standard_normal((2, extent)).astype(np.float32)
    names = ("start", "end", "axis", "step")
    bounds = {name: np.array([value]) for name, value in zip(names, (start, end, 1, step), strict=True)}
    agree(helper.make_node("Slice", ["x", *names], ["y"]), x, bounds)
