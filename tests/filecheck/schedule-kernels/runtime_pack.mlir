// RUN: tenon-opt %s -p tensorize-match,schedule-kernels | filecheck %s

// An operand known only at run time is packed by a kernel of its own when enough rows read it.

// CHECK:      tensorized.kernel @product_pack_1(%0: tensor<7x32xf32>) -> tensor<
// CHECK-LABEL: func.func @main
// CHECK-NEXT:   %[[W:.*]] = tensorized.call @product_pack_1(%w)
// CHECK-NEXT:   tensorized.call @product(%x, %[[W]])
// CHECK-LABEL: func.func @few
// CHECK-NEXT:   tensorized.call @few_rows(%x, %w)
module attributes {tenon.target = {vector_registers = 16 : i64, vector_bytes = 32 : i64, loads_per_cycle = 2 : i64, l1_bytes = 32768 : i64, l2_bytes = 524288 : i64}} {
tensorized.instruction @fma intrinsic "llvm.fma.v8f32" feature "fma" latency 4 per_cycle 2 loops (i: parallel 8)
  (%a: vector<8xf32> at (i), %b: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
  %p = arith.mulf %a, %b : f32
  %s = arith.addf %acc, %p : f32
  tensorized.yield %s : f32
}
tensorized.kernel @product(%x: tensor<32x7xf32>, %w: tensor<7x32xf32>) -> tensor<32x32xf32> {
  %e = tensorized.empty fill 0.0 : tensor<32x32xf32>
  %c = tensorized.generic loops (m: parallel 32, n: parallel 32, k: reduction 7) ins(%x at (m, k) : tensor<32x7xf32>, %w at (k, n) : tensor<7x32xf32>) init(%e at (m, n) : tensor<32x32xf32>) {
  ^bb0(%a: f32, %v: f32, %acc: f32):
    %p = arith.mulf %a, %v : f32
    %s = arith.addf %acc, %p : f32
    tensorized.yield %s : f32
  } -> tensor<32x32xf32>
  tensorized.yield %c : tensor<32x32xf32>
}
tensorized.kernel @few_rows(%x: tensor<4x7xf32>, %w: tensor<7x32xf32>) -> tensor<4x32xf32> {
  %e = tensorized.empty fill 0.0 : tensor<4x32xf32>
  %c = tensorized.generic loops (m: parallel 4, n: parallel 32, k: reduction 7) ins(%x at (m, k) : tensor<4x7xf32>, %w at (k, n) : tensor<7x32xf32>) init(%e at (m, n) : tensor<4x32xf32>) {
  ^bb0(%a: f32, %v: f32, %acc: f32):
    %p = arith.mulf %a, %v : f32
    %s = arith.addf %acc, %p : f32
    tensorized.yield %s : f32
  } -> tensor<4x32xf32>
  tensorized.yield %c : tensor<4x32xf32>
}
func.func @main(%x: tensor<32x7xf32>, %w: tensor<7x32xf32>) -> tensor<32x32xf32> {
  %y = tensorized.call @product(%x, %w) : (tensor<32x7xf32>, tensor<7x32xf32>) -> tensor<32x32xf32>
  func.return %y : tensor<32x32xf32>
}
func.func @few(%x: tensor<4x7xf32>, %w: tensor<7x32xf32>) -> tensor<4x32xf32> {
  %y = tensorized.call @few_rows(%x, %w) : (tensor<4x7xf32>, tensor<7x32xf32>) -> tensor<4x32xf32>
  func.return %y : tensor<4x32xf32>
}
}
