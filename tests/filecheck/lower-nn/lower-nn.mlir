// RUN: tenon-opt %s -p lower-nn --split-input-file | filecheck %s

// CHECK-LABEL: func.func @conv
// CHECK: %[[w:.*]] = nn.constant
// CHECK-NEXT: %[[pad:.*]] = tensor.pad %x low[0, 0, 1, 1] high[0, 0, 1, 1]
// CHECK: tensor.yield
// CHECK: %[[empty:.*]] = tensor.empty() : tensor<1x16x4x4xf32>
// CHECK-NEXT: %[[start:.*]] = linalg.generic {{.*}} outs(%[[empty]]
// CHECK: arith.constant 0.000000e+00 : f32
// CHECK: linalg.generic
// CHECK-SAME: affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d4, ((d2 * 2) + d5), ((d3 * 2) + d6))>
// CHECK-SAME: affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d1, d4, d5, d6)>
// CHECK-SAME: affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d1, d2, d3)>
// CHECK-SAME: iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]
// CHECK-SAME: ins(%[[pad]], %[[w]] {{.*}} outs(%[[start]]
// CHECK-NEXT: ^bb0(%[[a:.*]]: f32, %[[b:.*]]: f32, %[[acc:.*]]: f32):
// CHECK-NEXT: %[[p:.*]] = arith.mulf %[[a]], %[[b]] : f32
// CHECK-NEXT: %[[s:.*]] = arith.addf %[[acc]], %[[p]] : f32
// CHECK-NEXT: linalg.yield %[[s]] : f32
func.func @conv(%x : tensor<1x8x8x8xf32>) -> tensor<1x16x4x4xf32> {
  %w = nn.constant #nn.weight<"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", tensor<16x8x3x3xf32>>
  %0 = nn.conv(%x, %w) strides [2, 2] pads [1, 1, 1, 1] dilations [1, 1] groups 1 : (tensor<1x8x8x8xf32>, tensor<16x8x3x3xf32>) -> tensor<1x16x4x4xf32>
  func.return %0 : tensor<1x16x4x4xf32>
}

// -----

// CHECK-LABEL: func.func @depthwise
// CHECK: nn.reshape({{.*}}) : (tensor<8x1x3x3xf32>) -> tensor<8x3x3xf32>
// CHECK: iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction"]
func.func @depthwise(%x : tensor<1x8x8x8xf32>) -> tensor<1x8x6x6xf32> {
  %w = nn.constant #nn.weight<"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", tensor<8x1x3x3xf32>>
  %0 = nn.conv(%x, %w) strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 8 : (tensor<1x8x8x8xf32>, tensor<8x1x3x3xf32>) -> tensor<1x8x6x6xf32>
  func.return %0 : tensor<1x8x6x6xf32>
}

// -----

// CHECK-LABEL: func.func @grouped
// CHECK: tensor.expand_shape %x {{.*}} : tensor<1x8x8x8xf32> into tensor<1x2x4x8x8xf32>
// CHECK: nn.reshape({{.*}}) : (tensor<6x4x1x1xf32>) -> tensor<2x3x4x1x1xf32>
// CHECK: tensor.collapse_shape {{.*}} : tensor<1x2x3x8x8xf32> into tensor<1x6x8x8xf32>
func.func @grouped(%x : tensor<1x8x8x8xf32>) -> tensor<1x6x8x8xf32> {
  %w = nn.constant #nn.weight<"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", tensor<6x4x1x1xf32>>
  %0 = nn.conv(%x, %w) strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 2 : (tensor<1x8x8x8xf32>, tensor<6x4x1x1xf32>) -> tensor<1x6x8x8xf32>
  func.return %0 : tensor<1x6x8x8xf32>
}

// -----

// CHECK-LABEL: func.func @max_pool
// CHECK: arith.constant 0xff800000 : f32
// CHECK: %[[window:.*]] = tensor.empty() : tensor<3x3xf32>
// CHECK: affine_map<(d0, d1, d2, d3, d4, d5) -> (d4, d5)>
// CHECK: arith.maximumf
func.func @max_pool(%x : tensor<1x8x8x8xf32>) -> tensor<1x8x4x4xf32> {
  %0 = nn.pool max(%x) kernel [3, 3] strides [2, 2] pads [1, 1, 1, 1] dilations [1, 1] ceil_mode false count_include_pad false : (tensor<1x8x8x8xf32>) -> tensor<1x8x4x4xf32>
  func.return %0 : tensor<1x8x4x4xf32>
}

// -----

// An operand that broadcasts is read at 0, a parameter stays an operand, compile-time ops stay.
// CHECK-LABEL: func.func @elementwise
// CHECK: %[[b:.*]] = nn.elementwise neg
// CHECK: linalg.generic
// CHECK-SAME: affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, 0)>, affine_map<(d0, d1) -> (d0, d1)>
// CHECK-SAME: ins(%x, %[[b]] :
// CHECK: arith.addf
func.func @elementwise(%x : tensor<2x4xf32>) -> tensor<2x4xf32> {
  %c = nn.constant dense<[[1.0], [2.0]]> : tensor<2x1xf32>
  %b = nn.elementwise neg(%c) : (tensor<2x1xf32>) -> tensor<2x1xf32>
  %0 = nn.elementwise add(%x, %b) : (tensor<2x4xf32>, tensor<2x1xf32>) -> tensor<2x4xf32>
  func.return %0 : tensor<2x4xf32>
}

// -----

// CHECK-LABEL: func.func @reshape
// CHECK-NEXT: tensor.collapse_shape %x {{\[}}{{\[}}0 : i64], [1 : i64, 2 : i64]] : tensor<6x4x5xf32> into tensor<6x20xf32>
// CHECK-NEXT: tensor.expand_shape {{.*}} : tensor<6x20xf32> into tensor<2x3x20xf32>
func.func @reshape(%x : tensor<6x4x5xf32>) -> tensor<2x3x20xf32> {
  %0 = nn.reshape(%x) : (tensor<6x4x5xf32>) -> tensor<2x3x20xf32>
  func.return %0 : tensor<2x3x20xf32>
}

// -----

// A bound that is one number is part of the body; one for each channel, or of run time, is an operand.

// CHECK-LABEL: func.func @bounds
// CHECK: linalg.generic
// CHECK-SAME: ins(%x : tensor<1x2x8xf32>)
// CHECK-NEXT: ^bb0(%[[x:.*]]: f32, %{{.*}}: f32):
// CHECK-NEXT: %[[low:.*]] = arith.constant 0.000000e+00 : f32
// CHECK-NEXT: %[[high:.*]] = arith.constant 6.000000e+00 : f32
// CHECK-NEXT: %[[m:.*]] = arith.maximumf %[[x]], %[[low]] : f32
// CHECK-NEXT: arith.minimumf %[[m]], %[[high]] : f32
// CHECK: linalg.generic
// CHECK-SAME: ins(%{{.*}}, %{{.*}} : tensor<1x2x8xf32>, tensor<2x1xf32>)
// CHECK: linalg.generic
// CHECK-SAME: ins(%{{.*}}, %u : tensor<1x2x8xf32>, tensor<f32>)
func.func @bounds(%x : tensor<1x2x8xf32>, %u : tensor<f32>) -> tensor<1x2x8xf32> {
  %low = nn.constant dense<0.0> : tensor<f32>
  %high = nn.constant dense<6.0> : tensor<2x1xf32>
  %each = nn.constant dense<[[1.0], [2.0]]> : tensor<2x1xf32>
  %0 = nn.elementwise clip(%x, %low, %high) : (tensor<1x2x8xf32>, tensor<f32>, tensor<2x1xf32>) -> tensor<1x2x8xf32>
  %1 = nn.elementwise max(%0, %each) : (tensor<1x2x8xf32>, tensor<2x1xf32>) -> tensor<1x2x8xf32>
  %2 = nn.elementwise min(%1, %u) : (tensor<1x2x8xf32>, tensor<f32>) -> tensor<1x2x8xf32>
  func.return %2 : tensor<1x2x8xf32>
}
