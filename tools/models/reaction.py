"""How much a model's output depends on its input: one that ignores it tests nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ...dialects.errors import TenonError

LEAST = 0.1


def reaction(
    run: Callable[[Mapping[str, np.ndarray]], Sequence[np.ndarray]], inputs: Mapping[str, np.ndarray]
) -> float:
    """How far the outputs move when all inputs are zeroed, relative to their size (both as 2-norms); the
    least of all outputs. A NaN or an infinity counts as no reaction."""
    outputs = run(inputs)
    zeroed = run({name: np.zeros_like(array) for name, array in inputs.items()})
    moved = [
        float(np.linalg.norm(a.astype(np.float64) - b) / max(np.linalg.norm(a.astype(np.float64)), 1e-30))
        for a, b in zip(outputs, zeroed, strict=True)
    ]
    return min((m if np.isfinite(m) else 0.0 for m in moved), default=0.0)


def check_reaction(
    name: str,
    run: Callable[[Mapping[str, np.ndarray]], Sequence[np.ndarray]],
    inputs: Mapping[str, np.ndarray],
) -> None:
    """Refuses, with a `TenonError`, a model whose output moves by less than 10 %."""
    moved = reaction(run, inputs)
    if moved < LEAST:
        raise TenonError(
            f"model '{name}': its output moves by {moved:.1%} when its input is zeroed, expected {LEAST:.0%}"
        )
