// RUN: tenon-opt %s -p lower-kernels --split-input-file --verify-diagnostics | filecheck %s

// Columns in panels of two registers, rows in balanced tiles (5, 5, 4), the ragged last register stored
// with a mask; the packed weights are read whole.

tensorized.instruction @fma intrinsic "llvm.fma.v8f32" feature "fma" latency 4 per_cycle 2 loops (i: parallel 8)
  (%a: vector<8xf32> at (i), %b: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
  %p = arith.mulf %a, %b : f32
  %s = arith.addf %acc, %p : f32
  tensorized.yield %s : f32
}
// CHECK:      tensorized.kernel @dense(%x: memref<14x7xf32>, %w: memref<1x7x16xf32>, %0: memref<14x12xf32>) lanes {n = 8} schedule [order [n, m] tile {n = 16, m = 6}, order [k]] {
// CHECK:      scf.for %m = %c0 to %c2 step %c1 {
// CHECK:        scf.for %k = %c0 to %c7 step %c1 iter_args(%[[ACC:.*]] = %{{.*}}) -> (vector<5x2x8xf32>)
// CHECK:          tensorized.load %x[%m, %k] at (d0, d1, v0, v1, l) -> (d0 * 5 + v0, d1) : memref<14x7xf32>, vector<5x2x8xf32>
// CHECK:          tensorized.load %w[%k] at (d0, v0, v1, l) -> (0, d0, v1 * 8 + l) : memref<1x7x16xf32>, vector<5x2x8xf32>
// CHECK:          tensorized.apply @fma
// CHECK:        tensorized.store %{{.*}}, %0[%m] at (d0, v0, v1, l) -> (d0 * 5 + v0, v1 * 8 + l) valid 12 : vector<5x2x8xf32>, memref<14x12xf32>
// CHECK:      vector<4x2x8xf32>
tensorized.kernel @dense(%x: tensor<14x7xf32>, %w: tensor<1x7x16xf32> constant) -> tensor<14x12xf32> lanes {n = 8} schedule [order [n, m] tile {n = 16, m = 6}, order [k]] {
  %e = tensorized.empty fill 0.0 : tensor<14x12xf32>
  %c = tensorized.contract @fma loops (m: parallel 14, n: parallel 12, k: reduction 7) ins(%x at (m, k) : tensor<14x7xf32>, %w at (n floordiv 16, k, n mod 16) : tensor<1x7x16xf32>) init(%e at (m, n) : tensor<14x12xf32>) bind {i = n} -> tensor<14x12xf32>
  %f = tensorized.empty : tensor<14x12xf32>
  %y = tensorized.generic loops (m: parallel 14, n: parallel 12) ins(%c at (m, n) : tensor<14x12xf32>) init(%f at (m, n) : tensor<14x12xf32>) {
  ^bb0(%v: f32, %u: f32):
    tensorized.yield %v : f32
  } -> tensor<14x12xf32>
  tensorized.yield %y : tensor<14x12xf32>
}

// -----

// The halo of the output is filled around what the nest writes.

// CHECK:      tensorized.kernel @halo(%x: memref<4x8xf32>, %0: memref<6x8xf32>) lanes {q = 8} schedule [order [p, q] tile {q = 8}] {
// CHECK:        arith.constant 1.000000e+00 : f32
// CHECK:        tensorized.store %{{.*}}, %0[%{{.*}}] at (d0, l) -> (0, d0 * 8 + l)
// CHECK:        tensorized.store %{{.*}}, %0[%{{.*}}] at (d0, l) -> (5, d0 * 8 + l)
// CHECK:        scf.for %p
tensorized.kernel @halo(%x: tensor<4x8xf32>) -> tensor<6x8xf32> lanes {q = 8} schedule [order [p, q] tile {q = 8}] {
  %e = tensorized.empty fill 1.0 : tensor<6x8xf32>
  %y = tensorized.generic loops (p: parallel 4, q: parallel 8) ins(%x at (p, q) : tensor<4x8xf32>) init(%e at (p + 1, q) : tensor<6x8xf32>) {
  ^bb0(%v: f32, %u: f32):
    tensorized.yield %v : f32
  } -> tensor<6x8xf32>
  tensorized.yield %y : tensor<6x8xf32>
}

// -----

// CHECK: lower-kernels: @unscheduled: has no schedule
tensorized.kernel @unscheduled(%x: tensor<8xf32>) -> tensor<8xf32> {
  %e = tensorized.empty : tensor<8xf32>
  %y = tensorized.generic loops (q: parallel 8) ins(%x at (q) : tensor<8xf32>) init(%e at (q) : tensor<8xf32>) {
  ^bb0(%v: f32, %u: f32):
    tensorized.yield %v : f32
  } -> tensor<8xf32>
  tensorized.yield %y : tensor<8xf32>
}

// -----

// The reduction comes before what the epilogue reads, whatever the order of the epilogue's operands.

tensorized.instruction @fma intrinsic "llvm.fma.v8f32" feature "fma" latency 4 per_cycle 2 loops (i: parallel 8)
  (%a: vector<8xf32> at (i), %b: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
  %p = arith.mulf %a, %b : f32
  %s = arith.addf %acc, %p : f32
  tensorized.yield %s : f32
}
// CHECK:      tensorized.kernel @residual(%x: memref<4x7xf32>, %w: memref<1x7x8xf32>, %r: memref<4x8xf32>,
// CHECK-NOT:  tensorized.load %r
// CHECK:      tensorized.apply @fma
// CHECK:      tensorized.load %r
tensorized.kernel @residual(%x: tensor<4x7xf32>, %w: tensor<1x7x8xf32> constant, %r: tensor<4x8xf32>) -> tensor<4x8xf32> lanes {n = 8} schedule [order [n, m] tile {n = 8, m = 4}, order [k]] {
  %e = tensorized.empty fill 0.0 : tensor<4x8xf32>
  %c = tensorized.contract @fma loops (m: parallel 4, n: parallel 8, k: reduction 7) ins(%x at (m, k) : tensor<4x7xf32>, %w at (n floordiv 8, k, n mod 8) : tensor<1x7x8xf32>) init(%e at (m, n) : tensor<4x8xf32>) bind {i = n} -> tensor<4x8xf32>
  %f = tensorized.empty : tensor<4x8xf32>
  %y = tensorized.generic loops (m: parallel 4, n: parallel 8) ins(%r at (m, n) : tensor<4x8xf32>, %c at (m, n) : tensor<4x8xf32>) init(%f at (m, n) : tensor<4x8xf32>) {
  ^bb0(%v: f32, %u: f32, %o: f32):
    %s = arith.addf %v, %u : f32
    tensorized.yield %s : f32
  } -> tensor<4x8xf32>
  tensorized.yield %y : tensor<4x8xf32>
}
