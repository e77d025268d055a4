"""Loads at computed positions.

Where all lanes share their positions the address is a scalar, and the register is loaded as any other:
neighbours as one vector. Else every lane has its address, and it is a masked gather, which LLVM takes apart
where the target has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from math import gcd

import numpy as np

from ...dialects.tensorized import GatherOp
from .function import FunctionText
from .registers import Loader, from_memory, valid_lanes
from .types import memory_type, scalar_type, suffix


def emit_gather(function: FunctionText, op: GatherOp) -> None:
    lanes = op.vector.get_shape()[-1]
    loader = Loader(function, op)
    rows = loader.address.offsets.reshape(-1, lanes)
    counts = valid_lanes(op) or [lanes] * len(rows)
    positions = list(zip(*(function.values[p] for p in op.positions), strict=True)) or [()] * len(rows)
    made: dict[tuple, str] = {}
    moved: dict[tuple, Loader] = {}
    for row, count, at in zip(rows, counts, positions, strict=True):
        key = (row.tobytes(), count, at)
        if key in made:
            continue
        function.need(at)
        if not count:
            made[key] = "zeroinitializer"
        elif op.uniform:
            moved[at] = moved.get(at) or _moved(function, op, loader, at)
            made[key] = moved[at].load(row[:count])
        else:
            made[key] = _each_lane(function, op, loader, at, row, count)
    keys = [(row.tobytes(), count, at) for row, count, at in zip(rows, counts, positions, strict=True)]
    function.values[op.res] = [made[key] for key in keys]


def _moved(function: FunctionText, op: GatherOp, loader: Loader, at: Sequence[str]) -> Loader:
    """What loads at positions that all lanes share, for as many registers as have them."""
    moved = copy(loader)
    moved.address, moved.loaded = copy(loader.address), {}
    size = loader.address.element_bytes
    for position, stride in zip(at, op.position_strides, strict=True):
        element = function.let(f"extractelement <1 x i64> {position}, i32 0")
        step = function.let(f"mul nsw i64 {element}, {stride * size}")
        pointer = function.let(f"getelementptr inbounds i8, ptr {moved.address.pointer}, i64 {step}")
        moved.address.pointer = pointer
        moved.address.alignment = gcd(moved.address.alignment, stride * size)
    return moved


def _each_lane(
    function: FunctionText, op: GatherOp, loader: Loader, at: Sequence[str], row: np.ndarray, count: int
) -> str:
    element, lanes = op.vector.element_type, len(row)
    memory, integers = memory_type(element), f"<{lanes} x i64>"
    total = f"<{', '.join(f'i64 {offset}' for offset in row.tolist())}>"
    for position, stride in zip(at, op.position_strides, strict=True):
        step = (
            function.let(f"mul nsw {integers} {position}, splat (i64 {stride})") if stride != 1 else position
        )
        total = function.let(f"add nsw {integers} {step}, {total}")
    base = loader.address.pointer
    pointers = function.let(f"getelementptr inbounds {memory}, ptr {base}, {integers} {total}")
    mask = f"<{', '.join('i1 true' if lane < count else 'i1 false' for lane in range(lanes))}>"
    kind = suffix(element) if memory == scalar_type(element) else memory
    name = f"llvm.masked.gather.v{lanes}{kind}.v{lanes}p0"
    arguments = [(f"<{lanes} x ptr>", pointers), ("i32", str(loader.address.element_bytes))]
    arguments += [(f"<{lanes} x i1>", mask), (f"<{lanes} x {memory}>", "zeroinitializer")]
    loaded = function.call(f"<{lanes} x {memory}>", name, arguments)
    return from_memory(function, element, lanes, loaded)
