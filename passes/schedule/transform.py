"""The schedule of a transform: tile after tile, each a grid of registers."""

from __future__ import annotations

from ...dialects import tensorized
from ...dialects.tensorized import LevelAttr


def schedule_transform(kernel: tensorized.KernelOp, op: tensorized.TransformOp) -> None:
    """One level: the loops that a matrix makes whole go inside, since they are one tile and no loop; those
    that run over tiles keep their place, in steps of a tile. One register of lanes: tiles take the others."""
    lanes, tile = dict(kernel.lane_counts), dict(kernel.lane_counts)
    for line in op.lines:
        tile[line.made] = line.matrix.get_shape()[0]
    extents = dict(zip(op.loop_names, op.extents))
    parallel = [n for n, kind in zip(op.loop_names, op.kinds) if kind == "parallel"]
    order = sorted(
        parallel, key=lambda name: name in tile and name not in lanes and tile[name] >= extents[name]
    )
    kernel.set_schedule(lanes, [LevelAttr.of(order, tile)])
