"""Ops of parallel loops only: elementwise functions, casts, broadcasts and transposes."""

from __future__ import annotations

from xdsl.dialects.builtin import i1
from xdsl.ir import SSAValue
from xdsl.ir.affine import AffineExpr

from ...dialects import nn
from ...dialects.nn.scalar_builder import ScalarBuilder, reinterpret
from .emitter import Emitter, Operand, at

BOUNDED = {"clip", "max", "min"}
"""Functions whose bounds become part of the body where they are one number: a bound that is known not to be
NaN takes one instruction, one from memory about five. Other constants stay operands, so that kernels that
differ in nothing else are one."""


def lower_elementwise(emit: Emitter, op: nn.ElementwiseOp) -> SSAValue:
    """One generic; an operand that broadcasts is read at constant 0, never materialized."""
    bounds = [nn.one_number(x) if op.fn.data in BOUNDED else None for x in op.inputs]
    inputs = [emit.broadcast(x, op.shape) for x, bound in zip(op.inputs, bounds) if bound is None]
    element = nn.compute_type(op.type.element_type)

    def body(b: ScalarBuilder, *given: SSAValue) -> SSAValue:
        rest = iter(given)
        return op.function.body(b, *(next(rest) if n is None else b.constant(n, element) for n in bounds))

    return emit.elementwise(inputs, op.type.element_type, op.shape, body)


def lower_cast(emit: Emitter, op: nn.CastOp) -> SSAValue:
    to = op.type.element_type
    return emit.elementwise([emit.broadcast(op.x, op.shape)], to, op.shape, lambda b, x: b.cast(x, to))


def lower_bitcast(emit: Emitter, op: nn.BitcastOp) -> SSAValue:
    """The only op that sees the bits of a 16-bit float."""
    to = op.type.element_type

    def body(b: ScalarBuilder, x: SSAValue) -> SSAValue:
        if x.type == to:
            return x
        return b.cast(x, to) if i1 in (x.type, to) else b(reinterpret, x, to)

    return emit.elementwise([emit.broadcast(op.x, op.shape)], to, op.shape, body, raw=True)


def lower_broadcast(emit: Emitter, op: nn.BroadcastOp) -> SSAValue:
    return emit.elementwise([emit.broadcast(op.x, op.shape)], op.type.element_type, op.shape, lambda b, x: x)


def lower_transpose(emit: Emitter, op: nn.TransposeOp) -> SSAValue:
    """A copy whose read is permuted: loop i runs along dimension perm[i] of the operand."""
    perm = op.value_of("perm")
    access = at(len(perm), [AffineExpr.dimension(perm.index(i)) for i in range(len(perm))])
    return emit.elementwise([Operand(op.x, access)], op.type.element_type, op.shape, lambda b, x: x)
