// Operations of x86-64 cores by which reductions combine.
// `feature` decides which targets have an instruction; without an intrinsic the body is emitted. Latencies and
// throughputs are those of recent cores (Agner Fog's tables): scheduling only compares them.

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
