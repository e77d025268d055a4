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

// acc + a * b for fours of bytes, a unsigned and b signed; and for pairs of 16-bit integers.

tensorized.instruction @dpbusd_16xi32 intrinsic "llvm.x86.avx512.vpdpbusd.512" feature "avx512vnni"
  mnemonic "vpdpbusd" latency 5 per_cycle 2 loops (i: parallel 16, r: reduction 4)
  (inout %acc: vector<16xi32> at (i), %a: vector<64xi8> at (i * 4 + r), %b: vector<64xi8> at (i * 4 + r)) {
  %x = arith.extui %a : i8 to i32
  %y = arith.extsi %b : i8 to i32
  %p = arith.muli %x, %y : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
}

tensorized.instruction @dpbusd_8xi32 intrinsic "llvm.x86.avx512.vpdpbusd.256" feature "avx512vnni,avx512vl"
  mnemonic "vpdpbusd" latency 5 per_cycle 2 loops (i: parallel 8, r: reduction 4)
  (inout %acc: vector<8xi32> at (i), %a: vector<32xi8> at (i * 4 + r), %b: vector<32xi8> at (i * 4 + r)) {
  %x = arith.extui %a : i8 to i32
  %y = arith.extsi %b : i8 to i32
  %p = arith.muli %x, %y : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
}

tensorized.instruction @dpbusd_4xi32 intrinsic "llvm.x86.avx512.vpdpbusd.128" feature "avx512vnni,avx512vl"
  mnemonic "vpdpbusd" latency 5 per_cycle 2 loops (i: parallel 4, r: reduction 4)
  (inout %acc: vector<4xi32> at (i), %a: vector<16xi8> at (i * 4 + r), %b: vector<16xi8> at (i * 4 + r)) {
  %x = arith.extui %a : i8 to i32
  %y = arith.extsi %b : i8 to i32
  %p = arith.muli %x, %y : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
}

tensorized.instruction @dpwssd_16xi32 intrinsic "llvm.x86.avx512.vpdpwssd.512" feature "avx512vnni"
  mnemonic "vpdpwssd" latency 5 per_cycle 2 loops (i: parallel 16, r: reduction 2)
  (inout %acc: vector<16xi32> at (i), %a: vector<32xi16> at (i * 2 + r), %b: vector<32xi16> at (i * 2 + r)) {
  %x = arith.extsi %a : i16 to i32
  %y = arith.extsi %b : i16 to i32
  %p = arith.muli %x, %y : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
}

tensorized.instruction @dpwssd_8xi32 intrinsic "llvm.x86.avx512.vpdpwssd.256" feature "avx512vnni,avx512vl"
  mnemonic "vpdpwssd" latency 5 per_cycle 2 loops (i: parallel 8, r: reduction 2)
  (inout %acc: vector<8xi32> at (i), %a: vector<16xi16> at (i * 2 + r), %b: vector<16xi16> at (i * 2 + r)) {
  %x = arith.extsi %a : i16 to i32
  %y = arith.extsi %b : i16 to i32
  %p = arith.muli %x, %y : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
}

tensorized.instruction @dpwssd_4xi32 intrinsic "llvm.x86.avx512.vpdpwssd.128" feature "avx512vnni,avx512vl"
  mnemonic "vpdpwssd" latency 5 per_cycle 2 loops (i: parallel 4, r: reduction 2)
  (inout %acc: vector<4xi32> at (i), %a: vector<8xi16> at (i * 2 + r), %b: vector<8xi16> at (i * 2 + r)) {
  %x = arith.extsi %a : i16 to i32
  %y = arith.extsi %b : i16 to i32
  %p = arith.muli %x, %y : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
}

// The same in two instructions: products of pairs summed in 32 bits, and an addition, which is all that a chain
// of accumulations waits for. (LLVM makes one of them where there is one.)

tensorized.instruction @maddwd_16xi32 feature "avx512bw" mnemonic "pmaddwd,vpdpwssd" latency 1 per_cycle 1
  loops (i: parallel 16, r: reduction 2)
  (%a: vector<32xi16> at (i * 2 + r), %b: vector<32xi16> at (i * 2 + r), inout %acc: vector<16xi32> at (i)) {
  %x = arith.extsi %a : i16 to i32
  %y = arith.extsi %b : i16 to i32
  %p = arith.muli %x, %y : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
} emit {
^bb0(%a: vector<32xi16>, %b: vector<32xi16>, %acc: vector<16xi32>):
  %p = llvm.call_intrinsic "llvm.x86.avx512.pmaddw.d.512"(%a, %b) : (vector<32xi16>, vector<32xi16>) -> vector<16xi32>
  %s = arith.addi %acc, %p : vector<16xi32>
  tensorized.yield %s : vector<16xi32>
}

tensorized.instruction @maddwd_8xi32 feature "avx2" mnemonic "pmaddwd,vpdpwssd" latency 1 per_cycle 2
  loops (i: parallel 8, r: reduction 2)
  (%a: vector<16xi16> at (i * 2 + r), %b: vector<16xi16> at (i * 2 + r), inout %acc: vector<8xi32> at (i)) {
  %x = arith.extsi %a : i16 to i32
  %y = arith.extsi %b : i16 to i32
  %p = arith.muli %x, %y : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
} emit {
^bb0(%a: vector<16xi16>, %b: vector<16xi16>, %acc: vector<8xi32>):
  %p = llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"(%a, %b) : (vector<16xi16>, vector<16xi16>) -> vector<8xi32>
  %s = arith.addi %acc, %p : vector<8xi32>
  tensorized.yield %s : vector<8xi32>
}

tensorized.instruction @maddwd_4xi32 feature "sse2" mnemonic "pmaddwd,vpdpwssd" latency 1 per_cycle 1
  loops (i: parallel 4, r: reduction 2)
  (%a: vector<8xi16> at (i * 2 + r), %b: vector<8xi16> at (i * 2 + r), inout %acc: vector<4xi32> at (i)) {
  %x = arith.extsi %a : i16 to i32
  %y = arith.extsi %b : i16 to i32
  %p = arith.muli %x, %y : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
} emit {
^bb0(%a: vector<8xi16>, %b: vector<8xi16>, %acc: vector<4xi32>):
  %p = llvm.call_intrinsic "llvm.x86.sse2.pmadd.wd"(%a, %b) : (vector<8xi16>, vector<8xi16>) -> vector<4xi32>
  %s = arith.addi %acc, %p : vector<4xi32>
  tensorized.yield %s : vector<4xi32>
}

// Fours of bytes in three: sums of two products saturate at 16 bits, which 2 * 255 * 64 does not reach; times
// one, and summed in pairs again, they are 32 bits wide.

tensorized.instruction @maddubs_16xi32 feature "avx512bw" mnemonic "pmaddubsw" latency 1 per_cycle 1
  loops (i: parallel 16, r: reduction 4)
  (%a: vector<64xi8> at (i * 4 + r), %b: vector<64xi8> at (i * 4 + r) within [-64, 64], inout %acc: vector<16xi32> at (i)) {
  %x = arith.extui %a : i8 to i32
  %y = arith.extsi %b : i8 to i32
  %p = arith.muli %x, %y : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
} emit {
^bb0(%a: vector<64xi8>, %b: vector<64xi8>, %acc: vector<16xi32>):
  %h = llvm.call_intrinsic "llvm.x86.avx512.pmaddubs.w.512"(%a, %b) : (vector<64xi8>, vector<64xi8>) -> vector<32xi16>
  %one = arith.constant dense<1> : vector<32xi16>
  %p = llvm.call_intrinsic "llvm.x86.avx512.pmaddw.d.512"(%h, %one) : (vector<32xi16>, vector<32xi16>) -> vector<16xi32>
  %s = arith.addi %acc, %p : vector<16xi32>
  tensorized.yield %s : vector<16xi32>
}

tensorized.instruction @maddubs_8xi32 feature "avx2" mnemonic "pmaddubsw" latency 1 per_cycle 1
  loops (i: parallel 8, r: reduction 4)
  (%a: vector<32xi8> at (i * 4 + r), %b: vector<32xi8> at (i * 4 + r) within [-64, 64], inout %acc: vector<8xi32> at (i)) {
  %x = arith.extui %a : i8 to i32
  %y = arith.extsi %b : i8 to i32
  %p = arith.muli %x, %y : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
} emit {
^bb0(%a: vector<32xi8>, %b: vector<32xi8>, %acc: vector<8xi32>):
  %h = llvm.call_intrinsic "llvm.x86.avx2.pmadd.ub.sw"(%a, %b) : (vector<32xi8>, vector<32xi8>) -> vector<16xi16>
  %one = arith.constant dense<1> : vector<16xi16>
  %p = llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"(%h, %one) : (vector<16xi16>, vector<16xi16>) -> vector<8xi32>
  %s = arith.addi %acc, %p : vector<8xi32>
  tensorized.yield %s : vector<8xi32>
}

tensorized.instruction @maddubs_4xi32 feature "ssse3" mnemonic "pmaddubsw" latency 1 per_cycle 1
  loops (i: parallel 4, r: reduction 4)
  (%a: vector<16xi8> at (i * 4 + r), %b: vector<16xi8> at (i * 4 + r) within [-64, 64], inout %acc: vector<4xi32> at (i)) {
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
