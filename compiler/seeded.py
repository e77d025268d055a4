"""Seeded stand-ins for what a module leaves open: the arguments of its functions and missing weights.

Equal seeds give equal arrays, whatever else the module holds: each array is drawn from its own generator,
named by the function and the argument's position, or by the weight's digest.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from zlib import crc32

import numpy as np
from xdsl.dialects.builtin import (
    AnyFloat,
    BFloat16Type,
    IndexType,
    IntegerType,
    MemRefType,
    ModuleOp,
    Signedness,
    TensorType,
)
from xdsl.ir import Attribute

from ..dialects.errors import TenonError

# Wider integers are drawn from 16 bits, so that sums and products of a few stay in range.
_WIDEST_DRAW = 16


def load_weights(path: Path) -> dict[str, np.ndarray]:
    """Digest -> array of a safetensors file. Raises TenonError if it is none."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise TenonError(f"{path}: not a readable safetensors file: {error}") from error


def dtype_of(element: Attribute) -> np.dtype:
    """The numpy dtype that holds a scalar type; signless integers count as signed, i1 as bool."""
    match element:
        case IntegerType():
            bits = element.width.data
            if bits == 1:
                return np.dtype(bool)
            unsigned = element.signedness.data == Signedness.UNSIGNED
            return np.dtype(f"{'u' if unsigned else ''}int{max(8, bits)}")
        case IndexType():
            return np.dtype(np.int64)
        case BFloat16Type():
            import ml_dtypes

            return np.dtype(ml_dtypes.bfloat16)
        case AnyFloat():
            return np.dtype(f"float{element.bitwidth}")
    raise TenonError(f"no numpy dtype for element type {element}")


def is_static(type_: Attribute) -> bool:
    """Whether the type is a ranked tensor or memref whose extents are all known."""
    return isinstance(type_, TensorType | MemRefType) and -1 not in type_.get_shape()


def seeded_array(type_: TensorType | MemRefType, *key: int | str) -> np.ndarray:
    """An array of a static type: floats normal, i1 either, integers over their range (16 bits at most)."""
    rng = np.random.default_rng([crc32(part.encode()) if isinstance(part, str) else part for part in key])
    shape, dtype = type_.get_shape(), dtype_of(type_.element_type)
    if dtype.kind == "b":
        return rng.integers(0, 2, shape).astype(bool)
    if dtype.kind in "iu":
        bits = min(_WIDEST_DRAW, type_.element_type.width.data) if _is_int(type_) else _WIDEST_DRAW
        low = 0 if dtype.kind == "u" else -(1 << bits - 1)
        return rng.integers(low, low + (1 << bits), shape).astype(dtype)
    return rng.standard_normal(shape).astype(dtype)


def _is_int(type_: TensorType | MemRefType) -> bool:
    return isinstance(type_.element_type, IntegerType)


def seeded_weight(type_: TensorType, digest: str) -> np.ndarray:
    """A weight fit to run with: rank <= 1 uniform in [0.5, 1.5] (a variance must be positive), higher ranks
    normal with variance 2 / fan-in (He), integers as `seeded_array`."""
    array = seeded_array(type_, digest)
    if array.dtype.kind in "iub":
        return array
    if array.ndim <= 1:
        return (0.5 + np.abs(array) % 1.0).astype(array.dtype)
    return (array * math.sqrt(2 / max(1, math.prod(array.shape[1:])))).astype(array.dtype)


def complete_weights(module: ModuleOp, weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The weights that `module` names: those of `weights`, seeded stand-ins for all others."""
    from ..dialects.nn import WeightAttr

    named = {
        attr.digest.data: attr.type
        for op in module.walk()
        for attr in (*op.properties.values(), *op.attributes.values())
        if isinstance(attr, WeightAttr)
    }
    return {
        digest: weights[digest] if digest in weights else seeded_weight(type_, digest)
        for digest, type_ in named.items()
    }
