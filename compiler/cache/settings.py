"""Which cache a compile uses: what the caller says, or the environment, or the user's own folder."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from ...dialects.errors import UsageError
from .folder import PrivateFolder

DEFAULT_LIMIT = 4 << 30
"""Bytes of compiled models."""

TUNED_LIMIT = 256 << 20
"""Bytes of what tuning has found."""

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


@dataclass(frozen=True)
class Settings:
    """A cache: its folder, and the bytes of compiled models that it may hold."""

    root: Path
    limit: int = DEFAULT_LIMIT

    @staticmethod
    def of(choice: CacheChoice) -> Settings | None:
        """The cache that a caller means: True for the user's, False for none, else a folder or settings."""
        if choice is False:
            return None
        if isinstance(choice, Settings):
            return choice
        limit = _limit(os.environ.get("TENONC_CACHE_LIMIT", ""))
        if choice is not True:
            return Settings(Path(os.path.abspath(choice)), limit)
        given = os.environ.get("TENONC_CACHE", "")
        if given == "off":
            return None
        return Settings(Path(os.path.abspath(given)) if given else _home(), limit)

    def with_limit(self, text: str) -> Settings:
        """The same folder, with another limit, such as 500M."""
        return replace(self, limit=byte_count(text))

    def tuned(self) -> PrivateFolder:
        """What tuning has found, a small file for each kernel."""
        return PrivateFolder(self.root / "tuned", TUNED_LIMIT)

    def artifacts(self) -> PrivateFolder:
        """The compiled models."""
        return PrivateFolder(self.root / "artifacts", self.limit)


CacheChoice = bool | str | os.PathLike[str] | Settings


def byte_count(text: str) -> int:
    """`500M` as a number of bytes; K, M, G and T are powers of 1024."""
    match = re.fullmatch(r"(\d{1,12})([KMGT]?)i?B?", text.strip(), re.IGNORECASE)
    if match is None:
        raise UsageError(f"'{text}' is no size, expected bytes such as 4G or 500M")
    return int(match[1]) * _UNITS[match[2].upper()]


def _limit(text: str) -> int:
    try:
        return byte_count(text) if text else DEFAULT_LIMIT
    except UsageError as error:
        raise UsageError(f"TENONC_CACHE_LIMIT: {error}") from None


def _home() -> Path:
    """XDG says: an absolute path, anything else is ignored."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(given) if os.path.isabs(given) else Path("~/.cache").expanduser()
    return Path(os.path.abspath(base / "tenonc"))
