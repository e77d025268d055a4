"""`tenonc explain`: which instruction computes each contraction of a model, what else could, why others
cannot, and why its schedule is as it is."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ..dialects.errors import UsageError
from .verb import Verb, add_model

if TYPE_CHECKING:
    from ..passes.tensorize.remarks import Explanation


def _configure(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    parser.add_argument(
        "--kernel", action="append", default=[], metavar="NAME", help="only kernels whose name contains this"
    )
    parser.add_argument("--all", action="store_true", help="every way to use each instruction, not the best")


def explain_model(arguments: argparse.Namespace) -> None:
    """Lower to the level where instructions are chosen, and show the remarks, one table a kernel."""
    from ..compiler.explained import explained
    from .tables import progress
    from .verbs import load_model, options_of

    model = load_model(arguments)
    with progress(arguments.model):
        found = explained(model, options_of(arguments))
    wanted = [one for one in found.instructions if _asked(one, arguments.kernel)]
    if not wanted:
        names = ", ".join(dict.fromkeys(one.kernel for one in found.instructions)) or "none"
        asked = " or ".join(arguments.kernel)
        raise UsageError(f"--kernel {asked}: no such kernel with a reduction, there are: {names}")
    for one in wanted:
        _show(one, found.schedules.get(one.kernel, []), arguments.all)


COLUMNS = ("", "instruction", "why")


def _asked(one: Explanation, names: list[str]) -> bool:
    return not names or any(name in one.kernel for name in names)


def _show(one: Explanation, schedule: list[tuple[str, str]], every: bool) -> None:
    """One row for all instructions of which the same is to be said, and the schedule's."""
    from ..targets.remarks import grouped
    from .tables import print_table

    named = f": {one.nest}" if one.nest else ""
    table = grouped(one, every)
    table += [(what, "", why) for what, why in schedule]
    print_table(f"@{one.kernel}{named}", COLUMNS, table, left=3)


VERB = Verb(
    "explain",
    "show which instruction computes each contraction, why others do not, and why it is scheduled so",
    "tenonc explain model.onnx --target cascadelake --kernel conv1",
    _configure,
    explain_model,
)
