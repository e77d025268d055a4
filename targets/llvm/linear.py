"""Emission of tensorized.linear: a line of registers after the other, by the program of its matrix."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from xdsl.dialects.builtin import VectorType
from xdsl.ir import Attribute

from ...dialects.nn.dtypes import dense_array
from ...dialects.tensorized import LinearOp
from .function import FunctionText
from .linear_program import Program, Sum, linear_program
from .scalar import splat
from .types import vector_type


def emit_linear(function: FunctionText, op: LinearOp) -> None:
    """The loads of a line are emitted when it is computed, so that few registers are live at once."""
    vector = op.value.type
    assert isinstance(vector, VectorType)
    *grid, lanes = vector.get_shape()
    program = linear_program(dense_array(op.matrix))
    writer = _Writer(function, vector.element_type, lanes)
    axis = op.axis.data
    values = np.array(function.values[op.value], object).reshape(grid)
    lines = np.moveaxis(values, axis, -1)
    made = np.empty((*lines.shape[:-1], len(program.rows)), object)
    for line in np.ndindex(lines.shape[:-1]):
        made[line] = writer.run(program, list(lines[line]))
    function.values[op.res] = list(np.moveaxis(made, -1, axis).reshape(-1))


class _Writer:
    def __init__(self, function: FunctionText, element: Attribute, lanes: int):
        self.function, self.element, self.type = function, element, vector_type(element, lanes)

    def run(self, program: Program, inputs: Sequence[str]) -> list[str]:
        values = list(inputs)
        for step in program.steps:
            values.append(self._sum(step, values))
        return [self._sum(row, values) for row in program.rows]

    def _sum(self, terms: Sum, values: Sequence[str]) -> str:
        """What may be a multiply-add says so; where the machine has none it stays two operations."""
        if not terms:
            return "zeroinitializer"
        self.function.need([values[term.value] for term in terms])
        (factor, first), *rest = terms
        total = values[first] if factor == 1 else self._scaled("fmul", factor, values[first])
        for factor, value in rest:
            if abs(factor) == 1:
                sign = "fadd" if factor == 1 else "fsub"
                total = self.function.let(f"{sign} {self.type} {total}, {values[value]}")
            else:
                product = self._scaled("fmul contract", factor, values[value])
                total = self.function.let(f"fadd contract {self.type} {total}, {product}")
        return total

    def _scaled(self, multiply: str, factor: Fraction, value: str) -> str:
        return self.function.let(f"{multiply} {self.type} {value}, {splat(float(factor), self.element)}")
