"""If: of the branches, the one taken is imported, or both.

All ops are pure, so both branches of an `If` with a runtime condition may be computed and one selected, if
they are alike in type and cannot trap."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import IntegerType
from xdsl.ir import Operation, SSAValue

from ...dialects import nn
from ...dialects.errors import TenonError
from .context import Context
from .node import Node, Value
from .registry import onnx_op


@onnx_op("If")
def if_(ctx: Context, node: Node) -> list[Value]:
    """The branch taken, where the condition is known; else both, and an elementwise selection."""
    condition = node[0]
    names = ("then_branch", "else_branch")
    if ctx.array(condition) is not None:
        return ctx.subgraph(node.attr(names[0 if ctx.number(condition, "the condition") else 1]), [], "")
    last = ctx.block.last_op
    taken, other = (ctx.subgraph(node.attr(name), [], f"{name}/") for name in names)
    for obstacle in _obstacles(taken, other, _after(ctx, last)):
        ctx.known(condition, f"the condition, since {obstacle},")
    if len(taken) != node.declared or len(other) != node.declared:
        raise TenonError(f"branches have {len(taken)} and {len(other)} outputs, expected {node.declared}")
    flag = ctx.reshape(condition, ())
    return [_selected(ctx, flag, x, y) for x, y in zip(taken, other, strict=True)]


def _selected(ctx: Context, flag: SSAValue, x: Value, y: Value) -> SSAValue:
    assert isinstance(x, SSAValue) and isinstance(y, SSAValue)
    return x if x is y else ctx.elementwise("where", flag, x, y)


def _after(ctx: Context, last: Operation | None) -> list[Operation]:
    """The ops emitted since `last` was."""
    found: list[Operation] = []
    op = ctx.block.last_op
    while op is not None and op is not last:
        found.append(op)
        op = op.prev_op
    return found


def _obstacles(taken: Sequence[Value], other: Sequence[Value], ops: Sequence[Operation]):
    """What keeps both branches from being computed."""
    for x, y in zip(taken, other, strict=False):
        if not isinstance(x, SSAValue) or not isinstance(y, SSAValue):
            yield "a branch gives a sequence"
        elif x.type != y.type:
            yield f"the branches give {x.type} and {y.type}"
    for op in ops:
        if isinstance(op, nn.ElementwiseOp) and op.fn.data in ("div", "mod"):
            if isinstance(op.type.element_type, IntegerType):
                yield "a branch divides integers"
