// RUN: tenon-opt %s -p quantize-dynamic{to=int8} | filecheck %s
// RUN: tenon-opt %s -p quantize-dynamic{to=none} | filecheck %s --check-prefix NONE

// Weights are symmetric, with a scale a column; rows have a scale and a zero point each, and 0 in their range.
// CHECK-LABEL: func.func @batched
// CHECK: %[[m:.*]] = nn.reshape(%x) : (tensor<2x3x64xf32>) -> tensor<6x64xf32>
// CHECK: %[[l:.*]] = nn.reduce min(%[[m]]) axes [1] keepdims false : (tensor<6x64xf32>) -> tensor<6xf32>
// CHECK-NEXT: %[[low:.*]] = nn.elementwise min(%[[l]], %[[zero:.*]]) :
// CHECK: %[[h:.*]] = nn.reduce max(%[[m]]) axes [1] keepdims false : (tensor<6x64xf32>) -> tensor<6xf32>
// CHECK-NEXT: %[[high:.*]] = nn.elementwise max(%[[h]], %[[zero]]) :
// CHECK-NEXT: %[[span:.*]] = nn.elementwise sub(%[[high]], %[[low]])
// CHECK: %[[s:.*]] = nn.elementwise max(
// CHECK: %[[n:.*]] = nn.elementwise neg(%[[low]])
// CHECK-NEXT: %[[z:.*]] = qnn.quantize(%[[n]], %[[s]], %{{.*}}) axis 0
// CHECK-SAME: -> tensor<6xui8>
// CHECK-NEXT: %[[q:.*]] = qnn.quantize(%[[m]], %[[s]], %[[z]]) axis 0
// CHECK-SAME: -> tensor<6x64xui8>
// CHECK: nn.reduce max({{.*}}) axes [0] keepdims false : (tensor<64x32xf32>) -> tensor<32xf32>
// CHECK: %[[w:.*]] = qnn.quantize(%w, %[[sw:.*]], %{{.*}}) axis 1 block 0 rounding half_even nan lowest range [-127, 127]
// CHECK: %[[c:.*]] = qnn.matmul(%[[q]], %[[w]], %[[z]], %{{.*}}) : (tensor<6x64xui8>, tensor<64x32xi8>, tensor<6xui8>, tensor<i8>) -> tensor<6x32xi32>
// CHECK: %[[d:.*]] = qnn.dequantize(%[[c]], %[[sw]], %{{.*}}) axis 1
// CHECK-NEXT: %[[r:.*]] = nn.reshape(%[[s]]) : (tensor<6xf32>) -> tensor<6x1xf32>
// CHECK-NEXT: %[[y:.*]] = nn.elementwise mul(%[[d]], %[[r]])
// CHECK-NEXT: nn.reshape(%[[y]]) : (tensor<6x32xf32>) -> tensor<2x3x32xf32>
// NONE: nn.matmul
func.func @batched(%x : tensor<2x3x64xf32>) -> tensor<2x3x32xf32> {
  %w = nn.constant #nn.weight<"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", tensor<64x32xf32>>
  %0 = nn.matmul(%x, %w) : (tensor<2x3x64xf32>, tensor<64x32xf32>) -> tensor<2x3x32xf32>
  func.return %0 : tensor<2x3x32xf32>
}

// A product of two activations, and a small one.
// CHECK-LABEL: func.func @others
// CHECK-NOT: qnn
// CHECK: nn.matmul
// CHECK: nn.matmul
// CHECK-NOT: qnn
func.func @others(%x : tensor<32x64xf32>, %y : tensor<64x32xf32>) -> (tensor<32x32xf32>, tensor<32x16xf32>) {
  %w = nn.constant #nn.weight<"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", tensor<64x16xf32>>
  %0 = nn.matmul(%x, %y) : (tensor<32x64xf32>, tensor<64x32xf32>) -> tensor<32x32xf32>
  %1 = nn.matmul(%x, %w) : (tensor<32x64xf32>, tensor<64x16xf32>) -> tensor<32x16xf32>
  func.return %0, %1 : tensor<32x32xf32>, tensor<32x16xf32>
}
