"""One tile of a contraction whose registers have rows: lanes along several loops, as a machine's tiles do.

Only the reduction runs on such registers. Start values and epilogue are computed row by row on plain
vectors; in between the accumulators lie on the stack, in the order of the loops. The last register of a loop
stands over rows before it that are done already, so that all of a kernel's registers have equally many.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from xdsl.dialects import memref
from xdsl.dialects.builtin import TensorType
from xdsl.ir import SSAValue
from xdsl.ir.affine import AffineExpr, AffineMap

from ...dialects import tensorized
from .border import splat
from .tile import Position, lane_indices
from .values import TileValues, vector_type

Dim = AffineExpr.dimension


class TallTile:
    """The tile of `values`, and its accumulators' place on the stack. Of its rows those at `position` are
    wanted, which start so many iterations later as `before` says."""

    def __init__(
        self,
        values: TileValues,
        contract: tensorized.ContractOp,
        position: Position,
        before: Mapping[str, int],
    ):
        self.values, self.contract, self.position, self.before = values, contract, position, before
        self.emitter, self.tile = values.emitter, values.tile
        self.rows = [name for name, _ in (*self.tile.rows, *self.tile.tall)]
        assert isinstance(contract.res.type, TensorType)
        self.element = contract.res.type.element_type
        sizes = [size for _, size in self.tile.rows]
        counts = self.tile.grid[len(sizes) :]
        lanes = [n * count for (_, n), count in zip(self.tile.along, counts)]
        self.shape = [*sizes, *lanes[1:], lanes[0]]
        self.stack: SSAValue | None = None

    def run(
        self, start: Callable[[Position], SSAValue], finish: Callable[[Position, SSAValue], None]
    ) -> None:
        """`start` makes the start values of a row, `finish` takes what was summed up in one."""
        place = memref.AllocaOp.get(self.element, alignment=64, shape=self.shape)
        self.stack = self.emitter.add(place).results[0]
        self._store(self.values.reduce(self.contract, self._started(start)))
        self._each_row(lambda at, indices: finish(at, self._row(at, indices)))

    def _started(self, start: Callable[[Position], SSAValue]) -> SSAValue:
        """The accumulators before the reduction."""
        vector = self.values.vector(self.element, self._lanes)
        init = self.contract.init.owner
        zeros = isinstance(init, tensorized.EmptyOp) and init.fill is not None and init.fill.value.data == 0
        if zeros and not self.tile.ragged:
            return self.emitter.add(splat(vector, 0)).results[0]

        def store(at: Position, indices: Sequence[SSAValue]) -> None:
            access = self._row_access()
            self.emitter.add(tensorized.StoreOp(start(at), self._place, indices, access))

        self._each_row(store)
        return self.emitter.add(
            tensorized.LoadOp(self._place, [], self._whole_access(), vector, self._valid)
        ).results[0]

    def _store(self, made: SSAValue) -> None:
        access = self._whole_access()
        self.emitter.add(tensorized.StoreOp(made, self._place, [], access, self._valid))

    def _row(self, at: Position, indices: Sequence[SSAValue]) -> SSAValue:
        vector = vector_type(self.element, self.shape[-1] // self.tile.lanes, self.tile.lanes)
        access = self._row_access()
        return self.emitter.add(tensorized.LoadOp(self._place, indices, access, vector)).results[0]

    def _each_row(self, body: Callable[[Position, Sequence[SSAValue]], None]) -> None:
        """`body` for each row of the tile, at its position, with its index along each loop of rows."""

        def descend(rows: Sequence[str], at: Position, indices: Sequence[SSAValue]) -> None:
            if not rows:
                body(at, indices)
                return
            name, count = rows[0], at.size[rows[0]]

            def one(variable: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
                descend(rows[1:], at.iterate(name, variable, count, 0, 1), [*indices, variable])
                return []

            self.emitter.loop(count, name, one)

        descend(self.rows, self.position, [])

    @property
    def _place(self) -> SSAValue:
        assert self.stack is not None
        return self.stack

    @property
    def _lanes(self) -> int:
        return self.contract.declaration().accumulator_register.get_shape()[0]

    @property
    def _valid(self) -> int | None:
        return self.tile.valid(self._lanes) if self.tile.ragged else None

    def _row_access(self) -> AffineMap:
        """Of registers along a row: (index of each row..., register, lane)."""
        count = len(self.rows)
        rows = (Dim(i) + self.before.get(name, 0) for i, name in enumerate(self.rows))
        return AffineMap(count + 2, 0, (*rows, Dim(count) * self.tile.lanes + Dim(count + 1)))

    def _whole_access(self) -> AffineMap:
        """Of the grid of all registers: (grid..., lane)."""
        declared = self.contract.declaration()
        access = declared.maps.data[declared.accumulator.data].data.results[0]
        digits = dict(zip(declared.loops, lane_indices(access, declared.extents)))
        bound = {self.contract.binding[loop.label.data]: digit for loop, digit in digits.items()}
        first, rank = len(self.tile.rows), len(self.tile.grid)
        places: list[AffineExpr] = []
        for i, (name, lanes) in enumerate(self.tile.along):
            digit = bound[name]
            assert digit is not None
            places.append(Dim(first + i) * lanes + digit.replace_dims_and_symbols([Dim(rank)], []))
        return AffineMap(rank + 1, 0, (*(Dim(i) for i in range(first)), *places[1:], places[0]))
