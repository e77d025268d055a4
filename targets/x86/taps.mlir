// acc + a * b for bytes, one product a lane, by weights that were widened when the model was compiled: for reductions whose
// elements do not lie side by side in memory, the taps of a depthwise convolution.

for n in (16, 8, 4), needs in ("avx512f", "avx2", "sse4.1")
tensorized.instruction @tapu8_${n}xi32 feature "${needs}" mnemonic "pmulld" latency 1 per_cycle 1
  loops (i: parallel ${n}) (%a: vector<${n}xi8> at (i), %b: vector<${n}xi32> at (i), inout %acc: vector<${n}xi32> at (i)) {
  %x = arith.extui %a : i8 to i32
  %p = arith.muli %x, %b : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
}

for n in (16, 8, 4), needs in ("avx512f", "avx2", "sse4.1")
tensorized.instruction @taps8_${n}xi32 feature "${needs}" mnemonic "pmulld" latency 1 per_cycle 1
  loops (i: parallel ${n}) (%a: vector<${n}xi8> at (i), %b: vector<${n}xi32> at (i), inout %acc: vector<${n}xi32> at (i)) {
  %x = arith.extsi %a : i8 to i32
  %p = arith.muli %x, %b : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
}
