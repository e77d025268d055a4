// RUN: tenon-opt %s -p 'lower-nn,assign-layouts,fuse-kernels,collapse-loops,attach-target{name=x86-64-v3},tensorize-match,schedule-kernels' | filecheck %s

// Six products with weights of their own, each of rows that take more than L2: one product after another, and the rows
// of each in blocks that stay there while its panels pass.
// CHECK: tensorized.kernel {{.*}} schedule [order [p0] tile {p0 = 1}, order [p1] tile {p1 = {{[0-9]+}}}, order [p2, p1] tile {{.*}}, order [r0] tile {r0 = {{[0-9]+}}}]
func.func @products(%x: tensor<6x4096x64xf32>) -> tensor<6x4096x64xf32> {
  %w = nn.constant #nn.weight<"00000000000000000000000000000000000000000000000000000000000000d1", tensor<6x64x64xf32>>
  %y = nn.matmul(%x, %w) : (tensor<6x4096x64xf32>, tensor<6x64x64xf32>) -> tensor<6x4096x64xf32>
  func.return %y : tensor<6x4096x64xf32>
}
