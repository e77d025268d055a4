"""How far each method prunes a network at a loss of one point: every arm with the same rounds, the same
training in each, and the same first step of its threshold.

The control split decides; the test split is only read for the report. A job is an arm with a seed; what it
has finished is kept in the work folder, where a later run goes on, also after a process was killed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, Executor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..compiler.atomic import write_file
from ..compiler.processes import process_pool
from ..compiler.pruning.methods import METHODS
from ..dialects.errors import TenonError
from .reproduce_pruning_table import HEAD, rows, summary

DATA = "data.npz"

MAX_LOSS = 0.01
SCORED = 500
"""Images of the training set that activations are measured on."""


@dataclass(frozen=True)
class Recipe:
    """The network, one of `tenonc models`; seeds; epochs of the dense training and of each round; rounds of
    an arm; `methods`: the arms; `indexed`: those that also run with residuals pruned branch by branch;
    `cifar`: whether images are shifted and mirrored, as those of CIFAR are."""

    seeds: int
    epochs: int
    retrain: int
    rounds: int
    net: str = "lenet5-wide"
    batch: int = 64
    rate: float = 0.05
    decay: float = 5e-4
    methods: tuple[str, ...] = tuple(METHODS)
    indexed: tuple[str, ...] = ()
    cifar: bool = False

    @property
    def arms(self) -> list[str]:
        return [*self.methods, *(name + INDEXED for name in self.indexed)]


FULL = Recipe(seeds=5, epochs=16, retrain=3, rounds=16)
QUICK = Recipe(seeds=1, epochs=8, retrain=3, rounds=6)

INDEXED = "_indexed"
"""At the end of an arm's name: each branch of a sum loses channels of its own."""

RESTARTS = 3
"""How often jobs are taken up again after their process was killed."""


@dataclass(frozen=True)
class Job:
    """An arm with a seed, in a folder; without an arm, the dense network that arms of the seed start from."""

    folder: str
    recipe: Recipe
    seed: int
    arm: str = ""

    @property
    def place(self) -> Path:
        return Path(self.folder) / f"{self.arm or 'dense'}-{self.seed}"

    @property
    def result(self) -> Path:
        return self.place / "result.json"


def run(quick: bool, processes: int, folder: Path) -> dict[str, Any]:
    """LeNet-5 on the drawn digits: compression by arm, of what `folder` has and what is done now."""
    return run_recipe(QUICK if quick else FULL, processes, folder / ("quick" if quick else "full"))


def run_recipe(recipe: Recipe, processes: int, folder: Path) -> dict[str, Any]:
    """All arms of a recipe. Shows the table."""
    from .tables import print_table, progress

    folder.mkdir(parents=True, exist_ok=True)
    dense = [Job(str(folder), recipe, seed) for seed in range(recipe.seeds)]
    arms = [Job(str(folder), recipe, seed, arm) for seed in range(recipe.seeds) for arm in recipe.arms]
    with progress("pruning") as step:
        _data(recipe, folder, step)
        for jobs in (dense, arms):
            run_safely(jobs, lambda: process_pool(processes), step)
    found = [json.loads(job.result.read_text()) for job in arms if job.result.exists()]
    print_table(f"{recipe.net}, one point of control accuracy", HEAD, rows(found))
    return summary(found)


def run_safely(jobs: Sequence[Job], pools: Callable[[], Executor], step: Callable[[str], None]) -> None:
    """`run_jobs`; where a process is killed, what it had finished is kept, and the rest taken up again."""
    for left in reversed(range(RESTARTS + 1)):
        try:
            with pools() as pool:
                return run_jobs(jobs, pool, step)
        except BrokenExecutor:
            if not left:
                raise
            step("a process was killed, going on")


def run_jobs(jobs: Sequence[Job], pool: Executor, step: Callable[[str], None]) -> None:
    """Those that have no result yet, on any executor."""
    waiting = {pool.submit(work, job): job for job in jobs if not job.result.exists()}
    for number, future in enumerate(as_completed(waiting), 1):
        future.result()
        step(f"{waiting[future].place.name} is done, {number} of {len(waiting)}")


def _data(recipe: Recipe, folder: Path, step: Callable[[str], None]) -> None:
    from .data import save
    from .data.glyphs import glyphs

    path = folder / DATA
    if path.exists():
        return
    if recipe.cifar:
        raise TenonError(f"{path}: no such file, make it: tenonc data cifar10 --source FOLDER -o {path}")
    step("drawing digits")
    made = glyphs()
    write_file(path, lambda part: save(made, part))


def work(job: Job) -> None:
    """One job, in a process of its own; its result is a file."""
    import torch

    torch.set_num_threads(1)
    job.place.mkdir(parents=True, exist_ok=True)
    result = _train_dense(job) if not job.arm else _prune(job)
    text = json.dumps(result, indent=1) + "\n"
    write_file(job.result, lambda part: part.write_text(text))


def _train_dense(job: Job) -> dict[str, Any]:
    from ..compiler import load, training
    from ..compiler.pruning.kept import keep_model
    from .data import read
    from .data.augment import shifted
    from .models import build_model

    data, recipe = read(Path(job.folder) / DATA), job.recipe
    module = training.TorchModule(load(build_model(recipe.net)))
    training.initialize(module, job.seed)
    batches = training.Minibatches(*data.train, recipe.batch, job.seed, shifted if recipe.cifar else None)
    steps = (recipe.epochs // 2, recipe.epochs * 3 // 4)
    training.fit(
        module, batches, epochs=recipe.epochs, lr=recipe.rate, weight_decay=recipe.decay, steps=steps,
        seed=job.seed, on_epoch=None,
    )  # fmt: skip
    keep_model(job.place, "dense", module.write_back())
    control, test = (training.accuracy(module, *split) for split in (data.control, data.test))
    return {"arm": "", "seed": job.seed, "control": control, "test": test}


def _prune(job: Job) -> dict[str, Any]:
    from ..compiler import Model, load, training
    from ..compiler.pruning.attempts import Settings
    from ..compiler.pruning.kept import kept_model
    from ..compiler.pruning.objectives import Objectives
    from ..compiler.pruning.rounds import prune_in_rounds
    from .data import read
    from .data.augment import shifted
    from .models import build_model

    data, recipe = read(Path(job.folder) / DATA), job.recipe
    residuals = "indexed" if job.arm.endswith(INDEXED) else "coupled"
    dense = kept_model(Job(job.folder, recipe, job.seed).place, "dense", load(build_model(recipe.net)))

    def tuned(model: Model, number: int) -> Model:
        seed = 1000 * (number + 1) + job.seed
        batches = training.Minibatches(*data.train, recipe.batch, seed, shifted if recipe.cifar else None)
        module = training.TorchModule(model)
        training.fit(
            module, batches, epochs=recipe.retrain, lr=recipe.rate, weight_decay=recipe.decay,
            steps=(recipe.retrain - 2, recipe.retrain - 1), seed=seed, on_epoch=None,
        )  # fmt: skip
        return module.write_back()

    found = prune_in_rounds(
        dense,
        job.arm.removesuffix(INDEXED),
        Objectives(max_loss=MAX_LOSS),
        evaluate=lambda model: training.accuracy(training.TorchModule(model), *data.control),
        train=tuned,
        data={dense.inputs[0].name: data.train.images[:SCORED]},
        settings=Settings(recipe.rounds, seed=job.seed, residuals=residuals),
        folder=job.place,
    )
    first, best = found.rounds[0], found.best
    tests = [training.accuracy(training.TorchModule(model), *data.test) for model in (dense, found.model)]
    return {
        "arm": job.arm,
        "seed": job.seed,
        "compression": first.params / best.params,
        "dense_params": first.params,
        "params": best.params,
        "dense_multiplications": first.multiplications,
        "multiplications": best.multiplications,
        "control_dense": first.accuracy,
        "control": best.accuracy,
        "test_dense": tests[0],
        "test": tests[1],
        "channels": {name: len(channels) for name, channels in best.alive.items()},
        "rounds": [[r.level, r.params, r.accuracy, r.decision] for r in found.rounds],
        "ended": found.ended,
    }
