"""The quantized ops of torch's exported programs as ONNX: `torch.ops.quantized_decomposed`, which torchao's
quantizers for PT2E leave.

torch's exporter knows some, but drops the bounds `quant_min` and `quant_max` of what is quantized per tensor;
here they become a Clip, unless they are those of the type. torch multiplies by 1 / scale where QuantizeLinear
divides: a value next to a half may become the neighbouring integer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

_FLOAT, _INT64, _DOUBLE = 1, 7, 11
"""Element types of ONNX."""


def translations() -> dict[Any, Callable[..., Any]]:
    """torch op -> function of onnxscript, for `torch.onnx.export`."""
    import torch
    import torch.ao.quantization.fx._decomposed  # declares the ops

    ops = torch.ops.quantized_decomposed
    return {
        ops.quantize_per_tensor.default: _quantize_per_tensor,
        ops.quantize_per_tensor.tensor: _quantize_per_tensor,
        ops.dequantize_per_tensor.tensor: _dequantize_per_tensor,
        ops.choose_qparams.tensor: _choose_parameters,
    }


def _onnx() -> Any:
    from onnxscript import opset18

    return opset18


def _quantize_per_tensor(input, scale, zero_point, quant_min: int, quant_max: int, dtype: int):
    from onnx.helper import tensor_dtype_to_np_dtype

    op, whole = _onnx(), np.iinfo(tensor_dtype_to_np_dtype(dtype))
    quantized = op.QuantizeLinear(input, op.Cast(scale, to=_FLOAT), op.Cast(zero_point, to=dtype))
    if (quant_min, quant_max) == (whole.min, whole.max):
        return quantized
    low, high = (op.Cast(bound, to=dtype) for bound in (quant_min, quant_max))
    return op.Clip(quantized, low, high)


def _dequantize_per_tensor(
    input, scale, zero_point, quant_min: int, quant_max: int, dtype: int, out_dtype: int = -1
):
    op = _onnx()
    floats = op.DequantizeLinear(input, op.Cast(scale, to=_FLOAT), op.Cast(zero_point, to=dtype))
    return floats if out_dtype in (-1, None) else op.Cast(floats, to=out_dtype)


def _choose_parameters(input, quant_min: int, quant_max: int, eps: float, dtype: int):
    """A scale of f64 and a zero point of i64 that span the elements of `input` and 0."""
    op = _onnx()
    least = op.Neg(op.Relu(op.Neg(op.ReduceMin(input, keepdims=0))))
    largest = op.Relu(op.ReduceMax(input, keepdims=0))
    scale = op.Clip(op.Div(op.Sub(largest, least), float(quant_max - quant_min)), eps)
    zero = op.Sub(float(quant_min), op.Round(op.Div(least, scale)))
    inside = op.Clip(zero, float(quant_min), float(quant_max))
    return op.Cast(scale, to=_DOUBLE), op.Cast(inside, to=_INT64)
