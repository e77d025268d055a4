"""The command line's `name=value` options as dictionaries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from ..dialects.errors import UsageError

T = TypeVar("T")


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
