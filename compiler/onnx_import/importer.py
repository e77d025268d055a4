"""ONNX to `nn`: walk the graph in order of use and let each op's rule emit.

Expects a decoded model; leaves a module with one function @main over nn ops. The arguments' and results' ONNX
names are in the function's attributes as `tenon.name`, each op's location names its node."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from onnx import GraphProto, ModelProto
from xdsl.dialects import func
from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, ModuleOp, StringAttr, TensorType
from xdsl.ir import Block, Region, SSAValue

from ...dialects import nn
from ...dialects.errors import TenonError
from ..model import NAME_ATTRIBUTE, Model
from . import constant, conv, elementwise, linear, norm, pool, reduce, shape  # noqa: F401  their rules register themselves
from .context import Context, name_hint
from .graph import NamedNode, check_supported, named_nodes, ordered
from .inputs import InputSpec, bind_inputs
from .node import Node, read_attributes
from .reader import check_versions, read_model
from .registry import RULES
from .tensors import read_tensor


def load(
    source: str | os.PathLike[str] | bytes | ModelProto,
    *,
    shapes: Mapping[str, Sequence[int]] | None = None,
    dims: Mapping[str, int] | None = None,
    constants: Mapping[str, np.ndarray] | None = None,
) -> Model:
    """Import an ONNX model from a path, its bytes or a decoded `ModelProto`.

    `shapes` gives whole input shapes by input name, `dims` symbolic dimensions by their name. `constants`
    binds inputs to arrays of the declared dtype and shape: they are known at compile time and no inputs of
    the model any more, which shapes that are inputs need. Raises `TenonError` with one line for anything that
    is wrong with the file or not supported."""
    arrays = {name: np.asarray(array) for name, array in (constants or {}).items()}
    try:
        return _load(source, shapes or {}, dims or {}, arrays)
    except TenonError as error:
        error.args = (one_line(str(error)),)
        raise


def one_line(message: str) -> str:
    """`message` with control characters escaped: a file may hold any in its names."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in message)


def _load(
    source: str | os.PathLike[str] | bytes | ModelProto,
    shapes: Mapping[str, Sequence[int]],
    dims: Mapping[str, int],
    constants: Mapping[str, np.ndarray],
) -> Model:
    proto, folder, name = read_model(source)
    opset = check_versions(proto, name)
    nodes = named_nodes(proto.graph)
    check_supported(nodes, RULES)
    nodes = ordered(proto.graph, nodes)
    inputs = bind_inputs(proto.graph, shapes, dims, constants)
    importer = Importer(proto.graph, inputs, constants, folder, opset)
    for node in nodes:
        importer.add(node)
    return importer.finish()


class Importer:
    """The walk's state: the function's block and the SSA value of each ONNX value made so far."""

    def __init__(
        self,
        graph: GraphProto,
        inputs: Sequence[InputSpec],
        constants: Mapping[str, np.ndarray],
        folder: Path | None,
        opset: int,
    ):
        self.graph, self.inputs, self.constants = graph, inputs, constants
        self.tensors = {tensor.name: tensor for tensor in graph.initializer}
        self.block = Block(arg_types=[TensorType(nn.element_type(i.dtype), i.shape) for i in inputs])
        names: dict[SSAValue, str] = {a: i.name for a, i in zip(self.block.args, inputs, strict=True)}
        self.context = Context(self.block, nn.WeightStore(), opset, folder, names)
        self.values: dict[str, SSAValue] = {}
        for spec, argument in zip(inputs, self.block.args, strict=True):
            self._bind(spec.name, argument)

    def _bind(self, name: str, value: SSAValue) -> None:
        self.values[name] = value
        if value.name_hint is None:
            value.name_hint = name_hint(name)

    def value(self, name: str) -> SSAValue:
        """The value called `name`; a constant input or initializer enters the IR with its first use."""
        if name not in self.values:
            self.context.enter(name)
            array = self.constants.get(name)
            if array is None:
                array = read_tensor(self.tensors[name], self.context.folder, f"initializer '{name}'")
            self._bind(name, self.context.constant(array))
        return self.values[name]

    def add(self, named: NamedNode) -> None:
        """Emit the ops of one node."""
        proto, context = named.proto, self.context
        attributes = read_attributes(named, context.opset)
        operands = [self.value(name) if name else None for name in proto.input]
        outputs = list(proto.output)
        while outputs and not outputs[-1]:
            outputs.pop()
        context.enter(named.name)
        node = Node(named.name, proto.op_type, context.opset, operands, outputs, attributes)
        try:
            results = RULES[proto.op_type](context, node)
        except TenonError as error:
            raise TenonError(f"{named}: {error}") from error
        listed = [results] if isinstance(results, SSAValue) else results
        for name, result in zip(outputs, listed, strict=True):
            if name:
                self._bind(name, result)

    def finish(self) -> Model:
        """Return the outputs, drop what nothing uses and wrap the block as @main."""
        names = [value.name for value in self.graph.output]
        results = [self.value(name) for name in names]
        self.block.add_op(func.ReturnOp(*results))
        self._drop_unused()
        types = [a.type for a in self.block.args], [r.type for r in results]
        main = func.FuncOp(
            "main", types, Region(self.block),
            arg_attrs=_named(spec.name for spec in self.inputs), res_attrs=_named(names),
        )  # fmt: skip
        module = ModuleOp([main])
        module.verify()
        live = {name: value for name, value in self.values.items() if value.owner.parent is not None}
        return Model(module, self.context.store, live)

    def _drop_unused(self) -> None:
        for op in reversed(list(self.block.ops)):
            if op.results and not any(result.uses for result in op.results):
                op.detach()
                op.erase()


def _named(names) -> ArrayAttr[DictionaryAttr]:
    return ArrayAttr([DictionaryAttr({NAME_ATTRIBUTE: StringAttr(name)}) for name in names])
