"""Makes a report of an executable: what its IR and its machine code say, and what a profile measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from ...dialects.errors import TenonError
from ...passes.qdq.reasons import reasons_of
from ...targets.bandwidth import data_caches
from ...targets.llvm.artifact import NativeArtifact
from ...targets.llvm.codegen import check_runs_here
from ...targets.llvm.elf import loaded_bytes
from ...targets.record import TargetRecord
from ..explained import explained
from ..profile import CallSite, Machine, Profile, profile
from ..steps import Step, steps_of
from .data import CallReport, Measured, MeasuredMachine, MemoryLevel, Report, StaysFloat, Target
from .kernel import kernel_reports

if TYPE_CHECKING:
    from ..executable import Executable
    from ..model import Model


def collect(
    exe: Executable,
    title: str = "model",
    inputs: Mapping[str, Any] | None = None,
    seconds: float = 2.0,
    model: Model | None = None,
) -> Report:
    """The report of `exe`, measured on `inputs` (default: seeded ones) for about `seconds`. Where its code
    cannot run on this machine, the report has no times; without the `model` it was compiled from, no reasons
    for instructions and schedules. Raises `TenonError` for what this process did not
    compile."""
    artifact = exe.artifact
    if not isinstance(artifact, NativeArtifact) or artifact.module is None:
        raise TenonError("only what `compile` has made of a model in this process can be reported on")
    reason = obstacle(artifact.record)
    found = None if reason else profile(exe, inputs, seconds)
    machine = _machine(found.machine) if found else None
    calls = _calls(steps_of(artifact.module), found)
    operations = sum(call.operations for call in calls)
    return Report(
        model=title,
        version=_version(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        inputs=[str(port) for port in exe.inputs],
        outputs=[str(port) for port in exe.outputs],
        target=_target(artifact.record),
        options=asdict(exe.options) if exe.options else {},
        compile_seconds=dict(artifact.seconds),
        code_bytes=loaded_bytes(artifact.object_code),
        weight_bytes=artifact.weights.nbytes,
        arena_bytes=artifact.arena_bytes,
        machine=machine,
        not_measured=reason,
        run_ms=found.run_ms if found else None,
        kernels_ms=found.total_ms if found else None,
        operations=operations,
        bytes=sum(call.bytes for call in calls),
        peak=operations / found.run_ms / 1e6 / found.machine.gflops if found else None,
        kernels=kernel_reports(
            artifact, calls, explained(model, exe.options) if model and exe.options else None
        ),
        calls=calls,
        stays_float=[StaysFloat(**row) for row in reasons_of(artifact.module)],
    )


def obstacle(record: TargetRecord) -> str:
    """Why code for a target cannot be timed here; nothing where it can."""
    try:
        check_runs_here(record)
    except TenonError as error:
        return str(error)
    return ""


def _version() -> str:
    try:
        return version("tenonc")
    except PackageNotFoundError:
        return ""


def _target(record: TargetRecord) -> Target:
    return Target(
        record.name,
        record.triple,
        record.cpu,
        sorted(record.enabled),
        record.vector_registers,
        record.vector_bytes,
        record.l1_bytes,
        record.l2_bytes,
    )


def _machine(measured: Machine) -> MeasuredMachine:
    """The bandwidth of each level: the best of the sizes that fit it and no smaller one."""
    levels: list[MemoryLevel] = []
    smaller = 0
    for name, size in ((f"L{level}", size) for level, size in data_caches().items()):
        fitting = [gbytes for data, gbytes in measured.bandwidth.items() if smaller < data <= size]
        if fitting:
            levels.append(MemoryLevel(name, size, max(fitting)))
        smaller = size
    beyond = max(measured.bandwidth)
    if not levels or beyond > smaller:
        levels.append(MemoryLevel("memory", beyond, measured.bandwidth[beyond]))
    return MeasuredMachine(measured.gflops, levels)


def _calls(steps: Sequence[Step], found: Profile | None) -> list[CallReport]:
    sites = found.sites if found else [None] * len(steps)
    return [
        CallReport(
            step.kernel,
            list(step.nodes),
            step.times * step.work.operations,
            step.times * step.work.bytes,
            _measured(site, found.machine) if site and found else None,
        )
        for step, site in zip(steps, sites, strict=True)
    ]


def _measured(site: CallSite, machine: Machine) -> Measured:
    peak = site.operations / (site.ms * 1e6 * machine.gflops) if site.ms else 0.0
    lost = site.ms * max(0.0, 1 - site.roofline)
    return Measured(site.ms, site.share, peak, site.roofline, site.bound, lost)
