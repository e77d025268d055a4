"""lower-nn: graph ops become loop nests.

Expects nn ops on tensors of static shape, without nn.batch_norm (fold-batch-norm removes it). Leaves every
compile-time op as it is, integers elsewhere signless (signless.py), and in the place of every other nn op
`linalg.generic` and the view ops tensor.{collapse_shape, expand_shape, extract_slice, pad, concat, empty};
the loops of a generic are the parallel ones in output order, then the reductions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from ...dialects import nn
from ...dialects.errors import TenonError
from .elementwise import lower_bitcast, lower_broadcast, lower_cast, lower_elementwise, lower_transpose
from .emitter import Emitter, Rule
from .empty import replace_empty_values
from .index import lower_gather, lower_gather_elements
from .linear import lower_conv, lower_matmul
from .order import lower_arg_reduce, lower_top_k
from .pool import lower_pool
from .reduce import lower_reduce, lower_softmax
from .scatter import lower_scatter, lower_scatter_elements
from .signless import drop_signs
from .views import lower_concat, lower_pad, lower_reshape, lower_slice
from .winograd import lower_winograd_input, lower_winograd_output

RULES: dict[type[nn.NNOperation], Rule] = {
    nn.ElementwiseOp: lower_elementwise,
    nn.CastOp: lower_cast,
    nn.BitcastOp: lower_bitcast,
    nn.BroadcastOp: lower_broadcast,
    nn.TransposeOp: lower_transpose,
    nn.ConvOp: lower_conv,
    nn.WinogradInputOp: lower_winograd_input,
    nn.WinogradOutputOp: lower_winograd_output,
    nn.MatmulOp: lower_matmul,
    nn.PoolOp: lower_pool,
    nn.ReduceOp: lower_reduce,
    nn.SoftmaxOp: lower_softmax,
    nn.ReshapeOp: lower_reshape,
    nn.ConcatOp: lower_concat,
    nn.SliceOp: lower_slice,
    nn.PadOp: lower_pad,
    nn.GatherOp: lower_gather,
    nn.GatherElementsOp: lower_gather_elements,
    nn.ScatterOp: lower_scatter,
    nn.ScatterElementsOp: lower_scatter_elements,
    nn.ArgReduceOp: lower_arg_reduce,
    nn.TopKOp: lower_top_k,
}
"""Op -> what emits the ops in its place and returns the value that replaces its result."""


@dataclass(frozen=True)
class LowerNnPass(ModulePass):
    """Turns every nn op that is not compile-time into loop nests and views."""

    name = "lower-nn"
    preserves: ClassVar[str] = "reassociates(1e-5)"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        replace_empty_values(op)
        for node in runtime_ops(op):
            lower(node, RULES, f"{self.name}: {{}} has no lowering; fold-batch-norm must run before")
        left = sorted({node.name for node in runtime_ops(op)})
        assert not left, f"lower-nn left {', '.join(left)}"
        drop_signs(op)


def runtime_ops(module: ModuleOp) -> list[nn.NNOperation]:
    """The nn ops of `module` that are not compile-time."""
    ops = list(module.walk())
    known = nn.compile_time_values(ops)
    return [op for op in ops if isinstance(op, nn.NNOperation) and op.result not in known]


def lower(op: nn.NNOperation, rules: Mapping[type[nn.NNOperation], Rule], missing: str) -> None:
    """Puts what the op's rule emits in its place; `missing` is the error for an op without one."""
    rule = rules.get(type(op))
    if rule is None:
        raise TenonError(missing.format(op.name))
    emit = Emitter(op)
    result = rule(emit, op)
    if op.result.name_hint and result.owner is not op:
        result.name_hint = result.name_hint or op.result.name_hint
    op.result.replace_all_uses_with(result)
    op.detach()
    op.erase()
