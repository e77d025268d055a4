"""Loads at computed positions.

Where all lanes share their positions the address is a scalar, and the register is loaded as any other:
neighbours as one vector. Else every lane has its address, computed once for all registers of the same
positions, and is loaded by itself: a CPU's own gather takes as many loads, and its addresses are a vector for
each register.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from math import gcd

import numpy as np

from ...dialects.tensorized import GatherOp
from .function import FunctionText
from .registers import Loader, from_memory, valid_lanes
from .types import memory_type


def emit_gather(function: FunctionText, op: GatherOp) -> None:
    lanes = op.vector.get_shape()[-1]
    loader = Loader(function, op)
    rows = loader.address.offsets.reshape(-1, lanes)
    counts = valid_lanes(op) or [lanes] * len(rows)
    positions = list(zip(*(function.values[p] for p in op.positions), strict=True)) or [()] * len(rows)
    made: dict[tuple, str] = {}
    moved: dict[tuple, Loader] = {}
    pointers: dict[tuple, list[str]] = {}
    keys = [(row.tobytes(), count, at) for row, count, at in zip(rows, counts, positions, strict=True)]
    for row, key in zip(rows, keys, strict=True):
        _, count, at = key
        if key in made:
            continue
        function.need(at)
        if not count:
            made[key] = "zeroinitializer"
        elif op.uniform:
            moved[at] = moved.get(at) or _moved(function, op, loader, at)
            made[key] = moved[at].load(row[:count])
        else:
            pointers[at] = pointers.get(at) or _pointers(function, op, loader, at)
            made[key] = _each_lane(function, op, loader, pointers[at], row[:count])
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


def _pointers(function: FunctionText, op: GatherOp, loader: Loader, at: Sequence[str]) -> list[str]:
    """Where the positions of each lane move the base to."""
    lanes = op.vector.get_shape()[-1]
    integers, total = f"<{lanes} x i64>", ""
    for position, stride in zip(at, op.position_strides, strict=True):
        step = position
        if stride != 1:
            step = function.let(f"mul nsw {integers} {position}, splat (i64 {stride})")
        total = function.let(f"add nsw {integers} {total}, {step}") if total else step
    base, memory = loader.address.pointer, memory_type(op.vector.element_type)
    elements = [function.let(f"extractelement {integers} {total}, i32 {lane}") for lane in range(lanes)]
    return [function.let(f"getelementptr inbounds {memory}, ptr {base}, i64 {n}") for n in elements]


def _each_lane(
    function: FunctionText, op: GatherOp, loader: Loader, pointers: Sequence[str], row: np.ndarray
) -> str:
    """The lanes of one register, each from its pointer; those beyond `row` are zero."""
    element, lanes, size = op.vector.element_type, len(pointers), loader.address.element_bytes
    memory, result = memory_type(element), "zeroinitializer"
    for lane, offset in enumerate(row.tolist()):
        pointer = pointers[lane]
        if offset:
            pointer = function.let(f"getelementptr inbounds i8, ptr {pointer}, i64 {offset * size}")
        loaded = function.let(f"load {memory}, ptr {pointer}, align {size}")
        result = function.let(f"insertelement <{lanes} x {memory}> {result}, {memory} {loaded}, i32 {lane}")
    return from_memory(function, element, lanes, result)
