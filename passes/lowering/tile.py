"""Where a register tile stands in its nest, and the accesses of its registers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from xdsl.dialects.builtin import MemRefType
from xdsl.ir import SSAValue
from xdsl.ir.affine import AffineExpr, AffineMap

from ...dialects.tensorized.linear_form import bounds, coefficients, linear_form, simplify

Dim = AffineExpr.dimension
Const = AffineExpr.constant


@dataclass(frozen=True)
class Position:
    """Loop variables so far, how many iterations each has, and for every loop of the nest its first
    index (an expression of the variables) and how many iterations are left to run from there.
    What a tile there does: `starts` from the start values (else from what lies in the output), runs the
    `steps` of its reduction, `ends` with the epilogue (else leaves the accumulators in the output).
    `blocks`: for each operand of a contraction that is fetched ahead, where its present block starts."""

    variables: tuple[SSAValue, ...] = ()
    counts: tuple[int, ...] = ()
    start: Mapping[str, AffineExpr] = field(default_factory=dict)
    size: Mapping[str, int] = field(default_factory=dict)
    starts: bool = True
    steps: bool = True
    ends: bool = True
    blocks: Mapping[int, Position] = field(default_factory=dict)

    @staticmethod
    def of(loops: Mapping[str, int]) -> Position:
        return Position(start={name: Const(0) for name in loops}, size=dict(loops))

    def block(self, loop: str, offset: int, size: int) -> Position:
        """One block of `loop`, at a fixed offset."""
        return replace(
            self, start={**self.start, loop: self.start[loop] + offset}, size={**self.size, loop: size}
        )

    def iterate(self, loop: str, variable: SSAValue, count: int, offset: int, size: int) -> Position:
        """Blocks of `loop` counted by a new loop variable."""
        first = self.start[loop] + Dim(len(self.variables)) * size + offset
        return replace(
            self,
            variables=(*self.variables, variable),
            counts=(*self.counts, count),
            start={**self.start, loop: first},
            size={**self.size, loop: size},
        )


@dataclass(frozen=True)
class Tile:
    """A grid of registers at a position: the loops the grid runs over (with their sizes), the loop along
    the lanes, the lanes of one register and how many registers they fill."""

    position: Position
    rows: tuple[tuple[str, int], ...]
    lane_loop: str
    lanes: int

    @property
    def width(self) -> int:
        """Iterations of the lane loop in this tile."""
        return self.position.size[self.lane_loop]

    @property
    def grid(self) -> list[int]:
        return [*(size for _, size in self.rows), -(-self.width // self.lanes)]

    @property
    def ragged(self) -> bool:
        return self.width % self.lanes != 0

    def access(
        self,
        access: AffineMap,
        loops: Sequence[str],
        register: int,
        lane_index: Mapping[str, AffineExpr] | None = None,
    ) -> tuple[list[SSAValue], AffineMap, list[int]]:
        """An access over `loops` as one over (loop variables used, grid..., lane), for registers of
        `register` elements. `lane_index` gives each loop its index within a register, as an expression
        of dimension 0, the lane; by default the lane loop takes the lane itself.
        Returns the variables used, the map and the extents of its dimensions."""
        variables = len(self.position.variables)
        grid_dims = {name: Dim(variables + i) for i, (name, _) in enumerate(self.rows)}
        panel, lane = Dim(variables + len(self.rows)), Dim(variables + len(self.rows) + 1)
        extents = [*self.position.counts, *self.grid, register]
        indices: list[AffineExpr] = []
        within = lane_index if lane_index is not None else {self.lane_loop: Dim(0)}
        for name in loops:
            index = self.position.start[name]
            if name in grid_dims:
                index = index + grid_dims[name]
            if name == self.lane_loop:
                index = index + panel * self.lanes
            if name in within:
                index = index + within[name].replace_dims_and_symbols([lane], [])
            indices.append(index)
        results = [simplify(e.replace_dims_and_symbols(indices, []), extents) for e in access.results]
        used = sorted({d for e in results for d in e.used_dims() if d < variables})
        order = {d: i for i, d in enumerate([*used, *range(variables, len(extents))])}
        renamed: list[AffineExpr] = [Dim(order.get(d, 0)) for d in range(len(extents))]
        kept = [extents[d] for d in order]
        results = [e.replace_dims_and_symbols(renamed, []) for e in results]
        return [self.position.variables[d] for d in used], AffineMap(len(kept), 0, tuple(results)), kept


def stays_inside(access: AffineMap, extents: Sequence[int], memref: MemRefType) -> bool:
    """Whether every element the access can reach lies in the buffer."""
    for expr, size in zip(access.results, memref.get_shape(), strict=True):
        low, high = bounds(linear_form(expr, extents), extents)
        if low < 0 or high >= size:
            return False
    return True


def lane_indices(map_expr: AffineExpr, extents: Sequence[int]) -> list[AffineExpr | None]:
    """For a register whose lane is `map_expr` of the instruction's loops (a mixed-radix number), each
    loop's index as an expression of the lane (dimension 0); None for loops it does not have."""
    row = coefficients(map_expr, extents)
    assert row is not None
    top = max(row[0], default=0)
    lane = Dim(0)
    result: list[AffineExpr | None] = []
    for coefficient, extent in zip(row[0], extents):
        if coefficient == 0:
            result.append(Const(0) if extent == 1 else None)
            continue
        digit = lane // coefficient if coefficient > 1 else lane
        result.append(digit if coefficient == top else digit % extent)
    return result
