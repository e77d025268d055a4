// RUN: tenon-opt %s -p decompose-nn --split-input-file | filecheck %s
// RUN: tenon-opt %s -p decompose-nn --split-input-file --check-semantics -o /dev/null

// All four phases have two taps each way at the same place: one convolution, and a pixel shuffle.
// CHECK-LABEL: func.func @four_by_four
// CHECK: %[[c:.*]] = nn.conv(%x, %{{.*}}) strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1 : (tensor<1x2x5x5xf32>, tensor<12x2x2x2xf32>) -> tensor<1x12x6x6xf32>
// CHECK-NEXT: nn.reshape(%[[c]]) : (tensor<1x12x6x6xf32>) -> tensor<1x1x4x3x6x6xf32>
// CHECK-NEXT: nn.reshape({{.*}}) : (tensor<1x1x4x3x6x6xf32>) -> tensor<1x1x2x2x3x6x6xf32>
// CHECK-NEXT: nn.transpose({{.*}}) perm [0, 1, 4, 5, 2, 6, 3]
// CHECK-NEXT: nn.reshape({{.*}}) -> tensor<1x3x12x12xf32>
// CHECK-NEXT: %[[y:.*]] = nn.slice({{.*}}) starts [0, 0, 1, 1] sizes [1, 3, 10, 10]
// CHECK-NEXT: func.return %[[y]]
func.func @four_by_four(%x : tensor<1x2x5x5xf32>, %w : tensor<2x3x4x4xf32>) -> tensor<1x3x10x10xf32> {
  %0 = nn.conv_transpose(%x, %w) strides [2, 2] pads [1, 1, 1, 1] dilations [1, 1] groups 1 : (tensor<1x2x5x5xf32>, tensor<2x3x4x4xf32>) -> tensor<1x3x10x10xf32>
  func.return %0 : tensor<1x3x10x10xf32>
}

// -----

// Three taps with stride 2 are phases of two and of one.
// CHECK-LABEL: func.func @three
// CHECK: nn.conv({{.*}}) strides [1] pads [1, 1] {{.*}} (tensor<1x2x5xf32>, tensor<3x2x2xf32>, tensor<3xf32>) -> tensor<1x3x6xf32>
// CHECK: nn.conv({{.*}}) strides [1] pads [0, 1] {{.*}} (tensor<1x2x5xf32>, tensor<3x2x1xf32>, tensor<3xf32>) -> tensor<1x3x6xf32>
// CHECK: nn.concat({{.*}}) axis 2
func.func @three(%x : tensor<1x2x5xf32>, %w : tensor<2x3x3xf32>, %b : tensor<3xf32>) -> tensor<1x3x11xf32> {
  %0 = nn.conv_transpose(%x, %w, %b) strides [2] pads [0, 0] dilations [1] groups 1 : (tensor<1x2x5xf32>, tensor<2x3x3xf32>, tensor<3xf32>) -> tensor<1x3x11xf32>
  func.return %0 : tensor<1x3x11xf32>
}

// -----

// One tap and stride 2: every other position holds the bias alone.
// CHECK-LABEL: func.func @holes
// CHECK: nn.broadcast
func.func @holes(%x : tensor<1x2x5xf32>, %w : tensor<2x3x1xf32>, %b : tensor<3xf32>) -> tensor<1x3x9xf32> {
  %0 = nn.conv_transpose(%x, %w, %b) strides [2] pads [0, 0] dilations [1] groups 1 : (tensor<1x2x5xf32>, tensor<2x3x1xf32>, tensor<3xf32>) -> tensor<1x3x9xf32>
  func.return %0 : tensor<1x3x9xf32>
}

// -----

// Of quantized tensors: convolutions that pad with the zero point, the weights' given once for every phase.
// CHECK-LABEL: func.func @quantized
// CHECK: %[[z:.*]] = nn.broadcast({{.*}}) : (tensor<1x1x3xi8>) -> tensor<1x4x3xi8>
// CHECK: %[[f:.*]] = nn.reshape(%[[z]]) : (tensor<1x4x3xi8>) -> tensor<12xi8>
// CHECK: qnn.conv(%x, %{{.*}}, %zx, %[[f]]) strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1 : (tensor<1x2x5x5xui8>, tensor<12x2x2x2xi8>, tensor<ui8>, tensor<12xi8>) -> tensor<1x12x6x6xi32>
// CHECK-NOT: qnn.
func.func @quantized(%x : tensor<1x2x5x5xui8>, %w : tensor<2x3x4x4xi8>, %zx : tensor<ui8>, %zw : tensor<3xi8>) -> tensor<1x3x10x10xi32> {
  %0 = qnn.conv_transpose(%x, %w, %zx, %zw) strides [2, 2] pads [1, 1, 1, 1] dilations [1, 1] groups 1 : (tensor<1x2x5x5xui8>, tensor<2x3x4x4xi8>, tensor<ui8>, tensor<3xi8>) -> tensor<1x3x10x10xi32>
  func.return %0 : tensor<1x3x10x10xi32>
}
