"""The sizes of this machine's data caches, as Linux tells them in /sys.

Where that folder is missing (some containers) the C library says what it found by cpuid; `os.sysconf` takes
these only by number, Python has no names for them."""

from __future__ import annotations

import os
from pathlib import Path

SYSFS = Path("/sys/devices/system/cpu/cpu0/cache")
GLIBC_NUMBERS = {1: 188, 2: 191}
"""_SC_LEVEL1_DCACHE_SIZE and _SC_LEVEL2_CACHE_SIZE of glibc's bits/confname.h."""

SANE = range(4 << 10, (64 << 20) + 1)
"""Bytes of a cache of one core: what lies outside is a wrong answer of some virtual machine."""


def cache_bytes(level: int, default: int, folder: Path = SYSFS) -> int:
    """Bytes of the data cache of a level, 1 or 2; `default` where nothing that can be believed tells them."""
    found = (_from_sysfs(level, folder), _from_libc(level))
    return next((size for size in found if size in SANE), default)


def _from_sysfs(level: int, folder: Path) -> int:
    """0 where it does not say."""
    for index in sorted(folder.glob("index*")):
        try:
            told = {name: (index / name).read_text().strip() for name in ("level", "type", "size")}
            if told["level"] == str(level) and told["type"] in ("Data", "Unified"):
                return _bytes(told["size"])
        except (OSError, ValueError):
            continue
    return 0


def _bytes(size: str) -> int:
    """Of `32K` or `1M`."""
    unit = {"K": 1 << 10, "M": 1 << 20}.get(size[-1:], 1)
    return int(size.rstrip("KM")) * unit


def _from_libc(level: int) -> int:
    if "CS_GNU_LIBC_VERSION" not in os.confstr_names:
        return 0
    try:
        return os.sysconf(GLIBC_NUMBERS[level])
    except (OSError, ValueError):
        return 0
