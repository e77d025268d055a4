// RUN: tenon-opt %s -p prune-analyze --split-input-file | filecheck %s
// RUN: tenon-opt %s -p prune-analyze --split-input-file --check-semantics -o /dev/null

// A convolution's outputs run through batch norm and activation; the last one makes the output.
// CHECK: prune.group @c1 extent 4 members [#prune.member<"c1", axis 1>, #prune.member<"n1", axis 1>, #prune.member<"r1", axis 1>]
// CHECK-NEXT: prune.group @c2 extent 2 pinned "output '0'" members [#prune.member<"c2", axis 1>]
func.func @conv(%x: tensor<1x3x4x4xf32>, %p: tensor<4xf32>) -> tensor<1x2x4x4xf32> {
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<4x3x3x3xf32>>
  %q = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000002", tensor<4xf32>>
  %v = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000003", tensor<2x4x1x1xf32>>
  %0 = nn.conv(%x, %w) strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1 : (tensor<1x3x4x4xf32>, tensor<4x3x3x3xf32>) -> tensor<1x4x4x4xf32> loc("c1")
  %1 = nn.batch_norm(%0, %q, %q, %q, %q) epsilon 1.0e-05 : (tensor<1x4x4x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<1x4x4x4xf32> loc("n1")
  %2 = nn.elementwise relu(%1) : (tensor<1x4x4x4xf32>) -> tensor<1x4x4x4xf32> loc("r1")
  %3 = nn.conv(%2, %v) strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : (tensor<1x4x4x4xf32>, tensor<2x4x1x1xf32>) -> tensor<1x2x4x4xf32> loc("c2")
  func.return %3 : tensor<1x2x4x4xf32>
}

// -----

// A sum ties the channels of both sides; an input ties what is added to it to itself.
// CHECK: prune.group @a extent 4 members [#prune.member<"a", axis 1>, #prune.member<"b", axis 1>, #prune.member<"s", axis 1>]
// CHECK-NEXT: prune.group @c extent 3 pinned "'t' combines it, and input 'x' has it" members [#prune.member<"c", axis 1>, #prune.member<"t", axis 1>]
func.func @residual(%x: tensor<2x3xf32> {tenon.name = "x"}) -> tensor<2x3xf32> {
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<3x4xf32>>
  %v = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000002", tensor<4x3xf32>>
  %0 = nn.matmul(%x, %w) : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32> loc("a")
  %1 = nn.matmul(%x, %w) : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32> loc("b")
  %2 = nn.elementwise add(%0, %1) : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32> loc("s")
  %3 = nn.matmul(%2, %v) : (tensor<2x4xf32>, tensor<4x3xf32>) -> tensor<2x3xf32> loc("c")
  %4 = nn.elementwise add(%3, %x) : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32> loc("t")
  func.return %4 : tensor<2x3xf32>
}

// -----

// Squeeze and excite: the gate belongs to what it scales. The dimension of extent 1 stays out.
// CHECK: prune.group @c extent 4 members [#prune.member<"c", axis 1>, #prune.member<"m", axis 1>, #prune.member<"e", axis 1>, #prune.member<"g", axis 1>, #prune.member<"y", axis 1>]
// CHECK-NEXT: prune.group @q extent 2 members [#prune.member<"q", axis 1>]
// CHECK-NEXT: prune.group @o extent 3 pinned
func.func @gate(%x: tensor<1x3x4x4xf32>) -> tensor<1x3x4x4xf32> {
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<4x3x1x1xf32>>
  %s = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000002", tensor<2x4x1x1xf32>>
  %e = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000003", tensor<4x2x1x1xf32>>
  %v = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000004", tensor<3x4x1x1xf32>>
  %0 = nn.conv(%x, %w) strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : (tensor<1x3x4x4xf32>, tensor<4x3x1x1xf32>) -> tensor<1x4x4x4xf32> loc("c")
  %1 = nn.reduce mean(%0) axes [2, 3] keepdims true : (tensor<1x4x4x4xf32>) -> tensor<1x4x1x1xf32> loc("m")
  %2 = nn.conv(%1, %s) strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : (tensor<1x4x1x1xf32>, tensor<2x4x1x1xf32>) -> tensor<1x2x1x1xf32> loc("q")
  %3 = nn.conv(%2, %e) strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : (tensor<1x2x1x1xf32>, tensor<4x2x1x1xf32>) -> tensor<1x4x1x1xf32> loc("e")
  %4 = nn.elementwise sigmoid(%3) : (tensor<1x4x1x1xf32>) -> tensor<1x4x1x1xf32> loc("g")
  %5 = nn.elementwise mul(%0, %4) : (tensor<1x4x4x4xf32>, tensor<1x4x1x1xf32>) -> tensor<1x4x4x4xf32> loc("y")
  %6 = nn.conv(%5, %v) strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : (tensor<1x4x4x4xf32>, tensor<3x4x1x1xf32>) -> tensor<1x3x4x4xf32> loc("o")
  func.return %6 : tensor<1x3x4x4xf32>
}

// -----

// Depthwise with two outputs a channel: each channel owns both.
// CHECK: prune.group @c extent 3 members [#prune.member<"c", axis 1>, #prune.member<"d", axis 1, {{\[\[}}0, 3, 0, 2, 2]]>]
func.func @depthwise(%x: tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<3x2x1x1xf32>>
  %d = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000002", tensor<6x1x3x3xf32>>
  %v = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000003", tensor<2x6x1x1xf32>>
  %0 = nn.conv(%x, %w) strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : (tensor<1x2x4x4xf32>, tensor<3x2x1x1xf32>) -> tensor<1x3x4x4xf32> loc("c")
  %1 = nn.conv(%0, %d) strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 3 : (tensor<1x3x4x4xf32>, tensor<6x1x3x3xf32>) -> tensor<1x6x4x4xf32> loc("d")
  %2 = nn.conv(%1, %v) strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : (tensor<1x6x4x4xf32>, tensor<2x6x1x1xf32>) -> tensor<1x2x4x4xf32> loc("o")
  func.return %2 : tensor<1x2x4x4xf32>
}

// -----

// Fewer groups than channels in each: groups stay, and keep equally many inputs and outputs.
// CHECK: prune.group @c extent 6 even [#prune.even<"g", [3 of 0, 3 of 1]>] members [#prune.member<"c", axis 1>]
// CHECK-NEXT: prune.group @g extent 4 even [#prune.even<"g 2", [2 of 0, 2 of 1]>] members [#prune.member<"g", axis 1>]
func.func @grouped(%x: tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<6x2x1x1xf32>>
  %d = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000002", tensor<4x3x3x3xf32>>
  %v = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000003", tensor<2x4x1x1xf32>>
  %0 = nn.conv(%x, %w) strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : (tensor<1x2x4x4xf32>, tensor<6x2x1x1xf32>) -> tensor<1x6x4x4xf32> loc("c")
  %1 = nn.conv(%0, %d) strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 2 : (tensor<1x6x4x4xf32>, tensor<4x3x3x3xf32>) -> tensor<1x4x4x4xf32> loc("g")
  %2 = nn.conv(%1, %v) strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : (tensor<1x4x4x4xf32>, tensor<2x4x1x1xf32>) -> tensor<1x2x4x4xf32> loc("o")
  func.return %2 : tensor<1x2x4x4xf32>
}

// -----

// More groups than channels in each: whole groups leave.
// CHECK: prune.group @c extent 3 members [#prune.member<"c", axis 1, {{\[\[}}0, 3, 0, 2, 2]]>, #prune.member<"g", axis 1, {{\[\[}}0, 3, 0, 2, 2]]>]
func.func @whole_groups(%x: tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<6x2x1x1xf32>>
  %d = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000002", tensor<6x2x3x3xf32>>
  %v = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000003", tensor<2x6x1x1xf32>>
  %0 = nn.conv(%x, %w) strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : (tensor<1x2x4x4xf32>, tensor<6x2x1x1xf32>) -> tensor<1x6x4x4xf32> loc("c")
  %1 = nn.conv(%0, %d) strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 3 : (tensor<1x6x4x4xf32>, tensor<6x2x3x3xf32>) -> tensor<1x6x4x4xf32> loc("g")
  %2 = nn.conv(%1, %v) strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : (tensor<1x6x4x4xf32>, tensor<2x6x1x1xf32>) -> tensor<1x2x4x4xf32> loc("o")
  func.return %2 : tensor<1x2x4x4xf32>
}

// -----

// Transposed: weights are [inputs, outputs].
// CHECK: prune.group @c extent 4 members [#prune.member<"c", axis 1>]
// CHECK-NEXT: prune.group @t extent 3 members [#prune.member<"t", axis 1>, #prune.member<"r", axis 1>]
func.func @transposed(%x: tensor<1x2x4x4xf32>) -> tensor<1x2x16x16xf32> {
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<4x2x1x1xf32>>
  %d = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000002", tensor<4x3x2x2xf32>>
  %v = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000003", tensor<2x3x1x1xf32>>
  %0 = nn.conv(%x, %w) strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : (tensor<1x2x4x4xf32>, tensor<4x2x1x1xf32>) -> tensor<1x4x4x4xf32> loc("c")
  %1 = nn.conv_transpose(%0, %d) strides [2, 2] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : (tensor<1x4x4x4xf32>, tensor<4x3x2x2xf32>) -> tensor<1x3x8x8xf32> loc("t")
  %2 = nn.resize nearest(%1) sizes [1, 3, 16, 16] scales [1.0, 1.0, 2.0, 2.0] roi [] coordinates asymmetric rounding floor cubic -0.75 exclude_outside false antialias false extrapolation 0.0 : (tensor<1x3x8x8xf32>) -> tensor<1x3x16x16xf32> loc("r")
  %3 = nn.conv(%2, %v) strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : (tensor<1x3x16x16xf32>, tensor<2x3x1x1xf32>) -> tensor<1x2x16x16xf32> loc("o")
  func.return %3 : tensor<1x2x16x16xf32>
}

// -----

// A concat sets one behind the other; a slice takes a part, and so a dimension falls into two groups.
// CHECK: prune.group @a extent 2 members [#prune.member<"a", axis 1>, #prune.member<"k", axis 1>, #prune.member<"h", axis 1>]
// CHECK-NEXT: prune.group @b extent 1 members [#prune.member<"b", axis 1>, #prune.member<"k", axis 1, {{\[\[}}0, 1, 2, 1, 1]]>, #prune.member<"h", axis 1, {{\[\[}}0, 1, 2, 1, 1]]>]
// CHECK-NEXT: prune.group @b_2 extent 2 members [#prune.member<"b", axis 1, {{\[\[}}0, 2, 1, 1, 1]]>, #prune.member<"k", axis 1, {{\[\[}}0, 2, 3, 1, 1]]>, #prune.member<"l", axis 1>]
func.func @concat(%x: tensor<2x3xf32>) -> tensor<2x2xf32> {
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<3x2xf32>>
  %v = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000002", tensor<3x3xf32>>
  %u = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000003", tensor<3x2xf32>>
  %t = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000004", tensor<2x2xf32>>
  %0 = nn.matmul(%x, %w) : (tensor<2x3xf32>, tensor<3x2xf32>) -> tensor<2x2xf32> loc("a")
  %1 = nn.matmul(%x, %v) : (tensor<2x3xf32>, tensor<3x3xf32>) -> tensor<2x3xf32> loc("b")
  %2 = nn.concat(%0, %1) axis 1 : (tensor<2x2xf32>, tensor<2x3xf32>) -> tensor<2x5xf32> loc("k")
  %3 = nn.slice(%2) starts [0, 0] sizes [2, 3] strides [1, 1] : (tensor<2x5xf32>) -> tensor<2x3xf32> loc("h")
  %4 = nn.slice(%2) starts [0, 3] sizes [2, 2] strides [1, 1] : (tensor<2x5xf32>) -> tensor<2x2xf32> loc("l")
  %5 = nn.matmul(%3, %u) : (tensor<2x3xf32>, tensor<3x2xf32>) -> tensor<2x2xf32>
  %6 = nn.matmul(%4, %t) : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %7 = nn.elementwise add(%5, %6) : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32> loc("y")
  func.return %7 : tensor<2x2xf32>
}

// -----

// Flattened, a channel owns an image; channels last, every third element.
// CHECK: prune.group @c extent 3 members [#prune.member<"c", axis 1>, #prune.member<"f", axis 1, {{\[\[}}0, 3, 0, 4, 4]]>]
// CHECK-NEXT: prune.group @d extent 3 members [#prune.member<"d", axis 1>, #prune.member<"l", axis 3>, #prune.member<"e", axis 1, {{\[\[}}0, 3, 0, 1, 1], [0, 3, 3, 1, 1], [0, 3, 6, 1, 1], [0, 3, 9, 1, 1]]>]
func.func @flatten(%x: tensor<1x2x2x2xf32>) -> tensor<1x2xf32> {
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<3x2x1x1xf32>>
  %v = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000002", tensor<12x2xf32>>
  %0 = nn.conv(%x, %w) strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : (tensor<1x2x2x2xf32>, tensor<3x2x1x1xf32>) -> tensor<1x3x2x2xf32> loc("c")
  %1 = nn.reshape(%0) : (tensor<1x3x2x2xf32>) -> tensor<1x12xf32> loc("f")
  %2 = nn.matmul(%1, %v) : (tensor<1x12xf32>, tensor<12x2xf32>) -> tensor<1x2xf32>
  %u = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000004", tensor<3x2x1x1xf32>>
  %3 = nn.conv(%x, %u) strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : (tensor<1x2x2x2xf32>, tensor<3x2x1x1xf32>) -> tensor<1x3x2x2xf32> loc("d")
  %4 = nn.transpose(%3) perm [0, 2, 3, 1] : (tensor<1x3x2x2xf32>) -> tensor<1x2x2x3xf32> loc("l")
  %5 = nn.reshape(%4) : (tensor<1x2x2x3xf32>) -> tensor<1x12xf32> loc("e")
  %6 = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000003", tensor<12x2xf32>>
  %7 = nn.matmul(%5, %6) : (tensor<1x12xf32>, tensor<12x2xf32>) -> tensor<1x2xf32>
  %8 = nn.elementwise add(%2, %7) : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  func.return %8 : tensor<1x2xf32>
}

// -----

// A channel shuffle is a permutation; what it splits must stay even.
// CHECK: prune.group @c extent 6 even [#prune.even<"s", [3 of 0, 3 of 1]>] members [#prune.member<"c", axis 1>, #prune.member<"u", axis 1, {{\[\[}}0, 3, 0, 2, 1], [3, 3, 1, 2, 1]]>]
func.func @shuffle(%x: tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<6x2x1x1xf32>>
  %v = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000002", tensor<2x6x1x1xf32>>
  %0 = nn.conv(%x, %w) strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : (tensor<1x2x4x4xf32>, tensor<6x2x1x1xf32>) -> tensor<1x6x4x4xf32> loc("c")
  %1 = nn.reshape(%0) : (tensor<1x6x4x4xf32>) -> tensor<1x2x3x4x4xf32> loc("s")
  %2 = nn.transpose(%1) perm [0, 2, 1, 3, 4] : (tensor<1x2x3x4x4xf32>) -> tensor<1x3x2x4x4xf32> loc("t")
  %3 = nn.reshape(%2) : (tensor<1x3x2x4x4xf32>) -> tensor<1x6x4x4xf32> loc("u")
  %4 = nn.conv(%3, %v) strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : (tensor<1x6x4x4xf32>, tensor<2x6x1x1xf32>) -> tensor<1x2x4x4xf32> loc("o")
  func.return %4 : tensor<1x2x4x4xf32>
}
