"""Fills what a kernel's own nests leave out of its output: the halo its consumers read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from xdsl.dialects import arith
from xdsl.dialects.builtin import FloatAttr, IntegerAttr, IntegerType, MemRefType, VectorType
from xdsl.ir import Block, Region, SSAValue
from xdsl.ir.affine import AffineExpr, AffineMap

from ...dialects import tensorized
from ...dialects.tensorized.linear_form import bounds, coefficients, linear_form
from .emitter import LoopEmitter
from .threads import WHOLE, Part, by_group

Box = list[tuple[int, int]]


def written_box(access: AffineMap, extents: Sequence[int]) -> Box | None:
    """[low, high) per dimension, if the access writes exactly that box: each dimension is one loop, at
    step one, or constant."""
    box: Box = []
    seen: set[int] = set()
    for expr in access.results:
        row = coefficients(expr, extents)
        if row is None:
            return None
        used = [i for i, c in enumerate(row[0]) if c]
        if len(used) > 1 or any(row[0][i] != 1 or i in seen for i in used):
            merged = _dense(row[0], extents)
            if not merged or seen & set(used):
                return None
        seen |= set(used)
        low, high = bounds(linear_form(expr, extents), extents)
        box.append((low, high + 1))
    return box


def _dense(row: Sequence[int], extents: Sequence[int]) -> bool:
    """Whether a sum of several loops steps through consecutive elements."""
    terms = sorted((c, extents[i]) for i, c in enumerate(row) if c)
    return terms[0][0] == 1 and all(b[0] == a[0] * a[1] for a, b in pairwise(terms))


def slabs(box: Box, shape: Sequence[int]) -> list[Box]:
    """The complement of `box` in `shape` as disjoint boxes."""
    result: list[Box] = []
    for dim, (low, high) in enumerate(box):
        for part in ((0, low), (high, shape[dim])):
            if part[0] < part[1]:
                result.append([*box[:dim], part, *((0, n) for n in shape[dim + 1 :])])
    return result


@dataclass(frozen=True)
class Span:
    """The indices [low, low + size) of one dimension; `low` grows by `step` with `part`, if there is one."""

    low: int
    size: int
    part: SSAValue | None = None
    step: int = 0


def fill_border(
    emitter: LoopEmitter, output: SSAValue, box: Box | None, value: float, lanes: int, part: Part = WHOLE
) -> None:
    """Stores `value` around `box` (everywhere, if the nests do not write a box), or the share of a part."""
    assert isinstance(output.type, MemRefType)
    shape = output.type.get_shape()
    whole: Box = [(0, n) for n in shape]
    constant = emitter.add(splat(VectorType(output.type.element_type, [lanes]), value)).results[0]
    for slab in slabs(box, shape) if box is not None else [whole]:
        spans = [Span(low, high - low) for low, high in slab]
        _share(emitter, spans, part, lambda own: _Fill(emitter, output, own, constant, lanes).run())


def _share(emitter: LoopEmitter, spans: list[Span], part: Part, fill: Callable[[list[Span]], None]) -> None:
    """What a part fills of a slab: its share along the longest of the outer dimensions. The parts are counted
    along their first loop; those that differ only in the others have nothing to do."""
    if not part.indices:
        fill(spans)
        return
    if len(part.indices) > 1:
        inner = Part(part.indices[:-1], part.counts[:-1])
        emitter.branch(part.indices[-1], 1, lambda: _share(emitter, spans, inner, fill))
        return
    (index,), (count,) = part.indices, part.counts
    dim = max(range(len(spans)), key=lambda d: (d < len(spans) - 1) * spans[d].size)
    if len(spans) == 1 or spans[dim].size < count:
        emitter.branch(index, 1, lambda: fill(spans))
        return

    def group(first: int, offset: int, count: int, size: int) -> None:
        low = spans[dim].low + offset
        own = Span(low, size) if count == 1 else Span(low - first * size, size, index, size)
        fill([*spans[:dim], own, *spans[dim + 1 :]])

    small, larger = divmod(spans[dim].size, count)
    by_group(emitter, index, [(larger, small + 1)] * bool(larger) + [(count - larger, small)], group)


class _Fill:
    """Loops over a slab that store whole registers along its last dimension, and a partial one."""

    def __init__(
        self, emitter: LoopEmitter, output: SSAValue, spans: list[Span], constant: SSAValue, lanes: int
    ):
        self.emitter, self.output, self.constant, self.lanes = emitter, output, constant, lanes
        *self.outer, self.last = spans

    def run(self) -> None:
        self._nest([span for span in self.outer if span.size > 1], [])

    def _nest(self, remaining: Sequence[Span], variables: list[SSAValue]) -> None:
        """A dimension of one element has no loop."""
        if not remaining:
            self._row(variables)
            return

        def body(variable: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            self._nest(remaining[1:], [*variables, variable])
            return []

        self.emitter.loop(remaining[0].size, "b", body)

    def _row(self, variables: list[SSAValue]) -> None:
        blocks, rest = divmod(self.last.size, self.lanes)
        if blocks:

            def step(variable: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
                self._store(variables, variable, self.last.low, None)
                return []

            self.emitter.loop(blocks, "l", step)
        if rest:
            self._store(variables, None, self.last.low + blocks * self.lanes, rest)

    def _store(
        self, variables: Sequence[SSAValue], register: SSAValue | None, start: int, valid: int | None
    ) -> None:
        """One register along the last dimension, that of number `register` from `start` on."""
        used = list(variables)
        indices: list[AffineExpr] = []
        loops = iter(range(len(variables)))
        for span in self.outer:
            index: AffineExpr = AffineExpr.constant(span.low)
            if span.size > 1:
                index = AffineExpr.dimension(next(loops)) + span.low
            if span.part is not None:
                index = index + AffineExpr.dimension(len(used)) * span.step
                used.append(span.part)
            indices.append(index)
        last: AffineExpr = AffineExpr.constant(start)
        if register is not None:
            last = AffineExpr.dimension(len(used)) * self.lanes + start
            used.append(register)
        lane = AffineExpr.dimension(len(used))
        access = AffineMap(len(used) + 1, 0, (*indices, last + lane))
        self.emitter.add(tensorized.StoreOp(self.constant, self.output, used, access, valid))


def splat(vector: VectorType, value: float) -> tensorized.MapOp:
    """Registers that all hold `value`."""
    element = vector.element_type
    number = (
        IntegerAttr(int(value), element) if isinstance(element, IntegerType) else FloatAttr(value, element)  # pyright: ignore
    )
    constant = arith.ConstantOp(number)
    block = Block([constant, tensorized.YieldOp(constant.result)])
    return tensorized.MapOp([], vector, Region(block))
