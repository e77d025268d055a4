"""Loops in a control flow graph of numbered blocks, found by dominators."""

from __future__ import annotations

from collections.abc import Sequence


def natural_loops(successors: Sequence[Sequence[int]]) -> dict[int, frozenset[int]]:
    """Header -> the blocks of its loop, in a graph that starts at block 0. An edge to a block that dominates
    its source closes a loop; loops that share a header are one. Unreachable blocks are in none."""
    predecessors: list[list[int]] = [[] for _ in successors]
    for source, targets in enumerate(successors):
        for target in targets:
            predecessors[target].append(source)
    dominators = _dominators(successors, predecessors)
    loops: dict[int, set[int]] = {}
    for source, targets in enumerate(successors):
        for header in targets:
            if dominators[source] >> header & 1:
                _add_body(loops.setdefault(header, {header}), source, predecessors)
    return {header: frozenset(body) for header, body in loops.items()}


def _dominators(successors: Sequence[Sequence[int]], predecessors: Sequence[Sequence[int]]) -> list[int]:
    """The dominators of each block as bits; none for a block that cannot be reached."""
    order = _reverse_postorder(successors)
    everything = (1 << len(successors)) - 1
    bits = [0] * len(successors)
    for block in order:
        bits[block] = everything
    if order:
        bits[0] = 1
    changed = True
    while changed:
        changed = False
        for block in order[1:]:
            common = everything
            for source in predecessors[block]:
                common &= bits[source] or everything
            found = common | 1 << block
            changed, bits[block] = changed or found != bits[block], found
    return bits


def _reverse_postorder(successors: Sequence[Sequence[int]]) -> list[int]:
    seen, done = {0}, []
    pending = [(0, iter(successors[0]))] if successors else []
    while pending:
        block, rest = pending[-1]
        following = next((target for target in rest if target not in seen), None)
        if following is None:
            done.append(block)
            pending.pop()
        else:
            seen.add(following)
            pending.append((following, iter(successors[following])))
    return done[::-1]


def _add_body(body: set[int], source: int, predecessors: Sequence[Sequence[int]]) -> None:
    """Everything that reaches `source` without passing the header, which is in `body` already."""
    pending = [source]
    while pending:
        block = pending.pop()
        if block not in body:
            body.add(block)
            pending += predecessors[block]
