"""op class -> what makes a torch function of such an op."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ....dialects import nn
from ....dialects.errors import TenonError

Run = Callable[..., torch.Tensor]
"""Tensors of the op's operands -> its result."""

RULES: dict[type, Callable[[Any], Run]] = {}
"""Every rule is a function of an op that looks at its properties once and returns a `Run`. Shapes are those
of the tensors it is called with: along the batch they may exceed the op's."""


def torch_rule(op: type[nn.NNOperation]) -> Callable[[Callable[[Any], Run]], Callable[[Any], Run]]:
    """Makes the decorated function the rule of `op`."""

    def register(rule: Callable[[Any], Run]) -> Callable[[Any], Run]:
        assert op not in RULES, op
        RULES[op] = rule
        return rule

    return register


def check_not_batched(op: nn.NNOperation, x: torch.Tensor, axes: tuple[int, ...]) -> None:
    """TenonError where the op would mix the elements of a batch that the model does not have."""
    shape = nn.tensor_of(op.operands[0]).get_shape()
    for axis in axes:
        if x.shape[axis] != shape[axis]:
            found = f"axis {axis} of its operand has {x.shape[axis]} elements, {shape[axis]} in the model"
            raise TenonError(f"{op.name} runs along the batch: {found}")
