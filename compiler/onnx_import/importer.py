"""ONNX to `nn`: walk the graph in order of use and let each op's rule emit.

Expects a decoded model; leaves a module with one function @main over nn ops. The arguments' and results' ONNX
names are in the function's attributes as `tenon.name`, each op's location names its node."""

from __future__ import annotations

import os
from collections.abc import Container, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import ModelProto
from xdsl.dialects import func
from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, ModuleOp, StringAttr, TensorType
from xdsl.ir import Block, Region, SSAValue

from ...dialects import nn
from ...dialects.errors import TenonError, UsageError
from ..model import NAME_ATTRIBUTE, Model
from ..torch_import import is_torch_module, onnx_of_module
from . import (  # noqa: F401  their rules register themselves
    cast,
    constant,
    control,
    conv,
    einsum,
    elementwise,
    indexing,
    linear,
    loops,
    matrix,
    norm,
    order,
    pool,
    quant_bits,
    quant_linear,
    quant_ops,
    quant_products,
    rearrange,
    recurrent,
    reduce,
    resize,
    sample,
    sequence,
    shape,
)
from .functions import FunctionTable
from .graph import check_declared, named_nodes
from .inputs import InputSpec, bind_inputs
from .names import one_line
from .node import Value
from .reader import check_versions, read_model
from .registry import RULES
from .scope import Scope
from .walk import Frame, Walk

if TYPE_CHECKING:
    import torch


def load(
    source: str | os.PathLike[str] | bytes | ModelProto | torch.nn.Module | torch.export.ExportedProgram,
    example_inputs: Any = None,
    *,
    shapes: Mapping[str, Sequence[int]] | None = None,
    dims: Mapping[str, int] | None = None,
    constants: Mapping[str, np.ndarray] | None = None,
) -> Model:
    """Import an ONNX model from a path, its bytes or a decoded `ModelProto`, or a torch module, which needs
    `example_inputs`: what it is called with (a tensor, a sequence of them or a mapping of keyword arguments).
    A program of `torch.export`, which quantized ones are, has these itself.

    `shapes` gives whole input shapes by input name, `dims` symbolic dimensions by their name. `constants`
    binds inputs to arrays of the declared dtype and shape: they are known at compile time and no inputs of
    the model any more, which shapes that are inputs need. Raises `TenonError` with one line for anything that
    is wrong with the file or not supported."""
    arrays = {name: np.asarray(array) for name, array in (constants or {}).items()}
    try:
        if is_torch_module(source):
            return _load(onnx_of_module(source, example_inputs), shapes or {}, dims or {}, arrays)
        if example_inputs is not None:
            raise UsageError("example_inputs are for torch modules, an ONNX model declares its inputs")
        return _load(source, shapes or {}, dims or {}, arrays)
    except TenonError as error:
        error.args = (one_line(str(error)),)
        raise


def _load(
    source: str | os.PathLike[str] | bytes | ModelProto,
    shapes: Mapping[str, Sequence[int]],
    dims: Mapping[str, int],
    constants: Mapping[str, np.ndarray],
) -> Model:
    proto, origin = read_model(source)
    opset = check_versions(proto, origin.name)
    check_declared(proto.graph)
    functions = FunctionTable(proto, opset)
    functions.check_supported(named_nodes(proto.graph.node), opset, RULES)
    inputs = bind_inputs(proto.graph, shapes, dims, constants)
    walk = Walk(functions, origin)
    scope = Scope(walk.context)
    scope.declare(proto.graph, constants)
    _add_arguments(walk, scope, inputs)
    walk.add_graph(proto.graph, Frame(scope, opset))
    model = _model(walk, scope, inputs, [value.name for value in proto.graph.output])
    model.name = origin.name if origin.folder is None else Path(origin.name).stem
    return model


def _add_arguments(walk: Walk, scope: Scope, inputs: Sequence[InputSpec]) -> None:
    for index, spec in enumerate(inputs):
        type_ = TensorType(nn.element_type(spec.dtype), spec.shape)
        argument = walk.block.insert_arg(type_, index)
        walk.context.inputs[argument] = spec.name
        scope.bind(spec.name, argument)


def _model(walk: Walk, scope: Scope, inputs: Sequence[InputSpec], outputs: Sequence[str]) -> Model:
    """Return the outputs, drop what nothing uses and wrap the block as @main."""
    block = walk.block
    results = [_tensor(scope.value(name), name) for name in outputs]
    block.add_op(func.ReturnOp(*results))
    _drop_unused(block)
    types = [a.type for a in block.args], [r.type for r in results]
    outputs = _distinct(outputs, scope.values)
    main = func.FuncOp(
        "main", types, Region(block),
        arg_attrs=_named(spec.name for spec in inputs), res_attrs=_named(outputs),
    )  # fmt: skip
    module = ModuleOp([main, *_run_by(main, walk.context.functions)])
    module.verify()
    values = {name: value for name, value in scope.values.items() if isinstance(value, SSAValue)}
    live = {name: value for name, value in values.items() if value.owner.parent is not None}
    return Model(module, walk.context.store, live, weights=frozenset(walk.context.weights))


def _run_by(main: func.FuncOp, functions: Sequence[func.FuncOp]) -> list[func.FuncOp]:
    """The functions that loops of @main run, or loops of those."""
    known = {function.sym_name.data: function for function in functions}
    found: list[func.FuncOp] = [main]
    for function in found:  # grows
        for op in function.walk():
            if isinstance(op, nn.ScanOp) and (body := known.get(op.body.root_reference.data)) not in found:
                assert body is not None
                found.append(body)
    return found[1:]


def _drop_unused(block: Block) -> None:
    for op in reversed(list(block.ops)):
        if op.results and not any(result.uses for result in op.results):
            op.detach()
            op.erase()


def _tensor(value: Value | None, name: str) -> SSAValue:
    if not isinstance(value, SSAValue):
        raise TenonError(f"output '{name}' is a sequence, expected a tensor")
    return value


def _distinct(names: Sequence[str], taken: Container[str]) -> list[str]:
    """`names`, of which those that come again get a number: a value may be returned twice."""
    found: list[str] = []
    for name in names:
        numbered = (f"{name}_{i}" for i in count(2))
        fresh = (n for n in numbered if n not in taken and n not in names and n not in found)
        found.append(next(fresh) if name in found else name)
    return found


def _named(names) -> ArrayAttr[DictionaryAttr]:
    return ArrayAttr([DictionaryAttr({NAME_ATTRIBUTE: StringAttr(name)}) for name in names])
