"""Loops over slices, compiled: what is carried, sliced, stacked, captured, in any order and nesting."""

import numpy as np
import pytest
from xdsl.parser import Parser

from tenonc.compiler import Model, compile, run_reference
from tenonc.compiler.pipeline import context
from tenonc.dialects.nn import WeightStore

RNG = np.random.default_rng(21)

CUMULATIVE = """
func.func @main(%xs : tensor<5x3xf32>, %h0 : tensor<3xf32>) -> (tensor<3xf32>, tensor<5x3xf32>) {
  %h, %all = nn.scan @step(%h0, %xs) carried 1 sliced 1 steps 5 reversed REVERSED
    : (tensor<3xf32>, tensor<5x3xf32>) -> (tensor<3xf32>, tensor<5x3xf32>)
  func.return %h, %all : tensor<3xf32>, tensor<5x3xf32>
}
func.func private @step(%h: tensor<3xf32>, %x: tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>) {
  %n = nn.elementwise add(%h, %x) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  func.return %n, %n : tensor<3xf32>, tensor<3xf32>
}
"""

# The first carried value is handed on, two are exchanged; a slice and a captured value are returned as they
# come; the index is a compile-time operand; the loop's results feed a second loop over the same function.
MOVES = """
func.func @main(%a : tensor<2x3xf32>, %b : tensor<2x3xf32>, %xs : tensor<4x2x3xf32>, %k : tensor<3xf32>)
    -> (tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<4x2x3xf32>, tensor<4x3xf32>,
        tensor<4xi64>) {
  %i = nn.constant dense<[0, 1, 2, 3]> : tensor<4xi64>
  %y = nn.elementwise neg(%xs) : (tensor<4x2x3xf32>) -> tensor<4x2x3xf32>
  %0:6 = nn.scan @step(%a, %b, %a, %y, %i, %k) carried 3 sliced 2 steps 4 reversed [0]
    : (tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<4x2x3xf32>, tensor<4xi64>, tensor<3xf32>)
    -> (tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<4x2x3xf32>, tensor<4x3xf32>, tensor<4xi64>)
  %1:6 = nn.scan @step(%0#0, %0#2, %0#1, %0#3, %i, %k) carried 3 sliced 2 steps 4 reversed []
    : (tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<4x2x3xf32>, tensor<4xi64>, tensor<3xf32>)
    -> (tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<4x2x3xf32>, tensor<4x3xf32>, tensor<4xi64>)
  func.return %1#0, %1#1, %1#2, %1#3, %1#4, %0#5
    : tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<4x2x3xf32>, tensor<4x3xf32>, tensor<4xi64>
}
func.func private @step(%same: tensor<2x3xf32>, %p: tensor<2x3xf32>, %q: tensor<2x3xf32>, %x: tensor<2x3xf32>,
    %i: tensor<i64>, %k: tensor<3xf32>)
    -> (tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<3xf32>, tensor<i64>) {
  %t = nn.transpose(%x) perm [1, 0] : (tensor<2x3xf32>) -> tensor<3x2xf32>
  %u = nn.reshape(%t) : (tensor<3x2xf32>) -> tensor<2x3xf32>
  %s = nn.elementwise sub(%p, %u) : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %f = nn.cast(%i) : (tensor<i64>) -> tensor<f32>
  %m = nn.elementwise mul(%k, %f) : (tensor<3xf32>, tensor<f32>) -> tensor<3xf32>
  %r = nn.elementwise add(%s, %m) : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  func.return %same, %q, %r, %x, %m, %i
    : tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<3xf32>, tensor<i64>
}
"""

# A sum over columns inside a sum over rows; both read weights that are known at compile time.
NESTED = """
func.func @main(%xs : tensor<3x4x2xf32>, %z : tensor<2xf32>) -> (tensor<2xf32>, tensor<3x4x2xf32>) {
  %w = nn.constant dense<[[1.0, 2.0], [3.0, -4.0]]> : tensor<2x2xf32>
  %h, %all = nn.scan @outer(%z, %xs, %w) carried 1 sliced 1 steps 3 reversed []
    : (tensor<2xf32>, tensor<3x4x2xf32>, tensor<2x2xf32>) -> (tensor<2xf32>, tensor<3x4x2xf32>)
  func.return %h, %all : tensor<2xf32>, tensor<3x4x2xf32>
}
func.func private @outer(%h : tensor<2xf32>, %rows : tensor<4x2xf32>, %w : tensor<2x2xf32>)
    -> (tensor<2xf32>, tensor<4x2xf32>) {
  %t, %all = nn.scan @inner(%h, %rows, %w) carried 1 sliced 1 steps 4 reversed [0, 1]
    : (tensor<2xf32>, tensor<4x2xf32>, tensor<2x2xf32>) -> (tensor<2xf32>, tensor<4x2xf32>)
  %u = nn.elementwise tanh(%t) : (tensor<2xf32>) -> tensor<2xf32>
  func.return %u, %all : tensor<2xf32>, tensor<4x2xf32>
}
func.func private @inner(%h : tensor<2xf32>, %x : tensor<2xf32>, %w : tensor<2x2xf32>)
    -> (tensor<2xf32>, tensor<2xf32>) {
  %r = nn.reshape(%x) : (tensor<2xf32>) -> tensor<1x2xf32>
  %m = nn.matmul(%r, %w) : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  %v = nn.reshape(%m) : (tensor<1x2xf32>) -> tensor<2xf32>
  %n = nn.elementwise add(%h, %v) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  func.return %n, %v : tensor<2xf32>, tensor<2xf32>
}
"""


def run_both(text: str) -> tuple[list[np.ndarray], list[np.ndarray], dict[str, np.ndarray]]:
    """Native results, interpreted ones, and the inputs."""
    module = Parser(context(), text).parse_module()
    module.verify()
    model = Model(module, WeightStore())
    arrays = {p.name: RNG.standard_normal(p.shape).astype(p.dtype) for p in model.inputs}
    expected = run_reference(model, arrays)
    names = [port.name for port in model.outputs]
    return list(compile(model)(arrays)), [expected[name] for name in names], arrays


@pytest.mark.parametrize("flags", ["[]", "[0]", "[1]", "[0, 1]"])
def test_a_cumulative_sum_in_any_direction(flags):
    found, expected, arrays = run_both(CUMULATIVE.replace("REVERSED", flags))
    xs, h0 = arrays.values()
    xs = xs[::-1] if "0" in flags else xs
    sums = h0 + np.cumsum(xs, axis=0)
    wanted = [sums[-1], sums[::-1] if "1" in flags else sums]
    for got, reference, want in zip(found, expected, wanted, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(reference, want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("text", [MOVES, NESTED], ids=["moves", "nested"])
def test_like_the_reference(assert_close, text):
    found, expected, _ = run_both(text)
    assert_close(found, expected)


def test_nested_by_hand():
    (h, every), _, arrays = run_both(NESTED)
    xs, state = arrays.values()
    w = np.array([[1, 2], [3, -4]], np.float64)
    for row in xs:
        state = np.tanh(state + (row[::-1] @ w).sum(axis=0))
    np.testing.assert_allclose(h, state, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(every, xs @ w, rtol=1e-5, atol=1e-5)
