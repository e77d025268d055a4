"""Compares the quantized nodes of a model with onnxruntime, each on onnxruntime's own inputs.

So a difference does not travel to the next node. Nodes stand side by side in models that are cut at every
value: what a node reads is an input. Where the CPU has no VNNI, onnxruntime multiplies u8 by s8
exactly only with the session option `session.x64quantprecision`: by default sums of two products saturate at
16 bits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..dialects.errors import TenonError
from .compare import deviation, optimized_values, peer_values, seeded_inputs
from .exact import exact_values
from .executable import compile
from .options import CompileOptions

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

    from .onnx_import.graph import NamedNode

Values = Mapping[str, np.ndarray]

PREFIXES = ("Q", "DequantizeLinear", "DynamicQuantize", "ConvInteger", "MatMulInteger", "MatMulNBits")
"""How the names of quantized ops begin."""

AT_ONCE = 150
"""Nodes in one model: what is compiled, and whose values are held, at a time."""

NEAR = 2.0**-10
"""How far from the middle of two integers, in steps, f32 arithmetic may mistake one for the other."""

FLOAT_BOUND = 2.0**-20
"""Relative to the largest magnitude: what float results may differ by."""


@dataclass(frozen=True)
class NodeDifference:
    """One node: `differ` of its elements are not the peer's, by `worst` at most. Of `own_nearest` of these
    ours, of `peer_nearest` the peer's is the integer nearest to the exact value; `unexplained` are further
    from the middle of two integers than f32 arithmetic gets. `by_default`: how many elements the peer's
    default changes, `worst_by_default` by how much."""

    node: str
    op: str
    elements: int
    differ: int
    worst: float
    own_nearest: int = 0
    peer_nearest: int = 0
    unexplained: int = 0
    by_default: int = 0
    worst_by_default: float = 0.0


def compare_nodes(
    proto: ModelProto,
    inputs: Values | None = None,
    options: CompileOptions | None = None,
    on_step: Callable[[str], None] | None = None,
) -> list[NodeDifference]:
    """Each quantized node of a model whose inputs have static shapes, on `inputs` (default: seeded ones)."""
    from .onnx_import import load
    from .onnx_import.graph import named_nodes

    step = on_step or (lambda _: None)
    given = seeded_inputs(load(proto).inputs) if inputs is None else inputs
    nodes = [node for node in named_nodes(proto.graph.node) if _is_quantized(node.proto)]
    if not nodes:
        raise TenonError("the model has no quantized nodes")
    step("running onnxruntime")
    names = {name for node in nodes for name in (*node.proto.input, *node.proto.output) if name}
    values = {**given, **peer_values(proto, given, sorted(names))}
    found: list[NodeDifference] = []
    for first in range(0, len(nodes), AT_ONCE):
        part = nodes[first : first + AT_ONCE]
        step(f"nodes from {part[0].name}")
        found += _compared(proto, part, values, options or CompileOptions())
    return found


def _compared(
    proto: ModelProto, nodes: Sequence[NamedNode], values: Values, options: CompileOptions
) -> list[NodeDifference]:
    """`nodes` of the model on the peer's `values`."""
    from .onnx_import import load

    cut = cut_model(proto, [node.proto for node in nodes], values)
    feeds = {value.name: values[value.name] for value in cut.graph.input}
    wanted, by_default = (optimized_values(cut, feeds, exact) for exact in (True, False))
    own = compile(load(cut), cache=False, **asdict(options)).run_dict(feeds)
    found: list[NodeDifference] = []
    for node in nodes:
        for key in (OWN + name for name in node.proto.output if name):
            change = np.abs(by_default[key].astype(np.float64) - wanted[key])
            result = _difference(proto, node.proto, own[key], wanted[key], values)
            result |= {
                "by_default": int((change > 0).sum()),
                "worst_by_default": float(change.max(initial=0)),
            }
            found.append(NodeDifference(node.name, node.proto.op_type, own[key].size, **result))
    return found


OWN = "result of "
"""What begins the name of a node's result in the cut model."""


def _is_quantized(node: NodeProto) -> bool:
    return node.op_type.startswith(PREFIXES)


def cut_model(proto: ModelProto, nodes: Sequence[NodeProto], values: Values) -> ModelProto:
    """`nodes` side by side: what they read, but for initializers, are inputs of the shapes of `values`."""
    import onnx
    from onnx import helper

    read = dict.fromkeys(name for node in nodes for name in node.input if name)
    initializers = [tensor for tensor in proto.graph.initializer if tensor.name in read]
    known = {tensor.name for tensor in initializers}
    copies: list[NodeProto] = []
    for node in nodes:
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        del copy.output[:]
        copy.output.extend(OWN + name if name else "" for name in node.output)
        copies.append(copy)
    made = [name for node in nodes for name in node.output if name]
    graph = helper.make_graph(
        copies,
        "nodes",
        [_info(name, values[name]) for name in read if name not in known],
        [_info(OWN + name, values[name]) for name in made],
        initializers,
    )
    return helper.make_model(graph, opset_imports=proto.opset_import, ir_version=proto.ir_version)


def _info(name: str, array: np.ndarray):
    from onnx import helper

    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)


def _difference(
    proto: ModelProto, node: NodeProto, own: np.ndarray, peer: np.ndarray, values: Values
) -> dict[str, Any]:
    """The fields of a NodeDifference that are about exact products."""
    if own.dtype.kind not in "iu":
        worst, relative = deviation(own, peer)
        differ = 0 if relative <= FLOAT_BOUND else int((own != peer).sum())
        return {"differ": differ, "worst": worst, "unexplained": differ}
    error = np.abs(own.astype(np.int64) - peer)
    result: dict[str, Any] = {"differ": int((error > 0).sum()), "worst": float(error.max(initial=0))}
    if not result["differ"]:
        return result
    real = _exact(proto, node, values)[OWN + node.output[0]]
    at, nearest = error > 0, np.rint(real)
    middle = (own.astype(np.float64) + peer) / 2
    return result | {
        "own_nearest": int((own[at] == nearest[at]).sum()),
        "peer_nearest": int((peer[at] == nearest[at]).sum()),
        "unexplained": int((np.abs(real - middle)[at] > NEAR).sum()),
    }


def _exact(proto: ModelProto, node: NodeProto, values: Values) -> dict[str, np.ndarray]:
    from .onnx_import import load

    model = load(cut_model(proto, [node], values))
    return exact_values(model, {port.name: values[port.name] for port in model.inputs})
