"""A page about what pruning did to a model: channels and scores of its groups, its layers, its size."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ...dialects import nn
from ...passes.pruning.analysis import name_of
from ...passes.pruning.rules import shape_of
from ...passes.pruning.work import multiplications
from ..model import Model
from ..pruning.driver import GroupChange, Pruned, PruneOptions
from .templates import environment

SCHEMA = 1

WIDTH, HEIGHT = 320, 44
"""Of the picture of a group's scores, pixels."""


@dataclass(frozen=True)
class Layer:
    """A product: the shape of its weights before and after, and its multiplications."""

    name: str
    op: str
    weights: list[int]
    weights_left: list[int]
    multiplications: int
    multiplications_left: int


@dataclass(frozen=True)
class PruningReport:
    """What left a model; the JSON report is this."""

    model: str
    options: dict[str, Any]
    params: tuple[int, int]
    multiplications: tuple[int, int]
    groups: list[GroupChange]
    layers: list[Layer]

    def as_json(self) -> dict[str, Any]:
        """Scores become lists of numbers."""
        groups = [
            asdict(group) | {"scores": None if group.scores is None else group.scores.tolist()}
            for group in self.groups
        ]
        return {"schema": SCHEMA} | vars(self) | {"groups": groups, "layers": [vars(x) for x in self.layers]}


def pruning_report(name: str, options: PruneOptions, found: Pruned) -> PruningReport:
    """The report on `found`, which was made of the model `name`."""
    return PruningReport(
        name,
        {key: value for key, value in vars(options).items() if value not in (None, {}, False)},
        (found.before.params, found.after.params),
        (found.before.multiplications, found.after.multiplications),
        found.groups,
        _layers(_products(found.dense), _products(found.model)),
    )


def _products(model: Model) -> dict[str, Any]:
    """By the name of the op."""
    kinds = nn.ConvOp | nn.ConvTransposeOp | nn.MatmulOp
    return {name_of(op): op for op in model.main.body.block.ops if isinstance(op, kinds)}


def _layers(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Layer]:
    return [
        Layer(
            name,
            op.name,
            list(shape_of(op.operands[1])),
            list(shape_of(after[name].operands[1])),
            multiplications(op),
            multiplications(after[name]),
        )
        for name, op in before.items()
        if name in after
    ]


class Bars:
    """The scores of a group as SVG paths: a stroke for each channel, from the highest score to the lowest;
    those that stay and those that left."""

    def __init__(self, group: GroupChange):
        assert group.scores is not None
        order = np.argsort(-group.scores, kind="stable")
        gone = np.isin(order, group.removed)
        highest = max(float(group.scores.max()), 1e-30)
        heights = np.maximum(group.scores[order] / highest * HEIGHT, 0.7)
        self.stroke = WIDTH / len(order)
        places = (np.arange(len(order)) + 0.5) * self.stroke
        self.stays = _strokes(places[~gone], heights[~gone])
        self.gone = _strokes(places[gone], heights[gone])


def _strokes(places: np.ndarray, heights: np.ndarray) -> str:
    return "".join(f"M{x:.1f} {HEIGHT}v-{y:.1f}" for x, y in zip(places, heights, strict=True))


def _html(report: PruningReport) -> str:
    """Needs jinja2."""
    template = environment().get_template("pruning.html.j2")
    return template.render(report=report, bars=Bars, width=WIDTH, height=HEIGHT)


def _json(report: PruningReport) -> str:
    return json.dumps(report.as_json(), indent=1, allow_nan=False) + "\n"


FORMATS: dict[str, Callable[[PruningReport], str]] = {".html": _html, ".json": _json}
"""Suffix of a file -> what makes its text; write.check_format knows the same."""


def report_text(report: PruningReport, suffix: str) -> str:
    """The report in the format of a suffix."""
    return FORMATS[suffix](report)
