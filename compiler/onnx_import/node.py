"""One ONNX node as the import rules see it: operands as SSA values, attributes checked against the schema.

ONNX's own operator schemas say how many inputs an op takes, which attributes it knows, their types and their
defaults, for each opset; nothing of that is written down again here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import onnx
from onnx import AttributeProto, helper
from xdsl.ir import SSAValue

from ...dialects.errors import TenonError
from .graph import NamedNode


@dataclass(frozen=True)
class Node:
    """A node with resolved operands (None where an optional one is left out)."""

    name: str
    op_type: str
    opset: int
    operands: Sequence[SSAValue | None]
    outputs: Sequence[str]
    attributes: dict[str, Any]

    def __getitem__(self, index: int) -> SSAValue:
        """Operand `index`, which the op must have."""
        value = self.get(index)
        if value is None:
            raise TenonError(f"input {index} is missing")
        return value

    def get(self, index: int) -> SSAValue | None:
        """Operand `index`, or None where it is left out."""
        return self.operands[index] if index < len(self.operands) else None

    def attr(self, name: str, default: Any = None) -> Any:
        """Attribute `name` as int, float, str, list or TensorProto; the schema's default, else `default`."""
        return self.attributes.get(name, default)


def schema_of(node: NamedNode, opset: int) -> onnx.defs.OpSchema:
    """The operator schema in force at `opset`."""
    try:
        return onnx.defs.get_schema(node.proto.op_type, opset, "")
    except onnx.defs.SchemaError:
        raise TenonError(f"{node}: does not exist in opset {opset}") from None


def read_attributes(node: NamedNode, opset: int) -> dict[str, Any]:
    """The node's attributes and the schema's defaults, after checking the node against the schema."""
    schema = schema_of(node, opset)
    given = len(node.proto.input)
    if not schema.min_input <= given <= schema.max_input:
        raise TenonError(f"{node}: has {given} inputs, expected {_span(schema.min_input, schema.max_input)}")
    if not schema.min_output <= len(node.proto.output) <= schema.max_output:
        span = _span(schema.min_output, schema.max_output)
        raise TenonError(f"{node}: has {len(node.proto.output)} outputs, expected {span}")
    known = schema.attributes
    values = {name: _value(a.default_value) for name, a in known.items() if a.default_value.type}
    for attribute in node.proto.attribute:
        if attribute.name not in known:
            raise TenonError(f"{node}: unknown attribute '{attribute.name}' in opset {opset}")
        expected = str(known[attribute.name].type).removeprefix("AttrType.")
        if AttributeProto.AttributeType.Name(attribute.type) != expected:
            raise TenonError(f"{node}: attribute '{attribute.name}' must be of type {expected.lower()}")
        values[attribute.name] = _value(attribute)
    for name, attribute in known.items():
        if attribute.required and name not in values:
            raise TenonError(f"{node}: attribute '{name}' is missing")
    return values


def _value(attribute: AttributeProto) -> Any:
    value = helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return list(value) if attribute.type in _LISTS else value


_LISTS = (AttributeProto.INTS, AttributeProto.FLOATS, AttributeProto.STRINGS)


def _span(least: int, most: int) -> str:
    if most > 10**6:
        return f"at least {least}"
    return str(least) if least == most else f"{least} to {most}"
