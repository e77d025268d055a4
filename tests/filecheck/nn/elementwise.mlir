// RUN: tenon-opt %s --split-input-file | tenon-opt --split-input-file | filecheck %s

// CHECK-LABEL: func.func @bits
func.func @bits(%x : tensor<4xf32>, %i : tensor<4xui8>) {
  // CHECK: nn.cast(%x) : (tensor<4xf32>) -> tensor<4xf8E4M3FN>
  %small = nn.cast(%x) : (tensor<4xf32>) -> tensor<4xf8E4M3FN>
  // CHECK: nn.constant dense<[4.480000e+02, -0.000000e+00]> : tensor<2xf8E4M3FN>
  %most = nn.constant dense<[448.0, -0.0]> : tensor<2xf8E4M3FN>
  // CHECK: nn.constant dense<[-8, 7]> : tensor<2xi4>
  %nibbles = nn.constant dense<[-8, 7]> : tensor<2xi4>
  // CHECK: nn.bitcast(%x) : (tensor<4xf32>) -> tensor<4xi32>
  %0 = nn.bitcast(%x) : (tensor<4xf32>) -> tensor<4xi32>
  // CHECK: nn.elementwise shift_left(%i, %i)
  %1 = nn.elementwise shift_left(%i, %i) : (tensor<4xui8>, tensor<4xui8>) -> tensor<4xui8>
  func.return
}
