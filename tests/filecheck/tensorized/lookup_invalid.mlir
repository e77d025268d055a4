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

// -----

// CHECK: positions are argument 0 of @k, which does not say what it lies within
tensorized.kernel @k(%i: tensor<5xi64> constant, %x: tensor<10x64xf32>) -> tensor<5xf32> {
  %e = tensorized.empty : tensor<5xf32>
  %y = tensorized.generic loops (a: parallel 5) ins(%i at (a) : tensor<5xi64>) init(%e at (a) : tensor<5xf32>) {
  ^bb0(%k: i64, %o: f32):
    %z = arith.constant 0 : i64
    %v = tensorized.lookup %x[%k, %z] as [10, 64] : tensor<10x64xf32>
    tensorized.yield %v : f32
  } -> tensor<5xf32>
  tensorized.yield %y : tensor<5xf32>
}

// -----

// CHECK: a position lies within [0, 10], the table has 10 there
tensorized.kernel @k(%i: tensor<5xi64> constant within [0, 10], %x: tensor<10x64xf32>) -> tensor<5xf32> {
  %e = tensorized.empty : tensor<5xf32>
  %y = tensorized.generic loops (a: parallel 5) ins(%i at (a) : tensor<5xi64>) init(%e at (a) : tensor<5xf32>) {
  ^bb0(%k: i64, %o: f32):
    %z = arith.constant 0 : i64
    %v = tensorized.lookup %x[%k, %z] as [10, 64] : tensor<10x64xf32>
    tensorized.yield %v : f32
  } -> tensor<5xf32>
  tensorized.yield %y : tensor<5xf32>
}

// -----

// CHECK: a position lies within [-1, -1], the table has 64 there
tensorized.kernel @k(%i: tensor<5xi64> constant within [0, 9], %x: tensor<10x64xf32>) -> tensor<5xf32> {
  %e = tensorized.empty : tensor<5xf32>
  %y = tensorized.generic loops (a: parallel 5) ins(%i at (a) : tensor<5xi64>) init(%e at (a) : tensor<5xf32>) {
  ^bb0(%k: i64, %o: f32):
    %z = arith.constant -1 : i64
    %v = tensorized.lookup %x[%k, %z] as [10, 64] : tensor<10x64xf32>
    tensorized.yield %v : f32
  } -> tensor<5xf32>
  tensorized.yield %y : tensor<5xf32>
}

// -----

// CHECK: a position lies within [0, 10], the table has 10 there
tensorized.kernel @k(%i: tensor<5xi64> constant, %x: tensor<10x64xf32>) -> tensor<5xf32> {
  %e = tensorized.empty : tensor<5xf32>
  %p = tensorized.iota : tensor<11xi64>
  %y = tensorized.generic loops (a: parallel 5) ins(%p at (a) : tensor<11xi64>) init(%e at (a) : tensor<5xf32>) {
  ^bb0(%k: i64, %o: f32):
    %z = arith.constant 0 : i64
    %v = tensorized.lookup %x[%k, %z] as [10, 64] : tensor<10x64xf32>
    tensorized.yield %v : f32
  } -> tensor<5xf32>
  tensorized.yield %y : tensor<5xf32>
}

// -----

// CHECK: @k: value 0 holds 10, not within [0, 9]
tensorized.kernel @k(%i: tensor<5xi64> constant within [0, 9], %x: tensor<10x64xf32>) -> tensor<5xf32> {
  %e = tensorized.empty : tensor<5xf32>
  %y = tensorized.generic loops (a: parallel 5) ins(%i at (a) : tensor<5xi64>) init(%e at (a) : tensor<5xf32>) {
  ^bb0(%k: i64, %o: f32):
    %z = arith.constant 0 : i64
    %v = tensorized.lookup %x[%k, %z] as [10, 64] : tensor<10x64xf32>
    tensorized.yield %v : f32
  } -> tensor<5xf32>
  tensorized.yield %y : tensor<5xf32>
}
func.func @main(%x: tensor<10x64xf32>) -> tensor<5xf32> {
  %i = nn.constant dense<[0, 9, 3, 10, 3]> : tensor<5xi64>
  %y = tensorized.call @k(%i, %x) : (tensor<5xi64>, tensor<10x64xf32>) -> tensor<5xf32>
  func.return %y : tensor<5xf32>
}

// -----

// CHECK: Expected attribute i64 but got i32
func.func @f(%x: tensor<10x64xf32>, %i: i64, %j: i32) {
  %0 = "tensorized.lookup"(%x, %i, %j) <{shape = array<i64: 10, 64>}> : (tensor<10x64xf32>, i64, i32) -> f32
  func.return
}
