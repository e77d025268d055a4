// RUN: tenon-opt %s -p schedule-kernels --check-semantics | filecheck %s

// A schedule that a kernel comes with is kept, its operand packed for its panel of 16 columns.

// CHECK:      tensorized.kernel @dense(%{{.*}}: tensor<20x70xf32>, %{{.*}}: tensor<2x70x16xf32> constant
// CHECK-SAME: schedule [order [m] tile {m = 10}, order [m, n] tile {m = 5, n = 16}, order [k]]
// CHECK:      tensorized.pack
// CHECK-SAME: tensor<70x30xf32> to tensor<2x70x16xf32>
module attributes {tenon.target = {vector_registers = 16 : i64, vector_bytes = 32 : i64, loads_per_cycle = 2 : i64, l1_bytes = 2048 : i64, l2_bytes = 8192 : i64}} {
tensorized.instruction @fma intrinsic "llvm.fma.v8f32" feature "fma" latency 4 per_cycle 2 loops (i: parallel 8)
  (%a: vector<8xf32> at (i), %b: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
  %p = arith.mulf %a, %b : f32
  %s = arith.addf %acc, %p : f32
  tensorized.yield %s : f32
}
tensorized.kernel @dense(%x: tensor<20x70xf32>, %w: tensor<70x30xf32> constant) -> tensor<20x30xf32> lanes {n = 8}
  schedule [order [m] tile {m = 10}, order [m, n] tile {m = 5, n = 16}, order [k]] {
  %e = tensorized.empty fill 0.0 : tensor<20x30xf32>
  %c = tensorized.contract @fma loops (m: parallel 20, n: parallel 30, k: reduction 70) ins(%x at (m, k) : tensor<20x70xf32>, %w at (k, n) : tensor<70x30xf32>) init(%e at (m, n) : tensor<20x30xf32>) bind {i = n} -> tensor<20x30xf32>
  %f = tensorized.empty : tensor<20x30xf32>
  %y = tensorized.generic loops (m: parallel 20, n: parallel 30) ins(%c at (m, n) : tensor<20x30xf32>) init(%f at (m, n) : tensor<20x30xf32>) {
  ^bb0(%v: f32, %u: f32):
    tensorized.yield %v : f32
  } -> tensor<20x30xf32>
  tensorized.yield %y : tensor<20x30xf32>
}
func.func @main(%x: tensor<20x70xf32>) -> tensor<20x30xf32> {
  %w = nn.constant #nn.weight<"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", tensor<70x30xf32>>
  %y = tensorized.call @dense(%x, %w) : (tensor<20x70xf32>, tensor<70x30xf32>) -> tensor<20x30xf32>
  func.return %y : tensor<20x30xf32>
}
}
