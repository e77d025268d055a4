"""How far each method prunes a network at a loss of one point: every arm with the same rounds, the same
training in each, and the same first step of its threshold.

The control split decides; the test split is only read for the report. A job is an arm with a seed; what it
has finished is kept in the work folder, where a later run goes on, also after a process was killed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, Executor, as_completed
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..compiler.atomic import write_file
from ..compiler.pruning.methods import METHODS
from ..dialects.errors import TenonError
from .executors import executor
from .reproduce_pruning_data import opened, prepare
from .reproduce_pruning_table import HEAD, PAPERS, rows, summary

if TYPE_CHECKING:
    from ..compiler import Model
    from ..compiler.training import TorchModule
    from .data import DataSet

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


FULL = Recipe(seeds=5, epochs=16, retrain=6, rounds=16)
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

    def made(self) -> dict[str, Any]:
        return _prune(self) if self.arm else _train_dense(self)


def experiment(full: Recipe, quick: Recipe) -> Callable[..., dict[str, Any]]:
    """What `tenonc reproduce` runs: compression by arm, of what the folder has and what is done now."""
    forms = {True: (quick, "quick"), False: (full, "full")}

    def run(quick: bool, processes: int, folder: Path, scheduler: str | None = None) -> dict[str, Any]:
        recipe, place = forms[quick]
        return run_recipe(recipe, processes, folder / place, scheduler)

    return run


def run_recipe(recipe: Recipe, processes: int, folder: Path, scheduler: str | None = None) -> dict[str, Any]:
    """All arms of a recipe. Shows the table."""
    from .tables import print_table

    arms = [Job(str(folder), recipe, seed, arm) for seed in range(recipe.seeds) for arm in recipe.arms]
    found = results_of(arms, processes, scheduler)
    published = PAPERS if recipe.net == Recipe.net else {}
    print_table(f"{recipe.net}, one point of control accuracy", HEAD, rows(found, published))
    return summary(found)


def results_of(jobs: Sequence[Job], processes: int, scheduler: str | None = None) -> list[dict[str, Any]]:
    """What jobs of one recipe in one folder find, after the dense networks that they start from."""
    from .tables import progress

    recipe, folder = jobs[0].recipe, Path(jobs[0].folder)
    folder.mkdir(parents=True, exist_ok=True)
    same_recipe(recipe, folder)
    dense = [Job(str(folder), recipe, seed) for seed in range(recipe.seeds)]
    with progress("pruning") as step:
        prepare(folder, recipe.cifar, step)
        for stage in (dense, jobs):
            run_safely(stage, lambda: executor(processes, scheduler), step)
    return [json.loads(job.result.read_text()) for job in jobs]


def same_recipe(recipe: Recipe, folder: Path) -> None:
    """Writes down what results of a folder are results of. Raises TenonError where it is something else; the
    number of seeds may differ."""
    path, wanted = folder / "recipe.json", json.loads(json.dumps(asdict(replace(recipe, seeds=1))))
    if path.exists():
        found = json.loads(path.read_text())
        others = [f"{name} {found.get(name)}, not {value}" for name, value in wanted.items()
                  if found.get(name) != value]  # fmt: skip
    else:
        others = ["unknown recipe"] if any(folder.glob("*/result.json")) else []
    if others:
        raise TenonError(
            f"{folder} has results of another recipe ({others[0]}), expected a folder of its own"
        )
    write_file(path, lambda part: part.write_text(json.dumps(wanted, indent=1) + "\n"))


def run_safely(
    jobs: Sequence[Job], pools: Callable[[], AbstractContextManager[Executor]], step: Callable[[str], None]
) -> None:
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


def work(job: Job) -> None:
    """One job, in a process of its own; its result is a file."""
    job.place.mkdir(parents=True, exist_ok=True)
    text = json.dumps(job.made(), indent=1) + "\n"
    write_file(job.result, lambda part: part.write_text(text))


def _train_dense(job: Job) -> dict[str, Any]:
    from ..compiler import load, training
    from ..compiler.pruning.kept import keep_model
    from .models import build_model

    data, recipe = opened(job.folder), job.recipe
    module = training.TorchModule(load(build_model(recipe.net)))
    training.initialize(module, job.seed)
    _fit(recipe, data, module, recipe.epochs, (recipe.epochs // 2, recipe.epochs * 3 // 4), job.seed)
    keep_model(job.place, "dense", module.write_back())
    control, test = (training.accuracy(module, *split) for split in (data.control, data.test))
    return {"arm": "", "seed": job.seed, "control": control, "test": test}


def retrained(recipe: Recipe, data: DataSet, model: Model, seed: int) -> Model:
    """`model` after the training that belongs to a round."""
    from ..compiler import training

    module = training.TorchModule(model)
    _fit(recipe, data, module, recipe.retrain, (recipe.retrain - 2, recipe.retrain - 1), seed)
    return module.write_back()


def _fit(
    recipe: Recipe, data: DataSet, module: TorchModule, epochs: int, steps: tuple[int, int], seed: int
) -> None:
    from ..compiler import training
    from .data.augment import shifted

    batches = training.Minibatches(*data.train, recipe.batch, seed, shifted if recipe.cifar else None)
    training.fit(
        module, batches, epochs=epochs, lr=recipe.rate, weight_decay=recipe.decay, steps=steps, seed=seed,
        on_epoch=None,
    )  # fmt: skip


def dense_of(job: Job) -> Model:
    """The trained network that arms of the job's seed start from."""
    from ..compiler import load
    from ..compiler.pruning.kept import kept_model
    from .models import build_model

    place = Job(job.folder, job.recipe, job.seed).place
    return kept_model(place, "dense", load(build_model(job.recipe.net)))


def _prune(job: Job) -> dict[str, Any]:
    from ..compiler import training
    from ..compiler.pruning.attempts import Settings
    from ..compiler.pruning.objectives import Objectives
    from ..compiler.pruning.rounds import prune_in_rounds

    data, recipe = opened(job.folder), job.recipe
    residuals = "indexed" if job.arm.endswith(INDEXED) else "coupled"
    dense = dense_of(job)

    def tuned(model: Model, number: int) -> Model:
        return retrained(recipe, data, model, 1000 * (number + 1) + job.seed)

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


run = experiment(FULL, QUICK)
