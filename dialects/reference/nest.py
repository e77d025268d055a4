"""Loop nests with a scalar body, evaluated on whole arrays.

A nest without reductions is one evaluation of its body. A reduction whose body combines the accumulator
with a value once (a sum, a maximum, a contraction) is evaluated as such, float sums in f64 with one
rounding at the end. Any other runs its reduction loops in order, each point on the whole parallel space.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from xdsl.dialects import arith
from xdsl.ir import Block, Operation, SSAValue
from xdsl.ir.affine import AffineMap

from .access import read, write
from .contraction import contract
from .scalar import Captured, evaluate_body, evaluate_ops, unsigned

_ASSOCIATIVE: dict[type[Operation], np.ufunc] = {
    arith.AddfOp: np.add,
    arith.AddiOp: np.add,
    arith.MulfOp: np.multiply,
    arith.MuliOp: np.multiply,
    arith.MaximumfOp: np.maximum,
    arith.MinimumfOp: np.minimum,
    arith.MaxSIOp: np.maximum,
    arith.MinSIOp: np.minimum,
    arith.MaxUIOp: np.maximum,
    arith.MinUIOp: np.minimum,
}
"""Ops that combine an accumulator with the next value, in any order."""

_PRODUCTS = {arith.AddfOp: arith.MulfOp, arith.AddiOp: arith.MuliOp}
_MAX_POINTS = 2**26
"""Larger spaces are not materialized but reduced point by point."""


class Reduction(NamedTuple):
    """yield combine(accumulator, value), with nothing else reading the accumulator."""

    combine: Operation
    value: SSAValue


def evaluate_nest(
    extents: Sequence[int],
    iterator_kinds: Sequence[str],
    maps: Sequence[AffineMap],
    arrays: Sequence[np.ndarray],
    block: Block,
    captured: Captured | None = None,
) -> np.ndarray:
    """The result of a perfect nest of loops around `block`.

    `iterator_kinds` holds "parallel" or "reduction" per loop; `maps` and `arrays` list the inputs and last
    the init, of which a copy is returned with the elements at its map replaced. `block` takes an element
    of each and yields the new element; what it looks up elsewhere is `captured`. Elements of float results
    that no iteration writes are the init's."""
    result = np.array(arrays[-1])
    if 0 in extents:
        return result
    views = [read(array, access, extents) for array, access in zip(arrays, maps, strict=True)]
    reduced = tuple(i for i, kind in enumerate(iterator_kinds) if kind == "reduction")
    if not reduced:
        (value,) = evaluate_body(block, views, captured)
    else:
        value = _reduce(block, views, extents, reduced, captured)
    write(result, maps[-1], extents, np.asarray(value).astype(result.dtype, copy=False))
    return result


def match_reduction(block: Block) -> Reduction | None:
    """The combining op of a block that uses its accumulator (the last argument) exactly once."""
    accumulator, terminator = block.args[-1], block.last_op
    assert terminator is not None
    combine = terminator.operands[0].owner
    if not isinstance(combine, Operation) or type(combine) not in _ASSOCIATIVE:
        return None
    others = [operand for operand in combine.operands if operand is not accumulator]
    if len(others) != 1 or len(list(accumulator.uses)) != 1 or len(list(combine.results[0].uses)) != 1:
        return None
    return Reduction(combine, others[0])


def _reduce(
    block: Block,
    views: list[np.ndarray],
    extents: Sequence[int],
    reduced: tuple[int, ...],
    captured: Captured | None,
) -> np.ndarray:
    match = match_reduction(block)
    factors = _factors(match) if match else None
    if match and (factors or math.prod(extents) <= _MAX_POINTS):
        skipped = {match.combine, block.last_op} | ({match.value.owner} if factors else set())
        values: dict[SSAValue, np.ndarray] = dict(zip(block.args, views, strict=True))
        values.update(captured or {})
        evaluate_ops((op for op in block.ops if op not in skipped), values)
        if factors:
            a, b = (_ranked(values[factor], len(extents)) for factor in factors)
            return _added(views[-1], contract(a, b, extents, reduced))
        value = _ranked(values[match.value], len(extents))
        return _combined(type(match.combine), views[-1], value, extents, reduced)
    return _point_by_point(block, views, extents, reduced, captured)


def _factors(match: Reduction) -> Sequence[SSAValue] | None:
    owner = match.value.owner
    wanted = _PRODUCTS.get(type(match.combine))
    if not isinstance(owner, Operation) or type(owner) is not wanted or len(list(match.value.uses)) != 1:
        return None
    return tuple(owner.operands)


def _ranked(value: np.ndarray, rank: int) -> np.ndarray:
    """With one dimension a loop: scalar code of constants alone has none."""
    value = np.asarray(value)
    return value.reshape((1,) * (rank - value.ndim) + value.shape)


def _added(start: np.ndarray, total: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        return (start.astype(total.dtype) + total).astype(start.dtype)


def _combined(
    op: type[Operation],
    start: np.ndarray,
    value: np.ndarray,
    extents: Sequence[int],
    reduced: tuple[int, ...],
) -> np.ndarray:
    combine = _ASSOCIATIVE[op]
    shape = [extents[i] if i in reduced else n for i, n in enumerate(value.shape)]
    with np.errstate(all="ignore"):
        full = _wide(np.broadcast_to(value, shape), op)
        total = combine.reduce(full, axis=reduced, keepdims=True)
        return combine(_wide(start, op), total).astype(start.dtype)


def _wide(array: np.ndarray, op: type[Operation]) -> np.ndarray:
    """As f64 or i64; what compares without a sign, as u64."""
    if array.dtype.kind not in "iub":
        return array.astype(np.float64)
    if op not in (arith.MaxUIOp, arith.MinUIOp):
        return array.astype(np.int64)
    return unsigned(array).astype(np.uint64)


def _point_by_point(
    block: Block,
    views: list[np.ndarray],
    extents: Sequence[int],
    reduced: tuple[int, ...],
    captured: Captured | None,
) -> np.ndarray:
    accumulator = views[-1]
    for point in product(*(range(extents[i]) for i in reduced)):
        slices = []
        for view in views[:-1]:
            index = [slice(None)] * len(extents)
            for i, at in zip(reduced, point, strict=True):
                index[i] = slice(at, at + 1) if view.shape[i] > 1 else slice(None)
            slices.append(view[tuple(index)])
        (accumulator,) = evaluate_body(block, [*slices, accumulator], captured)
    return accumulator
