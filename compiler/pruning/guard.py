"""The user's own training and evaluation, which may raise, hang, or return nonsense."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from typing import Any

from ...dialects.errors import TenonError
from ..model import Model
from .size import size_of

Train = Callable[[Model, int], Model]
"""(a smaller model, the number of its round) -> the same graph, trained."""

Evaluate = Callable[[Model], float]
"""A model's accuracy, from 0 to 1, on data that is not the test set."""


SIZES = ("parameters", "multiplications")

GRACE = 1.0
"""Seconds that a call which took too long has to come to its end."""


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
    for name, got, given in zip(SIZES, size_of(found), size_of(model), strict=True):
        if got != given:
            raise Failed(
                f"train returned a model of {got:,} {name}, expected the {given:,} that it was given"
            )
    return found


def evaluated(evaluate: Evaluate, model: Model, seconds: float | None) -> float:
    """A model's accuracy. Raises Failed."""
    found = _within(lambda: evaluate(model), "evaluate", seconds)
    try:
        number = float(found)
    except Exception:  # what is no number may raise anything: it is the user's
        raise Failed(f"evaluate returned {type(found).__name__}, expected a number") from None
    if not 0 <= number <= 1:
        raise Failed(f"evaluate returned {number}, expected a number from 0 to 1")
    return number


def _within(call: Callable[[], Any], what: str, seconds: float | None) -> Any:
    """The result of a call; of one that takes too long nothing is heard any more."""
    guarded = _Call(call)
    if seconds is None:
        guarded.run()
    else:
        thread = threading.Thread(target=guarded.run, name=f"prune-{what}", daemon=True)
        thread.start()
        thread.join(seconds)
        if thread.is_alive():
            _stop(thread)
            raise Failed(f"{what} took more than {seconds:g} s")
    error = guarded.error
    if isinstance(error, KeyboardInterrupt):
        raise error
    if error is not None:
        lines = str(error).splitlines() or [""]
        text = lines[0] if isinstance(error, TenonError) else f"{type(error).__name__}: {lines[0]}"
        raise Failed(f"{what} failed: {text.removesuffix(': ')}") from error
    return guarded.result


class _Call:
    """A call that keeps its own result or error."""

    def __init__(self, call: Callable[[], Any]):
        self.call = call
        self.result: Any = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.result = self.call()
        except BaseException as error:  # whatever it is, it is the callable's
            self.error = error


class TimeLimit(BaseException):
    """Raised inside a call that took too long; no Exception, so that `except Exception` lets it through."""


def _stop(thread: threading.Thread) -> None:
    """Ends a thread at its next Python instruction. One that stays in C code, or catches everything, runs on
    beside the next rounds: Python has no way to end it. It holds a model of its own, its result goes nowhere,
    and as a daemon it does not keep the process from ending."""
    set_exception = ctypes.pythonapi.PyThreadState_SetAsyncExc
    set_exception(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(TimeLimit))
    thread.join(GRACE)
