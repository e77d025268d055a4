"""Stochastic gradient descent with momentum, as torch has it.

Of our own, since torch's optimizers import its compiler when they are made: two seconds of every process."""

from __future__ import annotations

import torch
from torch import Tensor

from .module import TorchModule


class Descent:
    """Steps of `module`'s parameters against their gradients, scaled by `rate`; `velocities` are the running
    sums, by parameter name. Weight decay leaves the parameters of norms alone."""

    def __init__(self, module: TorchModule, momentum: float, weight_decay: float):
        spared = module.without_decay()
        self.parameters = {name: p for name, p in module.named_parameters() if p.requires_grad}
        self.decay = {name: 0.0 if name in spared else weight_decay for name in self.parameters}
        self.momentum, self.rate = momentum, 0.0
        self.velocities: dict[str, Tensor] = {}

    def zero_grad(self) -> None:
        for parameter in self.parameters.values():
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        for name, parameter in self.parameters.items():
            if parameter.grad is None:
                continue
            gradient = parameter.grad.add(parameter, alpha=self.decay[name])
            velocity = self.velocities.setdefault(name, torch.zeros_like(parameter))
            velocity.mul_(self.momentum).add_(gradient)
            parameter.add_(velocity, alpha=-self.rate)
