"""The files that `tenonc prune` writes."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..dialects.errors import UsageError

if TYPE_CHECKING:
    from ..compiler.atomic import Writer
    from ..compiler.model import Model
    from ..compiler.pruning.masks_file import Removed


class Made(NamedTuple):
    """What files are made of: the digest is of the model before; `report` gives the text for a suffix."""

    model: Model
    digest: str
    removed: Removed
    report: Callable[[str], str] | None = None


Files = Callable[[Path, Made], "dict[str, Writer]"]


def targets_of(arguments: argparse.Namespace) -> dict[Path, Files]:
    """The files that are asked for. Raises UsageError where two are one, TenonError where one cannot be."""
    from ..compiler.atomic import check_file

    found: dict[Path, Files] = {}
    taken: dict[Path, str] = {}
    for option, path, files in _asked_for(arguments):
        weights = [path.with_suffix(WEIGHTS)] if files is _mlir else []
        for place in (path, *weights):
            check_file(place)
            other = taken.setdefault(place.absolute(), option)
            if other != option:
                raise UsageError(f"{option} '{path}': is a file of {other} too, expected another name")
        found[path] = files
    if not found and not arguments.verify:
        raise UsageError(
            "nothing to do: give -o FILE.onnx, --save-masks FILE.json, --report FILE.html or --verify"
        )
    return found


def _asked_for(arguments: argparse.Namespace) -> Iterator[tuple[str, Path, Files]]:
    """Options, the files that they name and what makes these."""
    from ..compiler.report import check_format

    if arguments.output:
        path = Path(arguments.output)
        if path.suffix not in MODELS:
            raise UsageError(f"-o '{path}': expected a name that ends in {' or '.join(MODELS)}")
        yield "-o", path, MODELS[path.suffix]
    if arguments.save_masks:
        yield "--save-masks", Path(arguments.save_masks), _masks
    if arguments.report:
        check_format(Path(arguments.report))
        yield "--report", Path(arguments.report), _report


def _onnx(path: Path, made: Made) -> dict[str, Writer]:
    from .. import compiler

    return {path.name: partial(compiler.save_onnx, made.model, external_data=False)}


def _mlir(path: Path, made: Made) -> dict[str, Writer]:
    from ..compiler.pruning.kept import model_text

    weights = path.with_suffix(WEIGHTS).name
    return {path.name: _text(model_text(made.model)), weights: made.model.store.save}


def _masks(path: Path, made: Made) -> dict[str, Writer]:
    from ..compiler.pruning.masks_file import masks_text

    return {path.name: _text(masks_text(made.digest, made.removed))}


def _report(path: Path, made: Made) -> dict[str, Writer]:
    assert made.report is not None
    return {path.name: _text(made.report(path.suffix))}


def _text(text: str) -> Writer:
    return lambda part: part.write_text(text, encoding="utf-8")


WEIGHTS = ".safetensors"

MODELS: dict[str, Files] = {".onnx": _onnx, ".mlir": _mlir}
"""Suffix of a model file -> what makes it."""
