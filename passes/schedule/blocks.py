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


def in_rows(extent: int, tile: int, lanes: int) -> list[tuple[int, int]]:
    """The rule for the other loops of registers with `lanes` rows: what is left of whole tiles in whole
    registers, and the last of them by itself, since it stands over rows that are done already."""
    rest = extent % tile
    parts = [(extent // tile, tile), (1, rest // lanes * lanes), (1, rest % lanes)]
    return [(n, size) for n, size in parts if n and size]


def even_part(extent: int, most: int) -> int:
    """At most `most` iterations that divide a loop, if there are such and not much fewer."""
    even = max((size for size in range(1, min(most, extent) + 1) if extent % size == 0), default=1)
    return even if 2 * even > most or even == extent else max(1, most)


def whole_steps(extent: int, tile: int, width: int) -> list[int]:
    """Sizes of the blocks of a reduction: whole instructions of `width` steps, and last what is left."""
    steps = balanced(-(-extent // width), -(-tile // width))
    sizes = [block * width for count, block in steps for _ in range(count)]
    return [*sizes[:-1], extent - sum(sizes[:-1])]
