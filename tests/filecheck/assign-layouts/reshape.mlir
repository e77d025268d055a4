// RUN: tenon-opt %s -p lower-nn,assign-layouts --check-semantics | filecheck %s

// Rows are doubled through a reshape, as in an upsampling: what feeds it is stored with channels last, too.

// CHECK-LABEL: func.func @doubled
// CHECK:         %a = linalg.generic
// CHECK:           -> tensor<1x2x3x4xf32, #tensorized.layout<(d0, d1, d2, d3) -> (d0, d2, d3, d1), [1, 3, 4, 2]>>
// CHECK:         tensor.expand_shape %a
func.func @doubled(%x: tensor<1x2x3x4xf32>) -> tensor<1x5x6x4xf32> {
  %k = nn.constant dense<0.5> : tensor<5x2x1x1xf32>
  %a = nn.elementwise neg(%x) : (tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32>
  %b = nn.reshape(%a) : (tensor<1x2x3x4xf32>) -> tensor<1x2x3x1x4xf32>
  %c = nn.broadcast(%b) : (tensor<1x2x3x1x4xf32>) -> tensor<1x2x3x2x4xf32>
  %d = nn.reshape(%c) : (tensor<1x2x3x2x4xf32>) -> tensor<1x2x6x4xf32>
  %y = nn.conv(%d, %k) strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1
    : (tensor<1x2x6x4xf32>, tensor<5x2x1x1xf32>) -> tensor<1x5x6x4xf32>
  func.return %y : tensor<1x5x6x4xf32>
}
