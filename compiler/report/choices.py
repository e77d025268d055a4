"""Why a kernel is as it is: what became of each instruction, and the reasons of its schedule."""

from __future__ import annotations

from collections.abc import Sequence

from ...targets.remarks import grouped
from ..explained import Explained
from .data import Choice, Reason


def choices_of(kernel: str, explained: Explained) -> list[Choice]:
    """Of each reduction of the kernel, the chosen instruction first."""
    found = (one for one in explained.instructions if one.kernel == kernel)
    return [Choice(one.nest, *row) for one in found for row in grouped(one)]


def reasons_of(kernel: str, schedule: Sequence[str], explained: Explained) -> list[Reason]:
    """Nothing for a schedule that was found by search: the rules would have made another."""
    if list(schedule) != explained.levels.get(kernel):
        return []
    return [Reason(*line) for line in explained.schedules.get(kernel, [])]
