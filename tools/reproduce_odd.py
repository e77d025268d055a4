"""ResNet-50 with every width cut to an odd number, as pruning leaves networks, beside the dense one: what do
channels cost that fill no register? Time per multiply-add, dense = 1, for tenonc and its peers."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .reproduce_unit import FULL, QUICK

PEERS = ("onnxruntime", "openvino")
MODELS = ("resnet50", "resnet50-odd")
PRECISIONS = ("fp32", "int8")


@dataclass(frozen=True)
class Cost:
    """One precision: multiply-adds of both networks in millions, milliseconds of each runtime on the dense
    and on the odd one, and how many times as long the odd one's multiply-adds take."""

    precision: str
    macs: dict[str, float]
    ms: dict[str, dict[str, float]]
    per_mac: dict[str, float]


def run(quick: bool, threads: int, precisions: Sequence[str] = PRECISIONS) -> dict[str, Any]:
    """Measures, shows the table and returns what `--json` writes."""
    results = [_measure(precision, threads, *(QUICK if quick else FULL)) for precision in precisions]
    _show(results)
    return {"results": [asdict(result) for result in results], "threads": threads}


def _measure(precision: str, threads: int, rounds: int, seconds: float) -> Cost:
    from .. import compiler
    from ..compiler.options import CompileOptions
    from .model_bench import measure_model
    from .models import build_model
    from .tables import progress

    forms = {"fp32": ("fp32",), "int8": ("int8-qdq", "int8-qop")}[precision]
    ms: dict[str, dict[str, float]] = {}
    macs: dict[str, float] = {}
    with progress(precision) as step, tempfile.TemporaryDirectory(prefix="tenonc-") as folder:
        for name in MODELS:
            paths = [Path(folder) / f"{name}-{form}.onnx" for form in forms]
            for path, form in zip(paths, forms, strict=True):
                step(f"{name}: build")
                path.write_bytes(build_model(name, form).SerializeToString(deterministic=True))
            first, *also = map(str, paths)
            found = measure_model(
                name, first, lambda first=first: compiler.load(first), CompileOptions(threads=threads), PEERS,
                rounds, seconds, step, also,
            )  # fmt: skip
            ms[name] = {"tenonc": found.tenonc_ms, **found.peers}
            macs[name] = multiply_adds(build_model(name)) / 1e6
    dense, odd = MODELS
    share = macs[odd] / macs[dense]
    return Cost(precision, macs, ms, {who: ms[odd][who] / ms[dense][who] / share for who in ms[odd]})


def multiply_adds(model: Any) -> int:
    """Multiply-adds of a float model's convolutions and products with weights."""
    from onnx import shape_inference

    graph = shape_inference.infer_shapes(model).graph
    values = (*graph.value_info, *graph.output)
    shapes = {v.name: [dim.dim_value for dim in v.type.tensor_type.shape.dim] for v in values}
    weights = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    total = 0
    for node in graph.node:
        if node.op_type in ("Conv", "Gemm", "MatMul") and node.input[1] in weights:
            size = math.prod(weights[node.input[1]])
            spatial = math.prod(shapes[node.output[0]][2:]) if node.op_type == "Conv" else 1
            total += size * spatial
    return total


COLUMNS = ("precision", "runtime", "dense ms", "odd ms", "million MACs", "time per MAC")


def _show(results: Sequence[Cost]) -> None:
    from .tables import print_table

    dense, odd = MODELS
    rows = [
        (
            one.precision,
            who,
            f"{one.ms[dense][who]:.2f}",
            f"{one.ms[odd][who]:.2f}",
            f"{one.macs[dense]:.0f}, {one.macs[odd]:.0f}",
            f"{ratio:.2f} x",
        )
        for one in results
        for who, ratio in one.per_mac.items()
    ]
    print_table("ResNet-50, dense and with every width odd", COLUMNS, rows, left=2)
