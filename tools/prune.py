"""`tenonc prune`: a smaller model, without the channels that matter least."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..dialects.errors import UsageError
from .arguments import named_values
from .prune_rounds import POLICIES as ROUNDS
from .prune_rounds import add_rounds, check_rounds, prune_rounds, wants_rounds
from .prune_tables import show
from .verb import Verb, add_debug, add_shapes

if TYPE_CHECKING:
    from ..compiler.atomic import Writer
    from ..compiler.model import Model
    from ..compiler.pruning.masks_file import Removed
    from ..compiler.pruning.options import PruneOptions

SCORES = ("l1", "l2", "gamma", "attention", "random")
RESIDUALS = ("coupled", "indexed")
POLICIES = ("uniform", "percentile", "global", "weighted")


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
    from ..compiler.atomic import check_folder, write_files
    from .compare import read_arrays
    from .verbs import load_shaped

    rounds = wants_rounds(arguments)
    if rounds:
        check_rounds(arguments)
    options = None if rounds else _options(arguments)
    targets = _targets(arguments)
    for path in targets:
        check_folder(path.parent)
    model = load_shaped(arguments)
    data = read_arrays(Path(arguments.data)) if arguments.data else None
    if options is None:
        outcome, report = prune_rounds(arguments, model, data)
        made = Made(outcome.model, _digest(model), outcome.removed, report)
    else:
        made = _at_once(arguments, model, options, data)
    for path, files in targets.items():
        write_files(path.parent, files(path, made))


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


class Made(NamedTuple):
    """What files are made of: the digest is of the model before; `report` gives the text for a suffix."""

    model: Model
    digest: str
    removed: Removed
    report: Callable[[str], str] | None = None


Files = Callable[[Path, Made], "dict[str, Writer]"]


def _targets(arguments: argparse.Namespace) -> dict[Path, Files]:
    """The files that are asked for."""
    from ..compiler.report import check_format

    found: dict[Path, Files] = {}
    if arguments.output:
        path = Path(arguments.output)
        if path.suffix not in MODELS:
            raise UsageError(f"-o '{path}': expected a name that ends in {' or '.join(MODELS)}")
        found[path] = MODELS[path.suffix]
    if arguments.save_masks:
        found[Path(arguments.save_masks)] = _masks
    if arguments.report:
        check_format(Path(arguments.report))
        found[Path(arguments.report)] = _report
    if not found and not arguments.verify:
        raise UsageError(
            "nothing to do: give -o FILE.onnx, --save-masks FILE.json, --report FILE.html or --verify"
        )
    return found


def _onnx(path: Path, made: Made) -> dict[str, Writer]:
    from .. import compiler

    return {path.name: partial(compiler.save_onnx, made.model, external_data=False)}


def _mlir(path: Path, made: Made) -> dict[str, Writer]:
    from ..compiler.pruning.kept import model_text

    weights = path.with_suffix(".safetensors").name
    return {path.name: _text(model_text(made.model)), weights: made.model.store.save}


def _masks(path: Path, made: Made) -> dict[str, Writer]:
    from ..compiler.pruning.masks_file import masks_text

    return {path.name: _text(masks_text(made.digest, made.removed))}


def _report(path: Path, made: Made) -> dict[str, Writer]:
    assert made.report is not None
    return {path.name: _text(made.report(path.suffix))}


def _text(text: str) -> Writer:
    return lambda part: part.write_text(text, encoding="utf-8")


MODELS: dict[str, Files] = {".onnx": _onnx, ".mlir": _mlir}
"""Suffix of a model file -> what makes it."""


VERB = Verb(
    "prune",
    "write a smaller model, without the channels that matter least",
    "tenonc prune model.onnx --ratio 0.5 --score attention --data d.npz --round lanes -o pruned.onnx",
    _configure,
    prune_model,
)
