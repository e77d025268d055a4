"""Takes positions of a value: by a slice where they lie in a row, else a gather; what is missing is zero."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.ir import SSAValue

from ...dialects import nn
from ..graph_builder import GraphBuilder
from .rules import shape_of


class Cutter:
    """Remembers what it has taken: several ops may want the same. Of a transposed constant (`known` are the
    values known at compile time) the constant is cut: weights keep their form."""

    def __init__(self, known: set[SSAValue]) -> None:
        self._known = known
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
        if len(axes) == 1:
            return self._line(new, value, axes[0], have, want)
        rank, count = len(shape_of(value)), len(axes)
        rest = [axis for axis in range(rank) if axis not in axes]
        at = sum(axis < axes[0] for axis in rest)
        order = [*rest[:at], *axes, *rest[at:]]
        moved = new.transpose(value, order)
        shape = shape_of(moved)
        flat = new.reshape(moved, (*shape[:at], have.size, *shape[at + count :]))
        taken = self._line(new, flat, at, have.reshape(-1), want.reshape(-1))
        grid = new.reshape(taken, (*shape[:at], *want.shape, *shape[at + count :]))
        return new.transpose(grid, [order.index(axis) for axis in range(rank)])

    def _line(
        self, new: GraphBuilder, value: SSAValue, axis: int, have: np.ndarray, want: np.ndarray
    ) -> SSAValue:
        owner = value.owner
        if isinstance(owner, nn.TransposeOp) and value in self._known:
            perm = owner.value_of("perm")
            return new.transpose(self._line(new, owner.x, perm[axis], have, want), perm)
        place = np.full(int(max(have.max(initial=-1), want.max(initial=-1))) + 2, -1)
        place[have] = np.arange(len(have))
        index = place[want]
        if (index < 0).any():
            grown = [0] * len(shape_of(value))
            grown[axis] = 1
            value = new(nn.PadOp(value, [0] * len(grown), grown, 0.0))
            index = np.where(index < 0, len(have), index)
        if len(index) and np.array_equal(index, np.arange(index[0], index[0] + len(index))):
            return _slice(new, value, axis, int(index[0]), len(index))
        if index.tobytes() not in self._indices:
            self._indices[index.tobytes()] = new.constant(index)
        return new(nn.GatherOp(value, [self._indices[index.tobytes()]], axis))


def _slice(new: GraphBuilder, value: SSAValue, axis: int, start: int, size: int) -> SSAValue:
    shape = list(shape_of(value))
    if size == shape[axis]:
        return value
    starts = [0] * len(shape)
    starts[axis], shape[axis] = start, size
    return new(nn.SliceOp(value, starts, shape, [1] * len(shape)))
