// RUN: tenon-opt %s | tenon-opt | filecheck %s

// CHECK-LABEL: func.func @ops
func.func @ops(%x : tensor<1x4x8x8xf32>, %m : tensor<6x8xf32>, %s : tensor<f32>, %sc : tensor<4xf32>, %sb : tensor<6x3xf32>, %u : tensor<ui8>, %i : tensor<i8>, %w : tensor<i32>, %hc : tensor<4xi16>, %ib : tensor<6x3xi8>, %q : tensor<1x4x8x8xui8>, %c : tensor<1x4x8x8xi32>, %k : tensor<6x2x3x3xi8>, %kz : tensor<6xi8>, %kb : tensor<6xi32>, %kt : tensor<4x2x3x3xi8>, %b : tensor<8x5xi8>, %u8 : tensor<8xui8>, %bz : tensor<5xi8>, %bb : tensor<5xi32>, %v : tensor<4x1x1xi8>) {
  // CHECK: qnn.quantize(%x, %s, %u) axis 1 block 0 rounding half_even nan lowest range [0, 255] : (tensor<1x4x8x8xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x4x8x8xui8>
  %0 = qnn.quantize(%x, %s, %u) axis 1 block 0 rounding half_even nan lowest range [0, 255] : (tensor<1x4x8x8xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x4x8x8xui8>
  // CHECK: qnn.quantize(%x, %sc, %hc) axis 1 block 0 rounding away nan zero range [-100, 32767] : (tensor<1x4x8x8xf32>, tensor<4xf32>, tensor<4xi16>) -> tensor<1x4x8x8xi16>
  %1 = qnn.quantize(%x, %sc, %hc) axis 1 block 0 rounding away nan zero range [-100, 32767] : (tensor<1x4x8x8xf32>, tensor<4xf32>, tensor<4xi16>) -> tensor<1x4x8x8xi16>
  // CHECK: qnn.quantize(%m, %sb, %ib) axis 1 block 3 rounding upward nan lowest range [-8, 7] : (tensor<6x8xf32>, tensor<6x3xf32>, tensor<6x3xi8>) -> tensor<6x8xi8>
  %2 = qnn.quantize(%m, %sb, %ib) axis 1 block 3 rounding upward nan lowest range [-8, 7] : (tensor<6x8xf32>, tensor<6x3xf32>, tensor<6x3xi8>) -> tensor<6x8xi8>
  // CHECK: qnn.dequantize(%q, %s, %u) axis 1 block 0 : (tensor<1x4x8x8xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x4x8x8xf32>
  %3 = qnn.dequantize(%q, %s, %u) axis 1 block 0 : (tensor<1x4x8x8xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x4x8x8xf32>
  // CHECK: qnn.dequantize(%c, %sc, %w) axis 1 block 0 : (tensor<1x4x8x8xi32>, tensor<4xf32>, tensor<i32>) -> tensor<1x4x8x8xbf16>
  %4 = qnn.dequantize(%c, %sc, %w) axis 1 block 0 : (tensor<1x4x8x8xi32>, tensor<4xf32>, tensor<i32>) -> tensor<1x4x8x8xbf16>
  // CHECK: qnn.requantize(%c, %sc, %w, %s, %u) axis 1 rounding half_even arithmetic exact range [3, 255] : (tensor<1x4x8x8xi32>, tensor<4xf32>, tensor<i32>, tensor<f32>, tensor<ui8>) -> tensor<1x4x8x8xui8>
  %5 = qnn.requantize(%c, %sc, %w, %s, %u) axis 1 rounding half_even arithmetic exact range [3, 255] : (tensor<1x4x8x8xi32>, tensor<4xf32>, tensor<i32>, tensor<f32>, tensor<ui8>) -> tensor<1x4x8x8xui8>
  // CHECK: qnn.conv(%q, %k, %u, %kz, %kb) strides [2, 2] pads [1, 1, 1, 1] dilations [1, 1] groups 2 : (tensor<1x4x8x8xui8>, tensor<6x2x3x3xi8>, tensor<ui8>, tensor<6xi8>, tensor<6xi32>) -> tensor<1x6x4x4xi32>
  %6 = qnn.conv(%q, %k, %u, %kz, %kb) strides [2, 2] pads [1, 1, 1, 1] dilations [1, 1] groups 2 : (tensor<1x4x8x8xui8>, tensor<6x2x3x3xi8>, tensor<ui8>, tensor<6xi8>, tensor<6xi32>) -> tensor<1x6x4x4xi32>
  // CHECK: qnn.conv(%q, %k, %u, %i) strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 2 {qnn.weights_within = [-64 : i64, 63 : i64]} : (tensor<1x4x8x8xui8>, tensor<6x2x3x3xi8>, tensor<ui8>, tensor<i8>) -> tensor<1x6x8x8xi32>
  %7 = qnn.conv(%q, %k, %u, %i) strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 2 {qnn.weights_within = [-64 : i64, 63 : i64]} : (tensor<1x4x8x8xui8>, tensor<6x2x3x3xi8>, tensor<ui8>, tensor<i8>) -> tensor<1x6x8x8xi32>
  // CHECK: qnn.conv_transpose(%q, %kt, %u, %i) strides [2, 2] pads [1, 0, 1, -1] dilations [1, 1] groups 1 : (tensor<1x4x8x8xui8>, tensor<4x2x3x3xi8>, tensor<ui8>, tensor<i8>) -> tensor<1x2x15x18xi32>
  %8 = qnn.conv_transpose(%q, %kt, %u, %i) strides [2, 2] pads [1, 0, 1, -1] dilations [1, 1] groups 1 : (tensor<1x4x8x8xui8>, tensor<4x2x3x3xi8>, tensor<ui8>, tensor<i8>) -> tensor<1x2x15x18xi32>
  // CHECK: qnn.matmul(%q, %b, %u8, %bz) : (tensor<1x4x8x8xui8>, tensor<8x5xi8>, tensor<8xui8>, tensor<5xi8>) -> tensor<1x4x8x5xi32>
  %9 = qnn.matmul(%q, %b, %u8, %bz) : (tensor<1x4x8x8xui8>, tensor<8x5xi8>, tensor<8xui8>, tensor<5xi8>) -> tensor<1x4x8x5xi32>
  // CHECK: qnn.matmul(%q, %b, %u, %i, %bb) : (tensor<1x4x8x8xui8>, tensor<8x5xi8>, tensor<ui8>, tensor<i8>, tensor<5xi32>) -> tensor<1x4x8x5xi32>
  %10 = qnn.matmul(%q, %b, %u, %i, %bb) : (tensor<1x4x8x8xui8>, tensor<8x5xi8>, tensor<ui8>, tensor<i8>, tensor<5xi32>) -> tensor<1x4x8x5xi32>
  // CHECK: qnn.add(%q, %v, %s, %u, %s, %i, %s, %u) rounding half_even arithmetic f32 range [0, 255] : (tensor<1x4x8x8xui8>, tensor<4x1x1xi8>, tensor<f32>, tensor<ui8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<ui8>) -> tensor<1x4x8x8xui8>
  %11 = qnn.add(%q, %v, %s, %u, %s, %i, %s, %u) rounding half_even arithmetic f32 range [0, 255] : (tensor<1x4x8x8xui8>, tensor<4x1x1xi8>, tensor<f32>, tensor<ui8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<ui8>) -> tensor<1x4x8x8xui8>
  // CHECK: qnn.subtract(%q, %v, %s, %u, %s, %i, %s, %u) rounding half_even arithmetic exact range [0, 255] : (tensor<1x4x8x8xui8>, tensor<4x1x1xi8>, tensor<f32>, tensor<ui8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<ui8>) -> tensor<1x4x8x8xui8>
  %12 = qnn.subtract(%q, %v, %s, %u, %s, %i, %s, %u) rounding half_even arithmetic exact range [0, 255] : (tensor<1x4x8x8xui8>, tensor<4x1x1xi8>, tensor<f32>, tensor<ui8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<ui8>) -> tensor<1x4x8x8xui8>
  // CHECK: qnn.mul(%q, %v, %s, %u, %s, %i, %s, %u) rounding half_even arithmetic f32 range [0, 255] : (tensor<1x4x8x8xui8>, tensor<4x1x1xi8>, tensor<f32>, tensor<ui8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<ui8>) -> tensor<1x4x8x8xui8>
  %13 = qnn.mul(%q, %v, %s, %u, %s, %i, %s, %u) rounding half_even arithmetic f32 range [0, 255] : (tensor<1x4x8x8xui8>, tensor<4x1x1xi8>, tensor<f32>, tensor<ui8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<ui8>) -> tensor<1x4x8x8xui8>
  // CHECK: qnn.concat(%q, %q, %s, %s, %u, %u, %s, %i) axis 1 rounding half_even arithmetic f32 : (tensor<1x4x8x8xui8>, tensor<1x4x8x8xui8>, tensor<f32>, tensor<f32>, tensor<ui8>, tensor<ui8>, tensor<f32>, tensor<i8>) -> tensor<1x8x8x8xi8>
  %14 = qnn.concat(%q, %q, %s, %s, %u, %u, %s, %i) axis 1 rounding half_even arithmetic f32 : (tensor<1x4x8x8xui8>, tensor<1x4x8x8xui8>, tensor<f32>, tensor<f32>, tensor<ui8>, tensor<ui8>, tensor<f32>, tensor<i8>) -> tensor<1x8x8x8xi8>
  // CHECK: qnn.elementwise sigmoid(%q, %s, %u, %s, %i) rounding half_even nan zero range [-128, 127] : (tensor<1x4x8x8xui8>, tensor<f32>, tensor<ui8>, tensor<f32>, tensor<i8>) -> tensor<1x4x8x8xi8>
  %15 = qnn.elementwise sigmoid(%q, %s, %u, %s, %i) rounding half_even nan zero range [-128, 127] : (tensor<1x4x8x8xui8>, tensor<f32>, tensor<ui8>, tensor<f32>, tensor<i8>) -> tensor<1x4x8x8xi8>
  // CHECK: qnn.elementwise elu(%q, %s, %u, %s, %i, %s) rounding half_even nan zero range [-128, 127] : (tensor<1x4x8x8xui8>, tensor<f32>, tensor<ui8>, tensor<f32>, tensor<i8>, tensor<f32>) -> tensor<1x4x8x8xi8>
  %16 = qnn.elementwise elu(%q, %s, %u, %s, %i, %s) rounding half_even nan zero range [-128, 127] : (tensor<1x4x8x8xui8>, tensor<f32>, tensor<ui8>, tensor<f32>, tensor<i8>, tensor<f32>) -> tensor<1x4x8x8xi8>
  // CHECK: qnn.leaky_relu(%q, %s, %u, %s, %u) alpha 0.1 rounding half_even arithmetic f32 range [0, 255] : (tensor<1x4x8x8xui8>, tensor<f32>, tensor<ui8>, tensor<f32>, tensor<ui8>) -> tensor<1x4x8x8xui8>
  %17 = qnn.leaky_relu(%q, %s, %u, %s, %u) alpha 0.1 rounding half_even arithmetic f32 range [0, 255] : (tensor<1x4x8x8xui8>, tensor<f32>, tensor<ui8>, tensor<f32>, tensor<ui8>) -> tensor<1x4x8x8xui8>
  // CHECK: qnn.softmax(%q, %s, %u, %s, %u) axis 3 rounding half_even : (tensor<1x4x8x8xui8>, tensor<f32>, tensor<ui8>, tensor<f32>, tensor<ui8>) -> tensor<1x4x8x8xui8>
  %18 = qnn.softmax(%q, %s, %u, %s, %u) axis 3 rounding half_even : (tensor<1x4x8x8xui8>, tensor<f32>, tensor<ui8>, tensor<f32>, tensor<ui8>) -> tensor<1x4x8x8xui8>
  // CHECK: qnn.pool average(%q, %s, %u, %s, %u) kernel [3, 3] strides [2, 2] pads [1, 1, 1, 1] dilations [1, 1] ceil_mode true count_include_pad false rounding half_even range [0, 255] : (tensor<1x4x8x8xui8>, tensor<f32>, tensor<ui8>, tensor<f32>, tensor<ui8>) -> tensor<1x4x5x5xui8>
  %19 = qnn.pool average(%q, %s, %u, %s, %u) kernel [3, 3] strides [2, 2] pads [1, 1, 1, 1] dilations [1, 1] ceil_mode true count_include_pad false rounding half_even range [0, 255] : (tensor<1x4x8x8xui8>, tensor<f32>, tensor<ui8>, tensor<f32>, tensor<ui8>) -> tensor<1x4x5x5xui8>
  // CHECK: qnn.reduce mean(%q, %s, %u, %s, %u) axes [2, 3] keepdims true rounding half_even range [0, 255] : (tensor<1x4x8x8xui8>, tensor<f32>, tensor<ui8>, tensor<f32>, tensor<ui8>) -> tensor<1x4x1x1xui8>
  %20 = qnn.reduce mean(%q, %s, %u, %s, %u) axes [2, 3] keepdims true rounding half_even range [0, 255] : (tensor<1x4x8x8xui8>, tensor<f32>, tensor<ui8>, tensor<f32>, tensor<ui8>) -> tensor<1x4x1x1xui8>
  // CHECK: qnn.simulated_quantize(%x, %s, %w, %w) axis 1 : (tensor<1x4x8x8xf32>, tensor<f32>, tensor<i32>, tensor<i32>) -> tensor<1x4x8x8xf32>
  %21 = qnn.simulated_quantize(%x, %s, %w, %w) axis 1 : (tensor<1x4x8x8xf32>, tensor<f32>, tensor<i32>, tensor<i32>) -> tensor<1x4x8x8xf32>
  // CHECK: qnn.simulated_dequantize(%x, %sc, %w, %w) axis 1 : (tensor<1x4x8x8xf32>, tensor<4xf32>, tensor<i32>, tensor<i32>) -> tensor<1x4x8x8xf32>
  %22 = qnn.simulated_dequantize(%x, %sc, %w, %w) axis 1 : (tensor<1x4x8x8xf32>, tensor<4xf32>, tensor<i32>, tensor<i32>) -> tensor<1x4x8x8xf32>
  func.return
}
