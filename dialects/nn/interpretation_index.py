"""What gathers mean, in numpy."""

from __future__ import annotations

import numpy as np
from xdsl.interpreter import Interpreter, InterpreterFunctions, impl, register_impls

from .index import GatherElementsOp, GatherOp, IotaOp

Args = tuple[np.ndarray, ...]


def inside(indices: np.ndarray, extent: int) -> np.ndarray:
    """Negative indices counted from the end, those outside clamped."""
    if indices.dtype.kind == "u":
        return np.minimum(indices, max(extent - 1, 0)).astype(np.int64)
    wide = indices.astype(np.int64)
    return np.clip(np.where(wide < 0, wide + extent, wide), 0, max(extent - 1, 0))


@register_impls
class IndexFunctions(InterpreterFunctions):
    @impl(IotaOp)
    def iota(self, interpreter: Interpreter, op: IotaOp, args: Args):
        return (np.arange(op.shape[0], dtype=np.int64),)

    @impl(GatherOp)
    def gather(self, interpreter: Interpreter, op: GatherOp, args: Args):
        x, *indices = args
        axis, batch, count = op.value_of("axis"), op.value_of("batch"), len(indices)
        if count == 1 and not batch and x.size:
            return (np.take(x, inside(indices[0], x.shape[axis]), axis),)
        # Batch dimensions first, then those between, as loops; numpy indexes the rest.
        found = np.empty(op.shape, x.dtype)
        for outer in np.ndindex(*x.shape[:axis]):
            picked = tuple(inside(index[outer[:batch]], x.shape[axis + n]) for n, index in enumerate(indices))
            found[outer] = x[outer][picked] if count else x[outer]
        return (found,)

    @impl(GatherElementsOp)
    def gather_elements(self, interpreter: Interpreter, op: GatherElementsOp, args: Args):
        x, indices = args
        axis = op.value_of("axis")
        if 0 in indices.shape:
            return (np.empty(indices.shape, x.dtype),)
        window = tuple(slice(None) if i == axis else slice(n) for i, n in enumerate(indices.shape))
        return (np.take_along_axis(x[window], inside(indices, x.shape[axis]), axis),)
