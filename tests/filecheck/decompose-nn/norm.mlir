// RUN: tenon-opt %s -p decompose-nn --split-input-file | filecheck %s
// RUN: tenon-opt %s -p decompose-nn --split-input-file --check-semantics -o /dev/null

// CHECK-LABEL: func.func @layer_norm
// CHECK-NEXT: %[[m:.*]] = nn.reduce mean(%x) axes [2] keepdims true : (tensor<2x3x8xf32>) -> tensor<2x3x1xf32>
// CHECK-NEXT: %[[d:.*]] = nn.elementwise sub(%x, %[[m]])
// CHECK-NEXT: %[[s:.*]] = nn.elementwise mul(%[[d]], %[[d]])
// CHECK-NEXT: %[[v:.*]] = nn.reduce mean(%[[s]]) axes [2] keepdims true : (tensor<2x3x8xf32>) -> tensor<2x3x1xf32>
// CHECK-NEXT: %[[e:.*]] = nn.constant
// CHECK-NEXT: %[[a:.*]] = nn.elementwise add(%[[v]], %[[e]])
// CHECK-NEXT: %[[r:.*]] = nn.elementwise rsqrt(%[[a]])
// CHECK-NEXT: %[[n:.*]] = nn.elementwise mul(%[[d]], %[[r]])
// CHECK-NEXT: %[[p:.*]] = nn.elementwise mul(%[[n]], %s)
// CHECK-NEXT: %[[y:.*]] = nn.elementwise add(%[[p]], %b)
// CHECK-NEXT: func.return %[[y]]
func.func @layer_norm(%x : tensor<2x3x8xf32>, %s : tensor<8xf32>, %b : tensor<8xf32>) -> tensor<2x3x8xf32> {
  %0 = nn.normalize standard(%x, %s, %b) axes [2] groups 1 epsilon 1.0e-05 : (tensor<2x3x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<2x3x8xf32>
  func.return %0 : tensor<2x3x8xf32>
}

// -----

// Group norm is the same over groups x channels.
// CHECK-LABEL: func.func @group_norm
// CHECK: nn.reduce mean({{.*}}) axes [2, 3] keepdims true : (tensor<2x3x2x8xf32>) -> tensor<2x3x1x1xf32>
// CHECK: nn.reshape({{.*}}) : (tensor<2x3x2x8xf32>) -> tensor<2x6x8xf32>
func.func @group_norm(%x : tensor<2x6x8xf32>, %s : tensor<6x1xf32>) -> tensor<2x6x8xf32> {
  %0 = nn.normalize standard(%x, %s) axes [1, 2] groups 3 epsilon 1.0e-05 : (tensor<2x6x8xf32>, tensor<6x1xf32>) -> tensor<2x6x8xf32>
  func.return %0 : tensor<2x6x8xf32>
}

// -----

// Half precision is computed in f32.
// CHECK-LABEL: func.func @rms
// CHECK: nn.cast(%x) : (tensor<2x6xf16>) -> tensor<2x6xf32>
// CHECK-NOT: nn.elementwise sub
// CHECK: nn.cast({{.*}}) : (tensor<2x6xf32>) -> tensor<2x6xf16>
func.func @rms(%x : tensor<2x6xf16>) -> tensor<2x6xf16> {
  %0 = nn.normalize rms(%x) axes [1] groups 1 epsilon 1.0e-05 : (tensor<2x6xf16>) -> tensor<2x6xf16>
  func.return %0 : tensor<2x6xf16>
}

// -----

// CHECK-LABEL: func.func @l1
// CHECK: nn.elementwise abs
// CHECK: nn.reduce sum
// CHECK: nn.elementwise div(%x,
func.func @l1(%x : tensor<2x6xf32>) -> tensor<2x6xf32> {
  %0 = nn.normalize l1(%x) axes [0] groups 1 epsilon 1.0e-38 : (tensor<2x6xf32>) -> tensor<2x6xf32>
  func.return %0 : tensor<2x6xf32>
}
