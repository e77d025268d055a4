// Dot products of integers in one instruction (VNNI).
// `feature` decides which targets have an instruction; without an intrinsic the body is emitted. Latencies and
// throughputs are those of recent cores (Agner Fog's tables): scheduling only compares them.

// acc + a * b for fours of bytes, a unsigned and b signed; and for pairs of 16-bit integers.

for n in (16, 8, 4), needs in ("avx512vnni", "avx512vnni,avx512vl", "avx512vnni,avx512vl")
tensorized.instruction @dpbusd_${n}xi32 intrinsic "llvm.x86.avx512.vpdpbusd.${n * 32}" feature "${needs}"
  mnemonic "vpdpbusd" latency 5 per_cycle 2 loops (i: parallel ${n}, r: reduction 4)
  (inout %acc: vector<${n}xi32> at (i), %a: vector<${n * 4}xi8> at (i * 4 + r), %b: vector<${n * 4}xi8> at (i * 4 + r)) {
  %x = arith.extui %a : i8 to i32
  %y = arith.extsi %b : i8 to i32
  %p = arith.muli %x, %y : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
}

for n in (16, 8, 4), needs in ("avx512vnni", "avx512vnni,avx512vl", "avx512vnni,avx512vl")
tensorized.instruction @dpwssd_${n}xi32 intrinsic "llvm.x86.avx512.vpdpwssd.${n * 32}" feature "${needs}"
  mnemonic "vpdpwssd" latency 5 per_cycle 2 loops (i: parallel ${n}, r: reduction 2)
  (inout %acc: vector<${n}xi32> at (i), %a: vector<${n * 2}xi16> at (i * 2 + r), %b: vector<${n * 2}xi16> at (i * 2 + r)) {
  %x = arith.extsi %a : i16 to i32
  %y = arith.extsi %b : i16 to i32
  %p = arith.muli %x, %y : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
}

// The same without AVX-512 (AVX-VNNI), and of other signs (AVX-VNNI-INT8).

for n in (8, 4)
tensorized.instruction @vex_dpbusd_${n}xi32 intrinsic "llvm.x86.avx512.vpdpbusd.${n * 32}" feature "avxvnni"
  mnemonic "vpdpbusd" latency 5 per_cycle 2 loops (i: parallel ${n}, r: reduction 4)
  (inout %acc: vector<${n}xi32> at (i), %a: vector<${n * 4}xi8> at (i * 4 + r), %b: vector<${n * 4}xi8> at (i * 4 + r)) {
  %x = arith.extui %a : i8 to i32
  %y = arith.extsi %b : i8 to i32
  %p = arith.muli %x, %y : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
}

for n in (8, 4)
tensorized.instruction @vex_dpwssd_${n}xi32 intrinsic "llvm.x86.avx512.vpdpwssd.${n * 32}" feature "avxvnni"
  mnemonic "vpdpwssd" latency 5 per_cycle 2 loops (i: parallel ${n}, r: reduction 2)
  (inout %acc: vector<${n}xi32> at (i), %a: vector<${n * 2}xi16> at (i * 2 + r), %b: vector<${n * 2}xi16> at (i * 2 + r)) {
  %x = arith.extsi %a : i16 to i32
  %y = arith.extsi %b : i16 to i32
  %p = arith.muli %x, %y : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
}

for n in (8, 4, 8, 4, 8, 4), signs in ("ss", "ss", "su", "su", "uu", "uu"),
    a in ("extsi", "extsi", "extsi", "extsi", "extui", "extui"), b in ("extsi", "extsi", "extui", "extui", "extui", "extui")
tensorized.instruction @dpb${signs}d_${n}xi32 intrinsic "llvm.x86.avx2.vpdpb${signs}d.${n * 32}" feature "avxvnniint8"
  mnemonic "vpdpb${signs}d" latency 5 per_cycle 2 loops (i: parallel ${n}, r: reduction 4)
  (inout %acc: vector<${n}xi32> at (i), %a: vector<${n * 4}xi8> at (i * 4 + r), %b: vector<${n * 4}xi8> at (i * 4 + r)) {
  %x = arith.${a} %a : i8 to i32
  %y = arith.${b} %b : i8 to i32
  %p = arith.muli %x, %y : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
}
