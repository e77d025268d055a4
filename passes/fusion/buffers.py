"""A kernel under construction: its block, its arguments, its output."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod

from xdsl.dialects.builtin import TensorType
from xdsl.ir import Block, Operation, Region, SSAValue

from ...dialects import tensorized
from ...dialects.nn import is_compile_time
from ...dialects.tensorized import layout_of, physical_type
from .destinations import Destination
from .views import base


@dataclass(kw_only=True)
class KernelBuffers:
    """Collects arguments while nests are built; one argument per distinct buffer. `ranges` says what the
    elements of some lie within."""

    block: Block = field(default_factory=Block)
    arguments: dict[SSAValue, SSAValue] = field(default_factory=dict)
    ranges: dict[SSAValue, tensorized.RangeAttr] = field(default_factory=dict)
    destination: Destination | None = None

    def nests(self) -> SSAValue:
        """Adds the nests of the kernel; the value it returns."""
        raise NotImplementedError

    def build(self, name: str) -> tensorized.KernelOp:
        result = self.nests()
        self.block.add_op(tensorized.YieldOp(result))
        constants = [i for i, value in enumerate(self.arguments) if is_compile_time(value)]
        ranges = [self.ranges.get(value) for value in self.arguments]
        return tensorized.KernelOp(name, [result.type], Region(self.block), constants, ranges)

    def argument(self, value: SSAValue) -> SSAValue:
        """The kernel's argument for the buffer of `value`."""
        source = base(value)
        if source not in self.arguments:
            assert isinstance(value.type, TensorType)
            self.arguments[source] = self.block.insert_arg(physical_type(value.type), len(self.block.args))
        return self.arguments[source]

    def add(self, op: Operation, source: Operation) -> SSAValue:
        op.location = source.location
        self.block.add_op(op)
        return op.results[0]

    def output(self, value: SSAValue) -> SSAValue:
        """The kernel's output buffer: what other kernels left of it, else an empty one with the fill of its
        halo."""
        assert isinstance(value.type, TensorType)
        physical, fill = physical_type(value.type), layout_of(value.type).fill_value
        if self.destination is not None:
            filled, fill = self.destination
            if filled is not None:
                self.arguments[filled] = self.block.insert_arg(physical, len(self.block.args))
                return self.arguments[filled]
        has_halo = prod(physical.get_shape()) > prod(value.type.get_shape())
        empty = tensorized.EmptyOp(physical, fill if has_halo else None)
        self.block.add_op(empty)
        return empty.res
