// RUN: tenon-opt %s -p 'attach-target{name=x86-64-v3},tensorize-match' --split-input-file --verify-diagnostics | filecheck %s
// RUN: tenon-opt %s -p 'attach-target{name=x86-64-v3},tensorize-match{explain=true}' --split-input-file --verify-diagnostics | filecheck %s --check-prefix=EXPLAIN

// What is looked up is one element in all lanes.
// CHECK-LABEL: tensorized.kernel @taken
// CHECK-SAME: lanes {o = 8}
// CHECK: tensorized.contract @fma_8xf32 loops (p: parallel 20, o: parallel 16, k: reduction 6) ins(%{{.*}} at (p, k)
// CHECK-SAME: bind {i = o}
// EXPLAIN: reads = {a = "broadcast"
tensorized.kernel @taken(%t: tensor<6xi64> constant within [0, 8], %x: tensor<20x9xf32>, %w: tensor<6x16xf32> constant, %b: tensor<16xf32>) -> tensor<20x16xf32> {
  %e = tensorized.empty : tensor<20x16xf32>
  %s = tensorized.generic loops (p: parallel 20, o: parallel 16) ins(%b at (o) : tensor<16xf32>) init(%e at (p, o) : tensor<20x16xf32>) {
  ^bb0(%0: f32, %1: f32):
    tensorized.yield %0 : f32
  } -> tensor<20x16xf32>
  %f = tensorized.empty : tensor<20x6xf32>
  %i = tensorized.iota : tensor<20xi64>
  %g = tensorized.generic loops (p: parallel 20, k: parallel 6) ins(%t at (k) : tensor<6xi64>, %i at (p) : tensor<20xi64>) init(%f at (p, k) : tensor<20x6xf32>) {
  ^bb0(%0: i64, %1: i64, %2: f32):
    %3 = tensorized.lookup %x[%1, %0] as [20, 9] : tensor<20x9xf32>
    tensorized.yield %3 : f32
  } -> tensor<20x6xf32>
  %c = tensorized.generic loops (p: parallel 20, o: parallel 16, k: reduction 6) ins(%g at (p, k) : tensor<20x6xf32>, %w at (k, o) : tensor<6x16xf32>) init(%s at (p, o) : tensor<20x16xf32>) {
  ^bb0(%0: f32, %1: f32, %2: f32):
    %3 = arith.mulf %0, %1 : f32
    %4 = arith.addf %2, %3 : f32
    tensorized.yield %4 : f32
  } -> tensor<20x16xf32>
  %d = tensorized.empty : tensor<20x16xf32>
  %y = tensorized.generic loops (p: parallel 20, o: parallel 16) ins(%c at (p, o) : tensor<20x16xf32>) init(%d at (p, o) : tensor<20x16xf32>) {
  ^bb0(%0: f32, %1: f32):
    tensorized.yield %0 : f32
  } -> tensor<20x16xf32>
  tensorized.yield %y : tensor<20x16xf32>
}

// -----

// Lanes cannot run along it, not even where they are asked for.
// CHECK: tensorize-match: @asked: no instruction has the lanes it is given, {'p': 8}
tensorized.kernel @asked(%t: tensor<6xi64> constant within [0, 8], %x: tensor<20x9xf32>, %w: tensor<6x16xf32> constant) -> tensor<20x16xf32> lanes {p = 8} {
  %e = tensorized.empty fill 0.0 : tensor<20x16xf32>
  %f = tensorized.empty : tensor<20x6xf32>
  %i = tensorized.iota : tensor<20xi64>
  %g = tensorized.generic loops (p: parallel 20, k: parallel 6) ins(%t at (k) : tensor<6xi64>, %i at (p) : tensor<20xi64>) init(%f at (p, k) : tensor<20x6xf32>) {
  ^bb0(%0: i64, %1: i64, %2: f32):
    %3 = tensorized.lookup %x[%1, %0] as [20, 9] : tensor<20x9xf32>
    tensorized.yield %3 : f32
  } -> tensor<20x6xf32>
  %c = tensorized.generic loops (p: parallel 20, o: parallel 16, k: reduction 6) ins(%g at (p, k) : tensor<20x6xf32>, %w at (k, o) : tensor<6x16xf32>) init(%e at (p, o) : tensor<20x16xf32>) {
  ^bb0(%0: f32, %1: f32, %2: f32):
    %3 = arith.mulf %0, %1 : f32
    %4 = arith.addf %2, %3 : f32
    tensorized.yield %4 : f32
  } -> tensor<20x16xf32>
  tensorized.yield %c : tensor<20x16xf32>
}
