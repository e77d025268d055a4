// RUN: tenon-opt %s -p prune-apply --split-input-file | filecheck %s
// RUN: tenon-opt %s -p prune-apply --split-input-file --check-semantics -o /dev/null

// Both sides of a sum lose the channels that every reader masks, and what makes them; nothing moves at run
// time. The group becomes an entry of the log.
// CHECK: builtin.module attributes {prune.log = [{group = "a", extent = 4 : i64, criterion = "l1", removed = array<i64: 1, 2>}]}
// CHECK-NOT: prune.
// CHECK: %[[w:.*]] = nn.gather(%w, %{{.*}}) axis 1 batch 0 : (tensor<3x4xf32>, tensor<2xi64>) -> tensor<3x2xf32>
// CHECK: %[[a:.*]] = nn.matmul(%x, %[[w]])
// CHECK: %[[v:.*]] = nn.gather(%v, %{{.*}}) axis 1
// CHECK: %[[b:.*]] = nn.matmul(%x, %[[v]])
// CHECK-NEXT: %[[s:.*]] = nn.elementwise add(%[[a]], %[[b]]) : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
// CHECK-NEXT: %[[u:.*]] = nn.gather(%u, %{{.*}}) axis 0
// CHECK-NEXT: nn.matmul(%[[s]], %[[u]]) : (tensor<2x2xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK-NEXT: func.return
prune.group @a extent 4 removed [1, 2] members [#prune.member<"a", axis 1>, #prune.member<"b", axis 1>, #prune.member<"s", axis 1>]
prune.score @a "l1" dense<[1.0, 3.0, 2.0, 9.0]> : tensor<4xf32>
func.func @residual(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<3x4xf32>>
  %v = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000002", tensor<3x4xf32>>
  %u = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000003", tensor<4x3xf32>>
  %0 = nn.matmul(%x, %w) : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32> loc("a")
  %1 = nn.matmul(%x, %v) : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32> loc("b")
  %2 = nn.elementwise add(%0, %1) : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32> loc("s")
  %3 = prune.mask(%2) axis 1 removed [1, 2] : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %4 = nn.matmul(%3, %u) : (tensor<2x4xf32>, tensor<4x3xf32>) -> tensor<2x3xf32> loc("c")
  func.return %4 : tensor<2x3xf32>
}

// -----

// The last channels: a slice of the weights.
// CHECK-LABEL: func.func @slice
// CHECK: nn.slice(%w) starts [0, 0] sizes [3, 2]
// CHECK: nn.slice(%u) starts [0, 0] sizes [2, 3]
func.func @slice(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<3x4xf32>>
  %u = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000003", tensor<4x3xf32>>
  %0 = nn.matmul(%x, %w) : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32> loc("a")
  %1 = prune.mask(%0) axis 1 removed [2, 3] : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %2 = nn.matmul(%1, %u) : (tensor<2x4xf32>, tensor<4x3xf32>) -> tensor<2x3xf32> loc("c")
  func.return %2 : tensor<2x3xf32>
}

// -----

// A depthwise convolution has as many groups as channels are left.
// CHECK-LABEL: func.func @depthwise
// CHECK: nn.conv(%{{.*}}, %{{.*}}) strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 2 : (tensor<1x2x4x4xf32>, tensor<2x1x3x3xf32>) -> tensor<1x2x4x4xf32>
func.func @depthwise(%x: tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<3x2x1x1xf32>>
  %d = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000002", tensor<3x1x3x3xf32>>
  %v = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000003", tensor<2x3x1x1xf32>>
  %0 = nn.conv(%x, %w) strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : (tensor<1x2x4x4xf32>, tensor<3x2x1x1xf32>) -> tensor<1x3x4x4xf32> loc("c")
  %1 = nn.conv(%0, %d) strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 3 : (tensor<1x3x4x4xf32>, tensor<3x1x3x3xf32>) -> tensor<1x3x4x4xf32> loc("d")
  %2 = prune.mask(%1) axis 1 removed [1] : (tensor<1x3x4x4xf32>) -> tensor<1x3x4x4xf32>
  %3 = nn.conv(%2, %v) strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : (tensor<1x3x4x4xf32>, tensor<2x3x1x1xf32>) -> tensor<1x2x4x4xf32> loc("o")
  func.return %3 : tensor<1x2x4x4xf32>
}

// -----

// A channel of a flattened image is a block of rows of the matrix.
// CHECK-LABEL: func.func @flatten
// CHECK: nn.reshape(%{{.*}}) : (tensor<1x2x2x2xf32>) -> tensor<1x8xf32>
// CHECK: nn.matmul(%{{.*}}, %{{.*}}) : (tensor<1x8xf32>, tensor<8x2xf32>) -> tensor<1x2xf32>
func.func @flatten(%x: tensor<1x2x2x2xf32>) -> tensor<1x2xf32> {
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<3x2x1x1xf32>>
  %v = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000002", tensor<12x2xf32>>
  %0 = nn.conv(%x, %w) strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : (tensor<1x2x2x2xf32>, tensor<3x2x1x1xf32>) -> tensor<1x3x2x2xf32> loc("c")
  %1 = nn.reshape(%0) : (tensor<1x3x2x2xf32>) -> tensor<1x12xf32> loc("f")
  %2 = prune.mask(%1) axis 1 removed [4, 5, 6, 7] : (tensor<1x12xf32>) -> tensor<1x12xf32>
  %3 = nn.matmul(%2, %v) : (tensor<1x12xf32>, tensor<12x2xf32>) -> tensor<1x2xf32>
  func.return %3 : tensor<1x2xf32>
}
