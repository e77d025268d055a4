// Multiply-adds of floats that x86-64 cores have.
// `feature` decides which targets have an instruction; without an intrinsic the body is emitted. Latencies and
// throughputs are those of recent cores (Agner Fog's tables): scheduling only compares them.

// acc + a * b, rounded once.

for n in (16, 8, 4, 1), needs in ("avx512f", "fma", "fma", "fma")
tensorized.instruction @fma_${n}xf32 intrinsic "llvm.fma.v${n}f32" feature "${needs}" mnemonic "vfmadd" latency 4 per_cycle 2
  loops (i: parallel ${n}) (%a: vector<${n}xf32> at (i), %b: vector<${n}xf32> at (i), inout %acc: vector<${n}xf32> at (i)) {
  %p = arith.mulf %a, %b : f32
  %s = arith.addf %acc, %p : f32
  tensorized.yield %s : f32
}

// acc + a * b, rounded twice: for cores without FMA. A chain of accumulations waits for the addition.

for n in (4, 1)
tensorized.instruction @muladd_${n}xf32 feature "sse2" mnemonic "mul" latency 4 per_cycle 2
  loops (i: parallel ${n}) (%a: vector<${n}xf32> at (i), %b: vector<${n}xf32> at (i), inout %acc: vector<${n}xf32> at (i)) {
  %p = arith.mulf %a, %b : f32
  %s = arith.addf %acc, %p : f32
  tensorized.yield %s : f32
}

// acc + a * b for pairs of 16-bit floats, summed in f32: the second pair first, denormals as zero.

for n in (16, 8, 4), needs in ("avx512bf16", "avx512bf16,avx512vl", "avx512bf16,avx512vl")
tensorized.instruction @dpbf16_${n}xf32 intrinsic "llvm.x86.avx512bf16.dpbf16ps.${n * 32}" feature "${needs}"
  mnemonic "vdpbf16ps" latency 6 per_cycle 2 flushes loops (i: parallel ${n}, r: reduction 2)
  (inout %acc: vector<${n}xf32> at (i), %a: vector<${n * 2}xbf16> at (i * 2 + r), %b: vector<${n * 2}xbf16> at (i * 2 + r)) {
  %x = arith.extf %a : bf16 to f32
  %y = arith.extf %b : bf16 to f32
  %p = arith.mulf %x, %y : f32
  %s = arith.addf %acc, %p : f32
  tensorized.yield %s : f32
}
