// RUN: tenon-opt %s | tenon-opt | filecheck %s

// CHECK: prune.group @conv1 extent 8 removed [3, 7] members [#prune.member<"conv1", axis 1>, #prune.member<"flat", axis 1, {{\[\[}}0, 8, 0, 4, 4]]>]
prune.group @conv1 extent 8 removed [3, 7] members [#prune.member<"conv1", axis 1>, #prune.member<"flat", axis 1, [[0, 8, 0, 4, 4]]>]
// CHECK: prune.score @conv1 "l1" dense<[1.000000e+00, 2.000000e+00, 5.000000e-01, 0.000000e+00, 1.000000e+00, 1.000000e+00, 3.000000e+00, 1.000000e-01]> : tensor<8xf32>
prune.score @conv1 "l1" dense<[1.0, 2.0, 0.5, 0.0, 1.0, 1.0, 3.0, 0.1]> : tensor<8xf32>
// CHECK: prune.group @"layer.1/conv" extent 4 pinned "output 'y'" members [#prune.member<"y", axis 0>]
prune.group @"layer.1/conv" extent 4 pinned "output 'y'" members [#prune.member<"y", axis 0>]
// CHECK: prune.group @grouped extent 4 even [#prune.even<"conv3", [2 of 0, 1 of 1, 1 of -1]>] members [#prune.member<"conv3", axis 1>]
prune.group @grouped extent 4 even [#prune.even<"conv3", [2 of 0, 1 of 1, 1 of -1]>] members [#prune.member<"conv3", axis 1>]

// CHECK-LABEL: func.func @mask
func.func @mask(%x: tensor<1x8x2x2xf32>) -> tensor<1x8x2x2xf32> {
  // CHECK: prune.mask(%x) axis 1 removed [0, 5] : (tensor<1x8x2x2xf32>) -> tensor<1x8x2x2xf32>
  %0 = prune.mask(%x) axis 1 removed [0, 5] : (tensor<1x8x2x2xf32>) -> tensor<1x8x2x2xf32>
  func.return %0 : tensor<1x8x2x2xf32>
}

// CHECK-LABEL: func.func @branch
func.func @branch(%x: tensor<1x8x2x2xf32>) -> tensor<1x8x2x2xf32> {
  // CHECK: %[[b:.*]] = prune.branch enter(%x) axis 1 : (tensor<1x8x2x2xf32>) -> tensor<1x8x2x2xf32>
  %0 = prune.branch enter(%x) axis 1 : (tensor<1x8x2x2xf32>) -> tensor<1x8x2x2xf32>
  // CHECK: prune.branch leave(%[[b]]) axis 1 : (tensor<1x8x2x2xf32>) -> tensor<1x8x2x2xf32>
  %1 = prune.branch leave(%0) axis 1 : (tensor<1x8x2x2xf32>) -> tensor<1x8x2x2xf32>
  func.return %1 : tensor<1x8x2x2xf32>
}
