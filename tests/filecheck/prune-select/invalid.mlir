// RUN: tenon-opt %s -p prune-select --verify-diagnostics | filecheck %s

// CHECK: prune-select: group @a has no score, expected prune-score before
prune.group @a extent 4 members [#prune.member<"a", axis 1>]
func.func @f(%x: tensor<1x3xf32>) -> tensor<1x2xf32> {
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<3x4xf32>>
  %t = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000004", tensor<4x2xf32>>
  %0 = nn.matmul(%x, %w) : (tensor<1x3xf32>, tensor<3x4xf32>) -> tensor<1x4xf32> loc("a")
  %3 = nn.matmul(%0, %t) : (tensor<1x4xf32>, tensor<4x2xf32>) -> tensor<1x2xf32> loc("y")
  func.return %3 : tensor<1x2xf32>
}
