"""qnn ops as QDQ ONNX: onnxruntime computes the same reals, and imported again they are the same integers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper
from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, TensorType, f16
from xdsl.ir import Block, Region, SSAValue

from tenonc.compiler import Model, TenonError, load, run_reference, save_onnx
from tenonc.dialects import nn, qnn
from tenonc.passes.qdq_to_integer import QdqToIntegerPass

RNG = np.random.default_rng(17)


class Building:
    """A module under construction: `emit` appends an op, `weight` a constant."""

    def __init__(self, arrays: list[np.ndarray]):
        self.block = Block(arg_types=[TensorType(nn.element_type(a.dtype), a.shape) for a in arrays])
        self.store = nn.WeightStore()

    def emit(self, op) -> SSAValue:
        self.block.add_op(op)
        return op.results[0]

    def weight(self, array, dtype=None) -> SSAValue:
        return self.emit(nn.constant(self.store, np.asarray(array, dtype)))

    def scale(self, *values: float) -> SSAValue:
        return self.weight(np.array(values, np.float32).squeeze())

    def finish(self, *results: SSAValue) -> Model:
        self.block.add_op(func.ReturnOp(*results))
        types = [a.type for a in self.block.args], [r.type for r in results]
        module = ModuleOp([func.FuncOp("main", types, Region(self.block))])
        module.verify()
        return Model(module, self.store)


def model_of(arrays, build: Callable[..., SSAValue]) -> Model:
    building = Building(arrays)
    return building.finish(build(building, *building.block.args))


def run(model: Model, arrays) -> np.ndarray:
    names = [port.name for port in model.inputs]
    return run_reference(model, dict(zip(names, arrays, strict=True)))[model.outputs[0].name]


def ints(dtype, *shape):
    limits = np.iinfo(dtype)
    return RNG.integers(limits.min, limits.max, shape, dtype, endpoint=True)


def floats(*shape):
    return RNG.normal(0, 2, shape).astype(np.float32)


def conv(b: Building, x, bias=True, **fields):
    s, zero = b.scale(0.02), b.weight(120, np.uint8)
    q = b.emit(qnn.QuantizeOp(x, s, zero))
    w, s_w = b.weight(ints(np.int8, 6, 4, 3, 3)), b.weight(np.linspace(0.001, 0.1, 6), np.float32)
    addend = b.weight(RNG.integers(-999, 999, 6, np.int32)) if bias else None
    window: dict[str, Any] = {"strides": [1, 2], "pads": [1, 0, 1, 2], "dilations": [1, 1]}
    total = b.emit(qnn.ConvOp(q, w, zero, b.weight(0, np.int8), addend, **window))
    scale = b.emit(nn.ElementwiseOp("mul", s, s_w))
    to = b.scale(0.4), b.weight(7, np.uint8)
    return b.emit(qnn.RequantizeOp(total, scale, b.weight(0, np.int32), *to, axis=1, **fields))


def matmul(b: Building, x, dequantize=False):
    s, zero = b.scale(0.02), b.weight(-3, np.int8)
    q = b.emit(qnn.QuantizeOp(x, s, zero))
    w, s_w = b.weight(ints(np.int8, 8, 5)), b.weight(np.linspace(0.01, 0.1, 5), np.float32)
    columns, bias = b.weight(np.arange(5) - 2, np.int8), b.weight(np.arange(5) * 99, np.int32)
    total = b.emit(qnn.MatmulOp(q, w, zero, columns, bias))
    scale, none = b.emit(nn.ElementwiseOp("mul", s, s_w)), b.weight(0, np.int32)
    if dequantize:
        return b.emit(qnn.DequantizeOp(total, scale, none, axis=1))
    return b.emit(qnn.RequantizeOp(total, scale, none, b.scale(0.3), b.weight(9, np.int8), axis=1))


def binary(make):
    def build(b: Building, x, y):
        one = b.scale(0.013), b.weight(3, np.uint8)
        other = b.scale(0.021), b.weight(-5, np.int8)
        left, right = b.emit(qnn.QuantizeOp(x, *one)), b.emit(qnn.QuantizeOp(y, *other))
        return b.emit(make(left, right, *one, *other, b.scale(0.031), b.weight(11, np.uint8)))

    return build


def unary(make, s_out=0.017, zero_out=4):
    def build(b: Building, x):
        of = b.scale(0.023), b.weight(100, np.uint8)
        q = b.emit(qnn.QuantizeOp(x, *of))
        return b.emit(make(b, q, *of, b.scale(s_out), b.weight(zero_out, np.uint8)))

    return build


IMAGE, MATRIX = [floats(2, 4, 6, 8)], [floats(7, 8)]
SCALES = np.linspace(0.1, 2, 14).reshape(7, 2)
WINDOW = {"kernel": [3, 2], "strides": [2, 1], "pads": [1, 0, 1, 1], "dilations": [1, 1]}
CASES = {
    "quantize": (MATRIX, lambda b, x: b.emit(qnn.QuantizeOp(x, b.scale(0.1), b.weight(3, np.int8)))),
    "quantize to a range": (
        MATRIX,
        lambda b, x: b.emit(qnn.QuantizeOp(x, b.scale(0.1), b.weight(3, np.int8), range=[3, 17])),
    ),
    "quantize channels": (
        MATRIX,
        lambda b, x: b.emit(
            qnn.QuantizeOp(x, b.weight(np.linspace(0.1, 2, 8), np.float32), b.weight(3, np.uint16), axis=1)
        ),
    ),
    "quantize blocks": (
        MATRIX,
        lambda b, x: b.emit(
            qnn.QuantizeOp(x, b.weight(SCALES, np.float32), b.weight(3, np.int8), axis=1, block=4)
        ),
    ),
    "dequantize": (
        [ints(np.int16, 7, 8)],
        lambda b, x: b.emit(qnn.DequantizeOp(x, b.scale(0.001), b.weight(9, np.int16), element=f16)),
    ),
    "requantize": (
        [ints(np.uint8, 7, 8)],
        lambda b, x: b.emit(
            qnn.RequantizeOp(x, b.scale(0.1), b.weight(3, np.uint8), b.scale(0.3), b.weight(1, np.int8))
        ),
    ),
    "conv": (IMAGE, conv),
    "conv without bias, then relu": (IMAGE, lambda b, x: conv(b, x, bias=False, range=[7, 255])),
    "matmul": (MATRIX, matmul),
    "matmul to floats": (MATRIX, lambda b, x: matmul(b, x, dequantize=True)),
    "add": ([floats(3, 4), floats(4)], binary(qnn.AddOp)),
    "subtract": ([floats(3, 4), floats(4)], binary(qnn.SubtractOp)),
    "mul": ([floats(3, 4), floats(3, 1)], binary(qnn.MulOp)),
    "concat": ([floats(3, 4), floats(3, 5)], binary(lambda x, y, sx, zx, sy, zy, *to: qnn.ConcatOp(
        [x, y], [sx, sy], [zx, zy], *to, axis=1))),
    "table": (IMAGE, unary(lambda b, *operands: qnn.ElementwiseOp("tanh", *operands))),
    "leaky relu": (IMAGE, unary(lambda b, *operands: qnn.LeakyReluOp(*operands, alpha=0.1))),
    "softmax": (MATRIX, unary(lambda b, *operands: qnn.SoftmaxOp(*operands, axis=1), 1 / 256, 0)),
    "pool": (IMAGE, unary(lambda b, *operands: qnn.PoolOp("average", *operands, **WINDOW))),
    "mean": (IMAGE, unary(lambda b, *operands: qnn.ReduceOp("mean", *operands, axes=[2, 3], keepdims=False))),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_written_back(tmp_path, name):
    arrays, build = CASES[name]
    model, path = model_of(arrays, build), tmp_path / "m.onnx"
    want = run(model, arrays)
    save_onnx(model, path)
    onnx.checker.check_model(str(path), full_check=True)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    names = [port.name for port in model.inputs]
    feeds = dict(zip(names, arrays, strict=True))
    (peer,) = onnxruntime.InferenceSession(str(path), options).run(None, feeds)
    peer = np.asarray(peer)
    assert peer.dtype == want.dtype and peer.shape == want.shape
    bound = 1 if want.dtype.kind in "iu" else 1e-3 * np.abs(want).max()
    assert np.abs(peer.astype(np.float64) - want).max() <= bound
    again = load(path)
    QdqToIntegerPass().apply(Context(), again.module)
    np.testing.assert_array_equal(run(again, arrays), want)


def test_weights_stay_bytes_and_scales_are_found_again(tmp_path):
    model, path = model_of(IMAGE, conv), tmp_path / "m.onnx"
    save_onnx(model, path)
    proto = onnx.load(path)
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}
    read = {name for node in proto.graph.node for name in node.input}
    assert read >= arrays.keys()
    assert [a.shape for a in arrays.values() if a.dtype == np.int8 and a.ndim == 4] == [(6, 4, 3, 3)]
    reads = [node for node in proto.graph.node if node.op_type == "DequantizeLinear"]
    scales = [arrays[node.input[1]] for node in reads]
    assert any(s.shape == () and s == np.float32(0.02) for s in scales)
    assert any(s.shape == (6,) and np.allclose(s, np.linspace(0.001, 0.1, 6)) for s in scales)


def test_sums_stay_integers_where_they_are_wanted(tmp_path):
    def build(b: Building, x):
        operands = x, b.weight(ints(np.int8, 8, 5)), b.weight(3, np.uint8), b.weight(np.arange(5), np.int8)
        return b.emit(qnn.MatmulOp(*operands, b.weight(np.arange(5), np.int32)))

    arrays = [ints(np.uint8, 7, 8)]
    model, path = model_of(arrays, build), tmp_path / "m.onnx"
    save_onnx(model, path)
    assert [node.op_type for node in onnx.load(path).graph.node] == ["MatMulInteger", "Add"]
    np.testing.assert_array_equal(run(load(path), arrays), run(model, arrays))


def test_packed_types_are_written(tmp_path):
    from onnx import TensorProto, helper

    for kind, count in ((TensorProto.INT4, 5), (TensorProto.UINT2, 7), (TensorProto.FLOAT8E5M2, 3)):
        values = np.arange(count) % 4
        tensor = helper.make_tensor("w", kind, [count], values)
        nodes = [
            helper.make_node("Expand", ["w", "shape"], ["e"]),
            helper.make_node("Concat", ["e", "x"], ["c"], axis=1),
            helper.make_node("Cast", ["c"], ["y"], to=TensorProto.FLOAT),
        ]
        shape = numpy_helper.from_array(np.array([1, count]), "shape")
        graph = helper.make_graph(
            nodes, "g", [helper.make_tensor_value_info("x", kind, [1, 2])],
            [helper.make_empty_tensor_value_info("y")], [tensor, shape],
        )  # fmt: skip
        model = load(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 25)], ir_version=12))
        (port,) = model.inputs
        path, x = tmp_path / "m.onnx", np.array([[1, 2]]).astype(np.float32).astype(port.dtype)
        save_onnx(model, path)
        np.testing.assert_array_equal(run(load(path), [x]), [[*values, 1, 2]])


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"rounding": "away"}, "qnn.requantize with rounding away cannot be written as ONNX"),
        ({"arithmetic": "exact"}, "qnn.requantize with arithmetic exact cannot be written as ONNX"),
    ],
)
def test_refused(tmp_path, fields, text):
    with pytest.raises(TenonError, match=f"^{text}$"):
        save_onnx(model_of(IMAGE, lambda b, x: conv(b, x, **fields)), tmp_path / "m.onnx")
