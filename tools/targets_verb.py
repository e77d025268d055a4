"""`tenonc targets`: the machines there are, and the instructions of one, each checked against its meaning."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from .verb import Verb, add_debug

if TYPE_CHECKING:
    from ..dialects.tensorized import InstructionOp
    from ..targets.record import TargetRecord


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", metavar="TARGET", help="check its instructions and list them")
    add_debug(parser)


def show_targets(arguments: argparse.Namespace) -> None:
    """All machines, or the instructions of one."""
    from ..targets.record import find_target, host, records

    if arguments.name is None:
        _show_records([host(), *records().values()])
    else:
        _show_instructions(find_target(arguments.name))


RECORD_COLUMNS = ("target", "runs here", "registers", "bytes", "instructions", "beyond the one above")


def _show_records(machines: list[TargetRecord]) -> None:
    from ..targets.attach_target import declared_instructions
    from ..targets.record import host
    from .tables import print_table

    rows: list[tuple[str, ...]] = []
    above: frozenset[str] = frozenset()
    for machine in machines:
        more = sorted(machine.enabled - above) if machine.name != "host" else [machine.cpu]
        rows.append(
            (
                machine.name,
                "yes" if machine.enabled <= host().enabled else "",
                str(machine.vector_registers),
                str(machine.vector_bytes),
                str(len(declared_instructions(machine))),
                ", ".join(more),
            )
        )
        above = machine.enabled if machine.name != "host" else above
    print_table("targets", RECORD_COLUMNS, rows, left=2)


COLUMNS = ("instruction", "mnemonic", "loops", "a cycle", "status")


def _show_instructions(record: TargetRecord) -> None:
    from ..targets.attach_target import declared_instructions
    from ..targets.selfcheck import check_instruction
    from .tables import print_table, progress

    rows: list[tuple[str, ...]] = []
    with progress(record.name) as step:
        for instruction in declared_instructions(record):
            step(instruction.sym_name.data)
            rows.append((*_row(instruction), check_instruction(instruction, record)))
    title = f"{record.name}: instructions, checked against their meaning, and how on this machine"
    print_table(title, COLUMNS, rows, left=3)


def _row(instruction: InstructionOp) -> tuple[str, ...]:
    from ..dialects.tensorized.access import loop_text

    mnemonic = instruction.mnemonic.data.replace(",", ", ") if instruction.mnemonic is not None else ""
    loops = ", ".join(map(loop_text, instruction.loops))
    return instruction.sym_name.data, mnemonic, loops, f"{instruction.rate:g}"


VERB = Verb(
    "targets",
    "list the machines, or the instructions of one, checked against their meaning",
    "tenonc targets cascadelake",
    _configure,
    show_targets,
)
