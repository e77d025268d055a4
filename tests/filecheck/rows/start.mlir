// RUN: tenon-opt %s -p plan-memory,materialize-weights,lower-kernels --check-semantics | filecheck %s

// A reduction that starts from what fills an empty tensor: no nest has to say so.

// CHECK:      tensorized.kernel @sums(%x: memref<20x30xf32>, %0: memref<20xf32>) lanes {n = 8} schedule [order [m], order [n] tile {n = 8}] {
// CHECK:        arith.constant 2.500000e+00 : f32
// CHECK:        tensorized.combine
module attributes {tenon.target = {vector_registers = 16 : i64, vector_bytes = 32 : i64, loads_per_cycle = 2 : i64, l1_bytes = 2048 : i64, l2_bytes = 8192 : i64}} {
tensorized.kernel @sums(%x: tensor<20x30xf32>) -> tensor<20xf32> lanes {n = 8} schedule [order [m], order [n] tile {n = 8}] {
  %e = tensorized.empty fill 2.5 : tensor<20xf32>
  %s = tensorized.generic loops (m: parallel 20, n: reduction 30) ins(%x at (m, n) : tensor<20x30xf32>) init(%e at (m) : tensor<20xf32>) {
  ^bb0(%v: f32, %acc: f32):
    %d = arith.addf %v, %acc : f32
    tensorized.yield %d : f32
  } -> tensor<20xf32>
  %f = tensorized.empty : tensor<20xf32>
  %y = tensorized.generic loops (m: parallel 20) ins(%s at (m) : tensor<20xf32>) init(%f at (m) : tensor<20xf32>) {
  ^bb0(%v: f32, %u: f32):
    tensorized.yield %v : f32
  } -> tensor<20xf32>
  tensorized.yield %y : tensor<20xf32>
}
func.func @main(%x: tensor<20x30xf32>) -> tensor<20xf32> {
  %y = tensorized.call @sums(%x) : (tensor<20x30xf32>) -> tensor<20xf32>
  func.return %y : tensor<20xf32>
}
}
