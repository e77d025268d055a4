"""What a pass promises about the values it rewrites, and whether two arrays keep the promise.

A pass states it in its class attribute `preserves`; a pass without one promises "exact":

| preserves | a value before and after the pass |
|---|---|
| `exact` | the same bits (any NaN equals any NaN) |
| `reassociates(b)` | differs by at most b times the largest magnitude of the value before |
| `steps(n)` | differs by at most n: integers by n, floats by n units in the last place |
| `quantized(n)` | integers differ by at most n, floats by at most n / 32 of the largest magnitude before |
| `nothing` | is not compared |

What is computed from an integer that differs by a step can differ by more than one: `quantized` holds for
each op by itself, and for a program as long as few of its values come to lie next to a half.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from ..dialects.errors import TenonError

_FORM = re.compile(r"(exact|nothing|reassociates|steps|quantized)(?:\(([-+.\deE]+)\))?")

_OF_MAGNITUDE = 1 / 32
"""What a step of a float that was quantized to 8 bits is taken for: values fill a quarter of the range."""


@dataclass(frozen=True)
class Deviation:
    """A value that left its promise: the worst `error` found and what was `allowed` there."""

    error: float
    allowed: float


@dataclass(frozen=True)
class Promise:
    """The deviation allowed: `bound` x max |before| + `steps` units, and `quantized` more of integers or in
    32nds of max |before|; `nothing` allows any."""

    bound: float = 0.0
    steps: float = 0.0
    nothing: bool = False
    quantized: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Promise:
        """The promise written as in the table above. Raises TenonError for any other text."""
        form = _FORM.fullmatch(text.strip())
        takes_number = form is not None and form[1] in ("reassociates", "steps", "quantized")
        if form is None or takes_number != (form[2] is not None):
            expected = "exact, reassociates(bound), steps(n), quantized(n) or nothing"
            raise TenonError(f"preserves is '{text}', expected {expected}")
        number = float(form[2] or 0)
        return cls(
            bound=number if form[1] == "reassociates" else 0.0,
            steps=number if form[1] == "steps" else 0.0,
            nothing=form[1] == "nothing",
            quantized=number if form[1] == "quantized" else 0.0,
        )

    def __add__(self, other: Promise) -> Promise:
        """What two passes in a row promise together."""
        nothing = self.nothing or other.nothing
        quantized = self.quantized + other.quantized
        return Promise(self.bound + other.bound, self.steps + other.steps, nothing, quantized)

    def broken_by(self, before: np.ndarray, after: np.ndarray) -> Deviation | None:
        """None if the promise holds between two arrays of one shape, else the worst element's deviation."""
        if self.nothing or before.tobytes() == after.tobytes():
            return None
        a, b = _wide(before), _wide(after)
        with np.errstate(invalid="ignore", over="ignore"):
            error = np.where(_same(before, after, a, b), 0, np.abs(a - b))
        error = np.where(np.isnan(error), np.inf, error)
        allowed = self._allowed(before, a)
        broken = error > allowed
        if self == Promise():  # the sign of a zero is a bit too, with no error to measure
            broken |= (error == 0) & (np.signbit(a) != np.signbit(b)) & ~np.isnan(a)
        if not broken.any():
            return None
        worst = np.argmax(np.where(broken, error - allowed, -np.inf))
        return Deviation(float(error.flat[worst]), float(allowed.flat[worst]))

    def _allowed(self, before: np.ndarray, wide: np.ndarray) -> np.ndarray:
        magnitude = np.where(np.isfinite(wide), np.abs(wide), 0)
        largest = magnitude.max(initial=0)
        integer = before.dtype.kind in "iub"
        step = np.ones_like(wide) if integer else _last_place(before, magnitude)
        quantized = self.quantized * (1 if integer else _OF_MAGNITUDE * largest)
        return self.bound * largest + self.steps * step + quantized


def _wide(array: np.ndarray) -> np.ndarray:
    # long double holds every int64 exactly on the platforms supported
    return array.astype(np.float64 if array.dtype.itemsize < 8 else np.longdouble)


def _same(before: np.ndarray, after: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    # A signless integer's interpretation may use either signedness: its bits decide.
    if before.dtype.kind in "iu" and after.dtype.kind in "iu" and before.itemsize == after.itemsize:
        return before == after.view(before.dtype)
    return (a == b) | (np.isnan(a) & np.isnan(b))


def _last_place(before: np.ndarray, magnitude: np.ndarray) -> np.ndarray:
    if before.dtype.kind == "f":
        return np.spacing(magnitude.astype(before.dtype)).astype(magnitude.dtype)
    import ml_dtypes  # bfloat16 and float8 arrays exist only where it is loaded already

    info = ml_dtypes.finfo(before.dtype)
    return float(info.eps) * np.maximum(magnitude, float(info.smallest_normal))
