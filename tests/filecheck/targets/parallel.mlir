// RUN: tenon-opt %s -t llvm | filecheck %s

// A parallel loop becomes a function of the kernel's arguments and a part's number, and one that the pool calls,
// which finds the arguments in a context. The kernel takes the pool.

// CHECK: declare void @tenon.parallel(ptr, ptr, ptr, i64)
// CHECK-LABEL: define internal void @copy(ptr noalias nonnull readonly align 4 %x, ptr noalias nonnull align 4 %y, ptr %tenon.pool) #0 {
// CHECK:   [[C:%v.[0-9]+]] = alloca { ptr, ptr }
// CHECK:   [[X:%v.[0-9]+]] = getelementptr { ptr, ptr }, ptr [[C]], i64 0, i32 0
// CHECK:   store ptr %x, ptr [[X]]
// CHECK:   store ptr %y, ptr
// CHECK:   call void @tenon.parallel(ptr %tenon.pool, ptr @tenon.task.0.copy, ptr [[C]], i64 6)
// CHECK-LABEL: define internal void @tenon.part.0.copy(ptr noalias nonnull readonly align 4 %x, ptr noalias nonnull align 4 %y, i64 %tenon.part) #0 {
// CHECK:   [[I:%v.[0-9]+]] = udiv i64 %tenon.part, 2
// CHECK:   [[J:%v.[0-9]+]] = urem i64 %tenon.part, 2
// CHECK:   [[T:%v.[0-9]+]] = icmp ult i64 [[I]], 1
// CHECK:   br i1 [[T]], label %if.[[N:[0-9]+]].0, label %if.[[N]].1
// CHECK: if.[[N]].0:
// CHECK:   load <8 x float>
// CHECK:   br label %if.[[N]].end
// CHECK: if.[[N]].1:
// CHECK:   br i1 %{{.*}}, label %if.[[M:[0-9]+]].0, label %if.[[M]].end
// CHECK: if.[[N]].end:
// CHECK:   ret void
// CHECK-LABEL: define internal void @tenon.task.0.copy(ptr %tenon.context, i64 %tenon.part) #0 {
// CHECK:   %x = load ptr, ptr %at.0
// CHECK:   %y = load ptr, ptr %at.1
// CHECK:   call void @tenon.part.0.copy(ptr %x, ptr %y, i64 %tenon.part)
// CHECK-LABEL: define void @main(ptr nonnull %x, ptr nonnull %y, ptr nonnull %weights, ptr nonnull %arena, ptr %tenon.pool)
// CHECK:   call void @copy(ptr %x, ptr %y, ptr %tenon.pool)
tensorized.kernel @copy(%x: memref<6x8xf32>, %y: memref<6x8xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  "scf.parallel"(%c0, %c0, %c3, %c2, %c1, %c1) <{operandSegmentSizes = array<i32: 2, 2, 2, 0>}> ({
  ^bb0(%i: index, %j: index):
    %first = arith.cmpi ult, %i, %c1 : index
    scf.if %first {
      %v = tensorized.load %x[%j] at (d0, l) -> (d0, l) : memref<6x8xf32>, vector<8xf32>
      tensorized.store %v, %y[%j] at (d0, l) -> (d0, l) : vector<8xf32>, memref<6x8xf32>
    } else {
      scf.if %first {
      }
      %v = tensorized.load %x[%i, %j] at (d0, d1, l) -> (d0 * 2 + d1, l) : memref<6x8xf32>, vector<8xf32>
      tensorized.store %v, %y[%i, %j] at (d0, d1, l) -> (d0 * 2 + d1, l) : vector<8xf32>, memref<6x8xf32>
    }
    scf.reduce
  }) : (index, index, index, index, index, index) -> ()
  tensorized.yield
}
func.func @main(%x: memref<6x8xf32>, %y: memref<6x8xf32>, %weights: memref<0xi8>, %arena: memref<0xi8>) {
  tensorized.call @copy(%x, %y) : (memref<6x8xf32>, memref<6x8xf32>) -> ()
  func.return
}
