"""`tenonc prune`: a smaller model, without the channels that matter least."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..dialects.errors import UsageError
from .arguments import named_values
from .prune_files import Made, targets_of
from .prune_rounds import POLICIES as ROUNDS
from .prune_rounds import add_rounds, check_rounds, prune_rounds, wants_rounds
from .prune_tables import show
from .verb import Verb, add_debug, add_shapes

if TYPE_CHECKING:
    from ..compiler.model import Model
    from ..compiler.pruning.options import PruneOptions

SCORES = ("l1", "l2", "gamma", "attention", "random")
RESIDUALS = ("coupled", "indexed")
POLICIES = ("uniform", "percentile", "global", "weighted")

AT_ONCE = "ratio score threshold share only round mapping power recover masks".split()
IN_ROUNDS = "method evaluate train rounds time_limit resume".split()
"""Options that only one way of pruning looks at."""


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help="the ONNX file")
    _add_choice(parser)
    _add_output(parser)
    add_rounds(parser)
    add_shapes(parser)
    add_debug(parser)


def _add_choice(parser: argparse.ArgumentParser) -> None:
    """Which channels leave."""
    add = parser.add_argument
    add(
        "--ratio",
        type=float,
        default=0.5,
        metavar="R",
        help="part of the channels that leaves (default: 0.5)",
    )
    add("--score", default="l1", choices=SCORES, help="what a channel is worth by (default: l1)")
    add(
        "--data",
        metavar="FILE.npz",
        help="calibration data: an array for each input, samples along its first axis",
    )
    add(
        "--policy",
        default="uniform",
        choices=(*POLICIES, *ROUNDS),
        help="how the ratio is spread (default: uniform); accuracy, memory, latency: prune in rounds",
    )
    add(
        "--threshold",
        type=float,
        metavar="T",
        help="score at or below which channels leave, instead of --ratio",
    )
    add("--share", default="params", choices=("params", "flops"), help="what --policy weighted weighs by")
    add("--only", action="append", default=[], metavar="GROUP=R", help="another ratio for one group")
    add(
        "--round",
        default="1",
        metavar="N",
        help="keep multiples of N channels; lanes: of --target's f32 lanes",
    )
    add("--target", default="host", metavar="NAME", help="machine to round for (default: host)")
    add("--mapping", default="mean", choices=("mean", "sum", "max"), help="of attention, over positions")
    add("--power", type=float, default=1.0, metavar="P", help="of attention (default: 1)")
    add("--residuals", default="coupled", choices=RESIDUALS, help="whether a sum ties what it adds up")
    add("--seed", type=int, default=0, metavar="N", help="of random scores (default: 0)")


def _add_output(parser: argparse.ArgumentParser) -> None:
    """What is done with the smaller model."""
    add = parser.add_argument
    add(
        "--recover",
        nargs="?",
        const="products",
        default="",
        metavar="WAY",
        help="win back accuracy on --data, without training: products (least squares, default), norms, both",
    )
    add("--verify", action="store_true", help="check that masks alone compute the same: in f64, and natively")
    add("--report", metavar="FILE", help="write what left, and the scores: NAME.html or NAME.json")
    add("--masks", metavar="FILE.json", help="remove what this file says, instead of scoring")
    add("--save-masks", metavar="FILE.json", help="write what was removed")
    add(
        "-o",
        "--output",
        metavar="FILE",
        help="the smaller model: NAME.onnx, or NAME.mlir with its weights beside it",
    )


def prune_model(arguments: argparse.Namespace) -> None:
    """Prune, show what left, and write the model; nothing is written where anything is wrong."""
    from ..compiler.atomic import write_files
    from .compare import read_arrays
    from .verbs import check_exists, load_shaped

    check_exists(arguments.model)
    rounds = wants_rounds(arguments)
    _check_kind(arguments, rounds)
    if rounds:
        check_rounds(arguments)
    options = None if rounds else _options(arguments)
    targets = targets_of(arguments)
    model = load_shaped(arguments)
    data = read_arrays(Path(arguments.data)) if arguments.data else None
    if options is None:
        outcome, report = prune_rounds(arguments, model, data)
        made = Made(outcome.model, _digest(model), outcome.removed, report)
    else:
        made = _at_once(arguments, model, options, data)
    for path, files in targets.items():
        write_files(path.parent, files(path, made))


def _check_kind(arguments: argparse.Namespace, rounds: bool) -> None:
    """Refuses what only pruning at once, or only pruning in rounds, would look at."""
    parser = argparse.ArgumentParser()
    _configure(parser)
    for name in AT_ONCE if rounds else IN_ROUNDS:
        if getattr(arguments, name) != parser.get_default(name):
            kind = "at once, not in rounds" if rounds else "in rounds: give --max-loss or a budget"
            raise UsageError(f"--{name.replace('_', '-')} is for pruning {kind}")
    if rounds and arguments.policy not in (*ROUNDS, parser.get_default("policy")):
        raise UsageError(f"--policy {arguments.policy} is for pruning at once, not in rounds")


def _at_once(
    arguments: argparse.Namespace, model: Model, options: PruneOptions, data: Mapping[str, Any] | None
) -> Made:
    from ..compiler.pruning.driver import pruned, removed_of
    from ..compiler.pruning.masks_file import read_masks
    from ..compiler.pruning.verify import verify
    from ..compiler.report.pruning import pruning_report, report_text
    from .tables import progress

    digest = _digest(model)
    masks = read_masks(Path(arguments.masks), digest) if arguments.masks else None
    with progress(arguments.model) as step:
        found = pruned(model, options, data, masks, step)
        check = verify(found.masked, found.model, step) if arguments.verify else None
    show(arguments.model, found, check)
    report = partial(report_text, pruning_report(arguments.model, options, found))
    return Made(found.model, digest, removed_of(found.groups), report)


def _digest(model: Model) -> str:
    from ..compiler.pruning.masks_file import digest_of

    return digest_of(model.module)


def _options(arguments: argparse.Namespace) -> PruneOptions:
    from ..compiler.pruning.options import LANES, PruneOptions

    every = arguments.round
    if every != LANES and not (every.isdecimal() and 0 < int(every) < 2**20):
        raise UsageError(f"--round is '{every}', expected a number from 1 or {LANES}")
    return PruneOptions(
        ratio=arguments.ratio,
        score=arguments.score,
        policy=arguments.policy,
        threshold=arguments.threshold,
        share=arguments.share,
        ratios=named_values("--only", arguments.only, float, "conv1=0.3"),
        round=every if every == LANES else int(every),
        target=arguments.target,
        mapping=arguments.mapping,
        power=arguments.power,
        seed=arguments.seed,
        residuals=arguments.residuals,
        recover=arguments.recover or False,
    )


VERB = Verb(
    "prune",
    "write a smaller model, without the channels that matter least",
    "tenonc prune model.onnx --ratio 0.5 --score attention --data d.npz --round lanes -o pruned.onnx",
    _configure,
    prune_model,
)
