"""What the nn ops mean, in numpy. Sums and transcendental functions are evaluated in f64, rounded once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from xdsl.dialects.builtin import Signedness
from xdsl.interpreter import Interpreter, InterpreterFunctions, impl, register_impls

from ..errors import TenonError
from ..reference import weights_of
from ..reference.contraction import product
from .attributes import WeightAttr
from .base import NNOperation, tensor_of
from .constant import ConstantOp
from .conv import ConvOp
from .dtypes import SMALL_FLOATS, SUB_BYTE, dense_array, numpy_dtype
from .elementwise import BitcastOp, CastOp, ElementwiseOp
from .linear import MatmulOp
from .norm import BatchNormOp
from .pool import PoolOp
from .reduce import ReduceOp, SoftmaxOp
from .shape import BroadcastOp, ConcatOp, PadOp, ReshapeOp, SliceOp, TransposeOp
from .window import Window

Args = tuple[np.ndarray, ...]


def wide(array: np.ndarray) -> np.ndarray:
    """Floats as f64, integers and booleans as they are."""
    return array if array.dtype.kind in "iub" else np.asarray(array, np.float64)


def rounded(op: NNOperation, value: Any) -> tuple[np.ndarray]:
    with np.errstate(all="ignore"):
        return (np.asarray(value).astype(numpy_dtype(op.type.element_type)).reshape(op.shape),)


def _convert(x: np.ndarray, dtype: np.dtype) -> np.ndarray:
    if dtype.name in SUB_BYTE:
        return _wrapped(_convert(x, np.dtype(np.int64)), dtype)
    if dtype.name in SMALL_FLOATS and x.dtype != np.float64:  # not twice rounded where it is
        return x.astype(np.float32).astype(dtype)
    if dtype.kind in "iu" and x.dtype.kind not in "iub":
        return np.trunc(wide(x)).astype(np.int64).astype(dtype)
    return x.astype(dtype) if dtype.kind != "b" else x != 0


def _wrapped(x: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """i64 in the low bits of an integer of 2 or 4."""
    element = SUB_BYTE[dtype.name]
    count = 1 << element.width.data
    low = 0 if element.signedness.data == Signedness.UNSIGNED else -count // 2
    return ((x - low) % count + low).astype(dtype)


def windows(x: np.ndarray, window: Window, extents: tuple[int, ...], fill: float) -> np.ndarray:
    """x [N, C, spatial] padded with `fill`, as [N, C, extents, kernel]: every window's elements."""
    grown = [(0, 0), (0, 0)]
    for n, k, s, span, low, i in zip(
        x.shape[2:], extents, window.strides, window.spans, window.low, range(window.rank), strict=True
    ):
        # What the last window needs: with ceil_mode it may reach past the padding.
        needed = (k - 1) * s + span
        grown.append((low, max(window.high[i], needed - n - low)))
    padded = np.pad(x, grown, constant_values=fill)
    axes = tuple(range(2, padded.ndim))
    view = sliding_window_view(padded, window.spans, axis=axes)
    steps = [slice(0, n * s, s) for n, s in zip(extents, window.strides, strict=True)]
    return view[(..., *steps, *(slice(None, None, d) for d in window.dilations))]


def correlated(
    x: np.ndarray, w: np.ndarray, window: Window, groups: int, extents: tuple[int, ...]
) -> np.ndarray:
    """The convolution of x, padded with zeros, in f64 or exact in i64."""
    taken = windows(x, window, extents, 0)
    # [N, C, spatial, kernel] -> [N, g, spatial, C/g * kernel], times [g, O/g, C/g * kernel] transposed
    taken = taken.reshape(x.shape[0], groups, x.shape[1] // groups, *taken.shape[2:])
    taken = np.moveaxis(taken, 2, 2 + window.rank)
    taps = int(np.prod(w.shape[1:]))
    rows = taken.reshape(*taken.shape[:2], int(np.prod(extents)), taps)
    filters = w.reshape(groups, w.shape[0] // groups, taps)
    sums = np.swapaxes(product(rows, np.swapaxes(filters, 1, 2)), 2, 3)
    return sums.reshape(x.shape[0], w.shape[0], *extents)


def counts(window: Window, size: tuple[int, ...], extents: tuple[int, ...], include_pad: bool) -> np.ndarray:
    """[spatial]: the elements an average pool over an image of `size` divides by."""
    pads = zip(window.low, window.high, strict=True)
    inside = np.ones((1, 1, *size))
    if include_pad:
        inside = np.pad(inside, [(0, 0), (0, 0), *pads], constant_values=1.0)
        window = window._replace(pads=(0,) * (2 * window.rank))
    taken = windows(inside, window, extents, 0.0)
    return taken.sum(axis=tuple(range(-window.rank, 0)))[0, 0]


def _first_maximum(op: PoolOp, taken: np.ndarray) -> np.ndarray:
    """The smallest position at which a window [N, C, extents, kernel] has its maximum."""
    size = tensor_of(op.x).get_shape()[2:]
    positions = np.arange(float(np.prod(size))).reshape(1, 1, *size)
    of_taps = windows(positions, op.window, op.shape[2:], np.inf)
    axes = tuple(range(-op.window.rank, 0))
    is_largest = taken == taken.max(axis=axes, keepdims=True)
    return np.minimum(np.where(is_largest, of_taps, np.inf).min(axis=axes), np.prod(size) - 1)


def softmax(x: np.ndarray, axis: int, log: bool = False) -> np.ndarray:
    shifted = x - x.max(axis=axis, keepdims=True, initial=-np.inf)
    total = np.exp(shifted).sum(axis=axis, keepdims=True)
    return shifted - np.log(total) if log else np.exp(shifted) / total


_REDUCTIONS: dict[str, Callable[..., Any]] = {
    "sum": np.sum,
    "mean": np.mean,
    "prod": np.prod,
    "max": np.max,
    "min": np.min,
}


def _identity(kind: str, dtype: np.dtype) -> dict[str, Any]:
    """What max and min of nothing are; the other reductions know it."""
    if kind not in ("max", "min"):
        return {}
    if dtype.kind == "b":
        return {"initial": kind == "min"}
    low, high = (-np.inf, np.inf) if dtype.kind == "f" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    return {"initial": low if kind == "max" else high}


@register_impls
class NNFunctions(InterpreterFunctions):
    @impl(ConstantOp)
    def constant(self, interpreter: Interpreter, op: ConstantOp, args: Args):
        if not isinstance(op.value, WeightAttr):
            return (dense_array(op.value),)
        digest, weights = op.value.digest.data, weights_of(interpreter)
        if digest not in weights:
            raise TenonError(f"weight {digest[:12]} is not among the {len(weights)} weights given")
        return (np.asarray(weights[digest]),)

    @impl(ElementwiseOp)
    def elementwise(self, interpreter: Interpreter, op: ElementwiseOp, args: Args):
        with np.errstate(all="ignore"):
            return rounded(op, op.function.numpy(*map(wide, args)))

    @impl(CastOp)
    def cast(self, interpreter: Interpreter, op: CastOp, args: Args):
        with np.errstate(all="ignore"):
            return (_convert(args[0], numpy_dtype(op.type.element_type)),)

    @impl(BitcastOp)
    def bitcast(self, interpreter: Interpreter, op: BitcastOp, args: Args):
        dtype = numpy_dtype(op.type.element_type)
        return (np.ascontiguousarray(args[0]).reshape(args[0].shape).view(dtype),)

    @impl(ConvOp)
    def conv(self, interpreter: Interpreter, op: ConvOp, args: Args):
        x, w, *bias = map(wide, args)
        result = correlated(x, w, op.window, op.value_of("groups"), op.shape[2:])
        return rounded(op, result + bias[0].reshape(-1, *(1,) * op.window.rank) if bias else result)

    @impl(PoolOp)
    def pool(self, interpreter: Interpreter, op: PoolOp, args: Args):
        kind, x = op.kind.data, wide(args[0])
        axes = tuple(range(-op.window.rank, 0))
        if kind in ("sum", "average"):
            total = windows(x, op.window, op.shape[2:], 0.0).sum(axis=axes)
            if kind == "sum":
                return rounded(op, total)
            size = tensor_of(op.x).get_shape()[2:]
            return rounded(
                op, total / counts(op.window, size, op.shape[2:], op.value_of("count_include_pad"))
            )
        lowest = np.iinfo(x.dtype).min if x.dtype.kind in "iu" else -np.inf
        taken = windows(x, op.window, op.shape[2:], lowest)
        return rounded(op, taken.max(axis=axes) if kind == "max" else _first_maximum(op, taken))

    @impl(MatmulOp)
    def matmul(self, interpreter: Interpreter, op: MatmulOp, args: Args):
        return rounded(op, wide(args[0]) @ wide(args[1]))

    @impl(ReduceOp)
    def reduce(self, interpreter: Interpreter, op: ReduceOp, args: Args):
        x, kind, axes = wide(args[0]), op.kind.data, op.value_of("axes")
        with np.errstate(all="ignore"):
            return rounded(op, _REDUCTIONS[kind](x, axis=axes, **_identity(kind, x.dtype)))

    @impl(SoftmaxOp)
    def softmax(self, interpreter: Interpreter, op: SoftmaxOp, args: Args):
        with np.errstate(all="ignore"):
            return rounded(op, softmax(wide(args[0]), op.value_of("axis"), op.value_of("log")))

    @impl(BatchNormOp)
    def batch_norm(self, interpreter: Interpreter, op: BatchNormOp, args: Args):
        x, *parameters = map(wide, args)
        channel = (-1, *(1,) * (x.ndim - 2))
        scale, bias, mean, variance = (p.reshape(channel) for p in parameters)
        with np.errstate(all="ignore"):
            return rounded(op, (x - mean) / np.sqrt(variance + op.value_of("epsilon")) * scale + bias)

    @impl(ReshapeOp)
    def reshape(self, interpreter: Interpreter, op: ReshapeOp, args: Args):
        return (args[0].reshape(op.shape),)

    @impl(TransposeOp)
    def transpose(self, interpreter: Interpreter, op: TransposeOp, args: Args):
        return (args[0].transpose(op.value_of("perm")),)

    @impl(ConcatOp)
    def concat(self, interpreter: Interpreter, op: ConcatOp, args: Args):
        return (np.concatenate(args, axis=op.value_of("axis")),)

    @impl(SliceOp)
    def slice(self, interpreter: Interpreter, op: SliceOp, args: Args):
        entries = zip(*(op.value_of(name) for name in op.FIELDS), strict=True)
        return (args[0][tuple(slice(i, i + n * step, step) for i, n, step in entries)],)

    @impl(PadOp)
    def pad(self, interpreter: Interpreter, op: PadOp, args: Args):
        amounts = list(zip(op.value_of("low"), op.value_of("high"), strict=True))
        fill = np.asarray(op.value_of("value")).astype(args[0].dtype)
        return (np.pad(args[0], amounts, constant_values=fill),)

    @impl(BroadcastOp)
    def broadcast(self, interpreter: Interpreter, op: BroadcastOp, args: Args):
        return (np.broadcast_to(args[0], op.shape),)
