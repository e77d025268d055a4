"""Loads of register grids.

Each register's lanes are classified by their offsets from its first: contiguous elements are one vector
load, one element in all lanes a broadcast, a short run repeated a broadcast of the run, lanes within a
few registers a load of that span and a shuffle; anything else is loaded element by element. A partial
register is a narrower vector: LLVM splits it into the loads the target has, and never reads past it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.dialects import scf
from xdsl.ir import Attribute

from ...dialects.tensorized import GatherOp, LoadOp, RegisterAccess
from .address import Address
from .function import FunctionText
from .tiles import load_tile
from .types import memory_type, scalar_type

UNREAD = np.iinfo(np.int64).min
"""In the place of the offset of a lane that is zero."""

_SPAN_LIMIT = 4
"""Loads at most this many registers to pick one register's lanes from."""
_LONG_BYTES = 16
"""Runs of so many bytes are moved as a whole, however many a register has."""


def emit_load(function: FunctionText, op: LoadOp) -> None:
    vector = op.vector
    if (valid := valid_lanes(op)) is not None and not any(valid):
        function.values[op.res] = ["zeroinitializer"] * len(valid)
        return
    loader = Loader(function, op)
    rows = loader.address.offsets.reshape(-1, vector.get_shape()[-1])
    counts = valid or [rows.shape[1]] * len(rows)
    if op.part is not None:
        rows = np.where(op.read_lanes, rows, UNREAD)

    def emit() -> list[str]:
        return [loader.load(row[:count]) for row, count in zip(rows, counts, strict=True)]

    once = _is_invariant(function, op) and len({row.tobytes() for row in rows}) == 1
    function.values[op.res] = function.before_loop(emit) if once else emit()


def _is_invariant(function: FunctionText, op: LoadOp) -> bool:
    """Whether an innermost loop reads the same elements every time, and nobody writes them. Where loops stand
    inside, their registers are worth more."""
    loop = op.parent_op()
    if op.ref not in function.unwritten or not isinstance(loop, scf.ForOp):
        return False
    inner = len(function.scopes) - 1
    moves = any(function.depth[i] >= inner for i in op.indices if i not in function.constants)
    return not moves and not any(isinstance(other, scf.ForOp) for other in loop.body.block.ops)


def valid_lanes(op: RegisterAccess) -> list[int] | None:
    """Lanes of each register that are read or written; None where all are."""
    if op.valid_lanes is None:
        return None
    *grid, lanes = op.vector.get_shape()
    across = grid[-1] if grid else 1
    row = [min(lanes, max(0, op.valid_lanes - i * lanes)) for i in range(across)]
    return row * int(np.prod(grid[:-1], dtype=int))


class Loader:
    """Loads the registers of one access; a register that occurs again is loaded once."""

    def __init__(self, function: FunctionText, op: LoadOp | GatherOp):
        self.function, self.op, self.address = function, op, Address(function, op)
        self.element = op.vector.element_type
        self.lanes = op.vector.get_shape()[-1]
        self.memory = memory_type(self.element)
        self.loaded: dict[bytes, str] = {}

    def load(self, row: np.ndarray) -> str:
        """The register whose first lanes are the elements at the offsets `row`, zero where it says UNREAD;
        the others are zero, but for a tile, which has as many rows as are read."""
        if (row == UNREAD).all():
            return "zeroinitializer"
        key = row.tobytes()
        if key not in self.loaded:
            self.loaded[key] = self.function.defer(lambda: self._register(row))
        return self.loaded[key]

    def _register(self, row: np.ndarray) -> str:
        if self.op.res in self.function.tiles:
            return load_tile(self.function, self.address, row, self.op)
        return from_memory(self.function, self.element, self.lanes, self._elements(row))

    def _elements(self, row: np.ndarray) -> str:
        if (row == UNREAD).any():
            return self._partial(row)
        first = int(row.min())
        relative = (row - first).tolist()
        count, span = len(relative), max(relative) + 1
        if relative == list(range(count)):
            return self._window(first, count, list(range(count)))
        if count == self.lanes and not any(relative):
            return self._broadcast(first, 1)
        run = _repeated_run(relative)
        if count == self.lanes and run and 8 * run * self.address.element_bytes in (8, 16, 32, 64):
            return self._broadcast(first, run)
        if span <= _SPAN_LIMIT * self.lanes:
            return self._window(first, span, relative)
        windows = windows_of(relative)
        if len(windows) <= _SPAN_LIMIT or are_long(windows, self.address.element_bytes):
            return self._merge(first, windows, relative)
        return self._gather(row.tolist())

    def _window(self, first: int, span: int, lanes: Sequence[int]) -> str:
        """`span` elements from `first`, of which register lane i takes number lanes[i]."""
        type_, loaded = f"<{span} x {self.memory}>", self._load(first, span)
        mask = [*lanes, *[span] * (self.lanes - len(lanes))]  # lane `span` is the first zero
        if mask == list(range(span)):
            return loaded
        return self._shuffle(type_, loaded, "zeroinitializer", mask)

    def _partial(self, row: np.ndarray) -> str:
        """A register some of whose lanes are zero: one group of lanes repeated, or a few windows."""
        group = next((n for n in (2, 4, 8) if self._repeats(row, n)), 0)
        if group:
            return self._spread(self._inserted(row[:group], group), group)
        read = row[row != UNREAD]
        first = int(read.min())
        relative = [None if at == UNREAD else int(at) - first for at in row.tolist()]
        windows = windows_of([at for at in relative if at is not None])
        if len(windows) <= _SPAN_LIMIT:
            return self._merge(first, windows, relative)
        return self._inserted(row, self.lanes)

    def _repeats(self, row: np.ndarray, group: int) -> bool:
        """Whether all groups of lanes are the first, which is as wide as an integer."""
        wide = group * self.address.element_bytes in (2, 4, 8)
        return wide and len(row) == self.lanes and bool((row.reshape(-1, group) == row[:group]).all())

    def _inserted(self, row: np.ndarray, lanes: int) -> str:
        """Zeros, and the elements that are read one by one."""
        type_, result = f"<{lanes} x {self.memory}>", "zeroinitializer"
        for lane, offset in enumerate(row.tolist()):
            if offset != UNREAD:
                result = self._insert(type_, result, self.memory, offset, lane)
        return result

    def _insert(self, type_: str, vector: str, scalar: str, offset: int, lane: int) -> str:
        pointer, align = self.address.at(offset), self.address.align(offset)
        loaded = self.function.let(f"load {scalar}, ptr {pointer}, align {align}")
        return self.function.let(f"insertelement {type_} {vector}, {scalar} {loaded}, i32 {lane}")

    def _spread(self, vector: str, group: int) -> str:
        """A vector of `group` elements in every place of the register."""
        copies, scalar = self.lanes // group, f"i{8 * group * self.address.element_bytes}"
        one = self.function.let(f"bitcast <{group} x {self.memory}> {vector} to <1 x {scalar}>")
        every = self._shuffle(f"<1 x {scalar}>", one, "poison", [0] * copies)
        return self.function.let(f"bitcast <{copies} x {scalar}> {every} to <{self.lanes} x {self.memory}>")

    def _merge(self, first: int, windows: Sequence[range], lanes: Sequence[int | None]) -> str:
        """Register lane i is element lanes[i], counted from `first`, of some window; None is zero."""
        size = max(map(len, windows))
        type_ = f"<{size} x {self.memory}>"
        parts = [self._window_of(first + window.start, len(window), size) for window in windows]
        while len(parts) > 1:  # side by side, two at a time
            parts += ["poison"] * (len(parts) % 2)
            pairs = list(zip(parts[::2], parts[1::2], strict=True))
            size_now = int(type_[1:].split()[0])
            parts = [self._shuffle(type_, a, b, range(2 * size_now)) for a, b in pairs]
            type_ = f"<{2 * size_now} x {self.memory}>"
        place = {at: i * size + j for i, window in enumerate(windows) for j, at in enumerate(window)}
        zero = int(type_[1:].split()[0])
        mask = [zero if lane is None else place[lane] for lane in lanes]
        mask += [zero] * (self.lanes - len(mask))
        return self._shuffle(type_, parts[0], "zeroinitializer", mask)

    def _window_of(self, first: int, count: int, size: int) -> str:
        """`count` elements from `first` in a vector of `size`."""
        loaded = self._load(first, count)
        if count == size:
            return loaded
        return self._shuffle(
            f"<{count} x {self.memory}>", loaded, "poison", [*range(count)] + [0] * (size - count)
        )

    def _load(self, first: int, count: int) -> str:
        type_ = f"<{count} x {self.memory}>"
        return self.function.let(
            f"load {type_}, ptr {self.address.at(first)}, align {self.address.align(first)}"
        )

    def _broadcast(self, first: int, run: int) -> str:
        """A run of elements, as wide as an integer or a single element, in every place."""
        scalar = self.memory if run == 1 else f"i{8 * run * self.address.element_bytes}"
        copies = self.lanes // run
        type_ = f"<{copies} x {scalar}>"
        pointer, align = self.address.at(first), self.address.align(first)
        loaded = self.function.let(f"load {scalar}, ptr {pointer}, align {align}")
        single = self.function.let(f"insertelement {type_} poison, {scalar} {loaded}, i32 0")
        if copies > 1:
            single = self._shuffle(type_, single, "poison", [0] * copies)
        if run == 1:
            return single
        return self.function.let(f"bitcast {type_} {single} to <{self.lanes} x {self.memory}>")

    def _gather(self, row: Sequence[int]) -> str:
        """Element by element, or run by run where the lanes are runs of an integer's width."""
        size = self.address.element_bytes
        run = next(
            (n for n in (8 // size, 4 // size, 2 // size) if n > 1 and _in_runs(row, n, self.lanes)), 1
        )
        scalar = self.memory if run == 1 else f"i{8 * run * size}"
        type_, result = f"<{self.lanes // run} x {scalar}>", "zeroinitializer"
        for place, offset in enumerate(row[::run]):
            result = self._insert(type_, result, scalar, offset, place)
        if run == 1:
            return result
        return self.function.let(f"bitcast {type_} {result} to <{self.lanes} x {self.memory}>")

    def _shuffle(self, type_: str, value: str, other: str, mask: Sequence[int]) -> str:
        return shuffle(self.function, type_, value, other, mask)


def from_memory(function: FunctionText, element: Attribute, lanes: int, moved: str) -> str:
    """A register of elements as they are moved, as one of elements as they are computed with."""
    change = {"i1": "trunc", "half": "bitcast", "bfloat": "bitcast"}.get(scalar_type(element))
    if change is None:
        return moved
    return function.let(
        f"{change} <{lanes} x {memory_type(element)}> {moved} to <{lanes} x {scalar_type(element)}>"
    )


def to_memory(function: FunctionText, element: Attribute, lanes: int, register: str) -> str:
    """The other way round."""
    change = {"i1": "zext", "half": "bitcast", "bfloat": "bitcast"}.get(scalar_type(element))
    if change is None:
        return register
    return function.let(
        f"{change} <{lanes} x {scalar_type(element)}> {register} to <{lanes} x {memory_type(element)}>"
    )


def shuffle(function: FunctionText, type_: str, value: str, other: str, mask: Sequence[int]) -> str:
    """The lanes `mask` of `value` and, counted on, `other`, both of `type_`."""
    if not any(mask):
        return function.let(
            f"shufflevector {type_} {value}, {type_} {other}, <{len(mask)} x i32> zeroinitializer"
        )
    lanes = ", ".join(f"i32 {lane}" for lane in mask)
    return function.let(f"shufflevector {type_} {value}, {type_} {other}, <{len(mask)} x i32> <{lanes}>")


def _in_runs(row: Sequence[int], run: int, lanes: int) -> bool:
    """Whether `row` consists of runs of `run` neighbours, which fill whole integers of a register."""
    starts = row[::run]
    whole = len(row) % run == 0 and lanes % run == 0
    return whole and list(row) == [first + i for first in starts for i in range(run)]


def windows_of(offsets: Sequence[int]) -> list[range]:
    """The runs of neighbouring elements among `offsets`, in ascending order."""
    windows: list[range] = []
    for at in sorted(set(offsets)):
        if windows and at == windows[-1].stop:
            windows[-1] = range(windows[-1].start, at + 1)
        else:
            windows.append(range(at, at + 1))
    return windows


def are_long(windows: Sequence[range], element_bytes: int) -> bool:
    return min(map(len, windows)) * element_bytes >= _LONG_BYTES


def _repeated_run(relative: list[int]) -> int:
    """Elements of the contiguous run that `relative` repeats, or 0."""
    run = max(relative) + 1
    whole = len(relative) % run == 0
    return run if whole and relative == list(range(run)) * (len(relative) // run) else 0
