// RUN: tenon-opt %s -p 'attach-target{name=sapphirerapids},tensorize-match' | filecheck %s
// RUN: tenon-opt %s -p 'attach-target{name=sapphirerapids},tensorize-match' --check-semantics -o /dev/null
// RUN: tenon-opt %s -p 'attach-target{name=sapphirerapids},tensorize-match,schedule-kernels' --verify-diagnostics | filecheck %s --check-prefix=SCHEDULE

// A kernel that is given lanes along two loops gets an instruction on tiles; which of its loops these are, and that
// the second matrix is packed in fours of rows, follows from the declaration.

// CHECK:      tensorized.kernel @tiles
// CHECK-SAME: lanes {m = 16, n = 16}
// CHECK:      tensorized.contract @tdpbusd_16x16xi32 loops (m: parallel 32, n: parallel 48, k: reduction 128)
// CHECK-SAME: bind {i = m, j = n, r = k}

// SCHEDULE: schedule-kernels: @tiles: its lanes run along m, n: only kernels with lanes along one loop are scheduled
tensorized.kernel @tiles(%x: tensor<32x128xi8>, %w: tensor<128x48xi8> constant) -> tensor<32x48xi32> lanes {m = 16, n = 16} {
  %e = tensorized.empty fill 0 : tensor<32x48xi32>
  %c = tensorized.generic loops (m: parallel 32, n: parallel 48, k: reduction 128) ins(%x at (m, k) : tensor<32x128xi8>, %w at (k, n) : tensor<128x48xi8>) init(%e at (m, n) : tensor<32x48xi32>) {
  ^bb0(%a: i8, %b: i8, %acc: i32):
    %0 = arith.extui %a : i8 to i32
    %1 = arith.extsi %b : i8 to i32
    %2 = arith.muli %0, %1 : i32
    %3 = arith.addi %acc, %2 : i32
    tensorized.yield %3 : i32
  } -> tensor<32x48xi32>
  tensorized.yield %c : tensor<32x48xi32>
}
func.func @main(%x: tensor<32x128xi8>) -> tensor<32x48xi32> {
  %w = nn.constant #nn.weight<"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", tensor<128x48xi8>>
  %y = tensorized.call @tiles(%x, %w) : (tensor<32x128xi8>, tensor<128x48xi8>) -> tensor<32x48xi32>
  func.return %y : tensor<32x48xi32>
}
