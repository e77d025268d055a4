// RUN: tenon-opt %s -p 'convert-precision{to=bf16},canonicalize,cse' | filecheck %s
// RUN: tenon-opt %s -p 'convert-precision{to=fp32}' | filecheck %s --check-prefix=SAME
// RUN: not tenon-opt %s -p 'convert-precision{to=fp8}' 2>&1 | filecheck %s --check-prefix=UNKNOWN

// UNKNOWN: unknown precision 'fp8': expected one of fp32, bf16
// SAME-NOT: nn.cast

// Operands of products are rounded, sums and biases are not; between two of them bf16 is kept.

// CHECK-LABEL: func.func @chain
func.func @chain(%x: tensor<4x8xf32>, %b: tensor<6xf32>) -> tensor<4x3xf32> {
  // CHECK: [[X16:%.*]] = nn.cast(%x) : (tensor<4x8xf32>) -> tensor<4x8xbf16>
  // CHECK: [[X:%.*]] = nn.cast([[X16]]) : (tensor<4x8xbf16>) -> tensor<4x8xf32>
  // CHECK: [[P:%.*]] = nn.matmul([[X]],
  // CHECK: [[S:%.*]] = nn.elementwise add([[P]], %b)
  // CHECK: [[R:%.*]] = nn.elementwise relu([[S]])
  // CHECK: [[R16:%.*]] = nn.cast([[R]]) : (tensor<4x6xf32>) -> tensor<4x6xbf16>
  // CHECK: nn.cast([[R16]]) : (tensor<4x6xbf16>) -> tensor<4x6xf32>
  // CHECK: [[Y:%.*]] = nn.matmul
  // CHECK: func.return [[Y]] : tensor<4x3xf32>
  %w = nn.constant #nn.weight<"1111111111111111111111111111111111111111111111111111111111111111", tensor<8x6xf32>>
  %v = nn.constant #nn.weight<"2222222222222222222222222222222222222222222222222222222222222222", tensor<6x3xf32>>
  %p = nn.matmul(%x, %w) : (tensor<4x8xf32>, tensor<8x6xf32>) -> tensor<4x6xf32>
  %s = nn.elementwise add(%p, %b) : (tensor<4x6xf32>, tensor<6xf32>) -> tensor<4x6xf32>
  %r = nn.elementwise relu(%s) : (tensor<4x6xf32>) -> tensor<4x6xf32>
  %y = nn.matmul(%r, %v) : (tensor<4x6xf32>, tensor<6x3xf32>) -> tensor<4x3xf32>
  func.return %y : tensor<4x3xf32>
}

// Both operands of the sum come from products: the first waits in memory, as bf16; what only softmax reads
// stays f32; what is moved is moved as bf16.

// CHECK-LABEL: func.func @residual
func.func @residual(%x: tensor<4x8xf32>, %z: tensor<4x8xf32>, %w: tensor<8x8xf32>) -> tensor<4x8xf32> {
  // CHECK: [[P:%.*]] = nn.matmul
  // CHECK: [[P16:%.*]] = nn.cast([[P]]) : (tensor<4x8xf32>) -> tensor<4x8xbf16>
  // CHECK: [[PW:%.*]] = nn.cast([[P16]])
  // CHECK: [[Q:%.*]] = nn.matmul
  // CHECK: [[S:%.*]] = nn.elementwise add([[PW]], [[Q]])
  // CHECK: [[M:%.*]] = nn.softmax([[S]])
  // CHECK: [[M16:%.*]] = nn.cast([[M]]) : (tensor<4x8xf32>) -> tensor<4x8xbf16>
  // CHECK: nn.transpose([[M16]]) perm [1, 0] : (tensor<4x8xbf16>) -> tensor<8x4xbf16>
  // CHECK: [[T:%.*]] = nn.cast({{.*}}) : (tensor<8x4xbf16>) -> tensor<8x4xf32>
  // CHECK: nn.matmul([[T]],
  %p = nn.matmul(%x, %w) : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  %q = nn.matmul(%z, %w) : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  %s = nn.elementwise add(%p, %q) : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %m = nn.softmax(%s) axis 1 log false : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %t = nn.transpose(%m) perm [1, 0] : (tensor<4x8xf32>) -> tensor<8x4xf32>
  %y = nn.matmul(%t, %x) : (tensor<8x4xf32>, tensor<4x8xf32>) -> tensor<8x8xf32>
  %r = nn.elementwise add(%y, %w) : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %o = nn.slice(%r) starts [0, 0] sizes [4, 8] strides [1, 1] : (tensor<8x8xf32>) -> tensor<4x8xf32>
  func.return %o : tensor<4x8xf32>
}

// A depthwise convolution keeps its weights.

// CHECK-LABEL: func.func @depthwise
// CHECK-NOT:     tensor<4x1x3x3xbf16>
func.func @depthwise(%x: tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32> {
  %w = nn.constant #nn.weight<"3333333333333333333333333333333333333333333333333333333333333333", tensor<4x1x3x3xf32>>
  %y = nn.conv(%x, %w) strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 4
    : (tensor<1x4x8x8xf32>, tensor<4x1x3x3xf32>) -> tensor<1x4x8x8xf32>
  func.return %y : tensor<1x4x8x8xf32>
}
