// RUN: tenon-opt %s -p lower-kernels --split-input-file --verify-diagnostics | filecheck %s

// Each step loads one position, and what stands there of all rows.
// CHECK-LABEL: tensorized.kernel @looked_up
// CHECK: scf.for %k = %{{.*}} to %{{.*}} step
// CHECK: %[[t:.*]] = tensorized.load %{{.*}}[%k] at (d0, v0, v1, l) -> (d0 * 2) : memref<6xi64>, vector<4x2x1xi64>
// CHECK: %[[g:.*]] = tensorized.gather %{{.*}}[%{{.*}}] by (%[[t]] * 1) at (d0, v0, v1, l) -> (d0 * 36 + v0 * 9) : memref<20x9xf32>, (vector<4x2x1xi64>) -> vector<4x2x8xf32>
// CHECK: %[[w:.*]] = tensorized.load
// CHECK: tensorized.apply @fma_8xf32(%[[g]], %[[w]],
// CHECK: tensorized.load %{{.*}}[%k] at (d0, v0, v1, l) -> (d0 * 2 + 1) : memref<6xi64>
tensorized.instruction @fma_8xf32 intrinsic "llvm.fma.v8f32" feature "fma" mnemonic "vfmadd" latency 4 per_cycle 2
  loops (i: parallel 8) (%a: vector<8xf32> at (i), %b: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
  %p = arith.mulf %a, %b : f32
  %s = arith.addf %acc, %p : f32
  tensorized.yield %s : f32
}
tensorized.kernel @looked_up(%t: tensor<6xi64> constant within [0, 8], %x: tensor<20x9xf32>, %w: tensor<1x6x16xf32> constant) -> tensor<20x16xf32>
  lanes {o = 8} schedule [order [o, p] tile {o = 16, p = 4}, order [k] tile {k = 2}] {
  %e = tensorized.empty fill 0.0 : tensor<20x16xf32>
  %f = tensorized.empty : tensor<20x6xf32>
  %i = tensorized.iota : tensor<20xi64>
  %g = tensorized.generic loops (p: parallel 20, k: parallel 6) ins(%t at (k) : tensor<6xi64>, %i at (p) : tensor<20xi64>) init(%f at (p, k) : tensor<20x6xf32>) {
  ^bb0(%0: i64, %1: i64, %2: f32):
    %3 = tensorized.lookup %x[%1, %0] as [20, 9] : tensor<20x9xf32>
    tensorized.yield %3 : f32
  } -> tensor<20x6xf32>
  %c = tensorized.contract @fma_8xf32 loops (p: parallel 20, o: parallel 16, k: reduction 6)
    ins(%g at (p, k) : tensor<20x6xf32>, %w at (o floordiv 16, k, o mod 16) : tensor<1x6x16xf32>) init(%e at (p, o) : tensor<20x16xf32>) bind {i = o} -> tensor<20x16xf32>
  %d = tensorized.empty : tensor<20x16xf32>
  %y = tensorized.generic loops (p: parallel 20, o: parallel 16) ins(%c at (p, o) : tensor<20x16xf32>) init(%d at (p, o) : tensor<20x16xf32>) {
  ^bb0(%0: f32, %1: f32):
    tensorized.yield %0 : f32
  } -> tensor<20x16xf32>
  tensorized.yield %y : tensor<20x16xf32>
}

// -----

// CHECK: lower-kernels: a contraction reads a value of its kernel that is not looked up
tensorized.instruction @fma_8xf32 intrinsic "llvm.fma.v8f32" feature "fma" mnemonic "vfmadd" latency 4 per_cycle 2
  loops (i: parallel 8) (%a: vector<8xf32> at (i), %b: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
  %p = arith.mulf %a, %b : f32
  %s = arith.addf %acc, %p : f32
  tensorized.yield %s : f32
}
tensorized.kernel @computed(%x: tensor<20x9xf32>, %w: tensor<1x6x16xf32> constant) -> tensor<20x16xf32>
  lanes {o = 8} schedule [order [o, p] tile {o = 16, p = 4}, order [k] tile {k = 2}] {
  %e = tensorized.empty fill 0.0 : tensor<20x16xf32>
  %f = tensorized.empty : tensor<20x6xf32>
  %g = tensorized.generic loops (p: parallel 20, k: parallel 6) ins(%x at (p, k) : tensor<20x9xf32>) init(%f at (p, k) : tensor<20x6xf32>) {
  ^bb0(%0: f32, %1: f32):
    %2 = arith.negf %0 : f32
    tensorized.yield %2 : f32
  } -> tensor<20x6xf32>
  %c = tensorized.contract @fma_8xf32 loops (p: parallel 20, o: parallel 16, k: reduction 6)
    ins(%g at (p, k) : tensor<20x6xf32>, %w at (o floordiv 16, k, o mod 16) : tensor<1x6x16xf32>) init(%e at (p, o) : tensor<20x16xf32>) bind {i = o} -> tensor<20x16xf32>
  %d = tensorized.empty : tensor<20x16xf32>
  %y = tensorized.generic loops (p: parallel 20, o: parallel 16) ins(%c at (p, o) : tensor<20x16xf32>) init(%d at (p, o) : tensor<20x16xf32>) {
  ^bb0(%0: f32, %1: f32):
    tensorized.yield %0 : f32
  } -> tensor<20x16xf32>
  tensorized.yield %y : tensor<20x16xf32>
}
