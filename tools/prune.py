"""`tenonc prune`: a smaller model, without the channels that matter least."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..dialects.errors import UsageError
from .arguments import named_values
from .prune_rounds import POLICIES as ROUNDS
from .prune_rounds import add_rounds, check_rounds, prune_rounds, wants_rounds
from .verb import Verb, add_debug, add_shapes

if TYPE_CHECKING:
    from ..compiler.atomic import Writer
    from ..compiler.model import Model
    from ..compiler.pruning.driver import Pruned, PruneOptions

SCORES = ("l1", "l2", "gamma", "attention", "random")
RESIDUALS = ("coupled", "indexed")
POLICIES = ("uniform", "percentile", "global", "weighted")


def _configure(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("model", help="the ONNX file")
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
    add(
        "--recover",
        nargs="?",
        const="products",
        default="",
        metavar="WAY",
        help="win back accuracy on --data, without training: products (least squares, default), norms, both",
    )
    add("--masks", metavar="FILE.json", help="remove what this file says, instead of scoring")
    add("--save-masks", metavar="FILE.json", help="write what was removed")
    add(
        "-o",
        "--output",
        metavar="FILE",
        help="the smaller model: NAME.onnx, or NAME.mlir with its weights beside it",
    )
    add_rounds(parser)
    add_shapes(parser)
    add_debug(parser)


def prune_model(arguments: argparse.Namespace) -> None:
    """Prune, show what left, and write the model; nothing is written where anything is wrong."""
    from ..compiler.atomic import check_folder, write_files
    from ..compiler.pruning.driver import pruned, removed_of
    from ..compiler.pruning.masks_file import digest_of, masks_text, read_masks
    from .compare import read_arrays
    from .tables import progress
    from .verbs import load_shaped

    rounds = wants_rounds(arguments)
    if rounds:
        check_rounds(arguments)
    options = None if rounds else _options(arguments)
    targets = _targets(arguments)
    for path in targets:
        check_folder(path.parent)
    model = load_shaped(arguments)
    digest = digest_of(model.module)
    masks = read_masks(Path(arguments.masks), digest) if arguments.masks else None
    data = read_arrays(Path(arguments.data)) if arguments.data else None
    if options is None:
        outcome = prune_rounds(arguments, model, data)
        small, removed = outcome.model, outcome.removed
    else:
        with progress(arguments.model) as step:
            found = pruned(model, options, data, masks, step)
        small, removed = found.model, removed_of(found.groups)
        _show(arguments.model, found)
    for path in targets:
        write_files(path.parent, _files(path, small, masks_text(digest, removed)))


def _options(arguments: argparse.Namespace) -> PruneOptions:
    from ..compiler.pruning.driver import LANES, PruneOptions

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


def _targets(arguments: argparse.Namespace) -> list[Path]:
    """The files that are written."""
    found = [Path(arguments.output)] if arguments.output else []
    if found and found[0].suffix not in (".onnx", ".mlir"):
        raise UsageError(f"-o '{arguments.output}': expected a name that ends in .onnx or .mlir")
    found += [Path(arguments.save_masks)] if arguments.save_masks else []
    if not found:
        raise UsageError("nothing to write: give -o FILE.onnx, --save-masks FILE.json, or both")
    return found


def _files(path: Path, model: Model, masks: str) -> dict[str, Writer]:
    from .. import compiler
    from ..compiler.pruning.kept import model_text

    if path.suffix == ".onnx":
        return {path.name: partial(compiler.save_onnx, model, external_data=False)}
    if path.suffix == ".mlir":
        text = model_text(model)
        return {
            path.name: lambda part: part.write_text(text),
            path.with_suffix(".safetensors").name: model.store.save,
        }
    return {path.name: lambda part: part.write_text(masks)}


def _show(name: str, found: Pruned) -> None:
    from .tables import print_table

    rows = [
        (group.name, str(group.extent), str(group.extent - len(group.removed)), group.pinned or "")
        for group in found.groups
    ]
    print_table(f"{name}: channels by group", ("group", "before", "after", "why it stays"), rows)
    sizes = [
        (what, f"{before:,}", f"{after:,}", f"{after / max(1, before):.1%}")
        for what, before, after in zip(
            ("parameters", "multiplications"), found.before, found.after, strict=True
        )
    ]
    print_table(f"{name}: size", ("", "before", "after", "of it"), sizes)
    layers = [
        (layer.name, layer.kind, f"{layer.before:.1%}", f"{layer.after:.1%}", layer.reason)
        for layer in found.recovered
        if layer.kind == "product"
    ]
    if layers:
        head = ("layer", "op", "upset", "after recovery", "why it stays")
        print_table(f"{name}: part of the results that masks upset", head, layers)


VERB = Verb(
    "prune",
    "write a smaller model, without the channels that matter least",
    "tenonc prune model.onnx --ratio 0.5 --score attention --data d.npz --round lanes -o pruned.onnx",
    _configure,
    prune_model,
)
