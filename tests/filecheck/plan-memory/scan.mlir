// RUN: tenon-opt %s -p lower-nn,assign-layouts,fuse-kernels,plan-memory | filecheck %s
// RUN: tenon-opt %s -p lower-nn,assign-layouts,fuse-kernels,plan-memory --check-semantics -o /dev/null

// A loop around the calls of its function: the slice at 8 bytes a step, the stacked result from its end.
// CHECK-LABEL: func.func @main(%xs: memref<3x2xf32>, %h0: memref<2xf32>, %output0: memref<2xf32> {tenon.output}, %output1: memref<3x2xf32> {tenon.output}, %arena
// CHECK: %[[h:.*]] = memref.view %arena[{{.*}}] : memref<{{.*}}xi8> to memref<2xf32>
// CHECK: "memref.copy"(%h0, %[[h]])
// CHECK: "memref.copy"(%xs,
// CHECK: %[[next:.*]] = memref.view %arena
// CHECK: scf.for %[[i:.*]] = %c0{{.*}} to %c3 step %c1 {
// CHECK-NEXT: %[[m:.*]] = arith.muli %[[i]], %c8 : index
// CHECK-NEXT: %[[at:.*]] = arith.addi %[[m]], {{.*}} : index
// CHECK-NEXT: %[[x:.*]] = memref.view %arena[%[[at]]]
// CHECK-NEXT: arith.muli %[[i]], %cm8 : index
// CHECK: %[[y:.*]] = memref.view %arena
// CHECK: tensorized.call @{{.*}}(%[[h]], %[[x]], %[[next]])
// CHECK-NEXT: "memref.copy"(%[[next]], %[[y]])
// CHECK-NEXT: "memref.copy"(%[[next]], %[[h]])
// CHECK: "memref.copy"(%[[h]], %output0)
// CHECK-NOT: func.func private
func.func @main(%xs : tensor<3x2xf32>, %h0 : tensor<2xf32>) -> (tensor<2xf32>, tensor<3x2xf32>) {
  %h, %all = nn.scan @step(%h0, %xs) carried 1 sliced 1 steps 3 reversed [1] : (tensor<2xf32>, tensor<3x2xf32>) -> (tensor<2xf32>, tensor<3x2xf32>)
  func.return %h, %all : tensor<2xf32>, tensor<3x2xf32>
}
func.func private @step(%h : tensor<2xf32>, %x : tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
  %n = nn.elementwise add(%h, %x) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  func.return %n, %n : tensor<2xf32>, tensor<2xf32>
}
