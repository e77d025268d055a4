// RUN: tenon-opt %s -p 'prune-select{ratio=0.5}' --split-input-file | filecheck %s
// RUN: tenon-opt %s -p 'prune-select{policy=global ratio=0.5}' --split-input-file | filecheck %s --check-prefix GLOBAL
// RUN: tenon-opt %s -p 'prune-select{policy=global threshold=2.0}' --split-input-file | filecheck %s --check-prefix BELOW
// RUN: tenon-opt %s -p 'prune-select{policy=weighted ratio=0.5}' --split-input-file | filecheck %s --check-prefix WEIGHTED
// RUN: tenon-opt %s -p 'prune-select{ratio=0.5 ratios="a=0.25;b=0"}' --split-input-file | filecheck %s --check-prefix SINGLE
// RUN: tenon-opt %s -p 'prune-select{ratio=0.25 round=2}' --split-input-file | filecheck %s --check-prefix ROUND
// RUN: tenon-opt %s -p 'prune-select{policy=percentile ratio=0.1}' --split-input-file | filecheck %s --check-prefix PERCENTILE

// The lowest half of each group; a mask at each reader. What is removed already stays so.
// CHECK: prune.group @a extent 4 removed [0, 2]
// CHECK: prune.group @b extent 4 removed [1, 3]
// CHECK: prune.group @c extent 4 removed [3]
// CHECK: %[[a:.*]] = prune.mask({{.*}}) axis 1 removed [0, 2]
// CHECK-NEXT: nn.matmul(%[[a]],
// CHECK: prune.mask({{.*}}) axis 1 removed [1, 3]
// CHECK: prune.mask({{.*}}) axis 1 removed [3]
// Half of all: 1, 2, 2 and 3 of the eight that are open; of a only those.
// GLOBAL: prune.group @a extent 4 removed [0, 1, 2]
// GLOBAL: prune.group @b extent 4 removed [3]
// At least one stays.
// BELOW: prune.group @a extent 4 removed [0, 2]
// BELOW: prune.group @b extent 4 removed [3]
// b is made by more weights (16 of 52) than a (12).
// WEIGHTED: prune.group @a extent 4 removed [0, 2]
// WEIGHTED: prune.group @b extent 4 removed [1, 3]
// A tenth of the way from the lowest to the highest of four lies just above the lowest.
// PERCENTILE: prune.group @a extent 4 removed [0]
// PERCENTILE: prune.group @b extent 4 removed [3]
// SINGLE: prune.group @a extent 4 removed [0]
// SINGLE: prune.group @b extent 4 removed []
// 3 of 4 stay, the nearest even number to 3 is 4.
// ROUND: prune.group @a extent 4 removed []
prune.group @a extent 4 members [#prune.member<"a", axis 1>]
prune.score @a "l1" dense<[1.0, 3.0, 2.0, 9.0]> : tensor<4xf32>
prune.group @b extent 4 members [#prune.member<"b", axis 1>]
prune.score @b "l1" dense<[8.0, 3.9, 9.0, 2.0]> : tensor<4xf32>
prune.group @c extent 4 removed [3] members [#prune.member<"c", axis 1>]
prune.group @y extent 2 pinned "output" members [#prune.member<"y", axis 1>]
func.func @f(%x: tensor<1x3xf32>) -> tensor<1x2xf32> {
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<3x4xf32>>
  %v = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000002", tensor<4x4xf32>>
  %u = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000003", tensor<4x4xf32>>
  %t = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000004", tensor<4x2xf32>>
  %0 = nn.matmul(%x, %w) : (tensor<1x3xf32>, tensor<3x4xf32>) -> tensor<1x4xf32> loc("a")
  %1 = nn.matmul(%0, %v) : (tensor<1x4xf32>, tensor<4x4xf32>) -> tensor<1x4xf32> loc("b")
  %2 = nn.matmul(%1, %u) : (tensor<1x4xf32>, tensor<4x4xf32>) -> tensor<1x4xf32> loc("c")
  %3 = nn.matmul(%2, %t) : (tensor<1x4xf32>, tensor<4x2xf32>) -> tensor<1x2xf32> loc("y")
  func.return %3 : tensor<1x2xf32>
}
