"""What a report says, as plain data: the JSON report is this, the HTML report is drawn from it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

SCHEMA = 1
"""Grows when a field changes its meaning or goes; fields may be added."""


@dataclass(frozen=True)
class Target:
    """The machine the code is for; bytes of registers and caches."""

    name: str
    triple: str
    cpu: str
    features: list[str]
    vector_registers: int
    vector_bytes: int
    l1_bytes: int
    l2_bytes: int


@dataclass(frozen=True)
class MemoryLevel:
    """What a core reads from: `gbytes` 1e9 bytes per second of data up to `size` bytes."""

    name: str
    size: int
    gbytes: float


@dataclass(frozen=True)
class MeasuredMachine:
    """What the code could use of the machine it was measured on, a core for each thread. `gflops`: 1e9 f32
    operations per second."""

    gflops: float
    levels: list[MemoryLevel]


@dataclass(frozen=True)
class InnerLoop:
    """An innermost loop of a kernel's machine code.

    `depth`: loops around it; `applied`: instructions with the mnemonic of the kernel's instruction;
    `vectors`: those on vector registers; `loads`, `stores`: accesses to memory; `spills`, `reloads`: those of
    vector registers on the stack."""

    label: str
    depth: int
    instructions: int
    applied: int
    vectors: int
    loads: int
    stores: int
    spills: int
    reloads: int


@dataclass(frozen=True)
class MachineCode:
    """A kernel's function. `inner`: its innermost loops with vector instructions, the one that applies most
    first; `hot`: the text of that one; `calls`: the functions it calls, without the runtime's."""

    bytes: int
    instructions: int
    vectors: int
    spills: int
    reloads: int
    inner_spills: int
    inner_reloads: int
    calls: list[str]
    mnemonics: dict[str, int]
    inner: list[InnerLoop]
    hot: list[str]


@dataclass(frozen=True)
class Flag:
    """Something to look at. `kind`: spills, call, libm, mnemonic or slow; `text`: what it is, shortly."""

    kind: str
    text: str


@dataclass(frozen=True)
class Measured:
    """Times, where the code could run. `share`: of all kernels' time; `peak`: part of the arithmetic peak;
    `roofline`: part of the least time that operations and bytes allow, `bound` by compute or memory;
    `lost_ms`: the time above that."""

    ms: float
    share: float
    peak: float
    roofline: float
    bound: str
    lost_ms: float


@dataclass(frozen=True)
class Choice:
    """What became of instructions for one reduction, `nest`: `what` is repaired, chosen, also (it could, with
    more cycles) or refused; `instructions` are those of which the same is to be said."""

    nest: str
    what: str
    instructions: str
    why: str


@dataclass(frozen=True)
class Reason:
    """Why a schedule is as it is, line by line."""

    what: str
    why: str


@dataclass(frozen=True)
class KernelReport:
    """A kernel and all its calls in one run.

    `instructions`: what it applies, `mnemonic` -> how often it is in the assembly;
    `lanes`, `schedule`: the loop levels as the IR has them; `choices`, `reasons`: how the instruction was
    chosen, and why the schedule is so, if the report knows the model; `code` is missing for copies, which are
    no kernels; `operations`, `bytes` and times are those of all calls together."""

    name: str
    nodes: list[str]
    calls: int
    instructions: list[str]
    mnemonics: dict[str, int]
    lanes: dict[str, int]
    schedule: list[str]
    choices: list[Choice]
    reasons: list[Reason]
    code: MachineCode | None
    operations: int
    bytes: int
    measured: Measured | None
    flags: list[Flag]


@dataclass(frozen=True)
class CallReport:
    """One call, in the order they run; `kernel` by its name."""

    kernel: str
    nodes: list[str]
    operations: int
    bytes: int
    measured: Measured | None


@dataclass(frozen=True)
class StaysFloat:
    """An op of a quantized model that is computed in floats: its node's name, the op, and why."""

    node: str
    op: str
    reason: str


@dataclass(frozen=True)
class Report:
    """A compiled model. `compile_seconds`: per stage; bytes of code and constants, of weights, and of the
    arena of one call; `run_ms`: a run, `kernels_ms`: the sum over its kernels; `operations`, `bytes`: of a
    run; `peak`: part of the arithmetic peak; `not_measured`: why there are no times. `kernels` from the
    longest time to the shortest, without times as they are first called; `calls` as they run; `stays_float`:
    of a quantized model, in its order."""

    model: str
    version: str
    created: str
    inputs: list[str]
    outputs: list[str]
    target: Target
    options: dict[str, Any]
    compile_seconds: dict[str, float]
    code_bytes: int
    weight_bytes: int
    arena_bytes: int
    machine: MeasuredMachine | None
    not_measured: str
    run_ms: float | None
    kernels_ms: float | None
    operations: int
    bytes: int
    peak: float | None
    kernels: list[KernelReport]
    calls: list[CallReport]
    stays_float: list[StaysFloat]

    def as_json(self) -> dict[str, Any]:
        """Plain data: the field names above are the keys."""
        return {"schema": SCHEMA, **asdict(self)}
