"""A picture of points in a plane as numbers: where marks, lines and labels go. A template draws them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 460, 280
LEFT, RIGHT, TOP, BOTTOM = 58, 16, 14, 44
TICKS = 5
CLEAR = 13
"""Pixels between the middles of two labels."""


@dataclass(frozen=True)
class Mark:
    """What is shown: its number, its values, and the classes of its colour and its shape."""

    number: int
    x: float
    y: float
    style: str
    title: str


@dataclass(frozen=True)
class Dot:
    """A mark in pixels; `label` is where its number goes, None where there is no room."""

    mark: Mark
    x: float
    y: float
    label: tuple[float, float] | None


@dataclass(frozen=True)
class Scale:
    """From `low` to `high`, at pixels `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        part = (value - self.low) / (self.high - self.low)
        return round(self.start + part * (self.end - self.start), 1)

    def ticks(self) -> list[tuple[float, str]]:
        """Pixels and labels of about TICKS round numbers."""
        rough = (self.high - self.low) / TICKS
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(digit * power for digit in (1, 2, 5, 10) if digit * power >= rough)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [(self.at(n * step), shortened(n * step)) for n in range(first, last + 1)]


@dataclass(frozen=True)
class Scatter:
    """The picture: `line` joins the marks that it goes through, in order."""

    name: str
    x: Scale
    y: Scale
    dots: list[Dot]
    line: str
    size: tuple[int, int] = (WIDTH, HEIGHT)


def scatter(name: str, marks: Sequence[Mark], through: Sequence[int]) -> Scatter:
    """`marks` against x from 0; the line goes through the numbers `through`."""
    widest = max(mark.x for mark in marks) or 1.0
    low, high = min(mark.y for mark in marks), max(mark.y for mark in marks)
    room = max(0.08 * (high - low), 0.002)
    x = Scale(0, 1.04 * widest, LEFT, WIDTH - RIGHT)
    y = Scale(low - room, high + room, HEIGHT - BOTTOM, TOP)
    dots: list[Dot] = []
    for mark in sorted(marks, key=lambda mark: mark.number):
        at = (x.at(mark.x), y.at(mark.y))
        dots.append(Dot(mark, *at, _label(at, dots)))
    places = {dot.mark.number: f"{dot.x} {dot.y}" for dot in dots}
    return Scatter(name, x, y, dots, "L".join(places[number] for number in through if number in places))


def _label(at: tuple[float, float], placed: Sequence[Dot]) -> tuple[float, float] | None:
    """Above or below, where no other label is."""
    taken = [dot.label for dot in placed if dot.label]
    for below in (-10, 16):
        place = (at[0], at[1] + below)
        if all(math.dist(place, other) > CLEAR for other in taken):
            return place
    return None


def shortened(value: float) -> str:
    """20000 as 20k."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.4g}{letter}"
    return f"{value:.4g}"
