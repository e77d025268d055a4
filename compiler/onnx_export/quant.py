"""QuantizeLinear and DequantizeLinear, and sums of products that stay integers."""

from __future__ import annotations

import numpy as np
from xdsl.ir import SSAValue

from ...dialects import nn, qnn
from ...dialects.errors import TenonError
from .graph import GraphWriter, dtype_of, element_code
from .registry import exports


@exports(qnn.QuantizeOp)
def quantize(graph: GraphWriter, op: qnn.QuantizeOp, x: str, s: str, zero: str) -> str:
    return graph.add("QuantizeLinear", x, s, zero, **_layout(op))


@exports(qnn.DequantizeOp)
def dequantize(graph: GraphWriter, op: qnn.DequantizeOp, x: str, s: str, zero: str) -> str:
    """The result's type is said where it is not f32. Of i32 ONNX has no zero point but 0."""
    if dtype_of(op.x) == np.int32 and (not nn.is_compile_time(op.zp) or graph.evaluate(op.zp).any()):
        raise TenonError(f"{op.name} of i32 with a zero point cannot be written as ONNX")
    to = None if dtype_of(op.result) == np.float32 else element_code(op.type)
    return graph.add("DequantizeLinear", x, s, zero, output_dtype=to, **_layout(op))


def _layout(op: qnn.QuantizeOp | qnn.DequantizeOp) -> dict[str, int | None]:
    single = not nn.tensor_of(op.s).get_shape()
    return {"axis": None if single else op.value_of("axis"), "block_size": op.value_of("block") or None}


@exports(qnn.ConvOp)
def conv(graph: GraphWriter, op: qnn.ConvOp, x: str, w: str, zp_x: str, zp_w: str, bias: str = "") -> str:
    _check_bytes(op, op.x, op.w)
    fields = {name: op.value_of(name) for name in ("strides", "pads", "dilations")}
    fields |= {"kernel_shape": op.window.kernel, "group": op.value_of("groups")}
    total = graph.add("ConvInteger", x, w, zp_x, zp_w, **fields)
    if not bias:
        return total
    return graph.add("Add", total, graph.add("Reshape", bias, graph.integers([-1, *[1] * op.window.rank])))


@exports(qnn.MatmulOp)
def matmul(graph: GraphWriter, op: qnn.MatmulOp, a: str, b: str, zp_a: str, zp_b: str, bias: str = "") -> str:
    _check_bytes(op, op.a, op.b)
    total = graph.add("MatMulInteger", a, b, zp_a, zp_b)
    return graph.add("Add", total, bias) if bias else total


def _check_bytes(op: qnn.QnnOperation, *factors: SSAValue) -> None:
    for factor in factors:
        if nn.tensor_of(factor).element_type not in qnn.BYTES:
            raise TenonError(f"{op.name} of {nn.tensor_of(factor).element_type} cannot be written as ONNX")
