// RUN: tenon-opt %s -p prune-analyze{residuals=indexed} | filecheck %s
// RUN: tenon-opt %s -p prune-analyze{residuals=indexed},prune-score{criterion=random},prune-select{ratio=0.5},prune-apply | filecheck %s --check-prefix=APPLY
// RUN: tenon-opt %s -p prune-analyze{residuals=indexed} --check-semantics -o /dev/null
// RUN: tenon-opt %s -p prune-analyze{residuals=indexed},prune-score{criterion=random},prune-select{ratio=0.5},prune-apply --check-semantics -o /dev/null

// What is added to the sum is a group that ends there; what reads the sum begins one; the sum keeps all.
// CHECK: prune.group @a extent 4 members [#prune.member<"a", axis 1>]
// CHECK-NEXT: prune.group @b extent 4 members [#prune.member<"b", axis 1>, #prune.member<"r", axis 1>]
// CHECK-NEXT: prune.group @s.0 extent 4 pinned "'s.0' takes part of it on its own" members [#prune.member<"s.0", axis 1>, #prune.member<"s.1", axis 1>, #prune.member<"s", axis 1>, #prune.member<"t.0", axis 1>, #prune.member<"t", axis 1>]
// CHECK-NEXT: prune.group @c.in extent 4 members [#prune.member<"c.in", axis 1>]
// CHECK-NEXT: prune.group @c extent 4 members [#prune.member<"c", axis 1>]
// CHECK-NEXT: prune.group @y.in extent 4 members [#prune.member<"y.in", axis 1>]
// CHECK-NEXT: prune.group @y extent 3 pinned "output '0'" members [#prune.member<"y", axis 1>]
// CHECK: %[[c:.*]] = prune.branch enter(%{{.*}}) axis 1 : (tensor<2x4xf32>) -> tensor<2x4xf32>
// CHECK-NEXT: nn.matmul(%[[c]], %u)

// Gathers where branches begin, and where they end; the sums keep what one of both sides has.
// APPLY-NOT: prune.branch
// APPLY: nn.elementwise where
// APPLY: nn.elementwise add(%{{.*}}, %{{.*}}) : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
// APPLY: nn.elementwise where
// APPLY-NEXT: nn.elementwise add(%{{.*}}, %{{.*}}) : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
// APPLY: nn.gather(%{{.*}}, %{{.*}}) axis 1 batch 0 : (tensor<2x3xf32>, tensor<2xi64>) -> tensor<2x2xf32>
// APPLY: nn.matmul(%{{.*}}, %{{.*}}) : (tensor<2x2xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
func.func @residual(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<3x4xf32>>
  %v = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000002", tensor<3x4xf32>>
  %u = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000003", tensor<4x4xf32>>
  %z = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000004", tensor<4x3xf32>>
  %0 = nn.matmul(%x, %w) : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32> loc("a")
  %1 = nn.matmul(%x, %v) : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32> loc("b")
  %2 = nn.elementwise relu(%1) : (tensor<2x4xf32>) -> tensor<2x4xf32> loc("r")
  %3 = nn.elementwise add(%0, %2) : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32> loc("s")
  %4 = nn.matmul(%3, %u) : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32> loc("c")
  %5 = nn.elementwise add(%4, %3) : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32> loc("t")
  %6 = nn.matmul(%5, %z) : (tensor<2x4xf32>, tensor<4x3xf32>) -> tensor<2x3xf32> loc("y")
  func.return %6 : tensor<2x3xf32>
}
