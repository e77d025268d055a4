"""The search over schedules: kernel by kernel, candidates in the model's order, time decides.

The kernel that takes most of a run comes first, and comes again before lesser ones as long as it pays. A
batch of candidates is built side by side; then each is timed alternately with the best so far, nothing
running beside. A winner must compute what the rules' schedule computes, and be faster than it in a longer
measurement. What is found is written to the cache after every batch, so a search that is stopped at any time
goes on from there."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from ...dialects import tensorized
from ..options import CompileOptions
from ..pipeline import collector_paused
from ..steps import node_names
from . import work
from .kept import Found, Kept
from .kernel_module import kernel_key, kernel_module
from .space import Candidate, Space
from .work import Built, Work
from .workers import Workers

BATCH = 8
GAIN = 0.015
"""A candidate must be faster by this part to be better: less is noise."""

CONFIRMING_ROUNDS = 30
LARGEST_COLD = 64 << 20
"""Weights that pass through the caches between two calls: twice what the last one holds, or what there
are."""

BOUNDS = {"float16": 2e-3, "bfloat16": 1.6e-2, "float64": 1e-11}
"""How far a result may move, relative to its largest magnitude: sums are added up in another order."""


@dataclass(frozen=True)
class Tuned:
    """What the search knows of a kernel: its ONNX nodes, `share` of a run's time, seconds of a call under the
    schedule by the rules, `ruled`, and under the best one, `schedule` (None where that is the rules'), how
    many were tried, and what was skipped."""

    kernel: str
    nodes: tuple[str, ...]
    share: float
    before: float
    after: float
    ruled: str
    schedule: str | None
    tried: int
    skipped: tuple[str, ...]


@dataclass
class _Task:
    name: str
    nodes: tuple[str, ...]
    share: float
    key: str
    text: str
    space: Space
    found: Found
    batches: int = 0
    built: dict[str | None, Built] = field(default_factory=dict)

    @property
    def priority(self) -> float:
        return self.share / (1 + self.batches)


class Search:
    """`module`: a model at the level `matched`; `shares`: kernel -> its part of a run's time; `weight_bytes`:
    of the whole model."""

    def __init__(
        self,
        module: ModuleOp,
        options: CompileOptions,
        kept: Kept,
        shares: dict[str, float],
        weight_bytes: int,
        executor: Executor | None = None,
    ):
        self._options, self._kept = options, kept
        self._cold = min(weight_bytes, LARGEST_COLD)
        self._workers = Workers(executor)
        with collector_paused():
            self._tasks = [
                task
                for kernel in tensorized.kernels(module)
                if (task := self._task(module, kernel, shares.get(kernel.sym_name.data, 0.0))) is not None
            ]
        self._tasks.sort(key=lambda task: -task.share)

    def run(self, seconds: float, on_step: Callable[[str], None]) -> None:
        """Searches for about so long, or until nothing is left. Raises `FolderError` where findings cannot be
        kept, `TenonError` where processes do not start."""
        try:
            self._workers.start()
            end = time.perf_counter() + seconds
            while time.perf_counter() < end:
                open_tasks = [task for task in self._tasks if not task.found.done]
                if not open_tasks:
                    break
                task = max(open_tasks, key=lambda task: task.priority)
                on_step(_state(task, len(self._tasks) - len(open_tasks), len(self._tasks)))
                self._batch(task, end)
                task.batches += 1
        finally:
            self._workers.close()

    def results(self) -> list[Tuned]:
        """The kernels, from the longest to the shortest."""
        return [
            Tuned(
                task.name,
                task.nodes,
                task.share,
                task.found.before,
                task.found.after,
                task.space.ruled,
                task.found.schedule,
                len(task.found.tried),
                tuple(f"{s}: {why}" for s, why in task.found.tried.items() if isinstance(why, str)),
            )
            for task in self._tasks
        ]

    def _task(self, module: ModuleOp, kernel: tensorized.KernelOp, share: float) -> _Task | None:
        alone = kernel_module(module, kernel)
        key = kernel_key(alone, self._options)
        if key is None:
            return None
        found = self._kept.load(key) or Found()
        return _Task(kernel.sym_name.data, node_names(kernel), share, key, str(alone), Space(alone), found)

    def _batch(self, task: _Task, end: float) -> None:
        """Tries some candidates; what is found is kept even if it is interrupted."""
        before = replace(task.found)
        fresh = self._fresh(task)
        if fresh is None:
            task.found.done = True
        else:
            self._try(task, fresh, end)
            if task.found.schedule != before.schedule and not self._confirmed(task):
                task.found.schedule, task.found.choice = before.schedule, before.choice
                task.found.after = before.after or task.found.before
        self._kept.save(task.key, task.found)

    def _fresh(self, task: _Task) -> list[Candidate] | None:
        known = {task.space.ruled, *task.found.tried}
        unknown: dict[str, Candidate] = {}
        for candidate in task.space.candidates(task.found.choice):
            if candidate.schedule not in known:
                unknown.setdefault(candidate.schedule, candidate)
        return list(islice(unknown.values(), BATCH)) or None

    def _try(self, task: _Task, fresh: Sequence[Candidate], end: float) -> None:
        wanted = [s for s in dict.fromkeys((None, task.found.schedule)) if s not in task.built]
        schedules = [*wanted, *(candidate.schedule for candidate in fresh)]
        built = self._workers.build(work.build, [self._work(task, s) for s in schedules])
        outcomes = dict(zip(schedules, built, strict=True))
        task.built |= {s: outcomes[s] for s in wanted if isinstance(outcomes[s], Built)}
        if task.found.schedule not in task.built:  # the kernel itself cannot be built alone
            task.found.done = True
            return
        for candidate in fresh:
            self._time(task, candidate, outcomes[candidate.schedule])
            if time.perf_counter() > end:
                return

    def _time(self, task: _Task, candidate: Candidate, built: Built | str) -> None:
        found = task.found
        if isinstance(built, str):
            found.tried[candidate.schedule] = built
            return
        times = self._workers.measure(work.side_by_side, task.built[found.schedule], built, self._cold)
        if isinstance(times, str):
            found.tried[candidate.schedule] = times
            return
        found.tried[candidate.schedule] = round(times[1] / times[0], 4)
        found.before = found.before or times[0]
        found.after = found.after or times[0]
        if times[1] < times[0] * (1 - GAIN):
            task.built[candidate.schedule] = built
            found.schedule, found.choice = candidate.schedule, candidate.choice

    def _confirmed(self, task: _Task) -> bool:
        """Whether the new best computes the same as the rules' schedule, and is faster than it."""
        found = task.found
        assert found.schedule is not None
        ruled, best = self._work(task, None), self._work(task, found.schedule)
        moved = self._workers.measure(work.deviation, ruled, best)
        bound = _bound(task.built[None])
        if isinstance(moved, str) or not moved <= bound:
            found.tried[found.schedule] = (
                moved if isinstance(moved, str) else f"its results differ by {moved:.3g}"
            )
            return False
        pair = task.built[None], task.built[found.schedule]
        times = self._workers.measure(work.side_by_side, *pair, self._cold, CONFIRMING_ROUNDS)
        if isinstance(times, str) or times[1] >= times[0] * (1 - GAIN):
            return False
        found.before, found.after = times
        task.built = {None: pair[0], found.schedule: pair[1]}
        return True

    def _work(self, task: _Task, schedule: str | None) -> Work:
        return Work(task.text, schedule, self._options)


def _bound(built: Built) -> float:
    kinds = {port.dtype for port in built.outputs}
    if all(kind.kind in "iub" for kind in kinds):
        return 0.0
    return max(BOUNDS.get(np.dtype(kind).name, 1e-5) for kind in kinds)


def _state(task: _Task, done: int, count: int) -> str:
    found = task.found
    gain = f"{found.before / found.after:.2f} times as fast" if found.schedule else "none better"
    return f"{task.name} ({100 * task.share:.1f} %): {len(found.tried)} tried, {gain}; {done} of {count} done"
