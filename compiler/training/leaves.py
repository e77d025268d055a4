"""The constants of a model as training sees them: parameters, running statistics, and the rest.

Every constant gets a name: that of its location, which in an imported model is the initializer's."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from xdsl.dialects.builtin import ModuleOp, NameLoc
from xdsl.ir import SSAValue, Use

from ...dialects import nn
from ...passes.rewriting import keep_location
from ..model import Model

Kind = Literal["parameter", "statistics", "fixed"]

Trainable = Callable[[str, np.ndarray], bool]

STATISTICS = (3, 4)
"""Operands of a batch norm: mean and variance."""


@dataclass(frozen=True)
class Leaf:
    """A constant: `name` is its path in the torch module; `decays` says whether weight decay applies, which
    it does not to what only norms read."""

    op: nn.ConstantOp
    name: str
    kind: Kind
    array: np.ndarray
    decays: bool


def is_weight(name: str, array: np.ndarray) -> bool:
    """What is trained unless the caller says otherwise: floats of rank 1 or more without infinities. Those of
    rank 0 are factors and bounds, those with infinities masks."""
    return array.ndim > 0 and bool(np.isfinite(array.astype(np.float64)).all())


def separate_statistics(module: ModuleOp) -> None:
    """Gives each batch norm statistics of its own: a file may share constants that happen to be equal."""
    for op in [op for op in module.walk() if isinstance(op, nn.BatchNormOp)]:
        for index in STATISTICS:
            constant = op.operands[index].owner
            if isinstance(constant, nn.ConstantOp) and len(list(constant.result.uses)) > 1:
                own, block = constant.clone(), constant.parent
                assert block is not None
                block.insert_op_before(keep_location(own, constant), constant)
                op.operands[index] = own.result


def leaves_of(model: Model, trainable: Trainable, reserved: Container[str]) -> list[Leaf]:
    """All constants of the module, in its order; no part of a name is among the `reserved` ones."""
    names = _Names(reserved)
    found: list[Leaf] = []
    for op in constants_of(model.module):
        array, called = array_of(model, op), _called(op)
        name = names.fresh(called)
        of_file = not model.weights or called in model.weights
        kind = _kind(op, array, of_file and trainable(name, array))
        found.append(Leaf(op, name, kind, array, not _only_norms(op)))
    return found


def constants_of(module: ModuleOp) -> Iterator[nn.ConstantOp]:
    return (op for op in module.walk() if isinstance(op, nn.ConstantOp))


def array_of(model: Model, op: nn.ConstantOp) -> np.ndarray:
    """What a constant holds. Raises TenonError where the store lacks it."""
    return model.store.get(op.value) if isinstance(op.value, nn.WeightAttr) else nn.dense_array(op.value)


def _called(op: nn.ConstantOp) -> str:
    if isinstance(op.location, NameLoc):
        return op.location.desc.data
    return op.value.digest.data[:12] if isinstance(op.value, nn.WeightAttr) else "constant"


def _kind(op: nn.ConstantOp, array: np.ndarray, trained: bool) -> Kind:
    if any(isinstance(use.operation, nn.BatchNormOp) and use.index in STATISTICS for use in op.result.uses):
        return "statistics"
    floats = array.dtype.kind == "f" or array.dtype.name == "bfloat16"
    return "parameter" if floats and trained else "fixed"


def _only_norms(op: nn.ConstantOp) -> bool:
    return all(isinstance(use.operation, nn.BatchNormOp | nn.NormalizeOp) for use in uses_of(op.result))


def uses_of(value: SSAValue) -> Iterator[Use]:
    """What reads `value`, as it is or under another shape."""
    for use in value.uses:
        if isinstance(use.operation, nn.ReshapeOp | nn.BroadcastOp):
            yield from uses_of(use.operation.result)
        else:
            yield use


class _Names:
    """Names as paths of a torch module: parts between dots are submodules, so none is also a tensor."""

    def __init__(self, reserved: Container[str]) -> None:
        self.reserved = reserved
        self.tensors: set[str] = set()
        self.modules: set[str] = set()

    def fresh(self, name: str) -> str:
        parts = [f"{part}_" if part in self.reserved or not part else part for part in name.split(".")]
        path, number = ".".join(parts), 1
        while not self._fits(path):
            number += 1
            path = "_".join(parts) + f"_{number}"
        self.tensors.add(path)
        self.modules.update(_prefixes(path))
        return path

    def _fits(self, path: str) -> bool:
        return path not in self.tensors | self.modules and not self.tensors.intersection(_prefixes(path))


def _prefixes(path: str) -> list[str]:
    parts = path.split(".")
    return [".".join(parts[:i]) for i in range(1, len(parts))]
