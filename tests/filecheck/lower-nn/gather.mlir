// RUN: tenon-opt %s -p lower-nn --split-input-file --check-semantics | filecheck %s

// Rows of a table: the position in a row comes from an iota, the row from the indices, clamped.
// CHECK-LABEL: func.func @rows
// CHECK: %[[along:.*]] = nn.iota() : () -> tensor<8xi64>
// CHECK: linalg.generic
// CHECK-SAME: affine_map<(d0, d1, d2, d3) -> (d0, d2)>, affine_map<(d0, d1, d2, d3) -> (d3)>
// CHECK: arith.addi {{.*}} : i64
// CHECK: arith.maxsi {{.*}} : i64
// CHECK: arith.minsi {{.*}} : i64
// CHECK: tensor.extract %{{.*}}[{{.*}}] : tensor<1x1x10x8xf32>
// CHECK: linalg.yield
func.func @rows(%x : tensor<10x8xf32>, %i : tensor<5xi64>) -> tensor<5x8xf32> {
  %0 = nn.gather(%x, %i) axis 0 batch 0 : (tensor<10x8xf32>, tensor<5xi64>) -> tensor<5x8xf32>
  func.return %0 : tensor<5x8xf32>
}

// -----

// Unsigned indices do not count from the end.
// CHECK-LABEL: func.func @along_an_axis
// CHECK: linalg.generic
// CHECK: arith.extui {{.*}} : i8 to i64
// CHECK-NOT: arith.addi
// CHECK: tensor.extract
func.func @along_an_axis(%x : tensor<3x4xf32>, %i : tensor<3x2xui8>) -> tensor<3x2xf32> {
  %0 = nn.gather_elements(%x, %i) axis 1 : (tensor<3x4xf32>, tensor<3x2xui8>) -> tensor<3x2xf32>
  func.return %0 : tensor<3x2xf32>
}
