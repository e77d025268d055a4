"""The nests of a kernel that write its output, and what their registers are made from."""

from __future__ import annotations

from typing import TypeVar

from xdsl.ir import SSAValue

from ...dialects import tensorized
from ...dialects.errors import TenonError

_Nest = TypeVar("_Nest", bound=tensorized.NestOperation)


def stages_of(result: SSAValue) -> list[tensorized.GenericOp]:
    """The nests that write the output, in order: each starts from what the one before left."""
    stages: list[tensorized.GenericOp] = []
    value = result
    while isinstance(value.owner, tensorized.GenericOp):
        stages.insert(0, value.owner)
        value = value.owner.init
    if not stages:
        raise TenonError("lower-kernels: a kernel must end in an elementwise nest")
    return stages


def in_one_place(stages: list[tensorized.GenericOp]) -> bool:
    """Whether all stages write the same elements."""
    return len({(stage.maps.data[-1], tuple(stage.extents)) for stage in stages}) == 1


def made_from(stage: tensorized.GenericOp, kind: type[_Nest]) -> _Nest | None:
    """The contraction or transform whose registers a stage consumes."""
    pending: list[SSAValue] = list(stage.inputs)
    while pending:
        op = pending.pop().owner
        if isinstance(op, kind):
            return op
        if isinstance(op, tensorized.GenericOp):
            pending += op.inputs
    return None
