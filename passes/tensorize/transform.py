"""Reductions of small tiles with constant matrices: they run on whole registers, the tile a grid of them."""

from __future__ import annotations

from typing import TypeGuard

from xdsl.dialects import arith
from xdsl.dialects.builtin import TensorType
from xdsl.ir import Operation
from xdsl.ir.affine import AffineExpr
from xdsl.rewriter import Rewriter

from ...dialects import tensorized
from ...dialects.errors import TenonError
from ...dialects.tensorized.attributes import element_bytes
from ...dialects.tensorized.linear_form import flat_access, row_major
from .target import TargetFacts


def is_transform(op: Operation) -> TypeGuard[tensorized.GenericOp]:
    """Whether `fuse-kernels` left matrices in the kernel for this reduction."""
    return (
        isinstance(op, tensorized.GenericOp)
        and op.is_reduction
        and any(isinstance(value.owner, arith.ConstantOp) for value in op.inputs)
    )


def as_transform(nest: tensorized.GenericOp, facts: TargetFacts) -> dict[str, int]:
    """Replaces the nest by a `tensorized.transform`, the tile its first operand; the lanes it runs along."""
    operands = list(zip(nest.inputs, nest.accesses))
    operands.sort(key=lambda operand: isinstance(operand[0].owner, arith.ConstantOp))
    transform = tensorized.TransformOp(
        [value for value, _ in operands],
        nest.init,
        nest.loops.data,
        [*(access for _, access in operands), nest.accesses[-1]],
    )
    transform.location = nest.location
    Rewriter.replace_op(nest, transform)
    return _lanes(transform, facts)


def _lanes(op: tensorized.TransformOp, facts: TargetFacts) -> dict[str, int]:
    """The loop without a matrix along which the most operands in memory lie side by side, the innermost of
    those."""
    made = {line.made for line in op.lines}
    free = [n for n, kind in zip(op.loop_names, op.kinds) if kind == "parallel" and n not in made]
    if not free:
        raise TenonError("tensorize-match: a transform without a loop that no matrix acts on has no lanes")
    block = op.parent
    assert block is not None and isinstance(op.res.type, TensorType)
    nests = [nest for nest in block.ops if isinstance(nest, tensorized.NestOperation)]

    def contiguous(name: str) -> int:
        return sum(_side_by_side(nest, name) for nest in nests if name in nest.loop_names)

    best = max(free, key=lambda name: (contiguous(name), free.index(name)))
    return {best: max(1, facts.vector_bytes // element_bytes(op.res.type.element_type))}


def _side_by_side(nest: tensorized.NestOperation, name: str) -> int:
    """Operands in memory that move by one element with the loop."""
    loop, found = AffineExpr.dimension(nest.loop_names.index(name)), 0
    for value, access in zip((*nest.inputs, nest.init), nest.accesses, strict=True):
        if not isinstance(value.owner, tensorized.NestOperation):
            assert isinstance(value.type, TensorType)
            found += flat_access(access, row_major(value.type.get_shape()), nest.extents).terms.get(loop) == 1
    return found
