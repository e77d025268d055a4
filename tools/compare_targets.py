"""`tenonc compare --targets`: the integers of a quantized model on several targets."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ..dialects.errors import TenonError

if TYPE_CHECKING:
    import numpy as np

    from ..compiler import Model
    from ..compiler.compare_targets import TargetDifference

COLUMNS = ("target", "integer islands compiled", "values", "elements", "elements that differ",
           "values that differ", "largest difference")  # fmt: skip


def show_targets(
    arguments: argparse.Namespace, model: Model, inputs: Mapping[str, np.ndarray] | None
) -> None:
    """Show how many elements differ on each target; fail where one does."""
    from ..compiler.atomic import check_file, write_file
    from ..compiler.compare_targets import compare_targets
    from .tables import print_table, progress
    from .verbs import options_of

    if arguments.json:
        check_file(Path(arguments.json))
    targets = arguments.targets.split(",")
    with progress(arguments.model) as step:
        found = compare_targets(model, targets, inputs, options_of(arguments), step)
    kinds = dict.fromkeys((d.target, d.returned) for d in found)
    rows = [_row(*kind, [d for d in found if (d.target, d.returned) == kind]) for kind in kinds]
    print_table(f"{arguments.model}: integers against those of {targets[0]}", COLUMNS, rows)
    if arguments.json:
        text = json.dumps({"against": targets[0], "values": [asdict(d) for d in found]}, indent=1) + "\n"
        write_file(Path(arguments.json), lambda path: path.write_text(text))
    wrong = [d for d in found if d.differ]
    if wrong:
        first = wrong[0]
        raise TenonError(
            f"{len(wrong)} values are not the same bits on all targets, first '{first.value}' ({first.op}): "
            f"on {first.target} {first.differ} of {first.elements} elements differ from {targets[0]}'s, by "
            f"{first.worst:g}"
        )


def _row(target: str, returned: bool, found: list[TargetDifference]) -> tuple[str, ...]:
    return (
        target,
        "to return every value" if returned else "as usual",
        str(len(found)),
        f"{sum(d.elements for d in found):,}",
        str(sum(d.differ for d in found)),
        str(sum(d.differ > 0 for d in found)),
        f"{max((d.worst for d in found), default=0):g}",
    )
