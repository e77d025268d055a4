// RUN: tenon-opt %s --split-input-file --verify-diagnostics | filecheck %s

// CHECK: bitcast: float32 has 4 bytes an element, int16 2
func.func @f(%x : tensor<4xf32>) {
  %0 = nn.bitcast(%x) : (tensor<4xf32>) -> tensor<4xi16>
  func.return
}

// -----

// CHECK: shift_left: element type f32 is not an integer type
func.func @f(%x : tensor<4xf32>) {
  %0 = nn.elementwise shift_left(%x, %x) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  func.return
}
