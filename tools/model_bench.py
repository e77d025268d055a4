"""Measures a compiled model beside other runtimes on the same inputs, with as many threads.

Everything is bound and warm before the clock starts. Rounds interleave the runtimes, in turning order, so
that what disturbs the machine disturbs all; each round gives the median of its runs, the result is the
median of the rounds."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any, TypeVar

import numpy as np

from .. import compiler
from ..compiler.options import CompileOptions
from ..dialects.errors import TenonError
from .peers import Runner, Timed, make_peer

Name = TypeVar("Name")

Way = tuple[str, str, str]
"""A peer, the file it runs, and the precision it is told."""

OURS: Way = ("tenonc", "", "")
DENSE: Way = ("tenonc", "dense", "")

PEER_PRECISIONS = {("openvino", "int8"): ["fp32", "bf16"]}
"""Peer, precision of the model -> what the peer may keep its floats in, where either may be faster."""


@dataclass(frozen=True)
class ModelResult:
    """Milliseconds of one run, seconds of the compile, the ratio to the fastest peer (below 1 is faster than
    it), and the worst deviation of an output from the first peer's, relative to its largest magnitude.
    `dense_ms`: of the model that this one was pruned from, with `fewer` times as many multiplications."""

    model: str
    precision: str
    target: str
    threads: int
    tenonc_ms: float
    compile_s: float
    peers: dict[str, float]
    ratio: float | None
    max_rel_err: float | None
    dense_ms: float | None = None
    fewer: float | None = None


class Compiled:
    """A compiled model with its buffers, as the peers have them."""

    def __init__(self, exe: compiler.Executable, inputs: Mapping[str, np.ndarray]):
        self._exe, self._inputs = exe, exe.checked(inputs)
        self._outputs = [np.empty(port.shape, port.dtype) for port in exe.outputs]

    def run(self) -> None:
        self._exe.artifact.run(self._inputs, self._outputs)

    def outputs(self) -> dict[str, np.ndarray]:
        return {port.name: array for port, array in zip(self._exe.outputs, self._outputs, strict=True)}


def measure_model(
    name: str,
    path: str,
    load: Callable[[], compiler.Model],
    options: CompileOptions,
    peers: Sequence[str],
    rounds: int,
    seconds: float,
    step: Callable[[str], None] = lambda _: None,
    also: Sequence[str] = (),
    dense: Callable[[], compiler.Model] | None = None,
) -> ModelResult:
    """Compiles and measures the model in the file `path`; a measurement takes `rounds` times `seconds` for
    each runtime. The peers run in `precision` where they have it (peers.py), and the files `also`, the same
    model in other forms; the fastest way of each counts. `dense` is compiled and measured beside it. Raises
    `TenonError` where a model does not compile or a peer refuses it."""
    from ..compiler.compare import seeded_inputs

    threads = options.threads
    with pinned(threads):
        step(f"{name}: compile")
        start = time.perf_counter()
        model = load()
        exe = compiler.compile(model, cache=False, **asdict(options))
        compile_s = time.perf_counter() - start
        kept = precision_of(path) if options.precision == "fp32" else options.precision
        inputs = seeded_inputs(model.inputs)
        runners: dict[Way, Runner] = {OURS: Compiled(exe, inputs)}
        fewer = None
        if dense is not None:
            step(f"{name}: dense")
            runners[DENSE], fewer = _dense(model, dense(), inputs, options)
        for peer in peers:
            step(f"{name}: {peer}")
            precisions = PEER_PRECISIONS.get((peer, kept), [options.precision])
            runners |= _ways(peer, [path, *also], precisions, inputs, threads)
        step(f"{name}: measure")
        times = interleaved(runners, rounds, seconds)
    ours, whole = times.pop(OURS), times.pop(DENSE, None)
    first = [runner for way, runner in runners.items() if way[0] in peers[:1]][:1]
    error = max((_error(runners[OURS], runner) for runner in first), default=None)
    best = {peer: min(ms for way, ms in times.items() if way[0] == peer) for peer in peers}
    ratio = ours / min(best.values()) if best else None
    compiled = round(compile_s, 3)
    return ModelResult(name, kept, options.target, threads, ours, compiled, best, ratio, error, whole, fewer)


def _dense(
    model: compiler.Model, dense: compiler.Model, inputs: Mapping[str, np.ndarray], options: CompileOptions
) -> tuple[Runner, float]:
    """What `model` was pruned from, on the same inputs, and how many times as many multiplications it has."""
    from ..compiler.pruning.size import size_of

    if dense.inputs != model.inputs:
        said = [", ".join(map(str, found.inputs)) for found in (dense, model)]
        raise TenonError(f"the dense model has the inputs {said[0]}, expected those of the pruned: {said[1]}")
    whole, left = (size_of(found).multiplications for found in (dense, model))
    exe = compiler.compile(dense, cache=False, **asdict(options))
    return Compiled(exe, inputs), whole / max(1, left)


def _ways(
    peer: str, paths: Sequence[str], precisions: Sequence[str], inputs: Mapping[str, np.ndarray], threads: int
) -> dict[Way, Runner]:
    """Every way in which a peer can run the model; a form that it cannot read counts only if it reads none
    (OpenVINO knows no QLinearConv with a scale for each channel)."""
    found: dict[Way, Runner] = {}
    refused: TenonError | None = None
    for way in product([peer], paths, precisions):
        try:
            found[way] = make_peer(peer, way[1], inputs, threads, way[2])
        except TenonError as error:
            refused = refused or error
    if refused is not None and not found:
        raise refused
    return found


def interleaved(runners: Mapping[Name, Timed], rounds: int, seconds: float) -> dict[Name, float]:
    """Milliseconds of one run of each runner."""
    names = list(runners)
    samples: dict[Name, list[float]] = {name: [] for name in names}
    for runner in runners.values():
        for _ in range(2):
            runner.run()
    for index in range(rounds):
        turn = index % len(names)
        for name in names[turn:] + names[:turn]:
            samples[name].append(_median_ms(runners[name].run, seconds))
    return {name: statistics.median(values) for name, values in samples.items()}


def _median_ms(run: Callable[[], Any], seconds: float) -> float:
    """The median of single runs that fill `seconds`; the first only warms the caches."""
    run()
    times: list[float] = []
    end = time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3


def _error(ours: Runner, peer: Runner) -> float:
    from ..compiler.compare import deviation

    got, want = ours.outputs(), peer.outputs()
    return max(deviation(got[name], want[name].astype(got[name].dtype))[1] for name in got)


@contextmanager
def pinned(cores: int) -> Iterator[None]:
    """Keeps the process on so many cores, where the system can do that."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[-cores:])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


_PRECISIONS = {1: "fp32", 10: "fp16", 16: "bf16", 11: "fp64", 2: "int8", 3: "int8"}
"""ONNX element type -> the name of the precision."""


def precision_of(path: str) -> str:
    """The element type that most of the model's weights have."""
    import math

    import onnx

    counts: dict[str, int] = {"fp32": 0}
    for tensor in onnx.load(path, load_external_data=False).graph.initializer:
        name = _PRECISIONS.get(tensor.data_type)
        if name:
            counts[name] = counts.get(name, 0) + math.prod(tensor.dims)
    return max(counts, key=lambda name: counts[name])
