// RUN: tenon-opt %s -p 'attach-target{name=x86-64-v3},lower-nn,assign-layouts,fuse-kernels,collapse-loops,tensorize-match,schedule-kernels' --split-input-file | filecheck %s

// Channels picked out of every pixel: the addresses of a register's lanes are those of four pixels.
// CHECK: tensorized.kernel @linalg_generic(%{{.*}} lanes {p2 = 8} schedule [order [p0, p1, p2] tile {p2 = 8, p1 = 4}]
func.func @main(%x : tensor<1x40x6x7xf32>) -> tensor<1x8x6x7xf32> {
  %i = nn.constant dense<[1, 2, 5, 7, 12, 13, 14, 15, 16, 17, 20, 23, 24, 26, 31, 39]> : tensor<16xi64>
  %v = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000000", tensor<16x1x3x3xf32>>
  %w = nn.constant #nn.weight<"1111111111111111111111111111111111111111111111111111111111111111", tensor<8x16x1x1xf32>>
  %g = nn.gather(%x, %i) axis 1 batch 0 : (tensor<1x40x6x7xf32>, tensor<16xi64>) -> tensor<1x16x6x7xf32>
  %d = nn.conv(%g, %v) strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 16 : (tensor<1x16x6x7xf32>, tensor<16x1x3x3xf32>) -> tensor<1x16x6x7xf32>
  %c = nn.conv(%d, %w) strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : (tensor<1x16x6x7xf32>, tensor<8x16x1x1xf32>) -> tensor<1x8x6x7xf32>
  func.return %c : tensor<1x8x6x7xf32>
}

// -----

// Rows of a table lie side by side: one address a register, four registers of a row.
// CHECK: tensorized.kernel @{{.*}} lanes {p1 = 8} schedule [order [p0, p1] tile {p1 = 32}]
func.func @main(%x : tensor<10x64xf32>, %i : tensor<5xi64>) -> tensor<5x64xf32> {
  %0 = nn.gather(%x, %i) axis 0 batch 0 : (tensor<10x64xf32>, tensor<5xi64>) -> tensor<5x64xf32>
  func.return %0 : tensor<5x64xf32>
}
