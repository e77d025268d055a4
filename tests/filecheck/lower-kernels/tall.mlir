// RUN: tenon-opt %s -p 'attach-target{name=sapphirerapids},plan-memory,materialize-weights,lower-kernels' | filecheck %s
// RUN: tenon-opt %s -p 'attach-target{name=sapphirerapids},plan-memory,materialize-weights,lower-kernels' --check-semantics -o /dev/null

// Registers of 16 rows. The accumulators wait on the stack between the reduction, on whole tiles, and the start and
// the end, row by row. 25 rows are a register of 16, and one over the last 16, of which nine are stored.

// CHECK:      tensorized.kernel @k
// CHECK:      %[[P:.*]] = memref.alloca() {alignment = 64 : i64} : memref<16x16xi32>
// CHECK:      scf.for %m = %c0 to %c16
// CHECK:        tensorized.store {{.*}} at (d0, v0, l) -> (d0, v0 * 16 + l) : vector<1x16xi32>, memref<16x16xi32>
// CHECK:      %[[A:.*]] = tensorized.load %[[P]][] at (v0, v1, l) -> (v1 * 16 + l floordiv 16, v0 * 16 + l mod 16) : memref<16x16xi32>, vector<1x1x256xi32>
// CHECK:      scf.for %k = %c0 to %c2 step %c1 iter_args(%{{.*}} = %[[A]])
// CHECK:        tensorized.load %x[%k] at (d0, v0, v1, l) -> (l floordiv 64, d0 * 64 + l mod 64) : memref<25x128xi8>, vector<1x1x1024xi8>
// CHECK:      scf.for %m{{.*}} = %c0 to %c16
// CHECK:        tensorized.store {{.*}} -> (d0, l) valid 8 : vector<1x16xi32>, memref<25x8xi32>
// CHECK:      scf.for %m{{.*}} = %c0 to %c9
// CHECK:        tensorized.store {{.*}} at (d0, v0, l) -> (d0 + 7, v0 * 16 + l)
// CHECK:        tensorized.load %x[%k{{.*}}] at (d0, v0, v1, l) -> (l floordiv 64 + 9, d0 * 64 + l mod 64)
// CHECK:      scf.for %m{{.*}} = %c0 to %c9
// CHECK:        tensorized.store {{.*}} -> (d0 + 16, l) valid 8
tensorized.instruction @tdpbusd_16x16xi32 intrinsic "llvm.x86.tdpbusd.internal" feature "amx-tile,amx-int8"
  mnemonic "tdpbusd" latency 52 cycles 16 tile [16, 64, 64] loops (i: parallel 16, j: parallel 16, r: reduction 64)
  (inout %acc: vector<256xi32> at (i * 16 + j), %a: vector<1024xi8> at (i * 64 + r),
   %b: vector<1024xi8> at (r floordiv 4 * 64 + j * 4 + r mod 4)) {
  %x = arith.extui %a : i8 to i32
  %y = arith.extsi %b : i8 to i32
  %p = arith.muli %x, %y : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
}
tensorized.kernel @k(%x: tensor<25x128xi8>, %w: tensor<1x2x1x1024xi8> constant, %b: tensor<16xi32> constant) -> tensor<25x8xi32> lanes {m = 16, n = 16} schedule [order [n, m] tile {n = 16, m = 16}, order [k]] {
  %e = tensorized.empty : tensor<25x8xi32>
  %s = tensorized.generic loops (m: parallel 25, n: parallel 8) ins(%b at (n) : tensor<16xi32>) init(%e at (m, n) : tensor<25x8xi32>) {
  ^bb0(%a: i32, %acc: i32):
    tensorized.yield %a : i32
  } -> tensor<25x8xi32>
  %c = tensorized.contract @tdpbusd_16x16xi32 loops (m: parallel 25, n: parallel 8, k: reduction 128) ins(%x at (m, k) : tensor<25x128xi8>, %w at (n floordiv 16, k floordiv 64, 0, n mod 16 * 4 + k mod 64 floordiv 4 * 64 + k mod 4) : tensor<1x2x1x1024xi8>) init(%s at (m, n) : tensor<25x8xi32>) bind {i = m, j = n, r = k} -> tensor<25x8xi32>
  %o = tensorized.empty : tensor<25x8xi32>
  %y = tensorized.generic loops (m: parallel 25, n: parallel 8) ins(%c at (m, n) : tensor<25x8xi32>) init(%o at (m, n) : tensor<25x8xi32>) {
  ^bb0(%a: i32, %acc: i32):
    tensorized.yield %a : i32
  } -> tensor<25x8xi32>
  tensorized.yield %y : tensor<25x8xi32>
}
func.func @main(%x: tensor<25x128xi8>) -> tensor<25x8xi32> {
  %w = nn.constant #nn.weight<"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", tensor<1x2x1x1024xi8>>
  %b = nn.constant #nn.weight<"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", tensor<16xi32>>
  %y = tensorized.call @k(%x, %w, %b) : (tensor<25x128xi8>, tensor<1x2x1x1024xi8>, tensor<16xi32>) -> tensor<25x8xi32>
  func.return %y : tensor<25x8xi32>
}
