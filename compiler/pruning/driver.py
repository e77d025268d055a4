"""`compiler.prune`: the passes of pruning, one after the other, on a copy of a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from ...dialects import prune as dialect
from ...dialects.errors import TenonError
from ...passes.prune_apply import PruneApplyPass
from ..model import Model
from ..qdq_form import as_qdq
from .data import Batches
from .fold import fold_cuts
from .masks_file import Removed, set_removed
from .names import tag, untag
from .options import PruneOptions
from .recover import Layer, recovery_of
from .recover import recover as recover_masked
from .runner import ModelRunner, without_declarations
from .size import Size, size_of

if TYPE_CHECKING:
    import torch

NEEDS_DATA = ("attention",)


@dataclass(frozen=True)
class GroupChange:
    """A group: its channels, those that left, their scores (None where no score was needed), why it could not
    shrink, and where it lies."""

    name: str
    extent: int
    removed: tuple[int, ...]
    scores: np.ndarray | None
    pinned: str | None
    places: tuple[str, ...]


@dataclass
class Pruned:
    """`masked` computes the same as `model`, at the size of `dense`, which was pruned. `recovered`: what was
    done to win accuracy back."""

    model: Model
    masked: Model
    dense: Model
    groups: list[GroupChange]
    before: Size
    after: Size
    recovered: list[Layer]


def _silent(step: str) -> None:
    """Nobody wants to know."""


def prune(
    model: Model | torch.nn.Module,
    ratio: float = 0.5,
    *,
    score: str = "l1",
    data: Mapping[str, Any] | None = None,
    policy: str = "uniform",
    threshold: float | None = None,
    share: str = "params",
    ratios: Mapping[str, float] | None = None,
    round: int | str = 1,
    target: str = "host",
    mapping: str = "mean",
    power: float = 1.0,
    seed: int = 0,
    residuals: str = "coupled",
    recover: bool | str = False,
    masks: Removed | None = None,
    example_inputs: Any = None,
    on_step: Callable[[str], None] | None = None,
) -> Model:
    """A smaller copy of `model` (or of a torch module, called with `example_inputs`) without `ratio` of the
    channels of every group that may shrink: those with the lowest score.

    `score` is l1, l2, gamma, random, or attention, which runs on `data`: input names -> arrays of one batch
    or of several along the first dimension; with `mapping` (mean, sum, max) and `power`. `policy` is uniform,
    global or weighted, the latter two with one `threshold` for all; `ratios` overrides single groups. `round`
    keeps multiples of a number of channels, `lanes` of the f32 lanes of `target`. `residuals` coupled: what
    is added up loses the same channels; indexed: each branch loses its own, their sum none. `recover` wins
    accuracy back without training, on `data`: True, or one of the ways of recover.py. `masks` says what
    leaves instead: group -> channels. What was removed is the attribute `prune.log` of the module. Raises
    TenonError."""
    options = PruneOptions(
        ratio,
        score,
        policy,
        threshold,
        share,
        ratios,
        round,
        target,
        mapping,
        power,
        seed,
        residuals,
        recover,
    )
    if not isinstance(model, Model):
        from ..onnx_import import load

        model = load(model, example_inputs)
    return pruned(model, options, data, masks, on_step).model


def pruned(
    model: Model,
    options: PruneOptions,
    data: Mapping[str, Any] | None = None,
    masks: Removed | None = None,
    on_step: Callable[[str], None] | None = None,
) -> Pruned:
    """As `prune`, with what there is to tell about it. Integer ops become floats between quantize and
    dequantize first: what those ops hold is cut with them, and compiling makes integers of them again."""
    step = on_step or _silent
    model = as_qdq(model)
    batches = None if data is None else Batches(model.inputs, data)
    if batches is None and options.score in NEEDS_DATA and masks is None:
        raise TenonError(f"score '{options.score}' needs calibration data, expected data for each input")
    if batches is None and options.recover:
        raise TenonError("recover needs calibration data, expected data for each input")
    return shrunk(model, scored(model, options, batches, masks, step), options, batches, step)


def scored(
    model: Model,
    options: PruneOptions,
    batches: Batches | None,
    masks: Removed | None = None,
    step: Callable[[str], None] = _silent,
) -> Model:
    """A copy of `model` with groups, and their scores, or what `masks` removes of them."""
    work = model.copied()
    step("prune-analyze")
    options.analyzing().apply(Context(), work.module)
    if masks is None:
        step("prune-score")
        options.scoring().with_runner(ModelRunner(work, batches)).apply(Context(), work.module)
    else:
        set_removed(work.module, masks)
    return work


def shrunk(
    model: Model,
    work: Model,
    options: PruneOptions,
    batches: Batches | None = None,
    step: Callable[[str], None] = _silent,
) -> Pruned:
    """Selects, recovers and shrinks `work`, which `scored` made of `model`, in place."""
    context = Context()
    step("prune-select")
    options.selecting().apply(context, work.module)
    changes = _changes(work.module)
    recovered = _recovered(work, options, batches, step)
    masked = work.copied()
    without_declarations(masked.module)
    step("prune-apply")
    tag(work)
    PruneApplyPass().apply(context, work.module)
    step("cutting weights")
    fold_cuts(work)
    untag(work)
    return Pruned(work, masked, model, changes, size_of(model), size_of(work), recovered)


def _recovered(
    model: Model, options: PruneOptions, data: Batches | None, step: Callable[[str], None]
) -> list[Layer]:
    ways = recovery_of(options.recover)
    if ways is None:
        return []
    assert data is not None
    return recover_masked(model, data, ways, lambda name: step(f"recovering {name}"))


def _changes(module: ModuleOp) -> list[GroupChange]:
    scores = dialect.scores(module)
    return [
        GroupChange(
            group.label,
            group.channels,
            group.removed_channels,
            scores[group.label].array if group.label in scores else None,
            None if group.pinned is None else group.pinned.data,
            tuple(f"{member.value.data}[{member.axis.data}]" for member in group.members),
        )
        for group in dialect.groups(module)
    ]


def removed_of(changes: Sequence[GroupChange]) -> dict[str, list[int]]:
    """What left, by group."""
    return {change.name: list(change.removed) for change in changes if change.removed}
