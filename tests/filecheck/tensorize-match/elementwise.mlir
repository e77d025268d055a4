// RUN: tenon-opt %s -p 'attach-target{name=x86-64-v4},tensorize-match' | filecheck %s
// RUN: tenon-opt %s -p 'attach-target{name=x86-64-v4},tensorize-match' --check-semantics -o /dev/null
// RUN: tenon-opt %s -p 'attach-target{name=x86-64},tensorize-match' | filecheck %s --check-prefix=SSE

// What an elementwise instruction computes is found inside bodies; what is used elsewhere too stays.

// CHECK:      tensorized.kernel @narrow
// CHECK-SAME: lanes {i = 16}
// CHECK:      %[[M:.*]] = arith.mulf
// CHECK-NEXT: %[[R:.*]] = tensorized.compute @round_16xi32(%[[M]]) : (f32) -> i32
// CHECK-NEXT: %[[S:.*]] = arith.addi %[[R]], %{{.*}} : i32
// CHECK-NEXT: %[[C:.*]] = tensorized.compute @clamp_u8_16xi32(%[[S]]) : (i32) -> i8
// CHECK-NEXT: tensorized.yield %[[C]] : i8

// SSE:        tensorized.kernel @narrow
// SSE:        tensorized.compute @round_4xi32
// SSE-NOT:    tensorized.compute @clamp
// SSE:        llvm.trunc
tensorized.kernel @narrow(%x: tensor<100xi32>, %s: tensor<f32> constant, %z: tensor<i32> constant) -> tensor<100xi8> {
  %e = tensorized.empty : tensor<100xi8>
  %y = tensorized.generic loops (i: parallel 100) ins(%x at (i) : tensor<100xi32>, %s at () : tensor<f32>, %z at () : tensor<i32>) init(%e at (i) : tensor<100xi8>) {
  ^bb0(%a: i32, %f: f32, %n: i32, %u: i8):
    %0 = arith.sitofp %a : i32 to f32
    %1 = arith.mulf %0, %f : f32
    %2 = math.roundeven %1 : f32
    %3 = arith.fptosi %2 : f32 to i32
    %4 = arith.addi %3, %n : i32
    %5 = arith.constant 0 : i32
    %6 = arith.constant 255 : i32
    %7 = arith.maxsi %4, %5 : i32
    %8 = arith.minsi %7, %6 : i32
    %9 = llvm.trunc %8 overflow<nuw> : i32 to i8
    tensorized.yield %9 : i8
  } -> tensor<100xi8>
  tensorized.yield %y : tensor<100xi8>
}

// The rounded float is used again: the instruction would compute it twice.

// CHECK:      tensorized.kernel @shared
// CHECK:      math.roundeven
// CHECK-NOT:  tensorized.compute
// CHECK:      func.func
tensorized.kernel @shared(%x: tensor<64xf32>) -> tensor<64xf32> {
  %e = tensorized.empty : tensor<64xf32>
  %y = tensorized.generic loops (i: parallel 64) ins(%x at (i) : tensor<64xf32>) init(%e at (i) : tensor<64xf32>) {
  ^bb0(%a: f32, %u: f32):
    %0 = math.roundeven %a : f32
    %1 = arith.fptosi %0 : f32 to i32
    %2 = arith.sitofp %1 : i32 to f32
    %3 = arith.subf %2, %0 : f32
    tensorized.yield %3 : f32
  } -> tensor<64xf32>
  tensorized.yield %y : tensor<64xf32>
}
func.func @main(%x: tensor<100xi32>, %v: tensor<64xf32>) -> (tensor<100xi8>, tensor<64xf32>) {
  %s = nn.constant dense<5.0e-01> : tensor<f32>
  %z = nn.constant dense<7> : tensor<i32>
  %y = tensorized.call @narrow(%x, %s, %z) : (tensor<100xi32>, tensor<f32>, tensor<i32>) -> tensor<100xi8>
  %w = tensorized.call @shared(%v) : (tensor<64xf32>) -> tensor<64xf32>
  func.return %y, %w : tensor<100xi8>, tensor<64xf32>
}
