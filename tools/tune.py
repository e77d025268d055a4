"""`tenonc compile --tune`: the search before the compile, and the table of what it found."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..compiler.tuning.search import Tuned


def add_tune(parser: argparse.ArgumentParser) -> None:
    """The option of the search."""
    parser.add_argument(
        "--tune",
        type=float,
        metavar="SECONDS",
        help="search so long for faster schedules first; what is found is kept in the cache",
    )


COLUMNS = ("kernel", "% of run", "before, ms", "after, ms", "tried", "skipped", "schedule")


def show_tuned(title: str, found: Sequence[Tuned]) -> None:
    """What is known of each kernel that was looked at, and why candidates were skipped."""
    from .tables import print_table

    looked_at = [one for one in found if one.tried]
    print_table(title, COLUMNS, [_row(one) for one in looked_at])
    skipped = [(one.kernel, why) for one in looked_at for why in one.skipped]
    if skipped:
        print_table(f"{len(skipped)} schedules were skipped, the first", ("kernel", "why"), skipped[:10])


def _row(one: Tuned) -> tuple[str, ...]:
    return (
        one.kernel,
        f"{100 * one.share:.1f}",
        f"{one.before * 1e3:.4f}",
        f"{one.after * 1e3:.4f}",
        str(one.tried),
        str(len(one.skipped)),
        one.schedule or "by the rules",
    )
