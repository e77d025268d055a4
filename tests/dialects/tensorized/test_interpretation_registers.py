"""Register-level ops against plain loops over every point of the grid."""

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from xdsl.context import Context
from xdsl.ir.affine import AffineMap
from xdsl.parser import Parser
from xdsl.utils.exceptions import InterpretationError

from tenonc.dialects.reference import ReferenceInterpreter

Machine = Callable[[str], ReferenceInterpreter]

# Maps (d0, v0, v1, l) -> an index of memref<40x40>; some mix a loop variable and the grid in one term.
MAPS = [
    "(d0 * 3 + v0, v1 * 4 + l)",
    "(v0 * 2 + 1, d0 + l)",
    "(d0, d0)",
    "((d0 + v0) floordiv 2, (d0 * 4 + l) mod 8)",
    "(l ceildiv 3, (v0 + v1) * 2 + d0)",
]
maps = st.sampled_from(MAPS)
grids = st.tuples(st.integers(1, 3), st.integers(1, 3), st.sampled_from([1, 2, 4]))


def affine(text: str) -> AffineMap:
    return Parser(Context(), f"(d0, v0, v1, l) -> {text}").parse_affine_map()


def points(grid: tuple[int, ...], valid: int | None):
    for v0, v1, lane in product(*map(range, grid)):
        if valid is None or v1 * grid[2] + lane < valid:
            yield v0, v1, lane


def draw_valid(data: st.DataObject, grid: tuple[int, ...]) -> int | None:
    return data.draw(st.none() | st.integers(1, grid[1] * grid[2]))


def valid_text(valid: int | None) -> str:
    return "" if valid is None else f" valid {valid}"


@given(maps, grids, st.integers(0, 3), st.data())
def test_load(machine: Machine, text: str, grid: tuple[int, int, int], d0: int, data: st.DataObject):
    valid = draw_valid(data, grid)
    vector = f"vector<{grid[0]}x{grid[1]}x{grid[2]}xi32>"
    run = machine(f"""
    func.func @f(%x: memref<40x40xi32>, %i: index) -> {vector} {{
      %v = tensorized.load %x[%i] at (d0, v0, v1, l) -> {text}{valid_text(valid)}
        : memref<40x40xi32>, {vector}
      func.return %v : {vector}
    }}""")
    x = np.arange(1, 1601, dtype=np.int32).reshape(40, 40)
    expected = np.zeros(grid, np.int32)
    for point in points(grid, valid):
        expected[point] = x[affine(text).eval([d0, *point], [])]
    (v,) = run.call_op("f", (x, d0))
    np.testing.assert_array_equal(v, expected)


@given(st.sampled_from(MAPS[:1]), grids, st.integers(0, 3), st.data())
def test_store(machine: Machine, text: str, grid: tuple[int, int, int], d0: int, data: st.DataObject):
    valid = draw_valid(data, grid)
    vector = f"vector<{grid[0]}x{grid[1]}x{grid[2]}xf32>"
    run = machine(f"""
    func.func @f(%v: {vector}, %y: memref<40x40xf32>, %i: index) {{
      tensorized.store %v, %y[%i] at (d0, v0, v1, l) -> {text}{valid_text(valid)}
        : {vector}, memref<40x40xf32>
      func.return
    }}""")
    v = np.random.default_rng(0).standard_normal(grid, dtype=np.float32)
    y = np.zeros((40, 40), np.float32)
    expected = y.copy()
    for point in points(grid, valid):
        expected[affine(text).eval([d0, *point], [])] = v[point]
    run.call_op("f", (v, y, d0))
    np.testing.assert_array_equal(y, expected)


LEAVING = """
func.func @f(%x: memref<40x8xf32>, %i: index) -> vector<1x1x4xf32> {
  %v = tensorized.load %x[%i] at (d0, v0, v1, l) -> (d0, l OFFSET)VALID : memref<40x8xf32>, vector<1x1x4xf32>
  func.return %v : vector<1x1x4xf32>
}
"""


@pytest.mark.parametrize(
    ("offset", "row", "message"),
    [
        ("+ 6", 3, r"at \[3\] reaches 6..9 of 8 in dimension 1"),
        ("- 1", 3, "reaches -1..2"),
        ("", 40, "reaches 40..40"),
    ],
)
def test_a_load_that_leaves_its_memref_is_refused(machine: Machine, offset: str, row: int, message: str):
    text = LEAVING.replace("OFFSET", offset).replace("VALID", "")
    with pytest.raises(InterpretationError, match=message):
        machine(text).call_op("f", (np.zeros((40, 8), np.float32), row))


def test_elements_that_are_not_valid_may_lie_outside(machine: Machine):
    text = LEAVING.replace("OFFSET", "+ 6").replace("VALID", " valid 2")
    (v,) = machine(text).call_op("f", (np.ones((40, 8), np.float32), 39))
    np.testing.assert_array_equal(v, [[[1, 1, 0, 0]]])


DOT = """
tensorized.instruction @dot loops (i: parallel 4, r: reduction 2)
  (%a: vector<8xi8> at (i * 2 + r), inout %acc: vector<4xi32> at (i), %b: vector<2xi8> at (r)) {
  %x = arith.extui %a : i8 to i32
  %y = arith.extsi %b : i8 to i32
  %p = arith.muli %x, %y : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
}
func.func @f(%a: vector<3x2x8xi8>, %acc: vector<3x2x4xi32>, %b: vector<3x2x2xi8>) -> vector<3x2x4xi32> {
  %c = tensorized.apply @dot(%a, %acc, %b)
    : vector<3x2x8xi8>, vector<3x2x4xi32>, vector<3x2x2xi8> -> vector<3x2x4xi32>
  func.return %c : vector<3x2x4xi32>
}
"""


def test_apply_runs_the_instruction_at_every_register(machine: Machine):
    rng = np.random.default_rng(1)
    a, b = (rng.integers(-128, 128, (3, 2, n)).astype(np.int8) for n in (8, 2))
    acc = rng.integers(-1000, 1000, (3, 2, 4)).astype(np.int32)
    before = acc.copy()
    (c,) = machine(DOT).call_op("f", (a, acc, b))
    wide = a.view(np.uint8).astype(np.int32).reshape(3, 2, 4, 2)
    np.testing.assert_array_equal(c, acc + np.einsum("...ir,...r->...i", wide, b.astype(np.int32)))
    np.testing.assert_array_equal(acc, before)


def test_reductions_of_an_instruction_run_in_order(machine: Machine):
    """Not associative: acc = a[r] - acc, for r = 0, 1, 2."""
    run = machine("""
    tensorized.instruction @alternate loops (i: parallel 2, r: reduction 3)
      (%a: vector<6xf32> at (i * 3 + r), inout %acc: vector<2xf32> at (i)) {
      %s = arith.subf %a, %acc : f32
      tensorized.yield %s : f32
    }
    func.func @f(%a: vector<6xf32>, %acc: vector<2xf32>) -> vector<2xf32> {
      %c = tensorized.apply @alternate(%a, %acc) : vector<6xf32>, vector<2xf32> -> vector<2xf32>
      func.return %c : vector<2xf32>
    }""")
    (c,) = run.call_op("f", (np.array([1, 2, 4, 8, 16, 32], np.float32), np.array([100, 200], np.float32)))
    np.testing.assert_array_equal(c, [4 - (2 - (1 - 100)), 32 - (16 - (8 - 200))])


def test_map_evaluates_its_body_on_the_whole_grid(machine: Machine):
    run = machine("""
    func.func @f(%x: vector<2x3x4xf32>, %y: vector<2x3x4xf32>) -> (vector<2x3x4xf32>, vector<2x3x4xi32>) {
      %m = tensorized.map (%a = %x : vector<2x3x4xf32>, %b = %y : vector<2x3x4xf32>) -> vector<2x3x4xf32> {
        %d = arith.subf %a, %b : f32
        %zero = arith.constant 0.0 : f32
        %r = arith.maximumf %d, %zero : f32
        tensorized.yield %r : f32
      }
      %c = tensorized.map () -> vector<2x3x4xi32> {
        %seven = arith.constant 7 : i32
        tensorized.yield %seven : i32
      }
      func.return %m, %c : vector<2x3x4xf32>, vector<2x3x4xi32>
    }""")
    x, y = np.random.default_rng(2).standard_normal((2, 2, 3, 4), dtype=np.float32)
    m, c = run.call_op("f", (x, y))
    np.testing.assert_array_equal(m, np.maximum(x - y, 0))
    np.testing.assert_array_equal(c, np.full((2, 3, 4), 7, np.int32))


@given(st.integers(1, 9), st.integers(1, 11), st.integers(1, 5))
def test_a_lowered_matrix_product(machine: Machine, rows: int, columns: int, depth: int):
    """Loops, carried registers, broadcast loads, a ragged last panel."""
    panels = -(-columns // 4)
    run = machine(f"""
    tensorized.instruction @fma loops (i: parallel 4)
      (%a: vector<4xf32> at (i), %b: vector<4xf32> at (i), inout %acc: vector<4xf32> at (i)) {{
      %p = arith.mulf %a, %b : f32
      %s = arith.addf %acc, %p : f32
      tensorized.yield %s : f32
    }}
    tensorized.kernel @mm(%x: memref<{rows}x{depth}xf32>, %w: memref<{panels}x{depth}x4xf32>,
                          %y: memref<{rows}x{columns}xf32>) {{
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %rows = arith.constant {rows} : index
      %depth = arith.constant {depth} : index
      scf.for %i = %c0 to %rows step %c1 {{
        %z = tensorized.map () -> vector<{panels}x4xf32> {{
          %zero = arith.constant 0.0 : f32
          tensorized.yield %zero : f32
        }}
        %r = scf.for %k = %c0 to %depth step %c1 iter_args(%acc = %z) -> (vector<{panels}x4xf32>) {{
          %a = tensorized.load %x[%i, %k] at (d0, d1, v0, l) -> (d0, d1)
            : memref<{rows}x{depth}xf32>, vector<{panels}x4xf32>
          %b = tensorized.load %w[%k] at (d0, v0, l) -> (v0, d0, l)
            : memref<{panels}x{depth}x4xf32>, vector<{panels}x4xf32>
          %n = tensorized.apply @fma(%a, %b, %acc)
            : vector<{panels}x4xf32>, vector<{panels}x4xf32>, vector<{panels}x4xf32> -> vector<{panels}x4xf32>
          scf.yield %n : vector<{panels}x4xf32>
        }}
        tensorized.store %r, %y[%i] at (d0, v0, l) -> (d0, v0 * 4 + l) valid {columns}
          : vector<{panels}x4xf32>, memref<{rows}x{columns}xf32>
      }}
      tensorized.yield
    }}
    func.func @f(%x: memref<{rows}x{depth}xf32>, %w: memref<{panels}x{depth}x4xf32>,
                 %y: memref<{rows}x{columns}xf32>) {{
      tensorized.call @mm(%x, %w, %y) : (memref<{rows}x{depth}xf32>, memref<{panels}x{depth}x4xf32>,
                                         memref<{rows}x{columns}xf32>) -> ()
      func.return
    }}""")
    rng = np.random.default_rng(rows * 100 + columns)
    x, w = (rng.standard_normal(shape, dtype=np.float32) for shape in ((rows, depth), (panels, depth, 4)))
    y = np.full((rows, columns), np.nan, np.float32)
    run.call_op("f", (x, w, y))
    flat = w.transpose(0, 2, 1).reshape(panels * 4, depth)[:columns]
    np.testing.assert_allclose(y, x @ flat.T, rtol=1e-5, atol=1e-5)
