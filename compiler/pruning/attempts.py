"""One round after another: what all ways of pruning in rounds have in common."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ...dialects.errors import TenonError, UsageError
from ..model import Model
from ..qdq_form import as_qdq
from .data import Batches
from .driver import Pruned, pruned
from .guard import Evaluate, Failed, Train, evaluated, trained
from .masks_file import digest_of
from .methods import find_method
from .objectives import Objectives
from .options import PruneOptions
from .record import Records, Round, log_rounds
from .size import size_of
from .step import Alive, Step


class Unreachable(TenonError):
    """What was asked for cannot be met; says how close it came."""

    status = 3


@dataclass(frozen=True)
class Settings:
    """How rounds are made: at most `rounds` are trained, the first step of a threshold (in units of the
    median score), the seed of random scores, how sums are pruned (coupled or indexed), and seconds that a
    call of train or evaluate may take."""

    rounds: int = 12
    first: float = 0.25
    seed: int = 0
    residuals: str = "coupled"
    time_limit: float | None = None

    def __post_init__(self) -> None:
        if self.rounds < 1:
            raise UsageError(f"rounds is {self.rounds}, expected at least 1")
        if not 0 < self.first < math.inf:
            raise UsageError(f"first is {self.first}, expected a number above 0")
        if self.time_limit is not None and not 0 < self.time_limit < math.inf:
            raise UsageError(f"time_limit is {self.time_limit}, expected seconds above 0")


@dataclass
class Outcome:
    """The best round's model, what happened, why it ended, and what gives the model of a round that has an
    accuracy."""

    model: Model
    best: Round
    rounds: list[Round]
    ended: str
    model_of: Callable[[Round], Model]

    @property
    def removed(self) -> dict[str, list[int]]:
        """What left of the model as it was, by group."""
        return _gone(self.rounds[0], self.best.alive)


def _gone(first: Round, alive: Mapping[str, list[int]]) -> dict[str, list[int]]:
    gone = {name: sorted(set(every) - set(alive[name])) for name, every in first.alive.items()}
    return {name: channels for name, channels in gone.items() if channels}


@dataclass(frozen=True)
class Callables:
    """What the user brings; `early`, `on_round` and `on_pruned` as in `prune_in_rounds`."""

    evaluate: Evaluate
    train: Train | None = None
    early: Model | None = None
    on_round: Callable[[Round], None] | None = None
    on_pruned: Callable[[Pruned], None] | None = None


class Attempts:
    """The rounds of `model`, those of an earlier run in `folder` included."""

    def __init__(
        self,
        model: Model,
        method: str,
        objectives: Objectives,
        callables: Callables,
        data: Mapping[str, Any] | None,
        settings: Settings,
        folder: str | Path | None,
    ):
        self.method = objectives.suited(find_method(method))
        self.objectives, self.settings = objectives, settings
        self.callables = callables
        self.data = None if data is None else Batches(model.inputs, data)
        of = {
            "model": digest_of(model.module),
            "method": method,
            "objectives": asdict(objectives),
            "settings": asdict(replace(settings, rounds=1, time_limit=None)),
        }
        model = as_qdq(model)
        self.records = Records(None if folder is None else Path(folder), of, model)
        self._step: tuple[int, Step] | None = None
        if not self.rounds:
            self._begin(model)

    @property
    def rounds(self) -> list[Round]:
        return self.records.rounds

    def _begin(self, model: Model) -> None:
        start = time.perf_counter()
        try:
            accuracy = evaluated(self.callables.evaluate, model, self.settings.time_limit)
        except Failed as error:
            raise TenonError(f"the model as it is cannot be judged: {error}") from error
        step = self._scored(model, {}, None)
        self.records.unit, self._step = step.unit, (0, step)
        seconds = time.perf_counter() - start
        over, size = self.objectives.over(model), size_of(model)
        self._add(Round(0, 0, 0.0, *size, accuracy, True, "as it was", seconds, 0, over, step.alive), None)

    def _add(self, found: Round, model: Model | None) -> None:
        self.records.add(found, model)
        if self.callables.on_round is not None:
            self.callables.on_round(found)

    def step(self, base: Round) -> Step:
        """The scored model of a round; of the last one that was asked for it is remembered."""
        if self._step is None or self._step[0] != base.model:
            step = self._scored(self.records.model(base), base.alive, self.records.unit)
            self._step = (base.model, step)
        return self._step[1]

    def _scored(self, model: Model, alive: Alive, unit: float | None) -> Step:
        seed, residuals = self.settings.seed, self.settings.residuals
        return Step.of(self.method, model, self.data, alive, seed, unit, residuals, self.objectives.grain)

    @property
    def originals(self) -> dict[str, int]:
        return {name: len(channels) for name, channels in self.rounds[0].alive.items()}

    def lost(self, found: Round) -> float:
        first = self.rounds[0].accuracy
        assert first is not None
        return math.inf if found.accuracy is None else first - found.accuracy

    def tried(self, base: Round, level: float, found: Pruned) -> Round:
        """Trains and judges what was pruned; the new round."""
        start, number = time.perf_counter(), len(self.rounds)
        # A group that nothing reads any more is none of the step: what it had stays written down.
        alive, model = {**base.alive, **self.step(base).left(found)}, found.model
        new = Round(number, base.number, level, *found.after, None, False, "", 0.0, number, {}, alive)
        if found.after == found.before:
            over = self._measured_again(base)
            same = {"accuracy": base.accuracy, "kept": base.kept, "model": base.model, "over": over}
            self._add(replace(new, decision="nothing leaves", **same), None)
            return self.rounds[-1]
        if self.callables.on_pruned is not None:
            self.callables.on_pruned(found)
        try:
            model = trained(
                self.callables.train, self._rewound(model, alive), number, self.settings.time_limit
            )
            accuracy = evaluated(self.callables.evaluate, model, self.settings.time_limit)
        except Failed as error:
            seconds = time.perf_counter() - start
            self._add(replace(new, decision=str(error), seconds=seconds), None)
            return self.rounds[-1]
        over = self.objectives.over(model)
        new = replace(new, accuracy=accuracy, over=over, seconds=time.perf_counter() - start)
        limit = self.objectives.max_loss
        kept = limit is None or self.lost(new) <= limit
        decision = "kept" if kept else f"lost {self.lost(new):.4f}, more than {limit:g}"
        self._add(replace(new, kept=kept, decision=decision), model)
        return self.rounds[-1]

    def _measured_again(self, base: Round) -> Mapping[str, float]:
        """What is over where nothing is left to do: one measurement that was too high stays no verdict."""
        if max(base.over.values(), default=0) <= 1:
            return base.over
        again = self.objectives.over(self.records.model(base))
        return {name: min(part, again[name]) for name, part in base.over.items()}

    def _rewound(self, model: Model, alive: Mapping[str, list[int]]) -> Model:
        if self.callables.early is None:
            return model
        options = PruneOptions(residuals=self.settings.residuals)
        return pruned(self.callables.early, options, masks=_gone(self.rounds[0], alive)).model

    def outcome(self, ended: str) -> Outcome:
        """The smallest round that is what was asked for, or Unreachable with the closest."""
        kept = [found for found in self.rounds if found.kept and found.accuracy is not None]
        fitting = [found for found in kept if all(part <= 1 for part in found.over.values())]
        if not fitting:
            closest = min(kept, key=lambda found: max(found.over.values()))
            name, part = max(closest.over.items(), key=lambda item: item[1])
            limit = self.objectives.budgets()[name]
            raise Unreachable(
                f"{name} is {limit:g}: of {len(self.rounds) - 1} rounds the closest that lost little enough "
                f"is round {closest.number} with {part * limit:.4g}, accuracy {closest.accuracy:.4f}; {ended}"
            )
        best = min(fitting, key=lambda found: (found.params, found.number))
        model = self.records.model(best)
        log_rounds(model, self.rounds)
        return Outcome(model, best, list(self.rounds), ended, self.records.model)
