"""The pruning experiment on a residual network: ResNet-20 on the drawn digits, which its first convolution
halves, so that five seeds take less than an hour of one core."""

from __future__ import annotations

from dataclasses import replace

from .reproduce_pruning import Recipe, experiment

FULL = Recipe(
    seeds=5,
    epochs=8,
    retrain=4,
    rounds=12,
    net="resnet20-halved",
    rate=0.1,
    methods=("ilp", "aap", "aiap"),
    indexed=("ilp", "aap"),
)
"""An epoch takes a core of Zen 3 some 6 s, an arm one and a half minutes."""

QUICK = replace(FULL, seeds=1, epochs=4, retrain=1, rounds=3)

run = experiment(FULL, QUICK)
