// RUN: tenon-opt %s -p prune-analyze --split-input-file | filecheck %s

// CHECK: prune.group @a extent 4 pinned "'n' normalizes over it"
func.func @layer_norm(%x: tensor<2x3xf32>) -> tensor<2x2xf32> {
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<3x4xf32>>
  %v = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000002", tensor<4x2xf32>>
  %0 = nn.matmul(%x, %w) : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32> loc("a")
  %1 = nn.normalize standard(%0) axes [1] groups 1 epsilon 1.0e-05 : (tensor<2x4xf32>) -> tensor<2x4xf32> loc("n")
  %2 = nn.matmul(%1, %v) : (tensor<2x4xf32>, tensor<4x2xf32>) -> tensor<2x2xf32>
  func.return %2 : tensor<2x2xf32>
}

// -----

// CHECK: prune.group @a extent 4 pinned "'m' takes the mean over it"
func.func @mean(%x: tensor<2x3xf32>) -> tensor<2xf32> {
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<3x4xf32>>
  %0 = nn.matmul(%x, %w) : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32> loc("a")
  %1 = nn.reduce mean(%0) axes [1] keepdims false : (tensor<2x4xf32>) -> tensor<2xf32> loc("m")
  func.return %1 : tensor<2xf32>
}

// -----

// A sum leaves out what is zero.
// CHECK: prune.group @a extent 4 members
func.func @sum(%x: tensor<2x3xf32>) -> tensor<2xf32> {
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<3x4xf32>>
  %0 = nn.matmul(%x, %w) : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32> loc("a")
  %1 = nn.reduce sum(%0) axes [1] keepdims false : (tensor<2x4xf32>) -> tensor<2xf32> loc("m")
  func.return %1 : tensor<2xf32>
}

// -----

// CHECK: prune.group @a extent 4 pinned "'s' is a softmax over it"
func.func @softmax(%x: tensor<2x3xf32>) -> tensor<2x2xf32> {
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<3x4xf32>>
  %v = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000002", tensor<4x2xf32>>
  %0 = nn.matmul(%x, %w) : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32> loc("a")
  %1 = nn.softmax(%0) axis 1 log false : (tensor<2x4xf32>) -> tensor<2x4xf32> loc("s")
  %2 = nn.matmul(%1, %v) : (tensor<2x4xf32>, tensor<4x2xf32>) -> tensor<2x2xf32>
  func.return %2 : tensor<2x2xf32>
}

// -----

// The body of a loop is looked at whole: what it reads and what it makes stays.
// CHECK: prune.group @a extent 4 pinned "'loop' takes all of it"
func.func private @step(%h: tensor<4xf32>, %x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %0 = nn.elementwise add(%h, %x) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  func.return %0, %0 : tensor<4xf32>, tensor<4xf32>
}
func.func @recurrent(%x: tensor<2x3xf32>, %h: tensor<4xf32>) -> tensor<2x4xf32> {
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<3x4xf32>>
  %0 = nn.matmul(%x, %w) : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32> loc("a")
  %1, %2 = nn.scan @step(%h, %0) carried 1 sliced 1 steps 2 reversed [] : (tensor<4xf32>, tensor<2x4xf32>) -> (tensor<4xf32>, tensor<2x4xf32>) loc("loop")
  func.return %2 : tensor<2x4xf32>
}

// -----

// Group norm: whole groups leave. A product of two values that inputs make is fixed.
// CHECK: prune.group @a extent 2 members [#prune.member<"a", axis 1, {{\[\[}}0, 2, 0, 2, 2]]>, #prune.member<"n", axis 1, {{\[\[}}0, 2, 0, 2, 2]]>]
func.func @group_norm(%x: tensor<2x3xf32>) -> tensor<2x2xf32> {
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<3x4xf32>>
  %v = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000002", tensor<4x2xf32>>
  %0 = nn.matmul(%x, %w) : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32> loc("a")
  %1 = nn.normalize standard(%0) axes [1] groups 2 epsilon 1.0e-05 : (tensor<2x4xf32>) -> tensor<2x4xf32> loc("n")
  %2 = nn.matmul(%1, %v) : (tensor<2x4xf32>, tensor<4x2xf32>) -> tensor<2x2xf32>
  func.return %2 : tensor<2x2xf32>
}

// -----

// Rows of a table that are read at run time are fixed, its columns are not.
// CHECK: prune.group @g extent 4 members [#prune.member<"g", axis 1>]
func.func @embedding(%i: tensor<5xi64>) -> tensor<5x2xf32> {
  %t = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<7x4xf32>>
  %v = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000002", tensor<4x2xf32>>
  %0 = nn.gather(%t, %i) axis 0 batch 0 : (tensor<7x4xf32>, tensor<5xi64>) -> tensor<5x4xf32> loc("g")
  %1 = nn.matmul(%0, %v) : (tensor<5x4xf32>, tensor<4x2xf32>) -> tensor<5x2xf32>
  func.return %1 : tensor<5x2xf32>
}

// -----

// A matrix that two products share ties their channels; a shared vector does not.
// CHECK: prune.group @a extent 3 members [#prune.member<"a", axis 1>, #prune.member<"b", axis 1>, #prune.member<"c", axis 1>]
// CHECK-NEXT: prune.group @d extent 3 members [#prune.member<"d", axis 1>, #prune.member<"e", axis 1>]
func.func @shared(%x: tensor<2x3xf32>) -> tensor<2x2xf32> {
  %w = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000001", tensor<3x3xf32>>
  %v = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000002", tensor<3x2xf32>>
  %p = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000003", tensor<3xf32>>
  %u = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000004", tensor<3x3xf32>>
  %0 = nn.matmul(%x, %u) : (tensor<2x3xf32>, tensor<3x3xf32>) -> tensor<2x3xf32> loc("a")
  %1 = nn.matmul(%0, %w) : (tensor<2x3xf32>, tensor<3x3xf32>) -> tensor<2x3xf32> loc("d")
  %2 = nn.matmul(%x, %u) : (tensor<2x3xf32>, tensor<3x3xf32>) -> tensor<2x3xf32> loc("b")
  %3 = nn.elementwise add(%2, %p) : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32> loc("c")
  %4 = nn.elementwise add(%1, %p) : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32> loc("e")
  %5 = nn.matmul(%3, %v) : (tensor<2x3xf32>, tensor<3x2xf32>) -> tensor<2x2xf32>
  %t = nn.constant #nn.weight<"0000000000000000000000000000000000000000000000000000000000000005", tensor<3x2xf32>>
  %6 = nn.matmul(%4, %t) : (tensor<2x3xf32>, tensor<3x2xf32>) -> tensor<2x2xf32>
  %7 = nn.elementwise add(%5, %6) : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  func.return %7 : tensor<2x2xf32>
}
