"""The page about pruning in rounds: its pictures, and what it says of every round."""

import json
import math
import re

import pytest

from tenonc.compiler.pruning.record import Round
from tenonc.compiler.report.rounds import RoundsReport, rounds_text
from tenonc.compiler.report.scatter import CLEAR, Mark, Scale, scatter, shortened


def made(number: int, base: int, params: int, accuracy: float | None, kept: bool, decision: str) -> Round:
    alive = {"conv": list(range(8 - number))}
    return Round(number, base, 0.1 * number, params, 9 * params, accuracy, kept, decision, 1.5, number,
                 {"max_params": params / 500}, alive)  # fmt: skip


ROUNDS = [
    made(0, 0, 1000, 0.95, True, "as it was"),
    made(1, 0, 800, 0.945, True, "kept"),
    made(2, 1, 500, 0.90, False, "lost 0.0500, more than 0.01"),
    made(3, 1, 600, 0.944, True, "kept"),
    made(4, 3, 550, None, False, "train failed: <b>"),
]


@pytest.fixture
def report() -> RoundsReport:
    latencies = {0: 2e-3, 1: 1.5e-3, 2: 1e-3, 3: 1.25e-3}
    return RoundsReport("net", "aap", {"max_loss": 0.01}, "steps have become small", 3, ROUNDS, latencies)


def test_the_page(report):
    page = rounds_text(report, ".html")
    pictures = re.findall(r'aria-label="accuracy against ([^"]*)"', page)
    assert pictures == ["parameters", "multiplications", "milliseconds of a call"]
    assert page.count("<circle") == 3 * 4  # the failed round has no accuracy
    assert len(re.findall(r'<circle class="dot best"', page)) == 3
    assert "train failed: &lt;b&gt;" in page and "<b>60.0 <small>%</small></b>" in page
    assert "62.5 <small>%</small></b><span>of the time: 1.25 ms" in page
    assert page.count("<tr") == 2 + len(ROUNDS) + 1


def test_the_numbers(report):
    found = json.loads(rounds_text(report, ".json"))
    assert (found["schema"], found["best"], found["objectives"]) == (1, 3, {"max_loss": 0.01})
    assert [r["latency"] for r in found["rounds"]] == [2e-3, 1.5e-3, 1e-3, 1.25e-3, None]
    assert found["rounds"][2]["decision"].startswith("lost 0.05") and "latencies" not in found


def test_the_line_leads_to_the_best_round(report):
    picture = report.pictures()[0]
    points = [tuple(map(float, point.split())) for point in picture.line.split("L")]
    at = {dot.mark.number: (dot.x, dot.y) for dot in picture.dots}
    assert points == [at[0], at[1], at[3]]
    assert at[0][0] > at[1][0] > at[3][0] > at[2][0] and at[2][1] > at[3][1] > at[0][1]


def test_scales():
    assert Scale(0, 1040, 0, 520).ticks() == [(0, "0"), (250.0, "500"), (500.0, "1k")]
    assert [text for _, text in Scale(0.9, 0.95, 100, 0).ticks()] == [
        "0.9",
        "0.91",
        "0.92",
        "0.93",
        "0.94",
        "0.95",
    ]
    assert [shortened(value) for value in (0.5, 20_000, 3.2e6, 1e9)] == ["0.5", "20k", "3.2M", "1G"]


def test_labels_do_not_cover_one_another():
    """Of many marks at one place two are labelled, above and below; one accuracy for all makes a picture."""
    picture = scatter("x", [Mark(number, 5.0, 0.9, "kept", "") for number in range(4)], [0])
    labels = [dot.label for dot in picture.dots if dot.label]
    assert len(labels) == 2 and math.dist(*labels) > CLEAR
    assert picture.y.low < 0.9 < picture.y.high
    flat = scatter("x", [Mark(0, 0.0, 0.0, "kept", "")], [0])
    assert flat.x.high > flat.x.low and flat.dots[0].x == flat.x.start
