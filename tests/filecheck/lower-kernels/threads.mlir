// RUN: tenon-opt %s -p lower-kernels --split-input-file | filecheck %s

// Parts of one size are one copy of the code. The halo is shared along the rows, and so is what is written.

// CHECK-LABEL: tensorized.kernel @even(%x: memref<4x8xf32>, %0: memref<6x10xf32>)
// CHECK:      "scf.parallel"(%c0, %c2, %c1)
// CHECK-NEXT: ^bb0(%p: index):
// CHECK:        %[[FIRST:.*]] = arith.cmpi ult, %p, %c1 : index
// CHECK-NEXT:   scf.if %[[FIRST]] {
// CHECK:          tensorized.store %{{.*}}, %0[%l] at (d0, l) -> (0, d0 * 8 + l)
// CHECK:        scf.for %[[B:.*]] = %c0 to %c2 step %c1 {
// CHECK-NEXT:     tensorized.store %{{.*}}, %0[%[[B]], %p] at (d0, d1, l) -> (d0 + 1 + d1 * 2, l) valid 1
// CHECK:        scf.for %[[ROW:p.*]] = %c0 to %c2 step %c1 {
// CHECK-NEXT:     tensorized.load %x[%p, %[[ROW]]] at (d0, d1, v0, l) -> (d0 * 2 + d1, l)
// CHECK-NEXT:     tensorized.store %{{.*}}, %0[%p, %[[ROW]]] at (d0, d1, v0, l) -> (d0 * 2 + d1 + 1, l + 1)
// CHECK-NOT:    scf.if
// CHECK:        scf.reduce
tensorized.kernel @even(%x: tensor<4x8xf32>) -> tensor<6x10xf32> lanes {q = 8} schedule [threads order [p] tile {p = 2}, order [p, q] tile {q = 8}] {
  %e = tensorized.empty fill 1.0 : tensor<6x10xf32>
  %y = tensorized.generic loops (p: parallel 4, q: parallel 8) ins(%x at (p, q) : tensor<4x8xf32>) init(%e at (p + 1, q + 1) : tensor<6x10xf32>) {
  ^bb0(%v: f32, %u: f32):
    tensorized.yield %v : f32
  } -> tensor<6x10xf32>
  tensorized.yield %y : tensor<6x10xf32>
}

// -----

// 7 rows in parts of 3, 2 and 2, and within them in pairs: another copy for each size, the place of the last two
// computed from their number. The lane loop keeps whole registers: 16 and 3.

// CHECK-LABEL: tensorized.kernel @uneven
// CHECK:      "scf.parallel"(%c0, %c0, %c3, %c2, %c1, %c1)
// CHECK:        %[[FIRST:.*]] = arith.cmpi ult, %p, %c1 : index
// CHECK:        scf.if %[[FIRST]] {
// CHECK:          arith.cmpi ult, %q, %c1 : index
// CHECK:            tensorized.load %x[] at (v0, v1, l) -> (v0, v1 * 8 + l) : memref<7x19xf32>, vector<2x2x8xf32>
// CHECK:            tensorized.load %x[] at (v0, l) -> (2, v0 * 8 + l) : memref<7x19xf32>, vector<2x8xf32>
// CHECK:          } else {
// CHECK:            tensorized.load %x[] at (v0, v1, l) -> (v0, l + 16) valid 3 : memref<7x19xf32>, vector<2x1x8xf32>
// CHECK:        } else {
// CHECK:            tensorized.load %x[%p] at (d0, v0, v1, l) -> (d0 * 2 + v0 + 1, v1 * 8 + l) : memref<7x19xf32>, vector<2x2x8xf32>
tensorized.kernel @uneven(%x: tensor<7x19xf32>) -> tensor<7x19xf32> lanes {q = 8} schedule [threads order [p, q] tile {p = 3, q = 16}, order [p, q] tile {p = 2, q = 16}] {
  %e = tensorized.empty : tensor<7x19xf32>
  %y = tensorized.generic loops (p: parallel 7, q: parallel 19) ins(%x at (p, q) : tensor<7x19xf32>) init(%e at (p, q) : tensor<7x19xf32>) {
  ^bb0(%v: f32, %u: f32):
    %n = arith.negf %v : f32
    tensorized.yield %n : f32
  } -> tensor<7x19xf32>
  tensorized.yield %y : tensor<7x19xf32>
}

// -----

// A part that covers the loop is no part.

// CHECK-LABEL: tensorized.kernel @whole
// CHECK-NOT: scf.parallel
// CHECK: tensorized.yield
tensorized.kernel @whole(%x: tensor<7xf32>) -> tensor<7xf32> lanes {q = 8} schedule [threads order [q] tile {q = 8}, order [q] tile {q = 8}] {
  %e = tensorized.empty : tensor<7xf32>
  %y = tensorized.generic loops (q: parallel 7) ins(%x at (q) : tensor<7xf32>) init(%e at (q) : tensor<7xf32>) {
  ^bb0(%v: f32, %u: f32):
    tensorized.yield %v : f32
  } -> tensor<7xf32>
  tensorized.yield %y : tensor<7xf32>
}

// -----

// The rows of a row kernel are shared, never a row itself.

// CHECK-LABEL: tensorized.kernel @rows
// CHECK: "scf.parallel"(%c0, %c2, %c1)
// CHECK: tensorized.combine
tensorized.kernel @rows(%x: tensor<6x64xf32>) -> tensor<6xf32> lanes {k = 8} schedule [threads order [m] tile {m = 3}, order [m], order [k] tile {k = 32}] {
  %e = tensorized.empty : tensor<6xf32>
  %z = tensorized.generic loops (m: parallel 6) ins() init(%e at (m) : tensor<6xf32>) {
  ^bb0(%u: f32):
    %zero = arith.constant 0.0 : f32
    tensorized.yield %zero : f32
  } -> tensor<6xf32>
  %r = tensorized.generic loops (m: parallel 6, k: reduction 64) ins(%x at (m, k) : tensor<6x64xf32>) init(%z at (m) : tensor<6xf32>) {
  ^bb0(%v: f32, %acc: f32):
    %s = arith.addf %v, %acc : f32
    tensorized.yield %s : f32
  } -> tensor<6xf32>
  %f = tensorized.empty : tensor<6xf32>
  %y = tensorized.generic loops (m: parallel 6) ins(%r at (m) : tensor<6xf32>) init(%f at (m) : tensor<6xf32>) {
  ^bb0(%v: f32, %u: f32):
    tensorized.yield %v : f32
  } -> tensor<6xf32>
  tensorized.yield %y : tensor<6xf32>
}
