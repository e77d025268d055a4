// RUN: tenon-opt %s -p tensorize-match,schedule-kernels | filecheck %s

// Windows of neighbouring outputs overlap: the innermost taps stand in the body together, so that a tile loads each
// element once.

// CHECK:      tensorized.kernel @depthwise
// CHECK-SAME: schedule [order [h, w, c] tile {c = 8, h = 2, w = 4}, order [r, s] tile {s = 3}]

// In steps of three no windows overlap.

// CHECK:      tensorized.kernel @apart
// CHECK-SAME: schedule [order [h, w, c] tile {c = 8, w = 14}, order [r, s]]
module attributes {tenon.target = {vector_registers = 16 : i64, vector_bytes = 32 : i64, loads_per_cycle = 2 : i64, l1_bytes = 32768 : i64, l2_bytes = 524288 : i64}} {
tensorized.instruction @fma intrinsic "llvm.fma.v8f32" feature "fma" latency 4 per_cycle 2 loops (i: parallel 8)
  (%a: vector<8xf32> at (i), %b: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
  %p = arith.mulf %a, %b : f32
  %s = arith.addf %acc, %p : f32
  tensorized.yield %s : f32
}
tensorized.kernel @depthwise(%x: tensor<16x16x32xf32>, %w: tensor<32x3x3xf32> constant) -> tensor<14x14x32xf32> {
  %e = tensorized.empty fill 0.0 : tensor<14x14x32xf32>
  %c = tensorized.generic loops (h: parallel 14, w: parallel 14, c: parallel 32, r: reduction 3, s: reduction 3) ins(%x at (h + r, w + s, c) : tensor<16x16x32xf32>, %w at (c, r, s) : tensor<32x3x3xf32>) init(%e at (h, w, c) : tensor<14x14x32xf32>) {
  ^bb0(%a: f32, %v: f32, %acc: f32):
    %p = arith.mulf %a, %v : f32
    %s = arith.addf %p, %acc : f32
    tensorized.yield %s : f32
  } -> tensor<14x14x32xf32>
  tensorized.yield %c : tensor<14x14x32xf32>
}
tensorized.kernel @apart(%x: tensor<42x42x32xf32>, %w: tensor<32x3x3xf32> constant) -> tensor<14x14x32xf32> {
  %e = tensorized.empty fill 0.0 : tensor<14x14x32xf32>
  %c = tensorized.generic loops (h: parallel 14, w: parallel 14, c: parallel 32, r: reduction 3, s: reduction 3) ins(%x at (h * 3 + r, w * 3 + s, c) : tensor<42x42x32xf32>, %w at (c, r, s) : tensor<32x3x3xf32>) init(%e at (h, w, c) : tensor<14x14x32xf32>) {
  ^bb0(%a: f32, %v: f32, %acc: f32):
    %p = arith.mulf %a, %v : f32
    %s = arith.addf %p, %acc : f32
    tensorized.yield %s : f32
  } -> tensor<14x14x32xf32>
  tensorized.yield %c : tensor<14x14x32xf32>
}
}
