"""The schedule of a kernel without a reduction."""

from __future__ import annotations

import math
from collections.abc import Iterator

from xdsl.dialects.builtin import TensorType
from xdsl.ir import BlockArgument, Operation
from xdsl.ir.affine import AffineMap

from ...dialects import tensorized
from ...dialects.tensorized import LevelAttr
from ...dialects.tensorized.linear_form import flat_strides, row_major

# Registers of one elementwise tile: enough to hide a load's latency.
ELEMENTWISE_REGISTERS = 4
# Loops of up to so many iterations whose elements lie between those of neighbouring lanes are in the tile:
# their registers are stored interleaved, whole registers instead of single elements.
INTERLEAVED = 4


def schedule_elementwise(kernel: tensorized.KernelOp) -> None:
    lanes = kernel.lane_counts
    order: list[str] = []
    tile: dict[str, int] = {}
    for nest in kernel.body.block.ops:
        if not isinstance(nest, tensorized.GenericOp):
            continue
        order += [name for name in nest.loop_names if name not in order]
        for name, extent in zip(nest.loop_names, nest.extents):
            if name in lanes:
                registers = min(ELEMENTWISE_REGISTERS, -(-extent // lanes[name]))
                tile[name] = registers * lanes[name]
        tile |= _interleaved(nest, lanes)
    for nest in kernel.body.block.ops:
        if isinstance(nest, tensorized.GenericOp) and (row := _row_of_positions(nest, lanes)) is not None:
            tile |= {row: ELEMENTWISE_REGISTERS, **lanes}
    kernel.set_schedule(lanes, [LevelAttr.of(order, tile)])


def _row_of_positions(nest: tensorized.GenericOp, lanes: dict[str, int]) -> str | None:
    """The innermost loop whose iterations look elements up where all do, each lane at its own place: a
    tile computes the addresses for several of them once."""
    names = nest.loop_names
    places = [read for read in _positions(nest) if any(names[d] in lanes for d in read.used_dims())]
    shared = [n for d, n in enumerate(names) if not any(d in read.used_dims() for read in places)]
    return shared[-1] if places and shared else None


def _positions(nest: tensorized.GenericOp) -> Iterator[AffineMap]:
    """Where operands are read that positions of lookups are made of; that of an iota is no element."""
    pending = [i for op in nest.body.block.ops if isinstance(op, tensorized.LookupOp) for i in op.indices]
    for value in pending:
        if isinstance(value, BlockArgument):
            if not isinstance(nest.operands[value.index].owner, tensorized.IotaOp):
                yield nest.accesses[value.index]
        elif isinstance(value.owner, Operation):
            pending += value.owner.operands


def _interleaved(nest: tensorized.GenericOp, lanes: dict[str, int]) -> dict[str, int]:
    """The loops inside the lane loop in the output, with their extents, if they fill the space between its
    elements: the channels of an image of three, read plane by plane and written pixel by pixel."""
    assert isinstance(nest.res.type, TensorType)
    strides = flat_strides(nest.accesses[-1], row_major(nest.res.type.get_shape()), nest.extents)
    if strides is None:
        return {}
    across = max((s for name, s in zip(nest.loop_names, strides) if name in lanes), default=0)
    inside = {
        name: extent for name, extent, s in zip(nest.loop_names, nest.extents, strides) if 0 < s < across
    }
    return inside if 1 < math.prod(inside.values()) == across <= INTERLEAVED else {}
