"""Elementwise instructions: what they compute is found inside the bodies of nests.

A declaration whose last register is marked `out` reads only the others. Where a body holds the same ops, and
what they compute on the way is used nowhere else, one `tensorized.compute` stands for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from xdsl.dialects import arith
from xdsl.ir import Block, Operation, SSAValue
from xdsl.rewriter import Rewriter

from ...dialects import tensorized
from ...dialects.tensorized import InstructionOp
from .bodies import occurrences


def lanes_of(instruction: InstructionOp) -> int:
    """The elements that one instruction computes."""
    return instruction.accumulator_register.get_shape()[0]


def use_elementwise(kernel: tensorized.KernelOp, instructions: Iterable[InstructionOp]) -> None:
    """Puts elementwise instructions into the bodies of a kernel's nests: the widest first, of those whose
    lanes fill the kernel's registers."""
    lanes = list(kernel.lane_counts.values())
    if len(lanes) != 1:
        return
    fitting = [i for i in instructions if i.writes is not None and lanes[0] % lanes_of(i) == 0]
    fitting.sort(key=lambda i: (lanes_of(i), len(i.body.block.ops)), reverse=True)
    for nest in kernel.body.block.ops:
        if isinstance(nest, tensorized.GenericOp) and fitting:
            _use(nest.body.block, fitting)


def _use(block: Block, instructions: Sequence[InstructionOp]) -> None:
    for op in reversed(list(block.ops)):
        if op.parent is None or not op.results:  # it went with a larger match
            continue
        for instruction in instructions:
            found = next(_matches(instruction, op.results[0]), None)
            if found is not None:
                computed = tensorized.ComputeOp(instruction.sym_name.data, found, op.results[0].type)
                Rewriter.replace_op(op, computed)
                _drop_unused(block)
                break


def _matches(instruction: InstructionOp, root: SSAValue) -> Iterator[list[SSAValue]]:
    """The operands for each way in which the ops that end in `root` are the instruction's body."""
    count = len(instruction.registers) - 1
    for bound, inner in occurrences(instruction.body.block, root):
        alone = all(_inside(value, inner, root) for value in inner)
        if alone and len(bound) == count:
            yield [bound[k] for k in range(count)]


def _inside(value: SSAValue, inner: set[SSAValue], root: SSAValue) -> bool:
    """Whether a value on the way, constants aside, is used by the others only."""
    owner = value.owner
    if value is root or isinstance(owner, arith.ConstantOp):
        return True
    return all(set(use.operation.results) & inner for use in value.uses)


def _drop_unused(block: Block) -> None:
    for op in reversed(list(block.ops)):
        if _is_scalar(op) and not any(True for result in op.results for _ in result.uses):
            Rewriter.erase_op(op)


def _is_scalar(op: Operation) -> bool:
    return bool(op.results) and not isinstance(op, tensorized.LookupOp)
