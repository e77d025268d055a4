// RUN: tenon-opt %s -p materialize-weights | filecheck %s
// RUN: tenon-opt %s -p materialize-weights,materialize-weights | filecheck %s

tensorized.kernel @scale(%x: tensor<4xf32>, %w: tensor<4xf32> constant) -> tensor<4xf32> {
  %e = tensorized.empty : tensor<4xf32>
  %y = tensorized.generic loops (i: parallel 4) ins(%x at (i) : tensor<4xf32>, %w at (i) : tensor<4xf32>)
    init(%e at (i) : tensor<4xf32>) {
  ^bb0(%a : f32, %b: f32, %old : f32):
    %p = arith.mulf %a, %b : f32
    tensorized.yield %p : f32
  } -> tensor<4xf32>
  tensorized.yield %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @main(%x: memref<4xf32>, %y: memref<4xf32> {tenon.output}, %z: memref<4xf32> {tenon.output},
// CHECK-SAME:    %weights: memref<128xi8> {tenon.weights}, %arena: memref<64xi8> {tenon.arena})
// CHECK-SAME:    attributes {tenon.weight_bytes = 128 : i64}
// CHECK-DAG:     %[[C0:.*]] = arith.constant 0 : index
// CHECK-DAG:     %[[C64:.*]] = arith.constant 64 : index
// CHECK:         %[[A:.*]] = memref.view %arena
// CHECK-NEXT:    %[[P:.*]] = memref.view %weights[%[[C0]]][] : memref<128xi8> to memref<4xf32>
// CHECK-NEXT:    tensorized.call @scale(%x, %[[P]], %[[A]]) : (memref<4xf32>, memref<4xf32>, memref<4xf32>) -> ()
// CHECK-NEXT:    tensorized.call @scale(%[[A]], %[[P]], %y) : (memref<4xf32>, memref<4xf32>, memref<4xf32>) -> ()
// CHECK-NEXT:    %[[W:.*]] = memref.view %weights[%[[C64]]][] : memref<128xi8> to memref<4xf32>
// CHECK-NEXT:    "memref.copy"(%[[W]], %z) : (memref<4xf32>, memref<4xf32>) -> ()
// CHECK-NEXT:    func.return
func.func @main(%x: memref<4xf32>, %y: memref<4xf32> {tenon.output}, %z: memref<4xf32> {tenon.output},
                %arena: memref<64xi8> {tenon.arena}) {
  %c0 = arith.constant 0 : index
  %a = memref.view %arena[%c0][] : memref<64xi8> to memref<4xf32>
  %w = nn.constant dense<2.0> : tensor<4xf32>
  %v = nn.constant dense<2.0> : tensor<4xf32>
  %unused = nn.constant dense<3.0> : tensor<4xf32>
  %p = nn.elementwise add(%w, %w) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %q = nn.elementwise add(%w, %v) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  tensorized.call @scale(%x, %p, %a) : (memref<4xf32>, tensor<4xf32>, memref<4xf32>) -> ()
  tensorized.call @scale(%a, %q, %y) : (memref<4xf32>, tensor<4xf32>, memref<4xf32>) -> ()
  bufferization.materialize_in_destination %v in writable %z : (tensor<4xf32>, memref<4xf32>) -> ()
  func.return
}

// Each distinct value is computed once and lies in the blob once; the dead constant is gone.
// CHECK-LABEL: func.func private @weights(%blob: memref<128xi8>) attributes {tenon.weights} {
// CHECK-DAG:     %[[C0:.*]] = arith.constant 0 : index
// CHECK-DAG:     %[[C64:.*]] = arith.constant 64 : index
// CHECK:         %[[W:.*]] = nn.constant dense<2.000000e+00> : tensor<4xf32>
// CHECK-NEXT:    %[[P:.*]] = nn.elementwise add(%[[W]], %[[W]])
// CHECK-NEXT:    %[[V0:.*]] = memref.view %blob[%[[C0]]][]
// CHECK-NEXT:    bufferization.materialize_in_destination %[[P]] in writable %[[V0]]
// CHECK-NEXT:    %[[V:.*]] = nn.constant dense<2.000000e+00> : tensor<4xf32>
// CHECK-NEXT:    %[[V1:.*]] = memref.view %blob[%[[C64]]][]
// CHECK-NEXT:    bufferization.materialize_in_destination %[[V]] in writable %[[V1]]
// CHECK-NEXT:    func.return
