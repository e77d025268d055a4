"""What is trained on instead of an image."""

from __future__ import annotations

import numpy as np


def shifted(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each image moved by up to four pixels, zeros behind it, and every other one mirrored."""
    size = images.shape[2:]
    padded = np.pad(images, [(0, 0), (0, 0), (4, 4), (4, 4)])
    made = np.empty_like(images)
    for index, (down, right, mirrored) in enumerate(rng.integers(0, [9, 9, 2], (len(images), 3)).tolist()):
        cut = padded[index, :, down : down + size[0], right : right + size[1]]
        made[index] = cut[:, :, ::-1] if mirrored else cut
    return made
