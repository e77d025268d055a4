"""Compares a compiled model with onnxruntime: every value, and the outputs of the plain compile."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np

from ..dialects.errors import TenonError
from .executable import compile
from .expose import expose
from .model import Model, Port
from .options import CompileOptions

if TYPE_CHECKING:
    from onnx import ModelProto

Values = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Deviation:
    """How far one value is from the peer's: `max_abs`, and `max_rel`, which is that over the largest
    magnitude of the peer's value. Both are infinite where shapes differ, or only one side has a NaN."""

    value: str
    node: str
    op: str
    max_abs: float
    max_rel: float


@dataclass(frozen=True)
class Comparison:
    """`values`: every value of the model, in the order of its nodes, from a compile that returns them all;
    `outputs`: the model's outputs, compiled as usual."""

    values: list[Deviation]
    outputs: list[Deviation]

    def beyond(self, tolerance: float) -> list[Deviation]:
        """Those beyond `tolerance`; the first is where the computation diverges."""
        return [d for d in (*self.values, *self.outputs) if not d.max_rel <= tolerance]


def compare(
    model: Model,
    proto: ModelProto,
    inputs: Values | None = None,
    constants: Values | None = None,
    options: CompileOptions | None = None,
    on_step: Callable[[str], None] | None = None,
) -> Comparison:
    """Compares `model`, imported from `proto`, on `inputs` (default: seeded ones) with onnxruntime.

    `constants` are the inputs that were bound when it was imported. `on_step` is told what happens."""
    step = on_step or (lambda _: None)
    chosen = asdict(options or CompileOptions())
    given = seeded_inputs(model.inputs) if inputs is None else dict(inputs)
    step("compiling with every value as an output")
    exposed = expose(model)
    got = compile(exposed, cache=False, **chosen).run_dict(given)
    step("running onnxruntime")
    want = peer_values(proto, {**given, **(constants or {})}, list(got))
    step("compiling the model as it is")
    plain = compile(model, cache=False, **chosen).run_dict(given)
    makers = _makers(proto)
    order = {key: index for index, key in enumerate(makers)}
    names = sorted(want.keys() & got.keys(), key=lambda name: order.get(name, -1))
    values = [_deviation(name, makers, got[name], want[name]) for name in names]
    outputs = [_deviation(name, makers, plain[name], want[name]) for name in plain if name in want]
    return Comparison(values, outputs)


def _makers(proto: ModelProto) -> dict[str, tuple[str, str]]:
    """Value -> the node that makes it, by the name that the importer gives it, and its op."""
    from .onnx_import.graph import named_nodes

    nodes = named_nodes(proto.graph.node)
    return {key: (node.name, node.proto.op_type) for node in nodes for key in node.proto.output}


def seeded_inputs(ports: Sequence[Port]) -> dict[str, np.ndarray]:
    """Floats normal, integers from 0 to 9 (indices and counts are small), booleans either."""
    return {port.name: _seeded_input(port) for port in ports}


def _seeded_input(port: Port) -> np.ndarray:
    rng = np.random.default_rng(crc32(port.name.encode()))
    if port.dtype.kind in "iub":
        return rng.integers(0, 2 if port.dtype.kind == "b" else 10, port.shape).astype(port.dtype)
    return rng.standard_normal(port.shape).astype(port.dtype)


def peer_values(proto: ModelProto, inputs: Values, names: Sequence[str]) -> dict[str, np.ndarray]:
    """The values called `names` that onnxruntime computes, with its graph optimizations off."""
    import onnx
    from onnx import helper

    made = {key for node in proto.graph.node for key in node.output}
    declared = {value.name for value in proto.graph.output}
    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    wanted = [name for name in names if name in made or name in declared]
    if not wanted:
        return {}  # onnxruntime would return every output
    copy.graph.output.extend(helper.make_empty_tensor_value_info(n) for n in wanted if n not in declared)
    try:
        results = peer_session(copy).run(wanted, dict(inputs))
    except Exception as error:
        raise _refusal(error) from error
    return {name: np.asarray(array) for name, array in zip(wanted, results, strict=True)}


def peer_session(proto: ModelProto, optimize: bool = False, exact: bool = False) -> Any:
    """The model in onnxruntime, as it is or optimized; `exact`: without kernels whose sums of bytes saturate,
    which an optimization avoids."""
    try:
        import onnxruntime
    except ModuleNotFoundError:
        raise TenonError("comparing needs onnxruntime: pip install 'tenonc[bench]'") from None
    options, levels = onnxruntime.SessionOptions(), onnxruntime.GraphOptimizationLevel
    options.log_severity_level = 4
    options.graph_optimization_level = levels.ORT_ENABLE_ALL if optimize else levels.ORT_DISABLE_ALL
    if exact:
        options.add_session_config_entry("session.x64quantprecision", "1")
    try:
        return onnxruntime.InferenceSession(
            proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        raise _refusal(error) from error


def exact_session(proto: ModelProto) -> Any:
    """The model in onnxruntime with exact products of bytes, optimized where that can be."""
    try:
        return peer_session(proto, optimize=True, exact=True)
    except TenonError:
        # It makes u8 of s8 weights, and then lacks a kernel of s8 by u8; those of s8 by s8 do not saturate.
        return peer_session(proto)


def optimized_values(proto: ModelProto, inputs: Values, exact: bool = True) -> dict[str, np.ndarray]:
    """The outputs of onnxruntime with its optimizations, with exact products of bytes or by default."""
    names = [value.name for value in proto.graph.output]
    session = exact_session(proto) if exact else peer_session(proto, optimize=True)
    return {name: np.asarray(a) for name, a in zip(names, session.run(names, dict(inputs)), strict=True)}


def _refusal(error: Exception) -> TenonError:
    if isinstance(error, TenonError):
        return error
    return TenonError(f"onnxruntime refuses the model: {' '.join(str(error).split())[:300]}")


def _deviation(
    name: str, makers: Mapping[str, tuple[str, str]], got: np.ndarray, want: np.ndarray
) -> Deviation:
    node, op = makers.get(name, ("", ""))
    return Deviation(name, node, op, *deviation(got, want))


def deviation(got: np.ndarray, want: np.ndarray) -> tuple[float, float]:
    """The largest difference, and that relative to the largest finite magnitude of `want`."""
    if got.shape != want.shape or got.dtype != want.dtype:
        return math.inf, math.inf
    if not want.size:
        return 0.0, 0.0
    left, right = got.astype(np.float64), want.astype(np.float64)
    with np.errstate(invalid="ignore"):
        error = np.abs(left - right)
    # Equal infinities are equal too; np.where, because the difference of rank 0 is no array.
    error = np.where((left == right) | (np.isnan(left) & np.isnan(right)), 0.0, error)
    worst = float(np.where(np.isnan(error), np.inf, error).max())
    finite = np.abs(right[np.isfinite(right)])
    largest = float(finite.max()) if finite.size else 0.0
    return worst, worst / largest if largest else (math.inf if worst else 0.0)
