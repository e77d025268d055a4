"""decompose-nn: composite graph ops become primitive ones.

Expects nn ops. Leaves primitive nn ops only, those that `lower-nn` has loops for: a composite op (a norm,
say) is replaced by the chain of primitive ops that computes it, which later passes fuse again. Arithmetic on
what is known at compile time stays IR, as everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from ..dialects import nn, prune, qnn
from .decompose.conv_transpose import decompose_conv_transpose
from .decompose.cumulate import decompose_cumulate
from .decompose.mask import decompose_mask
from .decompose.norm import decompose_normalize
from .decompose.resize import decompose_resize
from .graph_builder import GraphBuilder

Rule = Callable[[GraphBuilder, Any], SSAValue]

RULES: dict[type[nn.NNOperation], Rule] = {
    nn.ConvTransposeOp: decompose_conv_transpose,
    qnn.ConvTransposeOp: decompose_conv_transpose,
    nn.CumulateOp: decompose_cumulate,
    prune.BranchOp: lambda _, op: op.x,
    prune.MaskOp: decompose_mask,
    nn.NormalizeOp: decompose_normalize,
    nn.ResizeOp: decompose_resize,
}
"""Composite op -> what inserts the ops in its place and returns the value that replaces its result."""


@dataclass(frozen=True)
class DecomposeNnPass(ModulePass):
    """Replaces every op of the table; what a rule emits may be composite again."""

    name = "decompose-nn"
    preserves: ClassVar[str] = "reassociates(1e-5)"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        while found := [node for node in op.walk() if type(node) in RULES]:
            for node in found:
                builder = GraphBuilder(node)
                builder.finish(RULES[type(node)](builder, node))  # pyright: ignore[reportArgumentType]
