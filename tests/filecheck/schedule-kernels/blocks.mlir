// RUN: tenon-opt %s -p tensorize-match,schedule-kernels | filecheck %s

// A panel of 700 steps is too large for caches of 8 and 32 KiB: the reduction runs in blocks, between the
// panels and the rows; the accumulators wait in the output meanwhile.

// CHECK:      tensorized.kernel @dense
// CHECK-SAME: schedule [order [n] tile {n = [[N:[0-9]+]]}, order [k] tile {k = {{[0-9]+}}} prefetch [0], order [m] tile {m = {{[0-9]+}}}, order [k] tile {k = {{[0-9]+}}}]
module attributes {tenon.target = {vector_registers = 16 : i64, vector_bytes = 32 : i64, loads_per_cycle = 2 : i64, l1_bytes = 8192 : i64, l2_bytes = 32768 : i64}} {
tensorized.instruction @fma intrinsic "llvm.fma.v8f32" feature "fma" latency 4 per_cycle 2 loops (i: parallel 8)
  (%a: vector<8xf32> at (i), %b: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
  %p = arith.mulf %a, %b : f32
  %s = arith.addf %acc, %p : f32
  tensorized.yield %s : f32
}
tensorized.kernel @dense(%x: tensor<20x700xf32>, %w: tensor<700x30xf32> constant, %b: tensor<30xf32> constant) -> tensor<20x30xf32> {
  %e = tensorized.empty : tensor<20x30xf32>
  %i = tensorized.generic loops (m: parallel 20, n: parallel 30) ins(%b at (n) : tensor<30xf32>) init(%e at (m, n) : tensor<20x30xf32>) {
  ^bb0(%v: f32, %u: f32):
    tensorized.yield %v : f32
  } -> tensor<20x30xf32>
  %c = tensorized.generic loops (m: parallel 20, n: parallel 30, k: reduction 700) ins(%w at (k, n) : tensor<700x30xf32>, %x at (m, k) : tensor<20x700xf32>) init(%i at (m, n) : tensor<20x30xf32>) {
  ^bb0(%a: f32, %v: f32, %acc: f32):
    %p = arith.mulf %a, %v : f32
    %s = arith.addf %p, %acc : f32
    tensorized.yield %s : f32
  } -> tensor<20x30xf32>
  %f = tensorized.empty : tensor<20x30xf32>
  %y = tensorized.generic loops (m: parallel 20, n: parallel 30) ins(%c at (m, n) : tensor<20x30xf32>) init(%f at (m, n) : tensor<20x30xf32>) {
  ^bb0(%v: f32, %u: f32):
    tensorized.yield %v : f32
  } -> tensor<20x30xf32>
  tensorized.yield %y : tensor<20x30xf32>
}
func.func @main(%x: tensor<20x700xf32>) -> tensor<20x30xf32> {
  %w = nn.constant #nn.weight<"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", tensor<700x30xf32>>
  %b = nn.constant #nn.weight<"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", tensor<30xf32>>
  %y = tensorized.call @dense(%x, %w, %b) : (tensor<20x700xf32>, tensor<700x30xf32>, tensor<30xf32>) -> tensor<20x30xf32>
  func.return %y : tensor<20x30xf32>
}
}
