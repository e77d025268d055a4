"""Plans are valid on random and published instances; the validator finds every kind of fault."""

import csv
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenonc.passes.memory.allocate import (
    Buffer,
    Placed,
    allocate,
    arena_bytes,
    check_plan,
    max_live_bytes,
)

INSTANCES = Path(__file__).parents[4] / "shared" / "data" / "minimalloc"

buffers = st.lists(
    st.builds(
        lambda size, first, length: Buffer(64 * size, first, first + length),
        st.integers(0, 20),
        st.integers(0, 12),
        st.integers(0, 8),
    ),
    max_size=25,
)


@given(buffers)
def test_plans_are_valid_and_no_smaller_than_the_bound(given_: list[Buffer]):
    plan = allocate(given_)
    assert [placed.buffer for placed in plan] == given_
    assert check_plan(plan, arena_bytes(plan), alignment=64) == []
    assert max_live_bytes(given_) <= arena_bytes(plan) <= sum(b.size for b in given_)


@given(buffers, st.data())
def test_the_validator_agrees_with_a_map_of_every_byte_and_time(given_: list[Buffer], data: st.DataObject):
    plan = [Placed(b, 64 * data.draw(st.integers(0, 6))) for b in given_]
    taken: set[tuple[int, int]] = set()
    overlaps = False
    for (size, first, last), offset in plan:
        cells = {(c, t) for c in range(offset // 64, (offset + size) // 64) for t in range(first, last + 1)}
        overlaps |= bool(cells & taken)
        taken |= cells
    assert bool(check_plan(plan, 64 * 30)) == overlaps


def test_the_bound_counts_a_buffer_at_both_ends_of_its_life():
    assert max_live_bytes([Buffer(64, 0, 1), Buffer(128, 1, 2), Buffer(32, 3, 3)]) == 192


def test_a_chain_needs_two_buffers():
    chain = [Buffer(100, i, i + 1) for i in range(50)]
    assert arena_bytes(allocate(chain)) == 200


def test_a_gap_is_filled_by_the_buffer_it_fits():
    """Two long buffers leave a hole of 64 bytes when the one between them dies."""
    plan = allocate([Buffer(128, 0, 9), Buffer(64, 0, 4), Buffer(128, 0, 9), Buffer(64, 5, 9)])
    assert arena_bytes(plan) == 320
    assert plan[1].offset == plan[3].offset


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ([Placed(Buffer(64, 0, 1), -64)], "buffer 0 starts at -64, before the arena"),
        ([Placed(Buffer(64, 0, 1), 192)], "buffer 0 ends at 256, beyond the arena's 200 bytes"),
        ([Placed(Buffer(64, 0, 1), 8)], "buffer 0 starts at 8, not a multiple of 64"),
        ([Placed(Buffer(64, 2, 1), 0)], "buffer 0 has size 64 and live range 2..1"),
        (
            [Placed(Buffer(128, 0, 2), 0), Placed(Buffer(64, 2, 3), 64)],
            "buffers 0 and 1 share bytes 64..127 at times 2..2",
        ),
    ],
)
def test_the_validator_names_the_fault(plan: list[Placed], message: str):
    assert check_plan(plan, 200, alignment=64) == [message]


def test_the_validator_names_every_fault():
    plan = [Placed(Buffer(64, 0, 5), 0)] * 3
    assert len(check_plan(plan, 32)) == 6  # three beyond the arena, three pairs overlap


@pytest.mark.parametrize("name", "ABCDEFGHIJK")
def test_published_instances(name: str):
    path = INSTANCES / f"{name}.1048576.csv"
    if not path.exists():
        pytest.skip("the minimalloc instances are not beside this checkout")
    rows = list(csv.DictReader(path.open()))
    given_ = [Buffer(int(r["size"]), int(r["lower"]), int(r["upper"]) - 1) for r in rows]
    start = time.perf_counter()
    plan = allocate(given_)
    seconds = time.perf_counter() - start
    assert check_plan(plan, arena_bytes(plan)) == []
    # Every instance fits its capacity exactly; the heuristic is no solver, but must stay near.
    assert arena_bytes(plan) <= 1.42 * 1048576
    assert seconds < 1, f"{len(given_)} buffers took {seconds:.2f} s"
