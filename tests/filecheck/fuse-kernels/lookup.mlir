// RUN: tenon-opt %s -p "lower-nn,assign-layouts,fuse-kernels,collapse-loops,attach-target{name=x86-64-v3},tensorize-match,schedule-kernels,plan-memory,materialize-weights,lower-kernels" --check-semantics | filecheck %s

// What the body captures is an argument of the kernel, read row by row: one position a register.
// CHECK-LABEL: tensorized.kernel
// CHECK: %[[p:.*]] = tensorized.map (%{{.*}} = %{{.*}} : vector<4x1xi64>) -> vector<4x1xi64>
// CHECK: tensorized.gather %{{.*}}[%{{.*}}] by (%[[p]] * 64) at (d0, v0, l) -> (d0 * 32 + v0 * 8 + l) : memref<{{.*}}xf32>, (vector<4x1xi64>) -> vector<4x8xf32>
func.func @main(%x : tensor<10x64xf32>, %i : tensor<5xi64>) -> tensor<5x64xf32> {
  %0 = nn.gather(%x, %i) axis 0 batch 0 : (tensor<10x64xf32>, tensor<5xi64>) -> tensor<5x64xf32>
  func.return %0 : tensor<5x64xf32>
}
