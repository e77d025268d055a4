"""What the ops of the prune dialect mean, in numpy: a mask zeroes, the others only declare."""

from __future__ import annotations

from xdsl.interpreter import Interpreter, InterpreterFunctions, impl, register_impls

from ..nn.interpretation import Args
from .branch import BranchOp
from .mask import MaskOp
from .score import ScoreOp


@register_impls
class PruneFunctions(InterpreterFunctions):
    @impl(MaskOp)
    def mask(self, interpreter: Interpreter, op: MaskOp, args: Args):
        masked = args[0].copy()
        masked[(slice(None),) * op.value_of("axis") + (list(op.value_of("removed")),)] = 0
        return (masked,)

    @impl(BranchOp)
    def branch(self, interpreter: Interpreter, op: BranchOp, args: Args):
        return args

    @impl(ScoreOp)
    def score(self, interpreter: Interpreter, op: ScoreOp, args: Args):
        return ()
