"""Whether measuring pays: ResNet-20 pruned to half of its time by the latency policy, and by the FLOPs
policy with the budget at which its compiled model takes as long; then both are trained the same."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .reproduce_pruning import SCORED, Job, Recipe, dense_of, results_of, retrained
from .reproduce_pruning_data import opened

if TYPE_CHECKING:
    from ..compiler import Model
    from .data import DataSet

RECIPE = Recipe(seeds=3, epochs=6, retrain=2, rounds=1, net="resnet20-halved", rate=0.1)
METHOD = "aap"
PART = 0.5
"""Of the dense network's time."""

POLICIES = ("latency", "flops")

HEAD = ("policy", "seed", "us", "of the budget", "multiplications", "parameters", "test accuracy", "dense")


@dataclass(frozen=True)
class Policy(Job):
    """`arm` is one of POLICIES; flops comes after latency, which it takes its time from."""

    def made(self) -> dict[str, Any]:
        return _pruned(self)


def run(quick: bool, processes: int, folder: Path, scheduler: str | None = None) -> dict[str, Any]:
    """The table of both policies, seed by seed. Times are measured when all is done, in turns."""
    from .tables import print_table

    recipe = replace(RECIPE, seeds=1) if quick else RECIPE
    jobs = [
        [Policy(str(folder), recipe, seed, policy) for seed in range(recipe.seeds)] for policy in POLICIES
    ]
    # One job at a time: beside another a search would measure what the other takes from it.
    found = [result for stage in jobs for result in results_of(stage, min(processes, 1), scheduler)]
    seconds = _measured([job for stage in jobs for job in stage])
    results = [r | times for r, times in zip(found, seconds, strict=True)]
    print_table(f"{recipe.net} in {PART:.0%} of its time", HEAD, [_row(r) for r in results])
    accuracy = {p: statistics.mean(r["test"] for r in results if r["policy"] == p) for p in POLICIES}
    return {"accuracy": accuracy, "results": results}


def _row(r: dict[str, Any]) -> tuple[str, ...]:
    used = f"{r['seconds'] / r['budget']:.1%}"
    sizes = (f"{r['multiplications']:,}", f"{r['params']:,}", f"{r['test']:.4f}", f"{r['test_dense']:.4f}")
    return (r["policy"], str(r["seed"]), f"{r['seconds'] * 1e6:.1f}", used, *sizes)


TURNS = 5


def _measured(jobs: Sequence[Job]) -> list[dict[str, float]]:
    """Of each job's model: seconds, and the budget, which is part of the dense one's."""
    from ..compiler import compile
    from ..compiler.pruning.objectives import latency

    pairs = [(compile(dense_of(job)), compile(_kept(job))) for job in jobs]
    turns = [[[latency(exe) for exe in pair] for pair in pairs] for _ in range(TURNS)]
    least = [[min(turn[i][j] for turn in turns) for j in range(2)] for i in range(len(jobs))]
    return [{"seconds": small, "budget": PART * dense} for dense, small in least]


def _kept(job: Job) -> Model:
    from ..compiler.pruning.kept import kept_model

    return kept_model(job.place, "small", dense_of(job))


def _pruned(job: Policy) -> dict[str, Any]:
    from ..compiler import training
    from ..compiler.pruning.kept import keep_model
    from ..compiler.pruning.size import size_of

    data, dense = opened(job.folder), dense_of(job)
    found = retrained(job.recipe, data, _searched(job, dense, data), 1000 + job.seed)
    keep_model(job.place, "small", found)
    tests = [training.accuracy(training.TorchModule(model), *data.test) for model in (dense, found)]
    sizes = size_of(found)._asdict()
    return {"policy": job.arm, "seed": job.seed, "test_dense": tests[0], "test": tests[1], **sizes}


def _searched(job: Policy, dense: Model, data: DataSet) -> Model:
    """What the policy makes of the dense network; kept, since it takes a quiet minute of measuring."""
    from ..compiler.pruning.kept import keep_model, kept_model

    if not (job.place / "searched.mlir").exists():
        scored = {dense.inputs[0].name: data.train.images[:SCORED]}
        keep_model(job.place, "searched", SEARCHES[job.arm](job, dense, scored))
    return kept_model(job.place, "searched", dense)


def _by_latency(job: Policy, dense: Model, scored: dict[str, Any]) -> Model:
    from ..compiler.pruning.objectives import BUDGETS, Objectives
    from ..compiler.pruning.rounds import prune_in_rounds

    whole = min(BUDGETS["max_latency"](dense, "host") for _ in range(TURNS))
    wanted = Objectives(max_latency=PART * whole)
    return prune_in_rounds(dense, METHOD, wanted, evaluate=lambda model: 1.0, data=scored).model


def _by_flops(job: Policy, dense: Model, scored: dict[str, Any]) -> Model:
    """What the FLOPs policy finds when its budget is what takes no longer than the other's model."""
    from ..compiler.pruning.data import Batches
    from ..compiler.pruning.kept import kept_model
    from ..compiler.pruning.methods import find_method
    from ..compiler.pruning.objectives import BUDGETS, Objectives
    from ..compiler.pruning.step import Step

    measured = BUDGETS["max_latency"]
    other = kept_model(replace(job, arm="latency").place, "searched", dense)
    limit = min(measured(other, "host") for _ in range(TURNS))
    method = Objectives(max_flops=1).suited(find_method(METHOD))
    step = Step.of(method, dense, Batches(dense.inputs, scored), {}, 0)
    _, found = step.fitting(lambda model: measured(model, "host") <= limit, {}, doubtful=True)
    assert found is not None  # one channel in each layer takes less
    return found.model


SEARCHES = {"latency": _by_latency, "flops": _by_flops}
"""Policy -> (its job, the dense network, what activations are measured on) -> the model, not trained yet."""
