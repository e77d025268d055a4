"""Rewrites of nn ops into simpler ones. All are exact, bit for bit and for every input.

Not here, because they are not: x + 0.0 (turns -0 into +0; x + -0.0 is exact), x * 0.0, x - x.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from xdsl.dialects.builtin import AnyFloat, DenseIntOrFPElementsAttr, IntegerType
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from .base import NNOperation, tensor_of
from .constant import ConstantOp
from .dtypes import dense_array
from .elementwise import CastOp, ElementwiseOp
from .shape import BroadcastOp, ConcatOp, PadOp, ReshapeOp, SliceOp, TransposeOp

Simplification = Callable[..., SSAValue | Operation | None]
"""Takes an op; returns the value or new op that can replace it, or None."""


def _same_type(op: NNOperation) -> SSAValue | None:
    """For ops that change nothing when they keep the type of their operand."""
    return op.operands[0] if op.operands[0].type == op.result.type else None


def _identity_transpose(op: TransposeOp) -> SSAValue | None:
    perm = op.value_of("perm")
    return op.x if perm == tuple(range(len(perm))) else None


def _transpose_of_transpose(op: TransposeOp) -> Operation | None:
    inner = op.x.owner
    if not isinstance(inner, TransposeOp):
        return None
    first = inner.value_of("perm")
    return TransposeOp(inner.x, [first[i] for i in op.value_of("perm")])


def _transpose_that_moves_ones(op: TransposeOp) -> Operation | None:
    """Dimensions of extent 1 may go anywhere: if the others keep their order it is a reshape."""
    shape = tensor_of(op.x).get_shape()
    moved = [i for i in op.value_of("perm") if shape[i] != 1]
    return ReshapeOp(op.x, op.shape) if moved == sorted(moved) else None


def _reshape_of_reshape(op: ReshapeOp) -> Operation | None:
    inner = op.x.owner
    return ReshapeOp(inner.x, op.shape) if isinstance(inner, ReshapeOp) else None


def _only_part(op: ConcatOp) -> SSAValue | None:
    return op.inputs[0] if len(op.inputs) == 1 else None


def _widening(source: Attribute, to: Attribute) -> bool:
    """Whether every value of `source` is one of `to`."""
    if isinstance(source, AnyFloat) and isinstance(to, AnyFloat):
        return to.bitwidth > source.bitwidth
    if isinstance(source, IntegerType) and isinstance(to, IntegerType):
        return source.signedness == to.signedness and to.width.data > source.width.data > 1
    return False


def _cast_of_widening_cast(op: CastOp) -> SSAValue | Operation | None:
    inner = op.x.owner
    if not isinstance(inner, CastOp):
        return None
    source, between, to = (tensor_of(v).element_type for v in (inner.x, op.x, op.result))
    if not _widening(source, between):
        return None
    return inner.x if source == to else CastOp(inner.x, to)


IDEMPOTENT = {"relu", "abs", "floor", "ceil", "round", "sign"}
"""f(f(x)) is f(x)."""


def _idempotent(op: ElementwiseOp) -> SSAValue | None:
    inner = op.inputs[0].owner
    repeated = isinstance(inner, ElementwiseOp) and inner.fn == op.fn and op.fn.data in IDEMPOTENT
    return op.inputs[0] if repeated else None


INVOLUTIONS = {"neg", "not", "bit_not"}
"""f(f(x)) is x."""


def _involution(op: ElementwiseOp) -> SSAValue | None:
    inner = op.inputs[0].owner
    if isinstance(inner, ElementwiseOp) and inner.fn == op.fn and op.fn.data in INVOLUTIONS:
        return inner.inputs[0]
    return None


NEUTRAL = {
    # function: (positions where the constant may stand, for floats, for integers)
    "mul": ((0, 1), 1.0, 1),
    "div": ((1,), 1.0, 1),
    "add": ((0, 1), -0.0, 0),
    "sub": ((1,), 0.0, 0),
    "pow": ((1,), 1.0, 1),
}
"""Function -> a constant operand that leaves the other as it is."""


def _neutral(op: ElementwiseOp) -> SSAValue | None:
    if op.fn.data not in NEUTRAL:
        return None
    positions, for_floats, for_integers = NEUTRAL[op.fn.data]
    wanted = for_floats if isinstance(op.type.element_type, AnyFloat) else for_integers
    for position in positions:
        other = op.inputs[1 - position]
        if other.type == op.result.type and _is_filled_with(op.inputs[position], wanted):
            return other
    return None


def _is_filled_with(value: SSAValue, number: float) -> bool:
    if not isinstance(value.owner, ConstantOp) or not isinstance(value.owner.value, DenseIntOrFPElementsAttr):
        return False
    array = dense_array(value.owner.value)
    equal = (array == number) & (np.signbit(array.astype(np.float64)) == np.signbit(float(number)))
    return bool(equal.all())


class _Simplify(RewritePattern):
    """Applies the first simplification that finds something."""

    def __init__(self, simplifications: tuple[Simplification, ...]):
        self.simplifications = simplifications

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        for simplify in self.simplifications:
            new = simplify(op)
            if isinstance(new, Operation):
                # The replacement computes the same value: it goes by the same name.
                new.location = op.location
                rewriter.replace(op, new)
                return
            if new is not None:
                rewriter.replace(op, [], [new])
                return


_SIMPLIFICATIONS: dict[type[NNOperation], tuple[Simplification, ...]] = {
    ReshapeOp: (_same_type, _reshape_of_reshape),
    CastOp: (_same_type, _cast_of_widening_cast),
    PadOp: (_same_type,),
    SliceOp: (_same_type,),
    BroadcastOp: (_same_type,),
    TransposeOp: (_identity_transpose, _transpose_of_transpose, _transpose_that_moves_ones),
    ConcatOp: (_only_part,),
    ElementwiseOp: (_idempotent, _involution, _neutral),
}

PATTERNS: dict[str, tuple[RewritePattern, ...]] = {
    op.name: (_Simplify(simplifications),) for op, simplifications in _SIMPLIFICATIONS.items()
}
"""Op name -> its canonicalization patterns."""
