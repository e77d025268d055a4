// RUN: tenon-opt %s -p tensorize-match,schedule-kernels --split-input-file | filecheck %s

// Few rows and many columns: the panels of the weights are shared, so that each core reads half of them. They
// are as even as the columns allow: 8 of 16 for each.

// CHECK:      tensorized.kernel @wide
// CHECK-SAME: schedule [threads order [n] tile {n = 128}, order [n, m] tile
module attributes {tenon.target = {vector_registers = 16 : i64, vector_bytes = 32 : i64, loads_per_cycle = 2 : i64, l1_bytes = 32768 : i64, l2_bytes = 524288 : i64, threads = 2 : i64}} {
tensorized.instruction @fma intrinsic "llvm.fma.v8f32" feature "fma" latency 4 per_cycle 2 loops (i: parallel 8)
  (%a: vector<8xf32> at (i), %b: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
  %p = arith.mulf %a, %b : f32
  %s = arith.addf %acc, %p : f32
  tensorized.yield %s : f32
}
tensorized.kernel @wide(%x: tensor<6x400xf32>, %w: tensor<400x256xf32> constant, %b: tensor<256xf32> constant) -> tensor<6x256xf32> {
  %e = tensorized.empty : tensor<6x256xf32>
  %i = tensorized.generic loops (m: parallel 6, n: parallel 256) ins(%b at (n) : tensor<256xf32>) init(%e at (m, n) : tensor<6x256xf32>) {
  ^bb0(%v: f32, %u: f32):
    tensorized.yield %v : f32
  } -> tensor<6x256xf32>
  %c = tensorized.generic loops (m: parallel 6, n: parallel 256, k: reduction 400) ins(%w at (k, n) : tensor<400x256xf32>, %x at (m, k) : tensor<6x400xf32>) init(%i at (m, n) : tensor<6x256xf32>) {
  ^bb0(%a: f32, %v: f32, %acc: f32):
    %p = arith.mulf %a, %v : f32
    %s = arith.addf %p, %acc : f32
    tensorized.yield %s : f32
  } -> tensor<6x256xf32>
  %f = tensorized.empty : tensor<6x256xf32>
  %y = tensorized.generic loops (m: parallel 6, n: parallel 256) ins(%c at (m, n) : tensor<6x256xf32>) init(%f at (m, n) : tensor<6x256xf32>) {
  ^bb0(%v: f32, %u: f32):
    tensorized.yield %v : f32
  } -> tensor<6x256xf32>
  tensorized.yield %y : tensor<6x256xf32>
}

// Many rows: they are shared, and stay on the core that wrote them.

// CHECK:      tensorized.kernel @tall
// CHECK-SAME: schedule [threads order [m] tile {m = 800}, order [n, m] tile
tensorized.kernel @tall(%x: tensor<1600x16xf32>, %w: tensor<16x16xf32> constant) -> tensor<1600x16xf32> {
  %e = tensorized.empty fill 0.0 : tensor<1600x16xf32>
  %c = tensorized.generic loops (m: parallel 1600, n: parallel 16, k: reduction 16) ins(%w at (k, n) : tensor<16x16xf32>, %x at (m, k) : tensor<1600x16xf32>) init(%e at (m, n) : tensor<1600x16xf32>) {
  ^bb0(%a: f32, %v: f32, %acc: f32):
    %p = arith.mulf %a, %v : f32
    %s = arith.addf %p, %acc : f32
    tensorized.yield %s : f32
  } -> tensor<1600x16xf32>
  %f = tensorized.empty : tensor<1600x16xf32>
  %y = tensorized.generic loops (m: parallel 1600, n: parallel 16) ins(%c at (m, n) : tensor<1600x16xf32>) init(%f at (m, n) : tensor<1600x16xf32>) {
  ^bb0(%v: f32, %u: f32):
    tensorized.yield %v : f32
  } -> tensor<1600x16xf32>
  tensorized.yield %y : tensor<1600x16xf32>
}

// Elementwise: the outermost loop that makes even parts. 3 by 2 would be 2 and 1.

// CHECK:      tensorized.kernel @negated
// CHECK-SAME: schedule [threads order [q] tile {q = 4096}, order [p, q] tile {q = 32}]
tensorized.kernel @negated(%x: tensor<3x8192xf32>) -> tensor<3x8192xf32> lanes {q = 8} {
  %e = tensorized.empty : tensor<3x8192xf32>
  %y = tensorized.generic loops (p: parallel 3, q: parallel 8192) ins(%x at (p, q) : tensor<3x8192xf32>) init(%e at (p, q) : tensor<3x8192xf32>) {
  ^bb0(%v: f32, %u: f32):
    %n = arith.negf %v : f32
    tensorized.yield %n : f32
  } -> tensor<3x8192xf32>
  tensorized.yield %y : tensor<3x8192xf32>
}

// Handing out the parts would take longer than this takes.

// CHECK:      tensorized.kernel @small
// CHECK-SAME: schedule [order [q] tile {q = 32}]
tensorized.kernel @small(%x: tensor<64xf32>) -> tensor<64xf32> lanes {q = 8} {
  %e = tensorized.empty : tensor<64xf32>
  %y = tensorized.generic loops (q: parallel 64) ins(%x at (q) : tensor<64xf32>) init(%e at (q) : tensor<64xf32>) {
  ^bb0(%v: f32, %u: f32):
    %n = arith.negf %v : f32
    tensorized.yield %n : f32
  } -> tensor<64xf32>
  tensorized.yield %y : tensor<64xf32>
}
}
