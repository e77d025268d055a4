"""Schemas of the ops of onnxruntime's domain that the importer has rules for.

The onnx package has none of them; these say what `node.py` checks and fills in: how many operands, and which
attributes of which type with which default."""

from __future__ import annotations

from functools import cache
from typing import Any

from onnx import helper
from onnx.defs import OpSchema

DOMAIN = "com.microsoft"

_ONE, _OPTIONAL, _VARIADIC = (
    OpSchema.FormalParameterOption.Single,
    OpSchema.FormalParameterOption.Optional,
    OpSchema.FormalParameterOption.Variadic,
)
_INT, _INTS = OpSchema.AttrType.INT, OpSchema.AttrType.INTS

_BINARY = "A A_scale A_zero_point? B B_scale B_zero_point? C_scale C_zero_point?"
_UNARY = "X x_scale x_zero_point? y_scale y_zero_point?"
_WINDOW = {"auto_pad": "NOTSET", "ceil_mode": 0, "count_include_pad": 0, "channels_last": 0,
           "kernel_shape!": _INTS, "pads": _INTS, "strides": _INTS}  # fmt: skip

OPS: dict[str, tuple[str, dict[str, Any]]] = {
    "QuantizeLinear": ("x y_scale y_zero_point?", {"axis": _INT}),
    "DequantizeLinear": ("x x_scale x_zero_point?", {"axis": _INT}),
    "QLinearAdd": (_BINARY, {}),
    "QLinearMul": (_BINARY, {}),
    "QLinearConcat": ("Y_scale Y_zero_point inputs*", {"axis!": _INT}),
    "QLinearSigmoid": (_UNARY, {}),
    "QLinearLeakyRelu": (_UNARY, {"alpha": 0.01}),
    "QLinearAveragePool": (_UNARY, _WINDOW),
    "QLinearGlobalAveragePool": (_UNARY, {"channels_last": 0}),
    "QLinearReduceMean": (_UNARY, {"axes": _INTS, "keepdims": 1}),
    "QLinearSoftmax": (_UNARY, {"axis": _INT, "opset!": _INT}),
    "QLinearWhere": ("condition X x_scale x_zero_point Y y_scale y_zero_point z_scale z_zero_point", {}),
    "QGemm": ("A a_scale a_zero_point B b_scale b_zero_point C? y_scale? y_zero_point?",
              {"alpha": 1.0, "transA": 0, "transB": 0}),
    "MatMulIntegerToFloat": ("A B a_scale b_scale a_zero_point? b_zero_point? bias?", {}),
    "DynamicQuantizeMatMul": ("A B b_scale b_zero_point? bias?", {}),
    "MatMulNBits": ("A B scales zero_points? g_idx? bias?",
                    {"K!": _INT, "N!": _INT, "bits": 4, "block_size!": _INT, "accuracy_level": 0}),
}  # fmt: skip
"""Op -> operands (`?`: optional, `*`: any number), and attributes (`!`: required) with type or default."""


@cache
def contrib_schema(op_type: str) -> OpSchema | None:
    """The schema of an op of the domain `DOMAIN`."""
    if op_type not in OPS:
        return None
    operands, attributes = OPS[op_type]
    return OpSchema(
        op_type,
        DOMAIN,
        1,
        inputs=[_operand(text) for text in operands.split()],
        outputs=[OpSchema.FormalParameter("Y", "tensor(float)")],
        attributes=[_attribute(name, kind) for name, kind in attributes.items()],
    )


def _operand(text: str) -> OpSchema.FormalParameter:
    option = {"?": _OPTIONAL, "*": _VARIADIC}.get(text[-1], _ONE)
    return OpSchema.FormalParameter(
        text.rstrip("?*"), "tensor(float)", param_option=option, is_homogeneous=False
    )


def _attribute(name: str, kind: Any) -> OpSchema.Attribute:
    if isinstance(kind, OpSchema.AttrType):
        return OpSchema.Attribute(name.rstrip("!"), kind, required=name.endswith("!"))
    return OpSchema.Attribute(name, helper.make_attribute(name, kind))
