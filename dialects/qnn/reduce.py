"""Means of quantized elements: of windows and along axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from xdsl.dialects.builtin import DenseArrayBase, IntegerAttr, StringAttr, TensorType
from xdsl.irdl import irdl_op_definition, operand_def, prop_def

from ..errors import TenonError
from ..nn import tensor_of
from ..nn.fields import FLAG, INTEGERS
from ..nn.pool import pool_type
from ..nn.reduce import reduce_type
from ..nn.window import Window
from .base import QnnOperation, Value, fields
from .functions import check_unary
from .parameters import NARROW, limits


def _check_sum(op: str, x: TensorType, count: int) -> None:
    """The sum of `count` differences to the zero point stays within i32."""
    low, high = limits(x.element_type)
    if count * (high - low) >= 1 << 31:
        most = ((1 << 31) - 1) // (high - low)
        raise TenonError(f"{op}: the mean of {count} elements of {x.element_type}, expected {most} at most")


@irdl_op_definition
class PoolOp(QnnOperation):
    """The average over sliding windows, under other parameters.

    ```mlir
    %y = qnn.pool average(%x, %s, %zp, %s_out, %zp_out) kernel [2, 2] strides [2, 2] pads [0, 0, 0, 0]
      dilations [1, 1] ceil_mode false count_include_pad false rounding half_even range [0, 255]
      : (tensor<1x64x8x8xui8>, tensor<f32>, tensor<ui8>, tensor<f32>, tensor<ui8>) -> tensor<1x64x4x4xui8>
    ```
    Windows are those of nn.pool, padding has the value zp. The sum of x - zp in i32, as f32, times
    s / (s_out * count), all in f32; clamped and rounded as in qnn.requantize. The maximum is nn.pool's.
    """

    name = "qnn.pool"
    kind = prop_def(StringAttr)
    x = operand_def(TensorType)
    s = operand_def(TensorType)
    zp = operand_def(TensorType)
    s_out = operand_def(TensorType)
    zp_out = operand_def(TensorType)
    kernel = prop_def(DenseArrayBase)
    strides = prop_def(DenseArrayBase)
    pads = prop_def(DenseArrayBase)
    dilations = prop_def(DenseArrayBase)
    ceil_mode = prop_def(IntegerAttr)
    count_include_pad = prop_def(IntegerAttr)
    rounding = prop_def(StringAttr)
    range = prop_def(DenseArrayBase)
    KIND: ClassVar = "kind"
    FIELDS: ClassVar = {
        "kernel": INTEGERS,
        "strides": INTEGERS,
        "pads": INTEGERS,
        "dilations": INTEGERS,
        "ceil_mode": FLAG,
        "count_include_pad": FLAG,
        **fields("rounding", "range"),
    }
    SCALES: ClassVar = ("s", "s_out")

    def __init__(
        self,
        kind: str,
        x: Value,
        s: Value,
        zp: Value,
        s_out: Value,
        zp_out: Value,
        *,
        kernel: Sequence[int],
        strides: Sequence[int],
        pads: Sequence[int],
        dilations: Sequence[int],
        ceil_mode: bool = False,
        count_include_pad: bool = False,
        rounding: str = "half_even",
        range: Sequence[int] | None = None,
    ):
        window = Window(tuple(kernel), tuple(strides), tuple(pads), tuple(dilations))._asdict()
        modes = {"ceil_mode": ceil_mode, "count_include_pad": count_include_pad}
        super().__init__(
            [x, s, zp, s_out, zp_out], kind=kind, **window, **modes, rounding=rounding, range=range
        )

    @property
    def window(self) -> Window:
        return Window(*(self.value_of(name) for name in Window._fields))

    @classmethod
    def result_type(cls, types: Sequence[TensorType], **values: Any) -> TensorType:
        if values["kind"] != "average":
            raise TenonError(f"{cls.name}: '{values['kind']}' is unknown, expected average")
        window = Window(*(tuple(values[name]) for name in Window._fields))
        _check_sum(cls.name, types[0], math.prod(window.kernel))
        return pool_type("average", check_unary(cls.name, types, NARROW), window, values["ceil_mode"])


@irdl_op_definition
class ReduceOp(QnnOperation):
    """The mean along `axes`, under other parameters.

    ```mlir
    %y = qnn.reduce mean(%x, %s, %zp, %s_out, %zp_out) axes [2, 3] keepdims true rounding half_even
      range [0, 255] : (tensor<1x512x7x7xui8>, tensor<f32>, tensor<ui8>, tensor<f32>, tensor<ui8>)
      -> tensor<1x512x1x1xui8>
    ```
    The sum of x - zp in i32, as f32, times s / (s_out * count), all in f32; clamped and rounded as in
    qnn.requantize. Maximum and minimum are nn.reduce's.
    """

    name = "qnn.reduce"
    kind = prop_def(StringAttr)
    x = operand_def(TensorType)
    s = operand_def(TensorType)
    zp = operand_def(TensorType)
    s_out = operand_def(TensorType)
    zp_out = operand_def(TensorType)
    axes = prop_def(DenseArrayBase)
    keepdims = prop_def(IntegerAttr)
    rounding = prop_def(StringAttr)
    range = prop_def(DenseArrayBase)
    KIND: ClassVar = "kind"
    FIELDS: ClassVar = {"axes": INTEGERS, "keepdims": FLAG, **fields("rounding", "range")}
    SCALES: ClassVar = ("s", "s_out")

    def __init__(
        self,
        kind: str,
        x: Value,
        s: Value,
        zp: Value,
        s_out: Value,
        zp_out: Value,
        *,
        axes: Sequence[int],
        keepdims: bool,
        rounding: str = "half_even",
        range: Sequence[int] | None = None,
    ):
        fields = {"axes": axes, "keepdims": keepdims, "rounding": rounding, "range": range}
        super().__init__([x, s, zp, s_out, zp_out], kind=kind, **fields)

    @classmethod
    def result_type(cls, types: Sequence[TensorType], **values: Any) -> TensorType:
        if values["kind"] != "mean":
            raise TenonError(f"{cls.name}: '{values['kind']}' is unknown, expected mean")
        axes = tuple(values["axes"])
        result = reduce_type("mean", check_unary(cls.name, types, NARROW), axes, values["keepdims"])
        shape = types[0].get_shape()
        _check_sum(cls.name, types[0], math.prod(shape[axis] for axis in axes))
        return result


def reduced_count(op: ReduceOp) -> int:
    """How many elements a result is the mean of."""
    shape = tensor_of(op.x).get_shape()
    return math.prod(shape[axis] for axis in op.value_of("axes"))
