// RUN: tenon-opt %s -p fold-batch-norm --split-input-file | filecheck %s
// RUN: tenon-opt %s -p fold-batch-norm --split-input-file --check-semantics -o /dev/null

// CHECK-LABEL: func.func @into_conv
// CHECK: nn.elementwise sqrt
// CHECK: %[[w:.*]] = nn.elementwise mul(%w,
// CHECK: %[[y:.*]] = nn.conv(%x, %[[w]], %{{.*}}) strides [1, 1]
// CHECK-NEXT: func.return %[[y]]
func.func @into_conv(%x : tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %w = nn.constant #nn.weight<"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", tensor<2x2x1x1xf32>>
  %p = nn.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %0 = nn.conv(%x, %w) strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x4x4xf32>
  %1 = nn.batch_norm(%0, %p, %p, %p, %p) epsilon 1.0e-05 : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  func.return %1 : tensor<1x2x4x4xf32>
}

// -----

// CHECK-LABEL: func.func @alone
// CHECK: %[[a:.*]] = nn.reshape({{.*}}) : (tensor<2xf32>) -> tensor<2x1x1xf32>
// CHECK-NEXT: %[[m:.*]] = nn.elementwise mul(%x, %[[a]])
// CHECK-NEXT: %[[b:.*]] = nn.reshape
// CHECK-NEXT: nn.elementwise add(%[[m]], %[[b]])
// CHECK-NOT: nn.batch_norm
func.func @alone(%x : tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %p = nn.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %0 = nn.batch_norm(%x, %p, %p, %p, %p) epsilon 1.0e-05 : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  func.return %0 : tensor<1x2x4x4xf32>
}

// -----

// CHECK-LABEL: func.func @into_conv_transpose
// CHECK: %[[f:.*]] = nn.reshape({{.*}}) : (tensor<4xf32>) -> tensor<2x1x2x1x1xf32>
// CHECK: nn.elementwise mul({{.*}}, %[[f]]) : (tensor<2x1x2x1x1xf32>, tensor<2x1x2x1x1xf32>) -> tensor<2x1x2x1x1xf32>
// CHECK: %[[y:.*]] = nn.conv_transpose(%x, %{{.*}}, %{{.*}}) strides [2, 2]
// CHECK-NEXT: func.return %[[y]]
func.func @into_conv_transpose(%x : tensor<1x2x4x4xf32>) -> tensor<1x4x7x7xf32> {
  %w = nn.constant dense<[[[[0.5]], [[2.0]]], [[[1.5]], [[3.0]]]]> : tensor<2x2x1x1xf32>
  %p = nn.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %0 = nn.conv_transpose(%x, %w, %p) strides [2, 2] pads [0, 0, 0, 0] dilations [1, 1] groups 2 : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>, tensor<4xf32>) -> tensor<1x4x7x7xf32>
  %1 = nn.batch_norm(%0, %p, %p, %p, %p) epsilon 1.0e-05 : (tensor<1x4x7x7xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<1x4x7x7xf32>
  func.return %1 : tensor<1x4x7x7xf32>
}
