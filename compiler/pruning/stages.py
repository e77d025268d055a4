"""The values of a model on data, computed stage by stage: what lies behind a weight is computed after it
has changed, and nothing twice."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from xdsl.dialects import func
from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, ModuleOp, StringAttr
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue

from ...dialects import nn
from ..executable import compile
from ..model import NAME_ATTRIBUTE, Model
from .data import Batches


class Stages:
    """Runs the ops of `model`'s @main natively, as far as is asked for. Arrays that later stages read are
    kept, those of all batches."""

    def __init__(self, model: Model, data: Batches):
        self.model, self.count = model, len(data)
        block = model.main.body.block
        self._constant = nn.compile_time_values(block.ops)
        self._done: set[Operation] = set()
        self._arrays: dict[SSAValue, list[np.ndarray]] = dict(
            zip(block.args, map(list, zip(*data, strict=True)), strict=True)
        )

    def value(self, value: SSAValue) -> list[np.ndarray]:
        """The array of `value`, which depends on an input, for each batch."""
        if value not in self._arrays:
            self._run(value)
        return self._arrays[value]

    def release(self) -> None:
        """Forgets what no op that is left reads."""
        for value in list(self._arrays):
            if all(use.operation in self._done for use in value.uses):
                del self._arrays[value]

    def _run(self, wanted: SSAValue) -> None:
        ops, inputs = self._slice(wanted)
        inside = set(ops)
        results: list[SSAValue] = [
            value
            for op in ops
            for value in op.results
            if value not in self._constant
            and (value is wanted or any(use.operation not in inside for use in value.uses))
        ]
        exe = compile(_stage(self.model, ops, inputs, results), cache=False)
        found: list[list[np.ndarray]] = [[] for _ in results]
        for number in range(self.count):
            for arrays, array in zip(found, exe(*(self._arrays[v][number] for v in inputs)), strict=True):
                arrays.append(array)
        self._arrays |= dict(zip(results, found, strict=True))
        self._done |= {op for op in ops if not self._constant.issuperset(op.results)}

    def _slice(self, wanted: SSAValue) -> tuple[list[Operation], list[SSAValue]]:
        """The ops that make `wanted` of values that are known, in order, and those values."""
        needed: set[Operation] = set()
        inputs: dict[SSAValue, None] = {}
        pending = [wanted]
        while pending:
            value = pending.pop()
            if value in self._arrays:
                inputs[value] = None
            elif isinstance(value.owner, Operation) and value.owner not in needed:
                needed.add(value.owner)
                pending += _read(value.owner)
        block = self.model.main.body.block
        return [op for op in block.ops if op in needed], list(inputs)


def _read(op: Operation) -> Iterable[SSAValue]:
    """What an op reads of its block, in its regions too."""
    return (operand for inner in op.walk() for operand in inner.operands)


def _stage(model: Model, ops: list[Operation], inputs: list[SSAValue], results: list[SSAValue]) -> Model:
    """A model of some ops of another."""
    block = Block(arg_types=[value.type for value in inputs])
    copies: dict[SSAValue, SSAValue] = dict(zip(inputs, block.args, strict=True))
    for op in ops:
        block.add_op(op.clone(copies))
    block.add_op(func.ReturnOp(*(copies[value] for value in results)))
    types: tuple[list[Attribute], list[Attribute]] = (
        [value.type for value in inputs],
        [value.type for value in results],
    )
    main = func.FuncOp("main", types, Region(block), res_attrs=_names(len(results)))
    others = [op.clone() for op in model.module.ops if isinstance(op, func.FuncOp) and op is not model.main]
    return Model(ModuleOp([main, *others]), model.store, name=model.name)


def _names(count: int) -> ArrayAttr[DictionaryAttr]:
    return ArrayAttr([DictionaryAttr({NAME_ATTRIBUTE: StringAttr(f"value{i}")}) for i in range(count)])
