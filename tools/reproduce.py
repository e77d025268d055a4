"""`tenonc reproduce`: measure again what a paper or this project claims, experiment by experiment."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from .verb import Verb, add_debug


@dataclass(frozen=True)
class Experiment:
    """What is measured, and the module whose `run(quick, threads)` measures it, shows it as a table and
    returns what goes to the file. One that `resumes` keeps what is finished in a folder, which `run` is given
    too, perhaps with the address of a scheduler, and takes processes for threads."""

    summary: str
    module: str
    resumes: bool = False

    @property
    def run(self) -> Callable[..., dict]:
        return import_module(self.module, __package__).run


EXPERIMENTS = {
    "unit": Experiment(
        "UNIT's Table I: sixteen int8 convolutions beside onnxruntime and OpenVINO", ".reproduce_unit"
    ),
    "odd-channels": Experiment(
        "ResNet-50 with every width cut to an odd number: time per multiply-add", ".reproduce_odd"
    ),
    "pruning": Experiment(
        "ILP, IAP, AIAP, AAP and arms between them: LeNet-5 on drawn digits", ".reproduce_pruning", True
    ),
    "pruning-resnet20": Experiment(
        "the same with ResNet-20, coupled and indexed", ".reproduce_pruning_residual", True
    ),
    "pruning-bytes": Experiment(
        "twenty random budgets for the bytes of the compiled LeNet-5", ".reproduce_pruning_bytes", True
    ),
    "pruning-latency": Experiment(
        "half of ResNet-20's milliseconds: the latency policy beside the FLOPs policy",
        *(".reproduce_pruning_latency", True),
    ),
    "pruning-cifar": Experiment(
        "the same with ResNet-56 on CIFAR-10, for who has the data", ".reproduce_pruning_cifar", True
    ),
}
"""Name -> what it is. An experiment more is a line here and a module."""


def _configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="experiment", required=True, metavar="EXPERIMENT")
    for name, experiment in EXPERIMENTS.items():
        one = actions.add_parser(name, help=experiment.summary, description=experiment.summary)
        one.add_argument("--json", metavar="FILE", help="write the results here too")
        one.add_argument("--quick", action="store_true", help="fewer and shorter measurements")
        one.add_argument("--threads", type=int, default=1, metavar="N", help="of each runtime (default: 1)")
        if experiment.resumes:
            one.add_argument(
                "--work",
                default=f"build/reproduce/{name}",
                metavar="FOLDER",
                help="what is finished is kept here and not done again (default: %(default)s)",
            )
            one.add_argument(
                "--scheduler",
                metavar="ADDRESS",
                help="of Dask, whose workers run the jobs and see the same --work (extra 'distributed')",
            )
        add_debug(one)


def reproduce(arguments: argparse.Namespace) -> None:
    """Run one experiment; its results appear as a table and, whole or not at all, in a file."""
    import json

    from ..compiler.atomic import check_file, check_folder, write_file
    from ..targets.record import check_threads

    check_threads(arguments.threads)
    if arguments.json:
        check_file(Path(arguments.json))
    experiment = EXPERIMENTS[arguments.experiment]
    more: list[Any] = []
    if experiment.resumes:
        more = [Path(arguments.work).absolute()]
        check_folder(more[0])
        more += [arguments.scheduler] if arguments.scheduler else []
    results = experiment.run(arguments.quick, arguments.threads, *more)
    if arguments.json:
        text = json.dumps(results, indent=1) + "\n"
        write_file(Path(arguments.json), lambda path: path.write_text(text))


VERB = Verb(
    "reproduce",
    "measure again what a paper claims: layers of UNIT, methods of pruning",
    "tenonc reproduce unit --quick --json unit.json",
    _configure,
    reproduce,
)
