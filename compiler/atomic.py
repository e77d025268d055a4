"""Output files that appear whole or not at all: written beside their place, then renamed into it."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
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
    """Let `writer` make the file `path`. A device or a pipe is written to, never replaced by a file."""
    with one_line_errors(path):
        mode = path.stat().st_mode if path.exists() else stat.S_IFREG
    _check_no_folder(path)
    # /dev/stdout is a link, to a regular file where stdout is redirected: the link must stay.
    if stat.S_ISREG(mode) and path.absolute().parts[1:2] not in (("dev",), ("proc",)):
        write_files(path.parent, {path.name: writer})
        return
    with one_line_errors(path), tempfile.TemporaryDirectory(prefix="tenonc-") as folder:
        content = Path(folder) / path.name
        writer(content)
        with path.open("wb") as device:
            device.write(content.read_bytes())


def check_file(path: Path) -> None:
    """Raise early where the file `path` cannot be made or written to."""
    _check_no_folder(path)
    if not path.exists() or path.is_file():  # a device or a pipe is written to in place
        check_folder(path.parent)


def _check_no_folder(path: Path) -> None:
    with one_line_errors(path):
        if path.is_dir():
            raise TenonError(f"{path}: is a directory, expected a file name")


def check_folder(folder: Path) -> None:
    """Raise early, before hours of work, where `folder` cannot be made or written to."""
    existing = folder
    with one_line_errors(folder):
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
    for name in writers:  # found now, before the first file has moved
        _check_no_folder(folder / name)
    with one_line_errors(folder), _folder(folder):
        staging = Path(tempfile.mkdtemp(prefix=".tenonc-", dir=folder))
        try:
            for name, writer in writers.items():
                writer(staging / name)
            for name in writers:
                os.replace(staging / name, folder / name)
        finally:
            shutil.rmtree(staging, ignore_errors=True)


@contextmanager
def _folder(folder: Path) -> Iterator[None]:
    """`folder` with its parents; those made here vanish again if what follows fails, unless somebody else has
    put something there meanwhile."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for path in missing:
            with suppress(OSError):
                path.rmdir()
        raise
