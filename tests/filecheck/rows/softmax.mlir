// RUN: tenon-opt %s -p lower-nn,assign-layouts,fuse-kernels --check-semantics | filecheck %s
// RUN: tenon-opt %s -p lower-nn,expand-math,cse,assign-layouts,fuse-kernels,collapse-loops,"attach-target{name=x86-64-v4}",tensorize-match,schedule-kernels,plan-memory,materialize-weights,lower-kernels --check-semantics | filecheck %s --check-prefix=LOOPS

// Softmax is one kernel. The exponentials wait in the output, where the last nest multiplies them in place.

// CHECK:       tensorized.kernel @linalg_generic(%0: tensor<2x3x40xf32>) -> tensor<2x3x40xf32>
// CHECK:         %[[MAX:.*]] = tensorized.generic loops (p0: parallel 2, p1: parallel 3, q0: reduction 40)
// CHECK-SAME:      ins(%0 at (p0, p1, q0) : tensor<2x3x40xf32>)
// CHECK:         %[[OUT:.*]] = tensorized.empty : tensor<2x3x40xf32>
// CHECK-NEXT:    %[[EXP:.*]] = tensorized.generic loops (p0: parallel 2, p1: parallel 3, q0: parallel 40)
// CHECK-SAME:      %[[MAX]] at (p0, p1) : tensor<2x3xf32>) init(%[[OUT]] at (p0, p1, q0) : tensor<2x3x40xf32>)
// CHECK:         q0: reduction 40) ins(%[[EXP]] at (p0, p1, q0)
// CHECK:         q0: parallel 40) ins(%[[EXP]] at (p0, p1, q0)
// CHECK-SAME:      init(%[[EXP]] at (p0, p1, q0) : tensor<2x3x40xf32>)
// CHECK-NOT:   tensorized.kernel
// CHECK-LABEL: func.func @softmax

// Lanes run along the row: two whole registers and a ragged one, combined at the end of a pass. Two rows run
// side by side. A second pass stores the exponentials and sums them, a third multiplies.

// LOOPS:       tensorized.kernel @linalg_generic(%0: memref<6x40xf32>, %1: memref<6x40xf32>)
// LOOPS:         scf.for %p01 = %c0 to %c3
// LOOPS:         %[[TOP:.*]] = tensorized.combine %{{.*}} identity 0xff800000 : f32 valid 40
// LOOPS-SAME:      : vector<2x3x16xf32> -> vector<2x1x16xf32>
// LOOPS:         tensorized.spread %{{.*}} : vector<2x1x16xf32> -> vector<2x3x16xf32>
// LOOPS:         tensorized.store %[[POWERS:.*]], %1[%p01] at (d0, v0, v1, l) -> (d0 * 2 + v0, v1 * 16 + l) valid 40
// LOOPS:         tensorized.map (%{{.*}} = %[[POWERS]] : vector<2x3x16xf32>, %{{.*}} = %{{.*}} : vector<2x3x16xf32>)
// LOOPS:         tensorized.combine %{{.*}} identity -0.000000e+00 : f32 valid 40
// LOOPS:         tensorized.load %1[%p01]
// LOOPS:         tensorized.store %{{.*}}, %1[%p01]
// LOOPS:       func.func @softmax
func.func @softmax(%x: tensor<2x3x40xf32>) -> tensor<2x3x40xf32> {
  %y = nn.softmax(%x) axis 2 log false : (tensor<2x3x40xf32>) -> tensor<2x3x40xf32>
  func.return %y : tensor<2x3x40xf32>
}
