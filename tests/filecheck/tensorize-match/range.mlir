// RUN: tenon-opt %s -p tensorize-match | filecheck %s

// An instruction that is valid for a range of an operand computes a kernel whose argument is known to lie there,
// and no other. The ends belong to both.

// CHECK:      tensorized.kernel @narrow
// CHECK:      tensorized.contract @chain
// CHECK:      tensorized.kernel @wide
// CHECK-NOT:  tensorized.contract @chain
// CHECK:      tensorized.kernel @unknown
// CHECK-NOT:  tensorized.contract @chain
// CHECK:      func.func
module attributes {tenon.target = {vector_registers = 16 : i64, vector_bytes = 32 : i64, loads_per_cycle = 2 : i64, l1_bytes = 32768 : i64, l2_bytes = 524288 : i64}} {
tensorized.instruction @chain latency 1 per_cycle 1 loops (i: parallel 8, r: reduction 4)
  (%a: vector<32xi8> at (i * 4 + r), %b: vector<32xi8> at (i * 4 + r) within [-64, 64], inout %acc: vector<8xi32> at (i)) {
  %x = arith.extui %a : i8 to i32
  %y = arith.extsi %b : i8 to i32
  %p = arith.muli %x, %y : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
}
tensorized.kernel @narrow(%x: tensor<20x7xi8>, %w: tensor<7x30xi8> constant within [-64, 64]) -> tensor<20x30xi32> {
  %e = tensorized.empty : tensor<20x30xi32>
  %c = tensorized.generic loops (m: parallel 20, n: parallel 30, k: reduction 7) ins(%x at (m, k) : tensor<20x7xi8>, %w at (k, n) : tensor<7x30xi8>) init(%e at (m, n) : tensor<20x30xi32>) {
  ^bb0(%a: i8, %b: i8, %acc: i32):
    %0 = arith.extui %a : i8 to i32
    %1 = arith.extsi %b : i8 to i32
    %2 = arith.muli %0, %1 : i32
    %3 = arith.addi %acc, %2 : i32
    tensorized.yield %3 : i32
  } -> tensor<20x30xi32>
  tensorized.yield %c : tensor<20x30xi32>
}
tensorized.kernel @wide(%x: tensor<20x7xi8>, %w: tensor<7x30xi8> constant within [-64, 65]) -> tensor<20x30xi32> {
  %e = tensorized.empty : tensor<20x30xi32>
  %c = tensorized.generic loops (m: parallel 20, n: parallel 30, k: reduction 7) ins(%x at (m, k) : tensor<20x7xi8>, %w at (k, n) : tensor<7x30xi8>) init(%e at (m, n) : tensor<20x30xi32>) {
  ^bb0(%a: i8, %b: i8, %acc: i32):
    %0 = arith.extui %a : i8 to i32
    %1 = arith.extsi %b : i8 to i32
    %2 = arith.muli %0, %1 : i32
    %3 = arith.addi %acc, %2 : i32
    tensorized.yield %3 : i32
  } -> tensor<20x30xi32>
  tensorized.yield %c : tensor<20x30xi32>
}
tensorized.kernel @unknown(%x: tensor<20x7xi8>, %w: tensor<7x30xi8> constant) -> tensor<20x30xi32> {
  %e = tensorized.empty : tensor<20x30xi32>
  %c = tensorized.generic loops (m: parallel 20, n: parallel 30, k: reduction 7) ins(%x at (m, k) : tensor<20x7xi8>, %w at (k, n) : tensor<7x30xi8>) init(%e at (m, n) : tensor<20x30xi32>) {
  ^bb0(%a: i8, %b: i8, %acc: i32):
    %0 = arith.extui %a : i8 to i32
    %1 = arith.extsi %b : i8 to i32
    %2 = arith.muli %0, %1 : i32
    %3 = arith.addi %acc, %2 : i32
    tensorized.yield %3 : i32
  } -> tensor<20x30xi32>
  tensorized.yield %c : tensor<20x30xi32>
}
func.func @main() {
  func.return
}
}
