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

// -----

// CHECK: nn.elementwise does not compute with i4: cast it
func.func @f(%x : tensor<4xi4>) {
  %0 = nn.elementwise add(%x, %x) : (tensor<4xi4>, tensor<4xi4>) -> tensor<4xi4>
  func.return
}

// -----

// CHECK: cast: f8E8M0FNU has no cast, its bits are exponents
func.func @f(%x : tensor<4xf8E8M0FNU>) {
  %0 = nn.cast(%x) : (tensor<4xf8E8M0FNU>) -> tensor<4xf32>
  func.return
}
