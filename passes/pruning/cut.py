"""Takes positions of a value: by a slice where they lie in a row, else a gather; what is missing is zero."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import TensorType
from xdsl.ir import SSAValue

from ...dialects import nn, qnn
from ..graph_builder import GraphBuilder
from ..rewriting import keep_location
from .rules import chosen, known_array, shape_of


class Cutter:
    """Remembers what it has taken: several ops may want the same."""

    def __init__(self) -> None:
        self._taken: dict[tuple, SSAValue] = {}
        self._indices: dict[bytes, SSAValue] = {}

    def take(
        self, new: GraphBuilder, value: SSAValue, axes: Sequence[int], have: np.ndarray, want: np.ndarray
    ) -> SSAValue:
        """`value`, whose positions along `axes` are called `have`, with those called `want`; what it does not
        have becomes zero."""
        if have.shape == want.shape and np.array_equal(have, want):
            return value
        key = (value, tuple(axes), have.tobytes(), want.shape, want.tobytes())
        if key not in self._taken:
            self._taken[key] = self._grid(new, value, tuple(axes), have, want)
        return self._taken[key]

    def _grid(
        self, new: GraphBuilder, value: SSAValue, axes: tuple[int, ...], have: np.ndarray, want: np.ndarray
    ) -> SSAValue:
        """Several axes are made one: they are brought side by side, and back after."""
        line = self._cut if nn.is_compile_time(value) else self._read
        place = np.full(int(max(have.max(initial=-1), want.max(initial=-1))) + 2, -1)
        place[have.reshape(-1)] = np.arange(have.size)
        index = place[want.reshape(-1)]
        if len(axes) == 1:
            return line(new, value, axes[0], index)
        rank, count = len(shape_of(value)), len(axes)
        rest = [axis for axis in range(rank) if axis not in axes]
        at = sum(axis < axes[0] for axis in rest)
        order = [*rest[:at], *axes, *rest[at:]]
        moved = new.transpose(value, order)
        shape = shape_of(moved)
        flat = new.reshape(moved, (*shape[:at], have.size, *shape[at + count :]))
        taken = line(new, flat, at, index)
        grid = new.reshape(taken, (*shape[:at], *want.shape, *shape[at + count :]))
        return new.transpose(grid, [order.index(axis) for axis in range(rank)])

    def _cut(self, new: GraphBuilder, value: SSAValue, axis: int, index: np.ndarray) -> SSAValue:
        """Of weights. If they are transposed, what is transposed is cut: they keep their form."""
        owner = value.owner
        if isinstance(owner, nn.TransposeOp):
            perm = owner.value_of("perm")
            return new.transpose(self._cut(new, owner.x, perm[axis], index), perm)
        if isinstance(owner, qnn.DequantizeOp) and (index >= 0).all() and owner.value_of("block") == 0:
            return self._dequantized(new, owner, axis, index)
        if (index < 0).any():
            grown = [0] * len(shape_of(value))
            grown[axis] = 1
            index = np.where(index < 0, shape_of(value)[axis], index)
            value = new(nn.PadOp(value, [0] * len(grown), grown, 0.0))
        return self._positions(new, value, axis, index)

    def _dequantized(self, new: GraphBuilder, op: qnn.DequantizeOp, axis: int, index: np.ndarray) -> SSAValue:
        """Quantized weights stay integers; scales and zero points of channels are cut as they are."""
        x = self._cut(new, op.x, axis, index)
        per_channel = axis == op.value_of("axis")
        s, zp = (
            self._cut(new, p, 0, index) if per_channel and len(shape_of(p)) == 1 else p for p in (op.s, op.zp)
        )
        made = qnn.DequantizeOp.create(
            operands=[x, s, zp],
            result_types=[TensorType(nn.tensor_of(op.result).element_type, shape_of(x))],
            properties=dict(op.properties),
        )
        return new(keep_location(made, op))

    def _read(self, new: GraphBuilder, value: SSAValue, axis: int, index: np.ndarray) -> SSAValue:
        """Of a tensor at run time: zeros are chosen, not stored, so that all of it can join the kernel that
        reads it."""
        value, index = _source(value, axis, index)
        taken = self._positions(new, value, axis, np.maximum(index, 0))
        there = index >= 0
        if there.all():
            return taken
        condition = new.constant(there.reshape(-1, *(1,) * (len(shape_of(value)) - 1 - axis)))
        return new.compute("where", condition, taken, new.scalar(0, value))

    def _positions(self, new: GraphBuilder, value: SSAValue, axis: int, index: np.ndarray) -> SSAValue:
        if len(index) and np.array_equal(index, np.arange(index[0], index[0] + len(index))):
            return _slice(new, value, axis, int(index[0]), len(index))
        if index.tobytes() not in self._indices:
            self._indices[index.tobytes()] = new.constant(index)
        return new(nn.GatherOp(value, [self._indices[index.tobytes()]], axis))


def _source(value: SSAValue, axis: int, index: np.ndarray) -> tuple[SSAValue, np.ndarray]:
    """What `value` was itself read from, and the positions there: a network pruned again and again reads
    once. What a `where` puts to zero is -1."""
    owner = value.owner
    if isinstance(owner, nn.ElementwiseOp) and owner.fn.data == "where":
        inner = owner.operands[1].owner
        zero = known_array(owner.operands[2])
        if not isinstance(inner, nn.GatherOp) or zero is None or zero.any() or zero.ndim:
            return value, index
        there = chosen(inner)
        if inner.value_of("axis") != axis or there.all():
            return value, index
        return _source(inner.result, axis, np.where((index >= 0) & there[index], index, -1))
    if isinstance(owner, nn.GatherOp) and len(owner.indices) == 1 and owner.value_of("axis") == axis:
        known = known_array(owner.indices[0])
        if known is not None and known.ndim == 1 and not owner.value_of("batch") and (known >= 0).all():
            return _source(owner.x, axis, np.where(index >= 0, known[index], -1))
    return value, index


def _slice(new: GraphBuilder, value: SSAValue, axis: int, start: int, size: int) -> SSAValue:
    shape = list(shape_of(value))
    if size == shape[axis]:
        return value
    starts = [0] * len(shape)
    starts[axis], shape[axis] = start, size
    return new(nn.SliceOp(value, starts, shape, [1] * len(shape)))
