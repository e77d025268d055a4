// RUN: tenon-opt %s -p 'attach-target{name=x86-64-v3},legalize-qnn' --split-input-file --check-semantics | filecheck %s --check-prefix=PAIRS
// RUN: tenon-opt %s -p 'attach-target{name=cascadelake},legalize-qnn' --split-input-file --check-semantics | filecheck %s --check-prefix=FOURS

// Without dot products of bytes, what is multiplied is made in 16 bits and without its zero point: the range and all
// zero points move, those of a residual sum too. Signed bytes become unsigned ones where those are multiplied.

// PAIRS-LABEL: @residual
// PAIRS:       qnn.quantize{{.*}} range [-5, 250] : {{.*}}tensor<i16>) -> tensor<1x8x6x6xi16>
// PAIRS:       nn.pool max{{.*}} -> tensor<1x8x5x5xi16>
// PAIRS:       %[[W:.*]] = nn.cast(%{{.*}}) : (tensor<8x8x3x3xi8>) -> tensor<8x8x3x3xi16>
// PAIRS:       qnn.conv(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}) {{.*}} : (tensor<1x8x5x5xi16>, tensor<8x8x3x3xi16>, tensor<i16>, tensor<i16>)
// PAIRS:       qnn.add{{.*}} : (tensor<1x8x5x5xi16>, tensor<1x8x5x5xi8>

// FOURS-LABEL: @residual
// FOURS:       qnn.quantize{{.*}} range [0, 255] : {{.*}}tensor<ui8>) -> tensor<1x8x6x6xui8>
// FOURS:       qnn.conv{{.*}} : (tensor<1x8x5x5xui8>, tensor<8x8x3x3xi8>, tensor<ui8>, tensor<i8>)
// FOURS:       qnn.add{{.*}} : (tensor<1x8x5x5xui8>, tensor<1x8x5x5xi8>
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
    : (tensor<1x8x5x5xi8>, tensor<8x8x3x3xi8>, tensor<i8>, tensor<i8>) -> tensor<1x8x5x5xi32>
  %n = nn.constant dense<0> : tensor<i32>
  %r = qnn.requantize(%c, %s, %n, %s, %z) axis 1 rounding half_even arithmetic f32 range [-128, 127]
    : (tensor<1x8x5x5xi32>, tensor<f32>, tensor<i32>, tensor<f32>, tensor<i8>) -> tensor<1x8x5x5xi8>
  %a = qnn.add(%p, %r, %s, %z, %s, %z, %s, %z) rounding half_even arithmetic f32 range [-128, 127]
    : (tensor<1x8x5x5xi8>, tensor<1x8x5x5xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>)
    -> tensor<1x8x5x5xi8>
  %y = qnn.dequantize(%a, %s, %z) axis 1 block 0 : (tensor<1x8x5x5xi8>, tensor<f32>, tensor<i8>) -> tensor<1x8x5x5xf32>
  func.return %y : tensor<1x8x5x5xf32>
}

// -----

// Weights within 7 bits: their products with bytes do not saturate, so bytes they stay.

// PAIRS-LABEL: @narrow
// PAIRS:       qnn.matmul{{.*}} : (tensor<4x64xui8>, tensor<64x16xi8>
// FOURS-LABEL: @narrow
// FOURS:       qnn.matmul{{.*}} : (tensor<4x64xui8>, tensor<64x16xi8>
func.func @narrow(%x: tensor<4x64xui8>) -> tensor<4x16xi32> {
  %w = nn.constant #nn.weight<"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", tensor<64x16xi8>>
  %z = nn.constant dense<3> : tensor<ui8>
  %zw = nn.constant dense<0> : tensor<i8>
  %c = qnn.matmul(%x, %w, %z, %zw) {qnn.weights_within = [-64, 64]}
    : (tensor<4x64xui8>, tensor<64x16xi8>, tensor<ui8>, tensor<i8>) -> tensor<4x16xi32>
  func.return %c : tensor<4x16xi32>
}

// -----

// An argument stays what it is: a copy in 16 bits, without the zero point.

// PAIRS-LABEL: @argument
// PAIRS-SAME:  (%[[X:.*]]: tensor<64x64xui8>)
// PAIRS-NEXT:  nn.constant
// PAIRS:       %[[C:.*]] = nn.cast(%[[X]]) : (tensor<64x64xui8>) -> tensor<64x64xi16>
// PAIRS:       %[[S:.*]] = nn.elementwise sub(%[[C]], %{{.*}})
// PAIRS:       qnn.matmul(%[[S]], {{.*}} : (tensor<64x64xi16>, tensor<64x16xi16>, tensor<i16>, tensor<i16>)
// FOURS-LABEL: @argument
// FOURS:       qnn.matmul{{.*}} : (tensor<64x64xui8>, tensor<64x16xi8>
func.func @argument(%x: tensor<64x64xui8>) -> tensor<64x16xi32> {
  %w = nn.constant #nn.weight<"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", tensor<64x16xi8>>
  %z = nn.constant dense<3> : tensor<ui8>
  %zw = nn.constant dense<0> : tensor<i8>
  %c = qnn.matmul(%x, %w, %z, %zw) : (tensor<64x64xui8>, tensor<64x16xi8>, tensor<ui8>, tensor<i8>) -> tensor<64x16xi32>
  func.return %c : tensor<64x16xi32>
}

// -----

// Unsigned weights around 128 are signed ones without their zero point, if their values say so; else they have
// 16 bits.

// FOURS-LABEL: @unsigned_weights
// FOURS:       nn.elementwise sub
// FOURS:       nn.cast{{.*}} -> tensor<64x16xi8>
// FOURS:       qnn.matmul{{.*}} : (tensor<64x64xui8>, tensor<64x16xi8>
// FOURS:       qnn.matmul{{.*}} : (tensor<64x64xi16>, tensor<64x16xi16>
func.func @unsigned_weights(%x: tensor<64x64xui8>) -> (tensor<64x16xi32>, tensor<64x16xi32>) {
  %w = nn.constant #nn.weight<"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", tensor<64x16xui8>>
  %z = nn.constant dense<3> : tensor<ui8>
  %zw = nn.constant dense<128> : tensor<ui8>
  %far = nn.constant dense<20> : tensor<ui8>
  %c = qnn.matmul(%x, %w, %z, %zw) : (tensor<64x64xui8>, tensor<64x16xui8>, tensor<ui8>, tensor<ui8>) -> tensor<64x16xi32>
  %d = qnn.matmul(%x, %w, %z, %far) : (tensor<64x64xui8>, tensor<64x16xui8>, tensor<ui8>, tensor<ui8>) -> tensor<64x16xi32>
  func.return %c, %d : tensor<64x16xi32>, tensor<64x16xi32>
}

// -----

// Two operands of the run time.

// FOURS-LABEL: @attention
// FOURS:       qnn.quantize{{.*}} -> tensor<20x32xui8>
// FOURS:       qnn.quantize{{.*}} range [-128, 127] {{.*}} -> tensor<32x20xi8>
// FOURS:       qnn.matmul{{.*}} : (tensor<20x32xui8>, tensor<32x20xi8>, tensor<ui8>, tensor<i8>)
// PAIRS-LABEL: @attention
// PAIRS:       qnn.matmul{{.*}} : (tensor<20x32xi16>, tensor<32x20xi16>, tensor<i16>, tensor<i16>)
func.func @attention(%x: tensor<20x32xf32>, %y: tensor<32x20xf32>) -> tensor<20x20xi32> {
  %s = nn.constant dense<5.0e-01> : tensor<f32>
  %z = nn.constant dense<3> : tensor<ui8>
  %a = qnn.quantize(%x, %s, %z) axis 1 block 0 rounding half_even nan lowest range [0, 255]
    : (tensor<20x32xf32>, tensor<f32>, tensor<ui8>) -> tensor<20x32xui8>
  %b = qnn.quantize(%y, %s, %z) axis 1 block 0 rounding half_even nan lowest range [0, 255]
    : (tensor<32x20xf32>, tensor<f32>, tensor<ui8>) -> tensor<32x20xui8>
  %c = qnn.matmul(%a, %b, %z, %z) : (tensor<20x32xui8>, tensor<32x20xui8>, tensor<ui8>, tensor<ui8>) -> tensor<20x20xi32>
  func.return %c : tensor<20x20xi32>
}

// -----

// Parts of a concat are requantized, where they have other parameters.

// FOURS-LABEL: @concat
// FOURS-SAME:  (%[[X:.*]]: tensor<1x2x4xui8>, %[[Y:.*]]: tensor<1x2x4xui8>)
// FOURS:       %[[R:.*]] = qnn.requantize(%[[Y]]
// FOURS:       nn.concat(%[[X]], %[[R]]) axis 1
func.func @concat(%x: tensor<1x2x4xui8>, %y: tensor<1x2x4xui8>) -> tensor<1x4x4xui8> {
  %s = nn.constant dense<5.0e-01> : tensor<f32>
  %t = nn.constant dense<2.5e-01> : tensor<f32>
  %z = nn.constant dense<3> : tensor<ui8>
  %c = qnn.concat(%x, %y, %s, %t, %z, %z, %s, %z) axis 1 rounding half_even arithmetic f32
    : (tensor<1x2x4xui8>, tensor<1x2x4xui8>, tensor<f32>, tensor<f32>, tensor<ui8>, tensor<ui8>, tensor<f32>, tensor<ui8>) -> tensor<1x4x4xui8>
  func.return %c : tensor<1x4x4xui8>
}

// -----

// The taps of a depthwise convolution lie apart in memory: unless one instruction sums their products, weights are widened.
// Signed bytes have none here.

// PAIRS-LABEL: @taps
// PAIRS:       qnn.conv{{.*}} groups 8 {qnn.widened} : {{.*}}tensor<8x1x3x3xi8>, tensor<ui8>
// PAIRS:       qnn.conv{{.*}} groups 8 {qnn.widened} : {{.*}}tensor<8x1x3x3xi8>, tensor<i8>
// FOURS-LABEL: @taps
// FOURS-NOT:   qnn.widened
// FOURS:       qnn.conv{{.*}}tensor<8x1x3x3xi8>, tensor<ui8>
// FOURS:       qnn.conv{{.*}} groups 8 {qnn.widened} : {{.*}}tensor<8x1x3x3xi8>, tensor<i8>
func.func @taps(%x: tensor<1x8x6x6xui8>, %s: tensor<1x8x6x6xi8>) -> (tensor<1x8x4x4xi32>, tensor<1x8x4x4xi32>) {
  %w = nn.constant #nn.weight<"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", tensor<8x1x3x3xi8>>
  %z = nn.constant dense<3> : tensor<ui8>
  %zs = nn.constant dense<3> : tensor<i8>
  %zw = nn.constant dense<0> : tensor<i8>
  %c = qnn.conv(%x, %w, %z, %zw) strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 8
    : (tensor<1x8x6x6xui8>, tensor<8x1x3x3xi8>, tensor<ui8>, tensor<i8>) -> tensor<1x8x4x4xi32>
  %d = qnn.conv(%s, %w, %zs, %zw) strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 8
    : (tensor<1x8x6x6xi8>, tensor<8x1x3x3xi8>, tensor<i8>, tensor<i8>) -> tensor<1x8x4x4xi32>
  func.return %c, %d : tensor<1x8x4x4xi32>, tensor<1x8x4x4xi32>
}
