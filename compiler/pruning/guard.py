"""The user's own training and evaluation, which may raise, hang, or return nonsense."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any

from ...dialects.errors import TenonError
from ..model import Model

Train = Callable[[Model, int], Model]
"""(a smaller model, the number of its round) -> the same graph, trained."""

Evaluate = Callable[[Model], float]
"""A model's accuracy, from 0 to 1, on data that is not the test set."""


class Failed(Exception):
    """Why a round has no result."""


def trained(train: Train | None, model: Model, number: int, seconds: float | None) -> Model:
    """What `train` makes of a model. Raises Failed."""
    if train is None:
        return model
    found = _within(lambda: train(model, number), "train", seconds)
    if not isinstance(found, Model):
        raise Failed(f"train returned {type(found).__name__}, expected a Model")
    if [p.shape for p in found.outputs] != [p.shape for p in model.outputs]:
        raise Failed("train returned a model of other outputs")
    return found


def evaluated(evaluate: Evaluate, model: Model, seconds: float | None) -> float:
    """A model's accuracy. Raises Failed."""
    found = _within(lambda: evaluate(model), "evaluate", seconds)
    try:
        number = float(found)
    except (TypeError, ValueError):
        raise Failed(f"evaluate returned {type(found).__name__}, expected a number") from None
    if not math.isfinite(number):
        raise Failed(f"evaluate returned {number}, expected a number from 0 to 1")
    return number


def _within(call: Callable[[], Any], what: str, seconds: float | None) -> Any:
    """The result of a call. One that takes too long is left to itself: its thread ends with the process."""
    results: list[Any] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(call())
        except BaseException as error:  # whatever it is, it is the callable's
            errors.append(error)

    if seconds is None:
        run()
    else:
        thread = threading.Thread(target=run, name=f"prune-{what}", daemon=True)
        thread.start()
        thread.join(seconds)
        if thread.is_alive():
            raise Failed(f"{what} took more than {seconds:g} s")
    if errors and isinstance(errors[0], KeyboardInterrupt):
        raise errors[0]
    if errors:
        lines = str(errors[0]).splitlines() or [""]
        text = lines[0] if isinstance(errors[0], TenonError) else f"{type(errors[0]).__name__}: {lines[0]}"
        raise Failed(f"{what} failed: {text.removesuffix(': ')}") from errors[0]
    return results[0]
