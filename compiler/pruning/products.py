"""Products with weights as rows of terms times matrices: what least squares can solve for.

Terms that a mask right in front removes are left out, and their weights stay as they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from xdsl.ir import Operation, SSAValue

from ...dialects import nn, prune
from ...dialects.nn.interpretation import windows
from ...passes.pruning.rules import shape_of


class Product(Protocol):
    """y = terms(x) @ matrix(w), for each of several groups. `terms` [groups, rows, terms] and `results`
    [groups, rows, outputs] take those of `count` rows that are asked for; `channels` is the axis of y that
    outputs lie along."""

    @property
    def op(self) -> Operation: ...
    @property
    def x(self) -> SSAValue: ...
    @property
    def channels(self) -> int: ...
    @property
    def count(self) -> int: ...
    @property
    def width(self) -> int:
        """Terms of each sum."""
        ...

    def terms(self, x: np.ndarray, rows: np.ndarray) -> np.ndarray: ...
    def results(self, y: np.ndarray, rows: np.ndarray) -> np.ndarray: ...
    def matrix(self, w: np.ndarray) -> np.ndarray: ...
    def weights(self, matrix: np.ndarray, w: np.ndarray) -> np.ndarray:
        """`w` with another matrix."""
        ...


def product_of(op: Operation) -> Product | None:
    """An op as a product of a value at run time and weights; None for any other."""
    if isinstance(op, nn.ConvOp) and nn.is_compile_time(op.w):
        return ConvProduct(op)
    if isinstance(op, nn.MatmulOp) and nn.is_compile_time(op.b) and not nn.is_compile_time(op.a):
        return MatrixProduct(op) if math.prod(shape_of(op.b)[:-2]) == 1 else None
    return None


@dataclass
class ConvProduct:
    """Rows are the pixels of all images, terms the elements of a window (im2col)."""

    op: nn.ConvOp
    channels = 1

    def __post_init__(self) -> None:
        self.x: SSAValue = self.op.x
        self.groups: int = self.op.value_of("groups")
        masked = _masked(self.x, 1) if self.groups == 1 else []
        self.kept = np.setdiff1d(np.arange(shape_of(self.x)[1] // self.groups), masked)

    @property
    def width(self) -> int:
        return len(self.kept) * math.prod(self.op.window.kernel)

    @property
    def count(self) -> int:
        return self.op.shape[0] * math.prod(self.op.shape[2:])

    def _places(self, rows: np.ndarray) -> tuple[np.ndarray, ...]:
        return np.unravel_index(rows, (self.op.shape[0], *self.op.shape[2:]))

    def terms(self, x: np.ndarray, rows: np.ndarray) -> np.ndarray:
        window = self.op.window
        taken = windows(x, window, self.op.shape[2:], 0.0)
        image, *pixel = self._places(rows)
        found = np.moveaxis(taken, 1, 1 + window.rank)[(image, *pixel)]  # [rows, C, kernel]
        grouped = found.reshape(len(rows), self.groups, -1, *window.kernel)
        kept = np.take(grouped, self.kept, axis=2)
        return np.swapaxes(kept.reshape(len(rows), self.groups, -1), 0, 1).astype(np.float64)

    def results(self, y: np.ndarray, rows: np.ndarray) -> np.ndarray:
        image, *pixel = self._places(rows)
        found = np.moveaxis(y, 1, -1)[(image, *pixel)].reshape(len(rows), self.groups, -1)
        return np.swapaxes(found, 0, 1).astype(np.float64)

    def matrix(self, w: np.ndarray) -> np.ndarray:
        kept = self._grouped(w)[:, :, self.kept]
        return np.swapaxes(kept.reshape(*kept.shape[:2], -1), 1, 2).astype(np.float64)

    def weights(self, matrix: np.ndarray, w: np.ndarray) -> np.ndarray:
        grouped = self._grouped(w).copy()
        grouped[:, :, self.kept] = np.swapaxes(matrix, 1, 2).reshape(
            *grouped.shape[:2], len(self.kept), *grouped.shape[3:]
        )
        return grouped.reshape(w.shape)

    def _grouped(self, w: np.ndarray) -> np.ndarray:
        return w.reshape(self.groups, -1, *w.shape[1:])


@dataclass
class MatrixProduct:
    """Rows are those of the left matrix."""

    op: nn.MatmulOp
    channels = -1

    def __post_init__(self) -> None:
        self.x: SSAValue = self.op.a
        terms = shape_of(self.x)[-1]
        self.kept = np.setdiff1d(np.arange(terms), _masked(self.x, len(shape_of(self.x)) - 1))

    @property
    def width(self) -> int:
        return len(self.kept)

    @property
    def count(self) -> int:
        return math.prod(self.op.shape[:-1])

    def terms(self, x: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return x.reshape(-1, x.shape[-1])[rows][None, :, self.kept].astype(np.float64)

    def results(self, y: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return y.reshape(-1, y.shape[-1])[rows][None].astype(np.float64)

    def matrix(self, w: np.ndarray) -> np.ndarray:
        return w.reshape(w.shape[-2:])[None, self.kept].astype(np.float64)

    def weights(self, matrix: np.ndarray, w: np.ndarray) -> np.ndarray:
        found = w.reshape(w.shape[-2:]).copy()
        found[self.kept] = matrix[0]
        return found.reshape(w.shape)


def _masked(x: SSAValue, axis: int) -> Sequence[int]:
    """The positions that a mask right in front removes."""
    owner = x.owner
    if isinstance(owner, prune.MaskOp) and owner.value_of("axis") == axis:
        return owner.value_of("removed")
    return ()
