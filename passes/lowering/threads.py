"""The parts of a kernel that threads take: one scf.parallel over them.

Parts are blocks of parallel loops. Blocks of one size are one copy of the code, their place computed from the
part's number; other sizes are copies of their own, in the branches of an scf.if on the number.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from xdsl.ir import SSAValue

from ...dialects.tensorized import KernelOp, LevelAttr
from ..schedule.blocks import balanced, peeled
from .emitter import LoopEmitter
from .tile import Position

Group = tuple[int, int]
"""(count, size) of blocks that follow one another."""


@dataclass(frozen=True)
class Part:
    """Which part the code under construction is: the index of each loop over parts, and of how many."""

    indices: Sequence[SSAValue] = ()
    counts: Sequence[int] = ()


WHOLE = Part()


def split_threads(kernel: KernelOp) -> tuple[LevelAttr | None, list[LevelAttr]]:
    """The schedule's level of threads, and the levels that each part runs."""
    levels = list(kernel.schedule or ())
    threads = levels.pop(0) if levels and levels[0].is_threads else None
    return threads, levels


def run_parts(
    emitter: LoopEmitter,
    level: LevelAttr | None,
    loops: Mapping[str, int],
    aligned: Collection[str],
    body: Callable[[Position], None],
    beside: Callable[[Part], None],
) -> None:
    """What `body` emits for each part of a nest over `loops`, as the level of threads cuts them; without
    one, or where there is one part only, for all of it. Parts of `aligned` loops start at whole tiles.
    `beside` is emitted once in the code that all parts run."""
    cuts: dict[str, list[Group]] = {}
    for loop, size in level.tiles.items() if level is not None else ():
        if loop in loops:
            cut = peeled if loop in aligned else balanced
            groups = cut(loops[loop], size)
            if sum(count for count, _ in groups) > 1:
                cuts[loop] = groups
    if not cuts:
        beside(WHOLE)
        body(Position.of(loops))
        return
    counts = {loop: sum(count for count, _ in groups) for loop, groups in cuts.items()}

    def part(indices: Sequence[SSAValue]) -> None:
        beside(Part(indices, list(counts.values())))
        _descend(emitter, list(zip(cuts, indices, cuts.values())), Position.of(loops), body)

    emitter.parallel(counts, part)


def _descend(
    emitter: LoopEmitter,
    cuts: Sequence[tuple[str, SSAValue, list[Group]]],
    position: Position,
    body: Callable[[Position], None],
) -> None:
    if not cuts:
        body(position)
        return
    (loop, index, groups), rest = cuts[0], cuts[1:]

    def block(first: int, offset: int, count: int, size: int) -> None:
        if count == 1:
            inside = position.block(loop, offset, size)
        else:  # the index counts from the first of all blocks
            inside = position.iterate(loop, index, first + count, offset - first * size, size)
        _descend(emitter, rest, inside, body)

    by_group(emitter, index, groups, block)


def by_group(
    emitter: LoopEmitter,
    index: SSAValue,
    groups: Sequence[Group],
    body: Callable[[int, int, int, int], None],
    first: int = 0,
    offset: int = 0,
) -> None:
    """Code for each group, run where the block number `index` is in it. `body` gets the number and the
    offset of the group's first block, and the group. Blocks of size 0 run nothing."""
    (count, size), rest = groups[0], groups[1:]
    if not any(size for _, size in rest):
        if rest:
            emitter.branch(index, first + count, lambda: body(first, offset, count, size))
        else:
            body(first, offset, count, size)
        return
    emitter.branch(
        index,
        first + count,
        lambda: body(first, offset, count, size),
        lambda: by_group(emitter, index, rest, body, first + count, offset + count * size),
    )
