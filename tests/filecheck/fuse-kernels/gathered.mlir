// RUN: tenon-opt %s -p lower-nn,assign-layouts,fuse-kernels,collapse-loops --split-input-file | filecheck %s
// RUN: tenon-opt %s -p 'lower-nn,assign-layouts,fuse-kernels,collapse-loops,attach-target{name=x86-64-v3},tensorize-match,schedule-kernels,plan-memory,materialize-weights,lower-kernels' --split-input-file --check-semantics -o /dev/null

// A contraction takes channels where they lie: a nest of its kernel, over the loops of its steps.
// CHECK-LABEL: tensorized.kernel @c(
// CHECK-SAME: tensor<5xi64> constant within [0, 12]
// CHECK: %[[k:.*]] = tensorized.generic loops (p12: parallel 30, r0: parallel 5)
// CHECK: tensorized.lookup %{{.*}}[%{{.*}}, %{{.*}}] as [30, 13] : tensor<1x5x6x13xf32>
// CHECK: tensorized.generic loops (p0: parallel 9, p12: parallel 30, r0: reduction 5) ins(%[[k]] at (p12, r0)
// CHECK-NOT: tensorized.kernel
// CHECK: func.func @main
func.func @main(%x : tensor<1x13x5x6xf32>) -> tensor<1x9x5x6xf32> {
  %r = nn.elementwise relu(%x) : (tensor<1x13x5x6xf32>) -> tensor<1x13x5x6xf32> loc("r")
  %i = nn.constant dense<[1, 2, 5, 7, 12]> : tensor<5xi64>
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000000", tensor<9x5x1x1xf32>>
  %g = nn.gather(%r, %i) axis 1 batch 0 : (tensor<1x13x5x6xf32>, tensor<5xi64>) -> tensor<1x5x5x6xf32> loc("g")
  %c = nn.conv(%g, %w) strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : (tensor<1x5x5x6xf32>, tensor<9x5x1x1xf32>) -> tensor<1x9x5x6xf32> loc("c")
  func.return %c : tensor<1x9x5x6xf32>
}

// -----

// Steps of two through an image, windows, repeated and descending positions.
// CHECK: tensorized.generic loops (p1: parallel 3, p2: parallel 3, r0: parallel 3, r1: parallel 3, r2: parallel 6)
// CHECK-SAME: at (p1 * 16 + r0 * 8 + (p2 * 2 + r1))
// CHECK: tensorized.lookup
func.func @main(%x : tensor<1x11x7x8xf32>) -> tensor<1x16x3x3xf32> {
  %r = nn.elementwise relu(%x) : (tensor<1x11x7x8xf32>) -> tensor<1x11x7x8xf32>
  %i = nn.constant dense<[10, 3, 3, 0, 10, 1]> : tensor<6xi64>
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000000", tensor<16x6x3x3xf32>>
  %g = nn.gather(%r, %i) axis 1 batch 0 : (tensor<1x11x7x8xf32>, tensor<6xi64>) -> tensor<1x6x7x8xf32>
  %c = nn.conv(%g, %w) strides [2, 2] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : (tensor<1x6x7x8xf32>, tensor<16x6x3x3xf32>) -> tensor<1x16x3x3xf32>
  func.return %c : tensor<1x16x3x3xf32>
}

// -----

// Two contractions read it: both take it by themselves.
// CHECK: tensorized.kernel @a(
// CHECK: tensorized.lookup
// CHECK: tensorized.kernel @b(
// CHECK: tensorized.lookup
// CHECK: func.func @main
func.func @main(%x : tensor<1x12x4x4xf32>) -> (tensor<1x8x4x4xf32>, tensor<1x16x2x2xf32>) {
  %r = nn.elementwise relu(%x) : (tensor<1x12x4x4xf32>) -> tensor<1x12x4x4xf32>
  %i = nn.constant dense<[0, 2, 4, 8]> : tensor<4xi64>
  %v = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000000", tensor<8x4x1x1xf32>>
  %w = nn.constant #nn.weight<"1111111111111111111111111111111111111111111111111111111111111111", tensor<16x4x1x1xf32>>
  %g = nn.gather(%r, %i) axis 1 batch 0 : (tensor<1x12x4x4xf32>, tensor<4xi64>) -> tensor<1x4x4x4xf32> loc("g")
  %a = nn.conv(%g, %v) strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : (tensor<1x4x4x4xf32>, tensor<8x4x1x1xf32>) -> tensor<1x8x4x4xf32> loc("a")
  %b = nn.conv(%g, %w) strides [2, 2] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : (tensor<1x4x4x4xf32>, tensor<16x4x1x1xf32>) -> tensor<1x16x2x2xf32> loc("b")
  func.return %a, %b : tensor<1x8x4x4xf32>, tensor<1x16x2x2xf32>
}

// -----

// What runs along the lanes, as the channels of a depthwise convolution, what is padded and what something else
// reads is gathered before, in a kernel of its own.
// CHECK: tensorized.kernel @linalg_generic
// CHECK: tensorized.kernel @[[g:.*]](%0: tensor<4xi64> constant within [0, 11]
// CHECK: tensorized.lookup
// CHECK: tensorized.kernel @[[h:.*]](%0: tensor<5xi64> constant within [0, 11]
// CHECK: tensorized.lookup
// CHECK: tensorized.kernel @[[k:.*]](%0: tensor<3xi64> constant within [0, 11]
// CHECK: tensorized.lookup
// CHECK-NOT: tensorized.lookup
func.func @main(%x : tensor<1x12x4x4xf32>) -> (tensor<1x4x4x4xf32>, tensor<1x8x4x4xf32>, tensor<1x8x4x4xf32>, tensor<1x3x4x4xf32>) {
  %r = nn.elementwise relu(%x) : (tensor<1x12x4x4xf32>) -> tensor<1x12x4x4xf32>
  %i = nn.constant dense<[0, 2, 4, 8]> : tensor<4xi64>
  %j = nn.constant dense<[0, 2, 4, 8, 9]> : tensor<5xi64>
  %l = nn.constant dense<[0, 2, 4]> : tensor<3xi64>
  %u = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000000", tensor<4x1x1x1xf32>>
  %v = nn.constant #nn.weight<"1111111111111111111111111111111111111111111111111111111111111111", tensor<8x5x3x3xf32>>
  %w = nn.constant #nn.weight<"2222222222222222222222222222222222222222222222222222222222222222", tensor<8x3x1x1xf32>>
  %g = nn.gather(%r, %i) axis 1 batch 0 : (tensor<1x12x4x4xf32>, tensor<4xi64>) -> tensor<1x4x4x4xf32>
  %h = nn.gather(%r, %j) axis 1 batch 0 : (tensor<1x12x4x4xf32>, tensor<5xi64>) -> tensor<1x5x4x4xf32>
  %k = nn.gather(%r, %l) axis 1 batch 0 : (tensor<1x12x4x4xf32>, tensor<3xi64>) -> tensor<1x3x4x4xf32>
  %a = nn.conv(%g, %u) strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 4 : (tensor<1x4x4x4xf32>, tensor<4x1x1x1xf32>) -> tensor<1x4x4x4xf32> loc("a")
  %b = nn.conv(%h, %v) strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1 : (tensor<1x5x4x4xf32>, tensor<8x5x3x3xf32>) -> tensor<1x8x4x4xf32> loc("b")
  %c = nn.conv(%k, %w) strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : (tensor<1x3x4x4xf32>, tensor<8x3x1x1xf32>) -> tensor<1x8x4x4xf32> loc("c")
  func.return %a, %b, %c, %k : tensor<1x4x4x4xf32>, tensor<1x8x4x4xf32>, tensor<1x8x4x4xf32>, tensor<1x3x4x4xf32>
}

// -----

// Both branches of a sum are put where their channels are in the kernel that adds them.
// CHECK: tensorized.kernel @{{.*}}(%{{.*}}: tensor<9xi64> constant within [0, 3],
// CHECK: tensorized.lookup %{{.*}}[%{{.*}}, %{{.*}}] as [20, 4]
// CHECK: arith.select
// CHECK: tensorized.lookup %{{.*}}[%{{.*}}, %{{.*}}] as [20, 5]
// CHECK: arith.select
// CHECK: arith.addf
// CHECK: arith.maximumf
// CHECK-NOT: tensorized.lookup
func.func @main(%x : tensor<1x3x4x5xf32>) -> tensor<1x8x4x5xf32> {
  %i = nn.constant dense<[0, 0, 1, 0, 2, 0, 0, 3, 0]> : tensor<9xi64>
  %j = nn.constant dense<[0, 1, 0, 0, 2, 3, 0, 0, 4]> : tensor<9xi64>
  %s = nn.constant dense<[[[[1]], [[0]], [[1]], [[0]], [[1]], [[0]], [[0]], [[1]], [[0]]]]> : tensor<1x9x1x1xi1>
  %t = nn.constant dense<[[[[1]], [[1]], [[0]], [[0]], [[1]], [[1]], [[0]], [[0]], [[1]]]]> : tensor<1x9x1x1xi1>
  %z = nn.constant dense<0.0> : tensor<f32>
  %u = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000000", tensor<4x3x1x1xf32>>
  %v = nn.constant #nn.weight<"1111111111111111111111111111111111111111111111111111111111111111", tensor<5x3x1x1xf32>>
  %w = nn.constant #nn.weight<"2222222222222222222222222222222222222222222222222222222222222222", tensor<8x9x1x1xf32>>
  %a = nn.conv(%x, %u) strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : (tensor<1x3x4x5xf32>, tensor<4x3x1x1xf32>) -> tensor<1x4x4x5xf32>
  %b = nn.conv(%x, %v) strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : (tensor<1x3x4x5xf32>, tensor<5x3x1x1xf32>) -> tensor<1x5x4x5xf32>
  %g = nn.gather(%a, %i) axis 1 batch 0 : (tensor<1x4x4x5xf32>, tensor<9xi64>) -> tensor<1x9x4x5xf32>
  %g0 = nn.elementwise where(%s, %g, %z) : (tensor<1x9x1x1xi1>, tensor<1x9x4x5xf32>, tensor<f32>) -> tensor<1x9x4x5xf32>
  %h = nn.gather(%b, %j) axis 1 batch 0 : (tensor<1x5x4x5xf32>, tensor<9xi64>) -> tensor<1x9x4x5xf32>
  %h0 = nn.elementwise where(%t, %h, %z) : (tensor<1x9x1x1xi1>, tensor<1x9x4x5xf32>, tensor<f32>) -> tensor<1x9x4x5xf32>
  %y = nn.elementwise add(%g0, %h0) : (tensor<1x9x4x5xf32>, tensor<1x9x4x5xf32>) -> tensor<1x9x4x5xf32>
  %r = nn.elementwise relu(%y) : (tensor<1x9x4x5xf32>) -> tensor<1x9x4x5xf32>
  %c = nn.conv(%r, %w) strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : (tensor<1x9x4x5xf32>, tensor<8x9x1x1xf32>) -> tensor<1x8x4x5xf32>
  func.return %c : tensor<1x8x4x5xf32>
}
