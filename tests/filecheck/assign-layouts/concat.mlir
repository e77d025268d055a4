// RUN: tenon-opt %s --split-input-file -p lower-nn,assign-layouts --check-semantics | filecheck %s
// RUN: tenon-opt %s --split-input-file -p lower-nn,assign-layouts | tenon-opt --split-input-file -p fuse-kernels,"attach-target{name=x86-64-v3}",tensorize-match,schedule-kernels,plan-memory --check-semantics | filecheck %s --check-prefix=MEMORY

// Both operands are made in the result's buffer: one kernel makes it, the next one writes the rest.

// CHECK-LABEL: func.func @two
// CHECK:         %a = linalg.generic
// CHECK:           -> tensor<2x3xf32, #tensorized.layout<(d0, d1) -> (d0, d1), [2, 7]>>
// CHECK:         %b = linalg.generic
// CHECK:           -> tensor<2x4xf32, #tensorized.layout<(d0, d1) -> (d0, (d1 + 3)), [2, 7]>>
// CHECK:         tensor.concat
// CHECK-SAME:      tensorized.in_place = array<i1: true, true>

// MEMORY-LABEL: func.func @two
// MEMORY:         %[[WHOLE:.*]] = memref.view %arena[%c0][]
// MEMORY-NEXT:    tensorized.call @{{.*}}(%x, %[[WHOLE]])
// MEMORY-NEXT:    tensorized.call @{{.*}}(%[[WHOLE]], %y, %[[WHOLE]])
// MEMORY-NEXT:    tensorized.call @{{.*}}(%[[WHOLE]], %output0)
// MEMORY-NEXT:    func.return
func.func @two(%x: tensor<2x3xf32>, %y: tensor<2x4xf32>) -> tensor<2x7xf32> {
  %a = nn.elementwise neg(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %b = nn.elementwise abs(%y) : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %c = nn.concat(%a, %b) axis 1 : (tensor<2x3xf32>, tensor<2x4xf32>) -> tensor<2x7xf32>
  %d = nn.elementwise exp(%c) : (tensor<2x7xf32>) -> tensor<2x7xf32>
  func.return %d : tensor<2x7xf32>
}

// -----

// As in a dense block: the first concat is a view of the second; an argument is copied.

// CHECK-LABEL: func.func @chain
// CHECK:         %c = tensor.concat
// CHECK-SAME:      tensorized.in_place = array<i1: true, true>
// CHECK-SAME:      -> tensor<1x4xf32, #tensorized.layout<(d0, d1) -> (0, d1), [1, 8]>>
// CHECK:         %d = tensor.concat
// CHECK-SAME:      tensorized.in_place = array<i1: true, true, false>

// MEMORY-LABEL: func.func @chain
// MEMORY:         tensorized.call @{{.*}}(%x, %[[ALL:.*]]) :
// MEMORY-NEXT:    tensorized.call @{{.*}}(%[[ALL]], %[[ALL]], %[[ALL]])
// MEMORY:         tensorized.call @{{.*}}(%[[ALL]], %[[SUM:.*]]) :
// MEMORY-NEXT:    tensorized.call @{{.*}}(%[[ALL]], %[[SUM]], %[[ALL]], %[[ALL]])
// MEMORY-NEXT:    tensorized.call @tensor_concat(%[[ALL]], %x, %[[ALL]])
// MEMORY-NEXT:    tensorized.call @{{.*}}(%[[ALL]], %output0)
// MEMORY-NEXT:    func.return
func.func @chain(%x: tensor<1x2xf32>) -> tensor<1x8xf32> {
  %a = nn.elementwise neg(%x) : (tensor<1x2xf32>) -> tensor<1x2xf32>
  %b = nn.elementwise exp(%a) : (tensor<1x2xf32>) -> tensor<1x2xf32>
  %c = nn.concat(%a, %b) axis 1 : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x4xf32>
  %e = nn.reduce sum(%c) axes [1] keepdims true : (tensor<1x4xf32>) -> tensor<1x1xf32>
  %f = nn.elementwise mul(%e, %b) : (tensor<1x1xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  %d = nn.concat(%c, %f, %x) axis 1 : (tensor<1x4xf32>, tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x8xf32>
  %g = nn.elementwise neg(%d) : (tensor<1x8xf32>) -> tensor<1x8xf32>
  func.return %g : tensor<1x8xf32>
}

// -----

// A slice of another buffer of the same shape is no part; what the function returns is none either.

// CHECK-LABEL: func.func @slices
// CHECK:         %d = tensor.concat dim(1) %s, %t :
func.func @slices(%x: tensor<1x4xf32>) -> (tensor<1x4xf32>, tensor<1x2xf32>) {
  %a = nn.elementwise neg(%x) : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %s = nn.slice(%a) starts [0, 0] sizes [1, 2] strides [1, 1] : (tensor<1x4xf32>) -> tensor<1x2xf32>
  %t = nn.elementwise exp(%s) : (tensor<1x2xf32>) -> tensor<1x2xf32>
  %d = nn.concat(%s, %t) axis 1 : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x4xf32>
  %e = nn.elementwise neg(%d) : (tensor<1x4xf32>) -> tensor<1x4xf32>
  func.return %e, %t : tensor<1x4xf32>, tensor<1x2xf32>
}
