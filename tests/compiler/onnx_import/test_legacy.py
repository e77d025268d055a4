"""Opset 6: what an op was before opset 7, against onnxruntime (which runs opset 7 and later) on a model that
says the same in opset 7, written by hand; and what is refused."""

import numpy as np
import onnx
import pytest

from tenonc.compiler import load
from tenonc.compiler.onnx_import.legacy import LEGACY, WITH_AXIS
from tenonc.dialects.errors import TenonError
from tenonc.tools.case_run import CaseRunner
from tenonc.tools.onnx_cases import collect

RNG = np.random.default_rng(6)


def positive(*shape):
    return (RNG.random(shape) + 0.5).astype(np.float32)


def signed(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def flags(*shape):
    return RNG.random(shape) < 0.5


FITTING = [
    ((2, 3, 4, 5), (), {}, ()),
    ((2, 3, 4, 5), (1, 1), {}, ()),
    ((2, 3, 4, 5), (5,), {}, (5,)),
    ((2, 3, 4, 5), (4, 5), {}, (4, 5)),
    ((2, 3, 4, 5), (3, 4), {"axis": 1}, (3, 4, 1)),
    ((2, 3, 4, 5), (2,), {"axis": 0}, (2, 1, 1, 1)),
    ((4, 4, 4), (4,), {"axis": 1}, (4, 1)),  # every axis would fit
    ((2, 3), (2, 1), {"axis": 0}, (2, 1)),
]
"""Shapes of both operands, the axis, and the second shape as numpy's rules need it; first the examples in the
op's text."""


@pytest.mark.parametrize(("a", "b", "axis", "aligned"), FITTING)
def test_limited_broadcasting(one_op, like_onnxruntime, a, b, axis, aligned):
    x, second = {"a": signed(*a)}, signed(*b)
    model = one_op("Sub", x, {"b": second}, opset=6, broadcast=1, **axis)
    like_onnxruntime(model, x, oracle=one_op("Sub", x, {"b": second.reshape(aligned)}, opset=7))


@pytest.mark.parametrize("op", WITH_AXIS)
def test_every_op_with_an_axis(one_op, like_onnxruntime, op):
    make = flags if op in ("And", "Or", "Xor") else positive
    x, second = {"a": make(3, 3, 2)}, make(3)
    if op == "Equal":
        x, second = {"a": (3 * x["a"]).astype(np.int32)}, (3 * second).astype(np.int32)
    model = one_op(op, x, {"b": second}, opset=6, broadcast=1, axis=0)
    like_onnxruntime(model, x, oracle=one_op(op, x, {"b": second.reshape(3, 1, 1)}, opset=7))


@pytest.mark.parametrize("slope", [(3,), (1,), (2, 3, 3)])
def test_slope_of_channels(one_op, like_onnxruntime, slope):
    """Per channel, although by numpy's rules it would belong to the last dimension."""
    arrays, negative = {"x": signed(2, 3, 3)}, signed(*slope)
    shaped = negative.reshape(3, 1) if slope == (3,) else negative
    model = one_op("PRelu", arrays, {"s": negative}, opset=6)
    like_onnxruntime(model, arrays, oracle=one_op("PRelu", arrays, {"s": shaped}, opset=7))


@pytest.mark.parametrize(("c", "transposed"), [((4,), 0), ((2, 4), 1), ((1,), 0)])
def test_gemm(one_op, like_onnxruntime, c, transposed):
    arrays = {"a": signed(2, 3), "b": signed(4, 3) if transposed else signed(3, 4), "c": signed(*c)}
    options = {"transB": transposed, "alpha": 0.5, "beta": 2.0}
    model = one_op("Gemm", arrays, opset=6, broadcast=int(len(c) == 1), **options)
    like_onnxruntime(model, arrays, oracle=one_op("Gemm", arrays, opset=7, **options))


def test_at_inference(one_op, like_onnxruntime):
    """is_test=1; a mask of Dropout that nothing reads may be listed."""
    x = {"x": signed(2, 3, 2, 2)}
    constants = {"s": signed(3), "b": signed(3), "m": signed(3), "v": positive(3)}
    model = one_op("BatchNormalization", x, constants, opset=6, is_test=1)
    like_onnxruntime(model, x, oracle=one_op("BatchNormalization", x, constants, opset=7))
    dropout = one_op("Dropout", x, outputs=2, opset=6, is_test=1)
    del dropout.graph.output[1]
    like_onnxruntime(dropout, x, oracle=one_op("Identity", x, opset=7))


@pytest.mark.parametrize(("before", "mode"), [("nearest", "nearest"), ("bilinear", "linear")])
def test_upsample(one_op, like_onnxruntime, before, mode):
    x = {"x": signed(1, 2, 3, 4)}
    model = one_op("Upsample", x, opset=6, height_scale=2.0, width_scale=3.0, mode=before)
    like_onnxruntime(model, x, oracle=one_op("Upsample", x, opset=7, scales=[1.0, 1.0, 2.0, 3.0], mode=mode))


def test_recurrent(one_op, like_onnxruntime):
    arrays = {"x": signed(5, 2, 3), "w": signed(1, 12, 3), "r": signed(1, 12, 4)}
    options = {"hidden_size": 4, "linear_before_reset": 1}
    model = one_op("GRU", arrays, opset=6, output_sequence=1, **options)
    like_onnxruntime(model, arrays, oracle=one_op("GRU", arrays, opset=7, **options))


def test_the_cases_of_the_package():
    names = ("PReLU_2d_multiparam", "Linear", "add_size1_broadcast", "BatchNorm1d_3d_input_eval")
    cases = [case for group in ("pytorch-converted", "pytorch-operator") for case in collect(group)]
    found = [case for case in cases if case.name.removeprefix("test_").removeprefix("operator_") in names]
    assert len(found) == len(names)
    for case in found:
        assert CaseRunner()(case).status == "passed", case.name


X, ROW = np.ones((2, 3), np.float32), np.ones(3, np.float32)
AXIS_0 = {"broadcast": 1, "axis": 0}


@pytest.mark.parametrize(
    ("op", "arrays", "attributes", "text"),
    [
        ("Add", {"x": X, "y": ROW}, {}, r"inputs have shapes \[2, 3\] and \[3\], expected alike in opset 6"),
        ("Add", {"x": X, "y": ROW}, AXIS_0, r"shape \[3\] does not fit \[2, 3\] from axis 0"),
        ("Add", {"x": X, "y": ROW}, {"broadcast": 1, "axis": -1}, "from axis -1"),
        ("Add", {"x": X, "y": ROW}, {"broadcast": 1, "axis": 2**62}, f"from axis {2**62}"),
        ("Add", {"x": ROW, "y": X}, {"broadcast": 1}, r"shape \[2, 3\] does not fit \[3\] from axis -1"),
        ("Max", {"x": X, "y": ROW}, {}, "expected alike in opset 6"),
        ("Gemm", {"a": X, "b": X.T, "c": X[0, :2]}, {}, r"c has shape \[2\], expected \[2, 2\] without"),
        ("PRelu", {"x": X, "s": X[:, :1]}, {}, r"shape \[2, 1\], expected one element or \[3\]"),
        ("Dropout", {"x": X}, {}, "training mode"),
        ("BatchNormalization", {"x": X, **dict.fromkeys("sbmv", ROW)}, {}, "training mode"),
        ("Upsample", {"x": X}, {"height_scale": 2.0, "width_scale": 2.0}, "input has rank 2, expected 4"),
        ("Expand", {"x": X, "y": np.array([2, 3])}, {}, "does not exist in opset 6"),
    ],
)  # fmt: skip
def test_refused(one_op, op, arrays, attributes, text):
    with pytest.raises(TenonError, match=text):
        load(one_op(op, arrays, opset=6, **attributes))


def test_a_variadic_op_broadcasts_from_opset_8(one_op):
    arrays = {"x": X, "y": ROW}
    assert load(one_op("Sum", arrays, opset=8)).outputs[0].shape == (2, 3)
    with pytest.raises(TenonError, match="expected alike in opset 7"):
        load(one_op("Sum", arrays, opset=7))


def test_every_op_that_opset_7_changed():
    """... is adapted, or is one of those whose change moves no value."""
    before: dict[str, list[int]] = {}
    for schema in onnx.defs.get_all_schemas_with_history():
        if not schema.domain:
            before.setdefault(schema.name, []).append(schema.since_version)
    changed = {op for op, versions in before.items() if 7 in versions and min(versions) < 7}
    adapted = {op for op, (until, _) in LEGACY.items() if until == 7}
    assert changed == adapted | {"AveragePool", "GRU", "LSTM", "RNN"}
