"""Evaluates compile-time values: the runner that passes are given."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from xdsl.dialects.builtin import ModuleOp, NameLoc, TensorType
from xdsl.ir import Attribute, Operation, SSAValue

from ..dialects.errors import TenonError
from ..dialects.nn import ConstantOp, WeightAttr, WeightStore, dense_attribute, numpy_dtype, tensor_of
from ..dialects.reference import interpreter
from ..passes.materialize_weights import weight_blob

LEAST_LIMIT = 2 << 30
GROWTH = 16
"""A compile-time value has at most this many bytes: `GROWTH` times those of all weights (they may be 2-bit
integers that become floats), but never fewer than `LEAST_LIMIT`. A file of a few bytes could ask for any."""


class ConstantRunner:
    """Evaluates one compile-time value after another, each op once: a shared subexpression is kept until
    every op that uses it has run. A value asked for again after that is computed again.

    `weights` maps digests to arrays; a `WeightStore` fits. Raises `TenonError` before it takes memory for a
    value that is too large."""

    def __init__(self, weights: Mapping[str, np.ndarray]):
        # The module is only needed to look up symbols, which compile-time ops have none of.
        self._machine = interpreter(ModuleOp([]), weights)
        self._weights = weights
        self._limit = max(LEAST_LIMIT, GROWTH * sum(array.nbytes for array in weights.values()))
        self._kept: dict[SSAValue, np.ndarray] = {}
        self._waiting: dict[SSAValue, int] = {}

    def evaluate(self, value: SSAValue) -> np.ndarray:
        """The array of `value`. Counts as one of its uses: those of the op that wants it."""
        pending = [value]
        while pending:
            op = pending[-1].owner
            if not isinstance(op, Operation):
                raise TenonError("a compile-time value depends on an argument of its function")
            missing = [v for v in dict.fromkeys(op.operands) if v not in self._kept]
            if pending[-1] in self._kept or not missing:
                if pending.pop() not in self._kept:
                    self._run(op)
            else:
                pending += missing
        return self._use(value)

    def _run(self, op: Operation) -> None:
        # Looked up here: an error inside the interpreter carries the whole module in its message.
        if isinstance(op, ConstantOp) and isinstance(op.value, WeightAttr):
            digest = op.value.digest.data
            if digest not in self._weights:
                raise TenonError(f"weight {digest[:12]} is not in the store of {len(self._weights)} weights")
        for result in op.results:
            self._check_size(op, result.type)
        operands = tuple(self._use(operand) for operand in op.operands)
        for result, array in zip(op.results, self._machine.run_op(op, operands), strict=True):
            self._kept[result] = array
            self._waiting[result] = sum(1 for _ in result.uses)

    def _check_size(self, op: Operation, type_: Attribute) -> None:
        assert isinstance(type_, TensorType)
        size = math.prod(type_.get_shape()) * numpy_dtype(type_.element_type).itemsize
        if size > self._limit:
            name = f"node '{op.location.desc.data}'" if isinstance(op.location, NameLoc) else op.name
            shape = "x".join(map(str, type_.get_shape()))
            raise TenonError(
                f"{name}: {shape} elements that are known at compile time take {size:,} bytes, "
                f"at most {self._limit:,} are computed then"
            )

    def _use(self, value: SSAValue) -> np.ndarray:
        array = self._kept[value]
        self._waiting[value] -= 1
        if self._waiting[value] <= 0:
            del self._kept[value], self._waiting[value]
        return array


def set_constant(store: WeightStore, op: ConstantOp, array: np.ndarray) -> None:
    """Gives a constant another value; it stays where it was, in the IR or in the store."""
    if isinstance(op.value, WeightAttr):
        op.properties["value"] = store.put(array)
    else:
        op.properties["value"] = dense_attribute(array, tensor_of(op.result).element_type)


def blob_of(module: ModuleOp, weights: Mapping[str, np.ndarray]) -> np.ndarray:
    """The bytes (uint8, one dimension) for the weights argument of a module after `materialize-weights`."""
    return weight_blob(module, ConstantRunner(weights))
