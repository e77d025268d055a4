// What x86-64 cores compute of each element in one instruction: found inside the bodies of kernels.
// `feature` decides which targets have an instruction; without an intrinsic the body is emitted, of which LLVM makes
// the instruction.

// To the nearest integer, halves to the even.

for n in (16, 8, 4), needs in ("avx512f", "avx", "sse2")
tensorized.instruction @round_${n}xi32 intrinsic "llvm.lrint.v${n}i32.v${n}f32" feature "${needs}" mnemonic "cvtps2dq" latency 4 per_cycle 1
  loops (i: parallel ${n}) (%x: vector<${n}xf32> at (i), out %y: vector<${n}xi32> at (i)) {
  %r = math.roundeven %x : f32
  %s = arith.fptosi %r : f32 to i32
  tensorized.yield %s : i32
}

// Saturated to a byte. (With AVX2, registers are packed together, see targets/llvm/narrow.py.)

tensorized.instruction @clamp_u8_16xi32 feature "avx512f" mnemonic "pmovusdb" latency 5 per_cycle 1
  loops (i: parallel 16) (%x: vector<16xi32> at (i), out %y: vector<16xi8> at (i)) {
  %low = arith.constant 0 : i32
  %high = arith.constant 255 : i32
  %a = arith.maxsi %x, %low : i32
  %b = arith.minsi %a, %high : i32
  %c = llvm.trunc %b overflow<nuw> : i32 to i8
  tensorized.yield %c : i8
}

tensorized.instruction @clamp_s8_16xi32 feature "avx512f" mnemonic "pmovsdb" latency 5 per_cycle 1
  loops (i: parallel 16) (%x: vector<16xi32> at (i), out %y: vector<16xi8> at (i)) {
  %low = arith.constant -128 : i32
  %high = arith.constant 127 : i32
  %a = arith.maxsi %x, %low : i32
  %b = arith.minsi %a, %high : i32
  %c = llvm.trunc %b overflow<nsw> : i32 to i8
  tensorized.yield %c : i8
}
