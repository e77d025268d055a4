// RUN: tenon-opt %s -p lower-nn,assign-layouts --split-input-file --check-semantics | filecheck %s

// What is gathered along one axis lies as the result does: here as the convolution behind wants it, although
// nothing else asks so of %r. Its rows, of 4 KiB, have elements between them: it is read where it is.
// CHECK: %r = linalg.generic
// CHECK: } -> tensor<1x1024x3x3xf32, #tensorized.layout<(d0, d1, d2, d3) -> (d0, d2, d3, d1), [1, 3, 3, 1040]>>
// CHECK: tensor.extract %r[{{.*}}] : tensor<1x1024x3x3xf32, #tensorized.layout<(d0, d1, d2, d3) -> (d0, d2, d3, d1), [1, 3, 3, 1040]>>
func.func @main(%x : tensor<1x1024x3x3xf32>) -> tensor<1x8x3x3xf32> {
  %r = nn.elementwise relu(%x) : (tensor<1x1024x3x3xf32>) -> tensor<1x1024x3x3xf32>
  %i = nn.constant dense<[1, 2, 500, 1023]> : tensor<4xi64>
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000000", tensor<8x4x1x1xf32>>
  %g = nn.gather(%r, %i) axis 1 batch 0 : (tensor<1x1024x3x3xf32>, tensor<4xi64>) -> tensor<1x4x3x3xf32>
  %c = nn.conv(%g, %w) strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : (tensor<1x4x3x3xf32>, tensor<8x4x1x1xf32>) -> tensor<1x8x3x3xf32>
  func.return %c : tensor<1x8x3x3xf32>
}
