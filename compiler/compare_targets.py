"""Compares the integer islands of a quantized model between targets: equal inputs, the same bits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..dialects.errors import UsageError
from ..dialects.reference import interpreter
from ..targets.record import find_target
from .compare import deviation, seeded_inputs
from .executable import compile
from .islands import cut_islands
from .options import CompileOptions

if TYPE_CHECKING:
    from .islands import Cut
    from .model import Model

INTERPRETER = "interpreter"
"""The reference interpretation, where a target is named."""

Values = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class TargetDifference:
    """One value of an island on `target`: `differ` of its `elements` are not those of the first target, by
    `worst` at most. `returned`: the islands were compiled to return every value, so that it is no kernel's
    inner one."""

    target: str
    value: str
    op: str
    returned: bool
    elements: int
    differ: int
    worst: float


def compare_targets(
    model: Model,
    targets: Sequence[str],
    inputs: Values | None = None,
    options: CompileOptions | None = None,
    on_step: Callable[[str], None] | None = None,
) -> list[TargetDifference]:
    """Every value of the islands of `model`, and what leaves them where they are compiled as usual, on each
    of `targets` against the first; one of them may be the interpreter. What enters the islands is what this
    machine computes from `inputs` (default: seeded ones)."""
    if len(targets) < 2 or len(set(targets)) != len(targets):
        raise UsageError(f"targets are {', '.join(targets)}: expected two or more different ones")
    for target in targets:
        if target != INTERPRETER:
            find_target(target)
    step, chosen = on_step or (lambda _: None), options or CompileOptions()
    given = seeded_inputs(model.inputs) if inputs is None else dict(inputs)
    islands = cut_islands(model)
    step("computing what enters the integer islands")
    feeds = compile(islands.before, cache=False, **asdict(replace(chosen, target="host"))).run_dict(given)
    found: list[TargetDifference] = []
    for returned, cut in ((True, islands.returned), (False, islands.fused)):
        wanted: Values = {}
        for target in targets:
            step(f"{'every value' if returned else 'results'} of the islands on {target}")
            got = _run(cut.model, target, feeds, chosen)
            if target == targets[0]:
                wanted = got
            else:
                found += _differences(cut, target, returned, got, wanted)
    return found


def _run(model: Model, target: str, feeds: Values, options: CompileOptions) -> dict[str, np.ndarray]:
    if target != INTERPRETER:
        return compile(model, cache=False, **asdict(replace(options, target=target))).run_dict(feeds)
    results = interpreter(model.module, model.store).call_op("main", tuple(feeds.values()))
    return dict(zip((port.name for port in model.outputs), results, strict=True))


def _differences(
    cut: Cut, target: str, returned: bool, got: Values, wanted: Values
) -> list[TargetDifference]:
    return [
        TargetDifference(target, name, op, returned, array.size, *_difference(array, wanted[name]))
        for op, (name, array) in zip(cut.ops, got.items(), strict=True)
    ]


def _difference(left: np.ndarray, right: np.ndarray) -> tuple[int, float]:
    """Elements of other bits, in dequantized floats too, and the largest difference."""
    words = np.dtype(f"u{left.dtype.itemsize}")
    unequal = np.ascontiguousarray(left).view(words) != np.ascontiguousarray(right).view(words)
    return int(unequal.sum()), deviation(left, right)[0]
