"""What matching found out, as `remarks` on a nest: every match, the best first, and why other instructions
have none.

    remarks {candidates = [{bind = {i = "p2"}, cycles = 3276.8 : f64, instruction = "fma_8xf32",
                            reads = {a = "broadcast", acc = "contiguous", b = "needs packing"}}],
             refused = {add_8xf32 = "body: op: ...", dpbusd_8xi32 = "feature: the target lacks avx512vnni"}}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import (
    ArrayAttr,
    DictionaryAttr,
    FloatAttr,
    IntegerAttr,
    ModuleOp,
    NameLoc,
    StringAttr,
    f64,
    i64,
)
from xdsl.ir import Attribute, Operation

from ...dialects import tensorized
from .cost import NestView
from .trial import Match, Refusal


def remarks(
    nest: NestView,
    found: Sequence[Match],
    refused: Mapping[str, Refusal],
    repairs: Mapping[str, Attribute],
    lanes: Mapping[str, int] | None = None,
) -> DictionaryAttr:
    """The remarks on a nest; `repairs` by the names of ops, `lanes` if it is part of a row kernel, whose
    lanes are chosen otherwise."""
    entries: dict[str, Attribute] = {
        "candidates": ArrayAttr(_candidate(nest, match) for match in found),
        "refused": _strings({name: f"{why.check}: {why.reason}" for name, why in refused.items()}),
    }
    if made := repairs.get(name_of(nest.op)):
        entries["repairs"] = made
    if lanes is not None:
        entries["row_lanes"] = DictionaryAttr({k: IntegerAttr(n, i64) for k, n in lanes.items()})
    return DictionaryAttr(entries)


def name_of(op: Operation) -> str:
    """What the op is called in the model, if it has a name."""
    return op.location.desc.data if isinstance(op.location, NameLoc) else ""


def _candidate(nest: NestView, match: Match) -> DictionaryAttr:
    op = match.instruction
    names = [a.name_hint or str(a.index) for a in op.body.block.args]
    entries: dict[str, Attribute] = {
        "instruction": op.sym_name,
        "bind": _strings({loop.label.data: nest.names[at] for loop, at in zip(op.loops, match.loops)}),
        "reads": _strings(dict(zip(names, (read.access.value for read in match.reads), strict=True))),
        "cycles": FloatAttr(match.cycles, f64),
    }
    extra = {n: FloatAttr(r.cycles, f64) for n, r in zip(names, match.reads, strict=True) if r.cycles}
    if extra:
        entries["read_cycles"] = DictionaryAttr(extra)
    if _swapped(match):
        entries["swapped"] = StringAttr(", ".join(str(k) for k in match.operands if k < len(nest.op.inputs)))
    return DictionaryAttr(entries)


def _swapped(match: Match) -> bool:
    """Whether registers stand for the operands in another order than the nest has them."""
    place = match.instruction.accumulator.data
    inputs = [k for i, k in enumerate(match.operands) if i != place]
    return inputs != sorted(inputs)


def _strings(values: Mapping[str, str]) -> DictionaryAttr:
    return DictionaryAttr({name: StringAttr(text) for name, text in values.items()})


@dataclass(frozen=True)
class Candidate:
    """A match: the instruction, what its loops run along, how each register reads its operand, the cycles of
    these reads where they cost some, the estimate of all, and the operands' order if it is another."""

    instruction: str
    bind: dict[str, str]
    reads: dict[str, str]
    read_cycles: dict[str, float]
    cycles: float
    swapped: str


@dataclass(frozen=True)
class Explanation:
    """The remarks on one nest: of which kernel, its name, candidates from the best to the worst (the first is
    chosen, unless a row kernel has `row_lanes`), the refused instructions, and what was changed before so
    that an instruction fits."""

    kernel: str
    nest: str
    candidates: list[Candidate]
    refused: dict[str, str]
    row_lanes: dict[str, int]
    repairs: list[str]


def explanations(module: ModuleOp) -> Iterator[Explanation]:
    """The remarks of all kernels of a module."""
    for kernel in tensorized.kernels(module):
        for nest in kernel.body.block.ops:
            if isinstance(nest, tensorized.NestOperation) and nest.remarks is not None:
                yield _read(kernel.sym_name.data, name_of(nest), _plain(nest.remarks))


def _read(kernel: str, nest: str, entries: dict) -> Explanation:
    empty = {"read_cycles": {}, "swapped": ""}
    candidates = [Candidate(**{**empty, **one}) for one in entries.get("candidates", [])]
    rest = {"row_lanes": {}, "repairs": []} | entries
    return Explanation(kernel, nest, candidates, rest["refused"], rest["row_lanes"], rest["repairs"])


def _plain(value: Attribute):
    """Dictionaries, arrays, strings and numbers of the IR as Python's."""
    match value:
        case DictionaryAttr():
            return {name: _plain(entry) for name, entry in value.data.items()}
        case ArrayAttr():
            return [_plain(entry) for entry in value]
        case FloatAttr() | IntegerAttr():
            return value.value.data
        case _:
            assert isinstance(value, StringAttr)
            return value.data
