"""Weights for models nobody trained, such that the output depends on the input as a trained one's would.

Every weight is drawn from a generator seeded by the model's and the weight's name, so it depends on nothing
else. He weights (fan_out) keep the size of the values from layer to layer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from zlib import crc32

import numpy as np


def generator(*names: str) -> np.random.Generator:
    return np.random.default_rng([crc32(name.encode()) for name in names])


def he(rng: np.random.Generator, shape: Sequence[int], fan_out: int) -> np.ndarray:
    """Normal f32 weights of variance 2 / fan_out."""
    return rng.standard_normal(shape, np.float32) * np.float32(math.sqrt(2 / max(1, fan_out)))


def scale(rng: np.random.Generator, shape: Sequence[int]) -> np.ndarray:
    """Factors around 1, as a norm learns them; never near zero."""
    return rng.uniform(0.7, 1.3, shape).astype(np.float32)


def shift(rng: np.random.Generator, shape: Sequence[int]) -> np.ndarray:
    """Small offsets."""
    return rng.normal(0, 0.1, shape).astype(np.float32)


def rounded(statistics: np.ndarray) -> np.ndarray:
    """Measured statistics with 8 bits of precision: the order of sums, which differs from machine to
    machine, then hardly ever shows in a model's bytes."""
    return (statistics.astype(np.float32).view(np.uint32) + 0x8000 & 0xFFFF0000).view(np.float32)
