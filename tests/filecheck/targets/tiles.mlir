// RUN: tenon-opt %s -p 'attach-target{name=sapphirerapids}' --split-input-file -t asm | filecheck %s

// A product of matrices in tiles, scheduled by hand: instructions of two parallel loops, on registers of two
// dimensions. Tiles are loaded from where their vectors lie in memory.

// CHECK:     k:
// CHECK:     ldtilecfg
// CHECK:     tileloadd
// CHECK:     tdpbusd	%tmm
// CHECK:     tilerelease
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
tensorized.kernel @k(%x: memref<2x8x1024xi8>, %w: memref<3x8x1024xi8>, %y: memref<2x3x256xi32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %c8 = arith.constant 8 : index
  scf.for %m = %c0 to %c2 step %c1 {
    scf.for %n = %c0 to %c3 step %c1 {
      %s = tensorized.load %y[%m, %n] at (d0, d1, v0, l) -> (d0, d1, l) : memref<2x3x256xi32>, vector<1x256xi32>
      %r = scf.for %k = %c0 to %c8 step %c1 iter_args(%acc = %s) -> (vector<1x256xi32>) {
        %a = tensorized.load %x[%m, %k] at (d0, d1, v0, l) -> (d0, d1, l) : memref<2x8x1024xi8>, vector<1x1024xi8>
        %b = tensorized.load %w[%n, %k] at (d0, d1, v0, l) -> (d0, d1, l) : memref<3x8x1024xi8>, vector<1x1024xi8>
        %t = tensorized.apply @tdpbusd_16x16xi32(%acc, %a, %b) : vector<1x256xi32>, vector<1x1024xi8>, vector<1x1024xi8> -> vector<1x256xi32>
        scf.yield %t : vector<1x256xi32>
      }
      tensorized.store %r, %y[%m, %n] at (d0, d1, v0, l) -> (d0, d1, l) : vector<1x256xi32>, memref<2x3x256xi32>
    }
  }
  tensorized.yield
}
func.func @main(%x: memref<2x8x1024xi8>, %w: memref<3x8x1024xi8>, %y: memref<2x3x256xi32>) {
  tensorized.call @k(%x, %w, %y) : (memref<2x8x1024xi8>, memref<3x8x1024xi8>, memref<2x3x256xi32>) -> ()
  func.return
}

// -----

// CHECK:     k:
// CHECK:     ldtilecfg
// CHECK:     tdpbf16ps
tensorized.instruction @tdpbf16_16x16xf32 intrinsic "llvm.x86.tdpbf16ps.internal" feature "amx-tile,amx-bf16"
  mnemonic "tdpbf16ps" latency 52 cycles 16 tile [16, 64, 64] flushes
  loops (i: parallel 16, j: parallel 16, r: reduction 32) (inout %acc: vector<256xf32> at (i * 16 + j),
   %a: vector<512xbf16> at (i * 32 + r), %b: vector<512xbf16> at (r floordiv 2 * 32 + j * 2 + r mod 2)) {
  %x = arith.extf %a : bf16 to f32
  %y = arith.extf %b : bf16 to f32
  %p = arith.mulf %x, %y : f32
  %s = arith.addf %acc, %p : f32
  tensorized.yield %s : f32
}
tensorized.kernel @k(%x: memref<2x8x512xbf16>, %w: memref<3x8x512xbf16>, %y: memref<2x3x256xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %c8 = arith.constant 8 : index
  scf.for %m = %c0 to %c2 step %c1 {
    scf.for %n = %c0 to %c3 step %c1 {
      %s = tensorized.load %y[%m, %n] at (d0, d1, v0, l) -> (d0, d1, l) : memref<2x3x256xf32>, vector<1x256xf32>
      %r = scf.for %k = %c0 to %c8 step %c1 iter_args(%acc = %s) -> (vector<1x256xf32>) {
        %a = tensorized.load %x[%m, %k] at (d0, d1, v0, l) -> (d0, d1, l) : memref<2x8x512xbf16>, vector<1x512xbf16>
        %b = tensorized.load %w[%n, %k] at (d0, d1, v0, l) -> (d0, d1, l) : memref<3x8x512xbf16>, vector<1x512xbf16>
        %t = tensorized.apply @tdpbf16_16x16xf32(%acc, %a, %b) : vector<1x256xf32>, vector<1x512xbf16>, vector<1x512xbf16> -> vector<1x256xf32>
        scf.yield %t : vector<1x256xf32>
      }
      tensorized.store %r, %y[%m, %n] at (d0, d1, v0, l) -> (d0, d1, l) : vector<1x256xf32>, memref<2x3x256xf32>
    }
  }
  tensorized.yield
}
func.func @main(%x: memref<2x8x512xbf16>, %w: memref<3x8x512xbf16>, %y: memref<2x3x256xf32>) {
  tensorized.call @k(%x, %w, %y) : (memref<2x8x512xbf16>, memref<3x8x512xbf16>, memref<2x3x256xf32>) -> ()
  func.return
}
