// RUN: tenon-opt %s -p schedule-kernels | filecheck %s

// An image read plane by plane and written pixel by pixel: the three channels of 32 pixels are one tile, whose
// registers are stored interleaved. With 64 channels there is nothing to interleave.

builtin.module attributes {tenon.target = {l1_bytes = 32768, l2_bytes = 1048576, loads_per_cycle = 2, vector_bytes = 32, vector_registers = 16}} {
// CHECK: tensorized.kernel @three
// CHECK-SAME: lanes {w = 8} schedule [order [h, w, c] tile {w = 32, c = 3}]
tensorized.kernel @three(%x: tensor<3x5x40xf32>) -> tensor<5x40x3xf32> lanes {w = 8} {
  %e = tensorized.empty : tensor<5x40x3xf32>
  %y = tensorized.generic loops (h: parallel 5, w: parallel 40, c: parallel 3) ins(%x at (c, h, w) : tensor<3x5x40xf32>) init(%e at (h, w, c) : tensor<5x40x3xf32>) {
  ^bb0(%v: f32, %u: f32):
    tensorized.yield %v : f32
  } -> tensor<5x40x3xf32>
  tensorized.yield %y : tensor<5x40x3xf32>
}
// CHECK: tensorized.kernel @many
// CHECK-SAME: lanes {w = 8} schedule [order [h, w, c] tile {w = 32}]
tensorized.kernel @many(%x: tensor<64x5x40xf32>) -> tensor<5x40x64xf32> lanes {w = 8} {
  %e = tensorized.empty : tensor<5x40x64xf32>
  %y = tensorized.generic loops (h: parallel 5, w: parallel 40, c: parallel 64) ins(%x at (c, h, w) : tensor<64x5x40xf32>) init(%e at (h, w, c) : tensor<5x40x64xf32>) {
  ^bb0(%v: f32, %u: f32):
    tensorized.yield %v : f32
  } -> tensor<5x40x64xf32>
  tensorized.yield %y : tensor<5x40x64xf32>
}
}
