"""A graph before import: nodes named, every op known, every value made once, nodes in order of use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

from onnx import AttributeProto, GraphProto, NodeProto

from ...dialects.errors import TenonError
from .names import listed, shortened
from .reader import DEFAULT_DOMAINS

MAX_NESTING = 24
"""Subgraphs and functions within each other; more is refused."""


@dataclass(frozen=True)
class NamedNode:
    """A node with the name it goes by in messages and locations."""

    name: str
    proto: NodeProto

    def __str__(self) -> str:
        return f"node '{self.name}' ({shortened(self.proto.op_type)})"

    @property
    def standard(self) -> bool:
        """Whether the op is one of ONNX's own, not of another domain."""
        return self.proto.domain in DEFAULT_DOMAINS

    @property
    def op(self) -> str:
        """The op's name, with its domain unless that is ONNX's."""
        return self.proto.op_type if self.standard else f"{self.proto.domain}.{self.proto.op_type}"


def named_nodes(nodes: Iterable[NodeProto]) -> list[NamedNode]:
    """The nodes as the file lists them; one without a name goes by `OpType_<index>`."""
    return [NamedNode(shortened(n.name or f"{n.op_type}_{i}"), n) for i, n in enumerate(nodes)]


def unsupported(nodes: Iterable[NamedNode]) -> str:
    """One line that lists the ops of `nodes` with the nodes that use them."""
    missing: dict[str, list[str]] = {}
    for node in nodes:
        missing.setdefault(node.op, []).append(node.name)
    ops = "; ".join(f"{shortened(op)} ({listed(names)})" for op, names in sorted(missing.items()))
    return f"unsupported ops: {ops}"


def ordered(
    nodes: list[NamedNode], given: Iterable[str], outputs: Iterable[str], outside: Container[str] = ()
) -> list[NamedNode]:
    """`nodes` sorted so that each follows what it reads, otherwise in the file's order.

    `given` are the inputs and initializers, `outside` what the graphs around this one offer. Raises where a
    value is made twice or never, and where nodes wait for each other in a cycle."""
    makers = _makers(nodes, given)
    waiting: list[int] = []
    readers: dict[int, list[int]] = {}
    for index, node in enumerate(nodes):
        sources = {makers.get(name, -1) for name in _checked_reads(node, makers, outside)} - {-1}
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
        stuck = [node.name for node, count in zip(nodes, waiting, strict=True) if count > 0]
        raise TenonError(f"the graph has a cycle: {listed(stuck)} wait for each other")
    for name in outputs:
        if name not in makers and name not in outside:
            raise TenonError(f"output '{name}' is made by no node")
    return order


def check_declared(graph: GraphProto) -> None:
    """Raise where two inputs or two initializers share a name."""
    initializers = [tensor.name for tensor in graph.initializer]
    initializers += [sparse.values.name for sparse in graph.sparse_initializer]
    for kind, names in (("input", [value.name for value in graph.input]), ("initializer", initializers)):
        repeated = [name for name, count in Counter(names).items() if count > 1]
        if repeated:
            raise TenonError(f"{kind} '{min(repeated)}' is declared twice")


def given_names(graph: GraphProto) -> list[str]:
    """The values of `graph` that no node makes."""
    return [
        *(value.name for value in graph.input),
        *(tensor.name for tensor in graph.initializer),
        *(sparse.values.name for sparse in graph.sparse_initializer),
    ]


def _makers(nodes: Sequence[NamedNode], given: Iterable[str]) -> dict[str, int]:
    """Value name -> index of the node that makes it, -1 for inputs and initializers."""
    makers = dict.fromkeys(given, -1)
    for index, node in enumerate(nodes):
        for name in filter(None, node.proto.output):
            if name in makers:
                other = "an input or initializer" if makers[name] < 0 else str(nodes[makers[name]])
                raise TenonError(f"{node} makes value '{name}', which {other} makes too")
            makers[name] = index
    return makers


def _checked_reads(node: NamedNode, makers: Container[str], outside: Container[str]) -> list[str]:
    names = list(reads(node.proto))
    for name in names:
        if name not in makers and name not in outside:
            raise TenonError(f"{node} reads '{name}', which is no input, initializer or output of a node")
    return names


def reads(node: NodeProto, depth: int = 0) -> Iterator[str]:
    """The names that `node` reads, its subgraphs' captures among them; a name may come repeatedly."""
    if depth > MAX_NESTING:
        raise TenonError(f"subgraphs are nested deeper than {MAX_NESTING} levels")
    yield from filter(None, node.input)
    for attribute in node.attribute:
        for graph in subgraphs(attribute):
            yield from captures(graph, depth + 1)


def subgraphs(attribute: AttributeProto) -> list[GraphProto]:
    """The graphs that an attribute holds."""
    return [attribute.g] if attribute.type == AttributeProto.GRAPH else list(attribute.graphs)


def captures(graph: GraphProto, depth: int = 0) -> list[str]:
    """The names that `graph` reads from the graphs around it."""
    own = set(given_names(graph)).union(*(node.output for node in graph.node))
    read = {name for node in graph.node for name in reads(node, depth)}
    read.update(value.name for value in graph.output)
    return sorted(read - own)
