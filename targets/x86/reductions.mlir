// Operations of x86-64 cores by which reductions combine.
// `feature` decides which targets have an instruction; without an intrinsic the body is emitted. Latencies and
// throughputs are those of recent cores (Agner Fog's tables): scheduling only compares them.

// acc + a.

for n in (16, 8, 4, 1), needs in ("avx512f", "avx", "sse2", "sse2")
tensorized.instruction @add_${n}xf32 feature "${needs}" mnemonic "add" latency 4 per_cycle 2
  loops (i: parallel ${n}) (%a: vector<${n}xf32> at (i), inout %acc: vector<${n}xf32> at (i)) {
  %s = arith.addf %acc, %a : f32
  tensorized.yield %s : f32
}

// acc * a.

for n in (16, 8, 4, 1), needs in ("avx512f", "avx", "sse2", "sse2")
tensorized.instruction @mul_${n}xf32 feature "${needs}" mnemonic "mul" latency 4 per_cycle 2
  loops (i: parallel ${n}) (%a: vector<${n}xf32> at (i), inout %acc: vector<${n}xf32> at (i)) {
  %s = arith.mulf %acc, %a : f32
  tensorized.yield %s : f32
}

// The larger, NaN if either is, -0 below +0: max, compare and blends.

for n in (16, 8, 4, 1), needs in ("avx512f", "avx", "sse2", "sse2")
tensorized.instruction @max_${n}xf32 feature "${needs}" mnemonic "max" latency 9 per_cycle 1
  loops (i: parallel ${n}) (%a: vector<${n}xf32> at (i), inout %acc: vector<${n}xf32> at (i)) {
  %s = arith.maximumf %acc, %a : f32
  tensorized.yield %s : f32
}

// The smaller, NaN if either is, -0 below +0.

for n in (16, 8, 4, 1), needs in ("avx512f", "avx", "sse2", "sse2")
tensorized.instruction @min_${n}xf32 feature "${needs}" mnemonic "min" latency 9 per_cycle 1
  loops (i: parallel ${n}) (%a: vector<${n}xf32> at (i), inout %acc: vector<${n}xf32> at (i)) {
  %s = arith.minimumf %acc, %a : f32
  tensorized.yield %s : f32
}
