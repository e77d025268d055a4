"""Registers of two dimensions in LLVM text, of type `x86_amx`: which values of a kernel are such, how they
are loaded, stored and computed with.

A tile is loaded from rows that lie evenly apart in memory. One with fewer rows than its register (`valid`)
has that many in all operands: LLVM configures registers by the numbers that the intrinsics are given, all of
a function at once.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import prod

import numpy as np
from xdsl.dialects import scf
from xdsl.dialects.builtin import VectorType
from xdsl.ir import Block, Operation, SSAValue

from ...dialects.errors import TenonError
from ...dialects.tensorized import ApplyOp, InstructionOp, RegisterAccess, StoreOp
from ...dialects.tensorized.attributes import element_bytes
from .address import Address
from .function import FunctionText
from .types import register_type, suffix

TILE = "x86_amx"
"""LLVM's type of a tile."""
ROW_BYTES = 64


def tile_values(block: Block, features: Collection[str]) -> set[SSAValue]:
    """The values that instructions on tiles take and make, where the CPU has these, and what loops carry of
    them."""
    found: set[SSAValue] = set()
    for op in block.walk():
        if isinstance(op, ApplyOp) and (declared := op.declaration()).tile is not None:
            found |= {*op.operands, op.res} if declared.features <= set(features) else set()
    loops = [op for op in block.walk() if isinstance(op, scf.ForOp)]
    for loop in reversed(loops):  # inner loops first: what they yield, outer ones carry
        found |= _carried(loop, found)
    return found


def _carried(loop: scf.ForOp, found: set[SSAValue]) -> set[SSAValue]:
    end = loop.body.block.last_op
    assert end is not None
    places = zip(loop.iter_args, loop.body.block.args[1:], end.operands, loop.results, strict=True)
    return {value for place in places if found & set(place) for value in place}


def row_offsets(row: np.ndarray, element_bytes: int, op: Operation) -> tuple[int, int, int]:
    """Where a tile starts, how many rows it has, and how many elements lie from one to the next."""
    rows = row.reshape(-1, ROW_BYTES // element_bytes)
    steps = np.diff(rows[:, 0])
    step = int(steps[0]) if len(steps) else rows.shape[1]
    if (np.diff(rows, axis=1) != 1).any() or (steps != step).any():
        raise TenonError(f"{op.name}: a tile's rows lie neither side by side nor evenly apart")
    return int(rows[0, 0]), len(rows), step


def load_tile(function: FunctionText, address: Address, row: np.ndarray, op: RegisterAccess) -> str:
    """A tile from the elements at the offsets `row`."""
    first, rows, step = row_offsets(row, address.element_bytes, op)
    place = [("ptr", address.at(first)), ("i64", str(step * address.element_bytes))]
    return function.call(TILE, "llvm.x86.tileloadd64.internal", [*_shape(rows), *place])


def zero_tiles(function: FunctionText, grid: VectorType) -> list[str]:
    """Tiles of zeros, one each: there is no instruction that copies one."""
    *counts, lanes = grid.get_shape()
    rows = lanes * element_bytes(grid.element_type) // ROW_BYTES
    return [function.call(TILE, "llvm.x86.tilezero.internal", _shape(rows)) for _ in range(prod(counts))]


def store_tile(function: FunctionText, address: Address, row: np.ndarray, tile: str, op: StoreOp) -> None:
    first, rows, step = row_offsets(row, address.element_bytes, op)
    place = [("ptr", address.at(first)), ("i64", str(step * address.element_bytes))]
    arguments = [*_shape(rows), *place, (TILE, tile)]
    name = "llvm.x86.tilestored64.internal"
    function.declare("void", name, [t for t, _ in arguments])
    function.line(f"call void @{name}({', '.join(f'{t} {v}' for t, v in arguments)})")


def _shape(rows: int) -> list[tuple[str, str]]:
    return [("i16", str(rows)), ("i16", str(ROW_BYTES))]


def apply_tile(function: FunctionText, instruction: InstructionOp, args: Sequence[str], rows: int) -> str:
    """One application to tiles of which the accumulator has `rows` rows."""
    assert instruction.intrinsic is not None and instruction.tile is not None
    sizes = [rows, *(n.data for n in list(instruction.tile)[1:])]
    shape = [("i16", str(size)) for size in sizes]
    return function.call(TILE, instruction.intrinsic.data, [*shape, *((TILE, tile) for tile in args)])


def apply_to_vectors(function: FunctionText, instruction: InstructionOp, args: Sequence[str]) -> str:
    """One application to whole registers that are held as vectors."""
    held = instruction.accumulator_register
    tiles = [
        function.call(TILE, f"llvm.x86.cast.vector.to.tile.{_suffix(r)}", [(register_type(r), arg)])
        for r, arg in zip(instruction.registers, args, strict=True)
    ]
    assert instruction.tile is not None
    done = apply_tile(function, instruction, tiles, list(instruction.tile)[0].data)
    back = f"llvm.x86.cast.tile.to.vector.{_suffix(held)}"
    return function.call(register_type(held), back, [(TILE, done)])


def _suffix(register: VectorType) -> str:
    """A register in the name of an overloaded intrinsic."""
    return f"v{register.get_shape()[0]}{suffix(register.element_type)}"
