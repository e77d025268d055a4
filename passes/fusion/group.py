"""A group: the linalg ops that become one kernel, and what their loops are in its domain.

The *domain* of a group is the loops of its first op, of its first reduction if it has one: the parallel loops
(the *band*) and those that are reduced (the *row*). Every op runs over the band, or over band and row, and
reads what the group made where it was made, so that a kernel can finish one tile of its band after another.
One value leaves the group, that of its last op.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from xdsl.dialects import tensor
from xdsl.dialects.builtin import TensorType
from xdsl.dialects.linalg.ops import GenericOp
from xdsl.ir import Operation, SSAValue
from xdsl.ir.affine import AffineDimExpr, AffineExpr, AffineMap

from ...dialects.nn import is_compile_time
from ...dialects.tensorized import layout_of
from ...dialects.tensorized.linear_form import substitute
from .combiner import combiner

Loops = list[int | None]
"""For each loop of an op the loop of the domain it is; None for a loop of extent 1."""


@dataclass
class Group:
    """Ops of one kernel in program order; the last one makes its result. `loops` says what the loops of
    each op are in the domain, whose first `band` loops are the band. In a group of rows several ops may run
    over the row; elsewhere only the reduction does."""

    ops: list[Operation] = field(default_factory=list)
    extents: tuple[int, ...] = ()
    band: int = 0
    rows: bool = False
    loops: dict[Operation, Loops] = field(default_factory=dict)

    @property
    def result(self) -> SSAValue:
        return self.ops[-1].results[0]

    @property
    def reduction(self) -> GenericOp | None:
        return next((op for op in self.ops if isinstance(op, GenericOp) and reduces(op)), None)

    @property
    def concat(self) -> tensor.ConcatOp | None:
        last = self.ops[-1]
        return last if isinstance(last, tensor.ConcatOp) else None

    def long(self, first: int, end: int) -> list[int]:
        """The loops first..end of the domain that run more than once."""
        return [i for i in range(first, end) if self.extents[i] > 1]

    def over_row(self, op: Operation) -> bool:
        """Whether the op has the loops of the row, not only those of the band."""
        return any(loop is not None and loop >= self.band for loop in self.loops[op])

    def access(self, op: Operation, value: SSAValue, access: AffineMap) -> AffineMap:
        """A logical access of `op` as a physical one over the domain."""
        return domain_access(value, access, self.loops[op], self.extents)


@dataclass(frozen=True)
class Place:
    """The loops of an op as expressions of a nest's loops, and the extents of these."""

    indices: Sequence[AffineExpr]
    extents: Sequence[int]

    def access(self, access: AffineMap) -> AffineMap:
        """An access over the op's loops as one over the nest's."""
        return substitute(access, self.indices[: access.num_dims], self.extents)


def domain_access(value: SSAValue, access: AffineMap, loops: Loops, extents: Sequence[int]) -> AffineMap:
    """A logical access of `value` as a physical one over the loops of a domain."""
    assert isinstance(value.type, TensorType)
    return over_domain(layout_of(value.type).access.compose(access), loops, extents)


def over_domain(access: AffineMap, loops: Loops, extents: Sequence[int]) -> AffineMap:
    """An access over an op's loops as one over the loops of a domain."""
    dims = [AffineExpr.constant(0) if n is None else AffineExpr.dimension(n) for n in loops]
    return substitute(access, dims[: access.num_dims], extents)


def loop_extents(op: GenericOp) -> list[int]:
    return [int(n) for n in op.get_static_loop_ranges()]


def reduces(op: GenericOp) -> bool:
    return any(kind.data.value == "reduction" for kind in op.iterator_types)


def looks_up(op: GenericOp) -> bool:
    """Whether the body reads a captured tensor at computed positions."""
    return any(isinstance(inner, tensor.ExtractOp) for inner in op.body.block.ops)


def band_rank(op: GenericOp) -> int:
    return sum(kind.data.value == "parallel" for kind in op.iterator_types)


def makes_start(op: GenericOp) -> bool:
    """Whether the op only makes the start value of one reduction."""
    uses = list(op.results[0].uses)
    if reduces(op) or len(uses) != 1 or not isinstance(uses[0].operation, GenericOp):
        return False
    user = uses[0].operation
    return reduces(user) and user.outputs[0] is op.results[0] and regular(user)


def regular(op: GenericOp) -> bool:
    """The parallel loops come first and index the output in order."""
    rank, out = band_rank(op), op.indexing_maps.data[-1].data
    kinds = [kind.data.value for kind in op.iterator_types]
    return out.results == AffineMap.identity(rank).results and "reduction" not in kinds[:rank]


def reduces_rows(op: GenericOp) -> bool:
    """A reduction of one tensor, element by element: no contraction and no overlapping windows."""
    if not reduces(op) or not regular(op) or combiner(op.body.block) is None:
        return False
    start = op.outputs[0].owner
    reads = [m.data for v, m in zip(op.inputs, op.indexing_maps) if not is_compile_time(v)]
    whole = [r for r in reads if all(isinstance(e, AffineDimExpr) for e in r.results)]
    return (
        len(op.inputs) == len(reads) == len(whole) == 1
        and max(loop_extents(op)[band_rank(op) :]) > 1
        and isinstance(start, GenericOp)
        and makes_start(start)
        and not start.inputs
    )


def reads_of(op: GenericOp) -> list[tuple[SSAValue, AffineMap]]:
    """Operands and where they are read; the start value of a reduction too."""
    maps = [m.data for m in op.indexing_maps]
    start = [(op.outputs[0], maps[-1])] if reduces(op) else []
    return [*zip(op.inputs, maps), *start]
