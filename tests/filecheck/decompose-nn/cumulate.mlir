// RUN: tenon-opt %s -p decompose-nn --split-input-file --check-semantics | filecheck %s

// Four elements: two steps, of totals that end 1 and 2 elements before.
// CHECK-LABEL: func.func @sum
// CHECK: %[[a:.*]] = nn.slice(%x) starts [0, 0] sizes [2, 3] strides [1, 1]
// CHECK: %[[b:.*]] = nn.pad(%[[a]]) low [0, 1] high [0, 0] value -0.0
// CHECK: %[[c:.*]] = nn.elementwise add(%x, %[[b]])
// CHECK: nn.slice(%[[c]]) starts [0, 0] sizes [2, 2]
// CHECK: nn.pad({{.*}}) low [0, 2]
// CHECK: nn.elementwise add(%[[c]], {{.*}})
// CHECK-NOT: nn.slice
func.func @sum(%x : tensor<2x4xf32>) -> tensor<2x4xf32> {
  %0 = nn.cumulate sum(%x) axis 1 exclusive false reverse false : (tensor<2x4xf32>) -> tensor<2x4xf32>
  func.return %0 : tensor<2x4xf32>
}

// -----

// CHECK-LABEL: func.func @product_from_the_end
// CHECK: nn.cast({{.*}}) : (tensor<3xf16>) -> tensor<3xf32>
// CHECK: nn.slice({{.*}}) starts [1] sizes [2]
// CHECK: nn.pad({{.*}}) low [0] high [1] value 1.0
// CHECK: nn.cast({{.*}}) : (tensor<3xf32>) -> tensor<3xf16>
func.func @product_from_the_end(%x : tensor<3xf16>) -> tensor<3xf16> {
  %0 = nn.cumulate prod(%x) axis 0 exclusive true reverse true : (tensor<3xf16>) -> tensor<3xf16>
  func.return %0 : tensor<3xf16>
}
