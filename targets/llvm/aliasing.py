"""What the calls of a module say about a kernel's arguments: which may overlap, how they are aligned."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import gcd, prod
from typing import NamedTuple

from xdsl.dialects import arith, memref, scf
from xdsl.dialects.builtin import MemRefType
from xdsl.ir import Block, SSAValue

from ...dialects.errors import TenonError
from ...dialects.tensorized import CallOp, KernelOp, StoreOp
from ...dialects.tensorized.attributes import element_bytes
from .scalar import constant_of

BUFFER_ALIGNMENT = 64
"""Of the arena and the weights, in bytes: a cache line, and the widest register."""


@dataclass(frozen=True)
class Extent:
    """Bytes [low, high) of the memory an argument of the function is: all that a view in a loop reaches, from
    low on in multiples of `step`. Only the arena and the weights are viewed; they are aligned, a user's array
    is only sure to be aligned to its elements."""

    root: SSAValue
    low: int
    high: int
    viewed: bool
    step: int = 0

    def overlaps(self, other: Extent) -> bool:
        return self.root is other.root and self.low < other.high and other.low < self.high

    @property
    def alignment(self) -> int:
        """Of its first byte."""
        return gcd(BUFFER_ALIGNMENT, self.low, self.step) if self.viewed else _element_bytes(self.root)


def extent_of(value: SSAValue) -> Extent:
    """The memory a memref of a function is: an argument, or a view of one at an offset that is constant or
    grows with the index of a loop."""
    size, op = byte_size(value), value.owner
    if isinstance(op, Block):
        return Extent(value, 0, size, False)
    if not isinstance(op, memref.ViewOp):
        raise TenonError(f"{op.name}: a buffer must be an argument or a view of one")
    offsets = _range_of(op.byte_shift)
    source = extent_of(op.source)
    low, high = source.low + offsets.low, source.low + offsets.high + size
    return Extent(source.root, low, high, True, gcd(source.step, offsets.step))


def byte_size(value: SSAValue) -> int:
    """The bytes a memref takes."""
    if not isinstance(value.type, MemRefType):
        raise TenonError(f"a value of type {value.type} is in no memory yet: run plan-memory first")
    return prod(value.type.get_shape()) * element_bytes(value.type.element_type)


class _Range(NamedTuple):
    """The values low, low + step, ..., high."""

    low: int
    high: int
    step: int


def _range_of(value: SSAValue) -> _Range:
    """What an index can be: a constant, a loop's index, or a sum or product of such."""
    number, op = constant_of(value), value.owner
    if isinstance(number, int):
        return _Range(number, number, 0)
    if isinstance(op, Block) and isinstance(loop := op.parent_op(), scf.ForOp):
        low, high, step = (_range_of(v) for v in (loop.lb, loop.ub, loop.step))
        return _Range(low.low, high.high - 1, step.low)
    if isinstance(op, arith.AddiOp | arith.MuliOp):
        a, b = (_range_of(v) for v in op.operands)
        if isinstance(op, arith.AddiOp):
            return _Range(a.low + b.low, a.high + b.high, gcd(a.step, b.step))
        ends = [x * y for x in (a.low, a.high) for y in (b.low, b.high)]
        # One of them is a constant.
        return _Range(min(ends), max(ends), a.step * b.low if a.step else b.step * a.low)
    raise TenonError("memref.view: the offset is neither a constant nor made of a loop's index")


@dataclass(frozen=True)
class ArgumentFacts:
    """What holds for one argument of a kernel at every call: it is written by the kernel, it overlaps no
    argument such that either is written, its alignment in bytes."""

    written: bool
    apart: bool
    alignment: int

    def attributes(self) -> str:
        """As LLVM parameter attributes."""
        words = ["noalias"] * self.apart + ["nonnull"] + ["readonly"] * (not self.written)
        return " ".join([*words, f"align {self.alignment}"])


def argument_facts(kernel: KernelOp, calls: Iterable[CallOp]) -> list[ArgumentFacts]:
    """One row per argument; a kernel nobody calls is taken to be called with separate buffers."""
    arguments = kernel.body.block.args
    written = [
        any(isinstance(use.operation, StoreOp) and use.operation.ref is a for use in a.uses)
        for a in arguments
    ]
    used = [bool(a.uses) for a in arguments]  # what is only written into came as an argument too
    apart = [True] * len(arguments)
    alignment = [BUFFER_ALIGNMENT] * len(arguments)
    called = False
    for call in calls:
        called = True
        extents = [extent_of(v) for v in call.arguments]
        for i, one in enumerate(extents):
            alignment[i] = gcd(alignment[i], one.alignment)
            clash = (j for j, other in enumerate(extents) if j != i and used[j] and one.overlaps(other))
            apart[i] &= not any(written[i] or written[j] for j in clash)
    if not called:
        alignment = [_element_bytes(a) for a in arguments]
    return [ArgumentFacts(*row) for row in zip(written, apart, alignment, strict=True)]


def _element_bytes(memory: SSAValue) -> int:
    assert isinstance(memory.type, MemRefType)
    return element_bytes(memory.type.element_type)
