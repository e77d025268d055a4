"""The pictures of a report as numbers: where marks, lines and labels go. The template draws them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from .data import KernelReport, Measured, MeasuredMachine, Report

WIDTH, HEIGHT = 1040, 460
LEFT, RIGHT, TOP, BOTTOM = 70, 24, 30, 54

GRADES = ((0.9, "g3"), (0.75, "g2"), (0.6, "g1"), (0.0, "g0"))
"""From which part of its roofline on a kernel has a colour, by the name of its class."""


def grade(measured: Measured | None) -> str:
    """The colour class of a kernel or call."""
    if measured is None or measured.roofline <= 0:
        return "gx"
    return next(name for least, name in GRADES if measured.roofline >= least)


@dataclass(frozen=True)
class Axis:
    """A logarithmic axis from `low` to `high`, from pixel `start` to pixel `end`."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        part = math.log(value / self.low) / math.log(self.high / self.low)
        return round(self.start + part * (self.end - self.start), 1)

    def ticks(self) -> list[tuple[float, str, bool]]:
        """Pixel, label and whether it is a power of ten; unlabelled where labels would be too close."""
        decades = math.log10(self.high / self.low)
        labelled = (1, 2, 5) if decades < 2.5 else (1,)
        found: list[tuple[float, str, bool]] = []
        for power in range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1):
            for digit in range(1, 10):
                value = digit * 10.0**power
                if self.low <= value <= self.high:
                    text = f"{value:,.10g}" if digit in labelled else ""
                    found.append((self.at(value), text, digit == 1))
        return found


@dataclass(frozen=True)
class Dot:
    """A kernel in the roofline; `label` is where its number goes, None where there is no room."""

    number: int
    kernel: KernelReport
    x: float
    y: float
    radius: float
    grade: str
    label: tuple[float, float] | None

    @property
    def inside(self) -> bool:
        """Whether the number stands on the dot itself."""
        return self.label == (self.x, self.y)


@dataclass(frozen=True)
class Roof:
    """The bound of one level of memory: a line up to the arithmetic peak, and its label."""

    name: str
    gbytes: float
    line: tuple[float, float, float, float]
    label: tuple[float, float, float]


@dataclass(frozen=True)
class Roofline:
    """Operations per byte from left to right, 1e9 operations per second upwards."""

    x: Axis
    y: Axis
    roofs: list[Roof]
    peak: tuple[float, float, float]
    dots: list[Dot]
    missing: int = 0
    size: tuple[int, int] = (WIDTH, HEIGHT)


def roofline(report: Report) -> Roofline | None:
    """The picture; None where nothing was measured, or no kernel computes."""
    machine = report.machine
    numbered = [(n, k) for n, k in enumerate(report.kernels, 1) if k.operations and k.bytes and k.measured]
    if machine is None or not numbered:
        return None
    points = [(n, k, k.operations / k.bytes, _gflops(k)) for n, k in numbered]
    ridges = [machine.gflops / level.gbytes for level in machine.levels]
    x = Axis(
        min([p[2] for p in points] + ridges) / 1.8,
        max([p[2] for p in points] + ridges) * 1.8,
        LEFT,
        WIDTH - RIGHT,
    )
    least = min(min(p[3] for p in points) / 1.8, machine.gflops / 25)
    y = Axis(least, max(machine.gflops, *(p[3] for p in points)) * 1.5, HEIGHT - BOTTOM, TOP)
    fastest = max(level.gbytes for level in machine.levels)
    peak = (x.at(max(x.low, machine.gflops / fastest)), x.at(x.high), y.at(machine.gflops))
    return Roofline(x, y, _roofs(machine, x, y), peak, _dots(points, x, y), len(report.kernels) - len(points))


def _gflops(kernel: KernelReport) -> float:
    assert kernel.measured is not None
    return max(kernel.operations / kernel.measured.ms / 1e6, 1e-6) if kernel.measured.ms else 1e-6


def _roofs(machine: MeasuredMachine, x: Axis, y: Axis) -> list[Roof]:
    made: list[Roof] = []
    for level in machine.levels:
        first = max(x.low, y.low / level.gbytes)
        last = machine.gflops / level.gbytes
        line = (x.at(first), y.at(first * level.gbytes), x.at(last), y.at(machine.gflops))
        angle = math.degrees(math.atan2(line[3] - line[1], line[2] - line[0]))
        along = 14 / max(1.0, math.hypot(line[2] - line[0], line[3] - line[1]))
        at = (line[0] + along * (line[2] - line[0]), line[1] + along * (line[3] - line[1]))
        made.append(Roof(level.name, level.gbytes, line, (round(at[0], 1), round(at[1], 1), round(angle, 1))))
    return made


def _dots(points: Sequence[tuple[int, KernelReport, float, float]], x: Axis, y: Axis) -> list[Dot]:
    """The large ones first, so that no small one is hidden."""
    made: list[Dot] = []
    for number, kernel, intensity, gflops in sorted(points, key=lambda p: -_share(p[1])):
        radius = round(4 + 24 * math.sqrt(_share(kernel)), 1)
        made.append(Dot(number, kernel, x.at(intensity), y.at(gflops), radius, grade(kernel.measured), None))
    placed: list[Dot] = []
    for dot in made:
        placed.append(replace(dot, label=_label(dot, made, placed)))
    return placed


_CLEAR = 16
"""Pixels between the middles of two numbers."""


def _label(dot: Dot, dots: Sequence[Dot], placed: Sequence[Dot]) -> tuple[float, float] | None:
    """On the dot, or else beside it where no dot and no other number is; small dots go without."""
    if dot.radius < 9:
        return None
    away = dot.radius + 9
    beside = [(round(dot.x + away * dx, 1), round(dot.y + away * dy, 1)) for dx, dy in _BESIDE]
    later = dots[dots.index(dot) + 1 :]
    places = [at for at in ((dot.x, dot.y),) if not _hidden(at, later, 5)]
    places += [at for at in beside if not _hidden(at, dots, 8)]
    taken = [other.label for other in placed if other.label]
    return next((at for at in places if all(math.dist(at, other) > _CLEAR for other in taken)), None)


_BESIDE = ((0, 1), (-1, 0), (1, 0), (-0.7, 0.7), (0.7, 0.7))
"""Where a number may stand around its dot; never above, where the peak is."""


def _hidden(at: tuple[float, float], dots: Sequence[Dot], margin: float) -> bool:
    """Whether a dot comes near a point."""
    return any(math.dist(at, (dot.x, dot.y)) < dot.radius + margin for dot in dots)


def _share(kernel: KernelReport) -> float:
    return kernel.measured.share if kernel.measured else 0.0


@dataclass(frozen=True)
class Segment:
    """A call in the timeline: `width` in percent of the row; its kernel's number, shown where it fits."""

    number: int
    nodes: list[str]
    kernel: str
    measured: Measured
    width: float
    grade: str
    labelled: bool


@dataclass
class Row:
    """Calls one after another from `start` (ms) on."""

    start: float
    segments: list[Segment] = field(default_factory=list)


CALLS_PER_ROW = 36


def timeline(report: Report) -> list[Row]:
    """All calls in the order they run, in rows of about the same time, drawn to one scale."""
    calls = [(call, call.measured) for call in report.calls if call.measured and call.measured.ms > 0]
    numbers = {kernel.name: number for number, kernel in enumerate(report.kernels, 1)}
    total = sum(measured.ms for _, measured in calls)
    wanted = max(1, min(6, math.ceil(len(calls) / CALLS_PER_ROW)))
    cut: list[list] = [[] for _ in range(wanted)]
    spent = 0.0
    for call, measured in calls:
        middle = spent + measured.ms / 2
        cut[min(wanted - 1, int(middle / total * wanted))].append((call, measured, spent))
        spent += measured.ms
    cut = [row for row in cut if row]
    scale = max((sum(measured.ms for _, measured, _ in row) for row in cut), default=1.0)
    rows: list[Row] = []
    for row in cut:
        rows.append(Row(row[0][2]))
        for call, measured, _ in row:
            width = 100 * measured.ms / scale
            number = numbers[call.kernel]
            rows[-1].segments.append(
                Segment(
                    number, call.nodes, call.kernel, measured, round(width, 3), grade(measured), width > 1.9
                )
            )
    return rows
