// Multiply-adds of floats that x86-64 cores have.
// `feature` decides which targets have an instruction; without an intrinsic the body is emitted. Latencies and
// throughputs are those of recent cores (Agner Fog's tables): scheduling only compares them.

// acc + a * b, rounded once.

tensorized.instruction @fma_16xf32 intrinsic "llvm.fma.v16f32" feature "avx512f" mnemonic "vfmadd" latency 4 per_cycle 2
  loops (i: parallel 16) (%a: vector<16xf32> at (i), %b: vector<16xf32> at (i), inout %acc: vector<16xf32> at (i)) {
  %p = arith.mulf %a, %b : f32
  %s = arith.addf %acc, %p : f32
  tensorized.yield %s : f32
}

tensorized.instruction @fma_8xf32 intrinsic "llvm.fma.v8f32" feature "fma" mnemonic "vfmadd" latency 4 per_cycle 2
  loops (i: parallel 8) (%a: vector<8xf32> at (i), %b: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
  %p = arith.mulf %a, %b : f32
  %s = arith.addf %acc, %p : f32
  tensorized.yield %s : f32
}

tensorized.instruction @fma_4xf32 intrinsic "llvm.fma.v4f32" feature "fma" mnemonic "vfmadd" latency 4 per_cycle 2
  loops (i: parallel 4) (%a: vector<4xf32> at (i), %b: vector<4xf32> at (i), inout %acc: vector<4xf32> at (i)) {
  %p = arith.mulf %a, %b : f32
  %s = arith.addf %acc, %p : f32
  tensorized.yield %s : f32
}

tensorized.instruction @fma_1xf32 intrinsic "llvm.fma.v1f32" feature "fma" mnemonic "vfmadd" latency 4 per_cycle 2
  loops (i: parallel 1) (%a: vector<1xf32> at (i), %b: vector<1xf32> at (i), inout %acc: vector<1xf32> at (i)) {
  %p = arith.mulf %a, %b : f32
  %s = arith.addf %acc, %p : f32
  tensorized.yield %s : f32
}

// acc + a * b, rounded twice: for cores without FMA.

tensorized.instruction @muladd_4xf32 feature "sse2" mnemonic "mul" latency 7 per_cycle 1
  loops (i: parallel 4) (%a: vector<4xf32> at (i), %b: vector<4xf32> at (i), inout %acc: vector<4xf32> at (i)) {
  %p = arith.mulf %a, %b : f32
  %s = arith.addf %acc, %p : f32
  tensorized.yield %s : f32
}

tensorized.instruction @muladd_1xf32 feature "sse2" mnemonic "mul" latency 7 per_cycle 1
  loops (i: parallel 1) (%a: vector<1xf32> at (i), %b: vector<1xf32> at (i), inout %acc: vector<1xf32> at (i)) {
  %p = arith.mulf %a, %b : f32
  %s = arith.addf %acc, %p : f32
  tensorized.yield %s : f32
}

// acc + a * b for pairs of 16-bit floats, summed in f32: the second pair first, denormals as zero.

tensorized.instruction @dpbf16_16xf32 intrinsic "llvm.x86.avx512bf16.dpbf16ps.512" feature "avx512bf16"
  mnemonic "vdpbf16ps" latency 6 per_cycle 2 flushes loops (i: parallel 16, r: reduction 2)
  (inout %acc: vector<16xf32> at (i), %a: vector<32xbf16> at (i * 2 + r), %b: vector<32xbf16> at (i * 2 + r)) {
  %x = arith.extf %a : bf16 to f32
  %y = arith.extf %b : bf16 to f32
  %p = arith.mulf %x, %y : f32
  %s = arith.addf %acc, %p : f32
  tensorized.yield %s : f32
}

tensorized.instruction @dpbf16_8xf32 intrinsic "llvm.x86.avx512bf16.dpbf16ps.256" feature "avx512bf16,avx512vl"
  mnemonic "vdpbf16ps" latency 6 per_cycle 2 flushes loops (i: parallel 8, r: reduction 2)
  (inout %acc: vector<8xf32> at (i), %a: vector<16xbf16> at (i * 2 + r), %b: vector<16xbf16> at (i * 2 + r)) {
  %x = arith.extf %a : bf16 to f32
  %y = arith.extf %b : bf16 to f32
  %p = arith.mulf %x, %y : f32
  %s = arith.addf %acc, %p : f32
  tensorized.yield %s : f32
}

tensorized.instruction @dpbf16_4xf32 intrinsic "llvm.x86.avx512bf16.dpbf16ps.128" feature "avx512bf16,avx512vl"
  mnemonic "vdpbf16ps" latency 6 per_cycle 2 flushes loops (i: parallel 4, r: reduction 2)
  (inout %acc: vector<4xf32> at (i), %a: vector<8xbf16> at (i * 2 + r), %b: vector<8xbf16> at (i * 2 + r)) {
  %x = arith.extf %a : bf16 to f32
  %y = arith.extf %b : bf16 to f32
  %p = arith.mulf %x, %y : f32
  %s = arith.addf %acc, %p : f32
  tensorized.yield %s : f32
}
