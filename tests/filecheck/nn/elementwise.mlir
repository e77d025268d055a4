// RUN: tenon-opt %s --split-input-file | tenon-opt --split-input-file | filecheck %s

// CHECK-LABEL: func.func @bits
func.func @bits(%x : tensor<4xf32>, %i : tensor<4xui8>) {
  // CHECK: nn.bitcast(%x) : (tensor<4xf32>) -> tensor<4xi32>
  %0 = nn.bitcast(%x) : (tensor<4xf32>) -> tensor<4xi32>
  // CHECK: nn.elementwise shift_left(%i, %i)
  %1 = nn.elementwise shift_left(%i, %i) : (tensor<4xui8>, tensor<4xui8>) -> tensor<4xui8>
  func.return
}
