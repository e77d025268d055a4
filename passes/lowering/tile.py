"""Where a register tile stands in its nest, and the accesses of its registers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from xdsl.dialects.builtin import MemRefType
from xdsl.ir import SSAValue
from xdsl.ir.affine import AffineBinaryOpExpr, AffineBinaryOpKind, AffineExpr, AffineMap

from ...dialects.tensorized.linear_form import LinearForm, bounds, linear_form, simplify

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

    def back(self, loop: str, steps: int) -> Position:
        """The same place, but starting so many iterations of `loop` before."""
        start, size = self.start[loop] + -steps, self.size[loop] + steps
        return replace(self, start={**self.start, loop: start}, size={**self.size, loop: size})

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
    the lanes, the lanes of one register and how many registers they fill; those of registers with rows run
    along other loops too, `tall`, of which the last may end within a register."""

    position: Position
    rows: tuple[tuple[str, int], ...]
    lane_loop: str
    lanes: int
    tall: tuple[tuple[str, int], ...] = ()

    @property
    def along(self) -> tuple[tuple[str, int], ...]:
        """The loops along lanes, and the lanes of a register along each."""
        return (self.lane_loop, self.lanes), *self.tall

    @property
    def width(self) -> int:
        """Iterations of the last of these loops in this tile."""
        return self.position.size[self.along[-1][0]]

    @property
    def grid(self) -> list[int]:
        counts = (-(-self.position.size[name] // lanes) for name, lanes in self.along)
        return [*(size for _, size in self.rows), *counts]

    @property
    def ragged(self) -> bool:
        return self.width % self.along[-1][1] != 0

    def valid(self, register: int) -> int:
        """How many elements of the last loop's registers are in this tile, of `register` in each."""
        return self.width * (register // self.along[-1][1])

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
        panels = {
            name: Dim(variables + len(self.rows) + i) * lanes for i, (name, lanes) in enumerate(self.along)
        }
        lane = Dim(variables + len(self.rows) + len(panels))
        extents = [*self.position.counts, *self.grid, register]
        indices: list[AffineExpr] = []
        within = lane_index if lane_index is not None else {self.lane_loop: Dim(0)}
        for name in loops:
            index = self.position.start[name]
            if name in grid_dims:
                index = index + grid_dims[name]
            if name in panels:
                index = index + panels[name]
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
    loop's index as an expression of the lane (dimension 0); None for loops it does not have. A loop may be in
    two places, `r floordiv 4` and `r mod 4`."""
    terms = linear_form(map_expr, extents).terms
    top = max(terms.values(), default=0)
    lane = Dim(0)
    result: list[AffineExpr | None] = [Const(0) if extent == 1 else None for extent in extents]
    for atom, coefficient in sorted(terms.items(), key=lambda term: -term[1]):
        digit = lane // coefficient if coefficient > 1 else lane
        (loop,) = atom.used_dims()
        if coefficient != top:
            low, high = bounds(LinearForm(0, {atom: 1}), extents)
            digit = digit % (high - low + 1)
        if isinstance(atom, AffineBinaryOpExpr) and atom.kind is AffineBinaryOpKind.FloorDiv:
            digit = digit * atom.rhs
        before = result[loop]
        result[loop] = digit if before is None else before + digit
    return result
