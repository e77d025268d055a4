"""The register tile's estimate: what a chain of instructions needs besides its accumulators."""

from dataclasses import replace

import pytest

from tenonc.passes.schedule.band import Band, Operand
from tenonc.passes.schedule.register_tile import choose_plan, ranked_plans
from tenonc.passes.tensorize.target import TargetFacts
from tenonc.targets.attach_target import declared_instructions
from tenonc.targets.record import records

FACTS = TargetFacts(16, 32, 2, 32 << 10, 512 << 10)
BAND = Band(
    extents={"h": 14, "w": 14, "o": 256},
    lane_loop="o",
    lanes=8,
    operands=[Operand(frozenset({"h", "w", "k"}), 4), Operand(frozenset({"o", "k"}), 4)],
    reductions={"k": 512},
    widths={},
    latency=1,
    per_cycle=2,
    operations=1,
    scratch=0,
    finishing=0,
    blockable=False,
)


def accumulators(tile) -> int:
    return tile.get("h", 1) * tile.get("w", 1) * tile["o"] // BAND.lanes


def test_scratch_registers_leave_fewer_accumulators():
    """Of 16 registers: one for the rows' operand, one a column of accumulators for the panel, and scratch."""
    most: list[int] = []
    for scratch in (0, 1, 2):
        tiles = [plan.tile for plan in ranked_plans(replace(BAND, scratch=scratch), FACTS)]
        wide = [t for t in tiles if accumulators(t) > t["o"] // BAND.lanes > 1]
        most.append(max(accumulators(t) + t["o"] // BAND.lanes + 1 for t in wide))
        assert most[-1] <= 16 - scratch
    assert most[2] < most[0]


def test_more_operations_take_longer():
    one, two = (choose_plan(replace(BAND, operations=n), FACTS) for n in (1, 2))
    assert 1.1 * one.cycles < two.cycles < 2 * one.cycles
    assert accumulators(one.tile) >= 8 and accumulators(two.tile) >= 8


def test_beside_long_chains_fewer_loads_are_worth_a_smaller_tile():
    """One column of many rows loads more often than it multiplies, which as such takes no time."""
    slow = replace(BAND, per_cycle=1, scratch=2)
    loads: list[float] = []
    for operations in (2, 3):
        tile = choose_plan(replace(slow, operations=operations), FACTS).tile
        loads.append(sum(slow.loaded(slow.grid(tile))) / accumulators(tile))
    assert loads[1] < 0.8 < loads[0]


def test_what_finishes_the_results_needs_registers_too():
    plans = ranked_plans(replace(BAND, finishing=20), FACTS)
    assert max(accumulators(plan.tile) for plan in plans) == 12


@pytest.mark.parametrize(
    "target, name, operations, scratch",
    [
        ("x86-64-v3", "fma_8xf32", 1, 0),
        ("x86-64-v3", "maddwd_8xi32", 2, 1),
        ("x86-64-v3", "maddubs_8xi32", 3, 2),
        ("x86-64", "muladd_4xf32", 2, 1),
        ("cascadelake", "dpbusd_16xi32", 1, 0),
    ],
)
def test_what_an_instruction_declares(target, name, operations, scratch):
    (found,) = (i for i in declared_instructions(records()[target]) if i.sym_name.data == name)
    assert (found.operations, found.scratch) == (operations, scratch)


def test_rows_that_are_shuffled_into_all_lanes_ask_for_wider_tiles():
    """Without AVX a broadcast is an operation more: fewer rows, more columns."""
    chain = replace(BAND, operations=2, lanes=4, scratch=1)
    plain, shuffled = (choose_plan(chain, replace(FACTS, broadcast_operations=n)) for n in (0, 1))
    wide = [plan.tile["o"] / accumulators(plan.tile) for plan in (plain, shuffled)]
    assert wide[0] < wide[1]
    assert shuffled.cycles > plain.cycles
