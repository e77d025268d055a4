// Dot products of integers in short chains, for cores without VNNI.
// `feature` decides which targets have an instruction; without an intrinsic the body is emitted. Latencies and
// throughputs are those of recent cores (Agner Fog's tables): scheduling only compares them.

// acc + a * b for pairs of 16-bit integers: products of pairs summed in 32 bits, and an addition, which is all that a chain
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
