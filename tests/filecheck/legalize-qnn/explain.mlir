// RUN: tenon-opt %s -p 'attach-target{name=x86-64-v3},legalize-qnn{explain=true}' | filecheck %s --check-prefix=PAIRS
// RUN: tenon-opt %s -p 'attach-target{name=cascadelake},legalize-qnn{explain=true}' | filecheck %s --check-prefix=FOURS

// What was changed so that an instruction fits, by the names of products.

// PAIRS: tenon.repairs = {down = ["operand 0: i8 stored as i16, 123 added; its zero point and the terms of the sum move with it", "operand 1: weights in i8 less their zero points, as i16"]}
// FOURS: tenon.repairs = {down = ["operand 0: i8 stored as ui8, 128 added; its zero point and the terms of the sum move with it"]}
func.func @residual(%x: tensor<1x8x6x6xf32>) -> tensor<1x8x5x5xf32> {
  %s = nn.constant dense<5.0e-01> : tensor<f32>
  %z = nn.constant dense<-123> : tensor<i8>
  %q = qnn.quantize(%x, %s, %z) axis 1 block 0 rounding half_even nan lowest range [-128, 127]
    : (tensor<1x8x6x6xf32>, tensor<f32>, tensor<i8>) -> tensor<1x8x6x6xi8>
  %p = nn.pool max(%q) kernel [2, 2] strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] ceil_mode false count_include_pad false
    : (tensor<1x8x6x6xi8>) -> tensor<1x8x5x5xi8>
  %w = nn.constant #nn.weight<"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", tensor<8x8x3x3xi8>>
  %zw = nn.constant dense<0> : tensor<i8>
  %c = qnn.conv(%p, %w, %z, %zw) strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1
    : (tensor<1x8x5x5xi8>, tensor<8x8x3x3xi8>, tensor<i8>, tensor<i8>) -> tensor<1x8x5x5xi32> loc("down")
  %n = nn.constant dense<0> : tensor<i32>
  %r = qnn.requantize(%c, %s, %n, %s, %z) axis 1 rounding half_even arithmetic f32 range [-128, 127]
    : (tensor<1x8x5x5xi32>, tensor<f32>, tensor<i32>, tensor<f32>, tensor<i8>) -> tensor<1x8x5x5xi8>
  %a = qnn.add(%p, %r, %s, %z, %s, %z, %s, %z) rounding half_even arithmetic f32 range [-128, 127]
    : (tensor<1x8x5x5xi8>, tensor<1x8x5x5xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>)
    -> tensor<1x8x5x5xi8>
  %y = qnn.dequantize(%a, %s, %z) axis 1 block 0 : (tensor<1x8x5x5xi8>, tensor<f32>, tensor<i8>) -> tensor<1x8x5x5xf32>
  func.return %y : tensor<1x8x5x5xf32>
}
