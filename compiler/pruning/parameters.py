"""Constants as ops see them, through reshapes and transposes: read, and set so that the IR stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from xdsl.ir import Operation, SSAValue

from ...dialects import nn
from ...passes.pruning.rules import shape_of
from ...passes.rewriting import keep_location
from ..constants import ConstantRunner, set_constant
from ..model import Model


class Place(NamedTuple):
    """An operand of an op."""

    op: Operation
    index: int

    @property
    def value(self) -> SSAValue:
        return self.op.operands[self.index]


@dataclass(frozen=True)
class Parameter:
    """The constant of floats that an operand reads; `chain` leads from it to the operand."""

    place: Place
    constant: nn.ConstantOp
    chain: Sequence[Operation]

    @property
    def is_shared(self) -> bool:
        """Whether anything else reads it."""
        return any(len(list(op.results[0].uses)) > 1 for op in (self.constant, *self.chain))

    def array(self, model: Model) -> np.ndarray:
        """As the operand sees it."""
        return ConstantRunner(model.store).evaluate(self.place.value)

    def set(self, model: Model, array: np.ndarray) -> None:
        """Gives it another value; where others read the old one, it becomes one of its own."""
        own = self._separated() if self.is_shared else self
        for op in reversed(own.chain):
            if isinstance(op, nn.TransposeOp):
                array = np.transpose(array, np.argsort(op.value_of("perm")))
            array = array.reshape(shape_of(op.operands[0]))
        dtype = nn.numpy_dtype(nn.tensor_of(own.constant.result).element_type)
        set_constant(model.store, own.constant, array.astype(dtype))

    def _separated(self) -> Parameter:
        copies: list[Operation] = []
        for op in (self.constant, *self.chain):
            copy = op.clone()
            if copies:
                copy.operands[0] = copies[-1].results[0]
            block = op.parent
            assert block is not None
            block.insert_op_after(keep_location(copy, op), op)
            copies.append(copy)
        self.place.op.operands[self.place.index] = copies[-1].results[0]
        constant = copies[0]
        assert isinstance(constant, nn.ConstantOp)
        return Parameter(self.place, constant, copies[1:])


def parameter_at(op: Operation, index: int) -> Parameter | None:
    """What an operand reads, if it is a constant of floats, moved at most."""
    place, chain = Place(op, index), []
    owner = place.value.owner
    while isinstance(owner, nn.ReshapeOp | nn.TransposeOp):
        chain.insert(0, owner)
        owner = owner.operands[0].owner
    if not isinstance(owner, nn.ConstantOp):
        return None
    floats = nn.numpy_dtype(nn.tensor_of(owner.result).element_type).kind == "f"
    return Parameter(place, owner, chain) if floats else None


class Offset(NamedTuple):
    """Where a number for each output of a product can be added: to a bias, or against a mean."""

    parameter: Parameter
    sign: int

    def add(self, model: Model, numbers: np.ndarray) -> None:
        old = self.parameter.array(model)
        self.parameter.set(model, old + self.sign * numbers.reshape(old.shape))

    def numbers(self, model: Model) -> np.ndarray:
        """What is added now."""
        return self.sign * self.parameter.array(model).reshape(-1).astype(np.float64)


def own_bias(op: Operation) -> Parameter | None:
    """The bias that is an operand of a product itself."""
    return parameter_at(op, 2) if isinstance(op, nn.ConvOp) and op.bias is not None else None


def offset_behind(op: Operation, channels: int) -> Offset | None:
    """Where an offset of an op's result can go; `channels` is the axis it lies along."""
    bias = own_bias(op)
    if bias is not None:
        return Offset(bias, 1)
    result = op.results[0]
    uses = list(result.uses)
    if len(uses) != 1:
        return None
    user, index = uses[0].operation, uses[0].index
    if isinstance(user, nn.BatchNormOp) and index == 0:
        mean = parameter_at(user, 3) if channels % len(shape_of(result)) == 1 else None
        return None if mean is None else Offset(mean, -1)
    if isinstance(user, nn.ElementwiseOp) and user.fn.data == "add":
        added = parameter_at(user, 1 - index)
        if added is not None and _lies_along(added.place.value, result, channels):
            return Offset(added, 1)
    return None


def _lies_along(value: SSAValue, result: SSAValue, channels: int) -> bool:
    """Whether `value` has one number for each position along an axis of `result`."""
    shape, whole = shape_of(value), shape_of(result)
    padded = (1,) * (len(whole) - len(shape)) + tuple(shape)
    axis = channels % len(whole)
    expected = tuple(n if a == axis else 1 for a, n in enumerate(whole))
    return padded == expected
