"""Ops that are defined by other ops: the functions a model brings, and those of ONNX's own operator schemas.

An op that the importer has no rule for is imported as its body. What a function reads is only its inputs and
attributes, so a body is imported in a scope of its own, at the opset the function names."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import onnx
from onnx import AttributeProto, FunctionProto, ModelProto, NodeProto, TypeProto

from ...dialects.errors import TenonError
from .graph import NamedNode, named_nodes, unsupported
from .reader import DEFAULT_DOMAINS, check_opset

Key = tuple[str, str, str]
"""Domain, name and overload."""


@dataclass(frozen=True)
class Function:
    """A body with the opset it is written in; `captures` tells that its subgraphs may read what the caller's
    may, as they come from attributes of the caller."""

    key: Key
    proto: FunctionProto
    opset: int
    defaults: dict[str, AttributeProto] = field(default_factory=dict)
    known_attributes: frozenset[str] = frozenset()
    captures: bool = False

    def attributes(self, node: NamedNode, given: dict[str, AttributeProto]) -> dict[str, AttributeProto]:
        """What the body's references to attributes stand for, in a call with the attributes `given`."""
        for name in given:
            if name not in self.known_attributes:
                raise TenonError(f"{node}: unknown attribute '{name}' of function {node.op}")
        return self.defaults | given


class FunctionTable:
    """The functions of a model, by domain, name and overload."""

    def __init__(self, model: ModelProto, opset: int):
        self._functions: dict[Key, Function] = {}
        for proto in model.functions:
            key = _domain(proto.domain), proto.name, proto.overload
            if key in self._functions:
                raise TenonError(f"function '{proto.name}' of domain '{proto.domain}' is declared twice")
            defaults = {attribute.name: attribute for attribute in proto.attribute_proto}
            known = frozenset((*proto.attribute, *defaults))
            self._functions[key] = Function(key, proto, _opset(proto, opset), defaults, known)

    def find(self, node: NodeProto) -> Function | None:
        """The model's function that `node` calls."""
        return self._functions.get((_domain(node.domain), node.op_type, node.overload))

    def check_supported(self, nodes: Iterable[NamedNode], opset: int, rules: Container[str]) -> None:
        """Raise one line that lists the ops without rule or body, those in functions that are called too."""
        if found := self._missing(nodes, opset, rules):
            raise TenonError(unsupported(found))

    def _missing(self, nodes: Iterable[NamedNode], opset: int, rules: Container[str]) -> list[NamedNode]:
        found: list[NamedNode] = []
        seen: set[Key] = set()
        pending = [(list(nodes), opset)]
        while pending:
            some, version = pending.pop()
            for node in some:
                function = self.find(node.proto)
                if function is None:
                    if node.op not in rules and not (node.standard and has_body(node.op, version)):
                        found.append(node)
                elif function.key not in seen:
                    seen.add(function.key)
                    pending.append((named_nodes(function.proto.node), function.opset))
        return found


def _domain(domain: str) -> str:
    return "" if domain in DEFAULT_DOMAINS else domain


def _opset(proto: FunctionProto, otherwise: int) -> int:
    versions = [entry.version for entry in proto.opset_import if entry.domain in DEFAULT_DOMAINS]
    version = max(versions, default=otherwise)
    check_opset(version, f"function '{proto.name}'")
    return version


def _schema(op_type: str, opset: int) -> Any:
    # onnx's type stubs do not know what a schema says of functions.
    try:
        return onnx.defs.get_schema(op_type, opset, "")
    except onnx.defs.SchemaError:
        return None


def has_body(op_type: str, opset: int) -> bool:
    """Whether ONNX defines the op by other ops."""
    schema = _schema(op_type, opset)
    return schema is not None and (schema.has_function or schema.has_context_dependent_function)


def schema_function(
    node: NodeProto, opset: int, attributes: dict[str, AttributeProto], types: Sequence[TypeProto]
) -> Function:
    """The body that ONNX gives the op of `node`, for operands of `types`."""
    schema = _schema(node.op_type, opset)
    assert schema is not None
    if schema.has_function:
        data = schema.get_function_with_opset_version(_version(schema.function_opset_versions, opset))
    else:
        call = NodeProto(op_type=node.op_type, input=node.input, output=node.output)
        call.attribute.extend(attributes.values())
        version = _version(schema.context_dependent_function_opset_versions, opset)
        given = call.SerializeToString(), [type_.SerializeToString() for type_ in types]
        try:
            data = schema.get_context_dependent_function_with_opset_version(version, *given)
        except Exception as error:  # of onnx's own code, on operands and attributes it does not expect
            raise TenonError(f"has no body for these operands and attributes: {error}") from error
    proto = FunctionProto.FromString(data)
    if not proto.node:
        raise TenonError("is defined by a function that these operands and attributes have none of")
    key = "", f"{node.op_type} of ONNX", ""
    return Function(key, proto, _opset(proto, opset), {}, frozenset(attributes), captures=True)


def _version(versions: Sequence[int], opset: int) -> int:
    """The newest body of the opset; one that came later says the same in newer ops."""
    return max((v for v in versions if v <= opset), default=min(versions))
