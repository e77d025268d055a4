"""The pruning experiment on a residual network: ResNet-20 on the drawn digits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .reproduce_pruning import Recipe, run_recipe

FULL = Recipe(seeds=5, epochs=16, retrain=4, rounds=16, net="resnet20", indexed=("ilp", "aap"))
QUICK = Recipe(seeds=1, epochs=4, retrain=1, rounds=3, net="resnet20", indexed=("ilp", "aap"))


def run(quick: bool, processes: int, folder: Path) -> dict[str, Any]:
    """All arms; see reproduce_pruning.py."""
    return run_recipe(QUICK if quick else FULL, processes, folder / ("quick" if quick else "full"))
