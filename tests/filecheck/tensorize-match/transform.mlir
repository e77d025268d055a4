// RUN: tenon-opt %s -p tensorize-match,schedule-kernels --split-input-file --verify-diagnostics | filecheck %s
// RUN: tenon-opt %s -p tensorize-match --split-input-file --verify-diagnostics --check-semantics -o /dev/null

// A reduction with a matrix: its tile, here pixels in pairs, is one grid of registers; lanes run along the channels.

// CHECK:      tensorized.kernel @pixels
// CHECK-SAME: lanes {c = 8} schedule [order [h, c] tile {c = 8, h = 2}]
// CHECK:      tensorized.transform loops (h: parallel 7, c: parallel 24, i: reduction 3)
// CHECK-SAME: ins(%x at (i, h floordiv 2, c) : tensor<3x4x24xf32>, %m at (h mod 2, i) : tensor<2x3xf32>)
module attributes {tenon.target = {vector_registers = 16 : i64, vector_bytes = 32 : i64, loads_per_cycle = 2 : i64, l1_bytes = 32768 : i64, l2_bytes = 524288 : i64}} {
tensorized.kernel @pixels(%x: tensor<3x4x24xf32>) -> tensor<7x24xf32> {
  %e = tensorized.empty fill 0.0 : tensor<7x24xf32>
  %m = arith.constant dense<[[1.0, 2.0, 0.0], [0.0, 1.0, -1.0]]> : tensor<2x3xf32>
  %v = tensorized.generic loops (h: parallel 7, c: parallel 24, i: reduction 3)
    ins(%m at (h mod 2, i) : tensor<2x3xf32>, %x at (i, h floordiv 2, c) : tensor<3x4x24xf32>) init(%e at (h, c) : tensor<7x24xf32>) {
  ^bb0(%a: f32, %b: f32, %acc: f32):
    %p = arith.mulf %b, %a : f32
    %s = arith.addf %acc, %p : f32
    tensorized.yield %s : f32
  } -> tensor<7x24xf32>
  %f = tensorized.empty : tensor<7x24xf32>
  %y = tensorized.generic loops (h: parallel 7, c: parallel 24) ins(%v at (h, c) : tensor<7x24xf32>) init(%f at (h, c) : tensor<7x24xf32>) {
  ^bb0(%a: f32, %b: f32):
    tensorized.yield %a : f32
  } -> tensor<7x24xf32>
  tensorized.yield %y : tensor<7x24xf32>
}
}

// -----

// A loop that a matrix makes whole is inside: there is one tile.

// CHECK:      tensorized.kernel @tiles
// CHECK-SAME: lanes {c = 8} schedule [order [t, c, a] tile {c = 8, a = 2}]
module attributes {tenon.target = {vector_registers = 16 : i64, vector_bytes = 32 : i64, loads_per_cycle = 2 : i64, l1_bytes = 32768 : i64, l2_bytes = 524288 : i64}} {
tensorized.kernel @tiles(%x: tensor<9x24xf32>) -> tensor<2x7x24xf32> {
  %e = tensorized.empty fill 0.0 : tensor<2x7x24xf32>
  %m = arith.constant dense<[[1.0, 2.0, 0.0], [0.0, 1.0, -1.0]]> : tensor<2x3xf32>
  %v = tensorized.generic loops (a: parallel 2, t: parallel 7, c: parallel 24, i: reduction 3)
    ins(%x at (t + i, c) : tensor<9x24xf32>, %m at (a, i) : tensor<2x3xf32>) init(%e at (a, t, c) : tensor<2x7x24xf32>) {
  ^bb0(%b: f32, %a: f32, %acc: f32):
    %p = arith.mulf %b, %a : f32
    %s = arith.addf %acc, %p : f32
    tensorized.yield %s : f32
  } -> tensor<2x7x24xf32>
  %f = tensorized.empty : tensor<2x7x24xf32>
  %y = tensorized.generic loops (a: parallel 2, t: parallel 7, c: parallel 24) ins(%v at (a, t, c) : tensor<2x7x24xf32>) init(%f at (a, t, c) : tensor<2x7x24xf32>) {
  ^bb0(%a: f32, %b: f32):
    tensorized.yield %a : f32
  } -> tensor<2x7x24xf32>
  tensorized.yield %y : tensor<2x7x24xf32>
}
}

// -----

// CHECK: tensorize-match: a transform without a loop that no matrix acts on has no lanes
module attributes {tenon.target = {vector_registers = 16 : i64, vector_bytes = 32 : i64, loads_per_cycle = 2 : i64, l1_bytes = 32768 : i64, l2_bytes = 524288 : i64}} {
tensorized.kernel @lonely(%x: tensor<3xf32>) -> tensor<2xf32> {
  %e = tensorized.empty fill 0.0 : tensor<2xf32>
  %m = arith.constant dense<[[1.0, 2.0, 0.0], [0.0, 1.0, -1.0]]> : tensor<2x3xf32>
  %v = tensorized.generic loops (a: parallel 2, i: reduction 3)
    ins(%x at (i) : tensor<3xf32>, %m at (a, i) : tensor<2x3xf32>) init(%e at (a) : tensor<2xf32>) {
  ^bb0(%b: f32, %a: f32, %acc: f32):
    %p = arith.mulf %b, %a : f32
    %s = arith.addf %acc, %p : f32
    tensorized.yield %s : f32
  } -> tensor<2xf32>
  tensorized.yield %v : tensor<2xf32>
}
}
