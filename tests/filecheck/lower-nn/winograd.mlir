// RUN: tenon-opt %s -p lower-nn | filecheck %s
// RUN: tenon-opt %s -p lower-nn --check-semantics -o /dev/null

// The tile is in the indices: 6 elements from each fourth one on.
// CHECK-LABEL: func.func @input
// CHECK: tensor.pad %x low[0, 0, 1, 1] high[0, 0, 4, 2]
// CHECK: linalg.generic
// CHECK: -> (d2, d5, ((d3 * 4) + d6), ((d4 * 4) + d7))>, affine_map<{{.*}} -> (d0, d6)>, affine_map<{{.*}} -> (d1, d7)>
// CHECK: tensor.collapse_shape {{.*}} : tensor<6x6x1x3x2x5xf32> into tensor<36x6x5xf32>
func.func @input(%x : tensor<1x5x9x7xf32>) -> tensor<36x6x5xf32> {
  %v = nn.winograd_input(%x) tile 4 pads [1, 1, 1, 1] : (tensor<1x5x9x7xf32>) -> tensor<36x6x5xf32>
  func.return %v : tensor<36x6x5xf32>
}

// Loops over pixels: no tile reaches past the image.
// CHECK-LABEL: func.func @output
// CHECK: linalg.generic
// CHECK: affine_map<(d0, d1, d2, d3, d4, d5) -> (d4, d5, d0, (d2 floordiv 4), (d3 floordiv 4), d1)>, affine_map<{{.*}} -> ((d2 mod 4), d4)>, affine_map<{{.*}} -> ((d3 mod 4), d5)>
// CHECK-SAME: outs(%{{.*}} : tensor<1x6x9x7xf32>)
func.func @output(%m : tensor<36x6x6xf32>, %b : tensor<6xf32>) -> tensor<1x6x9x7xf32> {
  %y = nn.winograd_output(%m, %b) tile 4 extents [1, 9, 7] : (tensor<36x6x6xf32>, tensor<6xf32>) -> tensor<1x6x9x7xf32>
  func.return %y : tensor<1x6x9x7xf32>
}

// A line of pixels is cut out of two.
// CHECK-LABEL: func.func @line
// CHECK: tensor.extract_slice %{{.*}}[0, 0, 0, 0] [1, 6, 1, 7] [1, 1, 1, 1] : tensor<1x6x2x7xf32> to tensor<1x6x1x7xf32>
func.func @line(%m : tensor<36x2x6xf32>) -> tensor<1x6x1x7xf32> {
  %y = nn.winograd_output(%m) tile 4 extents [1, 1, 7] : (tensor<36x2x6xf32>) -> tensor<1x6x1x7xf32>
  func.return %y : tensor<1x6x1x7xf32>
}
