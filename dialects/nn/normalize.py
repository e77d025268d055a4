"""Normalization with the statistics of the input itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import AnyFloat, DenseArrayBase, FloatAttr, IntegerAttr, StringAttr, TensorType
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, prop_def, var_operand_def

from ..errors import TenonError
from .base import NNOperation, same_element, shape_text, tensor_of
from .elementwise import broadcast_shape
from .fields import FLOAT, INTEGER, INTEGERS

NORMS = ("standard", "rms", "l1", "l2")


@irdl_op_definition
class NormalizeOp(NNOperation):
    """Normalization by statistics of x along `axes`; then, where given, a product with a scale and a sum with
    a bias, which broadcast to x.

    ```mlir
    %y = nn.normalize standard(%x, %scale, %bias) axes [2] groups 1 epsilon 1.0e-05
      : (tensor<1x128x768xf32>, tensor<768xf32>, tensor<768xf32>) -> tensor<1x128x768xf32>
    ```
    standard: (x - mean) / sqrt(variance + epsilon) with the biased variance; rms: x / sqrt(mean of x^2 +
    epsilon); l1, l2: x / max(norm, epsilon). With `groups` above 1, axis 1 is among the axes and is cut into
    so many parts with statistics of their own. So layer norm has the last axes, instance norm the spatial
    ones, group norm all but the first. Computed in f32 at least, rounded once.
    """

    name = "nn.normalize"
    kind = prop_def(StringAttr)
    x = operand_def(TensorType)
    parameters = var_operand_def(TensorType)
    axes = prop_def(DenseArrayBase)
    groups = prop_def(IntegerAttr)
    epsilon = prop_def(FloatAttr)
    KIND: ClassVar = "kind"
    FIELDS: ClassVar = {"axes": INTEGERS, "groups": INTEGER, "epsilon": FLOAT}

    def __init__(
        self,
        kind: str,
        x: SSAValue | Operation,
        *parameters: SSAValue | Operation,
        axes: Sequence[int],
        epsilon: float,
        groups: int = 1,
    ):
        super().__init__(
            operands=[x, parameters],
            properties=self.properties_of(kind=kind, axes=axes, groups=groups, epsilon=epsilon),
            result_types=[
                _normalize_type(kind, tensor_of(x), [tensor_of(p) for p in parameters], tuple(axes), groups)
            ],
        )

    @property
    def grouped_shape(self) -> tuple[int, ...]:
        """The shape of x with its channels as groups x channels of a group."""
        shape, groups = self.shape, self.value_of("groups")
        return shape if groups == 1 else (shape[0], groups, shape[1] // groups, *shape[2:])

    @property
    def grouped_axes(self) -> tuple[int, ...]:
        """The axes in that shape."""
        axes = self.value_of("axes")
        return axes if self.value_of("groups") == 1 else tuple(a + (a >= 1) for a in axes)

    def infer_type(self) -> TensorType:
        parameters = [tensor_of(p) for p in self.parameters]
        axes, groups = self.value_of("axes"), self.value_of("groups")
        return _normalize_type(self.kind.data, tensor_of(self.x), parameters, axes, groups)


def _normalize_type(
    kind: str, x: TensorType, parameters: list[TensorType], axes: tuple[int, ...], groups: int
) -> TensorType:
    shape = x.get_shape()
    if kind not in NORMS:
        raise TenonError(f"norm '{kind}' is unknown, expected one of {', '.join(NORMS)}")
    if not isinstance(same_element("normalize", x, *parameters), AnyFloat):
        raise TenonError(f"normalize: element type {x.element_type} is not a float type")
    if len(set(axes)) != len(axes) or any(not 0 <= axis < len(shape) for axis in axes):
        raise TenonError(f"normalize: axes {list(axes)} are no distinct axes of rank {len(shape)}")
    if groups != 1 and (1 not in axes or groups < 1 or shape[1] % groups):
        raise TenonError(f"normalize: {groups} groups do not divide the channels of {shape_text(shape)}")
    if len(parameters) > 2:
        raise TenonError(f"normalize: got {len(parameters)} parameters, expected a scale and a bias")
    for parameter in parameters:
        if broadcast_shape("normalize", [shape, parameter.get_shape()]) != shape:
            text = f"{shape_text(parameter.get_shape())} does not broadcast to {shape_text(shape)}"
            raise TenonError(f"normalize: a parameter of shape {text}")
    return TensorType(x.element_type, shape)
