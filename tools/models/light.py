"""The networks that ship inside the onnx package without their weights, with seeded ones.

There every weight is a ConstantOfShape node or a small initializer of a constant. Batch norms get the
statistics of seeded batches: they are measured in one run, with each norm written out as arithmetic on the
batch itself."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...dialects.errors import TenonError
from . import seeding

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

BATCH = 8


def seeded_light(name: str, file: str) -> ModelProto:
    """The model `light_<file>.onnx` of the onnx package with seeded weights."""
    import onnx
    from onnx import numpy_helper

    path = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light" / f"light_{file}.onnx"
    if not path.is_file():
        raise TenonError(f"model '{name}': the onnx package has no {path.name}")
    model = onnx.load(path)
    weights = seeded_weights(name, model.graph)
    used = {key for node in model.graph.node for key in node.input}
    for tensor in list(model.graph.initializer):
        if tensor.name in weights or tensor.name not in used:
            model.graph.initializer.remove(tensor)
    for node in [n for n in model.graph.node if n.op_type == "ConstantOfShape" and n.output[0] in weights]:
        model.graph.node.remove(node)
    model.graph.initializer.extend(numpy_helper.from_array(a, key) for key, a in weights.items())
    _drop_unused(model.graph)
    model.ir_version = 8  # before 4 every initializer is an input as well, which a caller may replace
    _replace(model.graph, measured_statistics(name, model))
    _replace(model.graph, moderate_classifier(name, model))
    return model


def _replace(graph: GraphProto, arrays: Mapping[str, np.ndarray]) -> None:
    from onnx import numpy_helper

    for tensor in graph.initializer:
        if tensor.name in arrays:
            tensor.CopyFrom(numpy_helper.from_array(arrays[tensor.name].astype(np.float32), tensor.name))


def _drop_unused(graph: GraphProto) -> None:
    """Removes initializers that nothing reads and the graph inputs that declare initializers."""
    used = {key for node in graph.node for key in node.input}
    initialized = {tensor.name for tensor in graph.initializer}
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in used]:
        graph.initializer.remove(tensor)
    for value in [v for v in graph.input if v.name in initialized or v.name not in used]:
        graph.input.remove(value)


def seeded_weights(name: str, graph: GraphProto) -> dict[str, np.ndarray]:
    """Seeded weights for every float constant of the graph, drawn by what reads it."""
    from onnx import numpy_helper

    shapes: dict[str, tuple[int, ...]] = {}
    constants = {t.name: t for t in graph.initializer}
    for tensor in graph.initializer:
        if tensor.data_type == tensor.FLOAT:
            shapes[tensor.name] = tuple(tensor.dims)
    for node in graph.node:
        if node.op_type == "ConstantOfShape":
            extents = numpy_helper.to_array(constants[node.input[0]])
            shapes[node.output[0]] = tuple(map(int, extents))
    readers = _readers(graph)
    return {key: _draw(name, key, shape, *readers[key]) for key, shape in shapes.items() if key in readers}


_VIEWS = ("Unsqueeze", "Reshape")


def _readers(graph: GraphProto) -> dict[str, tuple[NodeProto, int]]:
    """Value name -> the first node that reads it, and as which operand; looking through views."""
    readers: dict[str, tuple[NodeProto, int]] = {}
    for node in reversed(graph.node):
        for index, key in enumerate(node.input):
            behind = readers.get(node.output[0]) if node.op_type in _VIEWS and index == 0 else None
            readers[key] = behind or (node, index)
    return readers


def _draw(name: str, key: str, shape: tuple[int, ...], node: NodeProto, operand: int) -> np.ndarray:
    rng = seeding.generator(name, key)
    if node.op_type == "Conv" and operand == 1:
        groups = next((a.i for a in node.attribute if a.name == "group"), 1)
        return seeding.he(rng, shape, shape[0] * math.prod(shape[2:]) // groups)
    if node.op_type in ("Gemm", "MatMul") and operand == 1:
        transposed = any(a.name == "transB" and a.i for a in node.attribute)
        return seeding.he(rng, shape, shape[0 if transposed else -1])
    if (node.op_type, operand) in (("BatchNormalization", 1), ("BatchNormalization", 4), ("Mul", 1)):
        return seeding.scale(rng, shape)
    return seeding.shift(rng, shape)


def measured_statistics(name: str, model: ModelProto) -> dict[str, np.ndarray]:
    """The mean and variance of each batch norm's input, by the names of the norm's operands."""
    batches, sources = with_batch_norms_written_out(model)
    if not sources:
        return {}
    values = _values(name, batches, list(sources.values()))
    return {key: seeding.rounded(value.reshape(-1)) for key, value in zip(sources, values, strict=True)}


def moderate_classifier(name: str, model: ModelProto) -> dict[str, np.ndarray]:
    """The weights before the last softmax, scaled to scores of deviation 2: its output is then neither flat
    nor all in one class. Without batch norms the values' size follows no rule."""
    from onnx import TensorProto, helper, numpy_helper

    last = model.graph.node[-1]
    makers = {key: node for node in model.graph.node for key in node.output}
    source = makers[last.input[0]]
    if last.op_type != "Softmax" or source.op_type != "Gemm":
        return {}
    output = helper.make_tensor_value_info(source.output[0], TensorProto.FLOAT, None)
    model.graph.output.append(output)
    scores = _values(name, model, [source.output[0]])[0]
    model.graph.output.pop()
    factor = float(seeding.rounded(np.asarray([2 / scores.std()]))[0])
    tensors = {t.name: t for t in model.graph.initializer}
    weights = [makers[key].input[0] if key in makers else key for key in source.input[1:]]  # behind a view
    return {key: numpy_helper.to_array(tensors[key]) * factor for key in weights}


def _values(name: str, model: ModelProto, outputs: Sequence[str]) -> list[np.ndarray]:
    """Values of the model on a seeded batch."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return [np.asarray(v) for v in session.run(list(outputs), seeded_inputs(name, model))]


def seeded_inputs(name: str, model: ModelProto) -> dict[str, np.ndarray]:
    """Seeded images in the declared shapes."""
    rng = seeding.generator(name, "batch")
    shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in model.graph.input}
    return {key: seeding.images(rng, tuple(shape)) for key, shape in shapes.items()}


def with_batch_norms_written_out(model: ModelProto) -> tuple[ModelProto, dict[str, str]]:
    """A copy for a batch, whose batch norms use its own statistics, and which outputs hold those: name of the
    norm's mean or variance -> output."""
    import onnx
    from onnx import TensorProto, helper

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    nodes, sources = [], {}
    for node in copy.graph.node:
        if node.op_type != "BatchNormalization":
            nodes.append(node)
            continue
        x, factor, offset, mean, variance = node.input
        epsilon = next((a.f for a in node.attribute if a.name == "epsilon"), 1e-5)
        made = f"{node.output[0]}//"
        sources |= {mean: f"{made}mean", variance: f"{made}variance"}
        nodes += _norm_nodes(x, factor, offset, node.output[0], made, epsilon)
    del copy.graph.node[:]
    copy.graph.node.extend(nodes)
    values = [helper.make_tensor_value_info(v, TensorProto.FLOAT, None) for v in sources.values()]
    del copy.graph.output[:]
    copy.graph.output.extend(values)
    _take_batches(copy.graph)
    return copy, sources


def _take_batches(graph: GraphProto) -> None:
    """Makes a graph for one image take `BATCH` of them."""
    from onnx import numpy_helper

    for value in graph.input:
        value.type.tensor_type.shape.dim[0].dim_value = BATCH
    del graph.value_info[:]
    shapes = {node.input[1] for node in graph.node if node.op_type == "Reshape"}
    for tensor in graph.initializer:
        if tensor.name in shapes:
            extents = numpy_helper.to_array(tensor).copy()
            extents[0] = 0 if extents[0] == 1 else extents[0]  # 0 means as it was
            tensor.CopyFrom(numpy_helper.from_array(extents, tensor.name))


def _norm_nodes(x: str, factor: str, offset: str, y: str, made: str, epsilon: float) -> list[NodeProto]:
    """Batch norm of NCHW data by its own mean and variance, in ops of opset 9."""
    from onnx import TensorProto, helper

    def at(part: str) -> str:
        return made + part

    make, axes = helper.make_node, [0, 2, 3]
    constant = helper.make_tensor("value", TensorProto.FLOAT, [], [epsilon])
    return [
        make("ReduceMean", [x], [at("mean")], axes=axes, keepdims=1),
        make("Sub", [x, at("mean")], [at("centered")]),
        make("Mul", [at("centered"), at("centered")], [at("square")]),
        make("ReduceMean", [at("square")], [at("variance")], axes=axes, keepdims=1),
        make("Constant", [], [at("epsilon")], value=constant),
        make("Add", [at("variance"), at("epsilon")], [at("positive")]),
        make("Sqrt", [at("positive")], [at("deviation")]),
        make("Div", [at("centered"), at("deviation")], [at("normal")]),
        make("Unsqueeze", [factor], [at("factor")], axes=[1, 2]),
        make("Unsqueeze", [offset], [at("offset")], axes=[1, 2]),
        make("Mul", [at("normal"), at("factor")], [at("scaled")]),
        make("Add", [at("scaled"), at("offset")], [y]),
    ]
