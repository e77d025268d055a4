// What x86-64 cores compute in one instruction, as the compiler may use it: an instruction more is one
// declaration more. `feature` decides which targets have it; without an intrinsic the body is emitted.
// Latencies and throughputs are those of recent cores (Agner Fog's tables): scheduling only compares them.

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

// acc + a.

tensorized.instruction @add_16xf32 feature "avx512f" mnemonic "add" latency 4 per_cycle 2
  loops (i: parallel 16) (%a: vector<16xf32> at (i), inout %acc: vector<16xf32> at (i)) {
  %s = arith.addf %acc, %a : f32
  tensorized.yield %s : f32
}

tensorized.instruction @add_8xf32 feature "avx" mnemonic "add" latency 4 per_cycle 2
  loops (i: parallel 8) (%a: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
  %s = arith.addf %acc, %a : f32
  tensorized.yield %s : f32
}

tensorized.instruction @add_4xf32 feature "sse2" mnemonic "add" latency 4 per_cycle 2
  loops (i: parallel 4) (%a: vector<4xf32> at (i), inout %acc: vector<4xf32> at (i)) {
  %s = arith.addf %acc, %a : f32
  tensorized.yield %s : f32
}

tensorized.instruction @add_1xf32 feature "sse2" mnemonic "add" latency 4 per_cycle 2
  loops (i: parallel 1) (%a: vector<1xf32> at (i), inout %acc: vector<1xf32> at (i)) {
  %s = arith.addf %acc, %a : f32
  tensorized.yield %s : f32
}

// acc * a.

tensorized.instruction @mul_16xf32 feature "avx512f" mnemonic "mul" latency 4 per_cycle 2
  loops (i: parallel 16) (%a: vector<16xf32> at (i), inout %acc: vector<16xf32> at (i)) {
  %s = arith.mulf %acc, %a : f32
  tensorized.yield %s : f32
}

tensorized.instruction @mul_8xf32 feature "avx" mnemonic "mul" latency 4 per_cycle 2
  loops (i: parallel 8) (%a: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
  %s = arith.mulf %acc, %a : f32
  tensorized.yield %s : f32
}

tensorized.instruction @mul_4xf32 feature "sse2" mnemonic "mul" latency 4 per_cycle 2
  loops (i: parallel 4) (%a: vector<4xf32> at (i), inout %acc: vector<4xf32> at (i)) {
  %s = arith.mulf %acc, %a : f32
  tensorized.yield %s : f32
}

tensorized.instruction @mul_1xf32 feature "sse2" mnemonic "mul" latency 4 per_cycle 2
  loops (i: parallel 1) (%a: vector<1xf32> at (i), inout %acc: vector<1xf32> at (i)) {
  %s = arith.mulf %acc, %a : f32
  tensorized.yield %s : f32
}

// The larger, NaN if either is, -0 below +0: max, compare and blends.

tensorized.instruction @max_16xf32 feature "avx512f" mnemonic "max" latency 9 per_cycle 1
  loops (i: parallel 16) (%a: vector<16xf32> at (i), inout %acc: vector<16xf32> at (i)) {
  %s = arith.maximumf %acc, %a : f32
  tensorized.yield %s : f32
}

tensorized.instruction @max_8xf32 feature "avx" mnemonic "max" latency 9 per_cycle 1
  loops (i: parallel 8) (%a: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
  %s = arith.maximumf %acc, %a : f32
  tensorized.yield %s : f32
}

tensorized.instruction @max_4xf32 feature "sse2" mnemonic "max" latency 9 per_cycle 1
  loops (i: parallel 4) (%a: vector<4xf32> at (i), inout %acc: vector<4xf32> at (i)) {
  %s = arith.maximumf %acc, %a : f32
  tensorized.yield %s : f32
}

tensorized.instruction @max_1xf32 feature "sse2" mnemonic "max" latency 9 per_cycle 1
  loops (i: parallel 1) (%a: vector<1xf32> at (i), inout %acc: vector<1xf32> at (i)) {
  %s = arith.maximumf %acc, %a : f32
  tensorized.yield %s : f32
}

// The smaller, NaN if either is, -0 below +0.

tensorized.instruction @min_16xf32 feature "avx512f" mnemonic "min" latency 9 per_cycle 1
  loops (i: parallel 16) (%a: vector<16xf32> at (i), inout %acc: vector<16xf32> at (i)) {
  %s = arith.minimumf %acc, %a : f32
  tensorized.yield %s : f32
}

tensorized.instruction @min_8xf32 feature "avx" mnemonic "min" latency 9 per_cycle 1
  loops (i: parallel 8) (%a: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
  %s = arith.minimumf %acc, %a : f32
  tensorized.yield %s : f32
}

tensorized.instruction @min_4xf32 feature "sse2" mnemonic "min" latency 9 per_cycle 1
  loops (i: parallel 4) (%a: vector<4xf32> at (i), inout %acc: vector<4xf32> at (i)) {
  %s = arith.minimumf %acc, %a : f32
  tensorized.yield %s : f32
}

tensorized.instruction @min_1xf32 feature "sse2" mnemonic "min" latency 9 per_cycle 1
  loops (i: parallel 1) (%a: vector<1xf32> at (i), inout %acc: vector<1xf32> at (i)) {
  %s = arith.minimumf %acc, %a : f32
  tensorized.yield %s : f32
}
