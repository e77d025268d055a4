"""What orders along an axis and scatters mean, in numpy."""

from __future__ import annotations

import numpy as np
from xdsl.interpreter import Interpreter, InterpreterFunctions, impl, register_impls

from .numeric import maximum, minimum
from .order import ArgReduceOp, CumulateOp, TopKOp
from .scatter import ScatterElementsOp, ScatterOp

Args = tuple[np.ndarray, ...]


def _wide(x: np.ndarray) -> np.ndarray:
    return x if x.dtype.kind in "iub" else x.astype(np.float64)


_COMBINE = {
    "replace": lambda x, y: y,
    "add": np.add,
    "mul": np.multiply,
    "max": maximum,
    "min": minimum,
}


def _row(index: int, rows: int) -> int | None:
    index = int(index) + rows if index < 0 else int(index)
    return index if 0 <= index < rows else None


@register_impls
class OrderFunctions(InterpreterFunctions):
    @impl(ArgReduceOp)
    def arg_reduce(self, interpreter: Interpreter, op: ArgReduceOp, args: Args):
        axis, find = op.value_of("axis"), np.argmax if op.kind.data == "max" else np.argmin
        x = _wide(args[0])
        if not op.value_of("last"):
            return (find(x, axis=axis, keepdims=True).astype(np.int64),)
        found = find(np.flip(x, axis), axis=axis, keepdims=True)
        return ((x.shape[axis] - 1 - found).astype(np.int64),)

    @impl(TopKOp)
    def top_k(self, interpreter: Interpreter, op: TopKOp, args: Args):
        axis, k, x = op.value_of("axis"), op.value_of("k"), _wide(args[0])
        if op.value_of("largest"):
            # A stable sort of the reversed line, read backwards, keeps equal elements in order.
            order = np.flip(x.shape[axis] - 1 - np.argsort(np.flip(x, axis), axis=axis, kind="stable"), axis)
        else:
            order = np.argsort(x, axis=axis, kind="stable")
        return (np.take(order, np.arange(k), axis=axis).astype(np.int64),)

    @impl(CumulateOp)
    def cumulate(self, interpreter: Interpreter, op: CumulateOp, args: Args):
        axis, x = op.value_of("axis"), _wide(args[0])
        x = np.flip(x, axis) if op.value_of("reverse") else x
        add = op.kind.data == "sum"
        with np.errstate(all="ignore"):
            total = (np.cumsum if add else np.cumprod)(x, axis=axis, dtype=x.dtype)
        if op.value_of("exclusive"):
            start = np.full_like(np.take(total, [0], axis=axis), 0 if add else 1) if x.size else total
            total = np.concatenate([start, total], axis=axis)
            total = np.take(total, np.arange(x.shape[axis]), axis=axis)
        total = np.flip(total, axis) if op.value_of("reverse") else total
        with np.errstate(all="ignore"):
            return (total.astype(args[0].dtype),)

    @impl(ScatterOp)
    def scatter(self, interpreter: Interpreter, op: ScatterOp, args: Args):
        x, indices, updates = args
        result, combine = _wide(x).copy(), _COMBINE[op.kind.data]
        with np.errstate(all="ignore"):
            for index, row in zip(indices.tolist(), _wide(updates), strict=True):
                if (at := _row(index, len(x))) is not None:
                    result[at] = combine(result[at], row)
        return (result.astype(x.dtype),)

    @impl(ScatterElementsOp)
    def scatter_elements(self, interpreter: Interpreter, op: ScatterElementsOp, args: Args):
        axis = op.value_of("axis")
        x, indices, updates = (np.moveaxis(a, axis, -1) for a in args)
        result, combine = _wide(x).copy(), _COMBINE[op.kind.data]
        with np.errstate(all="ignore"):
            for at in np.ndindex(*x.shape[:-1]):
                for index, value in zip(indices[at].tolist(), _wide(updates[at]), strict=True):
                    if (row := _row(index, x.shape[-1])) is not None:
                        result[at][row] = combine(result[at][row], value)
        return (np.ascontiguousarray(np.moveaxis(result, -1, axis)).astype(args[0].dtype),)
