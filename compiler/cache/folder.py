"""A folder of files that several processes share: each appears whole, the least recently used go.

A file is written under a hidden name and renamed into its place; who has it open keeps what it was when it
is replaced or removed. A writer holds a lock on its hidden file as long as it writes, so what a killed writer
left is known by its lock being free. Files are private to the user: a folder or file that belongs to another
user, or that others may write to, is refused, since code is loaded from it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_PART = ".part"
_ABANDONED_S = 60
"""A hidden file younger than this is left alone: its writer may not have locked it yet, or just let go."""


class FolderError(Exception):
    """Why a folder or a file in it cannot be used, in one line."""


@dataclass(frozen=True)
class Found:
    """A file of the folder: its name, bytes, and when it was last used (seconds since the epoch)."""

    name: str
    size: int
    used: float


class PrivateFolder:
    """Files of one user, at most `limit` bytes of them. Nothing is made before the first file is written."""

    def __init__(self, path: Path, limit: int):
        self.path, self.limit = path, limit

    @contextmanager
    def reading(self, name: str, use: bool = True) -> Iterator[int | None]:
        """An open file, marked as just used unless `use` is false; None where there is none of that name."""
        with self._folder() as folder:
            file = None if folder is None else self._open(folder, name)
            try:
                if file is not None and use:
                    with suppress(OSError):  # a folder that is only readable is still read
                        os.utime(file)
                yield file
            finally:
                if file is not None:
                    os.close(file)

    def publish(self, name: str, write: Callable[[BinaryIO], None]) -> None:
        """Puts what `write` writes in the place of `name`, then removes what is over the limit."""
        for again in (True, False):
            try:
                with self._folder(make=True) as folder:
                    assert folder is not None
                    self._publish(folder, name, write)
                return
            except FileNotFoundError as error:  # somebody removed the folder: it is made once more
                if not again:
                    raise FolderError(f"{self.path}: vanished while it was written to") from error

    def _publish(self, folder: int, name: str, write: Callable[[BinaryIO], None]) -> None:
        hidden = f".{name}.{secrets.token_hex(8)}{_PART}"
        try:
            with _errors(self.path, "written"):
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
                with open(os.open(hidden, flags, 0o600, dir_fd=folder), "wb") as file:
                    _lock(file.fileno())
                    write(file)
                os.rename(hidden, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with suppress(OSError):
                os.unlink(hidden, dir_fd=folder)
            raise
        self._sweep(folder)
        self._evict(folder, keep=name)

    def found(self) -> list[Found]:
        """The files, the most recently used first."""
        with self._folder() as folder:
            return [] if folder is None else self._found(folder)

    def remove(self, name: str) -> bool:
        """Removes a file; False where there was none."""
        with self._folder() as folder, _errors(self.path, "written"):
            try:
                if folder is not None:
                    os.unlink(name, dir_fd=folder)
                return folder is not None
            except FileNotFoundError:
                return False

    def clear(self) -> int:
        """Removes every file, and what killed writers left; returns the bytes."""
        removed = sum(one.size for one in self.found() if self.remove(one.name))
        with self._folder() as folder:
            if folder is not None:
                self._sweep(folder)
        return removed

    @contextmanager
    def _folder(self, make: bool = False) -> Iterator[int | None]:
        with _errors(self.path, "opened"):
            if make:
                _make(self.path)
            try:
                folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except FileNotFoundError:
                if make:
                    raise
                folder = None
        try:
            if folder is not None:
                _check_private(os.stat(self.path.parent), str(self.path.parent))
                _check_private(os.fstat(folder), str(self.path))
            yield folder
        finally:
            if folder is not None:
                os.close(folder)

    def _open(self, folder: int, name: str) -> int | None:
        with _errors(self.path / name, "read"):
            try:
                file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            except FileNotFoundError:
                return None
        try:
            state = os.fstat(file)
            if not stat.S_ISREG(state.st_mode):
                raise FolderError(f"{self.path / name}: is not a file")
            _check_private(state, str(self.path / name))
        except BaseException:
            os.close(file)
            raise
        return file

    def _found(self, folder: int) -> list[Found]:
        found: list[Found] = []
        for name in os.listdir(folder):
            with suppress(FileNotFoundError):  # another process removes files too
                state = os.stat(name, dir_fd=folder, follow_symlinks=False)
                if stat.S_ISREG(state.st_mode) and not name.startswith("."):
                    found.append(Found(name, state.st_size, state.st_mtime))
        return sorted(found, key=lambda one: -one.used)

    def _evict(self, folder: int, keep: str) -> None:
        """The file that was just written stays, whatever its size."""
        total = 0
        for one in sorted(self._found(folder), key=lambda one: one.name != keep):
            total += one.size
            if total > self.limit and one.name != keep:
                with suppress(OSError):
                    os.unlink(one.name, dir_fd=folder)

    def _sweep(self, folder: int) -> None:
        """Removes the hidden files of writers that are no more."""
        for name in os.listdir(folder):
            if not (name.startswith(".") and name.endswith(_PART)):
                continue
            with suppress(OSError):
                file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
                try:
                    if time.time() - os.fstat(file).st_mtime > _ABANDONED_S:
                        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                        os.unlink(name, dir_fd=folder)
                finally:
                    os.close(file)


def _make(path: Path) -> None:
    """The folder and its parent, for the user alone."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.mkdir(exist_ok=True, mode=0o700)
    except FileExistsError as error:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from error


@contextmanager
def _errors(path: Path, what: str) -> Iterator[None]:
    """An OSError, but for a file that is not there, becomes a `FolderError`."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise FolderError(f"{path}: cannot be {what}: {(error.strerror or str(error)).lower()}") from error


def _check_private(state: os.stat_result, path: str) -> None:
    if state.st_uid != os.geteuid():
        raise FolderError(f"{path}: belongs to user {state.st_uid}, not to {os.geteuid()}: it is not trusted")
    if state.st_mode & 0o022:
        mode = stat.S_IMODE(state.st_mode)
        raise FolderError(f"{path}: others may write to it (mode {mode:o}): it is not trusted (chmod go-w)")


def _lock(file: int) -> None:
    with suppress(OSError):  # where the file system has no locks, the age alone tells
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
