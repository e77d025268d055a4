"""What tuning has found, kept in the cache: one small file a kernel, and the schedules a compile takes from
them.

A file is named by the digest of the kernel by itself, its target and the options (`kernel_module.py`), so
what was found for one model serves every model with that very kernel."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from xdsl.dialects.builtin import ArrayAttr, ModuleOp
from xdsl.utils.exceptions import ParseError

from ...dialects import tensorized
from ..cache.entry import EntryError, read_facts, write_entry
from ..cache.folder import FolderError
from ..cache.settings import Settings
from ..options import CompileOptions
from .kernel_module import kernel_key, kernel_module, parse_schedule


@dataclass
class Found:
    """The state of one kernel's search. `schedule`: the best, None as long as none beats the rules', and
    `choice` what it came from; `before` and `after`: seconds of a call under the rules' schedule and the
    best; `tried`: schedule -> its time over that of the best so far, or what went wrong; `done`: nothing is
    left."""

    schedule: str | None = None
    choice: dict[str, Any] | None = None
    before: float = 0.0
    after: float = 0.0
    tried: dict[str, float | str] = field(default_factory=dict)
    done: bool = False


class Kept:
    """The findings of a cache."""

    def __init__(self, settings: Settings):
        self._folder = settings.tuned()

    def any(self) -> bool:
        """Whether there are findings at all."""
        try:
            return bool(self._folder.found())
        except FolderError:
            return False

    def load(self, key: str) -> Found | None:
        """What is known of a kernel; None where nothing is, or it cannot be read."""
        try:
            with self._folder.reading(key, use=False) as file:
                return None if file is None else Found(**read_facts(file))
        except (FolderError, EntryError, OSError, TypeError):
            return None

    def save(self, key: str, found: Found) -> None:
        """Raises `FolderError`."""
        self._folder.publish(key, lambda file: write_entry(file, asdict(found), {}))

    def stamp(self, keys: Sequence[str]) -> str:
        """A digest of the schedules known for kernels: code that was compiled with others is out of date."""
        digest = hashlib.sha256()
        for key in keys:
            found = self.load(key)
            if found is not None and found.schedule is not None:
                digest.update(f"{key} {found.schedule}\n".encode())
        return digest.hexdigest()


class TunedSchedules:
    """The schedules that a cache knows for one compile. `keys`: of the kernels it was applied to, None as
    long as it was to none, which is as it stays where the cache has no findings."""

    def __init__(self, settings: Settings, options: CompileOptions):
        self._kept, self._options = Kept(settings), options
        self.keys: list[str] | None = None

    def apply(self, module: ModuleOp) -> None:
        """Sets the best known schedule on every kernel that has one."""
        if not self._kept.any():
            return
        self.keys = []
        for kernel in tensorized.kernels(module):
            key = kernel_key(kernel_module(module, kernel), self._options)
            found = None if key is None else self._kept.load(key)
            self.keys += [] if key is None else [key]
            if found is not None and found.schedule is not None:
                try:
                    kernel.properties["schedule"] = ArrayAttr(parse_schedule(found.schedule))
                except ParseError:
                    continue

    def stamp(self) -> str:
        """Of what was applied."""
        return self.stamp_of(self.keys)

    def stamp_of(self, keys: Sequence[str] | None) -> str:
        """What `stamp` would be now for a compile with kernels of these keys."""
        if keys is None:
            return "unknown" if self._kept.any() else "none"
        return self._kept.stamp(keys)
