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


def images(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """A batch [N, C, H, W] of noise at several scales, up to whole images' means, of variance 1.

    White noise would give every image the same features, up to little: batch norms would divide by next to
    nothing, and the network would magnify rounding errors."""
    batch, channels, height, width = shape
    total = np.zeros(shape, np.float32)
    steps = (1, 4, 16, 64, max(height, width))
    for step in steps:
        coarse = (batch, channels, -(-height // step), -(-width // step))
        noise = rng.standard_normal(coarse, np.float32)
        total += noise.repeat(step, 2).repeat(step, 3)[:, :, :height, :width]
    return total / np.float32(math.sqrt(len(steps)))


def rounded(statistics: np.ndarray) -> np.ndarray:
    """Measured statistics with 12 bits of precision: the order of sums, which differs from machine to
    machine, then hardly ever shows in a model's bytes."""
    return (statistics.astype(np.float32).view(np.uint32) + 0x800 & 0xFFFFF000).view(np.float32)
