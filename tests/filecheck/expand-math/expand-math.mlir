// RUN: tenon-opt %s -p expand-math --split-input-file | filecheck %s

// CHECK-LABEL: func.func @exp
// CHECK-NOT: math.exp
// CHECK: arith.bitcast
// CHECK: arith.shrsi
// CHECK: linalg.yield
func.func @exp(%x : tensor<8xf32>) -> tensor<8xf32> {
  %init = tensor.empty() : tensor<8xf32>
  %0 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%x : tensor<8xf32>) outs(%init : tensor<8xf32>) {
  ^bb0(%a: f32, %b: f32):
    %e = math.exp %a : f32
    linalg.yield %e : f32
  } -> tensor<8xf32>
  func.return %0 : tensor<8xf32>
}

// -----

// Half precision is computed in f32; f64 and the trigonometric functions are left to the C library.
// CHECK-LABEL: func.func @others
// CHECK: arith.extf %{{.*}} : f16 to f32
// CHECK: arith.truncf %{{.*}} : f32 to f16
// CHECK: math.tan
func.func @others(%x : tensor<8xf16>) -> tensor<8xf16> {
  %init = tensor.empty() : tensor<8xf16>
  %0 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%x : tensor<8xf16>) outs(%init : tensor<8xf16>) {
  ^bb0(%a: f16, %b: f16):
    %t = math.tanh %a : f16
    %s = math.tan %t : f16
    linalg.yield %s : f16
  } -> tensor<8xf16>
  func.return %0 : tensor<8xf16>
}
