// RUN: tenon-opt %s -p 'attach-target{name=sapphirerapids},tensorize-match{explain=true}' --split-input-file -t remarks | filecheck %s
// RUN: tenon-opt %s -p 'attach-target{name=sapphirerapids},tensorize-match,schedule-kernels' --split-input-file | filecheck %s --check-prefix=SCHEDULE
// RUN: tenon-opt %s -p 'attach-target{name=sapphirerapids},tensorize-match,schedule-kernels,plan-memory,materialize-weights,lower-kernels' --split-input-file --check-semantics -o /dev/null

// An instruction on tiles has lanes along two loops: which of the kernel's these are, and that the second matrix is
// packed in fours of rows, follows from its declaration, and so does that it takes the fewest cycles.

// CHECK:      chosen tdpbusd_16x16xi32 {{.*}} cycles: i = m, j = n, r = k; %acc {{.*}}, %a rows of memory, %b needs packing
// CHECK-NEXT: also dpbusd_16xi32

// SCHEDULE:      tensorized.kernel @tiles(%x: tensor<41x128xi8>, %w: tensor<2x2x2x1024xi8> constant,
// SCHEDULE-SAME: lanes {m = 16, n = 16} schedule [order [n, m] tile {n = 32, m = 32}, order [k] tile {k = 128}]
// SCHEDULE:      %w at (n floordiv 32, k floordiv 64, n mod 32 floordiv 16, k mod 64 floordiv 4 * 64 + k mod 64 mod 4 + n mod 16 * 4)
tensorized.kernel @tiles(%x: tensor<41x128xi8>, %w: tensor<128x40xi8> constant, %b: tensor<40xi32> constant) -> tensor<41x40xi32> {
  %e = tensorized.empty : tensor<41x40xi32>
  %s = tensorized.generic loops (m: parallel 41, n: parallel 40) ins(%b at (n) : tensor<40xi32>) init(%e at (m, n) : tensor<41x40xi32>) {
  ^bb0(%a: i32, %acc: i32):
    tensorized.yield %a : i32
  } -> tensor<41x40xi32>
  %c = tensorized.generic loops (m: parallel 41, n: parallel 40, k: reduction 128) ins(%x at (m, k) : tensor<41x128xi8>, %w at (k, n) : tensor<128x40xi8>) init(%s at (m, n) : tensor<41x40xi32>) {
  ^bb0(%a: i8, %f: i8, %acc: i32):
    %0 = arith.extui %a : i8 to i32
    %1 = arith.extsi %f : i8 to i32
    %2 = arith.muli %0, %1 : i32
    %3 = arith.addi %acc, %2 : i32
    tensorized.yield %3 : i32
  } -> tensor<41x40xi32>
  %o = tensorized.empty : tensor<41x40xi32>
  %y = tensorized.generic loops (m: parallel 41, n: parallel 40) ins(%c at (m, n) : tensor<41x40xi32>) init(%o at (m, n) : tensor<41x40xi32>) {
  ^bb0(%a: i32, %acc: i32):
    %z = arith.constant 0 : i32
    %r = arith.maxsi %a, %z : i32
    tensorized.yield %r : i32
  } -> tensor<41x40xi32>
  tensorized.yield %y : tensor<41x40xi32>
}
func.func @main(%x: tensor<41x128xi8>) -> tensor<41x40xi32> {
  %w = nn.constant #nn.weight<"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", tensor<128x40xi8>>
  %b = nn.constant #nn.weight<"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", tensor<40xi32>>
  %y = tensorized.call @tiles(%x, %w, %b) : (tensor<41x128xi8>, tensor<128x40xi8>, tensor<40xi32>) -> tensor<41x40xi32>
  func.return %y : tensor<41x40xi32>
}

// -----

// What is left of a reduction, and a matrix that only a call brings, are for other instructions.

// CHECK:      chosen dpbusd_16xi32
// CHECK:      refused tdpbusd_16x16xi32 rows: k has 100 steps, no multiple of the 64 of r
// CHECK:      chosen dpbusd_16xi32
// CHECK:      refused tdpbusd_16x16xi32 rows: %b is no rows of memory, and not known at compile time
tensorized.kernel @rest(%x: tensor<32x100xi8>, %w: tensor<100x48xi8> constant) -> tensor<32x48xi32> {
  %e = tensorized.empty fill 0 : tensor<32x48xi32>
  %c = tensorized.generic loops (m: parallel 32, n: parallel 48, k: reduction 100) ins(%x at (m, k) : tensor<32x100xi8>, %w at (k, n) : tensor<100x48xi8>) init(%e at (m, n) : tensor<32x48xi32>) {
  ^bb0(%a: i8, %b: i8, %acc: i32):
    %0 = arith.extui %a : i8 to i32
    %1 = arith.extsi %b : i8 to i32
    %2 = arith.muli %0, %1 : i32
    %3 = arith.addi %acc, %2 : i32
    tensorized.yield %3 : i32
  } -> tensor<32x48xi32>
  %o = tensorized.empty : tensor<32x48xi32>
  %y = tensorized.generic loops (m: parallel 32, n: parallel 48) ins(%c at (m, n) : tensor<32x48xi32>) init(%o at (m, n) : tensor<32x48xi32>) {
  ^bb0(%a: i32, %acc: i32):
    tensorized.yield %a : i32
  } -> tensor<32x48xi32>
  tensorized.yield %y : tensor<32x48xi32>
}
tensorized.kernel @called(%x: tensor<32x128xi8>, %w: tensor<128x48xi8>) -> tensor<32x48xi32> {
  %e = tensorized.empty fill 0 : tensor<32x48xi32>
  %c = tensorized.generic loops (m: parallel 32, n: parallel 48, k: reduction 128) ins(%x at (m, k) : tensor<32x128xi8>, %w at (k, n) : tensor<128x48xi8>) init(%e at (m, n) : tensor<32x48xi32>) {
  ^bb0(%a: i8, %b: i8, %acc: i32):
    %0 = arith.extui %a : i8 to i32
    %1 = arith.extsi %b : i8 to i32
    %2 = arith.muli %0, %1 : i32
    %3 = arith.addi %acc, %2 : i32
    tensorized.yield %3 : i32
  } -> tensor<32x48xi32>
  %o = tensorized.empty : tensor<32x48xi32>
  %y = tensorized.generic loops (m: parallel 32, n: parallel 48) ins(%c at (m, n) : tensor<32x48xi32>) init(%o at (m, n) : tensor<32x48xi32>) {
  ^bb0(%a: i32, %acc: i32):
    tensorized.yield %a : i32
  } -> tensor<32x48xi32>
  tensorized.yield %y : tensor<32x48xi32>
}
func.func @main(%x: tensor<32x100xi8>, %v: tensor<32x128xi8>, %u: tensor<128x48xi8>) -> (tensor<32x48xi32>, tensor<32x48xi32>) {
  %w = nn.constant #nn.weight<"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", tensor<100x48xi8>>
  %y = tensorized.call @rest(%x, %w) : (tensor<32x100xi8>, tensor<100x48xi8>) -> tensor<32x48xi32>
  %z = tensorized.call @called(%v, %u) : (tensor<32x128xi8>, tensor<128x48xi8>) -> tensor<32x48xi32>
  func.return %y, %z : tensor<32x48xi32>, tensor<32x48xi32>
}
