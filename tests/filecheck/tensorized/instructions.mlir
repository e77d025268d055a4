// RUN: tenon-opt %s | filecheck %s
// RUN: tenon-opt %s | tenon-opt | filecheck %s
// RUN: tenon-opt %s --print-debuginfo | tenon-opt | filecheck %s

// What instructions may say of themselves, and an elementwise one inside a body.

// CHECK: tensorized.instruction @tile intrinsic "llvm.x86.tdpbusd.internal" mnemonic "tdpbusd" latency 52 cycles 16 tile [16, 64, 64] loops (i: parallel 16, j: parallel 16, r: reduction 64)
// CHECK-SAME: %b: vector<1024xi8> at (r floordiv 4 * 64 + j * 4 + r mod 4)
tensorized.instruction @tile intrinsic "llvm.x86.tdpbusd.internal" mnemonic "tdpbusd" latency 52 cycles 16 tile [16, 64, 64]
  loops (i: parallel 16, j: parallel 16, r: reduction 64)
  (inout %acc: vector<256xi32> at (i * 16 + j), %a: vector<1024xi8> at (i * 64 + r), %b: vector<1024xi8> at (r floordiv 4 * 64 + j * 4 + r mod 4)) {
  %x = arith.extui %a : i8 to i32
  %y = arith.extsi %b : i8 to i32
  %p = arith.muli %x, %y : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
}

// CHECK: tensorized.instruction @round loops (i: parallel 4) (%x: vector<4xf32> at (i), out %y: vector<4xi32> at (i)) {
tensorized.instruction @round loops (i: parallel 4) (%x: vector<4xf32> at (i), out %y: vector<4xi32> at (i)) {
  %r = math.roundeven %x : f32
  %s = arith.fptosi %r : f32 to i32
  tensorized.yield %s : i32
}
func.func @f(%x: f32) -> i32 {
  // CHECK: %y = tensorized.compute @round(%x) : (f32) -> i32
  %y = tensorized.compute @round(%x) : (f32) -> i32
  func.return %y : i32
}
