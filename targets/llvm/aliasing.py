"""What the calls of a module say about a kernel's arguments: which may overlap, how they are aligned."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import gcd, prod

from xdsl.dialects import memref
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
    """Bytes [low, high) of the memory an argument of the function is. Only the arena and the weights are
    viewed; they are aligned, a user's array is only sure to be aligned to its elements."""

    root: SSAValue
    low: int
    high: int
    viewed: bool

    def overlaps(self, other: Extent) -> bool:
        return self.root is other.root and self.low < other.high and other.low < self.high

    @property
    def alignment(self) -> int:
        """Of its first byte."""
        return gcd(BUFFER_ALIGNMENT, self.low) if self.viewed else _element_bytes(self.root)


def extent_of(value: SSAValue) -> Extent:
    """The memory a memref of a function is: an argument, or a view of one at a constant offset."""
    assert isinstance(value.type, MemRefType)
    size = prod(value.type.get_shape()) * element_bytes(value.type.element_type)
    op = value.owner
    if isinstance(op, Block):
        return Extent(value, 0, size, False)
    if not isinstance(op, memref.ViewOp):
        raise TenonError(f"{op.name}: a buffer must be an argument or a view of one")
    offset = constant_of(op.byte_shift)
    if not isinstance(offset, int):
        raise TenonError("memref.view: the offset is not a constant")
    source = extent_of(op.source)
    return Extent(source.root, source.low + offset, source.low + offset + size, True)


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
    apart = [True] * len(arguments)
    alignment = [BUFFER_ALIGNMENT] * len(arguments)
    called = False
    for call in calls:
        called = True
        extents = [extent_of(v) for v in call.arguments]
        for i, one in enumerate(extents):
            alignment[i] = gcd(alignment[i], one.alignment)
            clash = (j for j, other in enumerate(extents) if j != i and one.overlaps(other))
            apart[i] &= not any(written[i] or written[j] for j in clash)
    if not called:
        alignment = [_element_bytes(a) for a in arguments]
    return [ArgumentFacts(*row) for row in zip(written, apart, alignment, strict=True)]


def _element_bytes(memory: SSAValue) -> int:
    assert isinstance(memory.type, MemRefType)
    return element_bytes(memory.type.element_type)
