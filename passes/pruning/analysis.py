"""What is known of the channels of a function: which dimensions hold them, and what ops do with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from xdsl.dialects.builtin import NameLoc
from xdsl.ir import Operation, SSAValue

from .atoms import Atoms
from .links import Factor, Link


class Slot(NamedTuple):
    """A factor of an operand."""

    operand: int
    factor: int


class Even(NamedTuple):
    """What an op asks of the positions of a dimension: [parts, ids of one]; each part keeps as many."""

    op: str
    ids: np.ndarray


@dataclass
class Analysis:
    """`factors`: the dimensions of each value that hold channels. `links` and `sums`: what each op does with
    those of its operands. `evens`: parts that must keep equally many."""

    atoms: Atoms = field(default_factory=Atoms)
    factors: dict[SSAValue, list[Factor]] = field(default_factory=dict)
    links: dict[Operation, list[Link]] = field(default_factory=dict)
    sums: dict[Operation, list[list[Slot]]] = field(default_factory=dict)
    evens: list[Even] = field(default_factory=list)
    fixed: dict[SSAValue, str] = field(default_factory=dict)

    def roots(self, value: SSAValue, factor: int) -> np.ndarray:
        """The atom at each position of a factor."""
        return self.atoms.roots(self.factors[value][factor].ids)


def name_of(op: Operation) -> str:
    """What people call an op: its location, else its kind."""
    return op.location.desc.data if isinstance(op.location, NameLoc) else op.name


def own_factors(atoms: Atoms, shape: Sequence[int]) -> list[Factor]:
    """A factor of its own for each dimension: atoms that nothing is known of."""
    return [Factor((axis,), atoms.fresh(n)) for axis, n in enumerate(shape) if n > 1]
