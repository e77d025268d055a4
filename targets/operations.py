"""What a lowered kernel does, counted in its loops: scalar operations, and bytes of memory it touches."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from xdsl.dialects import arith, scf
from xdsl.dialects.builtin import IndexType, IntegerAttr, MemRefType, VectorType
from xdsl.ir import Block, BlockArgument, Operation, SSAValue

from ..dialects.nn import dense_array, numpy_dtype
from ..dialects.tensorized import ApplyOp, CombineOp, GatherOp, KernelOp, LinearOp, LoadOp, MapOp, StoreOp
from .llvm.linear_program import linear_program


@dataclass(frozen=True)
class Work:
    """`operations`: scalar operations as executed, those on unused lanes included (a multiply-add is two).
    `bytes`: each argument once, but no more than the loads and stores move."""

    operations: int
    bytes: int

    def seconds(self, gflops: float, gbytes: float) -> float:
        """The least time on a machine of that arithmetic peak and memory bandwidth: the roofline."""
        return max(self.operations / gflops, self.bytes / gbytes) / 1e9


def work_of(kernel: KernelOp) -> Work:
    """The work of one call."""
    operations = 0
    moved: dict[SSAValue, int] = {}
    for op, times in executed(kernel.body.block):
        operations += times * scalar_operations(op)
        if isinstance(op, LoadOp | StoreOp):
            moved[op.ref] = moved.get(op.ref, 0) + times * _bytes(op.vector)
        elif isinstance(op, GatherOp):
            moved[op.ref] = moved.get(op.ref, 0) + times * _bytes(op.res.type)
    return Work(operations, sum(min(size, _bytes(ref.type)) for ref, size in moved.items()))


def executed(block: Block, times: int = 1) -> Iterator[tuple[Operation, int]]:
    """The ops of a block, with how often each runs; loops are entered."""
    for op in block.ops:
        if isinstance(op, scf.ForOp):
            yield from executed(op.body.block, times * trip_count(op))
        elif isinstance(op, scf.ParallelOp):
            yield from executed(op.body.block, times * math.prod(map(_constant, op.upperBound)))
        elif isinstance(op, scf.IfOp):
            yield from _branches(op, times)
        else:
            yield op, times


def _branches(op: scf.IfOp, times: int) -> Iterator[tuple[Operation, int]]:
    """The branches of a test `index < constant` on the index of a parallel loop: each runs for its part of
    the loop."""
    test = op.cond.owner
    assert isinstance(test, arith.CmpiOp) and isinstance(test.lhs, BlockArgument), "a test of a part's number"
    loop = test.lhs.owner.parent_op()
    assert isinstance(loop, scf.ParallelOp)
    count, below = _constant(loop.upperBound[test.lhs.index]), _constant(test.rhs)
    for region, share in ((op.true_region, below), (op.false_region, count - below)):
        if region.blocks:
            yield from executed(region.block, times * share // count)


def trip_count(loop: scf.ForOp) -> int:
    """How often a loop runs; its bounds are constants."""
    low, high, step = (_constant(value) for value in (loop.lb, loop.ub, loop.step))
    return max(0, -(-(high - low) // step))


def _constant(value: SSAValue) -> int:
    owner = value.owner
    assert isinstance(owner, arith.ConstantOp) and isinstance(owner.value, IntegerAttr), "a loop bound"
    return owner.value.value.data


def scalar_operations(op: Operation) -> int:
    """Scalar operations of one execution of an op."""
    match op:
        case ApplyOp():
            instruction = op.declaration()
            applications = math.prod(_shape(op.res.type)[:-1])
            return applications * math.prod(instruction.extents) * _body(instruction.body.block)
        case MapOp():
            return math.prod(_shape(op.res.type)) * _body(op.body.block)
        case CombineOp():
            return math.prod(_shape(op.value.type)) * _body(op.body.block)
        case LinearOp():
            rows = op.matrix.get_shape()[0]
            return math.prod(_shape(op.res.type)) // rows * _linear(op)
    return 0


def _linear(op: LinearOp) -> int:
    """Additions and multiplications of the product with one line."""
    program = linear_program(dense_array(op.matrix))
    sums = [terms for terms in (*program.steps, *program.rows) if terms]
    return sum(len(terms) - 1 + sum(abs(term.factor) != 1 for term in terms) for terms in sums)


def _body(block: Block) -> int:
    """Operations of a scalar body, without its constants and the yield."""
    return sum(1 for op in block.ops if op.results and not isinstance(op, arith.ConstantOp))


def _shape(type_: object) -> tuple[int, ...]:
    assert isinstance(type_, VectorType | MemRefType)
    return type_.get_shape()


def _bytes(type_: object) -> int:
    assert isinstance(type_, VectorType | MemRefType)
    element = type_.element_type
    size = 8 if isinstance(element, IndexType) else numpy_dtype(element).itemsize
    return math.prod(_shape(type_)) * size
