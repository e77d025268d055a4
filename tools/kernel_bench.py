"""`tenonc bench --kernels`: how close kernels come to the machine's arithmetic peak, and their models to
other runtimes.

Kernels are timed in a native loop, beside them in every round the peak of one core for each thread:
back-to-back multiply-adds in registers, of the instruction that the kernel uses. Models run on bound buffers
in all runtimes; outputs are checked first.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from xdsl.dialects.builtin import MemRefType

from .. import compiler
from ..compiler.atomic import write_file
from ..compiler.compare import deviation
from ..compiler.options import CompileOptions
from ..compiler.reference import run_reference
from ..dialects import tensorized
from ..dialects.errors import TenonError, UsageError
from ..dialects.nn import numpy_dtype
from ..targets.record import TargetRecord
from .kernel_cases import CASES, Array, Case
from .model_bench import PEER_PRECISIONS, Compiled, Way
from .peers import Runner, make_peer
from .tables import print_table


@dataclass(frozen=True)
class Result:
    """Least and median milliseconds of the kernel, percent of the peak of the same rounds at least and
    median, median milliseconds of the whole model and of each peer at its fastest, worst error relative to
    the largest value."""

    name: str
    instruction: str
    tile: str
    least_ms: float
    median_ms: float
    percent_of_peak: float
    median_percent: float
    goal: float
    model_ms: float
    peers: dict[str, float]
    max_rel_err: float | None


class Prepared:
    """A compiled case with its peers and the buffers of its contraction."""

    def __init__(self, case: Case, options: CompileOptions, peers: Sequence[str]):
        from ..compiler.pipeline import compile_module

        self.case = case
        files = case.make()
        loaded = compiler.load(files[0])
        scheduled = compiler.Model(loaded.module.clone(), loaded.store)
        self.artifact = compile_module(scheduled, options)
        rng = np.random.default_rng(0)
        (port,) = loaded.inputs
        x = rng.integers(0, 256, port.shape) if case.quantized else rng.standard_normal(port.shape)
        inputs = {port.name: x.astype(port.dtype)}
        self.own = Compiled(compiler.Executable(self.artifact, loaded.inputs, loaded.outputs), inputs)
        self.peers = _peers(peers, files, inputs, options.threads, "int8" if case.quantized else "fp32")
        (output,) = loaded.outputs
        # The last form says which integers: floats between QDQ pairs are rounded a step off now and then.
        exact = compiler.load(files[-1]) if case.quantized else None
        self.reference = None if exact is None else run_reference(exact, inputs)[output.name]
        self.kernel = next(k for k in tensorized.kernels(scheduled.module) if _applies(k))
        self.arrays = [
            aligned(t.get_shape(), numpy_dtype(t.element_type), rng)
            for t in self.kernel.function_type.inputs
            if isinstance(t, MemRefType)
        ]
        self.kernel_seconds: list[float] = []
        self.model_seconds: list[float] = []
        self.peer_seconds: dict[Way, list[float]] = {way: [] for way in self.peers}

    @property
    def apply(self) -> tensorized.ApplyOp:
        """The contraction's first instruction."""
        return _applies(self.kernel)[0]

    @property
    def tile(self) -> str:
        """The register tile: the grid of the contraction's first accumulators."""
        return "x".join(map(str, self.apply.res.type.get_shape()))  # pyright: ignore[reportAttributeAccessIssue]

    @property
    def instruction(self) -> str:
        return self.apply.instruction.root_reference.data

    def error(self) -> float | None:
        """Worst deviation, relative to the largest value, from the first peer; of bytes, whose sums may
        saturate in peers, from the reference."""
        self.own.run()
        (got,) = self.own.outputs().values()
        wants = [self.reference] if self.reference is not None else _results(self.peers.values())
        return deviation(got, wants[0])[1] if wants else None

    def round(self, seconds: float) -> None:
        """One sample of each time."""
        from ..targets.llvm.timing import time_kernel

        name = self.kernel.sym_name.data
        self.kernel_seconds.append(time_kernel(self.artifact, name, self.arrays, seconds))
        self.model_seconds.append(median_seconds(self.own.run, seconds / 2))
        for way, peer in self.peers.items():
            self.peer_seconds[way].append(median_seconds(peer.run, seconds / 2))

    def result(self, peaks: Sequence[float]) -> Result:
        """`peaks`: in 1e9 operations a second, of each round."""
        kernel, operations = self.kernel_seconds, 2e-9 * self.case.macs
        best: dict[str, float] = {}
        for (peer, *_), samples in self.peer_seconds.items():
            ms = statistics.median(samples) * 1e3
            best[peer] = min(ms, best.get(peer, ms))
        return Result(
            self.case.name,
            self.instruction,
            self.tile,
            min(kernel) * 1e3,
            statistics.median(kernel) * 1e3,
            max(operations / t / max(peaks) * 100 for t in kernel),
            statistics.median(operations / t / p * 100 for t, p in zip(kernel, peaks)),
            self.case.goal,
            statistics.median(self.model_seconds) * 1e3,
            best,
            self.error(),
        )


def _results(runners: Iterable[Runner]) -> list[Array]:
    return [array for runner in runners for array in runner.outputs().values()]


def _applies(kernel: tensorized.KernelOp) -> list[tensorized.ApplyOp]:
    return [op for op in kernel.walk() if isinstance(op, tensorized.ApplyOp)]


def _peers(
    names: Sequence[str], files: Sequence[bytes], inputs: Mapping[str, Array], threads: int, precision: str
) -> dict[Way, Runner]:
    """Every peer on every form of the model that it takes, in every precision of floats that may be its
    fastest. Raises TenonError for one that takes no form."""
    runners: dict[Way, Runner] = {}
    with tempfile.TemporaryDirectory(prefix="tenonc-") as folder:
        paths = [Path(folder, f"{index}.onnx") for index in range(len(files))]
        for path, data in zip(paths, files, strict=True):
            path.write_bytes(data)
        for peer in names:
            refused: list[TenonError] = []
            for path, kept in product(map(str, paths), PEER_PRECISIONS.get((peer, precision), ["fp32"])):
                try:
                    runners[peer, path, kept] = make_peer(peer, path, inputs, threads, kept)
                except TenonError as error:
                    refused.append(error)
            if refused and not any(way[0] == peer for way in runners):
                raise refused[0]
    return runners


def aligned(shape: Sequence[int], dtype: np.dtype, rng: np.random.Generator) -> Array:
    """Normal numbers at a multiple of 64 bytes."""
    size = int(np.prod(shape)) * dtype.itemsize
    memory = np.empty(size + 64, np.uint8)
    start = -memory.ctypes.data % 64
    array = memory[start : start + size].view(dtype).reshape(shape)
    array[...] = rng.standard_normal(shape).astype(dtype)
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


def peak_of(record: TargetRecord, used: str, quantized: bool) -> str:
    """What a kernel is measured against: the declared instruction that it uses, else, where it has only code
    of its own, the fastest one for its elements."""
    from ..targets.attach_target import declared_instructions

    if any(instruction.sym_name.data == used for instruction in declared_instructions(record)):
        return used
    return "bytes" if quantized else "f32"


def measure(
    cases: Sequence[Case], options: CompileOptions, rounds: int, seconds: float, peers: Sequence[str]
) -> tuple[list[Result], dict[str, float]]:
    """Results, and the peak of each instruction in 1e9 operations a second; rounds interleave all cases with
    measurements of their peaks."""
    from rich.progress import track

    from ..targets.peak import measure_peak
    from ..targets.record import find_target

    prepared, record = [Prepared(case, options, peers) for case in cases], find_target(options.target)
    names = [peak_of(record, one.instruction, one.case.quantized) for one in prepared]
    peaks: list[list[float]] = [[] for _ in prepared]
    for _ in track(range(rounds), description="rounds", transient=True):
        for one, name, seen in zip(prepared, names, peaks):
            seen.append(measure_peak(record, seconds / 2, name).gflops * options.threads)
            one.round(seconds)
    best: dict[str, float] = {}
    for name, seen in zip(names, peaks):
        best[name] = max([*seen, best.get(name, 0.0)])
    return [one.result(seen) for one, seen in zip(prepared, peaks)], best


COLUMNS = ("kernel", "instruction", "tile", "ms", "% of peak", "median", "goal", "model ms")


def row(r: Result) -> tuple[str, ...]:
    return (
        r.name,
        r.instruction,
        r.tile,
        f"{r.least_ms:.4f}",
        f"{r.percent_of_peak:.1f}",
        f"{r.median_percent:.1f}",
        f"{r.goal:.0f}",
        f"{r.model_ms:.4f}",
        *(f"{ms:.4f}" for ms in r.peers.values()),
        "" if r.max_rel_err is None else f"{r.max_rel_err:.1e}",
    )


def bench_kernels(
    names: Sequence[str],
    options: CompileOptions,
    rounds: int,
    seconds: float,
    json_file: str | None,
    peers: Sequence[str],
) -> None:
    """Measures the cases whose name contains one of `names` (all, without any), and shows them."""
    cases = [c for c in CASES if not names or any(name in c.name for name in names)]
    if not cases:
        listed = "; ".join(case.name for case in CASES)
        raise UsageError(f"no kernel's name contains {', '.join(names)}, the kernels are: {listed}")
    results, peaks = measure(cases, options, rounds, seconds, peers)
    listed = ", ".join(f"{name} {gops:.1f}" for name, gops in peaks.items())
    columns = (*COLUMNS, *(f"{peer} ms" for peer in peers), "max rel err")
    print_table(f"{options.threads} threads, peaks in 1e9 operations/s: {listed}", columns, map(row, results))
    if json_file:
        content = {"peaks": peaks, "results": [asdict(r) for r in results]}
        write_file(Path(json_file), lambda path: path.write_text(json.dumps(content, indent=2)))
