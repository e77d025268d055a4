"""nn to ONNX: a node, or a few, for each op of @main.

Expects a module of nn ops, as imported or after passes at that level. Values known at compile time are
evaluated and become initializers; op locations become node names."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from onnx import ModelProto, OperatorSetIdProto, TensorProto
from xdsl.dialects import func
from xdsl.ir import Block, Operation, SSAValue

from ...dialects import nn, qnn
from ...dialects.errors import TenonError
from ...passes.decompose_nn import RULES as COMPOSITE
from ...passes.graph_builder import GraphBuilder
from ..constants import ConstantRunner
from ..model import Model
from ..qdq_form import refusal, to_qdq
from . import (  # noqa: F401  their rules register themselves
    elementwise,
    index,
    linear,
    loops,
    movement,
    norm,
    order,
    pool,
    quant,
)
from .graph import GraphWriter, Names, Shared, tensor_bytes, tensor_proto, value_info
from .registry import RULES, export_op

OPSET = 23
"""Unless an op needs a newer one."""

IR_VERSION = 11

MAX_INSIDE = 2**30
"""Bytes of weights above which they go to a file of their own: protobuf stops at 2 GiB."""

MAX_FILE = 2**31 - 2**24
"""Bytes of weights that fit into one file."""

MAX_EVALUATED = 4096
"""A constant of more elements that only repeats others stays a node."""


def save_onnx(model: Model, path: str | os.PathLike[str], *, external_data: bool | None = None) -> None:
    """Write `model` as an ONNX file. Its module must be at the nn level, as imported or after passes there.

    With `external_data` the weights go to `<path>.data` beside it; by default those of more than 1 GiB do.
    The same model gives the same bytes. Raises TenonError for ops of other levels."""
    target = Path(path)
    proto, arrays = to_onnx(model)
    total = sum(array.nbytes for array in arrays.values())
    if total > MAX_INSIDE if external_data is None else external_data:
        _write_external(proto, arrays, Path(f"{target}.data"))
    elif total > MAX_FILE:
        raise TenonError(f"{total} bytes of weights do not fit into one ONNX file, expected external data")
    else:
        for tensor in proto.graph.initializer:
            tensor.raw_data = tensor_bytes(arrays[tensor.name]).tobytes()
    target.write_bytes(proto.SerializeToString(deterministic=True))


def to_onnx(model: Model) -> tuple[ModelProto, Mapping[str, np.ndarray]]:
    """The model without the bytes of its initializers, and these as arrays by name."""
    model = _with_rules(model)
    inputs, outputs = [port.name for port in model.inputs], [port.name for port in model.outputs]
    for name in inputs:
        if inputs.count(name) > 1:
            raise TenonError(f"two inputs are called '{name}'")
    shared = Shared(Names([*inputs, *outputs]), OPSET)
    graph = GraphWriter(shared, ConstantRunner(model.store).evaluate, _export_block)
    block = model.main.body.block
    graph.values.update(zip(block.args, inputs, strict=True))
    returned = block.last_op
    assert isinstance(returned, func.ReturnOp)
    _export_block(graph, block, _wanted(returned, outputs, inputs))
    for name, value in _once(outputs, returned.operands):
        if graph.name(value) != name:  # an input, a constant, or a value that is returned twice
            graph.copy(graph.name(value), name)
    proto = ModelProto(ir_version=IR_VERSION, producer_name="tenonc")
    proto.opset_import.append(OperatorSetIdProto(domain="", version=shared.opset))
    proto.graph.CopyFrom(
        graph.graph(
            "main",
            [value_info(name, nn.tensor_of(value)) for name, value in zip(inputs, block.args, strict=True)],
            [value_info(name, nn.tensor_of(v)) for name, v in _once(outputs, returned.operands)],
        )
    )
    proto.graph.initializer.extend(tensor_proto(name, array) for name, array in shared.arrays.items())
    return proto, shared.arrays


def _with_rules(model: Model) -> Model:
    """The model with ops decomposed that have no rule here, quantized ones as floats between dequantize and
    quantize; TenonError for what is no nn or qnn op."""
    if any(isinstance(op, qnn.QnnOperation) for op in model.module.walk()):
        model = Model(model.module.clone(), model.store)
        refused = [found for found in map(refusal, model.module.walk()) if found is not None]
        if refused:
            raise TenonError(f"{refused[0]} cannot be written as ONNX")
        to_qdq(model.module, model.store)
    ops = [op for op in model.module.walk() if not isinstance(op, func.FuncOp | func.ReturnOp)]
    ops = [op for op in ops if op is not model.module and not isinstance(op, nn.ConstantOp)]
    missing = [op for op in ops if type(op) not in RULES]
    for op in missing:
        if type(op) not in COMPOSITE:
            raise TenonError(f"{op.name} cannot be written as ONNX: expected ops of the nn level")
    if not missing:
        return model
    own = Model(model.module.clone(), model.store)
    while found := [op for op in own.module.walk() if type(op) in COMPOSITE and type(op) not in RULES]:
        for op in found:
            builder = GraphBuilder(op)
            builder.finish(COMPOSITE[type(op)](builder, op))  # pyright: ignore[reportArgumentType]
    return own


def _export_block(graph: GraphWriter, block: Block, wanted: Mapping[SSAValue, str] | None = None) -> None:
    """Nodes for the ops of `block`. `wanted` are the names that results must have."""
    known = nn.compile_time_values(block.ops)
    for op in block.ops:
        if isinstance(op, func.ReturnOp | nn.ConstantOp) or _is_evaluated(op, known):
            continue
        graph.enter(op)
        before = len(graph.nodes)
        for result, name in zip(op.results, export_op(graph, op), strict=True):
            if wanted and result in wanted:
                graph.rename(name, wanted[result], before)
                name = wanted[result]
            graph.values[result] = name


def _is_evaluated(op: Operation, known: set[SSAValue]) -> bool:
    if not known.issuperset(op.results) or isinstance(op, qnn.DequantizeOp):
        return False  # weights stay integers
    return not isinstance(op, nn.BroadcastOp) or int(np.prod(op.shape)) <= MAX_EVALUATED


def _wanted(returned: func.ReturnOp, outputs: Sequence[str], inputs: Sequence[str]) -> dict[SSAValue, str]:
    """The output that each returned value is first returned as."""
    wanted: dict[SSAValue, str] = {}
    for name, value in _once(outputs, returned.operands):
        if name in inputs and not _is_input(value, inputs, name):
            raise TenonError(f"an input and an output of another value are both called '{name}'")
        wanted.setdefault(value, name)
    return wanted


def _is_input(value: SSAValue, inputs: Sequence[str], name: str) -> bool:
    return isinstance(value.owner, Block) and inputs[value.index] == name  # pyright: ignore


def _once(outputs: Sequence[str], values: Iterable[SSAValue]) -> list[tuple[str, SSAValue]]:
    """Outputs and their values; one that is listed twice comes once."""
    found: dict[str, SSAValue] = {}
    for name, value in zip(outputs, values, strict=True):
        if found.setdefault(name, value) is not value:
            raise TenonError(f"two outputs of different values are called '{name}'")
    return list(found.items())


def _write_external(proto: ModelProto, arrays: Mapping[str, np.ndarray], path: Path) -> None:
    """All initializers into one file, each at a multiple of 4096 so that it can be mapped."""
    offset = 0
    with path.open("wb") as file:
        for tensor in proto.graph.initializer:
            array = tensor_bytes(arrays[tensor.name])
            file.write(b"\0" * (-offset % 4096))
            offset += -offset % 4096
            tensor.data_location = TensorProto.EXTERNAL
            for key, value in (("location", path.name), ("offset", offset), ("length", array.nbytes)):
                tensor.external_data.add(key=key, value=str(value))
            file.write(array.data)
            offset += array.nbytes
