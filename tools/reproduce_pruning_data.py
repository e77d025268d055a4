"""The data of the pruning experiments: a file in the folder of each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..compiler.atomic import write_file
from ..dialects.errors import TenonError

if TYPE_CHECKING:
    from .data import DataSet

DATA = "data.npz"


def prepare(folder: Path, cifar: bool, step: Callable[[str], None]) -> None:
    """Draws digits, unless there is data. Raises TenonError where CIFAR's are wanted and not there."""
    from .data import save
    from .data.glyphs import glyphs

    path = folder / DATA
    if path.exists():
        return
    if cifar:
        raise TenonError(f"{path}: no such file, make it: tenonc data cifar10 --source FOLDER -o {path}")
    step("drawing digits")
    made = glyphs()
    write_file(path, lambda part: save(made, part))


def opened(folder: str) -> DataSet:
    """What is trained on; from now on by one thread, since other jobs have the other cores."""
    import torch

    from .data import read

    torch.set_num_threads(1)
    return read(Path(folder) / DATA)
