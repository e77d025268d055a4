"""Copies of models that keep the names of their values, and names that ops carry through a pass."""

from __future__ import annotations

from xdsl.dialects.builtin import ArrayAttr, ModuleOp, StringAttr
from xdsl.ir import Operation, SSAValue

from ..model import Model

_TAG = "tenon.value"
"""The attribute that carries a value's ONNX name through prune-apply."""


def copied(model: Model) -> Model:
    """A model of its own; weights are shared."""
    copies: dict[SSAValue, SSAValue] = {}
    module = model.module.clone(copies)
    assert isinstance(module, ModuleOp)
    values = {name: copies[value] for name, value in model.values.items() if value in copies}
    return Model(module, model.store, values, model.name, model.weights)


def tag(model: Model) -> None:
    """Writes the names of values on their ops, where prune-apply leaves them."""
    names: dict[Operation, list[StringAttr]] = {}
    for name, value in model.values.items():
        if isinstance(value.owner, Operation):
            names.setdefault(value.owner, []).append(StringAttr(name))
    for op, own in names.items():
        op.attributes[_TAG] = ArrayAttr(own)


def untag(model: Model) -> None:
    """The names of the values that are still there."""
    arguments = set(model.main.body.block.args)
    model.values = {name: value for name, value in model.values.items() if value in arguments}
    for op in model.module.walk():
        names = op.attributes.pop(_TAG, None)
        if isinstance(names, ArrayAttr) and len(op.results) == 1:
            model.values |= {name.data: op.results[0] for name in names}
