"""Element types and the numpy dtypes that hold them, in both directions.

Signless integers are held as signed ones, i1 as bool, bf16 as ml_dtypes.bfloat16.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from xdsl.dialects.builtin import (
    BFloat16Type,
    DenseIntOrFPElementsAttr,
    Float16Type,
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
_NAMES = {element: name for name, element in (*_ELEMENTS.items(), *_SIGNED.items())}


def is_half(element: Attribute) -> bool:
    """Whether it is a 16-bit float: stored as such, computed with in f32."""
    return isinstance(element, BFloat16Type | Float16Type)


def compute_type(element: Attribute) -> Attribute:
    """The type that ops on `element` compute in: f32 for 16-bit floats, else the type itself."""
    return f32 if is_half(element) else element


@cache
def numpy_dtype(element: Attribute) -> np.dtype:
    """The numpy dtype of a scalar type; TenonError where there is none (i4, complex, ...)."""
    if isinstance(element, BFloat16Type):
        import ml_dtypes

        return np.dtype(ml_dtypes.bfloat16)
    if isinstance(element, IndexType):
        return np.dtype(np.int64)
    if element not in _NAMES:
        raise TenonError(f"element type {element} is not supported, expected one of {', '.join(_ELEMENTS)}")
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
    values = array.reshape(-1).tolist()
    return DenseIntOrFPElementsAttr.from_list(tensor, values)  # pyright: ignore[reportCallIssue, reportArgumentType]


def dense_array(attribute: DenseIntOrFPElementsAttr) -> np.ndarray:
    """The numpy array of a `dense<>` attribute."""
    dtype = numpy_dtype(attribute.get_element_type())
    packed = dtype.kind != "b"  # booleans are packed as 0 and 255
    values = np.frombuffer(attribute.data.data, dtype) if packed else np.array(attribute.get_values())
    return values.astype(dtype).reshape(attribute.get_shape())
