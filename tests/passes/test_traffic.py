"""Bytes moved into a cache, against a simulated cache; registers of a body, against the elements it reads."""

from collections import OrderedDict
from dataclasses import replace
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from tenonc.passes.schedule.band import Axis, Band, Operand
from tenonc.passes.schedule.blocking import Blocking, blockings, nest_of
from tenonc.passes.schedule.body import bodies
from tenonc.passes.schedule.traffic import contiguous_bytes, crowded, traffic

BAND = Band(
    extents={"m": 24, "n": 32},
    lane_loop="n",
    lanes=8,
    operands=[Operand(frozenset("mk"), 4), Operand(frozenset("nk"), 4)],
    reductions={"k": 40},
    widths={},
    latency=4,
    per_cycle=2,
    operations=1,
    scratch=0,
    finishing=0,
    blockable=True,
)


def simulated(band: Band, nest, elements: int) -> int:
    """Elements that a fully associative LRU cache of `elements` misses, the nest run element by element."""
    kept: OrderedDict[tuple, None] = OrderedDict()
    misses = 0
    extents = {**band.extents, **band.reductions}

    def run(levels, start, size):
        nonlocal misses
        if not levels:
            for at in product(*(range(start[n], start[n] + size[n]) for n in extents)):
                point = dict(zip(extents, at))
                for i, operand in enumerate(band.operands):
                    key = (i, *(point[n] for n in sorted(operand.loops)))
                    misses += key not in kept
                    kept[key] = None
                    kept.move_to_end(key)
                    if len(kept) > elements:
                        kept.popitem(last=False)
            return
        (loop, block), *inner = levels
        for offset in range(0, size[loop], block):
            run(inner, {**start, loop: start[loop] + offset}, {**size, loop: min(block, size[loop] - offset)})

    run(list(nest), dict.fromkeys(extents, 0), dict(extents))
    return misses


@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from([{"m": 6, "n": 8}, {"m": 4, "n": 16}, {"m": 1, "n": 8}]),
    st.sampled_from([Blocking(40), Blocking(10), Blocking(40, {"m": 12}), Blocking(20, {"m": 12})]),
    st.sampled_from([200, 400, 700, 1200, 4000]),
)
def test_moved_bytes_are_those_of_a_simulated_cache(tile, blocking, elements):
    nest = nest_of(BAND, tile, blocking)
    counted = sum(traffic(BAND, nest, BAND.operands, elements * 4)) // 4
    missed = simulated(BAND, nest, elements)
    least = sum(24 * 40 if "m" in x.loops else 32 * 40 for x in BAND.operands)
    assert least <= missed and least <= counted
    assert missed <= 1.2 * counted  # what fits by the count stays in the cache
    if counted > least:
        assert counted <= 2.5 * missed


def test_blocks_are_offered_for_what_does_not_fit():
    from tenonc.passes.tensorize.target import TargetFacts

    facts = TargetFacts(16, 32, 2, 1 << 10, 4 << 10)
    found = list(blockings(BAND, {"m": 6, "n": 16}, facts))
    assert found[0] == Blocking(40)
    assert {b.steps for b in found} > {40} and any(b.rows for b in found)
    assert {b.steps for b in blockings(replace(BAND, blockable=False), {"m": 6, "n": 16}, facts)} == {40}


ROWS = Operand(
    frozenset("hwcrs"),
    4,
    (Axis((("h", 1), ("r", 1)), 4096), Axis((("w", 1), ("s", 1)), 128), Axis((("c", 1),), 4)),
)


@settings(max_examples=60, deadline=None)
@given(*(st.integers(1, 5) for _ in range(4)), st.integers(1, 3), st.integers(1, 3))
def test_elements_of_windows_are_counted_once(rows, columns, taps, across, step, apart):
    axes = (Axis((("h", step), ("r", apart)), 4096), Axis((("w", 1), ("s", 1)), 128))
    operand = Operand(frozenset("hwrs"), 4, axes)
    counts = {"h": rows, "w": columns, "r": taps, "s": across}
    read = {
        (h * step + r * apart, w + s)
        for h, w, r, s in product(range(rows), range(columns), range(taps), range(across))
    }
    counted = operand.elements(counts, {})
    assert len(read) <= counted <= rows * columns * taps * across
    if step == apart == 1:
        assert counted == len(read)


def test_rows_that_share_sets_crowd_the_cache():
    assert crowded(ROWS, {"h": 7, "r": 3, "c": 8}, 32 << 10)
    assert not crowded(ROWS, {"w": 7, "s": 3, "c": 8}, 32 << 10)
    padded = replace(ROWS, axes=(replace(ROWS.axes[0], pitch=4160), *ROWS.axes[1:]))
    assert not crowded(padded, {"h": 7, "r": 3, "c": 8}, 32 << 10)


def test_runs_go_on_where_rows_are_whole():
    assert contiguous_bytes(ROWS, {"w": 3, "c": 32}) == 3 * 128
    assert contiguous_bytes(ROWS, {"w": 3, "c": 8}) == 32


def test_a_window_stands_in_a_body_that_the_registers_hold():
    band = replace(
        BAND,
        extents={"h": 14, "w": 14, "c": 32},
        lane_loop="c",
        operands=[ROWS, Operand(frozenset("crs"), 4)],
        reductions={"r": 3, "s": 3},
    )
    plain, window = bodies(band, {"w": 6, "c": 8}, 16)
    assert (plain.steps, plain.loaded) == ({}, [6, 1])
    assert (window.steps, window.loaded) == ({"s": 3}, [8, 3])
    assert len(list(bodies(band, {"w": 12, "c": 8}, 16))) == 1
    assert len(list(bodies(band, {"w": 12, "c": 8}, 32))) == 2
    assert len(list(bodies(band, {"h": 6, "c": 8}, 32))) == 1  # r is not the innermost reduction
