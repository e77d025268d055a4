// Dot products of integers in one instruction (VNNI).
// `feature` decides which targets have an instruction; without an intrinsic the body is emitted. Latencies and
// throughputs are those of recent cores (Agner Fog's tables): scheduling only compares them.

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

// The same without AVX-512 (AVX-VNNI), and of other signs (AVX-VNNI-INT8).

tensorized.instruction @vex_dpbusd_8xi32 intrinsic "llvm.x86.avx512.vpdpbusd.256" feature "avxvnni"
  mnemonic "vpdpbusd" latency 5 per_cycle 2 loops (i: parallel 8, r: reduction 4)
  (inout %acc: vector<8xi32> at (i), %a: vector<32xi8> at (i * 4 + r), %b: vector<32xi8> at (i * 4 + r)) {
  %x = arith.extui %a : i8 to i32
  %y = arith.extsi %b : i8 to i32
  %p = arith.muli %x, %y : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
}

tensorized.instruction @vex_dpbusd_4xi32 intrinsic "llvm.x86.avx512.vpdpbusd.128" feature "avxvnni"
  mnemonic "vpdpbusd" latency 5 per_cycle 2 loops (i: parallel 4, r: reduction 4)
  (inout %acc: vector<4xi32> at (i), %a: vector<16xi8> at (i * 4 + r), %b: vector<16xi8> at (i * 4 + r)) {
  %x = arith.extui %a : i8 to i32
  %y = arith.extsi %b : i8 to i32
  %p = arith.muli %x, %y : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
}

tensorized.instruction @vex_dpwssd_8xi32 intrinsic "llvm.x86.avx512.vpdpwssd.256" feature "avxvnni"
  mnemonic "vpdpwssd" latency 5 per_cycle 2 loops (i: parallel 8, r: reduction 2)
  (inout %acc: vector<8xi32> at (i), %a: vector<16xi16> at (i * 2 + r), %b: vector<16xi16> at (i * 2 + r)) {
  %x = arith.extsi %a : i16 to i32
  %y = arith.extsi %b : i16 to i32
  %p = arith.muli %x, %y : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
}

tensorized.instruction @vex_dpwssd_4xi32 intrinsic "llvm.x86.avx512.vpdpwssd.128" feature "avxvnni"
  mnemonic "vpdpwssd" latency 5 per_cycle 2 loops (i: parallel 4, r: reduction 2)
  (inout %acc: vector<4xi32> at (i), %a: vector<8xi16> at (i * 2 + r), %b: vector<8xi16> at (i * 2 + r)) {
  %x = arith.extsi %a : i16 to i32
  %y = arith.extsi %b : i16 to i32
  %p = arith.muli %x, %y : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
}

tensorized.instruction @dpbssd_8xi32 intrinsic "llvm.x86.avx2.vpdpbssd.256" feature "avxvnniint8"
  mnemonic "vpdpbssd" latency 5 per_cycle 2 loops (i: parallel 8, r: reduction 4)
  (inout %acc: vector<8xi32> at (i), %a: vector<32xi8> at (i * 4 + r), %b: vector<32xi8> at (i * 4 + r)) {
  %x = arith.extsi %a : i8 to i32
  %y = arith.extsi %b : i8 to i32
  %p = arith.muli %x, %y : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
}

tensorized.instruction @dpbssd_4xi32 intrinsic "llvm.x86.avx2.vpdpbssd.128" feature "avxvnniint8"
  mnemonic "vpdpbssd" latency 5 per_cycle 2 loops (i: parallel 4, r: reduction 4)
  (inout %acc: vector<4xi32> at (i), %a: vector<16xi8> at (i * 4 + r), %b: vector<16xi8> at (i * 4 + r)) {
  %x = arith.extsi %a : i8 to i32
  %y = arith.extsi %b : i8 to i32
  %p = arith.muli %x, %y : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
}

tensorized.instruction @dpbsud_8xi32 intrinsic "llvm.x86.avx2.vpdpbsud.256" feature "avxvnniint8"
  mnemonic "vpdpbsud" latency 5 per_cycle 2 loops (i: parallel 8, r: reduction 4)
  (inout %acc: vector<8xi32> at (i), %a: vector<32xi8> at (i * 4 + r), %b: vector<32xi8> at (i * 4 + r)) {
  %x = arith.extsi %a : i8 to i32
  %y = arith.extui %b : i8 to i32
  %p = arith.muli %x, %y : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
}

tensorized.instruction @dpbsud_4xi32 intrinsic "llvm.x86.avx2.vpdpbsud.128" feature "avxvnniint8"
  mnemonic "vpdpbsud" latency 5 per_cycle 2 loops (i: parallel 4, r: reduction 4)
  (inout %acc: vector<4xi32> at (i), %a: vector<16xi8> at (i * 4 + r), %b: vector<16xi8> at (i * 4 + r)) {
  %x = arith.extsi %a : i8 to i32
  %y = arith.extui %b : i8 to i32
  %p = arith.muli %x, %y : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
}

tensorized.instruction @dpbuud_8xi32 intrinsic "llvm.x86.avx2.vpdpbuud.256" feature "avxvnniint8"
  mnemonic "vpdpbuud" latency 5 per_cycle 2 loops (i: parallel 8, r: reduction 4)
  (inout %acc: vector<8xi32> at (i), %a: vector<32xi8> at (i * 4 + r), %b: vector<32xi8> at (i * 4 + r)) {
  %x = arith.extui %a : i8 to i32
  %y = arith.extui %b : i8 to i32
  %p = arith.muli %x, %y : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
}

tensorized.instruction @dpbuud_4xi32 intrinsic "llvm.x86.avx2.vpdpbuud.128" feature "avxvnniint8"
  mnemonic "vpdpbuud" latency 5 per_cycle 2 loops (i: parallel 4, r: reduction 4)
  (inout %acc: vector<4xi32> at (i), %a: vector<16xi8> at (i * 4 + r), %b: vector<16xi8> at (i * 4 + r)) {
  %x = arith.extui %a : i8 to i32
  %y = arith.extui %b : i8 to i32
  %p = arith.muli %x, %y : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
}
