// RUN: tenon-opt %s -p assign-layouts --split-input-file --verify-diagnostics | filecheck %s

// A contraction with compile-time weights stores its channels last; the producer writes into the halo
// that its consumer's pad needs, so the pad relates one buffer to itself. The result is row-major again.

#id = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
// CHECK-LABEL: func.func @halo
func.func @halo(%x: tensor<1x4x6x6xf32>, %w: tensor<1xf32>) -> tensor<1x8x6x6xf32> {
  %weights = nn.constant #nn.weight<"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", tensor<8x4x3x3xf32>>
  // CHECK: linalg.generic
  // CHECK-SAME: outs(%{{.*}} : tensor<1x4x6x6xf32, #tensorized.layout<(d0, d1, d2, d3) -> (d0, (d2 + 1), (d3 + 1), d1), [1, 8, 8, 4], fill 0.0>>)
  // CHECK: tensor.pad
  // CHECK: to tensor<1x4x8x8xf32, #tensorized.layout<(d0, d1, d2, d3) -> (0, d2, d3, d1), [1, 8, 8, 4], fill 0.0>>
  %p = tensor.pad %x low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%i: index, %j: index, %k: index, %l: index):
    %z = arith.constant 0.0 : f32
    tensor.yield %z : f32
  } : tensor<1x4x6x6xf32> to tensor<1x4x8x8xf32>
  %e = tensor.empty() : tensor<1x8x6x6xf32>
  %start = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} outs(%e : tensor<1x8x6x6xf32>) {
  ^bb0(%u: f32):
    %z = arith.constant 0.0 : f32
    linalg.yield %z : f32
  } -> tensor<1x8x6x6xf32>
  // CHECK: -> tensor<1x8x6x6xf32, #tensorized.layout<(d0, d1, d2, d3) -> (d0, d2, d3, d1), [1, 6, 6, 8]>>
  // CHECK: -> tensor<1x8x6x6xf32, #tensorized.layout<(d0, d1, d2, d3) -> (d0, d2, d3, d1), [1, 6, 6, 8]>>
  %c = linalg.generic {indexing_maps = [affine_map<(n, o, h, w, c, r, s) -> (n, c, h + r, w + s)>, affine_map<(n, o, h, w, c, r, s) -> (o, c, r, s)>, affine_map<(n, o, h, w, c, r, s) -> (n, o, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%p, %weights : tensor<1x4x8x8xf32>, tensor<8x4x3x3xf32>) outs(%start : tensor<1x8x6x6xf32>) {
  ^bb0(%a: f32, %b: f32, %acc: f32):
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %acc, %m : f32
    linalg.yield %s : f32
  } -> tensor<1x8x6x6xf32>
  // CHECK: -> tensor<1x8x6x6xf32>
  // CHECK: func.return %{{.*}} : tensor<1x8x6x6xf32>
  func.return %c : tensor<1x8x6x6xf32>
}

// -----

// Two pads with different values cannot share one halo: the second gets a copy.

#id = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-LABEL: func.func @two_fills
func.func @two_fills(%x: tensor<4x4xf32>) -> (tensor<6x6xf32>, tensor<6x6xf32>) {
  %e = tensor.empty() : tensor<4x4xf32>
  // CHECK: -> tensor<4x4xf32, #tensorized.layout<(d0, d1) -> ((d0 + 1), (d1 + 1)), [6, 6], fill 0.0>>
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) {
  ^bb0(%a: f32, %u: f32):
    %n = arith.negf %a : f32
    linalg.yield %n : f32
  } -> tensor<4x4xf32>
  %p = tensor.pad %y low[1, 1] high[1, 1] {
  ^bb0(%i: index, %j: index):
    %z = arith.constant 0.0 : f32
    tensor.yield %z : f32
  } : tensor<4x4xf32> to tensor<6x6xf32>
  // CHECK: fill 1.0>>
  %q = tensor.pad %y low[1, 1] high[1, 1] {
  ^bb0(%i: index, %j: index):
    %one = arith.constant 1.0 : f32
    tensor.yield %one : f32
  } : tensor<4x4xf32> to tensor<6x6xf32>
  func.return %p, %q : tensor<6x6xf32>, tensor<6x6xf32>
}
