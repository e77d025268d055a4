"""What pruning is asked for: accuracy that may be lost, and budgets, measured on the model."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

import numpy as np

from ...dialects.errors import UsageError
from ...targets.record import find_target
from ..executable import Executable, compile
from ..model import Model
from .methods import Method
from .size import size_of

STRETCHES, SECONDS = 40, 0.2
"""A latency is the least mean of so many stretches of calls, together that long: what else the machine does
makes a call slower, never faster."""

TOGETHER, APART = 5, 0.2
"""So many stretches follow one another, then come so many seconds of nothing: a neighbour on the same core or
in its caches slows things by a fifth or a half, a second at a time, and that loop does not always show it."""

SLOWED, WAITING = 1.5, 5.0
"""A stretch counts where a loop before and after it takes less than this many times the least it ever took.
So many seconds are waited for such stretches."""


WORK = {"max_flops", "max_latency"}
"""Budgets that multiplications, not parameters, count for."""


@dataclass(frozen=True)
class Objectives:
    """`max_loss`: of accuracy, 0.01 is a point; the others are budgets. `max_bytes` is the size of the
    compiled object, `max_latency` seconds of a call of the compiled model, on `target` with one thread."""

    max_loss: float | None = None
    max_params: int | None = None
    max_flops: int | None = None
    max_bytes: int | None = None
    max_latency: float | None = None
    target: str = "host"

    def __post_init__(self) -> None:
        given = {
            name: value for name, value in asdict(self).items() if name != "target" and value is not None
        }
        if not given:
            raise UsageError(f"nothing is asked for, expected one of {', '.join(BUDGETS)}, max_loss")
        for name, value in given.items():
            if not 0 <= value < math.inf or (value == 0 and name != "max_loss"):
                raise UsageError(f"{name} is {value}, expected a number above 0")
        if self.max_loss is not None and self.max_loss >= 1:
            raise UsageError(f"max_loss is {self.max_loss}, expected a part of 1, such as 0.01")

    def budgets(self) -> dict[str, float]:
        """The budgets that are given."""
        return {name: getattr(self, name) for name in BUDGETS if getattr(self, name) is not None}

    def suited(self, method: Method) -> Method:
        """A method that weighs layers does it by what is to become less."""
        budgets = set(self.budgets())
        return replace(method, share="flops") if budgets and budgets <= WORK else method

    @property
    def grain(self) -> int:
        """Of how many channels multiples should stay: where time counts, those that one register holds."""
        return 1 if self.max_latency is None else find_target(self.target).vector_bytes // 4

    def over(self, model: Model) -> dict[str, float]:
        """Of each budget, how much `model` takes of it: above 1 is too much."""
        return {name: BUDGETS[name](model, self.target) / limit for name, limit in self.budgets().items()}


def latency(exe: Executable) -> float:
    """Seconds of a call on zeros, undisturbed."""
    inputs = [np.zeros(port.shape, port.dtype) for port in exe.inputs]
    exe(*inputs)
    start = time.perf_counter()
    exe(*inputs)
    calls = max(1, math.ceil(SECONDS / STRETCHES / max(1e-7, time.perf_counter() - start)))
    pace, found = Pace(), []
    while True:
        for _ in range(TOGETHER):
            before, begin = pace.measured(), time.perf_counter()
            for _ in range(calls):
                exe(*inputs)
            seconds = (time.perf_counter() - begin) / calls
            found.append((max(before, pace.measured()), seconds))
        free = [seconds for slowed, seconds in found if slowed <= SLOWED * pace.least]
        if len(free) >= STRETCHES or time.perf_counter() > start + WAITING:
            return min(free or [seconds for _, seconds in found])
        time.sleep(APART)


class Pace:
    """How fast the machine is at the moment: the seconds of a short loop, and the least they ever were."""

    least = math.inf

    def measured(self) -> float:
        start = time.perf_counter()
        for _ in range(2000):
            pass
        seconds = time.perf_counter() - start
        Pace.least = min(Pace.least, seconds)
        return seconds


def _compiled(model: Model, target: str) -> Executable:
    return compile(model, target, cache=False)


BUDGETS: dict[str, Callable[[Model, str], float]] = {
    "max_params": lambda model, _: size_of(model).params,
    "max_flops": lambda model, _: size_of(model).multiplications,
    "max_bytes": lambda model, target: len(_compiled(model, target).emit("obj")),
    "max_latency": lambda model, target: latency(_compiled(model, target)),
}
"""Budget -> what is measured of a model."""
