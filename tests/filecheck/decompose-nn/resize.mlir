// RUN: tenon-opt %s -p decompose-nn --split-input-file | filecheck %s
// RUN: tenon-opt %s -p decompose-nn --split-input-file --check-semantics -o /dev/null

// An integer scale of the nearest mode repeats elements.
// CHECK-LABEL: func.func @nearest
// CHECK-NEXT: nn.reshape(%x) : (tensor<2x3xf32>) -> tensor<2x3x1xf32>
// CHECK-NEXT: nn.broadcast({{.*}}) : (tensor<2x3x1xf32>) -> tensor<2x3x2xf32>
// CHECK-NEXT: nn.reshape({{.*}}) : (tensor<2x3x2xf32>) -> tensor<2x6xf32>
// CHECK-NEXT: func.return
func.func @nearest(%x : tensor<2x3xf32>) -> tensor<2x6xf32> {
  %0 = nn.resize nearest(%x) sizes [2, 6] scales [1.0, 2.0] roi [] coordinates half_pixel rounding round_prefer_floor cubic -0.75 exclude_outside false antialias false extrapolation 0.0 : (tensor<2x3xf32>) -> tensor<2x6xf32>
  func.return %0 : tensor<2x6xf32>
}

// -----

// Twice as many: even and odd elements are two slices each, of x with its edges repeated.
// CHECK-LABEL: func.func @twice
// CHECK: %[[e:.*]] = nn.concat({{.*}}, %x, {{.*}}) axis 1 : (tensor<2x1xf32>, tensor<2x3xf32>, tensor<2x1xf32>) -> tensor<2x5xf32>
// CHECK: nn.slice(%[[e]]) starts [0, 0] sizes [2, 3] strides [1, 1]
// CHECK: nn.slice(%[[e]]) starts [0, 1] sizes [2, 3] strides [1, 1]
// CHECK: nn.slice(%[[e]]) starts [0, 1] sizes [2, 3] strides [1, 1]
// CHECK: nn.slice(%[[e]]) starts [0, 2] sizes [2, 3] strides [1, 1]
// CHECK: nn.concat({{.*}}) axis 2 : (tensor<2x3x1xf32>, tensor<2x3x1xf32>) -> tensor<2x3x2xf32>
func.func @twice(%x : tensor<2x3xf32>) -> tensor<2x6xf32> {
  %0 = nn.resize linear(%x) sizes [2, 6] scales [1.0, 2.0] roi [] coordinates half_pixel rounding floor cubic -0.75 exclude_outside false antialias false extrapolation 0.0 : (tensor<2x3xf32>) -> tensor<2x6xf32>
  func.return %0 : tensor<2x6xf32>
}

// -----

// Corners that stay in their places have no period: each tap is a gather.
// CHECK-LABEL: func.func @corners
// CHECK: nn.gather(%x, {{.*}}) axis 1
// CHECK: nn.gather(%x, {{.*}}) axis 1
func.func @corners(%x : tensor<2x4xf32>) -> tensor<2x7xf32> {
  %0 = nn.resize linear(%x) sizes [2, 7] scales [1.0, 1.75] roi [] coordinates align_corners rounding floor cubic -0.75 exclude_outside false antialias false extrapolation 0.0 : (tensor<2x4xf32>) -> tensor<2x7xf32>
  func.return %0 : tensor<2x7xf32>
}

// -----

// CHECK-LABEL: func.func @crop
// CHECK: nn.elementwise or
// CHECK: nn.elementwise where
func.func @crop(%x : tensor<4x4xf32>) -> tensor<3x3xf32> {
  %0 = nn.resize linear(%x) sizes [3, 3] scales [0.75, 0.75] roi [-0.5, 0.0, 1.0, 1.5] coordinates tf_crop_and_resize rounding floor cubic -0.75 exclude_outside false antialias false extrapolation 7.0 : (tensor<4x4xf32>) -> tensor<3x3xf32>
  func.return %0 : tensor<3x3xf32>
}
