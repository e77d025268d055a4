// RUN: tenon-opt %s -p 'select-winograd,cse' --split-input-file | filecheck %s
// RUN: tenon-opt %s -p 'select-winograd' --split-input-file --check-semantics -o /dev/null
// RUN: tenon-opt %s -p 'select-winograd,lower-nn,cse,assign-layouts' --split-input-file | filecheck %s --check-prefix PLACE

// The transformed tensors take 18.9 MB: three stripes of at most 22 rows of tiles, all with the same weights. The
// residual is cut with them.
// CHECK-LABEL: func.func @stripes
// CHECK: %[[p:.*]] = nn.pad(%x) low [0, 0, 1, 1] high [0, 0, 1, 1] value 0.0
// CHECK: %[[a:.*]] = nn.slice(%[[p]]) starts [0, 0, 0, 0] sizes [1, 16, 90, 258] strides [1, 1, 1, 1]
// CHECK: nn.winograd_input(%[[a]]) tile 4 pads [0, 0, 0, 0] : (tensor<1x16x90x258xf32>) -> tensor<36x1408x16xf32>
// CHECK: %[[u:.*]] = nn.winograd_weights(%w) tile 4
// CHECK: nn.winograd_output({{.*}}) tile 4 extents [1, 88, 256]
// CHECK: %[[r:.*]] = nn.slice(%r) starts [0, 0, 0, 0] sizes [1, 1, 88, 256] strides [1, 1, 1, 1]
// CHECK: nn.elementwise add({{.*}}, %[[r]])
// CHECK: %[[first:.*]] = nn.elementwise relu
// CHECK: nn.slice(%[[p]]) starts [0, 0, 88, 0] sizes [1, 16, 90, 258] strides [1, 1, 1, 1]
// CHECK: nn.matmul({{.*}}, %[[u]])
// CHECK: %[[second:.*]] = nn.elementwise relu
// CHECK: nn.slice(%[[p]]) starts [0, 0, 176, 0] sizes [1, 16, 82, 258] strides [1, 1, 1, 1]
// CHECK: nn.winograd_output({{.*}}) tile 4 extents [1, 80, 256]
// CHECK: %[[third:.*]] = nn.elementwise relu
// CHECK: %t = nn.concat(%[[first]], %[[second]], %[[third]]) axis 2
// CHECK: nn.pool max(%t)
// PLACE: tensor.concat dim(2) {{.*}}tensorized.in_place = array<i1: true, true, true>
func.func @stripes(%x : tensor<1x16x256x256xf32>, %r : tensor<1x1x256x256xf32>) -> tensor<1x16x128x128xf32> {
  %w = nn.constant #nn.weight<"00000000000000000000000000000000000000000000000000000000000000c1", tensor<16x16x3x3xf32>>
  %c = nn.conv(%x, %w) strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1 : (tensor<1x16x256x256xf32>, tensor<16x16x3x3xf32>) -> tensor<1x16x256x256xf32>
  %s = nn.elementwise add(%c, %r) : (tensor<1x16x256x256xf32>, tensor<1x1x256x256xf32>) -> tensor<1x16x256x256xf32>
  %t = nn.elementwise relu(%s) : (tensor<1x16x256x256xf32>) -> tensor<1x16x256x256xf32>
  %y = nn.pool max(%t) kernel [2, 2] strides [2, 2] pads [0, 0, 0, 0] dilations [1, 1] ceil_mode false count_include_pad false : (tensor<1x16x256x256xf32>) -> tensor<1x16x128x128xf32>
  func.return %y : tensor<1x16x128x128xf32>
}

// -----

// Weights that would be read again for each stripe are no gain; what the function returns is made at once.
// CHECK-LABEL: func.func @whole
// CHECK-NOT: nn.concat
func.func @whole(%x : tensor<1x256x56x56xf32>, %z : tensor<1x16x256x256xf32>) -> (tensor<1x256x28x28xf32>, tensor<1x16x256x256xf32>) {
  %w = nn.constant #nn.weight<"00000000000000000000000000000000000000000000000000000000000000c2", tensor<256x256x3x3xf32>>
  %c = nn.conv(%x, %w) strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1 : (tensor<1x256x56x56xf32>, tensor<256x256x3x3xf32>) -> tensor<1x256x56x56xf32>
  %y = nn.pool max(%c) kernel [2, 2] strides [2, 2] pads [0, 0, 0, 0] dilations [1, 1] ceil_mode false count_include_pad false : (tensor<1x256x56x56xf32>) -> tensor<1x256x28x28xf32>
  %v = nn.constant #nn.weight<"00000000000000000000000000000000000000000000000000000000000000c1", tensor<16x16x3x3xf32>>
  %d = nn.conv(%z, %v) strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1 : (tensor<1x16x256x256xf32>, tensor<16x16x3x3xf32>) -> tensor<1x16x256x256xf32>
  %e = nn.elementwise relu(%d) : (tensor<1x16x256x256xf32>) -> tensor<1x16x256x256xf32>
  func.return %y, %e : tensor<1x256x28x28xf32>, tensor<1x16x256x256xf32>
}
