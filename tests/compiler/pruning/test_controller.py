"""The controller of the papers: the sequence of a hand-made case, and the two faults it no longer has."""

import pytest

from tenonc.compiler.pruning.controller import Controller


def run(controller: Controller, lost, rounds: int) -> tuple[list[float], list[int | None]]:
    """The thresholds of `rounds` rounds and where each went back to; `lost` depends on the threshold."""
    levels, backs = [], []
    for _ in range(rounds):
        levels.append(controller.threshold)
        backs.append(controller.report(lost(controller.threshold)))
    return levels, backs


def test_the_sequence_of_the_paper():
    levels, backs = run(Controller(1.0, 0.0), lambda level: max(0, level - 3.3), 12)
    assert levels == [0, 1, 2, 3, 4, 3.5, 3.25, 3.5, 3.375, 3.3125, 3.25, 3.28125]
    assert backs == [None, None, None, None, 3, 3, None, 6, 6, 6, None, None]


def test_where_every_round_misses_it_goes_back_to_the_start():
    levels, backs = run(Controller(1.0, 0.01), lambda level: level, 12)
    assert levels[:9] == [0, 1, 0.5, 0.25, 0, 0.125, 0.0625, 0.03125, 0]
    assert set(backs[1:4]) == {0} and all(back is None or back >= 0 for back in backs)
    assert min(levels) == 0 and levels[-1] < 0.05


def test_failed_rounds_are_misses():
    controller = Controller(1.0, 0.5)
    assert controller.report(0.0) is None
    for bad in (float("inf"), float("nan")):
        assert controller.report(bad) == 0
    assert controller.threshold == pytest.approx(0.25)


def test_it_closes_in_on_the_edge():
    levels, _ = run(Controller(1.0, 0.2), lambda level: 0.1 if level <= 7.7 else 0.3, 40)
    assert max(level for level in levels if level <= 7.7) > 7.6


def test_a_round_that_was_pruned_less_counts_from_there():
    """And a miss halves what a round may take, until one is kept."""
    controller = Controller(1.0, 0.1)
    controller.report(0.0)
    assert controller.report(0.0, 0.4) is None and controller.threshold == 1.4
    whole = controller.largest
    assert controller.report(0.5, 0.6) == 1 and controller.threshold == pytest.approx(0.9)
    assert controller.largest == whole / 2
    assert controller.report(0.0, 2.0) is None and controller.threshold == pytest.approx(1.4)
    assert controller.largest == whole
    assert controller.report(0.0, 2.0) is None and controller.largest == whole
