"""Products with constant matrices in few operations: exact, and as few as the formulas of the literature."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tenonc.dialects.nn.cook_toom import transforms
from tenonc.targets.llvm.linear_program import Program, linear_program, operations


def product(program: Program) -> np.ndarray:
    """The matrix that a program multiplies with, exactly."""
    values = [[Fraction(i == j) for j in range(program.inputs)] for i in range(program.inputs)]
    rows = []
    for made in (*program.steps, *program.rows):
        value = [
            sum((t.factor * values[t.value][j] for t in made), Fraction(0)) for j in range(program.inputs)
        ]
        if len(values) < program.inputs + len(program.steps):
            values.append(value)
        else:
            rows.append(value)
    return np.array(rows, float).reshape(len(program.rows), program.inputs)


@pytest.mark.parametrize(
    "tile, matrix, count", [(2, "input", 4), (2, "output", 4), (4, "input", 12), (4, "output", 12)]
)
def test_winograd(tile: int, matrix: str, count: int):
    values = getattr(transforms(tile), matrix).astype(np.float32)
    program = linear_program(values)
    np.testing.assert_array_equal(product(program), values)
    assert operations(program) == count


COEFFICIENTS = st.sampled_from([0.0, 0.0, 1.0, -1.0, 2.0, -2.0, 0.75, 1.265625, -3.0])


@given(arrays.arrays(np.float32, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=COEFFICIENTS))
def test_any_matrix(matrix: np.ndarray):
    program = linear_program(matrix)
    np.testing.assert_array_equal(product(program), matrix)
    plain = sum(max(0, np.count_nonzero(row) - 1) + (1.0 not in row and row.any()) for row in matrix)
    assert operations(program) <= plain
