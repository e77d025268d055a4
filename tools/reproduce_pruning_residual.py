"""The pruning experiment on a residual network: ResNet-20 on the drawn digits, which its first convolution
halves, so that five seeds take little more than an hour of two cores."""

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
"""An arm takes some four minutes of a core of Zen 3. After eight rounds most can still go on."""

QUICK = replace(FULL, seeds=1, epochs=4, retrain=1, rounds=3)

run = experiment(FULL, QUICK)
