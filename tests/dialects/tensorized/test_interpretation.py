"""Nests, packing, kernels and calls against numpy, on random shapes and maps."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from xdsl.utils.exceptions import InterpretationError

from tenonc.dialects.reference import ReferenceInterpreter

Machine = Callable[[str], ReferenceInterpreter]

FMA = """
tensorized.instruction @fma loops (i: parallel 4)
  (inout %acc: vector<4xf32> at (i), %a: vector<4xf32> at (i), %b: vector<4xf32> at (i)) {
  %p = arith.mulf %a, %b : f32
  %s = arith.addf %acc, %p : f32
  tensorized.yield %s : f32
}
"""

small = st.integers(1, 9)


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).standard_normal(shape, dtype=np.float32)


@given(small, small, small, st.integers(1, 4))
def test_contract_over_packed_weights(machine: Machine, p: int, o: int, k: int, panel: int):
    blocks = -(-o // panel)
    packed = f"tensor<{blocks}x{k}x{panel}xf32>"
    place = f"(o floordiv {panel}, k, o mod {panel})"
    run = machine(f"""{FMA}
    func.func @f(%x: tensor<{p}x{k}xf32>, %w: tensor<{o}x{k}xf32>, %b: tensor<{o}xf32>)
      -> tensor<{p}x{o}xf32> {{
      %q = tensorized.pack %w loops (o: parallel {o}, k: parallel {k}) from (o, k) to {place}
        : tensor<{o}x{k}xf32> to {packed}
      %e = tensorized.empty : tensor<{p}x{o}xf32>
      %i = tensorized.generic loops (p: parallel {p}, o: parallel {o}) ins(%b at (o) : tensor<{o}xf32>)
        init(%e at (p, o) : tensor<{p}x{o}xf32>) {{
      ^bb0(%v: f32, %old: f32):
        tensorized.yield %v : f32
      }} -> tensor<{p}x{o}xf32>
      %y = tensorized.contract @fma loops (p: parallel {p}, o: parallel {o}, k: reduction {k})
        ins(%x at (p, k) : tensor<{p}x{k}xf32>, %q at {place} : {packed})
        init(%i at (p, o) : tensor<{p}x{o}xf32>) bind {{i = o}} -> tensor<{p}x{o}xf32>
      func.return %y : tensor<{p}x{o}xf32>
    }}""")
    x, w, b = normal(p, k), normal(o, k), normal(o)
    (y,) = run.call_op("f", (x, w, b))
    np.testing.assert_allclose(y, x @ w.T + b, rtol=1e-5, atol=1e-5)


@given(small, small, st.integers(1, 5))
def test_pack_places_every_element_and_zeros_the_rest(machine: Machine, rows: int, columns: int, panel: int):
    blocks = -(-rows // panel)
    run = machine(f"""
    func.func @f(%w: tensor<{rows}x{columns}xi8>) -> tensor<{blocks}x{columns}x{panel}xi8> {{
      %p = tensorized.pack %w loops (o: parallel {rows}, k: parallel {columns})
        from (o, k) to (o floordiv {panel}, k, o mod {panel})
        : tensor<{rows}x{columns}xi8> to tensor<{blocks}x{columns}x{panel}xi8>
      func.return %p : tensor<{blocks}x{columns}x{panel}xi8>
    }}""")
    w = np.arange(1, rows * columns + 1, dtype=np.int8).reshape(rows, columns)
    (packed,) = run.call_op("f", (w,))
    padded = np.zeros((blocks * panel, columns), np.int8)
    padded[:rows] = w
    np.testing.assert_array_equal(packed, padded.reshape(blocks, panel, columns).transpose(0, 2, 1))


HALO = """
tensorized.kernel @halo(%x: tensor<3x4xf32>) -> tensor<5x6xf32> {
  %e = tensorized.empty FILL : tensor<5x6xf32>
  %y = tensorized.generic loops (i: parallel 3, j: parallel 4) ins(%x at (i, j) : tensor<3x4xf32>)
    init(%e at (i + 1, j + 1) : tensor<5x6xf32>) {
  ^bb0(%v: f32, %old: f32):
    %s = arith.addf %v, %v : f32
    tensorized.yield %s : f32
  } -> tensor<5x6xf32>
  tensorized.yield %y : tensor<5x6xf32>
}
func.func @tensors(%x: tensor<12xf32>) -> tensor<5x2x3xf32> {
  %y = tensorized.call @halo(%x) : (tensor<12xf32>) -> tensor<5x2x3xf32>
  func.return %y : tensor<5x2x3xf32>
}
func.func @buffers(%x: memref<12xf32>, %y: memref<30xf32>) {
  tensorized.call @halo(%x, %y) : (memref<12xf32>, memref<30xf32>) -> ()
  func.return
}
"""


@pytest.mark.parametrize(("fill", "around"), [("fill 7.0", 7.0), ("", np.nan), ("fill -inf", -np.inf)])
def test_unwritten_elements_hold_the_fill_or_poison(machine: Machine, fill: str, around: float):
    (y,) = machine(HALO.replace("FILL", fill)).call_op("tensors", (np.arange(12, dtype=np.float32),))
    expected = np.full((5, 6), around, np.float32)
    expected[1:4, 1:5] = 2 * np.arange(12).reshape(3, 4)
    np.testing.assert_array_equal(y, expected.reshape(5, 2, 3))


def test_a_call_in_destination_form_writes_its_last_operand(machine: Machine):
    x, y = np.arange(12, dtype=np.float32), np.full(30, -1, np.float32)
    assert machine(HALO.replace("FILL", "fill 0.0")).call_op("buffers", (x, y)) == ()
    np.testing.assert_array_equal(y.reshape(5, 6)[1:4, 1:5], 2 * x.reshape(3, 4))
    assert y[0] == 0
    np.testing.assert_array_equal(x, np.arange(12))


def test_elements_of_the_init_that_no_iteration_writes_are_kept_and_the_init_is_not_changed(machine: Machine):
    module = machine("""
    func.func @f(%x: tensor<2xi32>, %old: tensor<6xi32>) -> tensor<6xi32> {
      %y = tensorized.generic loops (i: parallel 2) ins(%x at (i) : tensor<2xi32>)
        init(%old at (i * 3 + 1) : tensor<6xi32>) {
      ^bb0(%v: i32, %o: i32):
        %s = arith.addi %v, %o : i32
        tensorized.yield %s : i32
      } -> tensor<6xi32>
      func.return %y : tensor<6xi32>
    }""")
    old = np.arange(6, dtype=np.int32)
    (y,) = module.call_op("f", (np.array([10, 20], np.int32), old))
    np.testing.assert_array_equal(y, [0, 11, 2, 3, 24, 5])
    np.testing.assert_array_equal(old, np.arange(6))


VIEWS = """
func.func @f(%bytes: memref<64xi8>, %x: memref<2x3xf32>) {
  %c0 = arith.constant 0 : index
  %c32 = arith.constant OFFSET : index
  %a = memref.view %bytes[%c0][] : memref<64xi8> to memref<2x3xf32>
  %b = memref.view %bytes[%c32][] : memref<64xi8> to memref<3x2xi32>
  %w = nn.constant dense<[[1, 2], [3, 4], [5, 6]]> : tensor<3x2xi32>
  "memref.copy"(%x, %a) : (memref<2x3xf32>, memref<2x3xf32>) -> ()
  bufferization.materialize_in_destination %w in writable %b : (tensor<3x2xi32>, memref<3x2xi32>) -> ()
  func.return
}
"""


def test_views_copies_and_materialization_write_into_the_bytes(machine: Machine):
    memory, x = np.full(64, -1, np.int8), normal(2, 3)
    machine(VIEWS.replace("OFFSET", "32")).call_op("f", (memory, x))
    assert memory[:24].tobytes() == x.tobytes()
    assert memory[32:56].tobytes() == np.arange(1, 7, dtype=np.int32).tobytes()
    assert (memory[24:32] == -1).all() and (memory[56:] == -1).all()


def test_a_view_beyond_its_buffer_is_refused(machine: Machine):
    with pytest.raises(InterpretationError, match="view of bytes 44..68 leaves a buffer of 64"):
        machine(VIEWS.replace("OFFSET", "44")).call_op("f", (np.zeros(64, np.int8), normal(2, 3)))
