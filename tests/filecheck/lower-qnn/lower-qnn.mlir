// RUN: tenon-opt %s -p lower-qnn,cse --split-input-file --check-semantics | filecheck %s
// RUN: tenon-opt %s -p lower-qnn,lower-nn --split-input-file -o /dev/null

// What is made of the scale and the zero point is compile-time. NaN fails both comparisons.
// CHECK-LABEL: func.func @quantize
// CHECK: %[[ZERO:.*]] = nn.cast(%zp) : (tensor<ui8>) -> tensor<f32>
// CHECK: %[[LOW:.*]] = nn.elementwise sub(%{{.*}}, %[[ZERO]])
// CHECK: %[[HIGH:.*]] = nn.elementwise sub(%{{.*}}, %[[ZERO]])
// CHECK: %[[WHOLE:.*]] = nn.cast(%zp) : (tensor<ui8>) -> tensor<i32>
// CHECK: linalg.generic {{.*}} ins(%x, %s, %[[LOW]], %[[HIGH]], %[[WHOLE]] :
// CHECK: %[[Y:.*]] = arith.divf
// CHECK: %[[ABOVE:.*]] = arith.cmpf ogt, %[[Y]],
// CHECK: %[[CLAMPED:.*]] = arith.select %[[ABOVE]], %[[Y]],
// CHECK: arith.cmpf olt, %[[CLAMPED]],
// CHECK: math.roundeven
// CHECK-NEXT: arith.fptosi {{.*}} : f32 to i32
// CHECK-NEXT: arith.addi
// CHECK-NEXT: llvm.trunc {{.*}} overflow<nuw> : i32 to i8
func.func @quantize(%x : tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xui8> {
  %s = nn.constant dense<0.1> : tensor<f32>
  %zp = nn.constant dense<3> : tensor<ui8>
  %y = qnn.quantize(%x, %s, %zp) axis 1 block 0 rounding half_even nan lowest range [0, 255] : (tensor<1x4x8x8xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x4x8x8xui8>
  func.return %y : tensor<1x4x8x8xui8>
}

// -----

// A zero point of 0 is not there. One scale a channel, read along its loop; blocks are a dimension.
// CHECK-LABEL: func.func @dequantize
// CHECK: affine_map<(d0, d1, d2, d3) -> (d1)>
// CHECK: arith.extsi {{.*}} : i8 to i32
// CHECK-NEXT: arith.sitofp {{.*}} : i32 to f32
// CHECK-NEXT: arith.mulf
// CHECK-NEXT: linalg.yield
// CHECK: nn.reshape(%m) : (tensor<2x6xi8>) -> tensor<2x2x3xi8>
// CHECK: affine_map<(d0, d1, d2) -> (d0, d1, 0)>
// CHECK: arith.subf
func.func @dequantize(%x : tensor<1x4x8x8xi8>, %m : tensor<2x6xi8>, %b : tensor<2x2xi8>) -> (tensor<1x4x8x8xf32>, tensor<2x6xf32>) {
  %s = nn.constant dense<[0.1, 0.2, 0.3, 0.4]> : tensor<4xf32>
  %t = nn.constant dense<[[0.1, 0.2], [0.3, 0.4]]> : tensor<2x2xf32>
  %zp = nn.constant dense<0> : tensor<i8>
  %y = qnn.dequantize(%x, %s, %zp) axis 1 block 0 : (tensor<1x4x8x8xi8>, tensor<4xf32>, tensor<i8>) -> tensor<1x4x8x8xf32>
  %z = qnn.dequantize(%m, %t, %b) axis 1 block 3 : (tensor<2x6xi8>, tensor<2x2xf32>, tensor<2x2xi8>) -> tensor<2x6xf32>
  func.return %y, %z : tensor<1x4x8x8xf32>, tensor<2x6xf32>
}

// -----

// CHECK-LABEL: func.func @exact
// CHECK: nn.elementwise div({{.*}}) : (tensor<4xf64>, tensor<f64>) -> tensor<4xf64>
// CHECK: nn.bitcast
// CHECK: linalg.generic
// CHECK: arith.muli {{.*}} : i64
// CHECK: arith.shrsi
// CHECK: llvm.trunc {{.*}} overflow<nuw> : i64 to i8
func.func @exact(%x : tensor<1x4x8x8xi32>, %zp : tensor<ui8>) -> tensor<1x4x8x8xui8> {
  %s = nn.constant dense<[0.1, 0.2, 0.3, 0.4]> : tensor<4xf32>
  %t = nn.constant dense<800.0> : tensor<f32>
  %zero = nn.constant dense<0> : tensor<i32>
  %y = qnn.requantize(%x, %s, %zero, %t, %zp) axis 1 rounding half_even arithmetic exact range [0, 255] : (tensor<1x4x8x8xi32>, tensor<4xf32>, tensor<i32>, tensor<f32>, tensor<ui8>) -> tensor<1x4x8x8xui8>
  func.return %y : tensor<1x4x8x8xui8>
}

// -----

// Scales of the run time: nn ops that lower-nn turns into kernels. The interpreter's scales are any numbers.
// CHECK-LABEL: func.func @runtime
// CHECK: nn.elementwise div(%{{.*}}, %{{.*}}) : (tensor<f32>, tensor<f32>) -> tensor<f32>
// CHECK: linalg.generic
func.func @runtime(%x : tensor<1x4x8x8xi8>, %r : tensor<f32>, %zp : tensor<i8>) -> tensor<1x4x8x8xi8> {
  %0 = nn.elementwise exp(%r) : (tensor<f32>) -> tensor<f32>
  %y = qnn.requantize(%x, %0, %zp, %0, %zp) axis 1 rounding upward arithmetic f32 range [-5, 100] : (tensor<1x4x8x8xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<1x4x8x8xi8>
  func.return %y : tensor<1x4x8x8xi8>
}

// -----

// CHECK-LABEL: func.func @table
// CHECK: %[[BYTES:.*]] = nn.cast({{.*}}) : (tensor<256xi64>) -> tensor<256xi8>
// CHECK: %[[TABLE:.*]] = qnn.elementwise sigmoid(%[[BYTES]], {{.*}} -> tensor<256xui8>
// CHECK: linalg.generic
// CHECK: arith.extui {{.*}} : i8 to i64
// CHECK: tensor.extract %[[TABLE]]
func.func @table(%x : tensor<4x8xi8>) -> tensor<4x8xui8> {
  %s = nn.constant dense<0.05> : tensor<f32>
  %t = nn.constant dense<0.00390625> : tensor<f32>
  %i = nn.constant dense<-3> : tensor<i8>
  %u = nn.constant dense<0> : tensor<ui8>
  %y = qnn.elementwise sigmoid(%x, %s, %i, %t, %u) rounding half_even nan lowest range [0, 255] : (tensor<4x8xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<ui8>) -> tensor<4x8xui8>
  func.return %y : tensor<4x8xui8>
}

// -----

// The second operand has the parameters of the result.
// CHECK-LABEL: func.func @concat
// CHECK: %[[A:.*]] = linalg.generic
// CHECK-NOT: linalg.generic
// CHECK: nn.concat(%[[A]], %b) axis 0
func.func @concat(%a : tensor<4x8xi8>, %b : tensor<2x8xi8>) -> tensor<6x8xi8> {
  %s = nn.constant dense<0.05> : tensor<f32>
  %t = nn.constant dense<0.1> : tensor<f32>
  %u = nn.constant dense<0.1> : tensor<f32>
  %i = nn.constant dense<-3> : tensor<i8>
  %y = qnn.concat(%a, %b, %s, %t, %i, %i, %u, %i) axis 0 rounding half_even arithmetic f32 : (tensor<4x8xi8>, tensor<2x8xi8>, tensor<f32>, tensor<f32>, tensor<i8>, tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<6x8xi8>
  func.return %y : tensor<6x8xi8>
}

// -----

// Sums in i32 of the elements as they are; the zero points of the elements inside go afterwards.
// CHECK-LABEL: func.func @means
// CHECK: linalg.generic
// CHECK: arith.extui {{.*}} : ui8 to i32
// CHECK: nn.elementwise mul({{.*}}) : (tensor<i32>, tensor<4x4xi32>)
// CHECK: arith.subi {{.*}} : i32
// CHECK: arith.sitofp
func.func @means(%x : tensor<1x2x8x8xui8>) -> (tensor<1x2x4x4xui8>, tensor<1x2xui8>) {
  %s = nn.constant dense<0.05> : tensor<f32>
  %t = nn.constant dense<0.1> : tensor<f32>
  %i = nn.constant dense<7> : tensor<ui8>
  %y = qnn.pool average(%x, %s, %i, %t, %i) kernel [3, 3] strides [2, 2] pads [1, 1, 1, 1] dilations [1, 1] ceil_mode false count_include_pad false rounding half_even range [0, 255] : (tensor<1x2x8x8xui8>, tensor<f32>, tensor<ui8>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xui8>
  %z = qnn.reduce mean(%x, %s, %i, %t, %i) axes [2, 3] keepdims false rounding away range [0, 255] : (tensor<1x2x8x8xui8>, tensor<f32>, tensor<ui8>, tensor<f32>, tensor<ui8>) -> tensor<1x2xui8>
  func.return %y, %z : tensor<1x2x4x4xui8>, tensor<1x2xui8>
}

// -----

// CHECK-LABEL: func.func @others
// CHECK-NOT: qnn.
func.func @others(%x : tensor<2x8xi8>, %y : tensor<2x8xui8>, %f : tensor<2x8xf32>, %code : tensor<i32>) -> (tensor<2x8xi8>, tensor<2x8xi8>, tensor<2x8xi8>, tensor<2x8xi8>, tensor<2x8xui8>, tensor<2x8xf32>, tensor<2x8xf32>) {
  %s = nn.constant dense<0.05> : tensor<f32>
  %t = nn.constant dense<0.1> : tensor<f32>
  %i = nn.constant dense<7> : tensor<i8>
  %u = nn.constant dense<9> : tensor<ui8>
  %w = nn.constant dense<5> : tensor<i32>
  %0 = qnn.add(%x, %y, %s, %i, %t, %u, %t, %i) rounding half_even arithmetic f32 range [-128, 127] : (tensor<2x8xi8>, tensor<2x8xui8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<ui8>, tensor<f32>, tensor<i8>) -> tensor<2x8xi8>
  %1 = qnn.subtract(%x, %y, %s, %i, %t, %u, %t, %i) rounding half_even arithmetic exact range [-128, 127] : (tensor<2x8xi8>, tensor<2x8xui8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<ui8>, tensor<f32>, tensor<i8>) -> tensor<2x8xi8>
  %2 = qnn.mul(%x, %y, %s, %i, %t, %u, %t, %i) rounding half_even arithmetic exact range [-128, 127] : (tensor<2x8xi8>, tensor<2x8xui8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<ui8>, tensor<f32>, tensor<i8>) -> tensor<2x8xi8>
  %3 = qnn.leaky_relu(%x, %s, %i, %t, %i) alpha 0.1 rounding half_even arithmetic exact range [-128, 127] : (tensor<2x8xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<2x8xi8>
  %4 = qnn.softmax(%x, %s, %i, %t, %u) axis 1 rounding half_even : (tensor<2x8xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<ui8>) -> tensor<2x8xui8>
  %5 = qnn.simulated_quantize(%f, %s, %w, %code) axis 1 : (tensor<2x8xf32>, tensor<f32>, tensor<i32>, tensor<i32>) -> tensor<2x8xf32>
  %6 = qnn.simulated_dequantize(%f, %s, %w, %code) axis 1 : (tensor<2x8xf32>, tensor<f32>, tensor<i32>, tensor<i32>) -> tensor<2x8xf32>
  func.return %0, %1, %2, %3, %4, %5, %6 : tensor<2x8xi8>, tensor<2x8xi8>, tensor<2x8xi8>, tensor<2x8xi8>, tensor<2x8xui8>, tensor<2x8xf32>, tensor<2x8xf32>
}

// -----

// What is known at compile time stays.
// CHECK-LABEL: func.func @compile_time
// CHECK: qnn.dequantize
func.func @compile_time() -> tensor<2xf32> {
  %x = nn.constant dense<[1, 2]> : tensor<2xi8>
  %s = nn.constant dense<0.05> : tensor<f32>
  %i = nn.constant dense<7> : tensor<i8>
  %0 = qnn.dequantize(%x, %s, %i) axis 0 block 0 : (tensor<2xi8>, tensor<f32>, tensor<i8>) -> tensor<2xf32>
  func.return %0 : tensor<2xf32>
}

// -----

// The zero points of rows are known at run time only: what they take from each sum is computed where the sum
// starts, in the loops of the kernel that adds up.
// CHECK-LABEL: func.func @zero_points_of_run_time
// CHECK: %[[z:.*]] = nn.cast(%{{.*}}) : (tensor<6x1xui8>) -> tensor<6x1xi32>
// CHECK: %[[t:.*]] = nn.reduce sum(%{{.*}}) axes [0] keepdims true : (tensor<4x3xi32>) -> tensor<1x3xi32>
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel"]} ins({{.*}} : tensor<6x1xi32>, tensor<1x3xi32>)
// CHECK: %[[p:.*]] = arith.muli %{{.*}}, %{{.*}} : i32
// CHECK-NEXT: arith.subi %{{.*}}, %[[p]] : i32
// CHECK-NEXT: linalg.yield
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "reduction"]}
func.func @zero_points_of_run_time(%x : tensor<6x4xui8>, %zx : tensor<6xui8>) -> tensor<6x3xi32> {
  %w = nn.constant dense<[[1, 2, 3], [4, 5, 6], [7, 8, 9], [-1, -2, -3]]> : tensor<4x3xi8>
  %zw = nn.constant dense<0> : tensor<i8>
  %0 = qnn.matmul(%x, %w, %zx, %zw) : (tensor<6x4xui8>, tensor<4x3xi8>, tensor<6xui8>, tensor<i8>) -> tensor<6x3xi32>
  func.return %0 : tensor<6x3xi32>
}

// -----

// What cannot leave i32 is clamped as an integer; these scales stand in the IR.
// CHECK-LABEL: func.func @bounded
// CHECK-NOT: arith.cmpf
// CHECK: arith.fptosi
// CHECK-NEXT: arith.addi
// CHECK-NEXT: arith.constant 0 : i32
// CHECK-NEXT: arith.constant 255 : i32
// CHECK-NEXT: arith.maxsi
// CHECK-NEXT: arith.minsi
// CHECK-NEXT: llvm.trunc {{.*}} overflow<nuw>
// The second ones are larger.
// CHECK: arith.cmpf
func.func @bounded(%x : tensor<4x8xui8>, %y : tensor<4x8xi32>) -> (tensor<4x8xui8>, tensor<4x8xui8>) {
  %s = nn.constant dense<0.05> : tensor<f32>
  %t = nn.constant dense<0.1> : tensor<f32>
  %u = nn.constant dense<7> : tensor<ui8>
  %w = nn.constant dense<0> : tensor<i32>
  %0 = qnn.requantize(%x, %s, %u, %t, %u) axis 1 rounding half_even arithmetic f32 range [0, 255] : (tensor<4x8xui8>, tensor<f32>, tensor<ui8>, tensor<f32>, tensor<ui8>) -> tensor<4x8xui8>
  %1 = qnn.requantize(%y, %s, %w, %t, %u) axis 1 rounding half_even arithmetic f32 range [0, 255] : (tensor<4x8xi32>, tensor<f32>, tensor<i32>, tensor<f32>, tensor<ui8>) -> tensor<4x8xui8>
  func.return %0, %1 : tensor<4x8xui8>, tensor<4x8xui8>
}
