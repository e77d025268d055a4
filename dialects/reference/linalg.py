"""Interpretation of linalg.generic on tensors."""

from __future__ import annotations

from typing import Any

from xdsl.dialects.linalg.ops import GenericOp
from xdsl.interpreter import Interpreter, InterpreterFunctions, impl, register_impls
from xdsl.ir.affine import AffineDimExpr
from xdsl.utils.exceptions import InterpretationError

from .nest import evaluate_nest
from .scalar import captured_values


def loop_extents(op: GenericOp) -> list[int]:
    """The extent of each loop: that of an operand's dimension which the loop alone indexes."""
    maps = [attribute.data for attribute in op.indexing_maps]
    extents: dict[int, int] = {}
    for value, access in zip(op.operands, maps, strict=True):
        for expr, size in zip(access.results, value.type.get_shape(), strict=True):  # pyright: ignore
            if isinstance(expr, AffineDimExpr):
                extents[expr.position] = size
    if len(extents) != maps[0].num_dims:
        raise InterpretationError("a loop of linalg.generic indexes no dimension alone")
    return [extents[i] for i in range(maps[0].num_dims)]


@register_impls
class LinalgFunctions(InterpreterFunctions):
    @impl(GenericOp)
    def generic(self, interpreter: Interpreter, op: GenericOp, args: tuple[Any, ...]):
        if len(op.outputs) != 1:
            raise InterpretationError(f"linalg.generic with {len(op.outputs)} outputs is not interpreted")
        maps = [attribute.data for attribute in op.indexing_maps]
        kinds = [str(kind.data.value) for kind in op.iterator_types]
        captured = {value: interpreter.get_values((value,))[0] for value in captured_values(op.body.block)}
        return (evaluate_nest(loop_extents(op), kinds, maps, args, op.body.block, captured),)
