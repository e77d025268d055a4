// RUN: tenon-opt %s -p lower-kernels --split-input-file --verify-diagnostics | filecheck %s

// Three panels of 16 columns, 7 steps each: 7 cache lines. The 14 rows pass over a panel in tiles of 5, 5 and 4;
// each step asks for its share of the next panel, which starts 112 elements on.

tensorized.instruction @fma intrinsic "llvm.fma.v8f32" feature "fma" latency 4 per_cycle 2 loops (i: parallel 8)
  (%a: vector<8xf32> at (i), %b: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
  %p = arith.mulf %a, %b : f32
  %s = arith.addf %p, %acc : f32
  tensorized.yield %s : f32
}
// CHECK:      scf.for %n = %c0 to %c3
// CHECK:      scf.for %m = %c0 to %c2
// CHECK:        scf.for %k = %c0 to %c7
// CHECK:          tensorized.prefetch %w[%n, %m, %k] at (d0, d1, d2)
// CHECK-SAME:       floordiv 65536 * 16
// CHECK-SAME:       + 112) lines 1 : memref<3x7x16xf32>
// CHECK:          tensorized.apply @fma
tensorized.kernel @dense(%x: tensor<14x7xf32>, %w: tensor<3x7x16xf32> constant) -> tensor<14x48xf32> lanes {n = 8} schedule [order [n, m] tile {n = 16, m = 6} prefetch [1], order [k]] {
  %e = tensorized.empty fill 0.0 : tensor<14x48xf32>
  %c = tensorized.contract @fma loops (m: parallel 14, n: parallel 48, k: reduction 7) ins(%x at (m, k) : tensor<14x7xf32>, %w at (n floordiv 16, k, n mod 16) : tensor<3x7x16xf32>) init(%e at (m, n) : tensor<14x48xf32>) bind {i = n} -> tensor<14x48xf32>
  %f = tensorized.empty : tensor<14x48xf32>
  %y = tensorized.generic loops (m: parallel 14, n: parallel 48) ins(%c at (m, n) : tensor<14x48xf32>) init(%f at (m, n) : tensor<14x48xf32>) {
  ^bb0(%v: f32, %u: f32):
    tensorized.yield %v : f32
  } -> tensor<14x48xf32>
  tensorized.yield %y : tensor<14x48xf32>
}

// -----

tensorized.instruction @fma intrinsic "llvm.fma.v8f32" feature "fma" latency 4 per_cycle 2 loops (i: parallel 8)
  (%a: vector<8xf32> at (i), %b: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
  %p = arith.mulf %a, %b : f32
  %s = arith.addf %p, %acc : f32
  tensorized.yield %s : f32
}
// CHECK: lower-kernels: @dense: prefetch [2]: the contraction has 2 operands
tensorized.kernel @dense(%x: tensor<14x7xf32>, %w: tensor<1x7x16xf32> constant) -> tensor<14x16xf32> lanes {n = 8} schedule [order [n, m] tile {n = 16, m = 6} prefetch [2], order [k]] {
  %e = tensorized.empty fill 0.0 : tensor<14x16xf32>
  %c = tensorized.contract @fma loops (m: parallel 14, n: parallel 16, k: reduction 7) ins(%x at (m, k) : tensor<14x7xf32>, %w at (n floordiv 16, k, n mod 16) : tensor<1x7x16xf32>) init(%e at (m, n) : tensor<14x16xf32>) bind {i = n} -> tensor<14x16xf32>
  %f = tensorized.empty : tensor<14x16xf32>
  %y = tensorized.generic loops (m: parallel 14, n: parallel 16) ins(%c at (m, n) : tensor<14x16xf32>) init(%f at (m, n) : tensor<14x16xf32>) {
  ^bb0(%v: f32, %u: f32):
    tensorized.yield %v : f32
  } -> tensor<14x16xf32>
  tensorized.yield %y : tensor<14x16xf32>
}
