"""The kernels of a report: their schedules and instructions from the IR, their machine code, their times."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from ...dialects.tensorized import ApplyOp, InstructionOp, KernelOp, kernels
from ...dialects.tensorized.attributes import level_text
from ...targets.llvm.artifact import NativeArtifact
from ...targets.llvm.assembly import SYNTAXES, Function, Loop, read_functions
from ...targets.llvm.elf import function_sizes
from ...targets.llvm.names import kernel_name
from ..explained import Explained
from .choices import choices_of, reasons_of
from .data import CallReport, InnerLoop, KernelReport, MachineCode, Measured
from .flags import Evidence, flags_of

RUNTIME = "tenon."
"""What begins so is the compiler's own runtime, or made of the kernel."""

LONGEST_LOOP = 400
"""Lines of a hot loop that a report holds."""

_OUTLINED = re.compile(r"^tenon\.\w+\.\d+\.")
"""What stands before a kernel's name in those of functions made of its loops: `tenon.part.0.conv`."""


def kernel_reports(
    artifact: NativeArtifact, calls: Sequence[CallReport], explained: Explained | None = None
) -> list[KernelReport]:
    """One report per kernel that is called, from the longest time to the shortest."""
    assert artifact.module is not None
    known = {kernel.sym_name.data: kernel for kernel in kernels(artifact.module)}
    grouped: dict[str, list[CallReport]] = {}
    for call in calls:
        grouped.setdefault(call.kernel, []).append(call)
    functions = _functions(artifact, list(known))
    sizes = function_sizes(artifact.object_code)
    made = [
        _report(known.get(name), name, of, functions.get(name, []), sizes, explained)
        for name, of in grouped.items()
    ]
    return sorted(made, key=lambda kernel: -kernel.measured.ms if kernel.measured else 0)


def _functions(artifact: NativeArtifact, names: Sequence[str]) -> dict[str, list[Function]]:
    """Kernel -> its functions: its own, and those made of its parallel loops. Nothing for an architecture
    whose assembly is unknown."""
    syntax = SYNTAXES.get(artifact.record.triple.split("-")[0])
    text = artifact.emit("asm")
    if syntax is None or not isinstance(text, str):
        return {}
    symbols = {kernel_name(name): name for name in names}
    found: dict[str, list[Function]] = {}
    for symbol, function in read_functions(text, syntax).items():
        if kernel := symbols.get(_OUTLINED.sub("", symbol)):
            found.setdefault(kernel, []).append(function)
    return found


def _report(
    kernel: KernelOp | None,
    name: str,
    calls: Sequence[CallReport],
    functions: Sequence[Function],
    sizes: dict[str, int],
    explained: Explained | None,
) -> KernelReport:
    applied = _applied(kernel) if kernel else []
    mnemonics = list(dict.fromkeys(i.mnemonic.data for i in applied if i.mnemonic))
    each = [name for one in mnemonics for name in one.split(",")]
    code = _machine_code(functions, sizes, each) if functions else None
    counts = {
        m: sum(f.code.count(name) for f in functions for name in m.split(","))
        for m in (mnemonics if functions else ())
    }
    schedule = [level_text(level) for level in kernel.schedule or ()] if kernel else []
    measured = _together([call.measured for call in calls if call.measured])
    return KernelReport(
        name=name,
        nodes=list(dict.fromkeys(node for call in calls for node in call.nodes)),
        calls=len(calls),
        instructions=[i.sym_name.data for i in applied],
        mnemonics=counts,
        lanes=kernel.lane_counts if kernel else {},
        schedule=schedule,
        choices=choices_of(name, explained) if explained else [],
        reasons=reasons_of(name, schedule, explained) if explained else [],
        code=code,
        operations=sum(call.operations for call in calls),
        bytes=sum(call.bytes for call in calls),
        measured=measured,
        flags=flags_of(Evidence(code, counts, measured)),
    )


def _applied(kernel: KernelOp) -> list[InstructionOp]:
    """The instructions a kernel applies, each once."""
    found = {op.declaration(): None for op in kernel.walk() if isinstance(op, ApplyOp)}
    return list(found)


def _together(measured: Sequence[Measured]) -> Measured | None:
    """The calls of one kernel as one."""
    ms = sum(call.ms for call in measured)
    if not ms:
        return measured[0] if measured else None
    return Measured(
        ms=ms,
        share=sum(call.share for call in measured),
        peak=sum(call.peak * call.ms for call in measured) / ms,
        roofline=sum(call.roofline * call.ms for call in measured) / ms,
        bound=max(measured, key=lambda call: call.ms).bound,
        lost_ms=sum(call.lost_ms for call in measured),
    )


def _machine_code(
    functions: Sequence[Function], sizes: dict[str, int], mnemonics: Sequence[str]
) -> MachineCode:
    """What the functions of one kernel come to together."""

    def applied(loop: Loop) -> int:
        return sum(loop.code.count(mnemonic) for mnemonic in mnemonics)

    inner = [loop for function in functions for loop in function.inner]
    vector = [loop for loop in inner if loop.code.vectors]
    vector.sort(key=lambda loop: (-applied(loop), -loop.depth, -loop.code.vectors))
    codes = [function.code for function in functions]
    counts = sum((code.mnemonics for code in codes), Counter[str]())
    return MachineCode(
        bytes=sum(sizes.get(function.name, 0) for function in functions),
        instructions=sum(map(len, codes)),
        vectors=sum(code.vectors for code in codes),
        spills=sum(code.spills for code in codes),
        reloads=sum(code.reloads for code in codes),
        inner_spills=sum(loop.code.spills for loop in inner),
        inner_reloads=sum(loop.code.reloads for loop in inner),
        calls=sorted({name for code in codes for name in code.calls if not name.startswith(RUNTIME)}),
        mnemonics=dict(counts.most_common()),
        inner=[_inner(loop, applied(loop)) for loop in vector],
        hot=list(vector[0].code.lines[:LONGEST_LOOP]) if vector else [],
    )


def _inner(loop: Loop, applied: int) -> InnerLoop:
    code = loop.code
    return InnerLoop(
        label=loop.label,
        depth=loop.depth,
        instructions=len(code),
        applied=applied,
        vectors=code.vectors,
        loads=code.loads,
        stores=code.stores,
        spills=code.spills,
        reloads=code.reloads,
    )
