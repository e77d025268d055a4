"""Memory that starts where registers and cache lines do."""

from __future__ import annotations

import numpy as np

ALIGNMENT = 64
"""Bytes: a cache line, and the widest vector register."""


def aligned_bytes(size: int) -> np.ndarray:
    """Uninitialized bytes at a multiple of 64; at least one, so that the address exists."""
    memory = np.empty(max(1, size) + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + max(1, size)]


def aligned(content: np.ndarray) -> np.ndarray:
    """The bytes of `content` at a multiple of 64: `content` itself where it is such bytes."""
    if content.dtype == np.uint8 and content.ndim == 1 and content.size and content.flags.c_contiguous:
        if content.ctypes.data % ALIGNMENT == 0:
            return content
    memory = aligned_bytes(content.nbytes)
    memory[: content.nbytes] = np.ascontiguousarray(content).reshape(-1).view(np.uint8)
    return memory
