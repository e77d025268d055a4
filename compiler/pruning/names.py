"""The names of a model's values, carried through a pass by its ops."""

from __future__ import annotations

from xdsl.dialects.builtin import ArrayAttr, StringAttr
from xdsl.ir import Operation

from ..model import Model

_TAG = "tenon.value"
"""The attribute that carries a value's ONNX name through prune-apply."""


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
