// RUN: tenon-opt %s --split-input-file --verify-diagnostics | filecheck %s

// CHECK: iota: result is tensor<7xf32>, expected one dimension of i64
func.func @f() {
  %0 = nn.iota() : () -> tensor<7xf32>
  func.return
}

// -----

// CHECK: gather: indices have element type f32, expected integers
func.func @f(%x : tensor<2x3xf32>, %i : tensor<5xf32>) {
  %0 = nn.gather(%x, %i) axis 1 batch 0 : (tensor<2x3xf32>, tensor<5xf32>) -> tensor<2x5xf32>
  func.return
}

// -----

// CHECK: gather: 2 indices from axis 1 of rank 2
func.func @f(%x : tensor<2x3xf32>, %i : tensor<5xi64>) {
  %0 = nn.gather(%x, %i, %i) axis 1 batch 0 : (tensor<2x3xf32>, tensor<5xi64>, tensor<5xi64>) -> tensor<2x5xf32>
  func.return
}

// -----

// CHECK: gather: the first 1 dimensions of 2x3 and indices 5x1 are no common batch before axis 1
func.func @f(%x : tensor<2x3xf32>, %i : tensor<5x1xi64>) {
  %0 = nn.gather(%x, %i) axis 1 batch 1 : (tensor<2x3xf32>, tensor<5x1xi64>) -> tensor<2x1xf32>
  func.return
}

// -----

// CHECK: gather: indices have shapes 5, 1, expected equal shapes
func.func @f(%x : tensor<2x3xf32>, %i : tensor<5xi64>, %j : tensor<1xi64>) {
  %0 = nn.gather(%x, %i, %j) axis 0 batch 0 : (tensor<2x3xf32>, tensor<5xi64>, tensor<1xi64>) -> tensor<5xf32>
  func.return
}

// -----

// CHECK: gather: nothing to take from, axis 0 of 0x3 is empty
func.func @f(%x : tensor<0x3xf32>, %i : tensor<5xi64>) {
  %0 = nn.gather(%x, %i) axis 0 batch 0 : (tensor<0x3xf32>, tensor<5xi64>) -> tensor<5x3xf32>
  func.return
}

// -----

// CHECK: gather_elements: indices 3x1 leave x 2x3
func.func @f(%x : tensor<2x3xf32>, %i : tensor<3x1xi64>) {
  %0 = nn.gather_elements(%x, %i) axis 1 : (tensor<2x3xf32>, tensor<3x1xi64>) -> tensor<3x1xf32>
  func.return
}

// -----

// CHECK: gather_elements: x 2x3 and indices 3 have no common axis 0
func.func @f(%x : tensor<2x3xf32>, %i : tensor<3xi64>) {
  %0 = nn.gather_elements(%x, %i) axis 0 : (tensor<2x3xf32>, tensor<3xi64>) -> tensor<3xf32>
  func.return
}

// -----

// CHECK: gather_elements: axis 1 of 2x0 is empty
func.func @f(%x : tensor<2x0xf32>, %i : tensor<2x1xi64>) {
  %0 = nn.gather_elements(%x, %i) axis 1 : (tensor<2x0xf32>, tensor<2x1xi64>) -> tensor<2x1xf32>
  func.return
}
