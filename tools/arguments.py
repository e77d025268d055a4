"""The command line's `name=value` options as dictionaries."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from ..dialects.errors import UsageError

T = TypeVar("T")

MAX_SECONDS = 3600
"""Of one measurement."""


def named_values(option: str, items: Sequence[str], parse: Callable[[str], T], example: str) -> dict[str, T]:
    """`["a=1", "b=2"]` as a dict; raises `UsageError` with `example` for an item that does not parse."""
    result: dict[str, T] = {}
    for item in items:
        name, equals, text = item.rpartition("=")
        if not equals or not name or not text:
            raise UsageError(f"{option} '{item}' is not name=value, for example {option} {example}")
        if name in result:
            raise UsageError(f"{option} gives '{name}' twice")
        try:
            result[name] = parse(text)
        except ValueError:
            raise UsageError(
                f"{option} '{item}': '{text}' is wrong, for example {option} {example}"
            ) from None
    return result


def extent(text: str) -> int:
    """A dimension's extent: a decimal number."""
    if not text.isdecimal() or len(text) > 18:
        raise ValueError(text)
    return int(text)


def extents(text: str) -> list[int]:
    """A shape: extents with commas between them; `scalar` for none."""
    return [] if text == "scalar" else [extent(part) for part in text.split(",")]


def words(known: Sequence[str]) -> Callable[[str], list[str]]:
    """A parser of comma-separated words out of `known`."""

    def parse(text: str) -> list[str]:
        chosen = text.split(",")
        for word in chosen:
            if word not in known:
                raise UsageError(f"'{word}' is unknown, expected some of {','.join(known)}")
        return chosen

    return parse


def check_tolerance(value: float) -> None:
    """A deviation that is compared with: an infinite one would accept anything."""
    if not 0 <= value < math.inf:
        raise UsageError(f"--tolerance is {value}, expected a finite number from 0")


def check_count(option: str, value: int, least: int = 0) -> None:
    """A whole number of something."""
    if value < least:
        raise UsageError(f"{option} is {value}, expected at least {least}")


def check_seconds(value: float) -> None:
    """How long something is measured."""
    if not 0 < value < MAX_SECONDS:
        raise UsageError(f"--seconds is {value}, expected more than 0 and less than {MAX_SECONDS}")


def given(option: str, text: str, parse: Callable[[str], T]) -> T:
    """An option's value; raises `UsageError` where it does not parse."""
    try:
        return parse(text)
    except ValueError as error:
        raise UsageError(f"{option} is '{text}', expected {error}") from None


def fraction(text: str) -> float:
    """`1%` or `0.01`."""
    number = _number(text.removesuffix("%"), "a part such as 1% or 0.01")
    return number / 100 if text.endswith("%") else number


AMOUNTS = {"k": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}


def amount(text: str) -> int:
    """`5000`, `20k`, `1.5M`, `64Ki`: so many of something."""
    return round(_with_unit(text, AMOUNTS, "a number such as 5000, 20k, 1.5M or 64Ki"))


def duration(text: str) -> float:
    """`5ms`, `800us`, in seconds."""
    return _with_unit(text, SECONDS, "a time such as 5ms, 800us or 0.01")


def _with_unit(text: str, units: Mapping[str, float], expected: str) -> float:
    for unit in sorted(units, key=len, reverse=True):
        if text.endswith(unit):
            return _number(text.removesuffix(unit), expected) * units[unit]
    return _number(text, expected)


def _number(text: str, expected: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise ValueError(expected) from None
    if not math.isfinite(number):
        raise ValueError(expected)
    return number
