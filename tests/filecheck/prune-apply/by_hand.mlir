// RUN: tenon-opt %s -p prune-apply --split-input-file | filecheck %s
// RUN: tenon-opt %s -p prune-apply --split-input-file --check-semantics -o /dev/null

// One reader of two does without channels that the other needs: it gathers its own.
// CHECK-LABEL: func.func @one_reader
// CHECK: %[[a:.*]] = nn.matmul(%x, %w) : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
// CHECK: %[[g:.*]] = nn.gather(%[[a]], %{{.*}}) axis 1 batch 0 : (tensor<2x4xf32>, tensor<2xi64>) -> tensor<2x2xf32>
// CHECK: nn.matmul(%[[g]], %{{.*}}) : (tensor<2x2xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK: nn.matmul(%[[a]], %v) : (tensor<2x4xf32>, tensor<4x3xf32>) -> tensor<2x3xf32>
func.func @one_reader(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<3x4xf32>>
  %u = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000002", tensor<4x3xf32>>
  %v = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000003", tensor<4x3xf32>>
  %0 = nn.matmul(%x, %w) : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32> loc("a")
  %1 = prune.mask(%0) axis 1 removed [0, 2] : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %2 = nn.matmul(%1, %u) : (tensor<2x4xf32>, tensor<4x3xf32>) -> tensor<2x3xf32> loc("b")
  %3 = nn.matmul(%0, %v) : (tensor<2x4xf32>, tensor<4x3xf32>) -> tensor<2x3xf32> loc("c")
  %4 = nn.elementwise add(%2, %3) : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  func.return %4 : tensor<2x3xf32>
}

// -----

// One side of a sum makes fewer channels: zeros come in between.
// CHECK-LABEL: func.func @one_side
// CHECK: %[[b:.*]] = nn.matmul(%x, %{{.*}}) : (tensor<2x3xf32>, tensor<3x2xf32>) -> tensor<2x2xf32>
// CHECK: %[[i:.*]] = nn.constant dense<[0, 0, 0, 1]>
// CHECK: %[[g:.*]] = nn.gather(%[[b]], %[[i]]) axis 1
// CHECK: %[[c:.*]] = nn.constant dense<[false, true, false, true]>
// CHECK: %[[f:.*]] = nn.elementwise where(%[[c]], %[[g]], %{{.*}})
// CHECK: nn.elementwise add(%{{.*}}, %[[f]]) : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
func.func @one_side(%x: tensor<2x3xf32>) -> tensor<2x4xf32> {
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<3x4xf32>>
  %v = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000002", tensor<3x4xf32>>
  %0 = nn.matmul(%x, %w) : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32> loc("a")
  %1 = nn.matmul(%x, %v) : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32> loc("b")
  %2 = prune.mask(%1) axis 1 removed [0, 2] : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %3 = nn.elementwise add(%0, %2) : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32> loc("s")
  func.return %3 : tensor<2x4xf32>
}

// -----

// Uneven groups of a convolution: the shorter one reads another channel with weights of zero.
// CHECK-LABEL: func.func @uneven
// CHECK: nn.gather(%{{.*}}, %{{.*}}) axis 1 batch 0 : (tensor<1x3x4x4xf32>, tensor<4xi64>) -> tensor<1x4x4x4xf32>
// CHECK: nn.conv({{.*}}) strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 2 : (tensor<1x4x4x4xf32>, tensor<2x2x1x1xf32>)
func.func @uneven(%x: tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<6x2x1x1xf32>>
  %d = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000002", tensor<2x3x1x1xf32>>
  %0 = nn.conv(%x, %w) strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : (tensor<1x2x4x4xf32>, tensor<6x2x1x1xf32>) -> tensor<1x6x4x4xf32> loc("c")
  %1 = prune.mask(%0) axis 1 removed [0, 1, 4] : (tensor<1x6x4x4xf32>) -> tensor<1x6x4x4xf32>
  %2 = nn.conv(%1, %d) strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 2 : (tensor<1x6x4x4xf32>, tensor<2x3x1x1xf32>) -> tensor<1x2x4x4xf32> loc("g")
  func.return %2 : tensor<1x2x4x4xf32>
}

// -----

// Along a dimension that no weights make a mask becomes a choice; so does one in the body of a loop.
// CHECK-LABEL: func.func private @step
// CHECK: nn.elementwise where
// CHECK-LABEL: func.func @tokens
// CHECK: %[[c:.*]] = nn.constant dense<[false, true]>
// CHECK: nn.elementwise where
func.func private @step(%h: tensor<2xf32>, %x: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
  %0 = prune.mask(%x) axis 0 removed [1] : (tensor<2xf32>) -> tensor<2xf32>
  %1 = nn.elementwise add(%h, %0) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  func.return %1, %1 : tensor<2xf32>, tensor<2xf32>
}
func.func @tokens(%x: tensor<2x2xf32>, %h: tensor<2xf32>) -> tensor<2x2xf32> {
  %0 = prune.mask(%x) axis 0 removed [0] : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %1, %2 = nn.scan @step(%h, %0) carried 1 sliced 1 steps 2 reversed [] : (tensor<2xf32>, tensor<2x2xf32>) -> (tensor<2xf32>, tensor<2x2xf32>)
  func.return %2 : tensor<2x2xf32>
}

// -----

// At least one position of a dimension stays, and it is zero.
// CHECK-LABEL: func.func @nothing
// CHECK: nn.matmul(%{{.*}}, %{{.*}}) : (tensor<2x1xf32>, tensor<1x3xf32>) -> tensor<2x3xf32>
func.func @nothing(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<3x4xf32>>
  %u = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000002", tensor<4x3xf32>>
  %0 = nn.matmul(%x, %w) : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32> loc("a")
  %1 = prune.mask(%0) axis 1 removed [0, 1, 2, 3] : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %2 = nn.matmul(%1, %u) : (tensor<2x4xf32>, tensor<4x3xf32>) -> tensor<2x3xf32> loc("b")
  func.return %2 : tensor<2x3xf32>
}
