// RUN: tenon-opt %s -p collapse-loops --split-input-file | filecheck %s

// The window's columns and the channels lie side by side in every row of the input: one reduction loop.
// The rows of the output do not follow each other in the padded input: two parallel loops stay. The
// weights do not constrain reductions, since they will be packed.

// CHECK:      tensorized.kernel @conv(%x: tensor<8x32xf32>, %w: tensor<5x4x3x3xf32> constant) -> tensor<6x6x5xf32>
// CHECK:      loops (h: parallel 6, w: parallel 6, o: parallel 5, r0: reduction 3, r12: reduction 12)
// CHECK-SAME: ins(%x at (h + r0, w * 4 + r12) : tensor<8x32xf32>, %w at (o, r12 mod 4, r0, r12 floordiv 4) : tensor<5x4x3x3xf32>)
tensorized.kernel @conv(%x: tensor<8x8x4xf32>, %w: tensor<5x4x3x3xf32> constant) -> tensor<6x6x5xf32> {
  %e = tensorized.empty fill 0.0 : tensor<6x6x5xf32>
  %y = tensorized.generic loops (h: parallel 6, w: parallel 6, o: parallel 5, r0: reduction 3, r1: reduction 3, r2: reduction 4)
    ins(%x at (h + r0, w + r1, r2) : tensor<8x8x4xf32>, %w at (o, r2, r0, r1) : tensor<5x4x3x3xf32>) init(%e at (h, w, o) : tensor<6x6x5xf32>) {
  ^bb0(%a: f32, %b: f32, %acc: f32):
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %acc, %m : f32
    tensorized.yield %s : f32
  } -> tensor<6x6x5xf32>
  tensorized.yield %y : tensor<6x6x5xf32>
}

// -----

// A 1x1 convolution is one matrix product over all pixels.

// CHECK:      tensorized.kernel @pointwise(%x: tensor<36x4xf32>, %w: tensor<5x4xf32> constant) -> tensor<36x5xf32>
// CHECK:      loops (p01: parallel 36, o: parallel 5, c: reduction 4)
tensorized.kernel @pointwise(%x: tensor<6x6x4xf32>, %w: tensor<5x4xf32> constant) -> tensor<6x6x5xf32> {
  %e = tensorized.empty fill 0.0 : tensor<6x6x5xf32>
  %y = tensorized.generic loops (p0: parallel 6, p1: parallel 6, o: parallel 5, c: reduction 4)
    ins(%x at (p0, p1, c) : tensor<6x6x4xf32>, %w at (o, c) : tensor<5x4xf32>) init(%e at (p0, p1, o) : tensor<6x6x5xf32>) {
  ^bb0(%a: f32, %b: f32, %acc: f32):
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %acc, %m : f32
    tensorized.yield %s : f32
  } -> tensor<6x6x5xf32>
  tensorized.yield %y : tensor<6x6x5xf32>
}

// -----

// A vector along one of the loops keeps them apart; a stride of 5 rows of 4 does not collapse.

// CHECK:      tensorized.kernel @bias
// CHECK:      loops (p0: parallel 6, p1: parallel 4)
// CHECK:      tensorized.kernel @strided
// CHECK:      loops (p0: parallel 6, p1: parallel 4)
tensorized.kernel @bias(%x: tensor<6x4xf32>, %b: tensor<4xf32> constant) -> tensor<6x4xf32> {
  %e = tensorized.empty : tensor<6x4xf32>
  %y = tensorized.generic loops (p0: parallel 6, p1: parallel 4) ins(%x at (p0, p1) : tensor<6x4xf32>, %b at (p1) : tensor<4xf32>) init(%e at (p0, p1) : tensor<6x4xf32>) {
  ^bb0(%a: f32, %c: f32, %u: f32):
    %s = arith.addf %a, %c : f32
    tensorized.yield %s : f32
  } -> tensor<6x4xf32>
  tensorized.yield %y : tensor<6x4xf32>
}
tensorized.kernel @strided(%x: tensor<6x5xf32>) -> tensor<6x4xf32> {
  %e = tensorized.empty : tensor<6x4xf32>
  %y = tensorized.generic loops (p0: parallel 6, p1: parallel 4) ins(%x at (p0, p1) : tensor<6x5xf32>) init(%e at (p0, p1) : tensor<6x4xf32>) {
  ^bb0(%a: f32, %u: f32):
    tensorized.yield %a : f32
  } -> tensor<6x4xf32>
  tensorized.yield %y : tensor<6x4xf32>
}
