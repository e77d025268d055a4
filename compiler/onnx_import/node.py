"""One ONNX node as the import rules see it: operands as SSA values, attributes checked against the schema.

ONNX's own operator schemas say how many inputs an op takes, which attributes it knows, their types and their
defaults, for each opset; nothing of that is written down again here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import onnx
from onnx import AttributeProto, NodeProto, helper
from xdsl.ir import SSAValue

from ...dialects.errors import TenonError
from .contrib import contrib_schema
from .graph import NamedNode

Value: TypeAlias = SSAValue | list["Value"]
"""A tensor, or a sequence whose length and elements are known at import."""


@dataclass(frozen=True)
class Node:
    """A node with resolved operands (None where an optional one is left out, a list for a sequence)."""

    name: str
    op_type: str
    opset: int
    operands: Sequence[Value | None]
    outputs: Sequence[str]
    """Names; an empty one is not wanted, and the last one is."""
    declared: int
    """How many outputs the file lists, with those not wanted at the end."""
    attributes: dict[str, Any]

    def __getitem__(self, index: int) -> SSAValue:
        """Operand `index`, which the op must have."""
        value = self.get(index)
        if value is None:
            raise TenonError(f"input {index} is missing")
        return value

    def get(self, index: int) -> SSAValue | None:
        """Operand `index`, a tensor, or None where it is left out."""
        value = self.operands[index] if index < len(self.operands) else None
        if isinstance(value, list):
            raise TenonError(f"input {index} is a sequence, expected a tensor")
        return value

    def sequence(self, index: int) -> list[Value]:
        """Operand `index`, which must be a sequence."""
        value = self.operands[index] if index < len(self.operands) else None
        if not isinstance(value, list):
            raise TenonError(f"input {index} is {'missing' if value is None else 'a tensor'}, not a sequence")
        return value

    def attr(self, name: str, default: Any = None) -> Any:
        """Attribute `name` as int, float, str, list or TensorProto; the schema's default, else `default`."""
        return self.attributes.get(name, default)


def schema_of(node: NamedNode, opset: int) -> onnx.defs.OpSchema:
    """The operator schema in force at `opset`; that of a domain which is not ONNX's has one version."""
    if not node.standard:
        schema = contrib_schema(node.proto.op_type)
        assert schema is not None, node.op
        return schema
    try:
        return onnx.defs.get_schema(node.proto.op_type, opset, "")
    except onnx.defs.SchemaError:
        raise TenonError(f"{node}: does not exist in opset {opset}") from None


def given_attributes(proto: NodeProto, enclosing: Mapping[str, AttributeProto]) -> dict[str, AttributeProto]:
    """The attributes of a node by name. One that refers to an attribute of the function around it is that
    attribute, `enclosing`, or left out where the call of the function leaves it out."""
    found: dict[str, AttributeProto] = {}
    for attribute in proto.attribute:
        if not attribute.ref_attr_name:
            found[attribute.name] = attribute
        elif attribute.ref_attr_name in enclosing:
            found[attribute.name] = _renamed(enclosing[attribute.ref_attr_name], attribute.name)
    return found


def _renamed(attribute: AttributeProto, name: str) -> AttributeProto:
    if attribute.name == name:
        return attribute
    copy = AttributeProto()
    copy.CopyFrom(attribute)
    copy.name = name
    return copy


def checked_attributes(
    node: NamedNode, opset: int, given: Mapping[str, AttributeProto]
) -> dict[str, AttributeProto]:
    """The attributes `given` and the schema's defaults, after checking the node against the schema."""
    schema = schema_of(node, opset)
    inputs, outputs = len(node.proto.input), len(node.proto.output)
    if not schema.min_input <= inputs <= schema.max_input:
        raise TenonError(f"{node}: has {inputs} inputs, expected {_span(schema.min_input, schema.max_input)}")
    if not schema.min_output <= outputs <= schema.max_output:
        span = _span(schema.min_output, schema.max_output)
        raise TenonError(f"{node}: has {outputs} outputs, expected {span}")
    known = schema.attributes
    for name, attribute in given.items():
        if name not in known:
            raise TenonError(f"{node}: unknown attribute '{name}' in opset {opset}")
        expected = str(known[name].type).removeprefix("AttrType.")
        if AttributeProto.AttributeType.Name(attribute.type) != expected:
            raise TenonError(f"{node}: attribute '{name}' must be of type {expected.lower()}")
    for name, attribute in known.items():
        if attribute.required and name not in given:
            raise TenonError(f"{node}: attribute '{name}' is missing")
    return {name: a.default_value for name, a in known.items() if a.default_value.type} | dict(given)


def attribute_values(attributes: Mapping[str, AttributeProto]) -> dict[str, Any]:
    """Attributes as int, float, str, list, TensorProto or GraphProto."""
    return {name: _value(attribute) for name, attribute in attributes.items()}


def _value(attribute: AttributeProto) -> Any:
    value = helper.get_attribute_value(attribute)
    return [_text(v) for v in value] if attribute.type in _LISTS else _text(value)


def _text(value: Any) -> Any:
    """Strings come as bytes."""
    return value.decode(errors="replace") if isinstance(value, bytes) else value


_LISTS = (AttributeProto.INTS, AttributeProto.FLOATS, AttributeProto.STRINGS)


def _span(least: int, most: int) -> str:
    if most > 10**6:
        return f"at least {least}"
    return str(least) if least == most else f"{least} to {most}"
