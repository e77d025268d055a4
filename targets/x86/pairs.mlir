// Dot products of integers in short chains, for cores without VNNI.
// `feature` decides which targets have an instruction; without an intrinsic the body is emitted. Latencies and
// throughputs are those of recent cores (Agner Fog's tables): scheduling only compares them.

// acc + a * b for pairs of 16-bit integers: products of pairs summed in 32 bits, and an addition, which is all that a chain
// of accumulations waits for. (LLVM makes one of them where there is one.)

for n in (16, 8, 4), needs in ("avx512bw", "avx2", "sse2"), rate in (1, 2, 2),
    sums in ("llvm.x86.avx512.pmaddw.d.512", "llvm.x86.avx2.pmadd.wd", "llvm.x86.sse2.pmadd.wd")
tensorized.instruction @maddwd_${n}xi32 feature "${needs}" mnemonic "pmaddwd,vpdpwssd" latency 1 per_cycle ${rate}
  loops (i: parallel ${n}, r: reduction 2)
  (%a: vector<${n * 2}xi16> at (i * 2 + r), %b: vector<${n * 2}xi16> at (i * 2 + r), inout %acc: vector<${n}xi32> at (i)) {
  %x = arith.extsi %a : i16 to i32
  %y = arith.extsi %b : i16 to i32
  %p = arith.muli %x, %y : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
} emit {
^bb0(%a: vector<${n * 2}xi16>, %b: vector<${n * 2}xi16>, %acc: vector<${n}xi32>):
  %p = llvm.call_intrinsic "${sums}"(%a, %b) : (vector<${n * 2}xi16>, vector<${n * 2}xi16>) -> vector<${n}xi32>
  %s = arith.addi %acc, %p : vector<${n}xi32>
  tensorized.yield %s : vector<${n}xi32>
}

// Fours of bytes in three: sums of two products saturate at 16 bits, which 2 * 255 * 64 does not reach; times
// one, and summed in pairs again, they are 32 bits wide.

for n in (16, 8, 4), needs in ("avx512bw", "avx2", "ssse3"),
    bytes in ("llvm.x86.avx512.pmaddubs.w.512", "llvm.x86.avx2.pmadd.ub.sw", "llvm.x86.ssse3.pmadd.ub.sw.128"),
    sums in ("llvm.x86.avx512.pmaddw.d.512", "llvm.x86.avx2.pmadd.wd", "llvm.x86.sse2.pmadd.wd")
tensorized.instruction @maddubs_${n}xi32 feature "${needs}" mnemonic "pmaddubsw" latency 1 per_cycle 1
  loops (i: parallel ${n}, r: reduction 4)
  (%a: vector<${n * 4}xi8> at (i * 4 + r), %b: vector<${n * 4}xi8> at (i * 4 + r) within [-64, 64], inout %acc: vector<${n}xi32> at (i)) {
  %x = arith.extui %a : i8 to i32
  %y = arith.extsi %b : i8 to i32
  %p = arith.muli %x, %y : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
} emit {
^bb0(%a: vector<${n * 4}xi8>, %b: vector<${n * 4}xi8>, %acc: vector<${n}xi32>):
  %h = llvm.call_intrinsic "${bytes}"(%a, %b) : (vector<${n * 4}xi8>, vector<${n * 4}xi8>) -> vector<${n * 2}xi16>
  %one = arith.constant dense<1> : vector<${n * 2}xi16>
  %p = llvm.call_intrinsic "${sums}"(%h, %one) : (vector<${n * 2}xi16>, vector<${n * 2}xi16>) -> vector<${n}xi32>
  %s = arith.addi %acc, %p : vector<${n}xi32>
  tensorized.yield %s : vector<${n}xi32>
}
