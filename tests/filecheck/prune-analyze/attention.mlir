// RUN: tenon-opt %s -p prune-analyze --split-input-file | filecheck %s
// RUN: tenon-opt %s -p prune-analyze --split-input-file --check-semantics -o /dev/null

// A head is a block of the queries, keys and values, and of what the output projection reads.
// CHECK: prune.group @q extent 2 members [#prune.member<"q", axis 2, {{\[\[}}0, 2, 0, 4, 4]]>, #prune.member<"k", axis 2, {{\[\[}}0, 2, 0, 4, 4]]>, #prune.member<"v", axis 2, {{\[\[}}0, 2, 0, 4, 4]]>, #prune.member<"qh", axis 1>, #prune.member<"kh", axis 1>
// CHECK-SAME: #prune.member<"scores", axis 1>, #prune.member<"soft", axis 1>, #prune.member<"mixed", axis 1>
// CHECK-SAME: #prune.member<"joined", axis 2, {{\[\[}}0, 2, 0, 4, 4]]>]
// CHECK-NEXT: prune.group @y extent 6 pinned
func.func @heads(%x: tensor<1x5x6xf32>) -> tensor<1x5x6xf32> {
  %wq = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<6x8xf32>>
  %wk = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000002", tensor<6x8xf32>>
  %wv = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000003", tensor<6x8xf32>>
  %wo = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000004", tensor<8x6xf32>>
  %q = nn.matmul(%x, %wq) : (tensor<1x5x6xf32>, tensor<6x8xf32>) -> tensor<1x5x8xf32> loc("q")
  %k = nn.matmul(%x, %wk) : (tensor<1x5x6xf32>, tensor<6x8xf32>) -> tensor<1x5x8xf32> loc("k")
  %v = nn.matmul(%x, %wv) : (tensor<1x5x6xf32>, tensor<6x8xf32>) -> tensor<1x5x8xf32> loc("v")
  %qs = nn.reshape(%q) : (tensor<1x5x8xf32>) -> tensor<1x5x2x4xf32>
  %ks = nn.reshape(%k) : (tensor<1x5x8xf32>) -> tensor<1x5x2x4xf32>
  %vs = nn.reshape(%v) : (tensor<1x5x8xf32>) -> tensor<1x5x2x4xf32>
  %qh = nn.transpose(%qs) perm [0, 2, 1, 3] : (tensor<1x5x2x4xf32>) -> tensor<1x2x5x4xf32> loc("qt")
  %kh = nn.transpose(%ks) perm [0, 2, 3, 1] : (tensor<1x5x2x4xf32>) -> tensor<1x2x4x5xf32> loc("kt")
  %vh = nn.transpose(%vs) perm [0, 2, 1, 3] : (tensor<1x5x2x4xf32>) -> tensor<1x2x5x4xf32> loc("vt")
  %qn = nn.softmax(%qh) axis 3 log false : (tensor<1x2x5x4xf32>) -> tensor<1x2x5x4xf32> loc("qh")
  %kn = nn.softmax(%kh) axis 2 log false : (tensor<1x2x4x5xf32>) -> tensor<1x2x4x5xf32> loc("kh")
  %s = nn.matmul(%qn, %kn) : (tensor<1x2x5x4xf32>, tensor<1x2x4x5xf32>) -> tensor<1x2x5x5xf32> loc("scores")
  %p = nn.softmax(%s) axis 3 log false : (tensor<1x2x5x5xf32>) -> tensor<1x2x5x5xf32> loc("soft")
  %m = nn.matmul(%p, %vh) : (tensor<1x2x5x5xf32>, tensor<1x2x5x4xf32>) -> tensor<1x2x5x4xf32> loc("mixed")
  %t = nn.transpose(%m) perm [0, 2, 1, 3] : (tensor<1x2x5x4xf32>) -> tensor<1x5x2x4xf32>
  %j = nn.reshape(%t) : (tensor<1x5x2x4xf32>) -> tensor<1x5x8xf32> loc("joined")
  %y = nn.matmul(%j, %wo) : (tensor<1x5x8xf32>, tensor<8x6xf32>) -> tensor<1x5x6xf32> loc("y")
  func.return %y : tensor<1x5x6xf32>
}

// -----

// Two query heads share a head of keys and values.
// CHECK: prune.group @q extent 2 members [#prune.member<"q", axis 2, {{\[\[}}0, 2, 0, 6, 6]]>, #prune.member<"kv", axis 2, {{\[\[}}0, 2, 0, 3, 3]]>
func.func @shared_heads(%x: tensor<1x5x6xf32>) -> tensor<1x5x6xf32> {
  %wq = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<6x12xf32>>
  %wk = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000002", tensor<6x6xf32>>
  %wo = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000003", tensor<12x6xf32>>
  %q = nn.matmul(%x, %wq) : (tensor<1x5x6xf32>, tensor<6x12xf32>) -> tensor<1x5x12xf32> loc("q")
  %k = nn.matmul(%x, %wk) : (tensor<1x5x6xf32>, tensor<6x6xf32>) -> tensor<1x5x6xf32> loc("kv")
  %qs = nn.reshape(%q) : (tensor<1x5x12xf32>) -> tensor<1x5x4x3xf32>
  %qh = nn.transpose(%qs) perm [0, 2, 1, 3] : (tensor<1x5x4x3xf32>) -> tensor<1x4x5x3xf32>
  %ks = nn.reshape(%k) : (tensor<1x5x6xf32>) -> tensor<1x5x2x3xf32>
  %kh = nn.transpose(%ks) perm [0, 2, 1, 3] : (tensor<1x5x2x3xf32>) -> tensor<1x2x5x3xf32>
  %ku = nn.reshape(%kh) : (tensor<1x2x5x3xf32>) -> tensor<1x2x1x5x3xf32>
  %kb = nn.broadcast(%ku) : (tensor<1x2x1x5x3xf32>) -> tensor<1x2x2x5x3xf32>
  %kr = nn.reshape(%kb) : (tensor<1x2x2x5x3xf32>) -> tensor<1x4x5x3xf32>
  %kt = nn.transpose(%kr) perm [0, 1, 3, 2] : (tensor<1x4x5x3xf32>) -> tensor<1x4x3x5xf32>
  %s = nn.matmul(%qh, %kt) : (tensor<1x4x5x3xf32>, tensor<1x4x3x5xf32>) -> tensor<1x4x5x5xf32>
  %p = nn.softmax(%s) axis 3 log false : (tensor<1x4x5x5xf32>) -> tensor<1x4x5x5xf32>
  %m = nn.matmul(%p, %kr) : (tensor<1x4x5x5xf32>, tensor<1x4x5x3xf32>) -> tensor<1x4x5x3xf32>
  %t = nn.transpose(%m) perm [0, 2, 1, 3] : (tensor<1x4x5x3xf32>) -> tensor<1x5x4x3xf32>
  %j = nn.reshape(%t) : (tensor<1x5x4x3xf32>) -> tensor<1x5x12xf32> loc("joined")
  %y = nn.matmul(%j, %wo) : (tensor<1x5x12xf32>, tensor<12x6xf32>) -> tensor<1x5x6xf32> loc("y")
  func.return %y : tensor<1x5x6xf32>
}

// -----

// Queries, keys and values of one product, told apart by a dimension of 3.
// CHECK: prune.group @qkv extent 2 members [#prune.member<"qkv", axis 2, {{\[\[}}0, 2, 0, 4, 4], [0, 2, 8, 4, 4], [0, 2, 16, 4, 4]]>
func.func @fused(%x: tensor<1x5x6xf32>) -> tensor<1x5x6xf32> {
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<6x24xf32>>
  %wo = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000002", tensor<8x6xf32>>
  %0 = nn.matmul(%x, %w) : (tensor<1x5x6xf32>, tensor<6x24xf32>) -> tensor<1x5x24xf32> loc("qkv")
  %1 = nn.reshape(%0) : (tensor<1x5x24xf32>) -> tensor<1x5x3x2x4xf32>
  %2 = nn.transpose(%1) perm [2, 0, 3, 1, 4] : (tensor<1x5x3x2x4xf32>) -> tensor<3x1x2x5x4xf32>
  %i = nn.constant dense<0> : tensor<i64>
  %q = nn.gather(%2, %i) axis 0 batch 0 : (tensor<3x1x2x5x4xf32>, tensor<i64>) -> tensor<1x2x5x4xf32>
  %3 = nn.slice(%2) starts [1, 0, 0, 0, 0] sizes [1, 1, 2, 5, 4] strides [1, 1, 1, 1, 1] : (tensor<3x1x2x5x4xf32>) -> tensor<1x1x2x5x4xf32>
  %k = nn.reshape(%3) : (tensor<1x1x2x5x4xf32>) -> tensor<1x2x5x4xf32>
  %4 = nn.slice(%2) starts [2, 0, 0, 0, 0] sizes [1, 1, 2, 5, 4] strides [1, 1, 1, 1, 1] : (tensor<3x1x2x5x4xf32>) -> tensor<1x1x2x5x4xf32>
  %v = nn.reshape(%4) : (tensor<1x1x2x5x4xf32>) -> tensor<1x2x5x4xf32>
  %kt = nn.transpose(%k) perm [0, 1, 3, 2] : (tensor<1x2x5x4xf32>) -> tensor<1x2x4x5xf32>
  %s = nn.matmul(%q, %kt) : (tensor<1x2x5x4xf32>, tensor<1x2x4x5xf32>) -> tensor<1x2x5x5xf32>
  %p = nn.softmax(%s) axis 3 log false : (tensor<1x2x5x5xf32>) -> tensor<1x2x5x5xf32>
  %m = nn.matmul(%p, %v) : (tensor<1x2x5x5xf32>, tensor<1x2x5x4xf32>) -> tensor<1x2x5x4xf32>
  %t = nn.transpose(%m) perm [0, 2, 1, 3] : (tensor<1x2x5x4xf32>) -> tensor<1x5x2x4xf32>
  %j = nn.reshape(%t) : (tensor<1x5x2x4xf32>) -> tensor<1x5x8xf32> loc("joined")
  %y = nn.matmul(%j, %wo) : (tensor<1x5x8xf32>, tensor<8x6xf32>) -> tensor<1x5x6xf32> loc("y")
  func.return %y : tensor<1x5x6xf32>
}
