// RUN: tenon-opt %s --split-input-file | filecheck %s
// RUN: tenon-opt %s --split-input-file | tenon-opt --split-input-file | filecheck %s
// RUN: tenon-opt %s --split-input-file --print-op-generic | tenon-opt --split-input-file | filecheck %s

// CHECK-LABEL: tensorized.kernel @rows
tensorized.kernel @rows(%i: tensor<5xi64> within [0, 9], %x: tensor<10x64xf32>) -> tensor<5x64xf32> {
  // CHECK: %[[along:.*]] = tensorized.iota : tensor<64xi64>
  %p = tensorized.iota : tensor<64xi64>
  %e = tensorized.empty : tensor<5x64xf32>
  %y = tensorized.generic loops (a: parallel 5, b: parallel 64)
    ins(%i at (a) : tensor<5xi64>, %p at (b) : tensor<64xi64>) init(%e at (a, b) : tensor<5x64xf32>) {
  ^bb0(%k: i64, %d: i64, %o: f32):
    // CHECK: tensorized.lookup %{{.*}}[%{{.*}}, %{{.*}}] as [10, 64] : tensor<10x64xf32>
    %v = tensorized.lookup %x[%k, %d] as [10, 64] : tensor<10x64xf32>
    tensorized.yield %v : f32
  } -> tensor<5x64xf32>
  tensorized.yield %y : tensor<5x64xf32>
}

// CHECK-LABEL: func.func @gather
func.func @gather(%x: memref<10x64xf32>, %d: index, %p: vector<2x1xi64>, %q: vector<2x8xi64>) {
  // CHECK: tensorized.gather %{{.*}}[%{{.*}}] by (%{{.*}} * 64) at (d0, v0, l) -> (d0 * 16 + v0 * 8 + l) : memref<10x64xf32>, (vector<2x1xi64>) -> vector<2x8xf32>
  %0 = tensorized.gather %x[%d] by (%p * 64) at (d0, v0, l) -> (d0 * 16 + v0 * 8 + l) : memref<10x64xf32>, (vector<2x1xi64>) -> vector<2x8xf32>
  // CHECK: tensorized.gather %{{.*}}[] by (%{{.*}} * 1) at (v0, l) -> (0) valid 11 : memref<10x64xf32>, (vector<2x8xi64>) -> vector<2x8xf32>
  %1 = tensorized.gather %x[] by (%q * 1) at (v0, l) -> (0) valid 11 : memref<10x64xf32>, (vector<2x8xi64>) -> vector<2x8xf32>
  func.return
}
