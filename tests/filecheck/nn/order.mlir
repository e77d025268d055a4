// RUN: tenon-opt %s --split-input-file | tenon-opt --split-input-file | filecheck %s

// CHECK-LABEL: func.func @order
func.func @order(%x : tensor<4x9xf32>, %i : tensor<3xi64>, %u : tensor<3x9xf32>, %j : tensor<4x2xi32>, %v : tensor<4x2xf32>) {
  // CHECK: nn.arg_reduce max(%x) axis 1 last true : (tensor<4x9xf32>) -> tensor<4x1xi64>
  %0 = nn.arg_reduce max(%x) axis 1 last true : (tensor<4x9xf32>) -> tensor<4x1xi64>
  // CHECK: nn.top_k(%x) axis 1 k 5 largest false : (tensor<4x9xf32>) -> tensor<4x5xi64>
  %1 = nn.top_k(%x) axis 1 k 5 largest false : (tensor<4x9xf32>) -> tensor<4x5xi64>
  // CHECK: nn.cumulate prod(%x) axis 0 exclusive true reverse false : (tensor<4x9xf32>) -> tensor<4x9xf32>
  %2 = nn.cumulate prod(%x) axis 0 exclusive true reverse false : (tensor<4x9xf32>) -> tensor<4x9xf32>
  // CHECK: nn.scatter add(%x, %i, %u) : (tensor<4x9xf32>, tensor<3xi64>, tensor<3x9xf32>) -> tensor<4x9xf32>
  %3 = nn.scatter add(%x, %i, %u) : (tensor<4x9xf32>, tensor<3xi64>, tensor<3x9xf32>) -> tensor<4x9xf32>
  // CHECK: nn.scatter_elements replace(%x, %j, %v) axis 1
  %4 = nn.scatter_elements replace(%x, %j, %v) axis 1 : (tensor<4x9xf32>, tensor<4x2xi32>, tensor<4x2xf32>) -> tensor<4x9xf32>
  func.return
}
