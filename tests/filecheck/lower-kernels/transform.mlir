// RUN: tenon-opt %s -p lower-kernels --split-input-file --verify-diagnostics | filecheck %s

// 7 pixels in tiles of 2: three whole ones, and one of which only the first row of the matrix is computed. The start
// value, a bias, is added to what the matrix makes.

// CHECK-LABEL: tensorized.kernel @pixels
// CHECK:      scf.for %h = %c0 to %c3
// CHECK:        %[[x:.*]] = tensorized.load %x[%h] at (d0, v0, v1, l) -> (v0, d0, l) : memref<3x4x8xf32>, vector<3x1x8xf32>
// CHECK:        %[[y:.*]] = tensorized.linear %[[x]] along 0 by {{.*}} : tensor<2x3xf32> : vector<3x1x8xf32> -> vector<2x1x8xf32>
// CHECK:        %[[b:.*]] = tensorized.load %b[] at (v0, v1, l) -> (l) : memref<8xf32>, vector<2x1x8xf32>
// CHECK:        tensorized.map (%{{.*}} = %[[b]] : vector<2x1x8xf32>, %{{.*}} = %[[y]] : vector<2x1x8xf32>)
// CHECK:        tensorized.store %{{.*}}, %{{.*}}[%h] at (d0, v0, v1, l) -> (d0 * 2 + v0, l)
// CHECK:      tensorized.load %x[] at (v0, v1, l) -> (v0, 3, l) : memref<3x4x8xf32>, vector<3x1x8xf32>
// CHECK:      tensorized.linear %{{.*}} along 0 by dense<[[1.000000e+00, 2.000000e+00, 0.000000e+00]]> : tensor<1x3xf32> : vector<3x1x8xf32> -> vector<1x1x8xf32>
tensorized.kernel @pixels(%x: tensor<3x4x8xf32>, %b: tensor<8xf32> constant) -> tensor<7x8xf32> lanes {c = 8} schedule [order [h, c] tile {c = 8, h = 2}] {
  %e = tensorized.empty : tensor<7x8xf32>
  %i = tensorized.generic loops (h: parallel 7, c: parallel 8) ins(%b at (c) : tensor<8xf32>) init(%e at (h, c) : tensor<7x8xf32>) {
  ^bb0(%a: f32, %o: f32):
    tensorized.yield %a : f32
  } -> tensor<7x8xf32>
  %m = arith.constant dense<[[1.0, 2.0, 0.0], [0.0, 1.0, -1.0]]> : tensor<2x3xf32>
  %v = tensorized.transform loops (h: parallel 7, c: parallel 8, i: reduction 3)
    ins(%x at (i, h floordiv 2, c) : tensor<3x4x8xf32>, %m at (h mod 2, i) : tensor<2x3xf32>)
    init(%i at (h, c) : tensor<7x8xf32>) -> tensor<7x8xf32>
  %f = tensorized.empty : tensor<7x8xf32>
  %y = tensorized.generic loops (h: parallel 7, c: parallel 8) ins(%v at (h, c) : tensor<7x8xf32>) init(%f at (h, c) : tensor<7x8xf32>) {
  ^bb0(%a: f32, %o: f32):
    tensorized.yield %a : f32
  } -> tensor<7x8xf32>
  tensorized.yield %y : tensor<7x8xf32>
}

// -----

// CHECK: lower-kernels: tiles of loop h do not begin at multiples of 2
tensorized.kernel @odd(%x: tensor<3x4x8xf32>) -> tensor<7x8xf32> lanes {c = 8} schedule [order [h] tile {h = 3}, order [h, c] tile {c = 8, h = 2}] {
  %e = tensorized.empty fill 0.0 : tensor<7x8xf32>
  %m = arith.constant dense<[[1.0, 2.0, 0.0], [0.0, 1.0, -1.0]]> : tensor<2x3xf32>
  %v = tensorized.transform loops (h: parallel 7, c: parallel 8, i: reduction 3)
    ins(%x at (i, h floordiv 2, c) : tensor<3x4x8xf32>, %m at (h mod 2, i) : tensor<2x3xf32>)
    init(%e at (h, c) : tensor<7x8xf32>) -> tensor<7x8xf32>
  %f = tensorized.empty : tensor<7x8xf32>
  %y = tensorized.generic loops (h: parallel 7, c: parallel 8) ins(%v at (h, c) : tensor<7x8xf32>) init(%f at (h, c) : tensor<7x8xf32>) {
  ^bb0(%a: f32, %o: f32):
    tensorized.yield %a : f32
  } -> tensor<7x8xf32>
  tensorized.yield %y : tensor<7x8xf32>
}

// -----

// CHECK: lower-kernels: a transform of a in a tile of a, t
tensorized.kernel @wide(%x: tensor<9x8xf32>) -> tensor<2x7x8xf32> lanes {c = 8} schedule [order [a, t, c] tile {c = 8, a = 2, t = 2}] {
  %e = tensorized.empty fill 0.0 : tensor<2x7x8xf32>
  %m = arith.constant dense<[[1.0, 2.0, 0.0], [0.0, 1.0, -1.0]]> : tensor<2x3xf32>
  %v = tensorized.transform loops (a: parallel 2, t: parallel 7, c: parallel 8, i: reduction 3)
    ins(%x at (t + i, c) : tensor<9x8xf32>, %m at (a, i) : tensor<2x3xf32>) init(%e at (a, t, c) : tensor<2x7x8xf32>)
    -> tensor<2x7x8xf32>
  %f = tensorized.empty : tensor<2x7x8xf32>
  %y = tensorized.generic loops (a: parallel 2, t: parallel 7, c: parallel 8) ins(%v at (a, t, c) : tensor<2x7x8xf32>) init(%f at (a, t, c) : tensor<2x7x8xf32>) {
  ^bb0(%a: f32, %o: f32):
    tensorized.yield %a : f32
  } -> tensor<2x7x8xf32>
  tensorized.yield %y : tensor<2x7x8xf32>
}
