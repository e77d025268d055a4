"""Recurrent layers, interpreted and native, against onnxruntime."""

import time

import numpy as np
import pytest

RNG = np.random.default_rng(17)
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
STEPS, ROWS, INPUTS, HIDDEN = 5, 3, 4, 6


def f32(*shape: int, scale: float = 0.5) -> np.ndarray:
    return (RNG.standard_normal(shape) * scale).astype(np.float32)


def weights(op: str, directions: int, bias: bool = True, inputs: int = INPUTS, hidden: int = HIDDEN):
    rows = GATES[op] * hidden
    made = {"w": f32(directions, rows, inputs), "r": f32(directions, rows, hidden)}
    return made | ({"b": f32(directions, 2 * rows)} if bias else {})


def model(one_op, op, x, constants, order, outputs=None, opset=14, **attributes):
    hidden = constants["r"].shape[2]
    names = [name for name in order if name]
    arrays = {name: value for name, value in x.items() if name in names}
    outputs = outputs or (3 if op == "LSTM" else 2)
    return one_op(op, arrays, constants, outputs, opset, order, hidden_size=hidden, **attributes)


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("op", ["RNN", "GRU", "LSTM"])
def test_directions_states_and_lengths(one_op, like_onnxruntime, op, direction):
    count = 2 if direction == "bidirectional" else 1
    arrays = {
        "x": f32(STEPS, ROWS, INPUTS),
        "l": np.array([5, 1, 3], np.int32),
        "h": f32(count, ROWS, HIDDEN),
        "c": f32(count, ROWS, HIDDEN),
    }
    order = ["x", "w", "r", "b", "l", "h", "c"][: 7 if op == "LSTM" else 6]
    if op != "LSTM":
        del arrays["c"]
    made = model(one_op, op, arrays, weights(op, count), order, direction=direction)
    like_onnxruntime(made, arrays)


@pytest.mark.parametrize(
    ("op", "attributes"),
    [
        ("RNN", {"activations": ["Relu"]}),
        ("RNN", {"activations": ["ScaledTanh"], "activation_alpha": [0.7], "activation_beta": [1.3]}),
        ("RNN", {"activations": ["Affine"], "activation_alpha": [0.7], "activation_beta": [0.3]}),
        ("RNN", {"activations": ["LeakyRelu"], "activation_alpha": [0.2]}),
        ("RNN", {"activations": ["ThresholdedRelu"], "activation_alpha": [0.2]}),
        ("RNN", {"activations": ["HardSigmoid"], "activation_alpha": [0.3], "activation_beta": [0.4]}),
        ("RNN", {"activations": ["Elu"], "activation_alpha": [0.6]}),
        ("RNN", {"clip": 0.4}),
        ("GRU", {"linear_before_reset": 1}),
        ("GRU", {"activations": ["HardSigmoid", "Softsign"]}),
        ("GRU", {"clip": 0.3}),
        ("LSTM", {"activations": ["HardSigmoid", "Softsign", "Relu"]}),
        ("LSTM", {"input_forget": 1}),
        ("LSTM", {"clip": 0.3}),
    ],
    ids=str,
)
def test_attributes(one_op, like_onnxruntime, op, attributes):
    arrays = {"x": f32(STEPS, ROWS, INPUTS)}
    like_onnxruntime(model(one_op, op, arrays, weights(op, 1), ["x", "w", "r", "b"], **attributes), arrays)


def test_two_directions_with_activations_of_their_own(one_op, like_onnxruntime):
    arrays = {"x": f32(STEPS, ROWS, INPUTS)}
    names = ["Sigmoid", "Tanh", "HardSigmoid", "Softsign"]
    made = model(
        one_op, "GRU", arrays, weights("GRU", 2), ["x", "w", "r", "b"], direction="bidirectional",
        activations=names,
    )  # fmt: skip
    like_onnxruntime(made, arrays)


def test_peepholes(one_op, like_onnxruntime):
    arrays = {"x": f32(STEPS, ROWS, INPUTS)}
    constants = weights("LSTM", 1) | {"p": f32(1, 3 * HIDDEN)}
    order = ["x", "w", "r", "b", "", "", "", "p"]
    like_onnxruntime(model(one_op, "LSTM", arrays, constants, order), arrays)


def test_no_bias_and_weights_known_only_at_run_time(one_op, like_onnxruntime):
    arrays = {"x": f32(STEPS, ROWS, INPUTS)} | weights("GRU", 1, bias=False)
    made = one_op("GRU", arrays, None, 2, 14, hidden_size=HIDDEN)
    like_onnxruntime(made, arrays)


def test_the_batch_may_come_first(one_op):
    """onnxruntime has no such layout: the same layer with transposed operands is the yardstick."""
    from tenonc.compiler import compile, load

    constants = weights("LSTM", 1)
    x, h = f32(STEPS, ROWS, INPUTS), f32(1, ROWS, HIDDEN)
    order = ["x", "w", "r", "b", "", "h"]
    steps = compile(load(model(one_op, "LSTM", {"x": x, "h": h}, constants, order)))({"x": x, "h": h})
    arrays = {"x": np.ascontiguousarray(x.swapaxes(0, 1)), "h": np.ascontiguousarray(h.swapaxes(0, 1))}
    y, last, cell = compile(load(model(one_op, "LSTM", arrays, constants, order, layout=1)))(arrays)
    np.testing.assert_allclose(y.transpose(1, 2, 0, 3), steps[0], atol=1e-6)
    np.testing.assert_allclose(last.swapaxes(0, 1), steps[1], atol=1e-6)
    np.testing.assert_allclose(cell.swapaxes(0, 1), steps[2], atol=1e-6)


def test_a_long_sequence_compiles_as_fast_as_a_short_one(one_op, like_onnxruntime):
    from tenonc.compiler import compile, load

    arrays = {"x": f32(300, 1, 16)}
    constants = weights("LSTM", 2, inputs=16, hidden=32)
    made = model(one_op, "LSTM", arrays, constants, ["x", "w", "r", "b"], direction="bidirectional")
    start = time.perf_counter()
    compile(load(made))
    assert time.perf_counter() - start < 5
    like_onnxruntime(made, arrays)
