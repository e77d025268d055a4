"""A page about pruning in rounds: what each round left of accuracy, size and measured time."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ...targets.record import find_target
from ..pruning.attempts import Outcome
from ..pruning.objectives import BUDGETS, Objectives
from ..pruning.record import Round
from .collect import obstacle
from .scatter import Mark, Scatter, scatter
from .templates import environment

SCHEMA = 1


@dataclass(frozen=True)
class RoundsReport:
    """What happened; the JSON report is this, a round with the seconds of a call of its compiled model."""

    model: str
    method: str
    objectives: dict[str, Any]
    ended: str
    best: int
    rounds: list[Round]
    latencies: Mapping[int, float]

    def as_json(self) -> dict[str, Any]:
        rounds = [asdict(found) | {"latency": self.latencies.get(found.number)} for found in self.rounds]
        facts = {name: value for name, value in vars(self).items() if name != "latencies"}
        return {"schema": SCHEMA} | facts | {"rounds": rounds}

    def pictures(self) -> list[Scatter]:
        """Accuracy against parameters, multiplications and milliseconds."""
        return [self._picture(name, of) for name, of in AXES.items()]

    def _picture(self, name: str, of: Callable[[RoundsReport, Round], float | None]) -> Scatter:
        made: list[Mark] = []
        for found in self.rounds:
            x = of(self, found)
            if found.accuracy is not None and x is not None:
                made.append(Mark(found.number, x, found.accuracy, self.style(found), found.decision))
        return scatter(name, made, self._way())

    def style(self, found: Round) -> str:
        """The class of a round's colour."""
        return "best" if found.number == self.best else "kept" if found.kept else "lost"

    def _way(self) -> list[int]:
        """The rounds that the best one was made of, from the first on."""
        by_number = {found.number: found for found in self.rounds}
        way = [self.best]
        while way[-1]:
            way.append(by_number[way[-1]].base)
        return way[::-1]


AXES: dict[str, Callable[[RoundsReport, Round], float | None]] = {
    "parameters": lambda report, found: found.params,
    "multiplications": lambda report, found: found.multiplications,
    "milliseconds of a call": lambda report, found: _scaled(report.latencies.get(found.number)),
}
"""What a picture shows accuracy against."""


def _scaled(seconds: float | None) -> float | None:
    return None if seconds is None else 1e3 * seconds


def rounds_report(
    name: str,
    method: str,
    objectives: Objectives,
    found: Outcome,
    on_step: Callable[[str], None],
) -> RoundsReport:
    """The report on `found`; compiles the model of every round and measures it."""
    wanted = {key: value for key, value in asdict(objectives).items() if value is not None}
    latencies = _latencies(found, objectives.target, on_step)
    return RoundsReport(name, method, wanted, found.ended, found.best.number, found.rounds, latencies)


def _latencies(found: Outcome, target: str, on_step: Callable[[str], None]) -> dict[int, float]:
    """Of the rounds that have a model; of one in which nothing left, those of the round it is the same as.
    None for a target that this machine does not run."""
    if obstacle(find_target(target)):
        return {}
    made: dict[int, float] = {}
    for one in found.rounds:
        if one.accuracy is None:
            continue
        if one.model not in made:
            on_step(f"measuring round {one.model}")
            made[one.model] = BUDGETS["max_latency"](found.model_of(one), target)
        made[one.number] = made[one.model]
    return made


def groups_left(rounds: Sequence[Round], best: int) -> list[tuple[str, int, int]]:
    """Group, its channels at first and in the best round."""
    first, last = rounds[0].alive, next(found for found in rounds if found.number == best).alive
    return [(name, len(channels), len(last[name])) for name, channels in first.items()]


def _html(report: RoundsReport) -> str:
    """Needs jinja2."""
    groups = groups_left(report.rounds, report.best)
    by_number = {found.number: found for found in report.rounds}
    template = environment().get_template("rounds.html.j2")
    return template.render(report=report, groups=groups, first=report.rounds[0], best=by_number[report.best])


def _json(report: RoundsReport) -> str:
    return json.dumps(report.as_json(), indent=1, allow_nan=False) + "\n"


FORMATS: dict[str, Callable[[RoundsReport], str]] = {".html": _html, ".json": _json}
"""Suffix of a file -> what makes its text; write.check_format knows the same."""


def rounds_text(report: RoundsReport, suffix: str) -> str:
    """The report in the format of a suffix."""
    return FORMATS[suffix](report)
