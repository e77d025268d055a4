// RUN: tenon-opt %s -p lower-nn,fold-transposes --check-semantics | filecheck %s

// The product reads the keys where they lie; a copy that a return reads stays.

// CHECK-LABEL: func.func @keys
// CHECK-NOT:     ins(%k : tensor<5x2x4xf32>) outs
// CHECK:         affine_map<(d0, d1, d2, d3) -> (d2, d0, d3)>
// CHECK-SAME:      ins(%q, %k : tensor<2x3x4xf32>, tensor<5x2x4xf32>)
func.func @keys(%q: tensor<2x3x4xf32>, %k: tensor<5x2x4xf32>) -> tensor<2x3x5xf32> {
  %t = nn.transpose(%k) perm [1, 2, 0] : (tensor<5x2x4xf32>) -> tensor<2x4x5xf32>
  %s = nn.matmul(%q, %t) : (tensor<2x3x4xf32>, tensor<2x4x5xf32>) -> tensor<2x3x5xf32>
  func.return %s : tensor<2x3x5xf32>
}

// CHECK-LABEL: func.func @returned
// CHECK:         %t = linalg.generic
// CHECK-SAME:      ins(%x : tensor<2x3xf32>)
// CHECK:         %n = linalg.generic
// CHECK-SAME:      ins(%x : tensor<2x3xf32>)
// CHECK:         func.return %t, %n
func.func @returned(%x: tensor<2x3xf32>) -> (tensor<3x2xf32>, tensor<3x2xf32>) {
  %t = nn.transpose(%x) perm [1, 0] : (tensor<2x3xf32>) -> tensor<3x2xf32>
  %n = nn.elementwise neg(%t) : (tensor<3x2xf32>) -> tensor<3x2xf32>
  func.return %t, %n : tensor<3x2xf32>, tensor<3x2xf32>
}

// A loop that only the repeated operand has keeps its extent: the broadcast stays.

// CHECK-LABEL: func.func @repeated
// CHECK:         %b = linalg.generic
// CHECK-SAME:      ins(%x : tensor<3x1xf32>)
// CHECK:         %s = linalg.generic
// CHECK-SAME:      ins(%b : tensor<3x4xf32>)
func.func @repeated(%x: tensor<3x1xf32>) -> tensor<3xf32> {
  %b = nn.broadcast(%x) : (tensor<3x1xf32>) -> tensor<3x4xf32>
  %s = nn.reduce sum(%b) axes [1] keepdims false : (tensor<3x4xf32>) -> tensor<3xf32>
  func.return %s : tensor<3xf32>
}
