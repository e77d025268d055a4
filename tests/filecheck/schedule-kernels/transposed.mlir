// RUN: tenon-opt %s -p schedule-kernels,plan-memory,materialize-weights,lower-kernels --check-semantics -o /dev/null
// RUN: tenon-opt %s -p schedule-kernels | filecheck %s

// Lanes run along the rows of what is written, which are columns of what is read. A column of 64 elements takes as many
// cache lines, with what is written meanwhile 8 KiB: they are pushed out of the cache before the next column, unless the
// rows are written 32 elements at a time. A column of 16 elements stays.

// CHECK: tensorized.kernel @long({{.*}} lanes {c = 8} schedule [order [c, p] tile {c = 32}]
// CHECK: tensorized.kernel @short({{.*}} lanes {c = 8} schedule [order [p, c] tile {c = 16}]
module attributes {tenon.target = {vector_registers = 16 : i64, vector_bytes = 32 : i64, loads_per_cycle = 2 : i64, l1_bytes = 4096 : i64, l2_bytes = 65536 : i64}} {
tensorized.kernel @long(%x: tensor<64x48xf32>) -> tensor<48x64xf32> lanes {c = 8} {
  %e = tensorized.empty : tensor<48x64xf32>
  %y = tensorized.generic loops (p: parallel 48, c: parallel 64) ins(%x at (c, p) : tensor<64x48xf32>) init(%e at (p, c) : tensor<48x64xf32>) {
  ^bb0(%v: f32, %u: f32):
    tensorized.yield %v : f32
  } -> tensor<48x64xf32>
  tensorized.yield %y : tensor<48x64xf32>
}
tensorized.kernel @short(%x: tensor<16x48xf32>) -> tensor<48x16xf32> lanes {c = 8} {
  %e = tensorized.empty : tensor<48x16xf32>
  %y = tensorized.generic loops (p: parallel 48, c: parallel 16) ins(%x at (c, p) : tensor<16x48xf32>) init(%e at (p, c) : tensor<48x16xf32>) {
  ^bb0(%v: f32, %u: f32):
    tensorized.yield %v : f32
  } -> tensor<48x16xf32>
  tensorized.yield %y : tensor<48x16xf32>
}
func.func @main(%x: tensor<64x48xf32>, %z: tensor<16x48xf32>) -> (tensor<48x64xf32>, tensor<48x16xf32>) {
  %y = tensorized.call @long(%x) : (tensor<64x48xf32>) -> tensor<48x64xf32>
  %w = tensorized.call @short(%z) : (tensor<16x48xf32>) -> tensor<48x16xf32>
  func.return %y, %w : tensor<48x64xf32>, tensor<48x16xf32>
}
}
