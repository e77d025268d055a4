"""View ops: other ways to look at one buffer."""

from __future__ import annotations

from xdsl.dialects import tensor
from xdsl.ir import SSAValue

from ...dialects.nn import is_compile_time

VIEWS = (tensor.PadOp, tensor.ExpandShapeOp, tensor.CollapseShapeOp, tensor.ExtractSliceOp)


def base(value: SSAValue) -> SSAValue:
    """The value whose buffer a view looks into."""
    while isinstance(value.owner, VIEWS) and not is_compile_time(value):
        value = value.owner.operands[0]
    return value
