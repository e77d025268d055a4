// RUN: tenon-opt %s -p 'attach-target{name=x86-64-v3}' --split-input-file | filecheck %s --check-prefix=V3
// RUN: tenon-opt %s -p 'attach-target{name=x86-64 threads=4}' --split-input-file | filecheck %s --check-prefix=SSE
// RUN: tenon-opt %s -p 'attach-target{name=x86-64},attach-target{name=x86-64-v4}' --split-input-file | filecheck %s --check-prefix=V4

// V3: tenon.target = {name = "x86-64-v3", triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3"
// V3-SAME: vector_registers = 16 : i64, vector_bytes = 32 : i64, loads_per_cycle = 2 : i64
// V3-NOT: threads
// V3-NOT: 16xf32
// V3: tensorized.instruction @fma_8xf32 intrinsic "llvm.fma.v8f32" feature "fma" mnemonic "vfmadd" latency 4 per_cycle 2
// V3: tensorized.instruction @max_8xf32 feature "avx"
// V3: func.func

// SSE: name = "x86-64"
// SSE-SAME: vector_bytes = 16 : i64
// SSE-SAME: threads = 4 : i64
// SSE-NOT: @fma
// SSE: tensorized.instruction @muladd_4xf32 feature "sse2" mnemonic "mul"
// SSE-NOT: 8xf32
// SSE: func.func

// A second target takes the place of the first.
// V4: name = "x86-64-v4"
// V4-SAME: vector_registers = 32 : i64, vector_bytes = 64 : i64
// V4: @fma_16xf32
// V4-COUNT-1: @muladd_4xf32
// V4-NOT: @muladd_4xf32
// V4: func.func
func.func @main() {
  func.return
}
