"""Elementwise instructions on registers of other widths than their own."""

import numpy as np
import pytest

KERNEL = """
tensorized.instruction @scale loops (i: parallel 4)
  (%x: vector<4xf32> at (i), %f: vector<4xf32> at (i), out %y: vector<4xi32> at (i)) {{
  %p = arith.mulf %x, %f : f32
  %r = math.roundeven %p : f32
  %s = arith.fptosi %r : f32 to i32
  tensorized.yield %s : i32
}}
tensorized.kernel @k(%x: memref<{n}xf32>, %f: memref<{n}xf32>, %y: memref<{n}xi32>) {{
  %a = tensorized.load %x[] at (l) -> (l) : memref<{n}xf32>, vector<{n}xf32>
  %b = tensorized.load %f[] at (l) -> (l) : memref<{n}xf32>, vector<{n}xf32>
  %c = tensorized.map (%p = %a : vector<{n}xf32>, %q = %b : vector<{n}xf32>) -> vector<{n}xi32> {{
    %i = tensorized.compute @scale(%p, %q) : (f32, f32) -> i32
    tensorized.yield %i : i32
  }}
  tensorized.store %c, %y[] at (l) -> (l) : vector<{n}xi32>, memref<{n}xi32>
  tensorized.yield
}}
"""


@pytest.mark.parametrize("lanes", [4, 8, 16, 6, 1])
def test_whole_registers_parts_of_them_and_what_no_part_fills(run_kernel, lanes: int):
    rng = np.random.default_rng(lanes)
    x, f = rng.standard_normal((2, lanes)).astype(np.float32) * 10
    y = np.zeros(lanes, np.int32)
    run_kernel(KERNEL.format(n=lanes), x, f, y)
    np.testing.assert_array_equal(y, np.rint(x * f))
