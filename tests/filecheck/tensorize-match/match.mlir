// RUN: tenon-opt %s -p tensorize-match --split-input-file | filecheck %s

// The body is matched modulo commutativity (operands swapped twice), lanes run along the columns.

// CHECK:      tensorized.kernel @dense
// CHECK-SAME: lanes {n = 8}
// CHECK:      tensorized.contract @fma loops (m: parallel 20, n: parallel 30, k: reduction 7)
// CHECK-SAME: bind {i = n}
module attributes {tenon.target = {vector_registers = 16 : i64, vector_bytes = 32 : i64, loads_per_cycle = 2 : i64, l1_bytes = 32768 : i64, l2_bytes = 524288 : i64}} {
tensorized.instruction @fma intrinsic "llvm.fma.v8f32" feature "fma" latency 4 per_cycle 2 loops (i: parallel 8)
  (%a: vector<8xf32> at (i), %b: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
  %p = arith.mulf %a, %b : f32
  %s = arith.addf %acc, %p : f32
  tensorized.yield %s : f32
}
tensorized.kernel @dense(%x: tensor<20x7xf32>, %w: tensor<7x30xf32> constant, %b: tensor<30xf32> constant) -> tensor<20x30xf32> {
  %e = tensorized.empty : tensor<20x30xf32>
  %i = tensorized.generic loops (m: parallel 20, n: parallel 30) ins(%b at (n) : tensor<30xf32>) init(%e at (m, n) : tensor<20x30xf32>) {
  ^bb0(%v: f32, %u: f32):
    tensorized.yield %v : f32
  } -> tensor<20x30xf32>
  %c = tensorized.generic loops (m: parallel 20, n: parallel 30, k: reduction 7) ins(%w at (k, n) : tensor<7x30xf32>, %x at (m, k) : tensor<20x7xf32>) init(%i at (m, n) : tensor<20x30xf32>) {
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
func.func @main(%x: tensor<20x7xf32>) -> tensor<20x30xf32> {
  %w = nn.constant #nn.weight<"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", tensor<7x30xf32>>
  %b = nn.constant #nn.weight<"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", tensor<30xf32>>
  %y = tensorized.call @dense(%x, %w, %b) : (tensor<20x7xf32>, tensor<7x30xf32>, tensor<30xf32>) -> tensor<20x30xf32>
  func.return %y : tensor<20x30xf32>
}
}

// -----

// No instruction has this body: one is made of it, without an intrinsic.

// CHECK:      tensorized.instruction @body_0 loops (i: parallel 8)
// CHECK:        arith.maximumf
// CHECK:      tensorized.kernel @pool
// CHECK-SAME: lanes {c = 8}
// CHECK:      tensorized.contract @body_0
module attributes {tenon.target = {vector_registers = 16 : i64, vector_bytes = 32 : i64, loads_per_cycle = 2 : i64, l1_bytes = 32768 : i64, l2_bytes = 524288 : i64}} {
tensorized.instruction @fma intrinsic "llvm.fma.v8f32" feature "fma" latency 4 per_cycle 2 loops (i: parallel 8)
  (%a: vector<8xf32> at (i), %b: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
  %p = arith.mulf %a, %b : f32
  %s = arith.addf %acc, %p : f32
  tensorized.yield %s : f32
}
tensorized.kernel @pool(%x: tensor<6x64xf32>) -> tensor<64xf32> {
  %e = tensorized.empty fill -inf : tensor<64xf32>
  %c = tensorized.generic loops (c: parallel 64, k: reduction 6) ins(%x at (k, c) : tensor<6x64xf32>) init(%e at (c) : tensor<64xf32>) {
  ^bb0(%a: f32, %acc: f32):
    %s = arith.maximumf %acc, %a : f32
    tensorized.yield %s : f32
  } -> tensor<64xf32>
  tensorized.yield %c : tensor<64xf32>
}
}

// -----

// The same tree over another type does not match, nor does a different tree.

// CHECK:      tensorized.kernel @other
// CHECK:      tensorized.contract @body_0
// CHECK:      tensorized.kernel @square
// CHECK:      tensorized.contract @body_1
module attributes {tenon.target = {vector_registers = 16 : i64, vector_bytes = 32 : i64, loads_per_cycle = 2 : i64, l1_bytes = 32768 : i64, l2_bytes = 524288 : i64}} {
tensorized.instruction @fma intrinsic "llvm.fma.v8f32" feature "fma" latency 4 per_cycle 2 loops (i: parallel 8)
  (%a: vector<8xf32> at (i), %b: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
  %p = arith.mulf %a, %b : f32
  %s = arith.addf %acc, %p : f32
  tensorized.yield %s : f32
}
tensorized.kernel @other(%x: tensor<6x64xf64>, %y: tensor<6x64xf64>) -> tensor<64xf64> {
  %e = tensorized.empty fill 0.0 : tensor<64xf64>
  %c = tensorized.generic loops (c: parallel 64, k: reduction 6) ins(%x at (k, c) : tensor<6x64xf64>, %y at (k, c) : tensor<6x64xf64>) init(%e at (c) : tensor<64xf64>) {
  ^bb0(%a: f64, %b: f64, %acc: f64):
    %p = arith.mulf %a, %b : f64
    %s = arith.addf %acc, %p : f64
    tensorized.yield %s : f64
  } -> tensor<64xf64>
  tensorized.yield %c : tensor<64xf64>
}
tensorized.kernel @square(%x: tensor<6x64xf32>) -> tensor<64xf32> {
  %e = tensorized.empty fill 0.0 : tensor<64xf32>
  %c = tensorized.generic loops (c: parallel 64, k: reduction 6) ins(%x at (k, c) : tensor<6x64xf32>) init(%e at (c) : tensor<64xf32>) {
  ^bb0(%a: f32, %acc: f32):
    %p = arith.addf %a, %a : f32
    %s = arith.mulf %acc, %p : f32
    tensorized.yield %s : f32
  } -> tensor<64xf32>
  tensorized.yield %c : tensor<64xf32>
}
}
