"""The model's inputs with every dimension known: symbolic ones are bound by `shapes` and `dims`, whole inputs
by `constants`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from onnx import GraphProto, TensorShapeProto, ValueInfoProto

from ...dialects.errors import TenonError, UsageError
from .tensors import checked_shape, element_type


class InputSpec(NamedTuple):
    """A runtime input: its ONNX name, static shape and dtype."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype


def bind_inputs(
    graph: GraphProto,
    shapes: Mapping[str, Sequence[int]],
    dims: Mapping[str, int],
    constants: Mapping[str, np.ndarray],
) -> list[InputSpec]:
    """The inputs at run time: those that are neither initializers nor bound to `constants`, whose arrays must
    be what the model declares. A dimension bound by `shapes` or a constant binds its name everywhere."""
    _check_known(graph, constants)
    initialized = {tensor.name for tensor in graph.initializer} - constants.keys()
    values = [value for value in graph.input if value.name not in initialized]
    known = _known_dims(values, shapes, dims, constants)
    given = {name: list(array.shape) for name, array in constants.items()} | dict(shapes)
    specs = [_bind(value, given.get(value.name), known) for value in values]
    for spec in specs:
        if spec.name in constants:
            _check_constant(spec, constants[spec.name])
    return [spec for spec in specs if spec.name not in constants]


def _check_known(graph: GraphProto, constants: Mapping[str, np.ndarray]) -> None:
    names = [value.name for value in graph.input]
    for name in constants:
        if name not in names:
            raise UsageError(f"a constant is given for '{name}', the model's inputs are: {', '.join(names)}")


def _check_constant(spec: InputSpec, array: np.ndarray) -> None:
    for what, found, expected in (
        ("dtype", array.dtype, spec.dtype),
        ("shape", list(array.shape), list(spec.shape)),
    ):
        if found != expected:
            raise UsageError(f"the constant for input '{spec.name}' has {what} {found}, expected {expected}")


def _known_dims(
    values: Sequence[ValueInfoProto],
    shapes: Mapping[str, Sequence[int]],
    dims: Mapping[str, int],
    constants: Mapping[str, np.ndarray],
) -> dict[str, int]:
    names = [value.name for value in values]
    for name in shapes:
        if name not in names:
            raise UsageError(f"a shape is given for '{name}', the model's inputs are: {', '.join(names)}")
    symbols = {d.dim_param for value in values for d in value.type.tensor_type.shape.dim if d.dim_param}
    for name in dims:
        if name not in symbols:
            listed = ", ".join(sorted(symbols)) or "none"
            raise UsageError(f"dimension '{name}' is given, the model's symbolic dimensions are: {listed}")
    known = dict(dims)
    for value in values:
        declared = value.type.tensor_type.shape.dim
        shape = constants[value.name].shape if value.name in constants else shapes.get(value.name, ())
        for symbol, given in zip(declared, shape, strict=False):
            if symbol.dim_param and known.setdefault(symbol.dim_param, given) != given:
                raise UsageError(
                    f"input '{value.name}': dimension '{symbol.dim_param}' is given as {given} "
                    f"and as {known[symbol.dim_param]}"
                )
    return known


def _bind(value: ValueInfoProto, given: Sequence[int] | None, known: Mapping[str, int]) -> InputSpec:
    where = f"input '{value.name}'"
    kind = value.type.WhichOneof("value") or "none"
    if kind != "tensor_type":
        raise TenonError(f"{where}: expected a tensor, got type {kind.removesuffix('_type')}")
    tensor = value.type.tensor_type
    dtype = element_type(tensor.elem_type, where)
    if not tensor.HasField("shape"):
        if given is None:
            raise TenonError(f"{where}: has no shape: give it (--shape {value.name}=1,...)")
        return InputSpec(value.name, checked_shape(given, where), dtype)
    declared = list(tensor.shape.dim)
    wanted: Sequence[int | None] = [None] * len(declared) if given is None else given
    if len(wanted) != len(declared):
        raise UsageError(
            f"{where}: the given shape {wanted} has rank {len(wanted)}, expected {len(declared)}"
        )
    shape = [
        _extent(value.name, axis, dim, wanted[axis], known.get(dim.dim_param))
        for axis, dim in enumerate(declared)
    ]
    return InputSpec(value.name, checked_shape(shape, where), dtype)


def _extent(
    name: str, axis: int, dim: TensorShapeProto.Dimension, given: int | None, bound: int | None
) -> int:
    """The extent the file declares, else the one given for this input, else its symbol's."""
    if dim.HasField("dim_value"):
        if given not in (None, dim.dim_value):
            raise UsageError(
                f"input '{name}': dimension {axis} is {dim.dim_value} in the model, given as {given}"
            )
        return dim.dim_value
    extent = given if given is not None else bound
    if extent is None:
        raise TenonError(f"input '{name}': {_unresolved(name, axis, dim.dim_param)}")
    return extent


def _unresolved(name: str, axis: int, symbol: str) -> str:
    if not symbol:
        return f"dimension {axis} is unknown: give the input's shape (--shape {name}=1,...)"
    ways = f"(--dim {symbol}=1) or the shape (--shape {name}=1,...)"
    return f"dimension {axis} ('{symbol}') is symbolic: give it {ways}"
