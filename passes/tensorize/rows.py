"""Which loop of a row kernel runs along vector lanes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from xdsl.dialects.builtin import TensorType

from ...dialects.tensorized.attributes import element_bytes
from .cost import NestView, blocks
from .target import TargetFacts

# Combining the lanes of one register: a shuffle and an operation for each halving, and the way back.
COMBINE_CYCLES = 30


def row_lanes(nests: Sequence[NestView], facts: TargetFacts, reassociate: bool = True) -> tuple[str, int]:
    """The loop with the least estimated cycles, and its lanes: loads and stores of what lies in memory, and
    for every row the combination of the lanes, if they run along the row. Without the right to `reassociate`
    they run along the band, if there is one."""
    widest = max(
        element_bytes(v.type.element_type) for n in nests for v in n.values if isinstance(v.type, TensorType)
    )
    lanes = max(1, facts.vector_bytes // widest)
    names = list(dict.fromkeys(name for nest in nests for name in nest.names))
    reduced = {n for nest in nests for n, kind in zip(nest.names, nest.kinds) if kind == "reduction"}
    if not reassociate:
        names = [name for name in names if name not in reduced] or names

    def cost(name: str) -> tuple[float, int]:
        return sum(_cycles(nest, name, lanes, facts) for nest in nests), -names.index(name)

    return min(names, key=cost), lanes


def _cycles(nest: NestView, name: str, lanes: int, facts: TargetFacts) -> float:
    points = math.prod(nest.extents)
    if name not in nest.names:
        return points * len(nest.values) / facts.loads_per_cycle
    loop = nest.names.index(name)
    registers = points // nest.extents[loop] * blocks(nest.extents[loop], lanes)
    # Arithmetic costs about as much again as one load.
    moved = 1 / facts.loads_per_cycle + nest.transfer_cycles(((loop, 1),), lanes, facts)
    combined = COMBINE_CYCLES * points / nest.extents[loop] if nest.kinds[loop] == "reduction" else 0
    return registers * moved + combined
