"""Which arguments of a kernel may share the buffer of its result."""

from __future__ import annotations

from xdsl.dialects.builtin import TensorType
from xdsl.ir import BlockArgument, SSAValue
from xdsl.ir.affine import AffineExpr

from ...dialects.tensorized import EmptyOp, GenericOp, KernelOp, LoopAttr, NestOperation, YieldOp
from ...dialects.tensorized.attributes import element_bytes

Access = tuple[AffineExpr, ...]


def in_place_arguments(kernel: KernelOp) -> set[int]:
    """Arguments that every loop point reads only at the element it writes, before it writes it: whatever
    the schedule, no element is read after it was replaced.

    That holds where the result has the argument's shape and element size, is written by one nest without
    fill, and the argument, and all that is computed from it inside the kernel, is read by nests over the
    same loops at the access of the write. A reduction may start from such a value, but not run over it."""
    end = kernel.body.block.last_op
    if not isinstance(end, YieldOp) or len(end.operands) != 1:
        return set()
    last = end.operands[0].owner
    if not isinstance(last, GenericOp) or last.is_reduction or _writes_before_the_end(kernel):
        return set()
    empty = last.init.owner
    if not isinstance(empty, EmptyOp) or empty.fill is not None:
        return set()
    return {
        argument.index
        for argument in kernel.body.block.args
        if _same_buffer(argument, last.res) and _only_read_where_written(argument, last)
    }


def destination_argument(kernel: KernelOp) -> int | None:
    """The argument whose buffer the result is, with some elements replaced: the nests that make the result
    start from it. None for a kernel that makes its own."""
    end = kernel.body.block.last_op
    if not isinstance(end, YieldOp) or len(end.operands) != 1:
        return None
    value = end.operands[0]
    while isinstance(value.owner, NestOperation):
        value = value.owner.init
    return value.index if isinstance(value, BlockArgument) else None


def _writes_before_the_end(kernel: KernelOp) -> bool:
    """Whether a reduction runs in blocks, its accumulators waiting in the output meanwhile."""
    reductions = {
        loop.label.data
        for nest in kernel.body.block.ops
        if isinstance(nest, NestOperation)
        for loop in nest.loops
        if loop.kind.data == "reduction"
    }
    levels = list(kernel.schedule or ())[:-1]
    return any(name in reductions for level in levels for name in level.loop_order)


def _same_buffer(one: SSAValue, other: SSAValue) -> bool:
    a, b = one.type, other.type
    assert isinstance(a, TensorType) and isinstance(b, TensorType)
    return a.get_shape() == b.get_shape() and element_bytes(a.element_type) == element_bytes(b.element_type)


def _only_read_where_written(argument: SSAValue, last: GenericOp) -> bool:
    loops = list(last.loops)
    pending: list[tuple[SSAValue, Access]] = [(argument, last.accesses[-1].results)]
    while pending:
        value, access = pending.pop()
        for use in value.uses:
            nest = use.operation
            if isinstance(nest, YieldOp):
                continue
            if not isinstance(nest, NestOperation) or not _runs_over(nest, loops, use.index):
                return False
            if nest.accesses[use.index].results != access:
                return False
            pending.append((nest.res, nest.accesses[-1].results))
    return True


def _runs_over(nest: NestOperation, loops: list[LoopAttr], operand: int) -> bool:
    """Whether the nest runs over exactly `loops`, or reduces further ones and starts from the operand."""
    if nest.is_reduction and operand < len(nest.inputs):
        return False
    own = list(nest.loops)
    further = own[len(loops) :]
    return own[: len(loops)] == loops and all(loop.kind.data == "reduction" for loop in further)
