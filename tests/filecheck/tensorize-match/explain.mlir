// RUN: tenon-opt %s -p 'attach-target{name=x86-64-v3 lacking=true},tensorize-match{explain=true}' | filecheck %s
// RUN: tenon-opt %s -p 'attach-target{name=x86-64-v3 lacking=true},tensorize-match{explain=true}' -t remarks | filecheck %s --check-prefix=TABLE

// All matches, the best first, and for every other instruction the check that failed first; also those that the
// target lacks. What was changed before is named.

// CHECK:      tensorized.contract @maddwd_8xi32
// CHECK-SAME: remarks {candidates = [{instruction = "maddwd_8xi32", bind = {i = "n", r = "k"},
// CHECK-SAME: reads = {a = "contiguous", b = "needs packing", acc = "contiguous"}, cycles =
// CHECK-SAME: refused = {fma_16xf32 = "body: accumulator type: it yields f32, the operation i32"
// CHECK-SAME: repairs = ["operand 0: ui8 stored as i16, 7 subtracted"]
// CHECK-SAME: bind {i = n, r = k}

// TABLE:      dense.product (kernel @dense)
// TABLE-NEXT:   repaired                     operand 0: ui8 stored as i16, 7 subtracted
// TABLE-NEXT:   chosen    maddwd_8xi32       {{[0-9]+}} cycles: i = n, r = k; %a contiguous, %b needs packing, %acc contiguous
// TABLE:        refused   dpbusd_16xi32      body: signedness: it has arith.extui of %a, the operation arith.extsi
// TABLE:        refused   dpwssd_16xi32      feature: the target lacks avx512vnni
module attributes {tenon.repairs = {dense.product = ["operand 0: ui8 stored as i16, 7 subtracted"]}} {
tensorized.kernel @dense(%x: tensor<20x16xi16>, %w: tensor<16x32xi16> constant) -> tensor<20x32xi32> {
  %e = tensorized.empty fill 0 : tensor<20x32xi32>
  %c = tensorized.generic loops (m: parallel 20, n: parallel 32, k: reduction 16) ins(%x at (m, k) : tensor<20x16xi16>, %w at (k, n) : tensor<16x32xi16>) init(%e at (m, n) : tensor<20x32xi32>) {
  ^bb0(%a: i16, %b: i16, %acc: i32):
    %0 = arith.extsi %a : i16 to i32
    %1 = arith.extsi %b : i16 to i32
    %2 = arith.muli %0, %1 : i32
    %3 = arith.addi %acc, %2 : i32
    tensorized.yield %3 : i32
  } -> tensor<20x32xi32> loc("dense.product")
  tensorized.yield %c : tensor<20x32xi32>
}
func.func @main() {
  func.return
}
}
