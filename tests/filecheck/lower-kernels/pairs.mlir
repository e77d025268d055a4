// RUN: tenon-opt %s -p 'lower-nn,fold-casts,cse,assign-layouts,fuse-kernels,collapse-loops,attach-target{name=cooperlake},tensorize-match,schedule-kernels' --check-semantics | filecheck %s --check-prefix=PACKED
// RUN: tenon-opt %s -p 'lower-nn,fold-casts,cse,assign-layouts,fuse-kernels,collapse-loops,attach-target{name=cooperlake},tensorize-match,schedule-kernels,plan-memory,materialize-weights,lower-kernels' --check-semantics | filecheck %s --check-prefix=LOOPS
// RUN: tenon-opt %s -p 'lower-nn,fold-casts,cse,assign-layouts,fuse-kernels,collapse-loops,attach-target{name=cooperlake},tensorize-match,schedule-kernels,plan-memory,materialize-weights,lower-kernels' -t asm | filecheck %s --check-prefix=ASM

// 7 is 3 pairs and one element: weights lie in pairs, padded with zeros; the last step reads one of the two.
// The other operand is packed at run time: whole pairs, then what is left.

// PACKED-LABEL: tensorized.kernel @weights
// PACKED:         tensorized.contract @dpbf16_16xf32
// PACKED-SAME:      floordiv 2, p1 mod {{[0-9]+}}, r0 mod 2)
// PACKED-SAME:      bind {i = p1, r = r0}
// PACKED-LABEL: tensorized.kernel @both_pack_1
// PACKED:         loops (p1: parallel 64
// PACKED-SAME:      at (r0 * 2 + p1 mod 2, p1 floordiv 2) : tensor<7x32xbf16>
// PACKED:         p1_rest: parallel 32

// LOOPS-LABEL: tensorized.kernel @weights
// LOOPS:         scf.for %r0 = %c0 to %c3 step %c1
// LOOPS:           d1 * 2 + l mod 2) : memref<20x7xbf16>
// LOOPS:           tensorized.apply @dpbf16_16xf32
// LOOPS:         l mod 2 + 6) lanes 1 of 2 : memref<20x7xbf16>
// LOOPS:         tensorized.apply @dpbf16_16xf32

// ASM: vdpbf16ps {{.*}}%zmm
// ASM-NOT: __truncsfbf2
func.func @with_weights(%x: tensor<20x7xbf16>) -> tensor<20x32xf32> {
  %w = nn.constant #nn.weight<"1111111111111111111111111111111111111111111111111111111111111111", tensor<7x32xbf16>>
  %v = nn.cast(%w) : (tensor<7x32xbf16>) -> tensor<7x32xf32>
  %a = nn.cast(%x) : (tensor<20x7xbf16>) -> tensor<20x7xf32>
  %y = nn.matmul(%a, %v) : (tensor<20x7xf32>, tensor<7x32xf32>) -> tensor<20x32xf32> loc("weights")
  func.return %y : tensor<20x32xf32>
}

func.func @with_both(%x: tensor<20x7xbf16>, %w: tensor<7x32xbf16>) -> tensor<20x32xf32> {
  %v = nn.cast(%w) : (tensor<7x32xbf16>) -> tensor<7x32xf32>
  %a = nn.cast(%x) : (tensor<20x7xbf16>) -> tensor<20x7xf32>
  %y = nn.matmul(%a, %v) : (tensor<20x7xf32>, tensor<7x32xf32>) -> tensor<20x32xf32> loc("both")
  func.return %y : tensor<20x32xf32>
}
