// RUN: tenon-opt %s -p canonicalize --split-input-file | filecheck %s

// CHECK-LABEL: func.func @identities
// CHECK-NEXT: func.return %x, %x, %x, %x, %x, %x
func.func @identities(%x : tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>) {
  %0 = nn.reshape(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %1 = nn.transpose(%x) perm [0, 1] : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %2 = nn.concat(%x) axis 1 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %3 = nn.slice(%x) starts [0, 0] sizes [2, 3] strides [1, 1] : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %4 = nn.pad(%x) low [0, 0] high [0, 0] value 0.0 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %5 = nn.cast(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  func.return %0, %1, %2, %3, %4, %5 : tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>
}

// -----

// CHECK-LABEL: func.func @chains
func.func @chains(%x : tensor<2x3x4xf32>) -> (tensor<4x3x2xf32>, tensor<24xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>) {
  // CHECK-NEXT: nn.transpose(%x) perm [2, 1, 0] : (tensor<2x3x4xf32>) -> tensor<4x3x2xf32>
  %0 = nn.transpose(%x) perm [2, 0, 1] : (tensor<2x3x4xf32>) -> tensor<4x2x3xf32>
  %1 = nn.transpose(%0) perm [0, 2, 1] : (tensor<4x2x3xf32>) -> tensor<4x3x2xf32>
  // CHECK-NEXT: nn.reshape(%x) : (tensor<2x3x4xf32>) -> tensor<24xf32>
  %2 = nn.reshape(%x) : (tensor<2x3x4xf32>) -> tensor<6x4xf32>
  %3 = nn.reshape(%2) : (tensor<6x4xf32>) -> tensor<24xf32>
  // CHECK-NEXT: %[[r:.*]] = nn.elementwise relu(%x)
  %4 = nn.elementwise relu(%x) : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %5 = nn.elementwise relu(%4) : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %6 = nn.elementwise neg(%x) : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %7 = nn.elementwise neg(%6) : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %8 = nn.cast(%x) : (tensor<2x3x4xf32>) -> tensor<2x3x4xf64>
  %9 = nn.cast(%8) : (tensor<2x3x4xf64>) -> tensor<2x3x4xf32>
  // CHECK-NEXT: func.return %{{.*}}, %{{.*}}, %{{.*}}, %x, %x
  func.return %1, %3, %5, %7, %9 : tensor<4x3x2xf32>, tensor<24xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>
}

// -----

// CHECK-LABEL: func.func @neutral
// CHECK-NEXT: func.return %x, %x
func.func @neutral(%x : tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
  %one = nn.constant dense<1.0> : tensor<f32>
  %zero = nn.constant dense<-0.0> : tensor<2xf32>
  %0 = nn.elementwise mul(%one, %x) : (tensor<f32>, tensor<2xf32>) -> tensor<2xf32>
  %1 = nn.elementwise add(%x, %zero) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  func.return %0, %1 : tensor<2xf32>, tensor<2xf32>
}

// -----

// Adding +0.0 turns -0.0 into +0.0; a product of another shape is a broadcast; f64 does not fit in f32.
// CHECK-LABEL: func.func @inexact
func.func @inexact(%x : tensor<1xf32>, %d : tensor<1xf64>) -> (tensor<1xf32>, tensor<3xf32>, tensor<1xf64>) {
  %zero = nn.constant dense<0.0> : tensor<f32>
  %ones = nn.constant dense<1.0> : tensor<3xf32>
  // CHECK: nn.elementwise add
  %0 = nn.elementwise add(%x, %zero) : (tensor<1xf32>, tensor<f32>) -> tensor<1xf32>
  // CHECK-NEXT: nn.elementwise mul
  %1 = nn.elementwise mul(%x, %ones) : (tensor<1xf32>, tensor<3xf32>) -> tensor<3xf32>
  // CHECK-NEXT: nn.cast
  %2 = nn.cast(%d) : (tensor<1xf64>) -> tensor<1xf32>
  // CHECK-NEXT: nn.cast
  %3 = nn.cast(%2) : (tensor<1xf32>) -> tensor<1xf64>
  func.return %0, %1, %3 : tensor<1xf32>, tensor<3xf32>, tensor<1xf64>
}
