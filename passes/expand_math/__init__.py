"""expand-math: transcendental functions in loop bodies become arithmetic.

Expects `linalg.generic` with scalar bodies. Leaves no math.exp, log, tanh, erf, sin, cos or powf on f32, f16
or bf16 in them: each becomes straight-line arith (and math.absf, copysign, floor), evaluated in f32 (powf in
f64), which every target vectorizes.
f64 stays, and so do the other functions: they become calls of the C library.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects import arith
from xdsl.dialects.builtin import BFloat16Type, Float16Type, Float32Type, ModuleOp, f32
from xdsl.dialects.linalg.ops import GenericOp
from xdsl.ir import Operation
from xdsl.passes import ModulePass

from ...dialects.nn.scalar_builder import ScalarBuilder
from ..rewriting import replace
from . import power, trigonometry  # noqa: F401  they add to the table
from .approximations import APPROXIMATIONS


@dataclass(frozen=True)
class ExpandMathPass(ModulePass):
    """Replaces transcendental functions by polynomials."""

    name = "expand-math"
    preserves: ClassVar[str] = "reassociates(1e-5)"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for generic in [found for found in op.walk() if isinstance(found, GenericOp)]:
            for scalar in list(generic.body.block.ops):
                _expand(scalar)


def _expand(op: Operation) -> None:
    approximation = APPROXIMATIONS.get(type(op))
    if approximation is None:
        return
    element = op.results[0].type
    if not isinstance(element, Float32Type | Float16Type | BFloat16Type):
        return
    builder = ScalarBuilder()
    if element == f32:
        approximation.emit(builder, *op.operands)
    else:
        wide = [builder(arith.ExtFOp, x, f32) for x in op.operands]
        builder(arith.TruncFOp, approximation.emit(builder, *wide), element)
    replace(None, op, builder.ops)
