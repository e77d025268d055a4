// RUN: tenon-opt %s --split-input-file --verify-diagnostics | filecheck %s

// CHECK: arg_reduce: 'mean' is unknown, expected one of max, min
func.func @f(%x : tensor<4x9xf32>) {
  %0 = nn.arg_reduce mean(%x) axis 1 last true : (tensor<4x9xf32>) -> tensor<4x1xi64>
  func.return
}

// -----

// CHECK: arg_reduce: axis 2 is not within the rank 2
func.func @f(%x : tensor<4x9xf32>) {
  %0 = nn.arg_reduce max(%x) axis 2 last true : (tensor<4x9xf32>) -> tensor<4x1xi64>
  func.return
}

// -----

// CHECK: arg_reduce: axis 1 has no elements
func.func @f(%x : tensor<4x0xf32>) {
  %0 = nn.arg_reduce max(%x) axis 1 last true : (tensor<4x0xf32>) -> tensor<4x1xi64>
  func.return
}

// -----

// CHECK: top_k: 10 of the 9 elements of axis 1
func.func @f(%x : tensor<4x9xf32>) {
  %0 = nn.top_k(%x) axis 1 k 10 largest true : (tensor<4x9xf32>) -> tensor<4x10xi64>
  func.return
}

// -----

// CHECK: cumulate: 'max' is unknown, expected one of sum, prod
func.func @f(%x : tensor<4x9xf32>) {
  %0 = nn.cumulate max(%x) axis 0 exclusive true reverse false : (tensor<4x9xf32>) -> tensor<4x9xf32>
  func.return
}

// -----

// CHECK: cumulate: element type i1 is not a number
func.func @f(%x : tensor<4x9xi1>) {
  %0 = nn.cumulate sum(%x) axis 0 exclusive true reverse false : (tensor<4x9xi1>) -> tensor<4x9xi1>
  func.return
}

// -----

// CHECK: scatter: 'sub' is unknown, expected one of replace, add, mul, max, min
func.func @f(%x : tensor<4xf32>, %i : tensor<3xi64>, %u : tensor<3xf32>) {
  %0 = nn.scatter sub(%x, %i, %u) : (tensor<4xf32>, tensor<3xi64>, tensor<3xf32>) -> tensor<4xf32>
  func.return
}

// -----

// CHECK: scatter: x 4, indices 3 and updates 2 do not belong together
func.func @f(%x : tensor<4xf32>, %i : tensor<3xi64>, %u : tensor<2xf32>) {
  %0 = nn.scatter add(%x, %i, %u) : (tensor<4xf32>, tensor<3xi64>, tensor<2xf32>) -> tensor<4xf32>
  func.return
}

// -----

// CHECK: scatter add: element type i1 is not a number
func.func @f(%x : tensor<4xi1>, %i : tensor<3xi64>, %u : tensor<3xi1>) {
  %0 = nn.scatter add(%x, %i, %u) : (tensor<4xi1>, tensor<3xi64>, tensor<3xi1>) -> tensor<4xi1>
  func.return
}

// -----

// CHECK: scatter_elements: x 4x9, indices 3x2 and updates 3x2 do not belong together along axis 1
func.func @f(%x : tensor<4x9xf32>, %i : tensor<3x2xi64>, %u : tensor<3x2xf32>) {
  %0 = nn.scatter_elements add(%x, %i, %u) axis 1 : (tensor<4x9xf32>, tensor<3x2xi64>, tensor<3x2xf32>) -> tensor<4x9xf32>
  func.return
}
