"""How xDSL's types and constants are written in LLVM text."""

from __future__ import annotations

import struct
from math import prod

import numpy as np
from xdsl.dialects.builtin import (
    AnyFloat,
    BFloat16Type,
    Float16Type,
    Float32Type,
    Float64Type,
    IndexType,
    IntegerType,
    MemRefType,
    VectorType,
)
from xdsl.ir import Attribute

from ...dialects.errors import TenonError

_FLOATS: dict[type[Attribute], tuple[str, str]] = {
    # Storage only: LLVM ends the process over some moves of halves on targets without arithmetic for them.
    Float16Type: ("i16", "i16"),
    BFloat16Type: ("i16", "i16"),
    Float32Type: ("float", "f32"),
    Float64Type: ("double", "f64"),
}
"""Float type -> (its name, its suffix in an intrinsic's name)."""

_HALVES: dict[type[Attribute], str] = {Float16Type: "half", BFloat16Type: "bfloat"}

_INTEGER_WIDTHS = (1, 8, 16, 32, 64)


def scalar_type(type_: Attribute) -> str:
    """An element type: `f32` is `float`, `i8` is `i8`, an index is `i64`."""
    if type(type_) in _FLOATS:
        return _FLOATS[type(type_)][0]
    if isinstance(type_, IntegerType) and type_.width.data in _INTEGER_WIDTHS:
        return f"i{type_.width.data}"
    if isinstance(type_, IndexType):
        return "i64"
    raise TenonError(f"type {type_} has no form in llvm")


def memory_type(type_: Attribute) -> str:
    """An element type as it is moved: a boolean is a byte, a float of 16 bits an integer, since LLVM cannot
    shuffle vectors of those for every machine."""
    name = scalar_type(type_)
    return {"i1": "i8", "half": "i16", "bfloat": "i16"}.get(name, name)


def suffix(type_: Attribute) -> str:
    """An element type in the name of an overloaded intrinsic."""
    return _FLOATS[type(type_)][1] if type(type_) in _FLOATS else scalar_type(type_)


def vector_type(type_: Attribute, lanes: int) -> str:
    """One register of `lanes` elements."""
    return f"<{lanes} x {scalar_type(type_)}>"


def register_type(type_: Attribute) -> str:
    """One register of a grid, or the scalar itself."""
    if isinstance(type_, VectorType):
        return vector_type(type_.element_type, type_.get_shape()[-1])
    return "ptr" if isinstance(type_, MemRefType) else scalar_type(type_)


def intrinsic_type(register: VectorType) -> str:
    """A register as an intrinsic of the machine takes it: 16-bit floats by their own names."""
    name = _HALVES.get(type(register.element_type), scalar_type(register.element_type))
    return f"<{register.get_shape()[-1]} x {name}>"


def register_count(type_: Attribute) -> int:
    """Registers in a grid; 1 for a scalar."""
    return prod(type_.get_shape()[:-1]) if isinstance(type_, VectorType) else 1


def constant_text(value: float | int, type_: Attribute) -> str:
    """A scalar constant of `type_`, without its type; floats rounded to it, written by their bits."""
    if isinstance(type_, AnyFloat):
        return _float_text(float(value), type_)
    if isinstance(type_, IntegerType) and type_.width.data == 1:
        return "true" if value else "false"
    return str(int(value))


def _float_text(value: float, type_: AnyFloat) -> str:
    with np.errstate(over="ignore"):  # a value past the largest becomes infinite
        if isinstance(type_, Float16Type):
            return str(int(np.float16(value).view(np.int16)))
        if isinstance(type_, BFloat16Type):
            return str(_bfloat_bits(value))
        if isinstance(type_, Float32Type):
            value = float(np.float32(value))  # LLVM writes an f32 as the f64 of the same value
    return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"


def _bfloat_bits(value: float) -> int:
    """Round to nearest even, as the hardware does."""
    bits = int(np.float32(value).view(np.uint32))
    return (bits >> 16) | 0x40 if value != value else (bits + 0x7FFF + (bits >> 16 & 1)) >> 16
