"""Element types and the numpy dtypes that hold them, in both directions.

Signless integers are held as signed ones, i1 as bool, bf16 and what is smaller than 16 bits and no byte of an
integer as ml_dtypes' types: a byte an element, in the low bits.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from xdsl.dialects.builtin import (
    BFloat16Type,
    BytesAttr,
    DenseIntOrFPElementsAttr,
    Float4E2M1FNType,
    Float8E4M3FNType,
    Float8E4M3FNUZType,
    Float8E5M2FNUZType,
    Float8E5M2Type,
    Float8E8M0FNUType,
    Float16Type,
    FloatAttr,
    IndexType,
    IntegerType,
    Signedness,
    TensorType,
    bf16,
    f16,
    f32,
    f64,
    i1,
)
from xdsl.ir import Attribute

from ..errors import TenonError

_ELEMENTS = {"bool": i1, "float16": f16, "float32": f32, "float64": f64, "bfloat16": bf16}
_ELEMENTS |= {f"int{bits}": IntegerType(bits) for bits in (8, 16, 32, 64)}
_ELEMENTS |= {f"uint{bits}": IntegerType(bits, Signedness.UNSIGNED) for bits in (8, 16, 32, 64)}
_SIGNED = {f"int{bits}": IntegerType(bits, Signedness.SIGNED) for bits in (8, 16, 32, 64)}
SMALL_FLOATS = {
    "float8_e4m3fn": Float8E4M3FNType(),
    "float8_e4m3fnuz": Float8E4M3FNUZType(),
    "float8_e5m2": Float8E5M2Type(),
    "float8_e5m2fnuz": Float8E5M2FNUZType(),
    "float4_e2m1fn": Float4E2M1FNType(),
}
"""Floats of 4 and 8 bits, formats of storage as the 16-bit ones."""
SUB_BYTE = {f"int{bits}": IntegerType(bits) for bits in (2, 4)}
SUB_BYTE |= {f"uint{bits}": IntegerType(bits, Signedness.UNSIGNED) for bits in (2, 4)}
"""Integers of which ONNX packs several in a byte: only moved and cast."""
POWERS_OF_TWO = Float8E8M0FNUType()
"""Exponents without a sign: only moved, and seen as bits."""
_SMALL = {**SMALL_FLOATS, **SUB_BYTE, "float8_e8m0fnu": POWERS_OF_TWO}
_ELEMENTS |= _SMALL
_NAMES = {element: name for name, element in (*_ELEMENTS.items(), *_SIGNED.items())}


def is_half(element: Attribute) -> bool:
    """Whether it is a 16-bit float: stored as such, computed with in f32."""
    return isinstance(element, BFloat16Type | Float16Type)


def is_small(element: Attribute) -> bool:
    """Whether an element takes a byte, but is no integer of 8 bits."""
    return element in _SMALL.values()


def is_stored(element: Attribute) -> bool:
    """Whether ops only move elements of the type."""
    return element in SUB_BYTE.values() or element == POWERS_OF_TWO


def compute_type(element: Attribute) -> Attribute:
    """The type that ops on `element` compute in: f32 for floats of 16 bits or less, else the type itself."""
    return f32 if is_half(element) or element in SMALL_FLOATS.values() else element


@cache
def numpy_dtype(element: Attribute) -> np.dtype:
    """The numpy dtype of a scalar type; TenonError where there is none (i3, complex, ...)."""
    if isinstance(element, IndexType):
        return np.dtype(np.int64)
    if element not in _NAMES:
        raise TenonError(f"element type {element} is not supported, expected one of {', '.join(_ELEMENTS)}")
    if isinstance(element, BFloat16Type) or is_small(element):
        import ml_dtypes

        return np.dtype(getattr(ml_dtypes, _NAMES[element]))
    return np.dtype(_NAMES[element])


def element_type(dtype: np.dtype | type) -> Attribute:
    """The scalar type of a numpy dtype: signed integers are signless (i8), unsigned ones say so (ui8)."""
    name = np.dtype(dtype).name
    if name not in _ELEMENTS:
        raise TenonError(f"dtype {name} is not supported, expected one of {', '.join(_ELEMENTS)}")
    return _ELEMENTS[name]


def array_type(array: np.ndarray) -> TensorType:
    """The tensor type of a numpy array."""
    return TensorType(element_type(array.dtype), array.shape)


def dense_attribute(array: np.ndarray, element: Attribute | None = None) -> DenseIntOrFPElementsAttr:
    """`array` as a `dense<>` attribute; for small ones, since it is printed in full. `element` overrides
    the element type, where several share a dtype (i8, si8)."""
    tensor = TensorType(element or element_type(array.dtype), array.shape)
    if array.dtype.kind in "iuf" and numpy_dtype(tensor.element_type) == array.dtype:
        # as from_list would pack them, one by one
        little = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False)
        return DenseIntOrFPElementsAttr(tensor, BytesAttr(little.tobytes()))  # pyright: ignore[reportArgumentType]
    flat = array.reshape(-1)
    values = flat.astype(np.float64).tolist() if is_small(tensor.element_type) else flat.tolist()
    if isinstance(tensor.element_type, IntegerType):
        values = [int(value) for value in values]
    return DenseIntOrFPElementsAttr.from_list(tensor, values)  # pyright: ignore[reportCallIssue, reportArgumentType]


def bits_of(value: FloatAttr) -> int:
    """The byte of a small float."""
    return int(np.asarray(value.value.data, numpy_dtype(value.type)).view(np.uint8))


def dense_array(attribute: DenseIntOrFPElementsAttr) -> np.ndarray:
    """The numpy array of a `dense<>` attribute."""
    dtype = numpy_dtype(attribute.get_element_type())
    # Booleans are packed as 0 and 255, small integers with their sign in all upper bits.
    packed = dtype.kind != "b" and dtype.name not in SUB_BYTE
    values = np.frombuffer(attribute.data.data, dtype) if packed else np.array(attribute.get_values())
    return values.astype(dtype).reshape(attribute.get_shape())
