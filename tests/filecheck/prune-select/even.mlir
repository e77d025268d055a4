// RUN: tenon-opt %s -p 'prune-analyze,prune-score{criterion=random},prune-select{ratio=0.5}' | filecheck %s
// RUN: tenon-opt %s -p 'prune-analyze,prune-score{criterion=random},prune-select{ratio=0.5},prune-apply' | filecheck %s --check-prefix APPLY

// Two groups of a convolution lose two of four inputs each, and two of four outputs each.
// CHECK: prune.group @c extent 8 even [#prune.even<"g", [4 of 0, 4 of 1]>] removed [{{[0-3], [0-3], [4-7], [4-7]}}]
// CHECK: prune.group @g extent 8 even [#prune.even<"g 2", [4 of 0, 4 of 1]>] removed [{{[0-3], [0-3], [4-7], [4-7]}}]
// APPLY: nn.conv({{.*}}) strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 2 : (tensor<1x4x4x4xf32>, tensor<4x2x3x3xf32>) -> tensor<1x4x4x4xf32>
func.func @grouped(%x: tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<8x2x1x1xf32>>
  %d = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000002", tensor<8x4x3x3xf32>>
  %v = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000003", tensor<2x8x1x1xf32>>
  %0 = nn.conv(%x, %w) strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : (tensor<1x2x4x4xf32>, tensor<8x2x1x1xf32>) -> tensor<1x8x4x4xf32> loc("c")
  %1 = nn.conv(%0, %d) strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 2 : (tensor<1x8x4x4xf32>, tensor<8x4x3x3xf32>) -> tensor<1x8x4x4xf32> loc("g")
  %2 = nn.conv(%1, %v) strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : (tensor<1x8x4x4xf32>, tensor<2x8x1x1xf32>) -> tensor<1x2x4x4xf32> loc("o")
  func.return %2 : tensor<1x2x4x4xf32>
}
