"""Lowered kernels compute what their nests say, whatever the schedule."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import ModuleOp
from xdsl.parser import Parser

from tenonc.compiler.pipeline import context
from tenonc.dialects import tensorized
from tenonc.dialects.reference import interpreter
from tenonc.passes.lower_kernels import LowerKernelsPass
from tenonc.passes.schedule.blocks import balanced, peeled

FMA = """
tensorized.instruction @fma loops (i: parallel 4)
  (%a: vector<4xf32> at (i), %b: vector<4xf32> at (i), inout %acc: vector<4xf32> at (i)) {
  %p = arith.mulf %a, %b : f32
  %s = arith.addf %acc, %p : f32
  tensorized.yield %s : f32
}
"""


def parse(text: str) -> ModuleOp:
    module = Parser(context(), text).parse_module()
    module.verify()
    return module


def dense(rows: int, columns: int, depth: int, schedule: str) -> str:
    """relu(x @ w + b) with a halo row of -1 around the output."""
    loops = f"m: parallel {rows}, n: parallel {columns}"
    band, out = f"tensor<{rows}x{columns}xf32>", f"tensor<{rows + 2}x{columns}xf32>"
    x, w, b = f"tensor<{rows}x{depth}xf32>", f"tensor<{depth}x{columns}xf32>", f"tensor<{columns}xf32>"
    return f"""{FMA}
tensorized.kernel @dense(%x: {x}, %w: {w}, %b: {b}) -> {out} lanes {{n = 4}} schedule [{schedule}] {{
  %e = tensorized.empty : {band}
  %i = tensorized.generic loops ({loops}) ins(%b at (n) : {b}) init(%e at (m, n) : {band}) {{
  ^bb0(%v: f32, %u: f32):
    tensorized.yield %v : f32
  }} -> {band}
  %c = tensorized.contract @fma loops ({loops}, k: reduction {depth})
    ins(%x at (m, k) : {x}, %w at (k, n) : {w})
    init(%i at (m, n) : {band}) bind {{i = n}} -> {band}
  %f = tensorized.empty fill -1.0 : {out}
  %y = tensorized.generic loops ({loops}) ins(%c at (m, n) : {band}) init(%f at (m + 1, n) : {out}) {{
  ^bb0(%v: f32, %u: f32):
    %z = arith.constant 0.0 : f32
    %r = arith.maximumf %v, %z : f32
    tensorized.yield %r : f32
  }} -> {out}
  tensorized.yield %y : {out}
}}
func.func @main(%x: {x}, %w: {w}, %b: {b}) -> {out} {{
  %y = tensorized.call @dense(%x, %w, %b) : ({x}, {w}, {b}) -> {out}
  func.return %y : {out}
}}
"""


def run_lowered(text: str, arrays: list[np.ndarray], out: np.ndarray) -> np.ndarray:
    module = parse(text)
    LowerKernelsPass().apply(context(), module)
    (kernel,) = tensorized.kernels(module)
    kernel.verify()
    assert not any(op.name == "tensorized.contract" for op in kernel.walk())
    interpreter(module).run_ssacfg_region(kernel.body, (*arrays, out), "kernel")
    return out


@st.composite
def problems(draw):
    rows, columns, depth = draw(st.integers(1, 9)), draw(st.integers(1, 13)), draw(st.integers(1, 7))
    n = 4 * draw(st.integers(1, min(3, -(-columns // 4))))
    m, k, body = draw(st.integers(1, min(5, rows))), draw(st.integers(1, depth)), draw(st.integers(1, depth))
    outer = draw(st.integers(m, rows))
    rest = f"order [k] tile {{k = {body}}}"
    levels = [
        f"order [n, m] tile {{n = {n}, m = {m}}}, {rest}",
        f"order [m, n] tile {{n = {n}, m = {m}}}, {rest}",
        f"order [m] tile {{m = {outer}}}, order [n, m] tile {{n = {n}, m = {m}}}, {rest}",
        f"order [n] tile {{n = {n}}}, order [k] tile {{k = {k}}}, order [m] tile {{m = {m}}}, {rest}",
    ]
    return rows, columns, depth, draw(st.sampled_from(levels))


@given(problems())
@settings(max_examples=40, deadline=None)
def test_any_schedule_computes_the_same(problem):
    rows, columns, depth, schedule = problem
    rng = np.random.default_rng(rows * 100 + columns * 10 + depth)
    x, w, b = (
        rng.standard_normal(s).astype(np.float32) for s in ((rows, depth), (depth, columns), (columns,))
    )
    found = run_lowered(
        dense(rows, columns, depth, schedule), [x, w, b], np.full((rows + 2, columns), np.nan, np.float32)
    )
    want = np.full((rows + 2, columns), -1, np.float32)
    want[1:-1] = np.maximum(x @ w + b, 0)
    np.testing.assert_allclose(found, want, rtol=1e-5, atol=1e-5)


@given(st.integers(1, 300), st.integers(1, 40))
def test_blocks_cover_a_loop_once(extent, tile):
    for rule in (balanced, peeled):
        blocks = rule(extent, tile)
        assert sum(count * size for count, size in blocks) == extent
        assert all(count > 0 and 0 < size <= tile for count, size in blocks)
    sizes = [size for _, size in balanced(extent, tile)]
    assert max(sizes) - min(sizes) <= 1


def test_a_schedule_without_an_order_for_a_loop_is_refused():
    from tenonc.compiler import TenonError

    with pytest.raises(TenonError, match="@dense: the schedule has no order for loop m$"):
        run_lowered(dense(2, 4, 3, "order [n] tile {n = 4}, order [k]"), [], np.zeros(1))
    with pytest.raises(TenonError, match="@dense: the schedule has no order for loop k$"):
        run_lowered(dense(2, 4, 3, "order [n, m] tile {n = 4}, order [m]"), [], np.zeros(1))
