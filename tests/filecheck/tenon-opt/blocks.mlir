// RUN: tenon-opt %s --split-input-file --verify-diagnostics -p lower-nn | filecheck %s
// RUN: tenon-opt %s --split-input-file --verify-diagnostics -p assign-layouts | filecheck %s --check-prefix=LAYOUTS
// RUN: tenon-opt %s --split-input-file --verify-diagnostics -p fuse-kernels | filecheck %s --check-prefix=FUSE
// RUN: tenon-opt %s --split-input-file --verify-diagnostics -p plan-memory | filecheck %s --check-prefix=PLAN

// CHECK: lower-nn: @f has 2 blocks, expected one: control flow is nn.scan
// LAYOUTS: assign-layouts: @f has 2 blocks, expected one
// FUSE: fuse-kernels: @f has 2 blocks, expected one
// PLAN: plan-memory: @f is not one block with a return
func.func @f(%x: tensor<2xf32>) -> tensor<2xf32> {
  cf.br ^bb1
^bb1:
  func.return %x : tensor<2xf32>
}
