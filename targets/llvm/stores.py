"""Stores of register grids: whole registers where their elements lie side by side, runs of them, registers
mixed with others that fill the gaps, else element by element."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import VectorType

from ...dialects.tensorized import StoreOp
from .address import Address
from .function import FunctionText
from .registers import are_long, shuffle, to_memory, valid_lanes, windows_of
from .tiles import store_tile
from .types import memory_type, scalar_type

_INTERLEAVE_LIMIT = 4
"""Mixes at most this many registers to store them as whole ones."""


def emit_store(function: FunctionText, op: StoreOp) -> None:
    vector = op.vector
    lanes = vector.get_shape()[-1]
    address = Address(function, op)
    rows = address.offsets.reshape(-1, lanes)
    counts, registers = valid_lanes(op), function.values[op.value]
    whole = counts is None and op.value not in function.tiles
    stored = _store_interleaved(function, address, vector, rows, registers) if whole else set()
    counts = counts or [lanes] * len(rows)
    for place, (row, count, register) in enumerate(zip(rows, counts, registers, strict=True)):
        if op.value in function.tiles:
            store_tile(function, address, row[:count], register, op)
        elif count and place not in stored:
            _store(function, address, vector, row[:count], register)


def _store_interleaved(
    function: FunctionText, address: Address, vector: VectorType, rows: np.ndarray, registers: Sequence[str]
) -> set[int]:
    """Stores the registers whose elements alternate with those of others so that together they fill memory
    without a gap: shuffled, as whole registers. Returns the places of those."""
    lanes = rows.shape[1]
    group = int(rows[0, 1] - rows[0, 0]) if lanes > 1 else 1
    if not 1 < group <= _INTERLEAVE_LIMIT or (np.diff(rows, axis=1) != group).any():
        return set()
    at = {int(first): place for place, first in enumerate(rows[:, 0])}
    stored: set[int] = set()
    for first in sorted(at):
        places = [at.get(first + i, -1) for i in range(group)]
        if -1 in places or stored & set(places):
            continue
        stored |= set(places)
        for j in range(group):
            row = np.arange(first + j * lanes, first + (j + 1) * lanes)
            mixed = _interleave(function, vector, [registers[p] for p in places], j)
            _store(function, address, vector, row, mixed)
    return stored


def _interleave(function: FunctionText, vector: VectorType, registers: Sequence[str], number: int) -> str:
    """Register `number` of those that hold all elements 0 of `registers`, then all elements 1, and so on."""
    lanes, group = vector.get_shape()[-1], len(registers)
    type_ = f"<{lanes} x {scalar_type(vector.element_type)}>"
    source, lane = np.divmod(np.arange(number * lanes, (number + 1) * lanes), group)[::-1]
    mixed, taken = registers[0], lane
    for i, register in enumerate(registers[1:], 1):
        mask = np.where(source == i, lanes + lane, taken)
        mixed = shuffle(function, type_, mixed, register, mask.tolist())
        taken = np.arange(lanes)
    return mixed


def _store(
    function: FunctionText, address: Address, vector: VectorType, row: np.ndarray, register: str
) -> None:
    lanes, memory = vector.get_shape()[-1], memory_type(vector.element_type)
    register = to_memory(function, vector.element_type, lanes, register)
    type_, offsets = f"<{lanes} x {memory}>", row.tolist()
    runs = windows_of(offsets)
    if offsets == sorted(offsets) and (len(runs) == 1 or are_long(runs, address.element_bytes)):
        first = 0
        for run in runs:
            _store_run(function, address, type_, register, run, first)
            first += len(run)
        return
    for lane, offset in enumerate(offsets):
        element = function.let(f"extractelement {type_} {register}, i32 {lane}")
        function.line(f"store {memory} {element}, ptr {address.at(offset)}, align {address.align(offset)}")


def _store_run(
    function: FunctionText, address: Address, type_: str, register: str, run: range, first: int
) -> None:
    """The lanes from `first` on to elements that lie side by side."""
    lanes, memory = type_[1:-1].split(" x ")
    if len(run) < int(lanes):
        register = shuffle(function, type_, register, "poison", range(first, first + len(run)))
        type_ = f"<{len(run)} x {memory}>"
    at, align = address.at(run.start), address.align(run.start)
    function.line(f"store {type_} {register}, ptr {at}, align {align}")
