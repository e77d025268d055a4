"""Image data sets: one that is drawn, and a reader of a published one."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...dialects.errors import TenonError


class Split(NamedTuple):
    """Images [N, channels, height, width] float32 in 0 to 1, and labels [N] int64."""

    images: np.ndarray
    labels: np.ndarray


class DataSet(NamedTuple):
    """What is trained on, what a controller may look at while it decides, and what only the report sees."""

    train: Split
    control: Split
    test: Split

    def splits(self) -> Iterator[tuple[str, Split]]:
        yield from zip(self._fields, self, strict=True)


def save(data: DataSet, path: Path) -> None:
    """Writes arrays `train_images`, `train_labels`, `control_images`, ...; pixels as the bytes they were."""
    arrays: dict[str, np.ndarray] = {}
    for name, split in data.splits():
        arrays[f"{name}_images"] = (split.images * 255).round().astype(np.uint8)
        arrays[f"{name}_labels"] = split.labels
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)  # pyright: ignore[reportArgumentType]


def read(path: str | Path) -> DataSet:
    """What `save` wrote. Raises TenonError for another file."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return DataSet(*(_split(file, name) for name in DataSet._fields))
    except (OSError, KeyError, ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise TenonError(f"{path}: not a data set of `tenonc data`: {error}") from None


def _split(file: np.lib.npyio.NpzFile, name: str) -> Split:
    images, labels = file[f"{name}_images"], file[f"{name}_labels"]
    if (
        images.dtype != np.uint8
        or images.ndim != 4
        or labels.dtype != np.int64
        or labels.shape != images.shape[:1]
    ):
        found = f"{images.dtype} {list(images.shape)} and {labels.dtype} {list(labels.shape)}"
        raise ValueError(f"{name} has {found}, expected uint8 [N, C, H, W] and int64 [N]")
    return Split(images.astype(np.float32) / np.float32(255), labels)
