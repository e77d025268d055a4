"""Counted work of ops whose number of operations is known."""

import pytest

from tenonc.dialects.tensorized import LinearOp
from tenonc.targets.operations import scalar_operations

LINEAR = """
tensorized.kernel @k(%x: memref<{columns}x5x16xf32>) {{
  %v = tensorized.load %x[] at (v0, v1, l) -> (v0, v1, l)
    : memref<{columns}x5x16xf32>, vector<{columns}x5x16xf32>
  %y = tensorized.linear %v along 0 by dense<{matrix}> : tensor<{rows}x{columns}xf32>
    : vector<{columns}x5x16xf32> -> vector<{rows}x5x16xf32>
  tensorized.yield
}}
"""

MATRICES = [
    ([[1, 1, 0], [0, 1, -1]], 2),
    ([[2, 1]], 2),
    ([[0.5, 3], [0, 1]], 3),
    ([[1, 0], [0, -1]], 0),
]


@pytest.mark.parametrize(("matrix", "operations"), MATRICES)
def test_a_constant_matrix(parse, matrix, operations):
    text = str([[float(c) for c in row] for row in matrix])
    module = parse(LINEAR.format(matrix=text, rows=len(matrix), columns=len(matrix[0])))
    (op,) = [op for op in module.walk() if isinstance(op, LinearOp)]
    assert scalar_operations(op) == operations * 5 * 16
