"""The walk over a model's nodes: its graph, the subgraphs of control flow and the bodies of functions.

Every node ends as ops in one block, emitted by the rule of its op; an op without a rule is its body."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import zip_longest

import numpy as np
from onnx import AttributeProto, GraphProto, NodeProto, TypeProto, helper
from xdsl.dialects.builtin import BFloat16Type, Float16Type, f32
from xdsl.ir import Block, SSAValue

from ...dialects import nn
from ...dialects.errors import TenonError
from .context import Context, dtype_of, shape_of, tensor_type
from .functions import Function, FunctionTable, Key, schema_function
from .graph import MAX_NESTING, NamedNode, captures, check_declared, given_names, named_nodes, ordered
from .legacy import in_later_terms
from .node import Node, Value, attribute_values, checked_attributes, given_attributes
from .reader import Source
from .registry import RULES
from .scope import Scope

MAX_NODES = 100_000
"""Nodes in all, functions and loops expanded: keeps a hostile file from growing without bound."""

SINGLE_PRECISION = {"Attention"}
"""Ops whose body would round every step to 16 bits: computed in f32, their results rounded once."""


@dataclass(frozen=True)
class Frame:
    """Where a node stands: the values it can read, the opset and the attributes of the function it is in.

    Ops of a function body are located at the node that calls it, `location`; nodes of a subgraph go by their
    name below that of the node that holds it, `prefix`. `calls` are the functions being expanded."""

    scope: Scope
    opset: int
    attributes: Mapping[str, AttributeProto] = field(default_factory=dict)
    location: str = ""
    prefix: str = ""
    calls: tuple[Key, ...] = ()
    depth: int = 0


class Walk:
    """Walks graphs, subgraphs and bodies of functions, all into one block."""

    def __init__(self, functions: FunctionTable, source: Source):
        self.functions = functions
        self.block = Block()
        self.context = Context(self.block, nn.WeightStore(), source, {})
        self.context.graphs = self
        self.frame = Frame(Scope(self.context), 0)
        self.count = 0

    def add_graph(self, graph: GraphProto, frame: Frame) -> None:
        outputs = [value.name for value in graph.output]
        self._add_nodes(graph.node, given_names(graph), outputs, frame)

    def _add_nodes(
        self, protos: Sequence[NodeProto], given: Sequence[str], outputs: Sequence[str], frame: Frame
    ) -> None:
        nodes = named_nodes(protos)
        self.functions.check_supported(nodes, frame.opset, RULES)
        for node in ordered(nodes, given, outputs, frame.scope.parent or ()):
            self._add(node, frame)

    def _add(self, named: NamedNode, frame: Frame) -> None:
        """Emit the ops of one node. What it is made of may itself be nodes."""
        self.count += 1
        if self.count > MAX_NODES:
            raise TenonError(
                f"the model has more than {MAX_NODES} nodes, those of functions and loop bodies included"
            )
        outputs = list(named.proto.output)
        while outputs and not outputs[-1]:
            outputs.pop()
        given = given_attributes(named.proto, frame.attributes)
        operands = [frame.scope.value(name) if name else None for name in named.proto.input]
        with self._at(named, frame):
            results = self._results(named, operands, outputs, given, frame)
        if len(results) < len(outputs):
            raise TenonError(f"{named}: has {len(outputs)} outputs, expected {len(results)}")
        for name, result in zip(outputs, results, strict=False):  # the last ones may be left out
            if name:
                frame.scope.bind(name, result)

    @contextmanager
    def _at(self, named: NamedNode, frame: Frame) -> Iterator[None]:
        """While a node is imported: its opset and its name. Rules may import subgraphs in between."""
        context = self.context
        before = self.frame, context.opset, context.node_name, context.location
        self.frame, context.opset = frame, frame.opset
        context.enter(frame.location or frame.prefix + named.name)
        try:
            yield
        finally:
            self.frame, context.opset, context.node_name, context.location = before

    def _results(
        self,
        named: NamedNode,
        operands: list[Value | None],
        outputs: list[str],
        given: dict[str, AttributeProto],
        frame: Frame,
    ) -> Sequence[Value | None]:
        proto = named.proto
        function = self.functions.find(proto)
        if function is not None:
            return self._call(named, function, operands, outputs, function.attributes(named, given), frame)
        attributes = checked_attributes(named, frame.opset, given)
        if named.op not in RULES:
            if proto.op_type not in SINGLE_PRECISION:
                function = self._schema_function(named, operands, attributes, frame)
                return self._call(named, function, operands, outputs, attributes, frame)
            wide = [self._widened(operand) for operand in operands]
            function = self._schema_function(named, wide, attributes, frame)
            results = self._call(named, function, wide, outputs, attributes, frame)
            return [self._like(result, operands[0]) for result in results]
        node = Node(
            named.name, proto.op_type, frame.opset, operands, outputs, len(proto.output),
            attribute_values(attributes),
        )  # fmt: skip
        try:
            results = RULES[named.op](self.context, in_later_terms(self.context, node))
        except TenonError as error:
            raise TenonError(f"{named}: {error}") from error
        except MemoryError as error:
            raise TenonError(f"{named}: not enough memory") from error
        return [results] if isinstance(results, SSAValue) else results

    def _widened(self, value: Value | None) -> Value | None:
        """16-bit floats as f32."""
        if not isinstance(value, SSAValue) or not _is_half(value):
            return value
        return self.context.emit(nn.CastOp(value, f32))

    def _like(self, result: Value | None, first: Value | None) -> Value | None:
        """What was computed in f32, in the type of the first operand."""
        if not isinstance(result, SSAValue) or not isinstance(first, SSAValue):
            return result
        back = _is_half(first) and dtype_of(result) == np.float32
        return self.context.cast(result, first) if back else result

    def _schema_function(
        self, named: NamedNode, operands: Sequence[Value | None], attributes: dict[str, AttributeProto],
        frame: Frame,
    ) -> Function:  # fmt: skip
        try:
            types = [_type_proto(operand) for operand in operands]
            return schema_function(named.proto, frame.opset, attributes, types)
        except TenonError as error:
            raise TenonError(f"{named}: {error}") from error

    def _call(
        self,
        named: NamedNode,
        function: Function,
        operands: Sequence[Value | None],
        outputs: Sequence[str],
        attributes: Mapping[str, AttributeProto],
        frame: Frame,
    ) -> list[Value | None]:
        """The outputs of `function`, its body emitted here."""
        proto = function.proto
        if len(operands) > len(proto.input) or len(outputs) > len(proto.output):
            raise TenonError(
                f"{named}: has {len(operands)} inputs and {len(outputs)} outputs, function {named.op} has "
                f"{len(proto.input)} and {len(proto.output)}"
            )
        if function.key in frame.calls:
            raise TenonError(f"{named}: function {named.op} calls itself")
        scope = Scope(self.context, frame.scope if function.captures else None)
        for name, operand in zip_longest(proto.input, operands):
            scope.bind(name, operand)
        inner = Frame(
            scope, function.opset, attributes, frame.location or frame.prefix + named.name, "",
            (*frame.calls, function.key), frame.depth + 1,
        )  # fmt: skip
        self._check_depth(named, inner)
        try:
            wanted = [name if used else "" for name, used in zip(proto.output, outputs, strict=False)]
            self._add_nodes(proto.node, proto.input, [name for name in wanted if name], inner)
            return [scope.value(name) if name else None for name in wanted]
        except TenonError as error:
            raise TenonError(f"{named}: {error}") from error

    def _check_depth(self, named: NamedNode | str, frame: Frame) -> None:
        if frame.depth > MAX_NESTING:
            raise TenonError(f"{named}: functions and subgraphs are nested deeper than {MAX_NESTING} levels")

    def captures(self, graph: GraphProto) -> dict[str, Value | None]:
        """What a graph that belongs to the node being imported reads from those around it."""
        return {name: self.frame.scope.value(name) for name in captures(graph)}

    def subgraph(
        self, graph: GraphProto, arguments: Sequence[Value], label: str, captured: Mapping[str, Value | None]
    ) -> list[Value]:
        """A graph that belongs to the node being imported, its nodes emitted here. `captured` comes before
        what the graphs around it hold."""
        outer = self.frame
        if len(arguments) != len(graph.input):
            raise TenonError(f"its graph has {len(graph.input)} inputs, expected {len(arguments)}")
        check_declared(graph)
        around = Scope(self.context, outer.scope)
        around.values.update(captured)
        scope = Scope(self.context, around)
        scope.declare(graph, {})
        for value, argument in zip(graph.input, arguments, strict=True):
            scope.bind(value.name, argument)
        inner = replace(outer, scope=scope, depth=outer.depth + 1, prefix=f"{self.context.node_name}/{label}")
        self._check_depth(graph.name, inner)
        self.add_graph(graph, inner)
        results = [scope.value(value.name) for value in graph.output]
        return [_present(result, value.name) for result, value in zip(results, graph.output, strict=True)]


def _is_half(value: SSAValue) -> bool:
    return isinstance(tensor_type(value).element_type, Float16Type | BFloat16Type)


def _type_proto(value: Value | None) -> TypeProto:
    """The ONNX type of a value; empty for an optional input left out."""
    if value is None:
        return TypeProto()
    if isinstance(value, list):
        return helper.make_sequence_type_proto(_type_proto(value[0]) if value else TypeProto())
    return helper.make_tensor_type_proto(helper.np_dtype_to_tensor_dtype(dtype_of(value)), shape_of(value))


def _present(value: Value | None, name: str) -> Value:
    if value is None:
        raise TenonError(f"output '{name}' is an optional input that is left out")
    return value
