"""The schedule of a kernel without a reduction."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from xdsl.dialects.builtin import TensorType
from xdsl.ir import BlockArgument, Operation
from xdsl.ir.affine import AffineMap

from ...dialects import tensorized
from ...dialects.tensorized import LevelAttr
from ...dialects.tensorized.attributes import element_bytes
from ...dialects.tensorized.linear_form import flat_strides, row_major
from ..tensorize.target import TargetFacts
from .traffic import CACHE_SHARE, LINE_BYTES

# Registers of one elementwise tile: enough to hide a load's latency.
ELEMENTWISE_REGISTERS = 4
# Loops of up to so many iterations whose elements lie between those of neighbouring lanes are in the tile:
# their registers are stored interleaved, whole registers instead of single elements.
INTERLEAVED = 4


def schedule_elementwise(kernel: tensorized.KernelOp, facts: TargetFacts) -> None:
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
            extent = nest.extents[nest.loop_names.index(row)]
            tile |= {row: min(ELEMENTWISE_REGISTERS, extent), **lanes}
    if (along := _read_along(kernel, lanes, facts)) is not None:
        (lane,) = lanes
        order.remove(lane)
        order.insert(order.index(along), lane)
    kernel.set_schedule(lanes, [LevelAttr.of(order, tile)])


def _read_along(kernel: tensorized.KernelOp, lanes: Mapping[str, int], facts: TargetFacts) -> str | None:
    """The loop that the blocks of the lane loop should be outside of: an operand is read transposed, other
    iterations of that loop read what lies beside the elements of the lanes, and the cache lines are pushed
    out of the first-level cache before those come."""
    nests = [op for op in kernel.body.block.ops if isinstance(op, tensorized.GenericOp)]
    extents = {name: extent for nest in nests for name, extent in zip(nest.loop_names, nest.extents)}
    if len(lanes) != 1:
        return None
    (lane,), order = lanes, list(extents)
    buffers = list(_buffers(nests))
    for size, moves in buffers:
        along = next((name for name in order if moves.get(name) == 1), lane)
        if order.index(along) < order.index(lane) and moves.get(lane, 0) > 1:
            turns = min(extents[along], LINE_BYTES // size)
            kept = sum(_kept(*buffer, lane, along, turns) for buffer in buffers)
            if kept * extents[lane] > CACHE_SHARE * facts.l1_bytes:
                return along
    return None


def _buffers(nests: Sequence[tensorized.GenericOp]) -> Iterator[tuple[int, dict[str, int]]]:
    """What the nests read of memory, and write: the bytes of an element, and the elements that a loop moves
    along, of which there are none where that varies."""
    read = [(v, a, n) for n in nests for v, a in zip(n.inputs, n.accesses) if isinstance(v, BlockArgument)]
    for value, access, nest in [*read, (nests[-1].init, nests[-1].accesses[-1], nests[-1])]:
        assert isinstance(value.type, TensorType)
        strides = flat_strides(access, row_major(value.type.get_shape()), nest.extents)
        yield element_bytes(value.type.element_type), dict(zip(nest.loop_names, strides or ()))


def _kept(size: int, moves: Mapping[str, int], lane: str, along: str, turns: int) -> int:
    """The bytes of the cache that a buffer takes for each element of the lane loop, while the loop `along`
    turns so often."""
    if moves.get(along) == 1:
        return min(LINE_BYTES, moves.get(lane, 0) * size)
    return size * turns if moves.get(lane) else 0


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
