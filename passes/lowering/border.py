"""Fills what a kernel's own nests leave out of its output: the halo its consumers read."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from xdsl.dialects import arith
from xdsl.dialects.builtin import FloatAttr, IntegerAttr, IntegerType, MemRefType, VectorType
from xdsl.ir import Block, Region, SSAValue
from xdsl.ir.affine import AffineExpr, AffineMap

from ...dialects import tensorized
from ...dialects.tensorized.linear_form import bounds, coefficients, linear_form
from .emitter import LoopEmitter

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


def fill_border(emitter: LoopEmitter, output: SSAValue, box: Box | None, value: float, lanes: int) -> None:
    """Stores `value` around `box` (everywhere, if the nests do not write a box)."""
    assert isinstance(output.type, MemRefType)
    shape = output.type.get_shape()
    whole: Box = [(0, n) for n in shape]
    constant = emitter.add(splat(VectorType(output.type.element_type, [lanes]), value)).results[0]
    for slab in slabs(box, shape) if box is not None else [whole]:
        _fill(emitter, output, slab, constant, lanes)


def _fill(emitter: LoopEmitter, output: SSAValue, slab: Box, constant: SSAValue, lanes: int) -> None:
    *outer, (first, last) = slab
    width = last - first

    def row(variables: list[SSAValue]) -> None:
        blocks, rest = divmod(width, lanes)
        rank = len(variables)
        index = _indices(outer)
        if blocks:

            def step(variable: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
                at = AffineExpr.dimension(rank) * lanes + first + AffineExpr.dimension(rank + 1)
                store([*variables, variable], AffineMap(rank + 2, 0, (*index, at)), None)
                return []

            emitter.loop(blocks, "l", step)
        if rest:
            at = AffineExpr.dimension(rank) + (first + blocks * lanes)
            store(variables, AffineMap(rank + 1, 0, (*index, at)), rest)

    def store(variables: list[SSAValue], access: AffineMap, valid: int | None) -> None:
        emitter.add(tensorized.StoreOp(constant, output, variables, access, valid))

    def nest(remaining: Sequence[tuple[int, int]], variables: list[SSAValue]) -> None:
        if not remaining:
            row(variables)
            return
        low, high = remaining[0]

        def body(variable: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            nest(remaining[1:], [*variables, variable])
            return []

        emitter.loop(high - low, "b", body)

    nest([bounds for bounds in outer if bounds[1] - bounds[0] > 1], [])


def _indices(outer: Box) -> list[AffineExpr]:
    """Index of each outer dimension; a dimension of one element has no loop."""
    result: list[AffineExpr] = []
    loops = 0
    for low, high in outer:
        if high - low == 1:
            result.append(AffineExpr.constant(low))
        else:
            result.append(AffineExpr.dimension(loops) + low)
            loops += 1
    return result


def splat(vector: VectorType, value: float) -> tensorized.MapOp:
    """Registers that all hold `value`."""
    element = vector.element_type
    number = (
        IntegerAttr(int(value), element) if isinstance(element, IntegerType) else FloatAttr(value, element)  # pyright: ignore
    )
    constant = arith.ConstantOp(number)
    block = Block([constant, tensorized.YieldOp(constant.result)])
    return tensorized.MapOp([], vector, Region(block))
