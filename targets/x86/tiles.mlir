// Products of matrices that x86-64 cores have.
// `feature` decides which targets have an instruction; without an intrinsic the body is emitted. Latencies and
// throughputs are those of recent cores (Agner Fog's tables): scheduling only compares them.

// Tiles of 16 rows of 64 bytes (AMX): products of matrices, the second one packed in fours of rows (pairs of bf16).

for signs in ("us", "ss", "su", "uu"), a in ("extui", "extsi", "extsi", "extui"), b in ("extsi", "extsi", "extui", "extui")
tensorized.instruction @tdpb${signs}d_16x16xi32 intrinsic "llvm.x86.tdpb${signs}d.internal" feature "amx-tile,amx-int8"
  mnemonic "tdpb${signs}d" latency 52 cycles 16 tile [16, 64, 64] loops (i: parallel 16, j: parallel 16, r: reduction 64)
  (inout %acc: vector<256xi32> at (i * 16 + j), %a: vector<1024xi8> at (i * 64 + r),
   %b: vector<1024xi8> at (r floordiv 4 * 64 + j * 4 + r mod 4)) {
  %x = arith.${a} %a : i8 to i32
  %y = arith.${b} %b : i8 to i32
  %p = arith.muli %x, %y : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
}

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
