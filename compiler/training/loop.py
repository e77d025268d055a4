"""A training loop for fine-tuning: momentum, a stepped learning rate, and both kinds of rewinding.

history = fit(module, batches, epochs=30, lr=0.1, steps=(15, 22), keep=(4,))
fit(module, batches, epochs=30, lr=0.1, steps=(15, 22), start=4)                 # rewinds the learning rate
fit(module, batches, epochs=30, lr=0.1, steps=(15, 22), start=history.kept[4])   # and the weights
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ...dialects.errors import TenonError
from ..model import Model
from .arrays import to_torch
from .module import TorchModule
from .optimizer import Descent

Batches = Iterable[Any] | Callable[[int], Iterable[Any]]
"""Pairs of inputs (one, or a tuple) and what the loss compares the outputs with; or a function that gives
those of an epoch."""

Loss = Callable[[Any, Tensor], Tensor]


class Epoch(NamedTuple):
    """What an epoch did: its number, its learning rate, the mean loss of its batches, and its seconds."""

    number: int
    rate: float
    loss: float
    seconds: float


@dataclass(frozen=True)
class Snapshot:
    """The state before an epoch: weights and statistics, and the velocities of the descent, by name."""

    epoch: int
    weights: dict[str, Tensor]
    velocities: dict[str, Tensor]


@dataclass
class History:
    """The epochs that were run, and the states that were asked for."""

    epochs: list[Epoch] = field(default_factory=list)
    kept: dict[int, Snapshot] = field(default_factory=dict)


def print_epoch(epoch: Epoch) -> None:
    """One line on stderr."""
    text = f"epoch {epoch.number + 1}: loss {epoch.loss:.4f}, rate {epoch.rate:.3g}, {epoch.seconds:.1f} s"
    print(text, file=sys.stderr)


def fit(
    module: torch.nn.Module,
    batches: Batches,
    loss: Loss = F.cross_entropy,
    *,
    epochs: int,
    lr: float,
    momentum: float = 0.9,
    weight_decay: float = 0.0,
    steps: Collection[int] = (),
    factor: float = 0.1,
    seed: int = 0,
    device: str | torch.device = "cpu",
    start: int | Snapshot = 0,
    keep: Collection[int] = (),
    on_epoch: Callable[[Epoch], None] | None = print_epoch,
) -> History:
    """Trains `module`, a TorchModule or one in torch's DistributedDataParallel, in place.

    The learning rate is `lr`, times `factor` from each epoch of `steps` on. Weight decay leaves the
    parameters of norms alone. `start` is the epoch the schedule begins at, weights as they are (learning-rate
    rewinding), or the state to begin with (weight rewinding); `epochs` is where it ends. `keep` names the
    epochs before which the state is kept (`epochs` for the last state).
    Equal arguments give equal weights on one machine: torch's generators are seeded before every epoch, and
    deterministic algorithms are asked for. `on_epoch` is told what each did. Raises TenonError where the loss
    is no finite number."""
    core = unwrapped(module)
    if not any(parameter.requires_grad for parameter in core.parameters()):
        raise TenonError("the model has no weights to train")
    module.to(device)
    optimizer = Descent(core, momentum, weight_decay)
    first = _restore(core, optimizer, start) if isinstance(start, Snapshot) else start
    history = History()
    with _training(module), _deterministic(torch.device(device)):
        for number in range(first, epochs + 1):
            if number in keep:
                state = _copies(core.state_dict()), _copies(optimizer.velocities)
                history.kept[number] = Snapshot(number, *state)
            if number == epochs:
                break
            torch.manual_seed((seed << 32) + number)
            optimizer.rate = lr * factor ** sum(step <= number for step in steps)
            history.epochs.append(_epoch(module, optimizer, batches, loss, number))
            if on_epoch is not None:
                on_epoch(history.epochs[-1])
    return history


def fine_tune(model: Model, train: Callable[[TorchModule], Any]) -> Model:
    """`model` after `train` has trained it: `fit` with its arguments, or any loop of the caller's, which may
    run in every process of torchrun and wrap the module in DistributedDataParallel."""
    module = TorchModule(model)
    train(module)
    return module.write_back()


def unwrapped(module: torch.nn.Module) -> TorchModule:
    """The TorchModule inside what distributes it."""
    core = module if isinstance(module, TorchModule) else getattr(module, "module", None)
    if not isinstance(core, TorchModule):
        given = type(module).__name__
        raise TenonError(f"expected a TorchModule, or one in DistributedDataParallel, got {given}")
    return core


def _epoch(module: torch.nn.Module, optimizer: Descent, batches: Batches, loss: Loss, number: int) -> Epoch:
    began, values = time.perf_counter(), []
    device = next(module.parameters()).device
    for inputs, target in batches(number) if callable(batches) else batches:
        given = inputs if isinstance(inputs, tuple | list) else (inputs,)
        optimizer.zero_grad()
        value = loss(module(*(_tensor(x, device) for x in given)), _tensor(target, device))
        values.append(value.item())
        if not math.isfinite(values[-1]):
            where = f"epoch {number + 1}, batch {len(values)}"
            raise TenonError(f"{where}: the loss is {values[-1]}, expected a finite number")
        value.backward()
        optimizer.step()
    if not values:
        raise TenonError(f"epoch {number + 1}: there are no batches")
    return Epoch(number, optimizer.rate, sum(values) / len(values), time.perf_counter() - began)


def _tensor(value: Any, device: torch.device) -> Tensor:
    return (value if isinstance(value, Tensor) else to_torch(np.asarray(value))).to(device)


def _copies(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().clone() for name, tensor in tensors.items()}


def _restore(module: TorchModule, optimizer: Descent, snapshot: Snapshot) -> int:
    module.load_state_dict(snapshot.weights)
    for name, velocity in _copies(snapshot.velocities).items():
        optimizer.velocities[name] = velocity.to(optimizer.parameters[name])
    return snapshot.epoch


@contextmanager
def _training(module: torch.nn.Module) -> Iterator[None]:
    """In training mode; then in the mode it was in."""
    before = module.training
    module.train()
    try:
        yield
    finally:
        module.train(before)


@contextmanager
def _deterministic(device: torch.device) -> Iterator[None]:
    """torch's generators and its choice of algorithms are the caller's again afterwards. What runs on the
    CPU has one algorithm; to ask for it would import torch's compiler."""
    before = torch.are_deterministic_algorithms_enabled()
    warns = torch.is_deterministic_algorithms_warn_only_enabled()
    with torch.random.fork_rng():
        if device.type == "cpu":
            yield
            return
        torch.use_deterministic_algorithms(True, warn_only=True)
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(before, warn_only=warns)
