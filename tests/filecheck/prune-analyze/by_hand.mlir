// RUN: tenon-opt %s -p prune-analyze --split-input-file --verify-diagnostics | filecheck %s

// A group by hand may be pinned, may tie more than the graph, and lists channels in any order.
// CHECK: prune.group @both extent 2 pinned "too small" members [#prune.member<"a", axis 1, {{\[\[}}0, 1, 1, 1, 1], [1, 1, 0, 1, 1]]>, #prune.member<"b", axis 1>]
// CHECK-NOT: prune.group @a
// CHECK: prune.group @y extent 2 pinned
prune.group @both extent 2 pinned "too small" members [#prune.member<"a", axis 1, [[0, 1, 1, 1, 1], [1, 1, 0, 1, 1]]>, #prune.member<"b", axis 1>]
func.func @f(%x: tensor<1x3xf32>) -> tensor<1x2xf32> {
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<3x2xf32>>
  %v = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000002", tensor<2x2xf32>>
  %u = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000003", tensor<2x2xf32>>
  %0 = nn.matmul(%x, %w) : (tensor<1x3xf32>, tensor<3x2xf32>) -> tensor<1x2xf32> loc("a")
  %1 = nn.matmul(%0, %v) : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32> loc("b")
  %2 = nn.matmul(%1, %u) : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32> loc("y")
  func.return %2 : tensor<1x2xf32>
}

// -----

// CHECK: group @g: there is no value 'b'
prune.group @g extent 2 members [#prune.member<"b", axis 1>]
func.func @f(%x: tensor<1x3xf32>) -> tensor<1x2xf32> {
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<3x2xf32>>
  %0 = nn.matmul(%x, %w) : (tensor<1x3xf32>, tensor<3x2xf32>) -> tensor<1x2xf32> loc("a")
  func.return %0 : tensor<1x2xf32>
}

// -----

// CHECK: group @g: 'a' axis 0 holds no channels: 'a' makes it
prune.group @g extent 2 members [#prune.member<"a", axis 0>]
func.func @f(%x: tensor<1x3xf32>) -> tensor<1x2xf32> {
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<3x2xf32>>
  %0 = nn.matmul(%x, %w) : (tensor<1x3xf32>, tensor<3x2xf32>) -> tensor<1x2xf32> loc("a")
  func.return %0 : tensor<1x2xf32>
}

// -----

// CHECK: group @g: 'a' axis 1 has 2 positions, the group names 2
prune.group @g extent 3 members [#prune.member<"a", axis 1>]
func.func @f(%x: tensor<1x3xf32>) -> tensor<1x2xf32> {
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<3x2xf32>>
  %0 = nn.matmul(%x, %w) : (tensor<1x3xf32>, tensor<3x2xf32>) -> tensor<1x2xf32> loc("a")
  func.return %0 : tensor<1x2xf32>
}

// -----

// CHECK: group @g cannot shrink: output '0'; expected pinned
prune.group @g extent 2 members [#prune.member<"a", axis 1>]
func.func @f(%x: tensor<1x3xf32>) -> tensor<1x2xf32> {
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<3x2xf32>>
  %0 = nn.matmul(%x, %w) : (tensor<1x3xf32>, tensor<3x2xf32>) -> tensor<1x2xf32> loc("a")
  func.return %0 : tensor<1x2xf32>
}

// -----

// CHECK: group @g leaves out 's' axis 1, whose positions [0] leave with a channel
prune.group @g extent 2 members [#prune.member<"a", axis 1>, #prune.member<"b", axis 1>]
func.func @f(%x: tensor<1x3xf32>) -> tensor<1x2xf32> {
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<3x2xf32>>
  %v = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000002", tensor<3x2xf32>>
  %u = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000003", tensor<2x2xf32>>
  %0 = nn.matmul(%x, %w) : (tensor<1x3xf32>, tensor<3x2xf32>) -> tensor<1x2xf32> loc("a")
  %1 = nn.matmul(%x, %v) : (tensor<1x3xf32>, tensor<3x2xf32>) -> tensor<1x2xf32> loc("b")
  %2 = nn.elementwise add(%0, %1) : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32> loc("s")
  %3 = nn.matmul(%2, %u) : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32> loc("y")
  func.return %3 : tensor<1x2xf32>
}

// -----

// Twisted: the sum ties channel 0 to channel 0.
// CHECK: group @g: channels 0 and 1 hang together, expected one channel
prune.group @g extent 2 members [#prune.member<"a", axis 1>, #prune.member<"b", axis 1, [[0, 1, 1, 1, 1], [1, 1, 0, 1, 1]]>, #prune.member<"s", axis 1>]
func.func @f(%x: tensor<1x3xf32>) -> tensor<1x2xf32> {
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<3x2xf32>>
  %v = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000002", tensor<3x2xf32>>
  %u = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000003", tensor<2x2xf32>>
  %0 = nn.matmul(%x, %w) : (tensor<1x3xf32>, tensor<3x2xf32>) -> tensor<1x2xf32> loc("a")
  %1 = nn.matmul(%x, %v) : (tensor<1x3xf32>, tensor<3x2xf32>) -> tensor<1x2xf32> loc("b")
  %2 = nn.elementwise add(%0, %1) : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32> loc("s")
  %3 = nn.matmul(%2, %u) : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32> loc("y")
  func.return %3 : tensor<1x2xf32>
}

// -----

// CHECK: group @g has 1 channels, 'a' axis 1 holds 2 that leave alike
prune.group @g extent 1 members [#prune.member<"a", axis 1>]
func.func @f(%x: tensor<1x3xf32>) -> tensor<1x2xf32> {
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<3x2xf32>>
  %v = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000002", tensor<2x2xf32>>
  %0 = nn.matmul(%x, %w) : (tensor<1x3xf32>, tensor<3x2xf32>) -> tensor<1x2xf32> loc("a")
  %1 = nn.matmul(%0, %v) : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32> loc("y")
  func.return %1 : tensor<1x2xf32>
}

// -----

// A channel of a flattened image owns all of it.
// CHECK: group @g: channel 0 lies at [0, 1] of 'f' axis 1, not at [0]
prune.group @g extent 2 members [#prune.member<"c", axis 1>, #prune.member<"f", axis 1, [[0, 2, 0, 2, 1]]>]
func.func @f(%x: tensor<1x2x2xf32>) -> tensor<1x2xf32> {
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<2x2x1xf32>>
  %v = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000002", tensor<4x2xf32>>
  %0 = nn.conv(%x, %w) strides [1] pads [0, 0] dilations [1] groups 1 : (tensor<1x2x2xf32>, tensor<2x2x1xf32>) -> tensor<1x2x2xf32> loc("c")
  %1 = nn.reshape(%0) : (tensor<1x2x2xf32>) -> tensor<1x4xf32> loc("f")
  %2 = nn.matmul(%1, %v) : (tensor<1x4xf32>, tensor<4x2xf32>) -> tensor<1x2xf32> loc("y")
  func.return %2 : tensor<1x2xf32>
}

// -----

// CHECK: prune-analyze: the module has no public function with a body
prune.group @g extent 1 members [#prune.member<"a", axis 1>]

// -----

// CHECK: group @h has the channels of group @g, expected one of both
prune.group @g extent 2 members [#prune.member<"a", axis 1>]
prune.group @h extent 2 members [#prune.member<"a", axis 1>]
func.func @f(%x: tensor<1x3xf32>) -> tensor<1x2xf32> {
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<3x2xf32>>
  %v = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000002", tensor<2x2xf32>>
  %0 = nn.matmul(%x, %w) : (tensor<1x3xf32>, tensor<3x2xf32>) -> tensor<1x2xf32> loc("a")
  %1 = nn.matmul(%0, %v) : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32> loc("y")
  func.return %1 : tensor<1x2xf32>
}
