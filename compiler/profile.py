"""Where the time of a compiled model goes: per kernel and call, beside what the machine could do."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ..dialects.errors import TenonError
from ..targets.bandwidth import bandwidth_for, measure_bandwidth
from ..targets.llvm.artifact import NativeArtifact, aligned_bytes
from ..targets.llvm.timed import TimedMain
from ..targets.peak import measure_peak
from .steps import Step, main_of, steps_of

if TYPE_CHECKING:
    from .executable import Executable


@dataclass(frozen=True)
class Machine:
    """One core, measured: 1e9 f32 operations per second, and bytes -> 1e9 bytes read per second."""

    gflops: float
    bandwidth: dict[int, float]

    def cores(self, count: int) -> Machine:
        """Several of them, as if they shared nothing."""
        return Machine(count * self.gflops, {size: count * speed for size, speed in self.bandwidth.items()})


@dataclass(frozen=True)
class CallSite:
    """One call of a kernel. `nodes`: the ONNX nodes it computes, as far as the IR names them; `ms`: its time
    in one run; `share`: of all kernels' time; `roofline`: the part of the least time that its operations and
    bytes allow, `bound` by one of them."""

    kernel: str
    nodes: tuple[str, ...]
    ms: float
    share: float
    operations: int
    bytes: int
    bound: str
    roofline: float


@dataclass(frozen=True)
class Profile:
    """`sites` in the order they run, in one run; `run_ms` a run of the code without stopwatches."""

    sites: list[CallSite]
    run_ms: float
    machine: Machine

    @property
    def total_ms(self) -> float:
        """The sum over all kernels."""
        return sum(site.ms for site in self.sites)

    def kernels(self) -> dict[str, list[CallSite]]:
        """Kernel -> its calls, both from the longest to the shortest."""
        grouped: dict[str, list[CallSite]] = {}
        for site in sorted(self.sites, key=lambda site: -site.ms):
            grouped.setdefault(site.kernel, []).append(site)
        return dict(sorted(grouped.items(), key=lambda item: -sum(site.ms for site in item[1])))

    def as_json(self) -> dict[str, Any]:
        """The profile as plain data: the calls grouped by kernel."""
        grouped = [
            {"kernel": name, "ms": sum(site.ms for site in calls), "calls": [asdict(site) for site in calls]}
            for name, calls in self.kernels().items()
        ]
        return {
            "run_ms": self.run_ms, "total_ms": self.total_ms, "gflops": self.machine.gflops,
            "bandwidth_gbytes": self.machine.bandwidth, "kernels": grouped,
        }  # fmt: skip


@cache
def this_machine() -> Machine:
    """Measured once a process; takes about a second."""
    return Machine(measure_peak().gflops, measure_bandwidth())


def profile(exe: Executable, inputs: Mapping[str, np.ndarray] | None, seconds: float) -> Profile:
    """Runs `exe` for about `seconds`, alternately with and without stopwatches; the least times count."""
    from .compare import seeded_inputs

    if not 0 < seconds < math.inf:
        raise TenonError(f"seconds is {seconds}, expected a finite number more than 0")
    artifact = exe.artifact
    if not isinstance(artifact, NativeArtifact) or artifact.module is None:
        raise TenonError("only what `compile` has made of a model in this process can be profiled")
    main = main_of(artifact.module)
    ready = exe.checked(seeded_inputs(exe.inputs) if inputs is None else inputs)
    results = [np.empty(port.shape, port.dtype) for port in exe.outputs]
    timed = TimedMain(artifact.module, main, artifact.record)
    ticks, run = _measure(artifact, timed, ready, results, seconds)
    machine = this_machine().cores(artifact.threads)
    sites = _sites(steps_of(artifact.module), ticks * timed.seconds_per_tick(), machine)
    return Profile(sites, run * 1e3, machine)


def _measure(
    artifact: NativeArtifact,
    timed: TimedMain,
    inputs: Sequence[np.ndarray],
    outputs: Sequence[np.ndarray],
    seconds: float,
) -> tuple[np.ndarray, float]:
    """The least ticks of each timed op, and the seconds of the fastest plain run: on a busy machine no run is
    undisturbed as a whole, but each op is in some."""
    arena = aligned_bytes(artifact.arena_bytes)
    addresses = [a.ctypes.data for a in (*inputs, *outputs, artifact.weights, arena)]
    addresses.append(artifact.pool.address())
    least = np.full(len(timed.ticks), np.iinfo(np.int64).max)
    runs: list[float] = []
    timed(*addresses)
    artifact.run(inputs, outputs)
    end = time.perf_counter() + seconds
    while len(runs) < 3 or time.perf_counter() < end:
        timed.ticks[:] = 0
        timed(*addresses)
        np.minimum(least, timed.ticks, out=least)
        start = time.perf_counter()
        artifact.run(inputs, outputs)
        runs.append(time.perf_counter() - start)
    return least, min(runs)


def _sites(steps: Sequence[Step], seconds: np.ndarray, machine: Machine) -> list[CallSite]:
    total = float(seconds.sum()) or 1.0
    weights = sum(step.weights for step in steps)
    sites: list[CallSite] = []
    for step, spent in zip(steps, seconds.tolist(), strict=False):
        least, bound = _least(step, weights, machine)
        sites.append(
            CallSite(
                step.kernel,
                step.nodes,
                spent * 1e3,
                spent / total,
                step.times * step.work.operations,
                step.times * step.work.bytes,
                bound,
                step.times * least / spent if spent else 0.0,
            )
        )
    return sites


def _least(step: Step, all_weights: int, machine: Machine) -> tuple[float, str]:
    """The least seconds of one execution, and what bounds it. A run goes through all weights of the model, so
    each call finds its own where all of them fit, not in the cache that these alone would fit."""
    rest = step.work.bytes - step.weights
    compute = step.work.operations / machine.gflops
    memory = step.weights / bandwidth_for(machine.bandwidth, max(all_weights, step.weights))
    memory += rest / bandwidth_for(machine.bandwidth, rest)
    return max(compute, memory) / 1e9, "compute" if compute > memory else "memory"
