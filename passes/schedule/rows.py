"""The schedule of a row kernel: softmax, norms."""

from __future__ import annotations

import math

from ...dialects import tensorized
from ...dialects.tensorized import LevelAttr
from .elementwise import ELEMENTWISE_REGISTERS

# A row of at most this many registers runs beside others, in a tile of so many registers: combining lanes
# takes long, and the other rows have something to do meanwhile.
SHORT_ROW = 16
ROW_REGISTERS = 8


def schedule_rows(kernel: tensorized.KernelOp) -> None:
    """Two levels: the band, row after row (or a few registers of rows), and inside it the row, whose loop
    along the lanes is its innermost."""
    lanes = kernel.lane_counts
    extents: dict[str, int] = {}
    row: set[str] = set()
    for nest in kernel.body.block.ops:
        if isinstance(nest, tensorized.GenericOp):
            extents |= dict(zip(nest.loop_names, nest.extents))
            row |= {n for n, kind in zip(nest.loop_names, nest.kinds) if kind == "reduction"}
    registers = {name: min(ELEMENTWISE_REGISTERS, -(-extents[name] // n)) for name, n in lanes.items()}
    tile = {name: registers[name] * n for name, n in lanes.items()}
    band = [name for name in extents if name not in row]
    (lane_loop,) = lanes
    if lane_loop in row and math.prod(extents[n] for n in row) <= SHORT_ROW * lanes[lane_loop]:
        tile[band[-1]] = min(ROW_REGISTERS // registers[lane_loop], extents[band[-1]])
    levels = [
        LevelAttr.of(order, {n: size for n, size in tile.items() if n in order})
        for order in (band, sorted((n for n in extents if n in row), key=lambda n: n == lane_loop))
    ]
    kernel.set_schedule(lanes, levels)
