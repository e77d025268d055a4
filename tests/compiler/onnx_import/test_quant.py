"""Quantized nodes, of ONNX and of onnxruntime's domain: the same integers as onnxruntime."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np
import onnxruntime
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator

from tenonc.compiler import load, run_reference

RNG = np.random.default_rng(11)
MS = "com.microsoft."


def f(*values: float) -> np.ndarray:
    return np.array(values, np.float32).squeeze()


def ints(dtype: Any, *shape: int) -> np.ndarray:
    limits = np.iinfo(dtype)
    return RNG.integers(limits.min, limits.max, shape, dtype, endpoint=True)


def u8(value: int) -> np.ndarray:
    return np.array(value, np.uint8)


def i8(value: int) -> np.ndarray:
    return np.array(value, np.int8)


def floats(*shape: int) -> np.ndarray:
    return RNG.normal(0, 20, shape).astype(np.float32)


class Case(NamedTuple):
    """A node: its operands (None: left out), which of them are inputs at run time, attributes."""

    op: str
    operands: Sequence[np.ndarray | None]
    attributes: dict[str, Any] = {}
    runtime: tuple[int, ...] = (0,)
    opset: int = 21
    outputs: int = 1


def model_of(build, case: Case):
    """The node's model and its inputs."""
    domain, _, op = case.op.rpartition(".")
    named = {f"i{i}": array for i, array in enumerate(case.operands) if array is not None}
    arrays = {f"i{i}": named[f"i{i}"] for i in case.runtime}
    constants = {name: array for name, array in named.items() if name not in arrays}
    order = ["" if array is None else f"i{i}" for i, array in enumerate(case.operands)]
    outputs = [f"y{i}" for i in range(case.outputs)]
    node = helper.make_node(op, order, outputs, name="n", domain=domain, **case.attributes)
    kinds = {name: (helper.np_dtype_to_tensor_dtype(a.dtype), a.shape) for name, a in arrays.items()}
    return build([node], kinds, outputs, constants, case.opset, 10), arrays


def onnxruntime_values(model, arrays) -> list[Any]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return list(onnxruntime.InferenceSession(model.SerializeToString(), options).run(None, arrays))


def weights(*shape: int) -> np.ndarray:
    """Small enough that a sum of two products fits 16 bits, at which onnxruntime's kernels saturate."""
    return ints(np.int8, *shape) // 2


IMAGE, FILTERS = ints(np.uint8, 2, 4, 9, 7), weights(6, 2, 3, 2)
CHANNELS = (np.linspace(0.002, 0.03, 6).astype(np.float32), np.zeros(6, np.int8))
BIAS = RNG.integers(-9000, 9000, 6, np.int32)
GROUPED = {"group": 2, "pads": [1, 0, 2, 1], "strides": [2, 1], "dilations": [1, 2]}
A, B = ints(np.uint8, 3, 5, 33), weights(33, 6)
PAIR = [ints(np.uint8, 3, 4, 5), f(0.03), u8(100), ints(np.uint8, 4, 1), f(0.021), u8(3), f(0.05), u8(120)]
UNARY_U8 = [ints(np.uint8, 2, 3, 8, 8), f(0.031), u8(130), f(0.0113), u8(7)]
UNARY_I8 = [ints(np.int8, 2, 3, 8, 8), f(0.0307), i8(-9), f(0.0113), i8(12)]
POOL = {"kernel_shape": [3, 2], "strides": [2, 2], "pads": [1, 0, 1, 1]}

CASES = [
    Case("QuantizeLinear", [floats(3, 40), f(0.17), u8(91)]),
    Case("QuantizeLinear", [f(0.5, 1.5, -0.5, np.inf, -np.inf, np.nan, 1e30), f(1.0), i8(2)], opset=13),
    Case("QuantizeLinear", [floats(3, 40), f(0.17)], opset=10),
    Case("QuantizeLinear", [floats(2, 3, 4), f(0.1, 0.2, 0.7), np.array([1, 2, 3], np.int8)], opset=13),
    Case("QuantizeLinear", [floats(2, 3), f(0.1, 0.2, 0.7), None], {"axis": -1, "output_dtype": 4}),
    Case("QuantizeLinear", [floats(4, 6), floats(2, 6) ** 2 + 1, ints(np.uint8, 2, 6)],
         {"axis": 0, "block_size": 2}),
    Case("QuantizeLinear", [floats(3, 40).astype(np.float16), f(0.5).astype(np.float16), u8(91)]),
    Case("QuantizeLinear", [floats(3, 40), f(0.17), u8(91)], runtime=(0, 1, 2)),
    Case(MS + "QuantizeLinear", [floats(3, 40), f(0.0017), np.array(-5, np.int16)]),
    Case("DequantizeLinear", [ints(np.uint8, 3, 40), f(0.17), u8(91)], opset=10),
    Case("DequantizeLinear", [ints(np.int8, 3, 4), f(0.1, 0.2, 0.7), ints(np.int8, 3)], {"axis": 0}),
    Case("DequantizeLinear", [ints(np.int16, 3, 4), f(0.001).astype(np.float16), np.array(7, np.int16)]),
    Case("DequantizeLinear", [ints(np.int32, 40), f(0.17)]),
    Case("DequantizeLinear", [ints(np.int8, 3, 6), floats(3, 2) ** 2 + 1, None], {"block_size": 3}),
    Case(MS + "DequantizeLinear", [ints(np.uint16, 3, 4), f(0.01), np.array(40000, np.uint16)]),
    Case("DynamicQuantizeLinear", [floats(5, 9)], outputs=3),
    Case("DynamicQuantizeLinear", [np.zeros((2, 3), np.float32)], outputs=3),
    Case("DynamicQuantizeLinear", [-1 - np.abs(floats(5, 9))], outputs=3),
    Case("QLinearConv", [IMAGE, f(0.02), u8(113), FILTERS, *CHANNELS, f(1.3), u8(60), BIAS], GROUPED),
    Case("QLinearConv", [IMAGE, f(0.02), u8(113), FILTERS, f(0.01), i8(-3), f(1.3), u8(60)], GROUPED),
    Case("QLinearConv", [IMAGE.view(np.int8), f(0.02), i8(-5), FILTERS, *CHANNELS, f(1.1), i8(60), BIAS],
         {"group": 2, "auto_pad": "SAME_UPPER"}),
    Case("QLinearConv", [ints(np.uint8, 1, 3, 17), f(0.02), u8(9), ints(np.uint8, 4, 3, 5), f(0.01), u8(130),
                         f(0.9), u8(60)], runtime=(0, 3)),
    Case("QLinearMatMul", [A, f(0.02), u8(99), B, *CHANNELS, f(2.0), u8(128)]),
    Case("QLinearMatMul", [A, f(0.02), u8(99), B, f(0.01), i8(5), f(2.0), u8(128)], runtime=(0, 3)),
    Case("QLinearMatMul", [A.view(np.int8), f(0.02), i8(9), weights(3, 33, 4), f(0.01), i8(0), f(2.0),
                           i8(-1)], runtime=(0, 3)),
    Case("ConvInteger", [IMAGE, ints(np.uint8, 4, 4, 2, 2), u8(7)], {"pads": [1, 1, 0, 0]}),
    Case("MatMulInteger", [A, B, u8(99), i8(-7)]),
    Case("MatMulInteger", [A, B], runtime=(0, 1)),
    Case("MatMulInteger", [A, B, u8(99), ints(np.int8, 6)]),
    Case(MS + "QGemm", [A[0], f(0.02), u8(99), B, *CHANNELS, BIAS, f(2.0), u8(128)], {"alpha": 0.5}),
    Case(MS + "QGemm", [A[0].T.copy(), f(0.02), u8(99), B.T.copy(), f(0.01), i8(0), None, f(2.0), u8(128)],
         {"transA": 1, "transB": 1}),
    Case(MS + "QGemm", [A[0], f(0.02), u8(99), B, *CHANNELS, BIAS]),
    Case(MS + "MatMulIntegerToFloat", [A, B, f(0.02), CHANNELS[0], u8(99), CHANNELS[1], floats(6)]),
    Case(MS + "MatMulNBits", [floats(2, 3, 40), ints(np.uint8, 6, 3, 8), f(*np.linspace(0.01, 0.2, 18))],
         {"K": 40, "N": 6, "block_size": 16}),
    Case(MS + "MatMulNBits", [floats(3, 40), ints(np.uint8, 6, 2, 32), f(*np.linspace(0.01, 0.2, 12)),
         ints(np.uint8, 12), None, floats(6)], {"K": 40, "N": 6, "block_size": 32, "bits": 8}),
    Case(MS + "MatMulNBits", [floats(3, 48), ints(np.uint8, 6, 3, 8), f(*np.linspace(0.01, 0.2, 18)),
         ints(np.uint8, 12)], {"K": 48, "N": 6, "block_size": 16}),
    Case(MS + "DynamicQuantizeMatMul", [floats(5, 33), B, *CHANNELS, floats(6)]),
    Case(MS + "QLinearAdd", PAIR, runtime=(0, 3)),
    Case(MS + "QLinearMul", PAIR, runtime=(0, 3)),
    Case(MS + "QLinearConcat", [f(0.05), u8(9), PAIR[0], f(0.03), u8(100), PAIR[0][:, 1:], f(0.05), u8(9)],
         {"axis": -2}, runtime=(2, 5)),
    Case(MS + "QLinearSigmoid", [*UNARY_U8[:3], f(1 / 256), u8(0)]),
    Case(MS + "QLinearSigmoid", [*UNARY_I8[:3], f(1 / 256), i8(-128)]),
    Case(MS + "QLinearLeakyRelu", UNARY_U8, {"alpha": 0.1}),
    Case(MS + "QLinearLeakyRelu", UNARY_I8),
    Case(MS + "QLinearAveragePool", UNARY_U8, POOL | {"ceil_mode": 1}),
    Case(MS + "QLinearAveragePool", UNARY_I8, POOL | {"count_include_pad": 1}),
    Case(MS + "QLinearAveragePool", UNARY_U8, {"kernel_shape": [3, 2], "channels_last": 1}),
    Case(MS + "QLinearGlobalAveragePool", UNARY_U8, {"channels_last": 0}),
    Case(MS + "QLinearGlobalAveragePool", UNARY_I8, {"channels_last": 1}),
    Case(MS + "QLinearSoftmax", [*UNARY_U8[:3], f(1 / 256), u8(0)], {"opset": 13, "axis": -1}),
    Case(MS + "QLinearSoftmax", [*UNARY_I8[:3], f(1 / 256), i8(-128)], {"opset": 12, "axis": 2}),
    Case(MS + "QLinearWhere", [ints(np.uint8, 4, 5) > 99, PAIR[0], *PAIR[1:3], PAIR[0][:1], *PAIR[4:]],
         runtime=(0, 1, 4)),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.op.removeprefix(MS))
def test_the_integers_of_onnxruntime(build, case):
    model, arrays = model_of(build, case)
    imported = load(model)
    values = run_reference(imported, arrays)
    for port, want in zip(imported.outputs, onnxruntime_values(model, arrays), strict=True):
        got = values[port.name]
        assert got.dtype == want.dtype and got.shape == want.shape
        bound = 3e-7 * np.abs(want).max() if "MatMul" in case.op and want.dtype == np.float32 else 0
        np.testing.assert_allclose(got, want, rtol=0, atol=bound)


ROWS = floats(3, 4) * np.float32(0.3)
BY_SPEC = [
    (Case("QuantizeLinear", [ROWS, f(0.017), u8(100)], {"precision": 10}, opset=23)),
    (Case("QuantizeLinear", [ROWS, f(0.1, 0.3, 0.7), None], {"axis": 0, "precision": 16, "output_dtype": 3},
          opset=23)),
    (Case("QuantizeLinear", [ROWS, f(*[0.1] * 6).reshape(3, 2), np.zeros((3, 2), ml_dtypes.float8_e5m2)],
          {"axis": 1, "block_size": 2, "saturate": 0}, opset=23)),
    (Case("QuantizeLinear", [ROWS, np.ones((3, 2), np.float32) * 0.1, np.zeros((3, 2), ml_dtypes.int4)],
          {"axis": 1, "block_size": 2}, opset=23)),
    (Case("DequantizeLinear", [ROWS.astype(ml_dtypes.float8_e4m3fn),
                               np.array([0.5, 2, 4]).astype(ml_dtypes.float8_e8m0fnu)],
          {"axis": 0, "output_dtype": 1}, opset=24)),
    (Case("DequantizeLinear", [ROWS.astype(ml_dtypes.float4_e2m1fn), np.ones((3, 2), np.float32) * 0.3],
          {"axis": 1, "block_size": 2}, opset=23)),
]  # fmt: skip


@pytest.mark.parametrize("case", BY_SPEC, ids=range(len(BY_SPEC)))
def test_as_the_specification_says(build, case):
    """What onnxruntime has no kernel for, against the onnx package's own evaluation."""
    model, arrays = model_of(build, case)
    model.ir_version = 12
    want: Any = next(iter(ReferenceEvaluator(model).run(None, arrays)))
    found = run_reference(load(model), arrays)["y0"]
    assert found.dtype == want.dtype and found.shape == want.shape
    np.testing.assert_array_equal(found.astype(np.float32), want.astype(np.float32))
