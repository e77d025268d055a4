"""A model in the compiler: a module whose @main computes it, and the weights that its constants name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, ModuleOp, StringAttr, TensorType
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, SSAValue

from ..dialects import nn
from ..dialects.errors import TenonError

NAME_ATTRIBUTE = "tenon.name"


class Port(NamedTuple):
    """An input or output: its name in the model file, static shape and dtype."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype

    def __str__(self) -> str:
        extents = "x".join(map(str, self.shape)) or "scalar"
        return f"{self.name}: {extents} {self.dtype}"


@dataclass
class Model:
    """`module` holds one function @main over tensors; `store` its weights.

    `values` maps ONNX value names to SSA values of `module`, as long as no pass has rewritten it; `name` is
    what people call it: the name of its file or graph; `weights` are the names (locations) of constants that
    the file holds, as opposed to those the importer makes."""

    module: ModuleOp
    store: nn.WeightStore
    values: dict[str, SSAValue] = field(default_factory=dict)
    name: str = ""
    weights: frozenset[str] = frozenset()

    def copied(self, store: nn.WeightStore | None = None) -> Model:
        """A model of its own, in which the names of values stay valid; weights are shared, or in `store`."""
        copies: dict[SSAValue, SSAValue] = {}
        module = self.module.clone(copies)
        values = {name: copies[value] for name, value in self.values.items() if value in copies}
        return Model(module, self.store if store is None else store, values, self.name, self.weights)

    @property
    def main(self) -> FuncOp:
        """The function that computes the model."""
        for op in self.module.ops:
            if isinstance(op, FuncOp) and op.sym_name.data == "main":
                return op
        raise TenonError("the module has no function @main")

    @property
    def inputs(self) -> tuple[Port, ...]:
        """The inputs in the order of @main's arguments."""
        return _ports(self.main.function_type.inputs.data, self.main.arg_attrs, "input")

    @property
    def outputs(self) -> tuple[Port, ...]:
        """The outputs in the order of @main's results."""
        return _ports(self.main.function_type.outputs.data, self.main.res_attrs, "output")


def _ports(
    types: Sequence[Attribute], attributes: ArrayAttr[DictionaryAttr] | None, kind: str
) -> tuple[Port, ...]:
    ports: list[Port] = []
    for index, type_ in enumerate(types):
        if not isinstance(type_, TensorType) or not type_.has_static_shape():
            raise TenonError(f"{kind} {index} of @main is {type_}, expected a tensor of static shape")
        name = attributes.data[index].data.get(NAME_ATTRIBUTE) if attributes else None
        text = name.data if isinstance(name, StringAttr) else f"{kind}{index}"
        ports.append(Port(text, type_.get_shape(), nn.numpy_dtype(type_.element_type)))
    return tuple(ports)
