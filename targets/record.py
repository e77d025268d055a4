"""Target records: the facts about a machine that the whole compiler is driven by."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cache
from importlib import import_module

from xdsl.dialects.builtin import DictionaryAttr, IntegerAttr, StringAttr, i64

from ..dialects.errors import TenonError, UsageError
from .caches import cache_bytes

_FAMILIES = (".x86.records",)
"""Modules with `RECORDS`: each machine stands behind those with fewer features."""


@dataclass(frozen=True)
class TargetRecord:
    """One machine.

    features: as LLVM takes them, `+avx2,+fma,-sse4a`; vector_registers: architectural vector registers;
    vector_bytes: of the widest; loads_per_cycle: vector loads a core sustains; l1_bytes, l2_bytes: data
    caches of a core. What instructions cost is in their declarations. emulates: features, with commas between
    them, that the machine lacks although its instructions are used: each is emitted as its body says.
    tile_registers: registers of two dimensions, for instructions that take a `tile`. broadcast_operations:
    vector operations that an element in all lanes takes besides its load."""

    name: str
    triple: str
    cpu: str
    features: str
    vector_registers: int
    vector_bytes: int
    loads_per_cycle: int
    l1_bytes: int
    l2_bytes: int
    emulates: str = ""
    tile_registers: int = 0
    broadcast_operations: int = 0

    @property
    def enabled(self) -> frozenset[str]:
        """The features the machine has."""
        return frozenset(f[1:] for f in self.features.split(",") if f.startswith("+"))

    @property
    def emulated(self) -> frozenset[str]:
        """The features of `emulates`."""
        return frozenset(filter(None, self.emulates.split(",")))

    def attribute(self) -> DictionaryAttr:
        """The record as the module attribute `tenon.target`."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return DictionaryAttr(
            {
                k: StringAttr(v) if isinstance(v, str) else IntegerAttr(v, i64)
                for k, v in values.items()
                if v != 0  # what the machine does not have
            }
        )


@cache
def records() -> dict[str, TargetRecord]:
    """Every named target but `host`."""
    found = (r for family in _FAMILIES for r in import_module(family, __package__).RECORDS)
    return {record.name: record for record in found}


EMULATED = "-emulated"
"""Behind a record's name: scheduled for that machine, run by this one."""


def find_target(name: str) -> TargetRecord:
    """The record called `name`; `host` is this machine, and `cascadelake-emulated` a machine that this one
    plays. Raises `UsageError` for any other name."""
    if name == "host":
        return host()
    plain = name.removesuffix(EMULATED)
    if plain not in records():
        raise UsageError(f"unknown target '{name}': expected one of {', '.join(['host', *records()])}")
    return records()[name] if name == plain else _emulation(records()[plain])


def _emulation(machine: TargetRecord) -> TargetRecord:
    """`machine` as the most capable one below it plays it that this CPU covers: the same registers, tiles and
    packing, but instructions that it lacks done by their bodies, and wide registers split by LLVM."""
    below = [r for r in _covered() if r.enabled < machine.enabled]
    if not below:
        raise UsageError(f"target '{machine.name}{EMULATED}': no machine below {machine.name} fits this one")
    player = below[-1]
    missing = ",".join(sorted(machine.enabled - player.enabled))
    return replace(
        machine, name=machine.name + EMULATED, cpu=player.cpu, features=player.features, emulates=missing
    )


MAX_THREADS = 64
"""Of one call: a pool has no more, and a kernel no more parts."""


def check_threads(threads: int) -> None:
    """Raises `UsageError` for a number of threads that no pool has."""
    if not 1 <= threads <= MAX_THREADS:
        raise UsageError(f"threads is {threads}, expected 1 to {MAX_THREADS}")


@cache
def _covered() -> list[TargetRecord]:
    """The records whose code this CPU runs, from the least to the most capable."""
    import llvmlite.binding as llvm

    able = {name for name, has in llvm.get_host_cpu_features().items() if has}
    architecture = llvm.get_default_triple().split("-")[0]
    fitting = [r for r in records().values() if r.triple.startswith(architecture) and r.enabled <= able]
    if not fitting:
        raise TenonError(f"no target fits this machine: {llvm.get_host_cpu_name()} ({architecture})")
    return fitting


@cache
def host() -> TargetRecord:
    """The most capable record that this CPU covers, with its own name, features and cache sizes."""
    import llvmlite.binding as llvm

    best = _covered()[-1]
    return replace(
        best,
        name="host",
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten().replace("+sse4a", "-sse4a"),  # see x86/records.py
        l1_bytes=cache_bytes(1, best.l1_bytes),
        l2_bytes=cache_bytes(2, best.l2_bytes),
    )
