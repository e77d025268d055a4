"""What a cache holds, for who wants to look."""

from __future__ import annotations

from dataclasses import dataclass

from .artifacts import SUFFIX
from .entry import EntryError, read_facts
from .folder import FolderError
from .settings import Settings


@dataclass(frozen=True)
class Listed:
    """A compiled model: its key, the name it was compiled under, its target, the tenonc that made it, bytes,
    and when it was last used (seconds since the epoch)."""

    key: str
    model: str
    target: str
    version: str
    size: int
    used: float


def listed(settings: Settings) -> list[Listed]:
    """The compiled models of a cache, the most recently used first. Raises `FolderError`."""
    folder = settings.artifacts()
    found: list[Listed] = []
    for one in folder.found():
        try:
            with folder.reading(one.name, use=False) as file:
                facts = {} if file is None else read_facts(file)
        except (FolderError, EntryError, OSError):
            facts = {}
        version = facts.get("versions", {}).get("tenonc", "")
        key = one.name.removesuffix(SUFFIX)
        model = facts.get("model", "(unreadable)")
        found.append(Listed(key, model, facts.get("target", ""), version, one.size, one.used))
    return found
