"""The command line's `name=value` options as dictionaries."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
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
