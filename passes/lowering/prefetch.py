"""Prefetches of a packed operand: while the rows pass over one block of it, the next block is fetched.

A kernel reads a block (a panel, or a part of its reduction) again for every tile of rows, so only the first
of them would wait for memory. Each step of the reduction therefore asks for its share of the block that
follows: the blocks lie one after another, in the order they are read, and the weights of the next kernel
after those of this one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from xdsl.dialects.builtin import MemRefType
from xdsl.ir import SSAValue
from xdsl.ir.affine import AffineExpr, AffineMap

from ...dialects import tensorized
from ...dialects.tensorized.attributes import element_bytes
from ...dialects.tensorized.linear_form import row_major, simplify
from .tile import Position, Tile

LINE_BYTES = 64
# Cache lines are counted in this part of one, so that their number grows evenly from step to step.
FRACTION = 1 << 16
ZERO = AffineExpr.constant(0)


def fetch_ahead(
    contract: tensorized.ContractOp, operand: int, buffer: SSAValue, tile: Tile, at: Position
) -> tensorized.PrefetchOp | None:
    """The prefetch of one body of a tile's reduction, of the block that follows the one at `at`; None if one
    tile covers all rows."""
    position, access = tile.position, contract.accesses[operand]
    used = {contract.loop_names[d] for d in access.used_dims()}
    kinds = list(zip(contract.loop_names, contract.kinds))
    rows = [name for name, kind in kinds if kind == "parallel" and name not in used]
    reductions = [name for name, kind in kinds if kind == "reduction"]
    all_rows, tile_rows = (math.prod(p.size[n] for n in rows) for p in (at, position))
    if tile_rows >= all_rows:
        return None
    assert isinstance(buffer.type, MemRefType)
    size = element_bytes(buffer.type.element_type)
    steps = math.prod(at.size[n] for n in reductions)
    elements = steps * -(-tile.width // tile.lanes) * tile.lanes
    per_row = elements * size * FRACTION // (LINE_BYTES * all_rows)
    per_step = per_row * tile_rows // steps
    lines = -(-per_step * math.prod(position.size[n] for n in reductions) // FRACTION)
    progress = _rows_before(at, position, rows) * per_row + _steps_before(at, position, reductions) * per_step
    start = flat_start(contract, access, buffer.type, at)
    ahead = start + elements + progress // FRACTION * (LINE_BYTES // size)
    variables, place = _over_used(simplify(ahead, position.counts), position)
    return tensorized.PrefetchOp(buffer, variables, place, max(1, lines))


def flat_start(
    contract: tensorized.ContractOp, access: AffineMap, buffer: MemRefType, at: Position
) -> AffineExpr:
    """Where a block starts in its buffer, in elements."""
    first = [at.start[name] for name in contract.loop_names]
    indices = (e.replace_dims_and_symbols(first, []) for e in access.results)
    strides = row_major(buffer.get_shape())
    return sum((index * stride for index, stride in zip(indices, strides)), ZERO)


def _rows_before(at: Position, position: Position, rows: Sequence[str]) -> AffineExpr:
    """How many rows of the block are done when the tile at `position` starts."""
    done = ZERO
    for i, name in enumerate(rows):
        ahead = math.prod(position.size[n] for n in rows[:i])
        inside = math.prod(at.size[n] for n in rows[i + 1 :])
        done = done + (position.start[name] + at.start[name] * -1) * (ahead * inside)
    return done


def _steps_before(at: Position, position: Position, reductions: Sequence[str]) -> AffineExpr:
    """How many iterations of the tile's reduction are done."""
    done = ZERO
    for i, name in enumerate(reductions):
        inside = math.prod(at.size[n] for n in reductions[i + 1 :])
        done = done + (position.start[name] + at.start[name] * -1) * inside
    return done


def _over_used(place: AffineExpr, position: Position) -> tuple[list[SSAValue], AffineMap]:
    """An expression of all loop variables as a map over those it uses."""
    used = sorted(place.used_dims())
    renamed: list[AffineExpr] = [ZERO] * len(position.variables)
    for i, dim in enumerate(used):
        renamed[dim] = AffineExpr.dimension(i)
    made = AffineMap(len(used), 0, (place.replace_dims_and_symbols(renamed, []),))
    return [position.variables[d] for d in used], made
