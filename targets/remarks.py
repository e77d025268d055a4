"""What `tenon-opt -t remarks` writes: the remarks of `tensorize-match{explain=true}` as text, a table a nest.

conv1 (kernel @conv1)
  chosen    fma_8xf32          3277 cycles: i = p2; %a broadcast, %b needs packing, %acc contiguous
  also      fma_4xf32          2.00 x: i = p2; %a broadcast, %b needs packing, %acc contiguous
  refused   dpbusd_8xi32       body: accumulator type: it yields i32, the operation f32
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.utils.target import Target

from ..passes.tensorize.remarks import Candidate, Explanation, explanations


@dataclass(frozen=True)
class RemarksTarget(Target):
    """How instructions were chosen."""

    name = "remarks"

    def emit(self, ctx: Context, module: ModuleOp, output: IO[str]) -> None:
        for one in explanations(module):
            output.write(f"{one.nest or 'a reduction'} (kernel @{one.kernel})\n")
            for what, name, text in rows(one):
                output.write(f"  {what:<9} {name:<18} {text}".rstrip() + "\n")


def rows(one: Explanation) -> Iterator[tuple[str, str, str]]:
    """What became of each instruction: chosen, also (a match of more cycles), or refused, and why. Repairs
    come first."""
    for line in one.repairs:
        yield "repaired", "", line
    if one.row_lanes:
        lanes = ", ".join(f"{n} lanes along {loop}" for loop, n in one.row_lanes.items())
        yield "chosen", "", f"part of a row kernel: {lanes}"
    best = one.candidates[0].cycles if one.candidates else 1.0
    for place, match in enumerate(one.candidates):
        chosen = not place and not one.row_lanes
        cost = f"{match.cycles:.0f} cycles" if not place else f"{match.cycles / best:.2f} x"
        yield "chosen" if chosen else "also", match.instruction, f"{cost}: {mapping(match)}"
    for name, why in one.refused.items():
        yield "refused", name, why


def grouped(one: Explanation, every: bool = False) -> list[tuple[str, str, str]]:
    """The rows, with all instructions of which the same is to be said in one; of an instruction's matches the
    best, or `every` one."""
    matched: set[str] = set()
    shown: dict[tuple[str, str], list[str]] = {}
    for what, name, why in rows(one):
        if every or what != "also" or name not in matched:
            shown.setdefault((what, why), []).append(name)
        matched.add(name)
    return [(what, ", ".join(names), why) for (what, why), names in shown.items()]


def mapping(match: Candidate) -> str:
    """The loops that an instruction's run along, and how its registers read their operands."""
    bound = ", ".join(f"{inner} = {outer}" for inner, outer in match.bind.items())
    reads = (
        f"%{name} {how}" + (f" ({match.read_cycles[name]:.0f} cycles)" if name in match.read_cycles else "")
        for name, how in match.reads.items()
    )
    swapped = f"; operands swapped ({match.swapped})" if match.swapped else ""
    return f"{bound}; {', '.join(reads)}{swapped}"
