"""Weights and activations of a model, which prune-score asks for; activations come from native code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from xdsl.dialects import func
from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, FunctionType, ModuleOp, StringAttr
from xdsl.ir import SSAValue

from ...dialects import prune
from ...dialects.errors import TenonError
from ..constants import ConstantRunner
from ..executable import compile
from ..model import NAME_ATTRIBUTE, Model
from .data import Batches


class ModelRunner:
    """Of `model`, on `data`; without data it has weights only."""

    def __init__(self, model: Model, data: Batches | None):
        self.model, self.data = model, data
        self._constants = ConstantRunner(model.store)

    def evaluate(self, value: SSAValue) -> np.ndarray:
        """The array of a compile-time value."""
        return self._constants.evaluate(value)

    def batches(self, values: Sequence[SSAValue]) -> Iterator[list[np.ndarray]]:
        """The arrays of `values`, which depend on inputs, for one batch after another."""
        if self.data is None:
            raise TenonError("activations need calibration data, expected data with an array for each input")
        exe = compile(returning(self.model, values))
        for inputs in self.data:
            yield list(exe(*inputs))


def without_declarations(module: ModuleOp) -> None:
    """Drops groups and scores: what is compiled has none."""
    for op in list(module.body.block.ops):
        if isinstance(op, prune.GroupOp | prune.ScoreOp):
            op.detach()
            op.erase()


def returning(model: Model, values: Sequence[SSAValue]) -> Model:
    """A copy of a model, without declarations, that returns `values` of @main instead of its outputs."""
    copies: dict[SSAValue, SSAValue] = {}
    module = model.module.clone(copies)
    assert isinstance(module, ModuleOp)
    without_declarations(module)
    copy = Model(module, model.store, name=model.name)
    main = copy.main
    end = main.body.block.last_op
    assert isinstance(end, func.ReturnOp)
    results = [copies[value] for value in values]
    end.detach()
    end.erase()
    main.body.block.add_op(func.ReturnOp(*results))
    main.function_type = FunctionType.from_lists(
        list(main.function_type.inputs), [value.type for value in results]
    )
    names = [DictionaryAttr({NAME_ATTRIBUTE: StringAttr(f"value{i}")}) for i in range(len(results))]
    main.res_attrs = ArrayAttr(names)
    return copy
