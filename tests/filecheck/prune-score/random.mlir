// RUN: tenon-opt %s -p 'prune-analyze,prune-score{criterion=random seed=3}' | filecheck %s
// RUN: tenon-opt %s -p 'prune-analyze,prune-score{criterion=l1}' --verify-diagnostics | filecheck %s --check-prefix WEIGHTS
// RUN: tenon-opt %s -p 'prune-score{criterion=random}' --check-semantics -o /dev/null

// Only groups that may shrink are scored.
// CHECK: prune.group @a extent 4
// CHECK-NEXT: prune.score @a "random" dense<[{{.*}}]> : tensor<4xf32>
// CHECK-NEXT: prune.group @y extent 2 pinned
// CHECK-NEXT: func.func
// WEIGHTS: prune-score: criterion 'l1' needs weights or data: give the pass a runner
func.func @f(%x: tensor<1x3xf32>) -> tensor<1x2xf32> {
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<3x4xf32>>
  %t = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000004", tensor<4x2xf32>>
  %0 = nn.matmul(%x, %w) : (tensor<1x3xf32>, tensor<3x4xf32>) -> tensor<1x4xf32> loc("a")
  %3 = nn.matmul(%0, %t) : (tensor<1x4xf32>, tensor<4x2xf32>) -> tensor<1x2xf32> loc("y")
  func.return %3 : tensor<1x2xf32>
}
