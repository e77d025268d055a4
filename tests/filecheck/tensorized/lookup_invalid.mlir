// RUN: tenon-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// CHECK: result is tensor<4xf32>, expected one dimension of i64
func.func @f() {
  %0 = tensorized.iota : tensor<4xf32>
  func.return
}

// -----

// CHECK: tensor<10x64xf32> cannot be seen as [10, 65]
func.func @f(%x: tensor<10x64xf32>, %i: i64) {
  %0 = tensorized.lookup %x[%i, %i] as [10, 65] : tensor<10x64xf32>
  func.return
}

// -----

// CHECK: 1 positions in [10, 64]
func.func @f(%x: tensor<10x64xf32>, %i: i64) {
  %0 = tensorized.lookup %x[%i] as [10, 64] : tensor<10x64xf32>
  func.return
}

// -----

// CHECK: position is vector<2x4xi64>, expected i64 in the shape of vector<2x8xf32>
func.func @f(%x: memref<10x64xf32>, %p: vector<2x4xi64>) {
  %0 = tensorized.gather %x[] by (%p * 64) at (v0, l) -> (l) : memref<10x64xf32>, (vector<2x4xi64>) -> vector<2x8xf32>
  func.return
}
