// RUN: tenon-opt %s -p assign-layouts,fuse-kernels --split-input-file | filecheck %s

// The start value, the contraction and its activation are one kernel over physical tensors; the filter's
// window operand and the view are gone.

#id = affine_map<(d0, d1) -> (d0, d1)>
// CHECK:       tensorized.kernel @linalg_generic(%0: tensor<5x7xf32>, %1: tensor<7x6xf32> constant) -> tensor<5x6xf32> {
// CHECK:         tensorized.generic loops (p0: parallel 5, p1: parallel 6) ins() init(%{{.*}} at (p0, p1) : tensor<5x6xf32>)
// CHECK:         tensorized.generic loops (p0: parallel 5, p1: parallel 6, r0: reduction 7)
// CHECK-SAME:      ins(%0 at (p0, r0) : tensor<5x7xf32>, %1 at (r0, p1) : tensor<7x6xf32>)
// CHECK:         arith.maximumf
// CHECK:         tensorized.yield
// CHECK-LABEL: func.func @dense
// CHECK:         %[[Y:.*]] = tensorized.call @linalg_generic(%x, %w)
// CHECK-NEXT:    func.return %[[Y]]
func.func @dense(%x: tensor<5x7xf32>) -> tensor<5x6xf32> {
  %w = nn.constant #nn.weight<"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", tensor<7x6xf32>>
  %e = tensor.empty() : tensor<5x6xf32>
  %start = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel"]} outs(%e : tensor<5x6xf32>) {
  ^bb0(%u: f32):
    %z = arith.constant 0.0 : f32
    linalg.yield %z : f32
  } -> tensor<5x6xf32>
  %c = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<5x7xf32>, tensor<7x6xf32>) outs(%start : tensor<5x6xf32>) {
  ^bb0(%a: f32, %b: f32, %acc: f32):
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %acc, %m : f32
    linalg.yield %s : f32
  } -> tensor<5x6xf32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%c : tensor<5x6xf32>) outs(%e : tensor<5x6xf32>) {
  ^bb0(%a: f32, %u: f32):
    %z = arith.constant 0.0 : f32
    %m = arith.maximumf %a, %z : f32
    linalg.yield %m : f32
  } -> tensor<5x6xf32>
  func.return %r : tensor<5x6xf32>
}

// -----

// Equal kernels are one kernel; a value with two users ends its kernel.

#id = affine_map<(d0) -> (d0)>
// CHECK:       tensorized.kernel @linalg_generic(
// CHECK:       tensorized.kernel @linalg_generic_2(
// CHECK-NOT:   tensorized.kernel
// CHECK-LABEL: func.func @shared
// CHECK-NEXT:    %[[A:.*]] = tensorized.call @linalg_generic(%x)
// CHECK-NEXT:    %[[B:.*]] = tensorized.call @linalg_generic(%[[A]])
// CHECK-NEXT:    %[[C:.*]] = tensorized.call @linalg_generic_2(%[[A]], %[[B]])
func.func @shared(%x: tensor<9xf32>) -> (tensor<9xf32>, tensor<9xf32>) {
  %e = tensor.empty() : tensor<9xf32>
  %a = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<9xf32>) outs(%e : tensor<9xf32>) {
  ^bb0(%v: f32, %u: f32):
    %n = arith.negf %v : f32
    linalg.yield %n : f32
  } -> tensor<9xf32>
  %b = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%a : tensor<9xf32>) outs(%e : tensor<9xf32>) {
  ^bb0(%v: f32, %u: f32):
    %n = arith.negf %v : f32
    linalg.yield %n : f32
  } -> tensor<9xf32>
  %c = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]} ins(%a, %b : tensor<9xf32>, tensor<9xf32>) outs(%e : tensor<9xf32>) {
  ^bb0(%v: f32, %q: f32, %u: f32):
    %n = arith.addf %v, %q : f32
    linalg.yield %n : f32
  } -> tensor<9xf32>
  func.return %b, %c : tensor<9xf32>, tensor<9xf32>
}

// -----

// A concat is one kernel with a copy nest per operand, each writing its part of the output.

// CHECK:       tensorized.kernel @tensor_concat(%0: tensor<2x3xf32>, %1: tensor<2x4xf32>) -> tensor<2x7xf32>
// CHECK:         init(%{{.*}} at (s0p0, s0p1) : tensor<2x7xf32>)
// CHECK:         init(%{{.*}} at (s1p0, s1p1 + 3) : tensor<2x7xf32>)
func.func @concat(%x: tensor<2x3xf32>, %y: tensor<2x4xf32>) -> tensor<2x7xf32> {
  %c = tensor.concat dim(1) %x, %y : (tensor<2x3xf32>, tensor<2x4xf32>) -> tensor<2x7xf32>
  func.return %c : tensor<2x7xf32>
}
