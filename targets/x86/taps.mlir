// acc + a * b for bytes, one product a lane, by weights that were widened when the model was compiled: for reductions whose
// elements do not lie side by side in memory, the taps of a depthwise convolution.

tensorized.instruction @tapu8_16xi32 feature "avx512f" mnemonic "pmulld" latency 1 per_cycle 1
  loops (i: parallel 16) (%a: vector<16xi8> at (i), %b: vector<16xi32> at (i), inout %acc: vector<16xi32> at (i)) {
  %x = arith.extui %a : i8 to i32
  %p = arith.muli %x, %b : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
}

tensorized.instruction @tapu8_8xi32 feature "avx2" mnemonic "pmulld" latency 1 per_cycle 1
  loops (i: parallel 8) (%a: vector<8xi8> at (i), %b: vector<8xi32> at (i), inout %acc: vector<8xi32> at (i)) {
  %x = arith.extui %a : i8 to i32
  %p = arith.muli %x, %b : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
}

tensorized.instruction @tapu8_4xi32 feature "sse4.1" mnemonic "pmulld" latency 1 per_cycle 1
  loops (i: parallel 4) (%a: vector<4xi8> at (i), %b: vector<4xi32> at (i), inout %acc: vector<4xi32> at (i)) {
  %x = arith.extui %a : i8 to i32
  %p = arith.muli %x, %b : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
}

tensorized.instruction @taps8_16xi32 feature "avx512f" mnemonic "pmulld" latency 1 per_cycle 1
  loops (i: parallel 16) (%a: vector<16xi8> at (i), %b: vector<16xi32> at (i), inout %acc: vector<16xi32> at (i)) {
  %x = arith.extsi %a : i8 to i32
  %p = arith.muli %x, %b : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
}

tensorized.instruction @taps8_8xi32 feature "avx2" mnemonic "pmulld" latency 1 per_cycle 1
  loops (i: parallel 8) (%a: vector<8xi8> at (i), %b: vector<8xi32> at (i), inout %acc: vector<8xi32> at (i)) {
  %x = arith.extsi %a : i8 to i32
  %p = arith.muli %x, %b : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
}

tensorized.instruction @taps8_4xi32 feature "sse4.1" mnemonic "pmulld" latency 1 per_cycle 1
  loops (i: parallel 4) (%a: vector<4xi8> at (i), %b: vector<4xi32> at (i), inout %acc: vector<4xi32> at (i)) {
  %x = arith.extsi %a : i8 to i32
  %p = arith.muli %x, %b : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
}
