// RUN: tenon-opt %s --split-input-file --verify-diagnostics | filecheck %s

// CHECK: qnn.quantize: rounding 'up' is unknown, expected one of half_even, upward, away
func.func @f(%a : tensor<4x8xf32>, %b : tensor<f32>, %c : tensor<ui8>) {
  %0 = qnn.quantize(%a, %b, %c) axis 1 block 0 rounding up nan lowest range [0, 255] : (tensor<4x8xf32>, tensor<f32>, tensor<ui8>) -> tensor<4x8xui8>
  func.return
}

// -----

// CHECK: qnn.quantize: nan 'high' is unknown, expected one of lowest, zero
func.func @f(%a : tensor<4x8xf32>, %b : tensor<f32>, %c : tensor<ui8>) {
  %0 = qnn.quantize(%a, %b, %c) axis 1 block 0 rounding away nan high range [0, 255] : (tensor<4x8xf32>, tensor<f32>, tensor<ui8>) -> tensor<4x8xui8>
  func.return
}

// -----

// CHECK: qnn.quantize: range is [0, 256], expected [lo, hi] within 0 to 255
func.func @f(%a : tensor<4x8xf32>, %b : tensor<f32>, %c : tensor<ui8>) {
  %0 = qnn.quantize(%a, %b, %c) axis 1 block 0 rounding away nan zero range [0, 256] : (tensor<4x8xf32>, tensor<f32>, tensor<ui8>) -> tensor<4x8xui8>
  func.return
}

// -----

// CHECK: qnn.quantize: range is [9, 8], expected [lo, hi] within 0 to 255
func.func @f(%a : tensor<4x8xf32>, %b : tensor<f32>, %c : tensor<ui8>) {
  %0 = qnn.quantize(%a, %b, %c) axis 1 block 0 rounding away nan zero range [9, 8] : (tensor<4x8xf32>, tensor<f32>, tensor<ui8>) -> tensor<4x8xui8>
  func.return
}

// -----

// CHECK: result has type tensor<4x8xi8>, expected tensor<4x8xui8>
func.func @f(%a : tensor<4x8xf32>, %b : tensor<f32>, %c : tensor<ui8>) {
  %0 = qnn.quantize(%a, %b, %c) axis 1 block 0 rounding half_even nan lowest range [0, 255] : (tensor<4x8xf32>, tensor<f32>, tensor<ui8>) -> tensor<4x8xi8>
  func.return
}

// -----

// CHECK: qnn.quantize: x has element type i32, expected one of f32, f16, bf16
func.func @f(%a : tensor<4x8xi32>, %b : tensor<f32>, %c : tensor<ui8>) {
  %0 = qnn.quantize(%a, %b, %c) axis 1 block 0 rounding half_even nan lowest range [0, 255] : (tensor<4x8xi32>, tensor<f32>, tensor<ui8>) -> tensor<4x8xui8>
  func.return
}

// -----

// CHECK: qnn.quantize: the zero point has element type i64, expected one of i8, ui8, i16, ui16, i32
func.func @f(%a : tensor<4x8xf32>, %b : tensor<f32>, %c : tensor<i64>) {
  %0 = qnn.quantize(%a, %b, %c) axis 1 block 0 rounding half_even nan lowest range [0, 255] : (tensor<4x8xf32>, tensor<f32>, tensor<i64>) -> tensor<4x8xi64>
  func.return
}

// -----

// CHECK: qnn.quantize: the scale has element type f64, expected f32
func.func @f(%a : tensor<4x8xf32>, %b : tensor<f64>, %c : tensor<ui8>) {
  %0 = qnn.quantize(%a, %b, %c) axis 1 block 0 rounding half_even nan lowest range [0, 255] : (tensor<4x8xf32>, tensor<f64>, tensor<ui8>) -> tensor<4x8xui8>
  func.return
}

// -----

// CHECK: qnn.quantize: the scale has shape 7, expected a scalar or 8 for axis 1 of 4x8
func.func @f(%a : tensor<4x8xf32>, %b : tensor<7xf32>, %c : tensor<ui8>) {
  %0 = qnn.quantize(%a, %b, %c) axis 1 block 0 rounding half_even nan lowest range [0, 255] : (tensor<4x8xf32>, tensor<7xf32>, tensor<ui8>) -> tensor<4x8xui8>
  func.return
}

// -----

// CHECK: qnn.quantize: the zero point has shape 8, expected a scalar or 4 for axis 0 of 4x8
func.func @f(%a : tensor<4x8xf32>, %b : tensor<4xf32>, %c : tensor<8xui8>) {
  %0 = qnn.quantize(%a, %b, %c) axis 0 block 0 rounding half_even nan lowest range [0, 255] : (tensor<4x8xf32>, tensor<4xf32>, tensor<8xui8>) -> tensor<4x8xui8>
  func.return
}

// -----

// CHECK: qnn.quantize: axis 2 is not within the rank 2
func.func @f(%a : tensor<4x8xf32>, %b : tensor<8xf32>, %c : tensor<ui8>) {
  %0 = qnn.quantize(%a, %b, %c) axis 2 block 0 rounding half_even nan lowest range [0, 255] : (tensor<4x8xf32>, tensor<8xf32>, tensor<ui8>) -> tensor<4x8xui8>
  func.return
}

// -----

// CHECK: qnn.quantize: the scale has shape 4x2, expected a scalar or 4x3 for blocks of 3 along axis 1 of 4x8
func.func @f(%a : tensor<4x8xf32>, %b : tensor<4x2xf32>, %c : tensor<ui8>) {
  %0 = qnn.quantize(%a, %b, %c) axis 1 block 3 rounding half_even nan lowest range [0, 255] : (tensor<4x8xf32>, tensor<4x2xf32>, tensor<ui8>) -> tensor<4x8xui8>
  func.return
}

// -----

// CHECK: qnn.quantize: block is -1, expected 0 or more
func.func @f(%a : tensor<4x8xf32>, %b : tensor<4x2xf32>, %c : tensor<ui8>) {
  %0 = qnn.quantize(%a, %b, %c) axis 1 block -1 rounding half_even nan lowest range [0, 255] : (tensor<4x8xf32>, tensor<4x2xf32>, tensor<ui8>) -> tensor<4x8xui8>
  func.return
}

// -----

// CHECK: qnn.quantize: scale is 0.0, expected a finite number above 0
func.func @f(%a : tensor<4x8xf32>, %c : tensor<ui8>) {
  %b = nn.constant dense<0.0> : tensor<f32>
  %0 = qnn.quantize(%a, %b, %c) axis 1 block 0 rounding half_even nan lowest range [0, 255] : (tensor<4x8xf32>, tensor<f32>, tensor<ui8>) -> tensor<4x8xui8>
  func.return
}

// -----

// CHECK: qnn.quantize: scale is -0.5, expected a finite number above 0
func.func @f(%a : tensor<4x8xf32>, %c : tensor<ui8>) {
  %b = nn.constant dense<-0.5> : tensor<f32>
  %0 = qnn.quantize(%a, %b, %c) axis 1 block 0 rounding half_even nan lowest range [0, 255] : (tensor<4x8xf32>, tensor<f32>, tensor<ui8>) -> tensor<4x8xui8>
  func.return
}

// -----

// CHECK: qnn.quantize: scale is nan, expected a finite number above 0
func.func @f(%a : tensor<4x8xf32>, %c : tensor<ui8>) {
  %b = nn.constant dense<0x7FC00000> : tensor<f32>
  %0 = qnn.quantize(%a, %b, %c) axis 1 block 0 rounding half_even nan lowest range [0, 255] : (tensor<4x8xf32>, tensor<f32>, tensor<ui8>) -> tensor<4x8xui8>
  func.return
}

// -----

// CHECK: qnn.dequantize: scale is inf, expected a finite number above 0
func.func @f(%a : tensor<4x8xui8>, %c : tensor<ui8>) {
  %b = nn.constant dense<[1.0, 0x7F800000, 1.0, 1.0]> : tensor<4xf32>
  %0 = qnn.dequantize(%a, %b, %c) axis 0 block 0 : (tensor<4x8xui8>, tensor<4xf32>, tensor<ui8>) -> tensor<4x8xf32>
  func.return
}

// -----

// CHECK: qnn.dequantize: the zero point has element type i8, expected ui8, that of the quantized tensor
func.func @f(%a : tensor<4x8xui8>, %b : tensor<f32>, %c : tensor<i8>) {
  %0 = qnn.dequantize(%a, %b, %c) axis 1 block 0 : (tensor<4x8xui8>, tensor<f32>, tensor<i8>) -> tensor<4x8xf32>
  func.return
}

// -----

// CHECK: qnn.dequantize: the result has element type f64, expected one of f32, f16, bf16
func.func @f(%a : tensor<4x8xui8>, %b : tensor<f32>, %c : tensor<ui8>) {
  %0 = qnn.dequantize(%a, %b, %c) axis 1 block 0 : (tensor<4x8xui8>, tensor<f32>, tensor<ui8>) -> tensor<4x8xf64>
  func.return
}

// -----

// CHECK: qnn.requantize: arithmetic 'f64' is unknown, expected one of f32, exact
func.func @f(%a : tensor<4x8xui8>, %b : tensor<f32>, %c : tensor<ui8>, %d : tensor<f32>, %e : tensor<ui8>) {
  %0 = qnn.requantize(%a, %b, %c, %d, %e) axis 1 rounding half_even arithmetic f64 range [0, 255] : (tensor<4x8xui8>, tensor<f32>, tensor<ui8>, tensor<f32>, tensor<ui8>) -> tensor<4x8xui8>
  func.return
}

// -----

// CHECK: qnn.conv: w has element type i32, expected one of i8, ui8, i16, ui16
func.func @f(%a : tensor<1x4x8x8xui8>, %b : tensor<6x4x3x3xi32>, %c : tensor<ui8>, %d : tensor<i32>) {
  %0 = qnn.conv(%a, %b, %c, %d) strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1 : (tensor<1x4x8x8xui8>, tensor<6x4x3x3xi32>, tensor<ui8>, tensor<i32>) -> tensor<1x6x8x8xi32>
  func.return
}

// -----

// CHECK: qnn.conv: the zero point of x has element type i8, expected ui8
func.func @f(%a : tensor<1x4x8x8xui8>, %b : tensor<6x4x3x3xi8>, %c : tensor<i8>, %d : tensor<i8>) {
  %0 = qnn.conv(%a, %b, %c, %d) strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1 : (tensor<1x4x8x8xui8>, tensor<6x4x3x3xi8>, tensor<i8>, tensor<i8>) -> tensor<1x6x8x8xi32>
  func.return
}

// -----

// CHECK: qnn.conv: the zero point of x has shape 4, expected a scalar
func.func @f(%a : tensor<1x4x8x8xui8>, %b : tensor<6x4x3x3xi8>, %c : tensor<4xui8>, %d : tensor<i8>) {
  %0 = qnn.conv(%a, %b, %c, %d) strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1 : (tensor<1x4x8x8xui8>, tensor<6x4x3x3xi8>, tensor<4xui8>, tensor<i8>) -> tensor<1x6x8x8xi32>
  func.return
}

// -----

// CHECK: qnn.conv: the zero point of w has shape 4, expected a scalar or 6 for axis 1 of 1x6x8x8
func.func @f(%a : tensor<1x4x8x8xui8>, %b : tensor<6x4x3x3xi8>, %c : tensor<ui8>, %d : tensor<4xi8>) {
  %0 = qnn.conv(%a, %b, %c, %d) strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1 : (tensor<1x4x8x8xui8>, tensor<6x4x3x3xi8>, tensor<ui8>, tensor<4xi8>) -> tensor<1x6x8x8xi32>
  func.return
}

// -----

// CHECK: conv: element types differ: i32, i32, f32
func.func @f(%a : tensor<1x4x8x8xui8>, %b : tensor<6x4x3x3xi8>, %c : tensor<ui8>, %d : tensor<i8>, %e : tensor<6xf32>) {
  %0 = qnn.conv(%a, %b, %c, %d, %e) strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1 : (tensor<1x4x8x8xui8>, tensor<6x4x3x3xi8>, tensor<ui8>, tensor<i8>, tensor<6xf32>) -> tensor<1x6x8x8xi32>
  func.return
}

// -----

// CHECK: qnn.matmul: the zero point of b has shape 4, expected a scalar or 5 for axis 1 of 4x5
func.func @f(%a : tensor<4x8xui8>, %b : tensor<8x5xi8>, %c : tensor<ui8>, %d : tensor<4xi8>) {
  %0 = qnn.matmul(%a, %b, %c, %d) : (tensor<4x8xui8>, tensor<8x5xi8>, tensor<ui8>, tensor<4xi8>) -> tensor<4x5xi32>
  func.return
}

// -----

// CHECK: qnn.matmul: bias of shape 2x4x5 does not broadcast to 4x5
func.func @f(%a : tensor<4x8xui8>, %b : tensor<8x5xi8>, %c : tensor<ui8>, %d : tensor<i8>, %e : tensor<2x4x5xi32>) {
  %0 = qnn.matmul(%a, %b, %c, %d, %e) : (tensor<4x8xui8>, tensor<8x5xi8>, tensor<ui8>, tensor<i8>, tensor<2x4x5xi32>) -> tensor<4x5xi32>
  func.return
}

// -----

// CHECK: qnn.add: the right operand has element type i32, expected one of i8, ui8, i16, ui16
func.func @f(%a : tensor<4x8xui8>, %b : tensor<4x8xi32>, %c : tensor<f32>, %d : tensor<ui8>, %e : tensor<f32>, %f : tensor<i32>, %g : tensor<f32>, %h : tensor<ui8>) {
  %0 = qnn.add(%a, %b, %c, %d, %e, %f, %g, %h) rounding half_even arithmetic f32 range [0, 255] : (tensor<4x8xui8>, tensor<4x8xi32>, tensor<f32>, tensor<ui8>, tensor<f32>, tensor<i32>, tensor<f32>, tensor<ui8>) -> tensor<4x8xui8>
  func.return
}

// -----

// CHECK: qnn.add: the scale has shape 8, expected a scalar
func.func @f(%a : tensor<4x8xui8>, %b : tensor<4x8xui8>, %c : tensor<8xf32>, %d : tensor<ui8>, %e : tensor<f32>, %f : tensor<ui8>, %g : tensor<f32>, %h : tensor<ui8>) {
  %0 = qnn.add(%a, %b, %c, %d, %e, %f, %g, %h) rounding half_even arithmetic f32 range [0, 255] : (tensor<4x8xui8>, tensor<4x8xui8>, tensor<8xf32>, tensor<ui8>, tensor<f32>, tensor<ui8>, tensor<f32>, tensor<ui8>) -> tensor<4x8xui8>
  func.return
}

// -----

// CHECK: qnn.elementwise: x has element type i16, expected one of i8, ui8
func.func @f(%a : tensor<4x8xi16>, %b : tensor<f32>, %c : tensor<i16>, %d : tensor<f32>, %e : tensor<ui8>) {
  %0 = qnn.elementwise sigmoid(%a, %b, %c, %d, %e) rounding half_even nan zero range [0, 255] : (tensor<4x8xi16>, tensor<f32>, tensor<i16>, tensor<f32>, tensor<ui8>) -> tensor<4x8xui8>
  func.return
}

// -----

// CHECK: qnn.elementwise: 'less' is no function of float numbers that nn.elementwise has
func.func @f(%a : tensor<4x8xui8>, %b : tensor<f32>, %c : tensor<ui8>, %d : tensor<f32>, %e : tensor<ui8>) {
  %0 = qnn.elementwise less(%a, %b, %c, %d, %e) rounding half_even nan zero range [0, 255] : (tensor<4x8xui8>, tensor<f32>, tensor<ui8>, tensor<f32>, tensor<ui8>) -> tensor<4x8xui8>
  func.return
}

// -----

// CHECK: qnn.elementwise: elu got 0 parameters, expected 1
func.func @f(%a : tensor<4x8xui8>, %b : tensor<f32>, %c : tensor<ui8>, %d : tensor<f32>, %e : tensor<ui8>) {
  %0 = qnn.elementwise elu(%a, %b, %c, %d, %e) rounding half_even nan zero range [0, 255] : (tensor<4x8xui8>, tensor<f32>, tensor<ui8>, tensor<f32>, tensor<ui8>) -> tensor<4x8xui8>
  func.return
}

// -----

// CHECK: qnn.leaky_relu: alpha is inf, expected a finite f32
func.func @f(%a : tensor<4x8xui8>, %b : tensor<f32>, %c : tensor<ui8>, %d : tensor<f32>, %e : tensor<ui8>) {
  %0 = qnn.leaky_relu(%a, %b, %c, %d, %e) alpha inf rounding half_even arithmetic f32 range [0, 255] : (tensor<4x8xui8>, tensor<f32>, tensor<ui8>, tensor<f32>, tensor<ui8>) -> tensor<4x8xui8>
  func.return
}

// -----

// CHECK: qnn.softmax: axis 2 is not within the rank 2
func.func @f(%a : tensor<4x8xui8>, %b : tensor<f32>, %c : tensor<ui8>, %d : tensor<f32>, %e : tensor<ui8>) {
  %0 = qnn.softmax(%a, %b, %c, %d, %e) axis 2 rounding half_even : (tensor<4x8xui8>, tensor<f32>, tensor<ui8>, tensor<f32>, tensor<ui8>) -> tensor<4x8xui8>
  func.return
}

// -----

// CHECK: qnn.pool: 'max' is unknown, expected average
func.func @f(%a : tensor<1x4x8xui8>, %b : tensor<f32>, %c : tensor<ui8>, %d : tensor<f32>, %e : tensor<ui8>) {
  %0 = qnn.pool max(%a, %b, %c, %d, %e) kernel [3] strides [1] pads [0, 0] dilations [1] ceil_mode false count_include_pad false rounding half_even range [0, 255] : (tensor<1x4x8xui8>, tensor<f32>, tensor<ui8>, tensor<f32>, tensor<ui8>) -> tensor<1x4x6xui8>
  func.return
}

// -----

// CHECK: qnn.reduce: the mean of 40000 elements of i16, expected 32768 at most
func.func @f(%a : tensor<2x40000xi16>, %b : tensor<f32>, %c : tensor<i16>, %d : tensor<f32>, %e : tensor<ui8>) {
  %0 = qnn.reduce mean(%a, %b, %c, %d, %e) axes [1] keepdims false rounding half_even range [0, 255] : (tensor<2x40000xi16>, tensor<f32>, tensor<i16>, tensor<f32>, tensor<ui8>) -> tensor<2xui8>
  func.return
}

// -----

// CHECK: qnn.simulated_quantize: the code is tensor<i8>, expected tensor<i32>
func.func @f(%a : tensor<4x8xf32>, %b : tensor<f32>, %c : tensor<i32>, %d : tensor<i8>) {
  %0 = qnn.simulated_quantize(%a, %b, %c, %d) axis 1 : (tensor<4x8xf32>, tensor<f32>, tensor<i32>, tensor<i8>) -> tensor<4x8xf32>
  func.return
}
