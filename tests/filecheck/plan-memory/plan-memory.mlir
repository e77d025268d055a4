// RUN: tenon-opt %s -p plan-memory --split-input-file --verify-diagnostics --print-debuginfo | filecheck %s
// RUN: tenon-opt %s -p plan-memory --split-input-file --verify-diagnostics --check-semantics

tensorized.kernel @double(%x: tensor<8x16xf32>) -> tensor<8x16xf32> {
  %e = tensorized.empty : tensor<8x16xf32>
  %y = tensorized.generic loops (i: parallel 8, j: parallel 16) ins(%x at (i, j) : tensor<8x16xf32>)
    init(%e at (i, j) : tensor<8x16xf32>) {
  ^bb0(%a : f32, %old : f32):
    %p = arith.addf %a, %a : f32
    tensorized.yield %p : f32
  } -> tensor<8x16xf32>
  tensorized.yield %y : tensor<8x16xf32>
}
tensorized.kernel @transpose(%x: tensor<8x16xf32>) -> tensor<16x8xf32> {
  %e = tensorized.empty : tensor<16x8xf32>
  %y = tensorized.generic loops (i: parallel 16, j: parallel 8) ins(%x at (j, i) : tensor<8x16xf32>)
    init(%e at (i, j) : tensor<16x8xf32>) {
  ^bb0(%a : f32, %old : f32):
    tensorized.yield %a : f32
  } -> tensor<16x8xf32>
  tensorized.yield %y : tensor<16x8xf32>
}
tensorized.kernel @scale(%x: tensor<128xf32>, %w: tensor<16xf32> constant) -> tensor<8x16xf32> {
  %e = tensorized.empty : tensor<8x16xf32>
  %y = tensorized.generic loops (i: parallel 8, j: parallel 16)
    ins(%x at (i * 16 + j) : tensor<128xf32>, %w at (j) : tensor<16xf32>) init(%e at (i, j) : tensor<8x16xf32>) {
  ^bb0(%a : f32, %b: f32, %old : f32):
    %p = arith.mulf %a, %b : f32
    tensorized.yield %p : f32
  } -> tensor<8x16xf32>
  tensorized.yield %y : tensor<8x16xf32>
}

// The second call works in place, a transpose cannot. The weights stay tensors.
// CHECK-LABEL: func.func @main(%x: memref<8x16xf32> {tenon.name = "in"}
// CHECK-SAME:    %output0: memref<8x16xf32> {tenon.name = "out", tenon.output}
// CHECK-SAME:    %arena: memref<1024xi8> {tenon.arena}
// CHECK-SAME:    attributes {tenon.arena_bytes = 1024 : i64, tenon.max_live_bytes = 1024 : i64}
// CHECK-DAG:     %c512 = arith.constant 512 : index
// CHECK-DAG:     %c0 = arith.constant 0 : index
// CHECK:         %w = nn.constant dense<2.000000e+00> : tensor<16xf32>
// CHECK-NEXT:    %0 = memref.view %arena[%c0][] : memref<1024xi8> to memref<8x16xf32> loc("first")
// CHECK-NEXT:    tensorized.call @double(%x, %0) : (memref<8x16xf32>, memref<8x16xf32>) -> () loc("first")
// CHECK-NEXT:    tensorized.call @double(%0, %0) : (memref<8x16xf32>, memref<8x16xf32>) -> () loc("second")
// CHECK-NEXT:    %1 = memref.view %arena[%c512][] : memref<1024xi8> to memref<16x8xf32> loc("third")
// CHECK-NEXT:    tensorized.call @transpose(%0, %1) : (memref<8x16xf32>, memref<16x8xf32>) -> () loc("third")
// CHECK-NEXT:    tensorized.call @scale(%1, %w, %output0)
// CHECK-SAME:      (memref<16x8xf32>, tensor<16xf32>, memref<8x16xf32>) -> () loc("fourth")
// CHECK-NEXT:    func.return
func.func @main(%x: tensor<8x16xf32> {tenon.name = "in"}) -> (tensor<8x16xf32> {tenon.name = "out"}) {
  %w = nn.constant dense<2.0> : tensor<16xf32>
  %0 = tensorized.call @double(%x) : (tensor<8x16xf32>) -> tensor<8x16xf32> loc("first")
  %1 = tensorized.call @double(%0) : (tensor<8x16xf32>) -> tensor<8x16xf32> loc("second")
  %2 = tensorized.call @transpose(%1) : (tensor<8x16xf32>) -> tensor<16x8xf32> loc("third")
  %3 = tensorized.call @scale(%2, %w) : (tensor<16x8xf32>, tensor<16xf32>) -> tensor<8x16xf32> loc("fourth")
  func.return %3 : tensor<8x16xf32>
}

// An argument, a compile-time value and a value returned twice are copied; a returned value may be read on.
// CHECK-LABEL: func.func @copies
// CHECK-SAME:    %arena: memref<0xi8>
// CHECK:         %w = nn.constant
// CHECK-NEXT:    tensorized.call @double(%x, %output0)
// CHECK-NEXT:    tensorized.call @transpose(%output0, %output4)
// CHECK-NEXT:    "memref.copy"(%output0, %output1)
// CHECK-NEXT:    "memref.copy"(%x, %output2)
// CHECK-NEXT:    bufferization.materialize_in_destination %w in writable %output3 : (tensor<16xf32>, memref<16xf32>) -> ()
// CHECK-NEXT:    func.return
func.func @copies(%x: tensor<8x16xf32>)
    -> (tensor<8x16xf32>, tensor<8x16xf32>, tensor<8x16xf32>, tensor<16xf32>, tensor<16x8xf32>) {
  %w = nn.constant dense<2.0> : tensor<16xf32>
  %0 = tensorized.call @double(%x) : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %1 = tensorized.call @transpose(%0) : (tensor<8x16xf32>) -> tensor<16x8xf32>
  func.return %0, %0, %x, %w, %1 : tensor<8x16xf32>, tensor<8x16xf32>, tensor<8x16xf32>, tensor<16xf32>, tensor<16x8xf32>
}

// CHECK-LABEL: func.func private @left_alone(%x: tensor<2xf32>
func.func private @left_alone(%x: tensor<2xf32>) -> tensor<2xf32> {
  func.return %x : tensor<2xf32>
}

// -----

// CHECK: plan-memory: nn.elementwise in @main is neither a kernel call nor known at compile time
func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %y = nn.elementwise relu(%x) : (tensor<2xf32>) -> tensor<2xf32>
  func.return %y : tensor<2xf32>
}
