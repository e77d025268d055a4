"""The pruning experiment of the papers: ResNet-56 on CIFAR-10, for whoever has the data.

tenonc data cifar10 --source cifar-10-batches-py -o build/reproduce/pruning-cifar/full/data.npz
tenonc reproduce pruning-cifar --threads 8
"""

from __future__ import annotations

from dataclasses import replace

from .reproduce_pruning import Recipe, experiment

FULL = Recipe(
    seeds=5,
    epochs=182,
    retrain=91,
    rounds=16,
    net="resnet56",
    batch=512,
    rate=0.1,
    decay=2e-4,
    cifar=True,
    indexed=("ilp", "aap"),
)
QUICK = replace(FULL, seeds=1, epochs=20, retrain=4, rounds=6)

run = experiment(FULL, QUICK)
