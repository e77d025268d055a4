// RUN: tenon-opt %s --split-input-file | filecheck %s
// RUN: tenon-opt %s --split-input-file | tenon-opt --split-input-file | filecheck %s
// RUN: tenon-opt %s --split-input-file --print-op-generic | tenon-opt --split-input-file | filecheck %s

// CHECK:      tensorized.instruction @fma intrinsic "llvm.fma.v8f32" feature "fma" mnemonic "vfmadd" latency 4 per_cycle 2
// CHECK-SAME:   loops (i: parallel 8) (%a: vector<8xf32> at (i), %b: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
// CHECK-NEXT:   %p = arith.mulf %a, %b : f32
// CHECK-NEXT:   %s = arith.addf %acc, %p : f32
// CHECK-NEXT:   tensorized.yield %s : f32
tensorized.instruction @fma intrinsic "llvm.fma.v8f32" feature "fma" mnemonic "vfmadd" latency 4 per_cycle 2 loops (i: parallel 8)
  (%a: vector<8xf32> at (i), %b: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
  %p = arith.mulf %a, %b : f32
  %s = arith.addf %acc, %p : f32
  tensorized.yield %s : f32
}

// CHECK:      tensorized.instruction @pairs latency 6 per_cycle 2 flushes loops (i: parallel 4, r: reduction 2)
tensorized.instruction @pairs latency 6 per_cycle 2 flushes loops (i: parallel 4, r: reduction 2)
  (inout %acc: vector<4xf32> at (i), %a: vector<8xbf16> at (i * 2 + r)) {
  %x = arith.extf %a : bf16 to f32
  %s = arith.addf %acc, %x : f32
  tensorized.yield %s : f32
}

// CHECK:      tensorized.instruction @chain loops (i: parallel 4, r: reduction 4)
// CHECK-SAME:   %b: vector<16xi8> at (i * 4 + r) within [-64, 64], inout
// CHECK:      } emit {
// CHECK-NEXT: ^{{.*}}(%{{.*}}: vector<16xi8>, %{{.*}}: vector<16xi8>, %{{.*}}: vector<4xi32>):
// CHECK-NEXT:   llvm.call_intrinsic "llvm.x86.ssse3.pmadd.ub.sw.128"
// CHECK-NEXT:   arith.constant dense<1> : vector<8xi16>
tensorized.instruction @chain loops (i: parallel 4, r: reduction 4) (%a: vector<16xi8> at (i * 4 + r),
  %b: vector<16xi8> at (i * 4 + r) within [-64, 64], inout %acc: vector<4xi32> at (i)) {
  %x = arith.extui %a : i8 to i32
  %y = arith.extsi %b : i8 to i32
  %p = arith.muli %x, %y : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
} emit {
^bb0(%a: vector<16xi8>, %b: vector<16xi8>, %acc: vector<4xi32>):
  %h = llvm.call_intrinsic "llvm.x86.ssse3.pmadd.ub.sw.128"(%a, %b) : (vector<16xi8>, vector<16xi8>) -> vector<8xi16>
  %one = arith.constant dense<1> : vector<8xi16>
  %p = llvm.call_intrinsic "llvm.x86.sse2.pmadd.wd"(%h, %one) : (vector<8xi16>, vector<8xi16>) -> vector<4xi32>
  %s = arith.addi %acc, %p : vector<4xi32>
  tensorized.yield %s : vector<4xi32>
}

// CHECK:      tensorized.kernel @bounded(%{{.*}}: tensor<4xi8>, %{{.*}}: tensor<4xi8> constant within [-64, 64])
tensorized.kernel @bounded(%x: tensor<4xi8>, %w: tensor<4xi8> constant within [-64, 64]) -> tensor<4xi8> {
  tensorized.yield %x : tensor<4xi8>
}

// CHECK:      tensorized.instruction @dot loops (i: parallel 4, r: reduction 4)
// CHECK-SAME:   (inout %acc: vector<4xi32> at (i), %a: vector<16xi8> at (i * 4 + r), %b: vector<4xi8> at (r)) {
tensorized.instruction @dot loops (i: parallel 4, r: reduction 4)
  (inout %acc: vector<4xi32> at (i), %a: vector<16xi8> at (4 * i + r), %b: vector<4xi8> at (r)) {
  %x = arith.extui %a : i8 to i32
  %y = arith.extsi %b : i8 to i32
  %p = arith.muli %x, %y : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
}

// CHECK:      tensorized.kernel @product(%x: tensor<49x576xf32>, %w: tensor<8x576x8xf32> constant) -> tensor<7x7x64xf32>
// CHECK-SAME:   lanes {o = 8} schedule [threads order [p] tile {p = 25}, order [p, o] tile {p = 6, o = 16}, order [k]] {
tensorized.kernel @product(%x: tensor<49x576xf32>, %w: tensor<8x576x8xf32> constant) -> tensor<7x7x64xf32>
  lanes {o = 8} schedule [threads order [p] tile {p = 25}, order [p, o] tile {p = 6, o = 16}, order [k]] {
  // CHECK-NEXT: %e = tensorized.empty : tensor<49x64xf32>
  %e = tensorized.empty : tensor<49x64xf32>
  // CHECK-NEXT: %z = tensorized.generic loops (p: parallel 49, o: parallel 64) ins() init(%e at (p, o) : tensor<49x64xf32>) {
  // CHECK-NEXT: ^bb0(%old: f32):
  // CHECK:      } -> tensor<49x64xf32>
  %z = tensorized.generic loops (p: parallel 49, o: parallel 64) ins() init(%e at (p, o) : tensor<49x64xf32>) {
  ^bb0(%old: f32):
    %zero = arith.constant 0.0 : f32
    tensorized.yield %zero : f32
  } -> tensor<49x64xf32>
  // CHECK:      %s = tensorized.contract @fma loops (p: parallel 49, o: parallel 64, k: reduction 576)
  // CHECK-SAME:   ins(%x at (p, k) : tensor<49x576xf32>, %w at (o floordiv 8, k, o mod 8) : tensor<8x576x8xf32>)
  // CHECK-SAME:   init(%z at (p, o) : tensor<49x64xf32>) bind {i = o} -> tensor<49x64xf32>
  %s = tensorized.contract @fma loops (p: parallel 49, o: parallel 64, k: reduction 576)
    ins(%x at (p, k) : tensor<49x576xf32>, %w at (o floordiv 8, k, o mod 8) : tensor<8x576x8xf32>)
    init(%z at (p, o) : tensor<49x64xf32>) bind {i = o} -> tensor<49x64xf32>
  // CHECK-NEXT: %h = tensorized.empty fill -inf : tensor<7x7x64xf32>
  %h = tensorized.empty fill -inf : tensor<7x7x64xf32>
  // CHECK-NEXT: %y = tensorized.generic loops (p: parallel 49, o: parallel 64)
  // CHECK-SAME:   ins(%s at (p, o) : tensor<49x64xf32>)
  // CHECK-SAME:   init(%h at (p floordiv 7, (p + 3) mod 7, o) : tensor<7x7x64xf32>) {
  %y = tensorized.generic loops (p: parallel 49, o: parallel 64) ins(%s at (p, o) : tensor<49x64xf32>)
    init(%h at (p floordiv 7, (p + 3) mod 7, o) : tensor<7x7x64xf32>) {
  ^bb0(%v: f32, %old: f32):
    tensorized.yield %v : f32
  } -> tensor<7x7x64xf32>
  // CHECK:      tensorized.yield %y : tensor<7x7x64xf32>
  tensorized.yield %y : tensor<7x7x64xf32>
}

// CHECK:      tensorized.kernel @relu(%x: memref<6x60xf32>, %y: memref<6x60xf32>) {
tensorized.kernel @relu(%x: memref<6x60xf32>, %y: memref<6x60xf32>) {
  %i = arith.constant 3 : index
  // CHECK:      %a = tensorized.load %x[%i] at (d0, v0, v1, l) -> (d0 + v0, v1 * 8 + l + 48) valid 12
  // CHECK-SAME:   : memref<6x60xf32>, vector<3x2x8xf32>
  %a = tensorized.load %x[%i] at (d0, v0, v1, l) -> (d0 + v0, v1 * 8 + l + 48) valid 12 : memref<6x60xf32>, vector<3x2x8xf32>
  // CHECK-NEXT: %b = tensorized.load %x[%i] at (d0, v0, l) -> (d0 + v0, l mod 2 + 58) valid 8 lanes 1 of 2
  // CHECK-SAME:   : memref<6x60xf32>, vector<2x8xf32>
  %b = tensorized.load %x[%i] at (d0, v0, l) -> (d0 + v0, l mod 2 + 58) valid 8 lanes 1 of 2 : memref<6x60xf32>, vector<2x8xf32>
  // CHECK-NEXT: %k = tensorized.map () -> vector<3x2x8xf32> {
  %k = tensorized.map () -> vector<3x2x8xf32> {
    %half = arith.constant 0.5 : f32
    tensorized.yield %half : f32
  }
  // CHECK:      %f = tensorized.apply @fma(%a, %k, %a)
  // CHECK-SAME:   : vector<3x2x8xf32>, vector<3x2x8xf32>, vector<3x2x8xf32> -> vector<3x2x8xf32>
  %f = tensorized.apply @fma(%a, %k, %a) : vector<3x2x8xf32>, vector<3x2x8xf32>, vector<3x2x8xf32> -> vector<3x2x8xf32>
  // CHECK-NEXT: %m = tensorized.map (%u = %f : vector<3x2x8xf32>, %v = %a : vector<3x2x8xf32>) -> vector<3x2x8xf32> {
  %m = tensorized.map (%u = %f : vector<3x2x8xf32>, %v = %a : vector<3x2x8xf32>) -> vector<3x2x8xf32> {
    %r = arith.maximumf %u, %v : f32
    tensorized.yield %r : f32
  }
  // CHECK:      tensorized.store %m, %y[%i] at (d0, v0, v1, l) -> (d0 + v0, v1 * 8 + l + 48) valid 12
  // CHECK-SAME:   : vector<3x2x8xf32>, memref<6x60xf32>
  tensorized.store %m, %y[%i] at (d0, v0, v1, l) -> (d0 + v0, v1 * 8 + l + 48) valid 12 : vector<3x2x8xf32>, memref<6x60xf32>
  // CHECK-NEXT: tensorized.yield
  tensorized.yield
}

// CHECK-LABEL: func.func @tensors
func.func @tensors(%x: tensor<49x576xf32>, %w: tensor<64x576xf32>) -> tensor<49x64xf32> {
  // CHECK-NEXT: %p = tensorized.pack %w loops (o: parallel 64, k: parallel 576) from (o, k)
  // CHECK-SAME:   to (o floordiv 8, k, o mod 8) : tensor<64x576xf32> to tensor<8x576x8xf32>
  %p = tensorized.pack %w loops (o: parallel 64, k: parallel 576) from (o, k) to (o floordiv 8, k, o mod 8)
    : tensor<64x576xf32> to tensor<8x576x8xf32>
  // CHECK-NEXT: %y = tensorized.call @product(%x, %p) : (tensor<49x576xf32>, tensor<8x576x8xf32>) -> tensor<49x64xf32>
  %y = tensorized.call @product(%x, %p) : (tensor<49x576xf32>, tensor<8x576x8xf32>) -> tensor<49x64xf32>
  func.return %y : tensor<49x64xf32>
}

// CHECK-LABEL: func.func @buffers
func.func @buffers(%x: memref<360xf32>, %y: memref<6x60xf32>) {
  // CHECK-NEXT: tensorized.call @relu(%x, %y) : (memref<360xf32>, memref<6x60xf32>) -> ()
  tensorized.call @relu(%x, %y) : (memref<360xf32>, memref<6x60xf32>) -> ()
  func.return
}

// CHECK-LABEL: func.func private @attributes
// CHECK-SAME: tensor<1x64x56x56xf32, #tensorized.layout<(d0, d1, d2, d3) -> (d0, (d2 + 1), (d3 + 1), d1), [1, 58, 58, 64], fill 0.0>>
// CHECK-SAME: tensor<7xi8, #tensorized.layout<(d0) -> ((d0 floordiv 4), (d0 mod 4)), [2, 8]>>
// CHECK-SAME: loop = #tensorized.loop<h: reduction 7>
// CHECK-SAME: level = #tensorized.level<order [o, p] tile {o = 16, p = 6}>
// CHECK-SAME: fetching = #tensorized.level<order [o, p] tile {o = 16} prefetch [1, 0]>
// CHECK-SAME: plain = #tensorized.level<order [k]>
func.func private @attributes(
  tensor<1x64x56x56xf32, #tensorized.layout<(d0, d1, d2, d3) -> (d0, d2 + 1, d3 + 1, d1), [1, 58, 58, 64], fill 0.0>>,
  tensor<7xi8, #tensorized.layout<(d0) -> (d0 floordiv 4, d0 mod 4), [2, 8]>>
) attributes {
  loop = #tensorized.loop<h: reduction 7>,
  level = #tensorized.level<order [o, p] tile {o = 16, p = 6}>,
  fetching = #tensorized.level<order [o, p] tile {o = 16} prefetch [1, 0]>,
  plain = #tensorized.level<order [k]>
}

// CHECK-LABEL: tensorized.kernel @lanes
tensorized.kernel @lanes(%x: memref<2x64xf32>, %y: memref<2x64xf32>) {
  %v = tensorized.load %x[] at (v0, v1, l) -> (v0, v1 * 16 + l) : memref<2x64xf32>, vector<2x4x16xf32>
  // CHECK: %s = tensorized.combine %v identity -0.000000e+00 : f32 valid 50 : vector<2x4x16xf32> -> vector<2x1x16xf32> {
  %s = tensorized.combine %v identity -0.0 : f32 valid 50 : vector<2x4x16xf32> -> vector<2x1x16xf32> {
  ^bb0(%a: f32, %b: f32):
    %c = arith.addf %a, %b : f32
    tensorized.yield %c : f32
  }
  // CHECK: %w = tensorized.spread %s : vector<2x1x16xf32> -> vector<2x4x16xf32>
  %w = tensorized.spread %s : vector<2x1x16xf32> -> vector<2x4x16xf32>
  tensorized.store %w, %y[] at (v0, v1, l) -> (v0, v1 * 16 + l) : vector<2x4x16xf32>, memref<2x64xf32>
  tensorized.yield
}

// CHECK-LABEL: tensorized.kernel @fetch
tensorized.kernel @fetch(%w: memref<12x192x48xf32>) {
  %c0 = arith.constant 0 : index
  %c12 = arith.constant 12 : index
  %c1 = arith.constant 1 : index
  scf.for %o = %c0 to %c12 step %c1 {
    // CHECK: tensorized.prefetch %w[%o] at (d0) -> (d0 * 9216 + d0 * 3 floordiv 65536 * 16 + 9216) lines 2 : memref<12x192x48xf32>
    tensorized.prefetch %w[%o] at (d0) -> (d0 * 9216 + (d0 * 3) floordiv 65536 * 16 + 9216) lines 2 : memref<12x192x48xf32>
  }
  tensorized.yield
}

// CHECK-LABEL: tensorized.kernel @tiles
tensorized.kernel @tiles(%x: tensor<9x8xf32>) -> tensor<2x7x8xf32> {
  %z = tensorized.empty fill 0.0 : tensor<2x7x8xf32>
  // CHECK: %m = arith.constant dense<{{.*}}> : tensor<2x3xf32>
  %m = arith.constant dense<[[1.0, 2.0, 0.0], [0.0, 1.0, -1.0]]> : tensor<2x3xf32>
  // CHECK: %v = tensorized.transform loops (a: parallel 2, t: parallel 7, c: parallel 8, i: reduction 3) ins(%x at (t + i, c) : tensor<9x8xf32>, %m at (a, i) : tensor<2x3xf32>) init(%z at (a, t, c) : tensor<2x7x8xf32>) -> tensor<2x7x8xf32>
  %v = tensorized.transform loops (a: parallel 2, t: parallel 7, c: parallel 8, i: reduction 3)
    ins(%x at (t + i, c) : tensor<9x8xf32>, %m at (a, i) : tensor<2x3xf32>) init(%z at (a, t, c) : tensor<2x7x8xf32>)
    -> tensor<2x7x8xf32>
  tensorized.yield %v : tensor<2x7x8xf32>
}

// CHECK-LABEL: tensorized.kernel @pixels
tensorized.kernel @pixels(%x: tensor<3x4x8xf32>) -> tensor<7x8xf32> {
  %z = tensorized.empty fill 0.0 : tensor<7x8xf32>
  %m = arith.constant dense<[[1.0, 2.0, 0.0], [0.0, 1.0, -1.0]]> : tensor<2x3xf32>
  // CHECK: ins(%x at (i, h floordiv 2, c) : tensor<3x4x8xf32>, %m at (h mod 2, i) : tensor<2x3xf32>)
  %v = tensorized.transform loops (h: parallel 7, c: parallel 8, i: reduction 3)
    ins(%x at (i, h floordiv 2, c) : tensor<3x4x8xf32>, %m at (h mod 2, i) : tensor<2x3xf32>)
    init(%z at (h, c) : tensor<7x8xf32>) -> tensor<7x8xf32>
  tensorized.yield %v : tensor<7x8xf32>
}

// CHECK-LABEL: tensorized.kernel @lines
tensorized.kernel @lines(%x: memref<3x5x16xf32>, %y: memref<3x2x16xf32>) {
  %v = tensorized.load %x[] at (v0, v1, l) -> (v0, v1, l) : memref<3x5x16xf32>, vector<3x5x16xf32>
  // CHECK: %w = tensorized.linear %v along 1 by dense<{{.*}}> : tensor<2x5xf32> : vector<3x5x16xf32> -> vector<3x2x16xf32>
  %w = tensorized.linear %v along 1 by dense<[[1.0, 2.0, 0.0, 1.0, 0.0], [0.0, 1.0, -1.0, 0.0, 4.0]]> : tensor<2x5xf32>
    : vector<3x5x16xf32> -> vector<3x2x16xf32>
  tensorized.store %w, %y[] at (v0, v1, l) -> (v0, v1, l) : vector<3x2x16xf32>, memref<3x2x16xf32>
  tensorized.yield
}
