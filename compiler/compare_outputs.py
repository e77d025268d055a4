"""Compares the outputs of a whole quantized model with onnxruntime, in quantization steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from .compare import optimized_values, peer_values, seeded_inputs
from .executable import compile
from .model import Model
from .options import CompileOptions

if TYPE_CHECKING:
    from onnx import ModelProto

Values = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class OutputDifference:
    """An output of the whole model against the peer's `mode`, in steps: its scale, or where it is no
    dequantized value, a 255th of its range. `within`: the part of the elements that differ by 2 at most."""

    output: str
    mode: str
    step: float
    within: float
    worst: float


def compare_outputs(
    model: Model,
    proto: ModelProto,
    inputs: Values | None = None,
    options: CompileOptions | None = None,
) -> list[OutputDifference]:
    """The outputs of the whole model against onnxruntime's: op by op as the file says, and optimized, with
    exact products. Beside them how far onnxruntime's own two ways are apart, and what a step on one element
    of an input does to it: what a model magnifies so tells nothing of either."""
    given = seeded_inputs(model.inputs) if inputs is None else dict(inputs)
    own = compile(model, cache=False, **asdict(options or CompileOptions())).run_dict(given)
    plain, exact = peer_values(proto, given, list(own)), optimized_values(proto, given)
    moved = optimized_values(proto, _moved(given))
    pairs = {
        "as it is": (own, plain), "optimized": (own, exact), "its two ways": (plain, exact),
        "one element moved": (moved, exact),
    }  # fmt: skip
    return [
        OutputDifference(name, mode, *_in_steps(proto, name, left[name], right[name]))
        for mode, (left, right) in pairs.items()
        for name in own
    ]


def _moved(inputs: Values) -> dict[str, np.ndarray]:
    """`inputs` with a 255th of its range added to one element of each that has floats."""
    moved = {name: array.copy() for name, array in inputs.items()}
    for array in moved.values():
        if array.dtype.kind == "f" and array.size:
            array.flat[array.size // 2] += np.ptp(array) / 255
    return moved


def _in_steps(
    proto: ModelProto, name: str, left: np.ndarray, right: np.ndarray
) -> tuple[float, float, float]:
    """The step of an output, the part of its elements that differ by two at most, the worst difference."""
    step = _step(proto, name, right)
    error = np.abs(left.astype(np.float64) - right) / step
    return step, float((error <= 2.001).mean()), float(error.max(initial=0))


def _step(proto: ModelProto, name: str, value: np.ndarray) -> float:
    """The scale of an output that is dequantized, else the 255th part of its range."""
    from onnx import numpy_helper

    arrays = {tensor.name: tensor for tensor in proto.graph.initializer}
    for node in proto.graph.node:
        if name in node.output and node.op_type == "DequantizeLinear" and node.input[1] in arrays:
            scale = numpy_helper.to_array(arrays[node.input[1]])
            if scale.size == 1:
                return float(scale.reshape(()))
    if value.dtype.kind in "iu":
        return 1.0
    return float(np.ptp(value)) / 255 or 1.0
