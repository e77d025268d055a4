"""What a module under training is worth."""

from __future__ import annotations

import numpy as np
import torch

from .arrays import to_torch


def accuracy(module: torch.nn.Module, inputs: np.ndarray, labels: np.ndarray, size: int = 256) -> float:
    """The share of `inputs` [N, ...] whose largest output [N, classes] is at the label, in eval mode."""
    before, right = module.training, 0
    device = next(module.parameters()).device
    module.eval()
    with torch.no_grad():
        for start in range(0, len(inputs), size):
            scores = module(to_torch(inputs[start : start + size]).to(device))
            right += int((scores.argmax(1).cpu().numpy() == labels[start : start + size]).sum())
    module.train(before)
    return right / len(inputs)
