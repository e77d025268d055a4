// RUN: tenon-opt %s -t llvm --split-input-file | filecheck %s
// RUN: tenon-opt %s -p 'attach-target{name=x86-64-v4}' -t asm --split-input-file | filecheck %s --check-prefix=ASM

// A loop carries a grid of two registers; what one index adds to an address is added in its loop.
// CHECK: define internal void @dot(ptr noalias nonnull readonly align 4 %x, ptr noalias nonnull readonly align 64 %w, ptr noalias nonnull align 4 %y)
// CHECK: [[L:loop.[0-9]+]]:
// CHECK-NEXT: %[[L]].i = phi i64 [ 0, %entry ], [ %[[L]].next, %[[L]] ]
// CHECK-NEXT: %[[L]].0.0 = phi <8 x float> [ splat (float 0x3FF0000000000000), %entry ], [ [[A:%v.[0-9]+]], %[[L]] ]
// CHECK-NEXT: %[[L]].0.1 = phi <8 x float>
// CHECK: [[S:%v.[0-9]+]] = mul nuw nsw i64 %[[L]].i, 64
// CHECK-NEXT: getelementptr inbounds i8, ptr %w, i64 [[S]]
// The broadcast is loaded once, each register of the panel right before its use.
// CHECK: load float
// CHECK-NEXT: insertelement
// CHECK-NEXT: [[B:%v.[0-9]+]] = shufflevector
// CHECK: load <8 x float>, ptr {{%v.[0-9]+}}, align 64
// CHECK-NEXT: [[A]] = call <8 x float> @llvm.fma.v8f32(<8 x float> [[B]],
// CHECK: load <8 x float>, ptr {{%v.[0-9]+}}, align 32
// CHECK-NEXT: call <8 x float> @llvm.fma.v8f32(<8 x float> [[B]],
// CHECK: %[[L]].next = add nuw nsw i64 %[[L]].i, 1
// CHECK-NEXT: %[[L]].more = icmp ult i64 %[[L]].next, 5
// CHECK-NEXT: br i1 %[[L]].more, label %[[L]], label %[[L]].end
// The last register is stored in part.
// CHECK: store <8 x float>
// CHECK: shufflevector <8 x float> {{.*}} <5 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4>
// CHECK: store <5 x float>
// CHECK: define void @main(ptr nonnull %x, ptr nonnull %y, ptr nonnull %weights, ptr nonnull %arena, ptr %tenon.pool)
// CHECK: [[W:%v.[0-9]+]] = getelementptr inbounds i8, ptr %weights, i64 128
// CHECK-NEXT: call void @dot(ptr %x, ptr [[W]], ptr %y)
// CHECK-NEXT: ret void
// CHECK: attributes #0 = { noinline nounwind }

// ASM: dot:
// ASM: vbroadcastss {{.*}}, %ymm
// ASM-COUNT-2: vfmadd231ps {{.*}}, %ymm
tensorized.instruction @fma intrinsic "llvm.fma.v8f32" loops (i: parallel 8)
  (%a: vector<8xf32> at (i), %b: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
  %p = arith.mulf %a, %b : f32
  %s = arith.addf %acc, %p : f32
  tensorized.yield %s : f32
}
tensorized.kernel @dot(%x: memref<5xf32>, %w: memref<5x16xf32>, %y: memref<13xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c5 = arith.constant 5 : index
  %init = tensorized.map () -> vector<2x8xf32> {
    %one = arith.constant 1.0 : f32
    tensorized.yield %one : f32
  }
  %sum = scf.for %k = %c0 to %c5 step %c1 iter_args(%acc = %init) -> (vector<2x8xf32>) {
    %a = tensorized.load %x[%k] at (d0, v0, l) -> (d0) : memref<5xf32>, vector<2x8xf32>
    %b = tensorized.load %w[%k] at (d0, v0, l) -> (d0, v0 * 8 + l) : memref<5x16xf32>, vector<2x8xf32>
    %n = tensorized.apply @fma(%a, %b, %acc) : vector<2x8xf32>, vector<2x8xf32>, vector<2x8xf32> -> vector<2x8xf32>
    scf.yield %n : vector<2x8xf32>
  }
  tensorized.store %sum, %y[] at (v0, l) -> (v0 * 8 + l) valid 13 : vector<2x8xf32>, memref<13xf32>
  tensorized.yield
}
func.func @main(%x: memref<5xf32>, %y: memref<13xf32>, %weights: memref<448xi8>, %arena: memref<64xi8>) {
  %c128 = arith.constant 128 : index
  %w = memref.view %weights[%c128][] : memref<448xi8> to memref<5x16xf32>
  tensorized.call @dot(%x, %w, %y) : (memref<5xf32>, memref<5x16xf32>, memref<13xf32>) -> ()
  func.return
}

// -----

// A maximum with +0 is one comparison and a select, and an addition that turns -0 into +0.
// CHECK: define internal void @relu
// CHECK: [[V:%v.[0-9]+]] = load <4 x float>, ptr %x, align 4
// CHECK-NEXT: [[C:%v.[0-9]+]] = fcmp ogt <4 x float> splat (float 0x0000000000000000), [[V]]
// CHECK-NEXT: [[M:%v.[0-9]+]] = select <4 x i1> [[C]], <4 x float> splat (float 0x0000000000000000), <4 x float> [[V]]
// CHECK-NEXT: [[R:%v.[0-9]+]] = fadd <4 x float> [[M]], splat (float 0x0000000000000000)
// CHECK-NEXT: store <4 x float> [[R]], ptr %y, align 4

// ASM: relu:
// ASM: vmaxps
// ASM-NEXT: vaddps
// ASM-NEXT: vmovups
tensorized.kernel @relu(%x: memref<4xf32>, %y: memref<4xf32>) {
  %v = tensorized.load %x[] at (l) -> (l) : memref<4xf32>, vector<4xf32>
  %m = tensorized.map (%a = %v : vector<4xf32>) -> vector<4xf32> {
    %zero = arith.constant 0.0 : f32
    %r = arith.maximumf %a, %zero : f32
    tensorized.yield %r : f32
  }
  tensorized.store %m, %y[] at (l) -> (l) : vector<4xf32>, memref<4xf32>
  tensorized.yield
}
func.func @main(%x: memref<4xf32>, %y: memref<4xf32>, %weights: memref<0xi8>, %arena: memref<0xi8>) {
  tensorized.call @relu(%x, %y) : (memref<4xf32>, memref<4xf32>) -> ()
  func.return
}
