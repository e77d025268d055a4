"""Normalization with given statistics."""

from __future__ import annotations

from typing import ClassVar

from xdsl.dialects.builtin import AnyFloat, FloatAttr, TensorType
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, prop_def

from ..errors import TenonError
from .base import NNOperation, same_element, shape_text, tensor_of
from .fields import FLOAT


@irdl_op_definition
class BatchNormOp(NNOperation):
    """Batch normalization at inference: (x - mean) / sqrt(variance + epsilon) * scale + bias per channel.

    ```mlir
    %y = nn.batch_norm(%x, %scale, %bias, %mean, %variance) epsilon 1.0e-05
      : (tensor<1x64x56x56xf32>, tensor<64xf32>, tensor<64xf32>, tensor<64xf32>, tensor<64xf32>)
      -> tensor<1x64x56x56xf32>
    ```
    Channels are axis 1; the parameters have shape [C].
    """

    name = "nn.batch_norm"
    x = operand_def(TensorType)
    scale = operand_def(TensorType)
    bias = operand_def(TensorType)
    mean = operand_def(TensorType)
    variance = operand_def(TensorType)
    epsilon = prop_def(FloatAttr)
    FIELDS: ClassVar = {"epsilon": FLOAT}

    def __init__(
        self,
        x: SSAValue | Operation,
        scale: SSAValue | Operation,
        bias: SSAValue | Operation,
        mean: SSAValue | Operation,
        variance: SSAValue | Operation,
        epsilon: float,
    ):
        parameters = [tensor_of(value) for value in (scale, bias, mean, variance)]
        super().__init__(
            operands=[x, scale, bias, mean, variance],
            properties=self.properties_of(epsilon=epsilon),
            result_types=[_batch_norm_type(tensor_of(x), parameters)],
        )

    def infer_type(self) -> TensorType:
        return _batch_norm_type(tensor_of(self.x), [tensor_of(value) for value in self.operands[1:]])


def _batch_norm_type(x: TensorType, parameters: list[TensorType]) -> TensorType:
    shape = x.get_shape()
    if len(shape) < 2:
        raise TenonError(f"batch_norm: input of shape {shape_text(shape)} has no channel axis 1")
    if not isinstance(same_element("batch_norm", x, *parameters), AnyFloat):
        raise TenonError(f"batch_norm: element type {x.element_type} is not a float type")
    for name, parameter in zip(("scale", "bias", "mean", "variance"), parameters, strict=True):
        if parameter.get_shape() != (shape[1],):
            text = shape_text(parameter.get_shape())
            raise TenonError(f"batch_norm: {name} has shape {text}, expected {shape[1]}")
    return TensorType(x.element_type, shape)
