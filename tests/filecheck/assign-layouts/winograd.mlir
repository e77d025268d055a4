// RUN: tenon-opt %s -p lower-nn,assign-layouts | filecheck %s
// RUN: tenon-opt %s -p 'lower-nn,assign-layouts,fuse-kernels,collapse-loops' --check-semantics -o /dev/null

// Channels lie innermost, also where only transforms read or write a tensor. The 16 planes of 4 tiles of 256 channels
// would lie 4 KiB apart, of which a tile uses all.
// CHECK: tensor.collapse_shape {{.*}} into tensor<16x4x256xf32, #tensorized.layout<(d0, d1, d2) -> (d0, ((d1 * 256) + d2)), [16, 1040]>>
// CHECK: tensor.expand_shape {{.*}} : tensor<16x4x256xf32, #tensorized.layout<(d0, d1, d2) -> (d0, ((d1 * 256) + d2)), [16, 1040]>>
// CHECK: %y = linalg.generic
// CHECK: -> tensor<1x256x4x3xf32, #tensorized.layout<(d0, d1, d2, d3) -> (d0, d2, d3, d1), [1, 4, 3, 256]>>
func.func @planes(%x : tensor<1x256x4x3xf32>) -> tensor<1x256x4x3xf32> {
  %w = nn.constant #nn.weight<"00000000000000000000000000000000000000000000000000000000000000b1", tensor<16x256x256xf32>>
  %v = nn.winograd_input(%x) tile 2 pads [1, 1, 1, 1] : (tensor<1x256x4x3xf32>) -> tensor<16x4x256xf32>
  %m = nn.matmul(%v, %w) : (tensor<16x4x256xf32>, tensor<16x256x256xf32>) -> tensor<16x4x256xf32>
  %y = nn.winograd_output(%m) tile 2 extents [1, 4, 3] : (tensor<16x4x256xf32>) -> tensor<1x256x4x3xf32>
  func.return %y : tensor<1x256x4x3xf32>
}
