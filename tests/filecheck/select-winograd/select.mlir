// RUN: tenon-opt %s -p 'select-winograd' --split-input-file | filecheck %s
// RUN: tenon-opt %s -p 'select-winograd{tile=2}' --split-input-file | filecheck %s --check-prefix TWO
// RUN: tenon-opt %s -p 'select-winograd{tile=off}' --split-input-file | filecheck %s --check-prefix OFF
// RUN: tenon-opt %s -p 'select-winograd{tile=4}' --split-input-file --check-semantics -o /dev/null
// RUN: tenon-opt %s -p 'select-winograd{tile=2}' --split-input-file --check-semantics -o /dev/null

// OFF-NOT: winograd

// Many pixels: tiles of 4.
// CHECK-LABEL: func.func @wide
// CHECK: %[[v:.*]] = nn.winograd_input(%x) tile 4 pads [1, 1, 1, 1] : (tensor<1x32x28x28xf32>) -> tensor<36x49x32xf32>
// CHECK: %[[u:.*]] = nn.winograd_weights(%w) tile 4 : (tensor<64x32x3x3xf32>) -> tensor<36x32x64xf32>
// CHECK: %[[m:.*]] = nn.matmul(%[[v]], %[[u]]) : (tensor<36x49x32xf32>, tensor<36x32x64xf32>) -> tensor<36x49x64xf32>
// CHECK: %y = nn.winograd_output(%[[m]], %b) tile 4 extents [1, 28, 28] : (tensor<36x49x64xf32>, tensor<64xf32>) -> tensor<1x64x28x28xf32>
// TWO-LABEL: func.func @wide
// TWO: nn.winograd_input(%x) tile 2 pads [1, 1, 1, 1] : (tensor<1x32x28x28xf32>) -> tensor<16x196x32xf32>
func.func @wide(%x : tensor<1x32x28x28xf32>, %b : tensor<64xf32>) -> tensor<1x64x28x28xf32> {
  %w = nn.constant #nn.weight<"00000000000000000000000000000000000000000000000000000000000000a1", tensor<64x32x3x3xf32>>
  %y = nn.conv(%x, %w, %b) strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1 : (tensor<1x32x28x28xf32>, tensor<64x32x3x3xf32>, tensor<64xf32>) -> tensor<1x64x28x28xf32> loc("wide")
  func.return %y : tensor<1x64x28x28xf32>
}

// -----

// Few pixels and many weights: tiles of 2, whose weights are smaller.
// CHECK-LABEL: func.func @deep
// CHECK: nn.winograd_output({{.*}}) tile 2 extents [1, 7, 7] : (tensor<16x16x256xf32>) -> tensor<1x256x7x7xf32>
// TWO-LABEL: func.func @deep
func.func @deep(%x : tensor<1x256x7x7xf32>) -> tensor<1x256x7x7xf32> {
  %w = nn.constant #nn.weight<"00000000000000000000000000000000000000000000000000000000000000a2", tensor<256x256x3x3xf32>>
  %y = nn.conv(%x, %w) strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1 : (tensor<1x256x7x7xf32>, tensor<256x256x3x3xf32>) -> tensor<1x256x7x7xf32>
  func.return %y : tensor<1x256x7x7xf32>
}

// -----

// A few pixels: fetching the weights takes longer than the products.
// CHECK-LABEL: func.func @small
// CHECK: nn.conv
// TWO-LABEL: func.func @small
// TWO: nn.winograd_output
func.func @small(%x : tensor<1x64x3x3xf32>) -> tensor<1x64x3x3xf32> {
  %w = nn.constant #nn.weight<"00000000000000000000000000000000000000000000000000000000000000a3", tensor<64x64x3x3xf32>>
  %y = nn.conv(%x, %w) strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1 : (tensor<1x64x3x3xf32>, tensor<64x64x3x3xf32>) -> tensor<1x64x3x3xf32>
  func.return %y : tensor<1x64x3x3xf32>
}

// -----

// What the algorithm does not compute stays: strides, dilations, groups, other kernels, other types, one channel,
// weights that are computed.
// CHECK-LABEL: func.func @others
// CHECK: nn.conv
// CHECK: nn.conv
// CHECK: nn.conv
// CHECK: nn.conv
// CHECK: nn.conv
// CHECK: nn.conv
// CHECK: nn.conv
// CHECK-NOT: winograd
// TWO-LABEL: func.func @others
// TWO: nn.conv
// TWO: nn.conv
// TWO: nn.conv
// TWO: nn.conv
// TWO: nn.conv
// TWO: nn.conv
// TWO: nn.conv
// TWO-NOT: winograd
func.func @others(%x : tensor<1x4x28x28xf32>, %h : tensor<1x4x28x28xf16>, %v : tensor<4x4x3x3xf32>) {
  %w = nn.constant #nn.weight<"00000000000000000000000000000000000000000000000000000000000000a4", tensor<4x4x3x3xf32>>
  %0 = nn.conv(%x, %w) strides [2, 2] pads [1, 1, 1, 1] dilations [1, 1] groups 1 : (tensor<1x4x28x28xf32>, tensor<4x4x3x3xf32>) -> tensor<1x4x14x14xf32>
  %1 = nn.conv(%x, %w) strides [1, 1] pads [1, 1, 1, 1] dilations [1, 2] groups 1 : (tensor<1x4x28x28xf32>, tensor<4x4x3x3xf32>) -> tensor<1x4x28x26xf32>
  %g = nn.constant #nn.weight<"00000000000000000000000000000000000000000000000000000000000000a5", tensor<4x2x3x3xf32>>
  %2 = nn.conv(%x, %g) strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 2 : (tensor<1x4x28x28xf32>, tensor<4x2x3x3xf32>) -> tensor<1x4x28x28xf32>
  %k = nn.constant #nn.weight<"00000000000000000000000000000000000000000000000000000000000000a6", tensor<4x4x3x1xf32>>
  %3 = nn.conv(%x, %k) strides [1, 1] pads [1, 0, 1, 0] dilations [1, 1] groups 1 : (tensor<1x4x28x28xf32>, tensor<4x4x3x1xf32>) -> tensor<1x4x28x28xf32>
  %q = nn.constant #nn.weight<"00000000000000000000000000000000000000000000000000000000000000a7", tensor<4x4x3x3xf16>>
  %4 = nn.conv(%h, %q) strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1 : (tensor<1x4x28x28xf16>, tensor<4x4x3x3xf16>) -> tensor<1x4x28x28xf16>
  %o = nn.constant #nn.weight<"00000000000000000000000000000000000000000000000000000000000000a8", tensor<1x4x3x3xf32>>
  %5 = nn.conv(%x, %o) strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1 : (tensor<1x4x28x28xf32>, tensor<1x4x3x3xf32>) -> tensor<1x1x28x28xf32>
  %6 = nn.conv(%x, %v) strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1 : (tensor<1x4x28x28xf32>, tensor<4x4x3x3xf32>) -> tensor<1x4x28x28xf32>
  func.return
}
