"""The values a node can read: those of its graph and, in a subgraph, those of the graphs around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from onnx import GraphProto
from xdsl.ir import SSAValue

from ...dialects.errors import TenonError
from .context import Context, name_hint
from .node import Value
from .tensors import read_sparse, read_tensor


class Scope:
    """ONNX value name -> value. Constants and initializers enter the IR with their first use.

    None is the value of an optional input that the caller of a function leaves out."""

    def __init__(self, context: Context, parent: Scope | None = None):
        self.context, self.parent = context, parent
        self.values: dict[str, Value | None] = {}
        self.graph = GraphProto()
        self.constants: Mapping[str, np.ndarray] = {}
        self._unread: dict[str, int] = {}
        self._unread_sparse: dict[str, int] = {}

    def declare(self, graph: GraphProto, constants: Mapping[str, np.ndarray]) -> None:
        """The initializers of `graph` become known; `constants` override them."""
        self.graph, self.constants = graph, constants
        self._unread = {tensor.name: i for i, tensor in enumerate(graph.initializer)}
        self._unread_sparse = {sparse.values.name: i for i, sparse in enumerate(graph.sparse_initializer)}

    def bind(self, name: str, value: Value | None) -> None:
        self.values[name] = value
        if isinstance(value, SSAValue) and value.name_hint is None:
            value.name_hint = name_hint(name)

    def __contains__(self, name: str) -> bool:
        """Whether a node of this graph can read `name`."""
        return self._holder(name) is not None

    def value(self, name: str) -> Value | None:
        """The value called `name`, of this graph or of the innermost one around it."""
        holder = self._holder(name)
        if holder is None:
            raise TenonError(f"there is no value '{name}'")
        if name not in holder.values:
            holder._read(name)
        return holder.values[name]

    def _holder(self, name: str) -> Scope | None:
        scope: Scope | None = self
        while scope is not None:
            known: Sequence[Mapping] = scope.values, scope.constants, scope._unread, scope._unread_sparse
            if any(name in names for names in known):
                return scope
            scope = scope.parent
        return None

    def _read(self, name: str) -> None:
        context, where = self.context, f"initializer '{name}'"
        context.enter(name)
        if name in self.constants:
            array = self.constants[name]
        elif name in self._unread:
            array = read_tensor(self.graph.initializer[self._unread[name]], context.source, where)
        else:
            sparse = self.graph.sparse_initializer[self._unread_sparse[name]]
            array = read_sparse(sparse, context.source, where)
        self.bind(name, context.weight(array))
