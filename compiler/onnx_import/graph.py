"""The graph before import: nodes named, every op known, every value made once, nodes in order of use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable
from dataclasses import dataclass
from heapq import heappop, heappush

from onnx import GraphProto, NodeProto

from ...dialects.errors import TenonError
from .reader import DEFAULT_DOMAINS


@dataclass(frozen=True)
class NamedNode:
    """A node with the name it goes by in messages and locations."""

    name: str
    proto: NodeProto

    def __str__(self) -> str:
        return f"node '{self.name}' ({self.proto.op_type})"


def named_nodes(graph: GraphProto) -> list[NamedNode]:
    """The nodes as the file lists them; one without a name goes by `OpType_<index>`."""
    return [NamedNode(n.name or f"{n.op_type}_{i}", n) for i, n in enumerate(graph.node)]


def check_supported(nodes: Iterable[NamedNode], supported: Container[str]) -> None:
    """Raise one line that lists every op the importer has no rule for, with the nodes that use it."""
    missing: dict[str, list[str]] = {}
    for node in nodes:
        proto = node.proto
        known_domain = proto.domain in DEFAULT_DOMAINS
        if known_domain and proto.op_type in supported:
            continue
        op = proto.op_type if known_domain else f"{proto.domain}.{proto.op_type}"
        missing.setdefault(op, []).append(f"'{node.name}'")
    if missing:
        listed = "; ".join(f"{op} ({', '.join(names)})" for op, names in sorted(missing.items()))
        raise TenonError(f"unsupported ops: {listed}")


def ordered(graph: GraphProto, nodes: list[NamedNode]) -> list[NamedNode]:
    """`nodes` sorted so that each follows what it reads, otherwise in the file's order.

    Raises where a value is made twice or never, and where nodes wait for each other in a cycle."""
    makers = _makers(graph, nodes)
    waiting: list[int] = []
    readers: dict[int, list[int]] = {}
    for index, node in enumerate(nodes):
        sources = {makers[name] for name in _read_names(node, makers)} - {-1}
        waiting.append(len(sources))
        for source in sources:
            readers.setdefault(source, []).append(index)
    ready = [index for index, count in enumerate(waiting) if count == 0]
    order: list[NamedNode] = []
    while ready:
        index = heappop(ready)
        order.append(nodes[index])
        for reader in readers.get(index, ()):
            waiting[reader] -= 1
            if waiting[reader] == 0:
                heappush(ready, reader)
    if len(order) < len(nodes):
        stuck = [f"'{node.name}'" for node, count in zip(nodes, waiting, strict=True) if count > 0]
        raise TenonError(f"the graph has a cycle: {', '.join(stuck)} wait for each other")
    _check_outputs(graph, makers)
    return order


def _makers(graph: GraphProto, nodes: list[NamedNode]) -> dict[str, int]:
    """Value name -> index of the node that makes it, -1 for inputs and initializers."""
    if graph.sparse_initializer:
        raise TenonError("sparse initializers are not supported")
    for kind, names in (
        ("input", [value.name for value in graph.input]),
        ("initializer", [tensor.name for tensor in graph.initializer]),
        ("output", [value.name for value in graph.output]),
    ):
        repeated = [name for name, count in Counter(names).items() if count > 1]
        if repeated:
            raise TenonError(f"{kind} '{min(repeated)}' is declared twice")
    makers = dict.fromkeys((value.name for value in (*graph.input, *graph.initializer)), -1)
    for index, node in enumerate(nodes):
        for name in filter(None, node.proto.output):
            if name in makers:
                other = "an input or initializer" if makers[name] < 0 else str(nodes[makers[name]])
                raise TenonError(f"{node} makes value '{name}', which {other} makes too")
            makers[name] = index
    return makers


def _read_names(node: NamedNode, makers: dict[str, int]) -> list[str]:
    names = [name for name in node.proto.input if name]
    for name in names:
        if name not in makers:
            raise TenonError(f"{node} reads '{name}', which is no input, initializer or output of a node")
    return names


def _check_outputs(graph: GraphProto, makers: dict[str, int]) -> None:
    for value in graph.output:
        if value.name not in makers:
            raise TenonError(f"output '{value.name}' is made by no node")
