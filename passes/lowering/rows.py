"""Row kernels: for each tile of the band one pass over the row after another.

A pass computes what does not wait for a result of itself: reductions, the value that waits in the output,
the output. Where lanes run along the row, each reduction keeps a partial result in every lane of a few
registers, which are combined at the end of the pass; a ragged end of the row has registers of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from xdsl.dialects.builtin import MemRefType, TensorType, VectorType
from xdsl.ir import Attribute, SSAValue
from xdsl.ir.affine import AffineMap

from ...dialects import tensorized
from ...dialects.errors import TenonError
from ..fusion.combiner import Combiner, combiner
from ..schedule.blocks import balanced, peeled
from .border import splat
from .emitter import LoopEmitter
from .threads import Part, run_parts, split_threads
from .tile import Position, Tile, stays_inside
from .values import Buffers, TileValues

Accumulators = list[SSAValue]


@dataclass(frozen=True)
class Schedule:
    """`band` and `row` list loops with their tile sizes, outermost first; `lane_loop` runs along `lanes`."""

    band: list[tuple[str, int]]
    row: list[tuple[str, int]]
    lane_loop: str
    lanes: int


def is_row_kernel(kernel: tensorized.KernelOp) -> bool:
    """Whether the kernel reduces without an instruction."""
    return any(isinstance(op, tensorized.GenericOp) and op.is_reduction for op in kernel.body.block.ops)


def row_schedule(kernel: tensorized.KernelOp) -> Schedule:
    """The schedule of a row kernel: a level for the band and one for the row."""
    levels = split_threads(kernel)[1]
    ((lane_loop, lanes),) = kernel.lane_counts.items()
    band, row = ([(n, level.tiles.get(n, 1)) for n in level.loop_order] for level in levels)
    return Schedule(band, row, lane_loop, lanes)


class RowLowering:
    def __init__(self, kernel: tensorized.KernelOp, buffers: Buffers, output: SSAValue, emitter: LoopEmitter):
        self.schedule, self.threads = row_schedule(kernel), split_threads(kernel)[0]
        self.buffers, self.output, self.emitter = buffers, output, emitter
        self.nests = [op for op in kernel.body.block.ops if isinstance(op, tensorized.GenericOp)]
        self.extents = {n: e for nest in self.nests for n, e in zip(nest.loop_names, nest.extents)}
        self.row = {name for name, _ in self.schedule.row}
        end = kernel.body.block.last_op
        assert end is not None
        self.stored = _written(end.operands[0])
        self.levels: dict[tensorized.GenericOp, int] = {}

    def run(self, beside: Callable[[Part], None]) -> None:
        body = partial(self._descend, self.schedule.band)
        run_parts(self.emitter, self.threads, self.extents, {self.schedule.lane_loop}, body, beside)

    def _descend(self, plan: list[tuple[str, int]], position: Position) -> None:
        if not plan:
            self._rows(position)
            return
        (loop, size), rest = plan[0], plan[1:]
        cut = peeled if loop == self.schedule.lane_loop else balanced
        offset = 0
        for count, block in cut(position.size[loop], size):

            def body(variable: SSAValue, _, count=count, offset=offset, block=block) -> list[SSAValue]:
                self._descend(rest, position.iterate(loop, variable, count, offset, block))
                return []

            if count == 1:
                self._descend(rest, position.block(loop, offset, block))
            else:
                self.emitter.loop(count, loop, body)
            offset += count * block

    def _rows(self, position: Position) -> None:
        """All passes over the rows of one tile of the band."""
        done = Done()
        sinks = [nest for nest in self.nests if nest.is_reduction or nest in self.stored]
        for level in range(max(map(self._level, sinks)) + 1):
            _Pass(self, position, [nest for nest in sinks if self._level(nest) == level], done).run()

    def over_row(self, nest: tensorized.GenericOp) -> bool:
        """Whether the nest has the loops of the row."""
        return bool(set(nest.loop_names) & self.row)

    def reductions_before(self, nest: tensorized.GenericOp) -> list[tensorized.GenericOp]:
        """The reductions that the nest waits for."""
        return [op for op in self._needed(nest) if op.is_reduction]

    def _needed(self, nest: tensorized.GenericOp) -> Iterator[tensorized.GenericOp]:
        """The reductions and stored nests that the nest reads, through others."""
        pending = [*nest.inputs, nest.init]
        while pending:
            op = pending.pop().owner
            if isinstance(op, tensorized.GenericOp):
                if op.is_reduction or op in self.stored:
                    yield op
                if not op.is_reduction:
                    pending += [*op.inputs, op.init]

    def _level(self, nest: tensorized.GenericOp) -> int:
        """Passes that must be over before the nest can run. A reduction takes in an element of a stored
        nest in the very pass that stores it."""
        if nest not in self.levels:
            before = [self._level(op) + (op.is_reduction or op.res is nest.init) for op in self._needed(nest)]
            self.levels[nest] = max(before, default=0)
        return self.levels[nest]


def _written(result: SSAValue) -> list[tensorized.GenericOp]:
    """The nests that write the output, in order."""
    found: list[tensorized.GenericOp] = []
    while isinstance(result.owner, tensorized.GenericOp):
        found.insert(0, result.owner)
        result = result.owner.init
    return found


@dataclass
class Done:
    """What earlier passes left: `values` of the band in registers, nests `stored` in the output."""

    values: dict[SSAValue, SSAValue] = field(default_factory=dict)
    stored: set[tensorized.GenericOp] = field(default_factory=set)


class _Pass:
    """One pass over the row: `sinks` are the reductions it runs and the nests it stores."""

    def __init__(
        self, rows: RowLowering, position: Position, sinks: Sequence[tensorized.GenericOp], done: Done
    ):
        self.rows, self.position, self.done = rows, position, done
        self.schedule, self.emitter = rows.schedule, rows.emitter
        self.reductions = [nest for nest in sinks if nest.is_reduction]
        self.stores = [nest for nest in sinks if not nest.is_reduction]
        self.across = self.schedule.lane_loop in rows.row

    def run(self) -> None:
        """Runs the loops of the row, if any sink has them, and finishes the reductions."""
        band = self._values(self._band_tile())
        for nest in self.rows.nests:  # what only varies with the band is computed before the loops
            if not self.rows.over_row(nest) and nest not in self.rows.stored and self._is_ready(nest):
                self.done.values[nest.res] = band.value(nest.res)
        for nest in self.reductions:
            self.done.values.setdefault(nest.init, band.value(nest.init))
        over_row = [nest for nest in self.stores if self.rows.over_row(nest)]
        if self.reductions or over_row:
            accumulators = self._descend(self.schedule.row, self.position, self._starts())
            for nest, parts in zip(self.reductions, accumulators, strict=True):
                self.done.values[nest.res] = self._finished(nest, parts)
        for nest in self.stores:
            if nest not in over_row:
                self._store(band, nest)
        self.done.stored.update(self.stores)

    def _is_ready(self, nest: tensorized.GenericOp) -> bool:
        return nest.res not in self.done.values and all(
            r.res in self.done.values for r in self.rows.reductions_before(nest)
        )

    def _band_tile(self) -> Tile:
        """A tile of one register a row where lanes run along the row, else of the band's lanes."""
        if self.across:
            return self._tile(self.position.block(self.schedule.lane_loop, 0, self.schedule.lanes))
        return self._tile(self.position)

    def _tile(self, position: Position) -> Tile:
        sizes = [(n, position.size[n]) for n, _ in self.schedule.band]
        grid = tuple((n, size) for n, size in sizes if n != self.schedule.lane_loop and size > 1)
        return Tile(position, grid, self.schedule.lane_loop, self.schedule.lanes)

    def _values(self, tile: Tile) -> RowValues:
        return RowValues(self.rows, tile, self.done)

    def _widths(self) -> list[int]:
        """Widths of the tiles along the row's lane loop: whole ones, the ragged one."""
        size = self.schedule.row[-1][1]
        return [width for _, width in peeled(self.rows.extents[self.schedule.lane_loop], size)]

    def _starts(self) -> list[Accumulators]:
        """For each reduction its accumulators: where lanes are combined in the end they hold the identity,
        one grid for whole tiles and one for the ragged one."""
        if not self.across:
            return [[self.done.values[nest.init]] for nest in self.reductions]
        tiles = [self._tile(self.position.block(self.schedule.lane_loop, 0, w)) for w in self._widths()]
        return [[self._identity(nest, tile.grid) for tile in tiles] for nest in self.reductions]

    def _identity(self, nest: tensorized.GenericOp, grid: Sequence[int]) -> SSAValue:
        vector = VectorType(_element(nest), [*grid, self.schedule.lanes])
        return self.emitter.add(splat(vector, _combiner_of(nest).identity.value.data)).results[0]

    def _descend(
        self, plan: list[tuple[str, int]], position: Position, carried: list[Accumulators]
    ) -> list[Accumulators]:
        if not plan:
            return [[made] for made in self._step(position, [parts[0] for parts in carried])]
        (loop, size), rest = plan[0], plan[1:]
        if loop == self.schedule.lane_loop:
            return self._along(loop, size, position, carried)
        count = position.size[loop]
        if count == 1:
            return self._descend(rest, position, carried)

        def body(variable: SSAValue, values: Sequence[SSAValue]) -> list[SSAValue]:
            inner = position.iterate(loop, variable, count, 0, 1)
            return _flat(self._descend(rest, inner, _nested(values, carried)))

        return _nested(self.emitter.loop(count, loop, body, _flat(carried)), carried)

    def _along(
        self, loop: str, size: int, position: Position, carried: list[Accumulators]
    ) -> list[Accumulators]:
        """The lane loop of the row, its innermost: whole tiles, then the ragged one."""
        by_part: list[Sequence[SSAValue]] = []
        offset = 0
        blocks = peeled(position.size[loop], size)
        columns = zip(*carried, strict=True) if carried else [()] * len(blocks)
        for (count, block), own in zip(blocks, columns, strict=True):

            def body(
                variable: SSAValue, values: Sequence[SSAValue], count=count, offset=offset, block=block
            ) -> Sequence[SSAValue]:
                return self._step(position.iterate(loop, variable, count, offset, block), values)

            if count == 1:
                by_part.append(self._step(position.block(loop, offset, block), own))
            else:
                by_part.append(self.emitter.loop(count, loop, body, own))
            offset += count * block
        return [list(parts) for parts in zip(*by_part, strict=True)] if carried else []

    def _step(self, position: Position, accumulators: Sequence[SSAValue]) -> list[SSAValue]:
        """One tile of the row: its elements are stored, and taken in by the accumulators."""
        values = self._values(self._tile(position))
        for nest in self.stores:
            if self.rows.over_row(nest):
                self._store(values, nest)
        return [values.taken_in(nest, acc) for nest, acc in zip(self.reductions, accumulators, strict=True)]

    def _store(self, values: RowValues, nest: tensorized.GenericOp) -> None:
        tile = values.tile
        alone = self.across and not self.rows.over_row(nest)
        variables, placed, _ = tile.access(nest.accesses[-1], nest.loop_names, tile.lanes)
        valid = 1 if alone else tile.width if tile.ragged else None
        made = values.made(nest)
        self.emitter.add(tensorized.StoreOp(made, self.rows.output, variables, placed, valid))

    def _finished(self, nest: tensorized.GenericOp, parts: Accumulators) -> SSAValue:
        """The result of a reduction, in every lane of one register a row where lanes run along the row."""
        if not self.across:
            return parts[0]
        rule = _combiner_of(nest)
        total = self.done.values[nest.init]
        for part, width in zip(parts, self._widths(), strict=True):
            valid = width if width % self.schedule.lanes else None
            assert isinstance(total.type, VectorType)
            combined = tensorized.CombineOp(part, rule.identity, total.type, rule.body(), valid)
            combined.location = nest.location
            operands = [total, self.emitter.add(combined).results[0]]
            total = self.emitter.add(tensorized.MapOp(operands, total.type, rule.body())).results[0]
        return total


def _combiner_of(nest: tensorized.GenericOp) -> Combiner:
    found = combiner(nest.body.block)
    if found is None:
        raise TenonError("lower-kernels: a reduction without an instruction must end in a combination")
    return found


def _element(nest: tensorized.GenericOp) -> Attribute:
    assert isinstance(nest.res.type, TensorType)
    return nest.res.type.element_type


def _flat(nested: Sequence[Accumulators]) -> list[SSAValue]:
    return [value for parts in nested for value in parts]


def _nested(values: Sequence[SSAValue], like: Sequence[Accumulators]) -> list[Accumulators]:
    rest = iter(values)
    return [[next(rest) for _ in parts] for parts in like]


class RowValues(TileValues):
    """Values on a tile of the domain. What varies only with the band is in `done`; where lanes run along
    the row it has one register a row and is spread over the tile."""

    def __init__(self, rows: RowLowering, tile: Tile, done: Done):
        super().__init__(rows.emitter, rows.buffers, tile, {}, None)
        self.rows, self.done = rows, done

    def value(self, value: SSAValue) -> SSAValue:
        if value not in self.memo:
            self.memo[value] = self._known(value)
        return self.memo[value]

    def _known(self, value: SSAValue) -> SSAValue:
        if value in self.done.values:
            return self._spread(self.done.values[value])
        op = value.owner
        if isinstance(op, tensorized.GenericOp) and op in self.done.stored:
            return self._from_output(op)
        return self._make(value)

    def made(self, nest: tensorized.GenericOp) -> SSAValue:
        """The value of a nest that is being stored."""
        return self.value(nest.res)

    def operand(self, value: SSAValue, access: AffineMap, op: tensorized.NestOperation) -> SSAValue:
        """What the kernel made is read where it was made, so that the access says nothing more."""
        if value in self.buffers:
            return self.load(value, access, op, self.tile, self.tile.lanes, None)
        return self.value(value)

    def taken_in(self, nest: tensorized.GenericOp, accumulator: SSAValue) -> SSAValue:
        """The accumulators of a reduction after the elements of this tile."""
        used = [bool(list(a.uses)) for a in nest.body.block.args[:-1]]
        operands = [self.operand(v, a, nest) for v, a, use in zip(nest.inputs, nest.accesses, used) if use]
        body = nest.body.clone()
        for argument, use in reversed(list(zip(body.block.args, used))):
            if not use:
                body.block.erase_arg(argument)
        assert isinstance(accumulator.type, VectorType)
        made = tensorized.MapOp([*operands, accumulator], accumulator.type, body)
        made.location = nest.location
        return self.emitter.add(made).results[0]

    def _spread(self, value: SSAValue) -> SSAValue:
        assert isinstance(value.type, VectorType)
        wanted = self.vector(value.type.element_type, self.tile.lanes)
        if value.type == wanted:
            return value
        return self.emitter.add(tensorized.SpreadOp(value, wanted)).results[0]

    def _from_output(self, nest: tensorized.GenericOp) -> SSAValue:
        """A value that waits in the output."""
        output, tile = self.rows.output, self.tile
        variables, placed, extents = tile.access(nest.accesses[-1], nest.loop_names, tile.lanes)
        assert isinstance(output.type, MemRefType)
        outside = tile.ragged and not stays_inside(placed, extents, output.type)
        vector = self.vector(output.type.element_type, tile.lanes)
        loaded = tensorized.LoadOp(output, variables, placed, vector, tile.width if outside else None)
        return self.emitter.add(loaded).results[0]
