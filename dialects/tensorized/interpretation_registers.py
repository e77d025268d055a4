"""Meaning of the register level: loads, stores, instructions and maps on grids of registers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from xdsl.dialects.builtin import VectorType
from xdsl.interpreter import Interpreter, InterpreterFunctions, impl, register_impls
from xdsl.ir import Operation
from xdsl.ir.affine import AffineBinaryOpExpr, AffineBinaryOpKind, AffineConstantExpr, AffineExpr
from xdsl.utils.exceptions import InterpretationError

from ..nn.dtypes import dense_array, numpy_dtype
from ..reference.scalar import EVALUATIONS, evaluate_body
from .combine import CombineOp, SpreadOp
from .compute import ComputeOp
from .gather import GatherOp
from .instruction import InstructionOp
from .prefetch import PrefetchOp
from .register import ApplyOp, LoadOp, MapOp, RegisterAccess, StoreOp
from .transform import LinearOp

Arrays = tuple[Any, ...]
Lanes = list[np.ndarray]
"""Per register of an instruction, the lanes that a sequence of its loop points uses."""


@dataclass(frozen=True)
class Index:
    """One index of an access: `moving` depends on the loop variables alone, `fixed` is the rest at every
    point of the vector. Where the two cannot be separated `moving` is the whole and `fixed` is None."""

    moving: AffineExpr
    fixed: np.ndarray | None

    def at(self, variables: Sequence[int], points: np.ndarray) -> np.ndarray:
        if self.fixed is None:
            return np.broadcast_to(self.moving.eval([*variables, *points], []), points.shape[1:])
        return self.fixed + self.moving.eval([*variables], [])


class Accessor:
    """The elements a load or store touches: `points` of the vector (row-major positions `places`), each
    at an index of the memref."""

    def __init__(self, op: RegisterAccess):
        self.op = op
        shape = op.vector.get_shape()
        places = np.arange(int(np.prod(shape)))
        if op.valid_lanes is not None:
            row = shape[-1] * (shape[-2] if len(shape) > 1 else 1)
            places = places[places % row < op.valid_lanes]
        if isinstance(op, LoadOp):
            read = np.array(op.read_lanes)
            places = places[read[places % len(read)]]
        self.places = places
        self.points = np.array(np.unravel_index(places, shape))
        variables = len(op.indices)
        self.indices = [self._index(expr, variables) for expr in op.access.results]

    def _index(self, expr: AffineExpr, variables: int) -> Index:
        moving, fixed = [], []
        for term in _terms(expr):
            used = {d < variables for d in term.used_dims()}
            if len(used) == 2:
                return Index(expr, None)
            (moving if True in used else fixed).append(term)
        none = [0] * variables
        values = np.zeros(self.points.shape[1:], np.int64)
        for term in fixed:
            values += term.eval([*none, *self.points], [])
        return Index(sum(moving, AffineExpr.constant(0)), values)

    def at(self, array: np.ndarray, variables: Sequence[int]) -> tuple[np.ndarray, ...]:
        """Index arrays into `array`; InterpretationError where they leave it."""
        found = tuple(index.at(variables, self.points) for index in self.indices)
        for dim, (index, size) in enumerate(zip(found, array.shape, strict=True)):
            low, high = index.min(), index.max()
            if low < 0 or high >= size:
                raise InterpretationError(
                    f"{self.op.name} at {list(map(int, variables))} reaches {low}..{high} of {size} "
                    f"in dimension {dim}"
                )
        return found


def _terms(expr: AffineExpr) -> list[AffineExpr]:
    if isinstance(expr, AffineBinaryOpExpr) and expr.kind is AffineBinaryOpKind.Add:
        return _terms(expr.lhs) + _terms(expr.rhs)
    return [expr] if not isinstance(expr, AffineConstantExpr) or expr.value else []


def _compute(op: Operation, *args: np.ndarray) -> np.ndarray:
    """An elementwise instruction is its body; what it writes is not read."""
    assert isinstance(op, ComputeOp)
    (result,) = evaluate_body(op.declaration().body.block, [*args, np.zeros((), numpy_dtype(op.res.type))])
    return result


EVALUATIONS[ComputeOp] = _compute


@register_impls
class RegisterFunctions(InterpreterFunctions):
    def __init__(self) -> None:
        self._accessors: dict[Operation, Accessor] = {}
        self._instructions: dict[Operation, tuple[InstructionOp, list[Lanes]]] = {}

    def _accessor(self, op: RegisterAccess) -> Accessor:
        if op not in self._accessors:
            self._accessors[op] = Accessor(op)
        return self._accessors[op]

    @impl(LoadOp)
    def load(self, interpreter: Interpreter, op: LoadOp, args: Arrays):
        array, *variables = args
        accessor = self._accessor(op)
        result = np.zeros(op.vector.get_shape(), array.dtype)
        result.reshape(-1)[accessor.places] = array[accessor.at(array, variables)]
        return (result,)

    @impl(ComputeOp)
    def compute(self, interpreter: Interpreter, op: ComputeOp, args: Arrays):
        return (_compute(op, *args),)

    @impl(GatherOp)
    def gather(self, interpreter: Interpreter, op: GatherOp, args: Arrays):
        count = len(op.indices)
        array, variables, positions = args[0].reshape(-1), args[1 : 1 + count], args[1 + count :]
        accessor, shape = self._accessor(op), op.vector.get_shape()
        offset = sum(p * stride for p, stride in zip(positions, op.position_strides, strict=True))
        moved = np.broadcast_to(offset, shape).reshape(-1)[accessor.places]
        elements = accessor.indices[0].at(variables, accessor.points) + moved
        if elements.size and not 0 <= elements.min() <= elements.max() < array.size:
            raise InterpretationError(f"{op.name} reaches {elements.min()}..{elements.max()} of {array.size}")
        result = np.zeros(shape, array.dtype)
        result.reshape(-1)[accessor.places] = array[elements]
        return (result,)

    @impl(StoreOp)
    def store(self, interpreter: Interpreter, op: StoreOp, args: Arrays):
        value, array, *variables = args
        accessor = self._accessor(op)
        array[accessor.at(array, variables)] = value.reshape(-1)[accessor.places]
        return ()

    @impl(PrefetchOp)
    def prefetch(self, interpreter: Interpreter, op: PrefetchOp, args: Arrays):
        return ()

    @impl(ApplyOp)
    def apply(self, interpreter: Interpreter, op: ApplyOp, args: Arrays):
        if op not in self._instructions:
            declaration = op.declaration()
            self._instructions[op] = (declaration, instruction_steps(declaration))
        instruction, steps = self._instructions[op]
        accumulator = instruction.accumulator.data
        registers = list(args)
        registers[accumulator] = args[accumulator].copy()
        for lanes in steps:
            operands = [array[..., at] for array, at in zip(registers, lanes, strict=True)]
            (value,) = evaluate_body(instruction.body.block, operands)
            registers[accumulator][..., lanes[accumulator]] = value
        return (registers[accumulator],)

    @impl(MapOp)
    def map(self, interpreter: Interpreter, op: MapOp, args: Arrays):
        (value,) = evaluate_body(op.body.block, args)
        vector = op.res.type
        result = np.empty(vector.get_shape(), numpy_dtype(vector.element_type))  # pyright: ignore
        result[...] = value
        return (result,)

    @impl(LinearOp)
    def linear(self, interpreter: Interpreter, op: LinearOp, args: Arrays):
        (value,), axis = args, op.axis.data
        matrix = dense_array(op.matrix).astype(np.float64)
        with np.errstate(all="ignore"):
            made = np.tensordot(matrix, value.astype(np.float64), (1, axis))
            return (np.moveaxis(made, 0, axis).astype(value.dtype),)

    @impl(CombineOp)
    def combine(self, interpreter: Interpreter, op: CombineOp, args: Arrays):
        """Halves of the row are combined until one element is left."""
        (value,) = args
        rows = value.reshape(*value.shape[:-2], -1)[..., : op.valid_lanes]
        while (count := rows.shape[-1]) > 1:
            (made,) = evaluate_body(op.body.block, [rows[..., : count // 2], rows[..., count - count // 2 :]])
            rows = np.concatenate([made, rows[..., count // 2 : count - count // 2]], axis=-1)
        shape = (*value.shape[:-2], 1, value.shape[-1])
        return (np.broadcast_to(rows[..., None], shape).astype(value.dtype),)

    @impl(SpreadOp)
    def spread(self, interpreter: Interpreter, op: SpreadOp, args: Arrays):
        assert isinstance(op.res.type, VectorType)
        return (np.broadcast_to(args[0], op.res.type.get_shape()),)


def instruction_steps(instruction: InstructionOp) -> list[Lanes]:
    """For each point of the reduction loops, in order: the lanes of every register over all points of the
    parallel loops."""
    loops = [(loop.kind.data, loop.extent.data) for loop in instruction.loops]
    parallel = [range(extent) for kind, extent in loops if kind == "parallel"]
    reduced = [range(extent) for kind, extent in loops if kind == "reduction"]
    points = list(product(*parallel))
    across = np.array(points, np.int64).reshape(len(points), len(parallel)).T
    steps: list[Lanes] = []
    for point in product(*reduced):
        waiting, fixed = list(across), list(point)
        dims: list[Any] = [waiting.pop(0) if kind == "parallel" else fixed.pop(0) for kind, _ in loops]
        lanes = [access.data.results[0].eval(dims, []) for access in instruction.maps]
        steps.append([np.broadcast_to(at, across.shape[1:]) for at in lanes])
    return steps
