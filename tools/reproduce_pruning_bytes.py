"""Whether pruning keeps within the bytes that the compiled model may take: LeNet-5, trained on the drawn
digits, and random budgets for its object file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .reproduce_pruning import SCORED, Job, Recipe, dense_of, results_of, retrained
from .reproduce_pruning_data import opened

RECIPE = Recipe(seeds=1, epochs=6, retrain=3, rounds=1, net="lenet5")
BUDGETS, QUICK = 20, 4
PARTS = (0.05, 0.95)
"""Of the dense network's bytes: what budgets are drawn from."""

METHOD = "aap"

HEAD = ("budget", "bytes", "of it", "parameters", "test accuracy")


@dataclass(frozen=True)
class Budget(Job):
    """A budget of `part` of the bytes of the dense network."""

    number: int = 0
    part: float = 0.0

    @property
    def place(self) -> Path:
        return Path(self.folder) / f"budget-{self.number}"

    def made(self) -> dict[str, Any]:
        return _met(self)


def run(quick: bool, processes: int, folder: Path, scheduler: str | None = None) -> dict[str, Any]:
    """The table of budgets, how many are kept, and what is used of them."""
    from .tables import print_line, print_table

    parts = np.random.default_rng(0).uniform(*PARTS, BUDGETS).tolist()
    jobs = [Budget(str(folder), RECIPE, 0, METHOD, i, part) for i, part in enumerate(parts)]
    found = results_of(jobs[:QUICK] if quick else jobs, processes, scheduler)
    rows = [_row(r) for r in sorted(found, key=lambda r: -r["budget"])]
    dense = json.loads(Job(str(folder), RECIPE, 0).result.read_text())
    whole = f"dense {found[0]['dense']:,}, accuracy {dense['test']:.4f}"
    print_table(f"{RECIPE.net} in so many bytes of object file ({whole})", HEAD, rows)
    kept = sum(r["bytes"] <= r["budget"] for r in found)
    print_line(f"{kept} of {len(found)} budgets are kept")
    used = [r["bytes"] / r["budget"] for r in found]
    return {
        "kept": kept,
        "budgets": len(found),
        "used": [min(used), max(used)],
        "test_dense": dense["test"],
        "results": found,
    }


def _row(r: dict[str, Any]) -> tuple[str, ...]:
    used = f"{r['bytes'] / r['budget']:.1%}"
    return (f"{r['budget']:,}", f"{r['bytes']:,}", used, f"{r['params']:,}", f"{r['test']:.4f}")


def _met(job: Budget) -> dict[str, Any]:
    from ..compiler import training
    from ..compiler.pruning.attempts import Settings
    from ..compiler.pruning.objectives import BUDGETS as MEASURES
    from ..compiler.pruning.objectives import Objectives
    from ..compiler.pruning.rounds import prune_in_rounds

    data, dense = opened(job.folder), dense_of(job)
    whole = int(MEASURES["max_bytes"](dense, "host"))
    budget = int(job.part * whole)
    found = prune_in_rounds(
        dense,
        METHOD,
        Objectives(max_bytes=budget),
        evaluate=lambda model: training.accuracy(training.TorchModule(model), *data.control),
        train=lambda model, number: retrained(job.recipe, data, model, job.number),
        data={dense.inputs[0].name: data.train.images[:SCORED]},
        settings=Settings(rounds=1),
    )
    return {
        "budget": budget,
        "bytes": int(MEASURES["max_bytes"](found.model, "host")),
        "dense": whole,
        "params": found.best.params,
        "rounds": len(found.rounds) - 1,
        "test": training.accuracy(training.TorchModule(found.model), *data.test),
    }
