"""What tuning does in other processes: build one kernel with one schedule, and time two builds side by side.

Work goes there as text. Weights are not in the caches when a kernel is called in a model, since every other
kernel reads its own in between; so calls take turns on copies of them."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import ArrayAttr
from xdsl.parser import Parser

from ...dialects.nn import WeightStore
from ...targets.llvm.artifact import NativeArtifact
from ...targets.record import TargetRecord
from ..model import Model, Port
from ..options import CompileOptions
from ..pipeline import CompileLog, collector_paused, context, native_code, run_levels
from ..seeded import SeededStore
from .kernel_module import kernel_of, parse_schedule

BATCH_S = 1.5e-3
"""At least this long is one sample."""

ROUNDS = 12
LOST = 1.15
"""A candidate that much slower after two rounds is not looked at any longer."""

MOST_COPIES = 64


@dataclass(frozen=True)
class Work:
    """A kernel by itself, as text, and how it is compiled; `schedule` is None for the rules' choice."""

    text: str
    schedule: str | None
    options: CompileOptions


@dataclass(frozen=True)
class Built:
    """Native code of one kernel, without its weights."""

    code: bytes
    record: TargetRecord
    arena_bytes: int
    weight_bytes: int
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    threads: int = 1


def build(work: Work) -> Built:
    """Compiles a kernel. Raises `TenonError` for a schedule that does not fit."""
    artifact, model = _compiled(work)
    return Built(
        artifact.object_code,
        artifact.record,
        artifact.arena_bytes,
        artifact.weights.nbytes,
        model.inputs,
        model.outputs,
        artifact.threads,
    )


def _compiled(work: Work) -> tuple[NativeArtifact, Model]:
    with collector_paused():
        module = Parser(context(), work.text).parse_module()
        before = Model(module.clone(), WeightStore())
        if work.schedule is not None:
            kernel_of(module).properties["schedule"] = ArrayAttr(parse_schedule(work.schedule))
        store = SeededStore(WeightStore())
        store.complete(module)
        run_levels(module, work.options, "scheduled", "loops")
        return native_code(Model(module, store), work.options, CompileLog()), before


def deviation(first: Work, second: Work) -> float:
    """The largest difference of the results of two builds, relative to the largest magnitude; on seeded
    weights and inputs."""
    results: list[list[np.ndarray]] = []
    for work in (first, second):
        artifact, model = _compiled(work)
        inputs = [_seeded(port, i) for i, port in enumerate(model.inputs)]
        # What a kernel leaves undefined (the ends of padded rows) is the same in both.
        outputs = [np.zeros(port.shape, port.dtype) for port in model.outputs]
        artifact.dirty_arena()
        artifact.run(inputs, outputs)
        results.append(outputs)
    return max((_deviation(a, b) for a, b in zip(*results, strict=True)), default=0.0)


def _deviation(first: np.ndarray, second: np.ndarray) -> float:
    from ..compare import deviation

    return deviation(first, second)[1]


def _seeded(port: Port, index: int) -> np.ndarray:
    rng = np.random.default_rng(index)
    if port.dtype.kind in "iub":
        return rng.integers(0, 2, port.shape).astype(port.dtype)
    return rng.standard_normal(port.shape).astype(port.dtype)


def side_by_side(first: Built, second: Built, cold_bytes: int, rounds: int = ROUNDS) -> tuple[float, float]:
    """Seconds of a call of two builds of one kernel: the least of alternating samples. `cold_bytes`: of
    weights that are read between two calls of the kernel."""
    inputs = [_seeded(port, i) for i, port in enumerate(first.inputs)]
    outputs = [np.empty(port.shape, port.dtype) for port in first.outputs]
    runs = [_Run(built, inputs, outputs, cold_bytes) for built in (first, second)]
    best = [math.inf, math.inf]
    for run in runs:
        run.prepare()
    for done in range(rounds):
        for i in (0, 1) if done % 2 else (1, 0):
            best[i] = min(best[i], runs[i].sample())
        if done == 1 and best[1] > LOST * best[0]:
            break
    return best[0], best[1]


class _Run:
    """Calls one build on copies of its weights, in turn."""

    def __init__(self, built: Built, inputs: list[np.ndarray], outputs: list[np.ndarray], cold_bytes: int):
        copies = min(MOST_COPIES, max(1, -(-cold_bytes // max(1, built.weight_bytes))))
        size = -(-built.weight_bytes // 4096) * 4096
        # Written, so that every page is memory of its own; zeros are positions of any table.
        blob = np.empty(copies * size + 64, np.uint8)
        blob[:] = 0
        start = -blob.ctypes.data % 64
        self._weights = [
            blob[start + i * size : start + i * size + built.weight_bytes] for i in range(copies)
        ]
        count = len(inputs) + len(outputs)
        self._artifact = NativeArtifact(
            "", built.record, self._weights[0], built.arena_bytes, count, None, built.code, built.threads
        )
        self._inputs, self._outputs, self._turn, self._calls = inputs, outputs, 0, 1

    def prepare(self) -> None:
        """Warms up, and finds how many calls make a sample."""
        self._once()
        start = time.perf_counter()
        self._once()
        spent = time.perf_counter() - start
        self._calls = max(1, min(1000, math.ceil(BATCH_S / max(spent, 1e-7))))

    def sample(self) -> float:
        start = time.perf_counter()
        for _ in range(self._calls):
            self._once()
        return (time.perf_counter() - start) / self._calls

    def _once(self) -> None:
        self._artifact.weights = self._weights[self._turn]
        self._turn = (self._turn + 1) % len(self._weights)
        self._artifact.run(self._inputs, self._outputs)
