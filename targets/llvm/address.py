"""Addresses of register accesses: a base pointer per loop, and a constant byte offset per lane.

The address of an element is linear in the index operands (anything else is refused); in the register's
own dimensions it may hold floordiv and mod. Each index's part of the sum is added in the loop that defines
the index, outermost first, so that the inner loop adds one term to a pointer made outside.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd

import numpy as np
from xdsl.dialects.builtin import MemRefType, NoneAttr
from xdsl.ir.affine import (
    AffineBinaryOpExpr,
    AffineBinaryOpKind,
    AffineConstantExpr,
    AffineDimExpr,
    AffineExpr,
)

from ...dialects.errors import TenonError
from ...dialects.tensorized import RegisterAccess
from ...dialects.tensorized.attributes import element_bytes
from ...dialects.tensorized.linear_form import LinearForm, flat_access
from .function import FunctionText

# Index operands have no declared range: one so large that no floordiv or mod of them is resolved.
_UNBOUNDED = 1 << 40


class Address:
    """Where an access finds its elements.

    pointer: the base; offsets: element offsets from it, int64 of the vector's shape; alignment: of the
    base in bytes."""

    def __init__(self, function: FunctionText, access: RegisterAccess):
        memref = access.ref.type
        assert isinstance(memref, MemRefType)
        if not isinstance(memref.layout, NoneAttr):
            raise TenonError(f"{access.name}: {memref} is not row-major")
        self.element_bytes = element_bytes(memref.element_type)
        self.function = function
        shape = access.vector.get_shape()
        indices = len(access.indices)
        extents = [_UNBOUNDED] * indices + list(shape)
        form = flat_access(access.access, access.memory_strides, extents)
        moving, fixed = _split(form, indices, access)
        for position in list(moving):
            value = function.constants.get(access.indices[position])
            if value is not None:
                fixed += moving.pop(position) * value
        self.offsets = fixed + _register_offsets(form, indices, shape)
        self._base(access, moving)

    def _base(self, access: RegisterAccess, moving: dict[int, int]) -> None:
        """The pointer, from the outermost loop inwards."""
        function = self.function
        (self.pointer,) = function.values[access.ref]
        self.alignment = function.alignment.get(access.ref, self.element_bytes)
        order = sorted(moving, key=lambda i: function.depth[access.indices[i]])
        for position in order:
            index = access.indices[position]
            depth, step = function.depth[index], moving[position] * self.element_bytes
            (variable,) = function.values[index]
            if step != 1:
                variable = function.let_at(depth, f"mul nuw nsw i64 {variable}, {step}")
            self.pointer = function.let_at(
                depth, f"getelementptr inbounds i8, ptr {self.pointer}, i64 {variable}"
            )
            self.alignment = gcd(self.alignment, step)

    def at(self, offset: int) -> str:
        """The pointer to the element at `offset`."""
        if offset == 0:
            return self.pointer
        return self.function.let(
            f"getelementptr inbounds i8, ptr {self.pointer}, i64 {offset * self.element_bytes}"
        )

    def align(self, offset: int) -> int:
        """What the address of the element at `offset` is a multiple of, in bytes."""
        return gcd(self.alignment, offset * self.element_bytes)


def _split(form: LinearForm, indices: int, access: RegisterAccess) -> tuple[dict[int, int], int]:
    """Coefficients of the index operands, and the constant."""
    moving: dict[int, int] = {}
    for atom, coefficient in form.terms.items():
        if isinstance(atom, AffineDimExpr):
            if atom.position < indices:
                moving[atom.position] = coefficient
        elif any(dim < indices for dim in atom.used_dims()):
            raise TenonError(f"{access.name}: address {access.access} is not linear in its index operands")
    return moving, form.constant


def _register_offsets(form: LinearForm, indices: int, shape: Sequence[int]) -> np.ndarray:
    """The part of the address that the register's own dimensions make, for every element."""
    total = np.zeros(tuple(shape), np.int64)
    for atom, coefficient in form.terms.items():
        if not isinstance(atom, AffineDimExpr):
            total += coefficient * _evaluate(atom, indices, shape)
        elif atom.position >= indices:
            total += coefficient * _dimension(atom.position - indices, shape)
    return total


def _dimension(position: int, shape: Sequence[int]) -> np.ndarray:
    return np.arange(shape[position]).reshape([-1] + [1] * (len(shape) - position - 1))


def _evaluate(expr: AffineExpr, indices: int, shape: Sequence[int]) -> np.ndarray:
    """An expression of the register's dimensions, for every element (as far as it varies)."""
    if isinstance(expr, AffineConstantExpr):
        return np.asarray(expr.value)
    if isinstance(expr, AffineDimExpr):
        return _dimension(expr.position - indices, shape)
    assert isinstance(expr, AffineBinaryOpExpr)
    left, right = _evaluate(expr.lhs, indices, shape), _evaluate(expr.rhs, indices, shape)
    return _ARITHMETIC[expr.kind](left, right)


_ARITHMETIC = {
    AffineBinaryOpKind.Add: np.add,
    AffineBinaryOpKind.Mul: np.multiply,
    AffineBinaryOpKind.FloorDiv: np.floor_divide,
    AffineBinaryOpKind.Mod: np.mod,
    AffineBinaryOpKind.CeilDiv: lambda x, y: -(-x // y),
}
