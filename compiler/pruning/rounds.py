"""Pruning in rounds: score, prune, train, evaluate, decide, until what was asked for is met.

    wanted = Objectives(max_loss=0.01)
    found = prune_in_rounds(model, "aap", wanted, data=arrays, evaluate=accuracy, train=tune)
    found.model, found.best, found.rounds

With `max_loss`, rounds go as far as accuracy allows; the controller of an adaptive method takes back what
went too far. Budgets alone are met from the right side: each round finds by bisection the level at which the
model just fits the part of the way that is its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..model import Model
from .attempts import Attempts, Callables, Outcome, Settings, Unreachable
from .controller import PATIENCE, Controller
from .driver import Pruned
from .guard import Evaluate, Train
from .methods import RATE
from .objectives import Objectives
from .record import Round
from .size import size_of

FINEST = 1 / 64
"""Of the first step: a controller whose steps are smaller is done."""

AIM = {"max_latency": 0.98}
"""What part of a budget rounds go for, where what is measured again is not the same."""

FREE = 8
"""Rounds in which nothing leaves are not trained, and do not count; at most so many for each that does."""


def prune_in_rounds(
    model: Model,
    method: str,
    objectives: Objectives,
    *,
    evaluate: Evaluate,
    train: Train | None = None,
    data: Mapping[str, Any] | None = None,
    early: Model | None = None,
    settings: Settings | None = None,
    folder: str | Path | None = None,
    on_round: Callable[[Round], None] | None = None,
    on_pruned: Callable[[Pruned], None] | None = None,
) -> Outcome:
    """`model` pruned by `method` until `objectives` are met. `data` is what activations are measured on, as
    in `prune`. `early` holds the same graph with weights from early in its training: then each round begins
    with those (weight rewinding), else with the last round's. `folder` gets every finished round, and a
    later call with the same arguments goes on from there. `on_pruned` sees what a round took before it is
    trained, `on_round` the finished round.

    Raises Unreachable where budgets cannot be met, TenonError where the model itself cannot be evaluated."""
    callables = Callables(evaluate, train, early, on_round, on_pruned)
    run = Attempts(model, method, objectives, callables, data, settings or Settings(), folder)
    ended = by_budget(run) if objectives.max_loss is None else by_accuracy(run, objectives.max_loss)
    return run.outcome(ended)


def by_accuracy(run: Attempts, max_loss: float) -> str:
    """Rounds until accuracy, or patience, is at its end; why."""
    controller = Controller(run.settings.first, max_loss)
    current = run.rounds[0]
    for found in run.rounds:
        current = _decided(run, controller, found, current)
    while not (reason := _ended(run, controller)):
        if run.method.adaptive:
            level, model = _bounded(run, current, controller.threshold, controller.largest)
        else:
            level, model = RATE, run.step(current).pruned(RATE, run.originals)
        found = run.tried(current, level, model)
        current = _decided(run, controller, found, current)
    return reason


def _bounded(run: Attempts, base: Round, threshold: float, largest: float) -> tuple[float, Pruned]:
    """`base` pruned at the threshold; where more than the largest part of its parameters would leave, at the
    first level at which that part does."""
    step, most = run.step(base), (1 - largest) * base.params
    found = step.pruned(threshold, run.originals)
    if found.after.params >= most:
        return threshold, found
    level, first = step.fitting(lambda model: size_of(model).params <= most, run.originals)
    return (level, first) if first is not None and level < threshold else (threshold, found)


def _decided(run: Attempts, controller: Controller, found: Round, current: Round) -> Round:
    """The round that the next one begins with."""
    back = controller.report(run.lost(found), found.level if run.method.adaptive else None)
    if not run.method.adaptive:
        return current if found.accuracy is None else found
    return found if back is None else run.rounds[back]


def _ended(run: Attempts, controller: Controller) -> str:
    """Why no round follows, nothing if one does."""
    rounds, last = run.rounds, run.rounds[-1]
    counted = sum(found.model == found.number for found in rounds[1:])
    recent = [found.accuracy for found in rounds[-PATIENCE:]]
    if last.kept and last.over and max(last.over.values()) <= 1:
        return "the budgets are met"
    if len(recent) == PATIENCE and all(accuracy is None for accuracy in recent):
        return f"{PATIENCE} rounds in a row failed, the last: {last.decision}"
    if not run.method.adaptive and not any(found.kept for found in rounds[-PATIENCE:]):
        return f"{PATIENCE} rounds in a row lost too much"
    if run.method.adaptive and controller.step < FINEST * run.settings.first:
        return "steps have become small"
    if counted >= run.settings.rounds or len(rounds) > FREE * run.settings.rounds:
        return f"{counted} rounds are done"
    return ""


def by_budget(run: Attempts) -> str:
    """As many rounds as there are settings for, each an equal factor nearer to the budgets; why it ended."""
    _check_reachable(run)
    over = run.rounds[0].over
    total = run.settings.rounds if run.callables.train is not None else 1
    while True:
        base = [found for found in run.rounds if found.accuracy is not None][-1]
        if max(base.over.values()) <= 1:
            return "the budgets are met"
        if len(run.rounds) > total + PATIENCE:
            return f"{len(run.rounds) - 1} rounds are done, the last: {run.rounds[-1].decision}"
        left = max(0.0, 1 - len(run.rounds) / total)
        goals = {name: AIM.get(name, 1.0) * max(1.0, part**left) for name, part in over.items()}
        level, found = run.step(base).fitting(
            lambda model, g=goals: _within(run, model, g), run.originals, "max_latency" in over
        )
        if found is None:
            return "no more channels can leave"
        run.tried(base, level, found)


def _within(run: Attempts, model: Model, goals: Mapping[str, float]) -> bool:
    return all(part <= goals[name] for name, part in run.objectives.over(model).items())


def _check_reachable(run: Attempts) -> None:
    step = run.step(run.rounds[0])
    least = run.objectives.over(step.smallest(run.originals).model)
    for name, part in least.items():
        limit = run.objectives.budgets()[name]
        if part > 1:
            raise Unreachable(
                f"{name} is {limit:g}, but a model with one channel in each of {len(step.alive)} groups, "
                f"the least that pruning can leave, has {part * limit:.4g}"
            )
