"""Which channels leave."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenonc.passes.pruning.balance import Candidate, evened, families, lowest, rounded_kept, threshold_for


def test_lowest_first_of_equal_ones():
    assert lowest(np.array([3.0, 1.0, 1.0, 0.0]), 2).tolist() == [1, 3]


@given(st.integers(1, 64), st.integers(1, 64), st.integers(1, 16))
def test_rounded_kept(kept: int, extent: int, multiple: int):
    kept = min(kept, extent)
    found = rounded_kept(kept, extent, multiple)
    assert 1 <= found <= extent and (found % multiple == 0 or found == extent)
    if multiple <= kept <= extent - multiple:
        assert abs(found - kept) <= multiple / 2


def test_threshold_takes_its_part_of_all():
    assert threshold_for([np.array([1.0, 2.0]), np.array([3.0, 0.5])], 0.5) == 1.0
    assert threshold_for([np.array([1.0])], 0.0) == -np.inf


@given(st.integers(2, 4), st.integers(2, 9), st.floats(0, 0.95), st.integers(0, 1000))
def test_parts_stay_even(parts: int, size: int, ratio: float, seed: int):
    """Of one division nothing is lost to evenness but what does not divide."""
    rng = np.random.default_rng(seed)
    scores = rng.random(parts * size)
    division = np.repeat(np.arange(parts), size)
    count = int(ratio * parts * size)
    gone = evened({"g": Candidate(scores, {"c": division})}, {"g": count})["g"]
    lost = np.bincount(division[gone], minlength=parts)
    assert (lost == lost[0]).all() and count - parts < len(gone) <= count
    for part in range(parts):  # the lowest of each part
        mine = np.flatnonzero(division == part)
        assert set(gone[np.isin(gone, mine)]) == set(mine[np.argsort(scores[mine], kind="stable")[: lost[0]]])


@pytest.mark.parametrize("channels, groups", [(136, 4), (112, 4), (48, 3)])
def test_a_shuffle_between_two_divisions(channels: int, groups: int):
    """What a convolution makes group by group, the next one reads shuffled: both stay even, and about the
    part that was asked for leaves."""
    made = np.repeat(np.arange(groups), channels // groups)
    position = np.arange(channels).reshape(groups, -1).T.reshape(-1)
    read = np.empty(channels, int)
    read[position] = np.repeat(np.arange(groups), channels // groups)
    scores = np.random.default_rng(0).random(channels)
    group = Candidate(scores, {"a": made, "b": read})
    gone = evened({"g": group}, {"g": int(0.3 * channels)})["g"]
    for division in (made, read):
        lost = np.bincount(division[gone], minlength=groups)
        assert (lost == lost[0]).all()
    assert 0.25 <= len(gone) / channels <= 0.3


def test_families_share_parts():
    one = Candidate(np.zeros(2), {"a": np.zeros(2, int)})
    two = Candidate(np.zeros(2), {"a": np.ones(2, int), "b": np.zeros(2, int)})
    alone = Candidate(np.zeros(2), {})
    assert sorted(map(sorted, families({"x": one, "y": alone, "z": two}))) == [["x", "z"], ["y"]]
