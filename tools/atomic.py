"""Output files that appear whole or not at all: written beside their place, then renamed into it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ..dialects.errors import TenonError

Writer = Callable[[Path], object]
"""Writes one file to the path it is given."""


@contextmanager
def one_line_errors(path: Path) -> Iterator[None]:
    """An OSError while writing `path` becomes one line."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise TenonError(f"{path}: cannot be written: {reason}") from error


def write_file(path: Path, writer: Writer) -> None:
    """Let `writer` make the file `path`."""
    if path.is_dir():
        raise TenonError(f"{path}: is a directory, expected a file name")
    write_files(path.parent, {path.name: writer})


def check_folder(folder: Path) -> None:
    """Raise early, before hours of work, where `folder` cannot be made or written to."""
    existing = folder
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    if not existing.is_dir():
        raise TenonError(f"{folder}: cannot be written: {existing} is not a directory")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise TenonError(f"{folder}: cannot be written: permission denied")


def write_files(folder: Path, writers: Mapping[str, Writer]) -> None:
    """Make every file in a hidden folder inside `folder`, then move all of them into their places.

    Files already there under other names stay."""
    check_folder(folder)
    with one_line_errors(folder):
        fresh = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".tenonc-", dir=folder))
        try:
            for name, writer in writers.items():
                writer(staging / name)
            for name in writers:
                os.replace(staging / name, folder / name)
            fresh = False
        finally:
            shutil.rmtree(staging, ignore_errors=True)
            if fresh:
                shutil.rmtree(folder, ignore_errors=True)
