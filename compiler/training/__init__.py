"""Training on the IR: an imported model as a torch module, and loops that fine-tune it.

    from tenonc.compiler import load, training
    module = training.TorchModule(load("model.onnx"))
    batches = training.Minibatches(images, labels, size=128)
    training.fit(module, batches, epochs=10, lr=0.01)     # or any training loop of torch
    model = module.write_back()                           # compile(model), save_onnx(model, "trained.onnx")

Needs the extra `torch`, which is imported on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ...dialects.errors import TenonError

if TYPE_CHECKING:
    from .batches import Minibatches
    from .fresh import initialize
    from .loop import Epoch, History, Snapshot, fine_tune, fit, print_epoch
    from .measure import accuracy
    from .module import TorchModule

__all__ = [
    "Epoch", "History", "Minibatches", "Snapshot", "TorchModule", "accuracy", "fine_tune", "fit",
    "initialize", "print_epoch",
]  # fmt: skip

_HOMES = {
    "Epoch": ".loop",
    "History": ".loop",
    "Minibatches": ".batches",
    "Snapshot": ".loop",
    "TorchModule": ".module",
    "accuracy": ".measure",
    "fine_tune": ".loop",
    "fit": ".loop",
    "initialize": ".fresh",
    "print_epoch": ".loop",
}
"""Public name -> the module that defines it."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    try:
        value = getattr(import_module(_HOMES[name], __name__), name)
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise TenonError("training needs the extra torch: pip install 'tenonc[torch]'") from None
    globals()[name] = value
    return value
