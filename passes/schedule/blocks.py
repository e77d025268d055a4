"""How a loop is cut into blocks: the rule that schedules are written by and lowered by."""

from __future__ import annotations


def balanced(extent: int, tile: int) -> list[tuple[int, int]]:
    """(count, size) of the blocks of a loop: ceil(extent / tile) blocks, sizes differing by at most one.
    14 by 6 is [(2, 5), (1, 4)], rather than 6, 6, 2: the last tile would leave the machine idle."""
    count = -(-extent // min(tile, extent))
    small, larger = divmod(extent, count)
    return [(n, size) for n, size in ((larger, small + 1), (count - larger, small)) if n]


def peeled(extent: int, tile: int) -> list[tuple[int, int]]:
    """(count, size) of whole tiles and a last partial one: the rule for the lane loop, whose blocks must
    start at whole registers."""
    count, rest = divmod(extent, tile)
    return [(n, size) for n, size in ((count, tile), (1, rest)) if n and size]


def even_part(extent: int, most: int) -> int:
    """At most `most` iterations that divide a loop, if there are such and not much fewer."""
    even = max((size for size in range(1, min(most, extent) + 1) if extent % size == 0), default=1)
    return even if 2 * even > most or even == extent else max(1, most)
