"""`tenonc bench --kernels`: how close kernels come to the machine's arithmetic peak, and their models to
onnxruntime.

Each case is a model of one contraction between elementwise neighbours, so that its kernel reads and
writes the layouts it has inside a network. Kernels are timed in a native loop, the peak of one core for each
thread (back-to-back multiply-adds in registers) beside them in every round; outputs are checked first.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from xdsl.dialects.builtin import MemRefType

from .. import compiler
from ..compiler.atomic import write_file
from ..compiler.options import CompileOptions
from ..dialects import tensorized
from ..dialects.errors import UsageError
from ..dialects.nn import numpy_dtype
from .tables import print_table

Array = np.ndarray


@dataclass(frozen=True)
class Case:
    """A contraction: its name, what `make` builds, multiply-adds, and the percent of peak to reach."""

    name: str
    make: Callable[[], Any]
    macs: int
    goal: float


@dataclass(frozen=True)
class Result:
    """Least and median milliseconds of the kernel, percent of the peak of the same rounds at least and
    median, median milliseconds of the whole model and of onnxruntime, worst relative error against it."""

    name: str
    tile: str
    least_ms: float
    median_ms: float
    percent_of_peak: float
    median_percent: float
    goal: float
    model_ms: float
    onnxruntime_ms: float
    max_rel_err: float


def conv(size: int, inputs: int, outputs: int, kernel: int, stride: int = 1, goal: float = 90) -> Case:
    """relu, convolution (same padding), relu, global average pool; `size` is the input's height, width."""
    pad = kernel // 2
    out = (size + 2 * pad - kernel) // stride + 1
    suffix = f", stride {stride}" if stride > 1 else ""
    name = f"conv {size}x{size}, {inputs}->{outputs}, {kernel}x{kernel}{suffix}"

    def make() -> Any:
        from onnx import helper

        weights = {"w": he(outputs, inputs, kernel, kernel), "b": he(outputs, 1)[:, 0]}
        window: dict[str, Any] = {"strides": [stride] * 2, "pads": [pad] * 4, "kernel_shape": [kernel] * 2}
        nodes = [
            helper.make_node("Relu", ["x"], ["a"], name="before"),
            helper.make_node("Conv", ["a", "w", "b"], ["c"], name="contraction", **window),
            helper.make_node("Relu", ["c"], ["d"], name="after"),
            helper.make_node("GlobalAveragePool", ["d"], ["y"], name="pool"),
        ]
        return model(nodes, {"x": [1, inputs, size, size]}, {"y": [1, outputs, 1, 1]}, weights)

    return Case(name, make, out * out * outputs * inputs * kernel * kernel, goal)


def matmul(rows: int, depth: int, columns: int, goal: float = 90) -> Case:
    """A matrix product with constant weights."""

    def make() -> Any:
        from onnx import helper

        nodes = [helper.make_node("MatMul", ["x", "w"], ["y"], name="contraction")]
        return model(nodes, {"x": [rows, depth]}, {"y": [rows, columns]}, {"w": he(depth, columns)})

    return Case(f"matmul {rows}x{depth}x{columns}", make, rows * depth * columns, goal)


CASES = [
    conv(56, 64, 64, 3),
    conv(14, 1024, 256, 1),
    matmul(512, 512, 512),
    conv(13, 100, 72, 3, stride=2, goal=75),
    conv(28, 128, 128, 3),
    conv(7, 512, 512, 3),
    matmul(128, 768, 3072),
]


def he(*shape: int) -> Array:
    """Seeded normal weights of variance 2 / fan-in."""
    fan_in = int(np.prod(shape[1:])) or 1
    return (np.random.default_rng(len(shape) + shape[0]).standard_normal(shape) * (2 / fan_in) ** 0.5).astype(
        np.float32
    )


def model(nodes: Sequence[Any], inputs: dict, outputs: dict, weights: dict[str, Array]) -> bytes:
    """The ONNX file of a float graph, as bytes."""
    from onnx import TensorProto, helper, numpy_helper

    def values(shapes: dict):
        return [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()
        ]

    initializers = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph(list(nodes), "case", values(inputs), values(outputs), initializers)
    opsets = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


class Prepared:
    """A compiled case with its peer and the buffers of its contraction."""

    def __init__(self, case: Case, options: CompileOptions):
        import onnxruntime

        from ..compiler.pipeline import compile_module

        self.case = case
        data = case.make()
        loaded = compiler.load(data)
        scheduled = compiler.Model(loaded.module.clone(), loaded.store)
        self.artifact = compile_module(scheduled, options)
        self.exe = compiler.Executable(self.artifact, loaded.inputs, loaded.outputs)
        given = onnxruntime.SessionOptions()
        given.intra_op_num_threads, given.inter_op_num_threads = options.threads, 1
        self.session = onnxruntime.InferenceSession(data, given, providers=["CPUExecutionProvider"])
        rng = np.random.default_rng(0)
        self.x = rng.standard_normal(loaded.inputs[0].shape).astype(np.float32)
        self.kernel = next(
            k for k in tensorized.kernels(scheduled.module) if k.sym_name.data == "contraction"
        )
        self.arrays = [
            aligned(t.get_shape(), numpy_dtype(t.element_type), rng)
            for t in self.kernel.function_type.inputs
            if isinstance(t, MemRefType)
        ]
        self.times: dict[str, list[float]] = {"kernel": [], "model": [], "onnxruntime": []}

    @property
    def tile(self) -> str:
        """The register tile: the grid of the contraction's first accumulators."""
        apply = next(op for op in self.kernel.walk() if isinstance(op, tensorized.ApplyOp))
        return "x".join(map(str, apply.res.type.get_shape()))  # pyright: ignore[reportAttributeAccessIssue]

    def error(self) -> float:
        """Worst deviation from onnxruntime, relative to its largest value."""
        want = np.asarray(self.session.run(None, {"x": self.x})[0])
        return float(np.abs(self.exe(self.x)[0] - want).max() / np.abs(want).max())

    def round(self, seconds: float) -> None:
        """One sample of each time."""
        from ..targets.llvm.timing import time_kernel

        self.times["kernel"].append(time_kernel(self.artifact, "contraction", self.arrays, seconds))
        self.times["model"].append(median_seconds(lambda: self.exe(self.x), seconds / 2))
        self.times["onnxruntime"].append(
            median_seconds(lambda: self.session.run(None, {"x": self.x}), seconds / 2)
        )

    def result(self, peaks: Sequence[float]) -> Result:
        kernel = self.times["kernel"]
        percents = [2e-9 * self.case.macs / t / max(peaks) * 100 for t in kernel]
        return Result(
            self.case.name,
            self.tile,
            min(kernel) * 1e3,
            statistics.median(kernel) * 1e3,
            max(percents),
            statistics.median(2e-9 * self.case.macs / t / p * 100 for t, p in zip(kernel, peaks)),
            self.case.goal,
            statistics.median(self.times["model"]) * 1e3,
            statistics.median(self.times["onnxruntime"]) * 1e3,
            self.error(),
        )


def aligned(shape: Sequence[int], dtype: np.dtype, rng: np.random.Generator) -> Array:
    """Normal numbers at a multiple of 64 bytes."""
    size = int(np.prod(shape)) * dtype.itemsize
    memory = np.empty(size + 64, np.uint8)
    start = -memory.ctypes.data % 64
    array = memory[start : start + size].view(dtype).reshape(shape)
    array[...] = rng.standard_normal(shape)
    return array


def median_seconds(run: Callable[[], Any], seconds: float) -> float:
    """The median time of single runs that fill `seconds`."""
    samples: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(samples) < 3:
        start = time.perf_counter()
        run()
        samples.append(time.perf_counter() - start)
    return statistics.median(samples)


def measure(
    cases: Sequence[Case], options: CompileOptions, rounds: int, seconds: float
) -> tuple[list[Result], float]:
    """Results and the peak in GFLOP/s; rounds interleave all cases with measurements of the peak."""
    from rich.progress import track

    from ..targets.peak import measure_peak

    prepared = [Prepared(case, options) for case in cases]
    peaks: list[list[float]] = [[] for _ in prepared]
    for _ in track(range(rounds), description="rounds", transient=True):
        for one, seen in zip(prepared, peaks):
            seen.append(measure_peak(seconds=seconds / 2).gflops * options.threads)
            one.round(seconds)
    best = max(max(seen) for seen in peaks)
    return [one.result(seen) for one, seen in zip(prepared, peaks)], best


COLUMNS = ("kernel", "tile", "ms", "% of peak", "median", "goal", "model ms", "onnxruntime ms", "max rel err")


def row(r: Result) -> tuple[str, ...]:
    return (
        r.name,
        r.tile,
        f"{r.least_ms:.4f}",
        f"{r.percent_of_peak:.1f}",
        f"{r.median_percent:.1f}",
        f"{r.goal:.0f}",
        f"{r.model_ms:.4f}",
        f"{r.onnxruntime_ms:.4f}",
        f"{r.max_rel_err:.1e}",
    )


def bench_kernels(
    names: Sequence[str], options: CompileOptions, rounds: int, seconds: float, json_file: str | None
) -> None:
    """Measures the cases whose name contains one of `names` (all, without any), and shows them."""
    cases = [c for c in CASES if not names or any(name in c.name for name in names)]
    if not cases:
        listed = "; ".join(case.name for case in CASES)
        raise UsageError(f"no kernel's name contains {', '.join(names)}, the kernels are: {listed}")
    results, peak = measure(cases, options, rounds, seconds)
    print_table(f"{options.threads} threads, peak {peak:.1f} GFLOP/s", COLUMNS, [row(r) for r in results])
    if json_file:
        content = {"peak_gflops": peak, "results": [asdict(r) for r in results]}
        write_file(Path(json_file), lambda path: path.write_text(json.dumps(content, indent=2)))
