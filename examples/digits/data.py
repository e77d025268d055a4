"""The digits data set and its one split: what `train.py` learns from and what `demo.py` measures on.

scikit-learn bundles 1797 handwritten digits of 8x8 pixels, 0 to 16. They are used as float32 images
[N, 1, 8, 8] in 0 to 1. The split is a seeded permutation, so that the held-out images are the same wherever
it is made.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

HELD_OUT = 360
SPLIT_SEED = 7


class Split(NamedTuple):
    """Images [N, 1, 8, 8] float32 and labels [N] int64."""

    images: np.ndarray
    labels: np.ndarray


def load_split() -> tuple[Split, Split]:
    """The training part (1437 images) and the held-out part (360 images)."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = (np.asarray(digits.images, dtype=np.float32) / np.float32(16))[:, None]
    labels = np.asarray(digits.target, dtype=np.int64)
    order = np.random.default_rng(SPLIT_SEED).permutation(len(images))
    train, held_out = order[HELD_OUT:], order[:HELD_OUT]
    return Split(images[train], labels[train]), Split(images[held_out], labels[held_out])
