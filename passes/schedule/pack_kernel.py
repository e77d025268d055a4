"""The kernel that packs a run-time operand, panel after panel.

An instruction that reduces R elements in a lane (pairs of bf16, fours of int8) reads them side by side: there
the lanes of the copy run along the lane loop and the R elements together, so that a register is stored as it
lies. The loads put R rows together (or take runs of R elements); what is left of a reduction that R does not
divide is a nest of its own, beside zeros.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from xdsl.dialects.builtin import TensorType
from xdsl.ir import Block, Region
from xdsl.ir.affine import AffineExpr, AffineMap

from ...dialects import tensorized
from ...dialects.tensorized import LevelAttr, LoopAttr
from ...dialects.tensorized.linear_form import substitute


@dataclass(frozen=True)
class Packing:
    """result[placed(i)] = operand[taken(i)] for all `loops`; `original` and `packed` are their types.
    `grouped` names the loops of which an instruction takes several elements at once, and how many."""

    loops: tuple[LoopAttr, ...]
    taken: AffineMap
    placed: AffineMap
    original: TensorType
    packed: TensorType
    grouped: Mapping[str, int]


@dataclass(frozen=True)
class _Part:
    """Some steps of a grouped loop: `count` groups of `width` elements, `step` apart from `first`."""

    first: int
    count: int
    step: int
    width: int


def pack_kernel(name: str, packing: Packing, lane_loop: str, lanes: int, panel: int) -> tensorized.KernelOp:
    """A scheduled kernel that copies the operand into its packed form; what no element fills is zero.
    `panel` elements of the lane loop make a panel, `lanes` a register of the contraction."""
    elements = math.prod(loop.extent.data for loop in packing.loops)
    padded = math.prod(packing.packed.get_shape()) > elements
    block = Block(arg_types=[packing.original])
    empty = tensorized.EmptyOp(packing.packed, 0.0 if padded else None)
    block.add_op(empty)
    value, order, counts, tiles = empty.res, [], {}, {}
    for i, part in enumerate(_parts(packing)):
        nest = _nest(packing, part, lane_loop, "_rest" * i)
        body = Block(arg_types=[packing.original.element_type] * 2)
        body.add_op(tensorized.YieldOp(body.args[0]))
        copy = tensorized.GenericOp([block.args[0]], value, *nest, Region(body))
        block.add_op(copy)
        value = copy.res
        names = copy.loop_names
        lane = lane_loop + "_rest" * i
        order += sorted(names, key=lambda name: name != lane)
        counts[lane], tiles[lane] = lanes * part.width, panel * part.width
    block.add_op(tensorized.YieldOp(value))
    kernel = tensorized.KernelOp(name, [packing.packed], Region(block))
    kernel.set_schedule(counts, [LevelAttr.of(order, tiles)])
    return kernel


def _parts(packing: Packing) -> list[_Part]:
    extents = {loop.label.data: loop.extent.data for loop in packing.loops}
    grouped = [(extents[name], size) for name, size in packing.grouped.items()]
    if not grouped:
        return [_Part(0, 1, 1, 1)]
    ((extent, size),) = grouped
    whole, rest = divmod(extent, size)
    parts = [_Part(0, whole, size, size), _Part(whole * size, 1, size, rest)]
    return [part for part in parts if part.count and part.width]


def _nest(
    packing: Packing, part: _Part, lane_loop: str, suffix: str
) -> tuple[list[LoopAttr], list[AffineMap]]:
    """Loops and accesses of the copy of one part: the lane loop counts elements of groups, a grouped loop
    groups."""
    names = [loop.label.data for loop in packing.loops]
    lane = AffineExpr.dimension(names.index(lane_loop))
    loops: list[LoopAttr] = []
    indices: list[AffineExpr] = []
    for d, loop in enumerate(packing.loops):
        name, extent, index = loop.label.data, loop.extent.data, AffineExpr.dimension(d)
        if name == lane_loop:
            extent, index = extent * part.width, index // part.width if part.width > 1 else index
        elif name in packing.grouped:
            extent, index = part.count, index * part.step + part.first
            index = index + lane % part.width if part.width > 1 else index
        loops.append(LoopAttr.of(name + suffix, "parallel", extent))
        indices.append(index)
    extents = [loop.extent.data for loop in loops]
    return loops, [substitute(access, indices, extents) for access in (packing.taken, packing.placed)]
