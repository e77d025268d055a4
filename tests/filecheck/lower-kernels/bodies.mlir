// RUN: tenon-opt %s -p lower-kernels | filecheck %s

// Seven steps in bodies of three: a loop of two bodies, and the step that is left behind it. One prefetch asks for
// what all steps of a body need.

tensorized.instruction @fma intrinsic "llvm.fma.v8f32" feature "fma" latency 4 per_cycle 2 loops (i: parallel 8)
  (%a: vector<8xf32> at (i), %b: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
  %p = arith.mulf %a, %b : f32
  %s = arith.addf %acc, %p : f32
  tensorized.yield %s : f32
}
// CHECK:      scf.for %k = %c0 to %c2 step %c1 iter_args(%[[ACC:.*]] = %{{.*}}) -> (vector<6x1x8xf32>)
// CHECK-NEXT:   tensorized.prefetch
// CHECK-NEXT:   tensorized.load %x[%m, %k] at (d0, d1, v0, v1, l) -> (d0 * 6 + v0, d1 * 3) :
// CHECK-NEXT:   tensorized.load %w[%n, %k] at (d0, d1, v0, v1, l) -> (d0, d1 * 3, l) :
// CHECK-NEXT:   %[[ONE:.*]] = tensorized.apply @fma(%{{.*}}, %{{.*}}, %[[ACC]])
// CHECK-NEXT:   tensorized.load %x[%m, %k] at (d0, d1, v0, v1, l) -> (d0 * 6 + v0, d1 * 3 + 1) :
// CHECK-NEXT:   tensorized.load %w[%n, %k] at (d0, d1, v0, v1, l) -> (d0, d1 * 3 + 1, l) :
// CHECK-NEXT:   %[[TWO:.*]] = tensorized.apply @fma(%{{.*}}, %{{.*}}, %[[ONE]])
// CHECK:        %[[THREE:.*]] = tensorized.apply @fma(%{{.*}}, %{{.*}}, %[[TWO]])
// CHECK-NEXT:   scf.yield %[[THREE]]
// CHECK-NEXT: }
// CHECK-NEXT: tensorized.prefetch
// CHECK-NEXT: tensorized.load %x[%m] at (d0, v0, v1, l) -> (d0 * 6 + v0, 6) :
// CHECK:      tensorized.apply @fma
// CHECK-NEXT: tensorized.store
tensorized.kernel @dense(%x: tensor<12x7xf32>, %w: tensor<2x7x8xf32> constant) -> tensor<12x16xf32> lanes {n = 8} schedule [order [n, m] tile {n = 8, m = 6} prefetch [1], order [k] tile {k = 3}] {
  %e = tensorized.empty fill 0.0 : tensor<12x16xf32>
  %c = tensorized.contract @fma loops (m: parallel 12, n: parallel 16, k: reduction 7) ins(%x at (m, k) : tensor<12x7xf32>, %w at (n floordiv 8, k, n mod 8) : tensor<2x7x8xf32>) init(%e at (m, n) : tensor<12x16xf32>) bind {i = n} -> tensor<12x16xf32>
  %f = tensorized.empty : tensor<12x16xf32>
  %y = tensorized.generic loops (m: parallel 12, n: parallel 16) ins(%c at (m, n) : tensor<12x16xf32>) init(%f at (m, n) : tensor<12x16xf32>) {
  ^bb0(%v: f32, %u: f32):
    tensorized.yield %v : f32
  } -> tensor<12x16xf32>
  tensorized.yield %y : tensor<12x16xf32>
}
