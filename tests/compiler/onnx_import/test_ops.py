"""Each op's import rule: the reference interpretation of what it emits against onnxruntime."""

from typing import Any, NamedTuple

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from tenonc.compiler import TenonError, load, run_reference

RNG = np.random.default_rng(3)


def f32(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def positive(*shape: int) -> np.ndarray:
    return np.abs(f32(*shape)) + np.float32(0.1)


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


class Case(NamedTuple):
    """A node: runtime inputs, constant inputs, attributes and opset."""

    op: str
    arrays: dict[str, np.ndarray]
    constants: dict[str, np.ndarray] = {}
    attributes: dict[str, Any] = {}
    opset: int = 17
    outputs: int = 1


X = {"x": f32(2, 3, 4)}
IMAGE = {"x": f32(2, 4, 9, 8)}
LINE = {"x": f32(2, 4, 11)}
VOLUME = {"x": f32(1, 2, 5, 6, 4)}
PAIR = {"a": f32(2, 3, 4), "b": f32(3, 1)}
BOOLS = {"a": f32(2, 3) > 0, "b": f32(3) > 0}
STATISTICS = {"s": f32(4), "b": f32(4), "m": f32(4), "v": positive(4)}


def conv(image, channels, kernel, opset=17, bias=True, **attributes):
    groups = attributes.get("group", 1)
    constants = {"w": f32(channels, image["x"].shape[1] // groups, *kernel)}
    if bias:
        constants["b"] = f32(channels)
    return Case("Conv", image, constants, attributes, opset)


UNARY = (
    "Abs Ceil Cos Erf Exp Floor HardSigmoid HardSwish Identity LeakyRelu Elu Selu Celu Neg Relu Round Sigmoid"
    " Sign Sin Softplus Softsign Tanh ThresholdedRelu"
).split()
COMPARISONS = "Equal Less Greater LessOrEqual GreaterOrEqual".split()

CASES = [
    *(Case(op, {"x": f32(3, 5) * 3}) for op in UNARY),
    *(Case(op, {"x": positive(3, 5)}) for op in ("Log", "Sqrt", "Reciprocal")),
    *(Case(op, PAIR) for op in ("Add", "Sub", "Mul", "Max", "Min", "Sum", "Mean")),
    *(Case(op, {"a": np.round(f32(3, 4)), "b": np.round(f32(4))}) for op in COMPARISONS),
    *(Case(op, BOOLS) for op in ("And", "Or")),
    Case("Mean", {"a": f32(2, 3), "b": f32(3), "c": f32(1)}),
    Case("Round", {"x": np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5], np.float32)}),
    Case("Not", {"x": f32(3) > 0}),
    Case("Mish", {"x": f32(3, 5)}, opset=18),
    Case("Gelu", {"x": f32(3, 5)}, opset=20),
    Case("Gelu", {"x": f32(3, 5)}, attributes={"approximate": "tanh"}, opset=20),
    Case("HardSigmoid", X, attributes={"alpha": 0.4, "beta": 0.3}),
    Case("LeakyRelu", X, attributes={"alpha": 0.3}),
    Case("Elu", X, attributes={"alpha": 0.3}),
    Case("Selu", X, attributes={"alpha": 0.3, "gamma": 2.0}),
    Case("PRelu", X, {"slope": f32(3, 1)}),
    Case("Pow", {"x": positive(3, 4)}, {"e": np.array(2.5, np.float32)}),
    Case("Pow", {"x": f32(3, 4)}, {"e": ints(3)}),
    Case("Div", {"a": f32(3, 4), "b": positive(4)}),
    Case("Where", {"c": f32(3, 1) > 0, "a": f32(3, 4), "b": f32(4)}),
    Case("Clip", X, {"lo": np.array(-0.5, np.float32), "hi": np.array(0.5, np.float32)}),
    Case("Clip", X, {"lo": np.array(-0.5, np.float32)}),
    Case("Clip", X, attributes={"min": 0.0, "max": 6.0}, opset=10),
    Case("Cast", X, attributes={"to": TensorProto.DOUBLE}),
    Case("Cast", {"x": f32(3) * 9}, attributes={"to": TensorProto.INT32}),
    Case("Dropout", X),
    Case("Dropout", X, attributes={"ratio": 0.3}, opset=10),
    conv(IMAGE, 6, (3, 3), pads=[1, 1, 1, 1]),
    conv(IMAGE, 6, (3, 2), pads=[0, 1, 2, 0], strides=[2, 1], bias=False),
    conv(IMAGE, 8, (3, 3), group=4, dilations=[2, 2]),
    conv(IMAGE, 5, (1, 1)),
    conv(IMAGE, 5, (3, 3), auto_pad="SAME_UPPER", strides=[2, 2]),
    conv(IMAGE, 5, (2, 2), auto_pad="SAME_LOWER", strides=[2, 2]),
    conv(IMAGE, 5, (2, 2), auto_pad="VALID", opset=9),
    conv(LINE, 5, (3,), pads=[2, 1]),
    conv(VOLUME, 3, (2, 3, 2), strides=[1, 2, 2]),
    Case("MatMul", {"a": f32(5, 3), "b": f32(3, 4)}),
    Case("MatMul", {"a": f32(2, 1, 5, 3), "b": f32(4, 3, 6)}),
    Case("MatMul", {"a": f32(3), "b": f32(2, 3, 4)}),
    Case("MatMul", {"a": f32(2, 5, 3), "b": f32(3)}),
    Case("MatMul", {"a": f32(3), "b": f32(3)}),
    Case("Gemm", {"a": f32(2, 3)}, {"b": f32(3, 4), "c": f32(4)}),
    Case("Gemm", {"a": f32(3, 2)}, {"b": f32(4, 3)}, {"transA": 1, "transB": 1, "alpha": 0.5}),
    Case("Gemm", {"a": f32(2, 3)}, {"b": f32(3, 4), "c": f32(2, 1)}, {"beta": 0.25}, 7),
    Case("BatchNormalization", IMAGE, STATISTICS, {"epsilon": 1e-3}),
    Case("BatchNormalization", IMAGE, STATISTICS, opset=9),
    Case("Softmax", X),
    Case("Softmax", X, attributes={"axis": 1}),
    Case("Softmax", X, attributes={"axis": 1}, opset=11),
    Case("LogSoftmax", X),
    Case("LogSoftmax", X, opset=8),
    Case("MaxPool", IMAGE, attributes={"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 0, 1, 1]}),
    Case("MaxPool", IMAGE, attributes={"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1}, opset=12),
    Case("MaxPool", IMAGE, attributes={"kernel_shape": [2, 2], "dilations": [2, 3]}, opset=10),
    Case("MaxPool", LINE, attributes={"kernel_shape": [3], "auto_pad": "SAME_UPPER", "strides": [2]}),
    Case("AveragePool", IMAGE, attributes={"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}),
    Case(
        "AveragePool",
        IMAGE,
        attributes={"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1},
    ),
    Case("AveragePool", IMAGE, attributes={"kernel_shape": [2, 2], "strides": [2, 2]}, opset=7),
    Case("GlobalAveragePool", IMAGE),
    Case("GlobalMaxPool", VOLUME),
    *(
        Case(f"Reduce{kind}", {"x": positive(2, 3, 4)}, attributes={"axes": [-1, 0]}, opset=11)
        for kind in ("Sum", "Mean", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSum", "LogSumExp")
    ),
    Case("ReduceSum", X, {"axes": ints(1)}, {"keepdims": 0}, 13),
    Case("ReduceMean", X, {"axes": ints(1)}, {"keepdims": 0}, 18),
    Case("ReduceMax", X, attributes={"keepdims": 0}),
    Case("ReduceSum", X, attributes={"noop_with_empty_axes": 1}, opset=13),
    Case("ReduceLogSumExp", {"x": f32(3, 4) * 300}, attributes={"axes": [1], "keepdims": 0}),
    Case("Reshape", X, {"s": ints(0, -1)}),
    Case("Reshape", X, {"s": ints(4, 6)}),
    Case("Flatten", IMAGE, attributes={"axis": 2}),
    Case("Flatten", IMAGE, attributes={"axis": -1}, opset=11),
    Case("Flatten", X, attributes={"axis": 0}),
    Case("Squeeze", {"x": f32(1, 3, 1)}),
    Case("Squeeze", {"x": f32(1, 3, 1)}, {"axes": ints(-1)}),
    Case("Squeeze", {"x": f32(1, 3, 1)}, attributes={"axes": [0]}, opset=11),
    Case("Unsqueeze", X, {"axes": ints(0, -1)}),
    Case("Unsqueeze", X, attributes={"axes": [1]}, opset=11),
    Case("Transpose", X),
    Case("Transpose", X, attributes={"perm": [1, 0, 2]}),
    Case("Concat", {"a": f32(2, 3), "b": f32(2, 1)}, {"c": f32(2, 2)}, {"axis": -1}),
    Case("Split", X, attributes={"axis": 2}, outputs=2),
    Case("Split", X, {"s": ints(1, 2)}, {"axis": 1}, outputs=2),
    Case("Split", X, attributes={"axis": 2, "num_outputs": 3}, opset=18, outputs=3),
    Case("Split", X, attributes={"axis": 1, "split": [2, 1]}, opset=11, outputs=2),
    Case("Slice", IMAGE, {"s": ints(1, -3), "e": ints(99, -1), "a": ints(3, 2)}),
    Case("Slice", IMAGE, {"s": ints(1), "e": ints(8), "a": ints(2), "t": ints(3)}),
    Case("Slice", IMAGE, attributes={"starts": [0, 1], "ends": [1, 3]}, opset=9),
    Case("Pad", X, {"p": ints(0, 1, 2, 1, 0, 0), "v": np.array(1.5, np.float32)}),
    Case("Pad", X, {"p": ints(0, -1, 2, 1, 0, -1)}),
    Case("Pad", X, attributes={"pads": [0, 1, 2, 1, 0, 0], "value": 0.5}, opset=10),
    Case("Expand", {"x": f32(3, 1)}, {"s": ints(2, 1, 4)}),
    Case("Gather", X, {"i": np.array(-1)}, {"axis": 1}),
]


def compare(model, arrays: dict[str, np.ndarray]) -> None:
    """Each output against onnxruntime: within 1e-5 of the largest magnitude, integers exactly."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    expected = session.run(None, arrays)
    imported = load(model)
    imported.module.verify()
    found = run_reference(imported, arrays)
    for port, want in zip(imported.outputs, expected, strict=True):
        got = found[port.name]
        assert got.dtype == want.dtype and got.shape == want.shape
        assert port.shape == want.shape and port.dtype == want.dtype
        bound = 1e-5 * np.abs(want).max(initial=0) if want.dtype.kind == "f" else 0
        np.testing.assert_allclose(got.astype(np.float64), want.astype(np.float64), rtol=0, atol=bound)


def name_of(case: Case) -> str:
    return f"{case.op}-{case.opset}"


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_like_onnxruntime(one_op, case):
    model = one_op(case.op, case.arrays, case.constants, case.outputs, case.opset, **case.attributes)
    compare(model, case.arrays)


def test_clip_with_upper_bound_only(one_op):
    model = one_op("Clip", X, {"hi": np.array(0.5, np.float32)}, order=["x", "", "hi"])
    compare(model, X)


def test_pad_of_named_axes(one_op):
    constants = {"p": ints(1, 2), "a": ints(1)}
    compare(one_op("Pad", X, constants, opset=18, order=["x", "p", "", "a"]), X)


def test_log_sum_exp_of_infinities(one_op):
    rows = {"x": np.array([[-np.inf, -np.inf], [np.inf, 0.0]], np.float32)}
    model = load(one_op("ReduceLogSumExp", rows, axes=[1], keepdims=0))
    np.testing.assert_array_equal(run_reference(model, rows)["y0"], [-np.inf, np.inf])


def error_of(model) -> str:
    with pytest.raises(TenonError) as caught:
        load(model)
    return str(caught.value)


REFUSED = [
    (Case("Softmax", X, attributes={"axis": 5}), "node 'n' (Softmax): axis 5 is outside the rank 3"),
    (
        Case("Transpose", X, attributes={"perm": [0, 0, 1]}),
        "perm [0, 0, 1] is no permutation of the 3 dimensions",
    ),
    (Case("Reshape", X, {"s": ints(5, -1)}), "cannot reshape [2, 3, 4] to [5, -1]: 24 elements do not fit"),
    (Case("Reshape", X, {"s": ints(-2, 5)}), "shape [-2, 5] has a negative dimension other than one -1"),
    (Case("Squeeze", X, {"a": ints(1)}), "cannot squeeze axes [1] of shape [2, 3, 4]: an extent is not 1"),
    (Case("Unsqueeze", X, {"a": ints(0, 0)}), "axes [0, 0] name one axis twice"),
    (Case("Concat", PAIR, attributes={"axis": 0}), "operands have ranks [2, 3], expected equal ranks"),
    (Case("Split", X, {"s": ints(1, 1)}, {"axis": 1}, outputs=2), "cannot split the 3 elements of axis 1"),
    (Case("Slice", X, {"s": ints(3), "e": ints(0), "a": ints(2), "t": ints(0)}), "axis 2 is 0"),
    (Case("Pad", X, {"p": ints(1)}), "pads is [1], expected 6 numbers"),
    (Case("Pad", X, {"p": ints(0, 0, 0, 0, 0, 1)}, {"mode": "mirror"}), "mode 'mirror' is unknown"),
    (Case("Pad", {"x": f32(1, 1)}, {"p": ints(1, 0, 0, 0)}, {"mode": "reflect"}), "cannot pad 1 of 1"),
    (Case("TopK", X, {"k": ints(9)}, outputs=2), "top_k: 9 of the 4 elements of axis 2"),
    (Case("ScatterND", X, {"i": ints(0, 1), "u": f32(3)}), "indices [2] and updates [3] do not"),
    (Case("ScatterElements", X, {"i": ints(0), "u": f32(3)}), "indices [1] and updates [3] do"),
    (Case("Tile", X, {"r": ints(2)}), "repeats are [2], expected 3 numbers of at least 0"),
    (Case("OneHot", {"i": ints(1)}, {"d": ints(0), "v": f32(2)}), "depth is 0"),
    (Case("Expand", X, {"s": ints(5)}), "shape [2, 3, 4] does not broadcast to [5]"),
    (Case("Gather", X, {"i": np.array(7)}), "index 7 is outside the 2 elements of axis 0"),
    (
        Case("GatherElements", X, {"i": np.full((1, 1, 1), -3)}),
        "index -3 is outside the 2 elements of axis 0",
    ),
    (Case("GatherND", X, {"i": ints(0, 1, 2, 0)}), "data [2, 3, 4] and indices [4] do not agree"),
    (Case("MaxPool", IMAGE, attributes={"kernel_shape": [2]}), "kernel_shape has 1 entries"),
    (Case("MaxPool", IMAGE, attributes={"kernel_shape": [2, 2], "strides": [0, 1]}), "strides is [0, 1]"),
    (Case("LpPool", IMAGE, attributes={"kernel_shape": [2, 2], "p": 0}), "p is 0, expected at least 1"),
    (conv(IMAGE, 4, (3, 3), kernel_shape=[2, 2]), "kernel_shape is [2, 2], the weight's is [3, 3]"),
    (conv(IMAGE, 4, (3, 3), auto_pad="SOME"), "auto_pad 'SOME' is unknown"),
    (Case("Gemm", X, {"b": f32(4, 2)}), "operands must be matrices, got shapes [2, 3, 4] and [4, 2]"),
    (Case("Gemm", {"a": f32(2, 3)}, {"b": f32(3, 4), "c": f32(5, 2, 4)}), "does not broadcast to [2, 4]"),
    (Case("Cast", X, attributes={"to": TensorProto.STRING}), "to: element type string is not supported"),
    (Case("Clip", X, {"lo": f32(2)}), "a bound must be a scalar, got shape [2]"),
    (
        Case("BatchNormalization", IMAGE, STATISTICS, {}, 14, 3),
        "has 3 outputs, expected 1 outside training mode",
    ),
    (Case("Add", {"a": f32(2, 3), "b": f32(4)}), "node 'n' (Add): "),
    (Case("MatMul", {"a": f32(2, 3), "b": f32(4, 2)}), "node 'n' (MatMul): "),
    (conv(IMAGE, 4, (30, 3)), "node 'n' (Conv): "),
]


@pytest.mark.parametrize(("case", "text"), REFUSED, ids=lambda value: getattr(value, "op", ""))
def test_refused(one_op, case, text):
    line = error_of(one_op(case.op, case.arrays, case.constants, case.outputs, case.opset, **case.attributes))
    assert text in line and line.startswith("node 'n'") and "\n" not in line


def test_weights_stay_symbolic(build):
    """A float op on weights is not folded on import: it remains a compile-time op in the IR."""
    nodes = [helper.make_node("Transpose", ["w"], ["t"]), helper.make_node("MatMul", ["x", "t"], ["y"])]
    model = load(build(nodes, {"x": (TensorProto.FLOAT, [2, 8])}, ["y"], {"w": f32(4, 8)}))
    names = [op.name for op in model.main.body.block.ops]
    assert names == ["nn.constant", "nn.transpose", "nn.matmul", "func.return"]
