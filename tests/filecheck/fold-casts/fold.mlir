// RUN: tenon-opt %s -p lower-nn,fold-casts,cse --check-semantics | filecheck %s

// The product widens what it reads, weights and padding included.

// CHECK-LABEL: func.func @conv
func.func @conv(%x: tensor<1x4x6x6xbf16>) -> tensor<1x8x6x6xf32> {
  // CHECK: tensor.pad %x
  // CHECK: arith.constant 0.000000e+00 : bf16
  // CHECK: tensor<1x4x6x6xbf16> to tensor<1x4x8x8xbf16>
  // CHECK: %y = linalg.generic
  // CHECK-SAME: ins({{.*}} : tensor<1x4x8x8xbf16>, tensor<8x4x3x3xbf16>)
  // CHECK: [[B:%.*]] = arith.extf {{.*}} : bf16 to f32
  // CHECK: [[A:%.*]] = arith.extf {{.*}} : bf16 to f32
  // CHECK: arith.mulf
  // CHECK: arith.addf
  %w = nn.constant #nn.weight<"1111111111111111111111111111111111111111111111111111111111111111", tensor<8x4x3x3xf32>>
  %n = nn.cast(%w) : (tensor<8x4x3x3xf32>) -> tensor<8x4x3x3xbf16>
  %v = nn.cast(%n) : (tensor<8x4x3x3xbf16>) -> tensor<8x4x3x3xf32>
  %a = nn.cast(%x) : (tensor<1x4x6x6xbf16>) -> tensor<1x4x6x6xf32>
  %y = nn.conv(%a, %v) strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1
    : (tensor<1x4x6x6xf32>, tensor<8x4x3x3xf32>) -> tensor<1x8x6x6xf32>
  func.return %y : tensor<1x8x6x6xf32>
}

// A transpose moves 16-bit floats; what is returned is widened by itself.

// CHECK-LABEL: func.func @moved
// CHECK:         ins(%x : tensor<4x6xbf16>) outs({{.*}} : tensor<6x4xbf16>)
// CHECK:         arith.extf
// CHECK:         func.return
func.func @moved(%x: tensor<4x6xbf16>) -> tensor<6x4xf32> {
  %a = nn.cast(%x) : (tensor<4x6xbf16>) -> tensor<4x6xf32>
  %t = nn.transpose(%a) perm [1, 0] : (tensor<4x6xf32>) -> tensor<6x4xf32>
  func.return %t : tensor<6x4xf32>
}

// f16 takes more to widen: a product, which reads each element often, reads f32.

// CHECK-LABEL: func.func @half
// CHECK:         ins({{.*}} : tensor<4x6xf32>, tensor<6x5xf32>)
func.func @half(%x: tensor<4x6xf16>, %y: tensor<6x5xf16>) -> tensor<4x5xf32> {
  %a = nn.cast(%x) : (tensor<4x6xf16>) -> tensor<4x6xf32>
  %b = nn.cast(%y) : (tensor<6x5xf16>) -> tensor<6x5xf32>
  %p = nn.matmul(%a, %b) : (tensor<4x6xf32>, tensor<6x5xf32>) -> tensor<4x5xf32>
  func.return %p : tensor<4x5xf32>
}
