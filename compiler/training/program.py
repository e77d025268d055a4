"""A function of nn ops as a list of steps on torch tensors, made once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor
from xdsl.dialects.builtin import NameLoc
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Operation, SSAValue

from ...dialects import nn, prune
from ...dialects.errors import TenonError


class Call(NamedTuple):
    """What a call of a program knows besides its arguments: the constants by name, and the mode."""

    leaves: Mapping[str, Tensor]
    training: bool


NOT_RUN = (nn.ConstantOp, ReturnOp, prune.GroupOp, prune.ScoreOp)
"""Ops that state something."""

Runner = Callable[..., tuple[Tensor, ...]]
"""(call, tensors of the operands...) -> tensors of the results."""


class Step(NamedTuple):
    """One op. Values are numbered; those in `last` are not read any more."""

    op: Operation
    run: Runner
    operands: tuple[int, ...]
    results: tuple[int, ...]
    last: tuple[int, ...] = ()


@dataclass(frozen=True)
class Setting:
    """How programs are made: the constants' names; `floats`, the dtype of every float, if one is given;
    `momentum`, the share of a batch in running statistics."""

    names: Mapping[SSAValue, str]
    floats: torch.dtype | None
    momentum: float
    programs: dict[FuncOp, Program] = field(default_factory=dict)

    def program_of(self, function: FuncOp) -> Program:
        """That of a function which loops run; one for all of them."""
        if function not in self.programs:
            self.programs[function] = Program(function, self)
        return self.programs[function]


class Program:
    """Runs the ops of `function` on tensors."""

    def __init__(self, function: FuncOp, setting: Setting):
        from .runners import runner_of

        numbers: dict[SSAValue, int] = {}

        def numbered(values: Sequence[SSAValue]) -> tuple[int, ...]:
            return tuple(numbers.setdefault(value, len(numbers)) for value in values)

        block = function.body.block
        self.arguments = numbered(block.args)
        ops = [op for op in block.ops if not isinstance(op, NOT_RUN)]
        constants = [op.result for op in block.ops if isinstance(op, nn.ConstantOp)]
        self.leaves = {numbered([value])[0]: setting.names[value] for value in constants}
        steps = [Step(op, runner_of(op, setting), numbered(op.operands), numbered(op.results)) for op in ops]
        returned = block.last_op
        assert isinstance(returned, ReturnOp)
        self.results = numbered(returned.operands)
        self.steps = _with_last_uses(steps, {*self.results, *self.leaves})

    def __call__(self, call: Call, arguments: Sequence[Tensor]) -> tuple[Tensor, ...]:
        values = dict(zip(self.arguments, arguments, strict=True))
        values |= {number: call.leaves[name] for number, name in self.leaves.items()}
        for step in self.steps:
            operands = [values[number] for number in step.operands]
            values.update(zip(step.results, _run(step, call, operands), strict=True))
            for number in step.last:
                del values[number]
        return tuple(values[number] for number in self.results)


def _run(step: Step, call: Call, operands: Sequence[Tensor]) -> tuple[Tensor, ...]:
    try:
        results = step.run(call, *operands)
    except (RuntimeError, IndexError, ValueError) as error:
        shapes = ", ".join(nn.shape_text(x.shape) for x in operands)
        reason = str(error).splitlines()[0].rstrip(".")
        raise TenonError(f"{described(step.op)} fails on {shapes}: {reason}") from error
    for value, found in zip(step.op.results, results, strict=True):
        check_batch(step.op, nn.tensor_of(value).get_shape(), tuple(found.shape))
    return results


def check_batch(op: Operation, shape: tuple[int, ...], found: tuple[int, ...]) -> None:
    """A tensor may be longer than the model's along one axis, that of the batch."""
    if found == shape:
        return
    longer = [(f, n) for f, n in zip(found, shape, strict=True) if f != n]
    if len(longer) != 1 or not longer[0][1] or longer[0][0] % longer[0][1]:
        text = f"{nn.shape_text(found)}, {nn.shape_text(shape)} in the model"
        raise TenonError(f"{described(op)} does not keep a batch apart: its result has shape {text}")


def described(op: Operation) -> str:
    """An op in an error line."""
    return f"{op.name} at '{op.location.desc.data}'" if isinstance(op.location, NameLoc) else op.name


def _with_last_uses(steps: list[Step], kept: set[int]) -> list[Step]:
    """Backwards: the first sight of a value is where it can be dropped."""
    seen, found = set(kept), []
    for step in reversed(steps):
        mentioned = dict.fromkeys((*step.operands, *step.results))
        found.append(step._replace(last=tuple(n for n in mentioned if n not in seen)))
        seen.update(mentioned)
    return found[::-1]
