// RUN: tenon-opt %s -p sink-constants --split-input-file | filecheck %s
// RUN: tenon-opt %s -p sink-constants --split-input-file --check-semantics -o /dev/null

// The weights and what is computed from them move; what only the call knows stays an operand.
// CHECK-LABEL: func.func @main
// CHECK: nn.scan @step(%h0, %xs, %k) carried 1 sliced 1 steps 3 reversed [] : (tensor<2xf32>, tensor<3x2xf32>, tensor<2xf32>) ->
func.func @main(%xs : tensor<3x2xf32>, %h0 : tensor<2xf32>, %k : tensor<2xf32>) -> tensor<2xf32> {
  %w = nn.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %v = nn.elementwise exp(%w) : (tensor<2xf32>) -> tensor<2xf32>
  %h = nn.scan @step(%h0, %xs, %v, %k) carried 1 sliced 1 steps 3 reversed [] : (tensor<2xf32>, tensor<3x2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  func.return %h : tensor<2xf32>
}
// CHECK: func.func private @step(%h: tensor<2xf32>, %x: tensor<2xf32>, %k: tensor<2xf32>) -> tensor<2xf32>
// CHECK-NEXT: %[[w:.*]] = nn.constant
// CHECK-NEXT: %[[v:.*]] = nn.elementwise exp(%[[w]])
// CHECK-NEXT: nn.elementwise mul(%x, %[[v]])
func.func private @step(%h : tensor<2xf32>, %x : tensor<2xf32>, %w : tensor<2xf32>, %k : tensor<2xf32>) -> tensor<2xf32> {
  %a = nn.elementwise mul(%x, %w) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %b = nn.elementwise mul(%a, %k) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %c = nn.elementwise add(%h, %b) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  func.return %c : tensor<2xf32>
}

// -----

// Two loops with weights of their own need two functions.
// CHECK-LABEL: func.func @main
// CHECK: nn.scan @step_2(%h0) carried 1 sliced 0 steps 3
// CHECK: nn.scan @step(%{{.*}}) carried 1 sliced 0 steps 3
func.func @main(%h0 : tensor<2xf32>) -> tensor<2xf32> {
  %w = nn.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %v = nn.constant dense<[3.0, 4.0]> : tensor<2xf32>
  %g = nn.scan @step(%h0, %w) carried 1 sliced 0 steps 3 reversed [] : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %h = nn.scan @step(%g, %v) carried 1 sliced 0 steps 3 reversed [] : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  func.return %h : tensor<2xf32>
}
func.func private @step(%h : tensor<2xf32>, %w : tensor<2xf32>) -> tensor<2xf32> {
  %c = nn.elementwise mul(%h, %w) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  func.return %c : tensor<2xf32>
}
