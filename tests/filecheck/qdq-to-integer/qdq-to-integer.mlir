// RUN: tenon-opt %s -p qdq-to-integer --split-input-file | filecheck %s
// RUN: tenon-opt %s -p qdq-to-integer --split-input-file --check-semantics -o /dev/null

// The relu is the low end of the range; the float bias gets the scale of the products.
// CHECK-LABEL: func.func @conv_relu
// CHECK: %[[s:.*]] = nn.elementwise mul(%s, %sw) : (tensor<f32>, tensor<3xf32>) -> tensor<3xf32>
// CHECK: %[[b:.*]] = qnn.quantize(%b, %[[s]], %[[z:.*]]) axis 0
// CHECK-SAME: -> tensor<3xi32>
// CHECK-NEXT: %[[c:.*]] = qnn.conv(%x, %w, %z, %zw, %[[b]]) strides [1, 1]
// CHECK: %[[q:.*]] = qnn.requantize(%[[c]], %[[s]], %{{.*}}, %so, %zo) axis 1 rounding half_even arithmetic f32 range [7, 255]
// CHECK-NEXT: func.return %[[q]]
func.func @conv_relu(%x : tensor<1x2x4x4xui8>) -> tensor<1x3x4x4xui8> {
  %w = nn.constant #nn.weight<"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", tensor<3x2x3x3xi8>>
  %sw = nn.constant dense<[0.01, 0.02, 0.03]> : tensor<3xf32>
  %zw = nn.constant dense<0> : tensor<i8>
  %s = nn.constant dense<0.05> : tensor<f32>
  %z = nn.constant dense<3> : tensor<ui8>
  %so = nn.constant dense<0.9> : tensor<f32>
  %zo = nn.constant dense<7> : tensor<ui8>
  %b = nn.constant dense<[0.5, 1.5, -3.5]> : tensor<3xf32>
  %0 = qnn.dequantize(%x, %s, %z) axis 1 block 0 : (tensor<1x2x4x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xf32>
  %1 = qnn.dequantize(%w, %sw, %zw) axis 0 block 0 : (tensor<3x2x3x3xi8>, tensor<3xf32>, tensor<i8>) -> tensor<3x2x3x3xf32>
  %2 = nn.conv(%0, %1, %b) strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1 : (tensor<1x2x4x4xf32>, tensor<3x2x3x3xf32>, tensor<3xf32>) -> tensor<1x3x4x4xf32> loc("conv")
  %3 = nn.elementwise relu(%2) : (tensor<1x3x4x4xf32>) -> tensor<1x3x4x4xf32> loc("relu")
  %4 = qnn.quantize(%3, %so, %zo) axis 1 block 0 rounding half_even nan lowest range [0, 255] : (tensor<1x3x4x4xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x3x4x4xui8> loc("q")
  func.return %4 : tensor<1x3x4x4xui8>
}

// -----

// A chain of functions of one tensor is a table, read at the bits of its bytes.
// CHECK-LABEL: func.func @swish
// CHECK: %[[i:.*]] = nn.iota() : () -> tensor<256xi64>
// CHECK-NEXT: %[[u:.*]] = nn.cast(%[[i]]) : (tensor<256xi64>) -> tensor<256xui8>
// CHECK-NEXT: %[[c:.*]] = nn.bitcast(%[[u]]) : (tensor<256xui8>) -> tensor<256xi8>
// CHECK-NEXT: %[[x:.*]] = qnn.dequantize(%[[c]], %s, %z)
// CHECK-NEXT: %[[f:.*]] = nn.elementwise sigmoid(%[[x]]) : (tensor<256xf32>) -> tensor<256xf32>
// CHECK-NEXT: %[[g:.*]] = nn.elementwise mul(%[[x]], %[[f]]) : (tensor<256xf32>, tensor<256xf32>) -> tensor<256xf32>
// CHECK-NEXT: %[[t:.*]] = qnn.quantize(%[[g]], %s, %z)
// CHECK-NEXT: %[[y:.*]] = nn.gather(%[[t]], %x) axis 0 batch 0 : (tensor<256xi8>, tensor<3x5xi8>) -> tensor<3x5xi8>
// CHECK-NEXT: func.return %[[y]]
func.func @swish(%x : tensor<3x5xi8>) -> tensor<3x5xi8> {
  %s = nn.constant dense<0.05> : tensor<f32>
  %z = nn.constant dense<-3> : tensor<i8>
  %0 = qnn.dequantize(%x, %s, %z) axis 1 block 0 : (tensor<3x5xi8>, tensor<f32>, tensor<i8>) -> tensor<3x5xf32>
  %1 = nn.elementwise sigmoid(%0) : (tensor<3x5xf32>) -> tensor<3x5xf32>
  %2 = nn.elementwise mul(%0, %1) : (tensor<3x5xf32>, tensor<3x5xf32>) -> tensor<3x5xf32> loc("swish")
  %3 = qnn.quantize(%2, %s, %z) axis 1 block 0 rounding half_even nan lowest range [-128, 127] : (tensor<3x5xf32>, tensor<f32>, tensor<i8>) -> tensor<3x5xi8> loc("q")
  func.return %3 : tensor<3x5xi8>
}

// -----

// Bounds behind the integers narrow their range.
// CHECK-LABEL: func.func @bounded
// CHECK: %[[q:.*]] = qnn.quantize(%x, %s, %z) axis 1 block 0 rounding half_even nan lowest range [0, 127]
// CHECK-NEXT: func.return %[[q]]
func.func @bounded(%x : tensor<3x5xf32>) -> tensor<3x5xui8> {
  %s = nn.constant dense<0.05> : tensor<f32>
  %z = nn.constant dense<3> : tensor<ui8>
  %low = nn.constant dense<0> : tensor<ui8>
  %high = nn.constant dense<127> : tensor<ui8>
  %0 = qnn.quantize(%x, %s, %z) axis 1 block 0 rounding half_even nan lowest range [0, 255] : (tensor<3x5xf32>, tensor<f32>, tensor<ui8>) -> tensor<3x5xui8>
  %1 = nn.elementwise clip(%0, %low, %high) : (tensor<3x5xui8>, tensor<ui8>, tensor<ui8>) -> tensor<3x5xui8> loc("q")
  func.return %1 : tensor<3x5xui8>
}

// -----

// What stays float says why, and so does the module.
// CHECK: qnn.stays_float = [{node = "scores", op = "nn.softmax", reason = "its result is not quantized"}]
// CHECK-LABEL: func.func @head
// CHECK: %[[c:.*]] = qnn.matmul(%x, %w, %z, %zw)
// CHECK: %[[d:.*]] = qnn.dequantize(%[[c]], %{{.*}}, %{{.*}}) axis 1
// CHECK-NEXT: nn.softmax(%[[d]]) axis 1 log false {qnn.stays_float = "its result is not quantized"}
func.func @head(%x : tensor<2x4xui8>) -> tensor<2x3xf32> {
  %w = nn.constant dense<[[1, 2, 3], [4, 5, 6], [7, 8, 9], [-1, -2, -3]]> : tensor<4x3xi8>
  %s = nn.constant dense<0.05> : tensor<f32>
  %z = nn.constant dense<3> : tensor<ui8>
  %zw = nn.constant dense<0> : tensor<i8>
  %0 = qnn.dequantize(%x, %s, %z) axis 1 block 0 : (tensor<2x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<2x4xf32>
  %1 = qnn.dequantize(%w, %s, %zw) axis 1 block 0 : (tensor<4x3xi8>, tensor<f32>, tensor<i8>) -> tensor<4x3xf32>
  %2 = nn.matmul(%0, %1) : (tensor<2x4xf32>, tensor<4x3xf32>) -> tensor<2x3xf32> loc("product")
  %3 = nn.softmax(%2) axis 1 log false : (tensor<2x3xf32>) -> tensor<2x3xf32> loc("scores")
  func.return %3 : tensor<2x3xf32>
}
