// RUN: tenon-opt %s --split-input-file --verify-diagnostics | filecheck %s

// CHECK: mask: axis 2 is not within the rank 2
func.func @f(%x: tensor<1x8xf32>) {
  %0 = prune.mask(%x) axis 2 removed [0] : (tensor<1x8xf32>) -> tensor<1x8xf32>
  func.return
}

// -----

// CHECK: mask: removed [3, 8] are no ascending positions of axis 1 of 1x8
func.func @f(%x: tensor<1x8xf32>) {
  %0 = prune.mask(%x) axis 1 removed [3, 8] : (tensor<1x8xf32>) -> tensor<1x8xf32>
  func.return
}

// -----

// CHECK: mask: removed [3, 2] are no ascending positions
func.func @f(%x: tensor<1x8xf32>) {
  %0 = prune.mask(%x) axis 1 removed [3, 2] : (tensor<1x8xf32>) -> tensor<1x8xf32>
  func.return
}

// -----

// CHECK: group has 0 channels, expected 1 to 16777216
prune.group @g extent 0 members [#prune.member<"y", axis 0>]

// -----

// CHECK: group has 1099511627776 channels, expected 1 to 16777216
prune.group @g extent 1099511627776 members [#prune.member<"y", axis 0>]

// -----

// CHECK: pieces of 'y' name more than 16777216 positions
prune.group @g extent 1 members [#prune.member<"y", axis 0, [[0, 1, 0, 1, 1099511627776]]>]

// -----

// CHECK: pieces of 'y' name more than 16777216 positions
prune.group @g extent 1 members [#prune.member<"y", axis 0, [[0, 1, 99999999999999999999, 1, 1]]>]

// -----

// CHECK: even "c": names more than 16777216 channels or parts
prune.group @g extent 1 even [#prune.even<"c", [1099511627776 of 0]>] members [#prune.member<"y", axis 0>]

// -----

// CHECK: removed [4] are no ascending channels below 4
prune.group @g extent 4 removed [4] members [#prune.member<"y", axis 0>]

// -----

// CHECK: removes 1 channels and is pinned
prune.group @g extent 4 pinned "why" removed [1] members [#prune.member<"y", axis 0>]

// -----

// CHECK: even "c" has 3 entries, expected 4
prune.group @g extent 4 even [#prune.even<"c", [3 of 0]>] members [#prune.member<"y", axis 0>]

// -----

// CHECK: channels own [1, 2] positions
prune.group @g extent 2 members [#prune.member<"y", axis 0, [[0, 1, 0, 1, 1], [1, 1, 1, 1, 2]]>]

// -----

// CHECK: channels 1 to 2 of 2
prune.group @g extent 2 members [#prune.member<"y", axis 0, [[0, 1, 0, 1, 1], [1, 2, 1, 1, 1]]>]

// -----

// CHECK: piece [0, 1, 0] of 'y', expected first channel, count, position, step, span
prune.group @g extent 2 members [#prune.member<"y", axis 0, [[0, 1, 0]]>]

// -----

// CHECK: there is no group @h
prune.score @h "l1" dense<[1.0, 2.0]> : tensor<2xf32>

// -----

// CHECK: score of @g is tensor<2xf32>, expected tensor<3xf32>
prune.group @g extent 3 members [#prune.member<"y", axis 0>]
prune.score @g "l1" dense<[1.0, 2.0]> : tensor<2xf32>

// -----

// CHECK: branch: kind is 'pass', expected one of enter, leave
func.func @f(%x: tensor<1x8xf32>) {
  %0 = prune.branch pass(%x) axis 1 : (tensor<1x8xf32>) -> tensor<1x8xf32>
  func.return
}

// -----

// CHECK: branch: axis 2 is not within 1x8
func.func @f(%x: tensor<1x8xf32>) {
  %0 = prune.branch enter(%x) axis 2 : (tensor<1x8xf32>) -> tensor<1x8xf32>
  func.return
}
