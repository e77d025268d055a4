"""Seeded stand-ins for what a module leaves open: the arguments of its functions and missing weights.

Equal seeds give equal arrays, whatever else the module holds: each array is drawn from its own generator,
named by the function and the argument's position, or by the weight's digest.
"""

from __future__ import annotations

import math
from zlib import crc32

import numpy as np
from xdsl.dialects.builtin import IntegerType, MemRefType, ModuleOp, TensorType
from xdsl.ir import Attribute

from ..dialects.nn import WeightAttr, WeightStore, numpy_dtype

# Wider integers are drawn from 16 bits, so that sums and products of a few stay in range.
_WIDEST_DRAW = 16


def is_static(type_: Attribute) -> bool:
    """Whether the type is a ranked tensor or memref whose extents are all known."""
    return isinstance(type_, TensorType | MemRefType) and type_.has_static_shape()


def seeded_array(type_: TensorType | MemRefType, *key: int | str) -> np.ndarray:
    """An array of a static type: floats normal, i1 either, integers over their range (16 bits at most)."""
    rng = np.random.default_rng([crc32(part.encode()) if isinstance(part, str) else part for part in key])
    shape, dtype = type_.get_shape(), numpy_dtype(type_.element_type)
    if dtype.kind == "b":
        return rng.integers(0, 2, shape).astype(bool)
    if dtype.kind in "iu":
        element = type_.element_type
        bits = min(_WIDEST_DRAW, element.width.data if isinstance(element, IntegerType) else _WIDEST_DRAW)
        low = 0 if dtype.kind == "u" else -(1 << bits - 1)
        return rng.integers(low, low + (1 << bits), shape).astype(dtype)
    return rng.standard_normal(shape).astype(dtype)


def seeded_weight(type_: TensorType, digest: str) -> np.ndarray:
    """A weight fit to run with: rank <= 1 uniform in [0.5, 1.5] (a variance must be positive), higher ranks
    normal with variance 2 / fan-in (He), integers as `seeded_array`."""
    array = seeded_array(type_, digest)
    if array.dtype.kind in "iub":
        return array
    if array.ndim <= 1:
        return (0.5 + np.abs(array) % 1.0).astype(array.dtype)
    return (array * math.sqrt(2 / max(1, math.prod(array.shape[1:])))).astype(array.dtype)


class SeededStore(WeightStore):
    """The weights of `known`, and seeded stand-ins for the others that a module names."""

    def __init__(self, known: WeightStore) -> None:
        super().__init__()
        self._arrays = dict(known)

    def complete(self, module: ModuleOp) -> None:
        """Adds a stand-in for every weight that `module` names and the store does not hold."""
        for op in module.walk():
            for attribute in (*op.properties.values(), *op.attributes.values()):
                if isinstance(attribute, WeightAttr) and attribute.digest.data not in self._arrays:
                    digest = attribute.digest.data
                    self._arrays[digest] = seeded_weight(attribute.type, digest)
