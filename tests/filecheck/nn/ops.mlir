// RUN: tenon-opt %s | tenon-opt | filecheck %s

// CHECK-LABEL: func.func @constants
func.func @constants() -> (tensor<f32>, tensor<3xi64>, tensor<64x3x7x7xf32>) {
  // CHECK: nn.constant dense<5.000000e-01> : tensor<f32>
  %0 = nn.constant dense<0.5> : tensor<f32>
  // CHECK: nn.constant dense<[1, 2, 3]> : tensor<3xi64>
  %1 = nn.constant dense<[1, 2, 3]> : tensor<3xi64>
  // CHECK: nn.constant #nn.weight<"{{[0-9a-f]+}}", tensor<64x3x7x7xf32>>
  %2 = nn.constant #nn.weight<"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", tensor<64x3x7x7xf32>>
  func.return %0, %1, %2 : tensor<f32>, tensor<3xi64>, tensor<64x3x7x7xf32>
}

// CHECK-LABEL: func.func @compute
func.func @compute(%x : tensor<1x4x8x8xf32>, %w : tensor<6x2x3x3xf32>, %b : tensor<6xf32>, %m : tensor<8x5xf32>, %t : tensor<4x2x3x3xf32>) {
  // CHECK: nn.conv(%x, %w, %b) strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 2 : (tensor<1x4x8x8xf32>, tensor<6x2x3x3xf32>, tensor<6xf32>) -> tensor<1x6x8x8xf32>
  %0 = nn.conv(%x, %w, %b) strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 2 : (tensor<1x4x8x8xf32>, tensor<6x2x3x3xf32>, tensor<6xf32>) -> tensor<1x6x8x8xf32>
  // CHECK: nn.conv({{.*}}) strides [2, 2]
  %1 = nn.conv(%x, %w) strides [2, 2] pads [0, 0, 0, 0] dilations [1, 1] groups 2 : (tensor<1x4x8x8xf32>, tensor<6x2x3x3xf32>) -> tensor<1x6x3x3xf32>
  // CHECK: nn.conv_transpose(%x, %t) strides [2, 2] pads [1, 0, 1, -1] dilations [1, 1] groups 1 : (tensor<1x4x8x8xf32>, tensor<4x2x3x3xf32>) -> tensor<1x2x15x18xf32>
  %9 = nn.conv_transpose(%x, %t) strides [2, 2] pads [1, 0, 1, -1] dilations [1, 1] groups 1 : (tensor<1x4x8x8xf32>, tensor<4x2x3x3xf32>) -> tensor<1x2x15x18xf32>
  // CHECK: nn.pool average({{.*}}) kernel [3, 3] strides [2, 2] pads [1, 1, 1, 1] dilations [1, 1] ceil_mode true count_include_pad false
  %2 = nn.pool average(%x) kernel [3, 3] strides [2, 2] pads [1, 1, 1, 1] dilations [1, 1] ceil_mode true count_include_pad false : (tensor<1x4x8x8xf32>) -> tensor<1x4x5x5xf32>
  // CHECK: nn.pool argmax({{.*}}) kernel [2, 2]
  %8 = nn.pool argmax(%x) kernel [2, 2] strides [2, 2] pads [0, 0, 0, 0] dilations [1, 1] ceil_mode false count_include_pad false : (tensor<1x4x8x8xf32>) -> tensor<1x4x4x4xi64>
  // CHECK: nn.matmul({{.*}}) : (tensor<1x4x8x8xf32>, tensor<8x5xf32>) -> tensor<1x4x8x5xf32>
  %3 = nn.matmul(%x, %m) : (tensor<1x4x8x8xf32>, tensor<8x5xf32>) -> tensor<1x4x8x5xf32>
  // CHECK: nn.reduce mean({{.*}}) axes [2, 3] keepdims true
  %4 = nn.reduce mean(%x) axes [2, 3] keepdims true : (tensor<1x4x8x8xf32>) -> tensor<1x4x1x1xf32>
  // CHECK: nn.softmax({{.*}}) axis 1 log false
  %5 = nn.softmax(%x) axis 1 log false : (tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  // CHECK: nn.elementwise add({{.*}}) {note = "residual"} : (tensor<1x4x8x8xf32>, tensor<1x4x1x1xf32>) -> tensor<1x4x8x8xf32>
  %6 = nn.elementwise add(%x, %4) {note = "residual"} : (tensor<1x4x8x8xf32>, tensor<1x4x1x1xf32>) -> tensor<1x4x8x8xf32>
  // CHECK: nn.cast({{.*}}) : (tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xi8>
  %7 = nn.cast(%x) : (tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xi8>
  func.return
}

// CHECK-LABEL: func.func @batch_norm
func.func @batch_norm(%x : tensor<1x4x8x8xf32>, %p : tensor<4xf32>) -> tensor<1x4x8x8xf32> {
  // CHECK: nn.batch_norm({{.*}}) epsilon 1.0e-05
  %0 = nn.batch_norm(%x, %p, %p, %p, %p) epsilon 1.0e-05 : (tensor<1x4x8x8xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<1x4x8x8xf32>
  func.return %0 : tensor<1x4x8x8xf32>
}

// CHECK-LABEL: func.func @normalize
func.func @normalize(%x : tensor<1x4x8x8xf32>, %p : tensor<4x1x1xf32>) {
  // CHECK: nn.normalize standard(%x, %p, %p) axes [1, 2, 3] groups 2 epsilon 1.0e-05 : (tensor<1x4x8x8xf32>, tensor<4x1x1xf32>, tensor<4x1x1xf32>) -> tensor<1x4x8x8xf32>
  %0 = nn.normalize standard(%x, %p, %p) axes [1, 2, 3] groups 2 epsilon 1.0e-05 : (tensor<1x4x8x8xf32>, tensor<4x1x1xf32>, tensor<4x1x1xf32>) -> tensor<1x4x8x8xf32>
  // CHECK: nn.normalize l2(%x) axes [3] groups 1 epsilon 0.0
  %1 = nn.normalize l2(%x) axes [3] groups 1 epsilon 0.0 : (tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  func.return
}

// CHECK-LABEL: func.func @resize
func.func @resize(%x : tensor<2x4xf32>) {
  // CHECK: nn.resize cubic(%x) sizes [2, 7] scales [1.0, 1.75] roi [0.0, -0.5, 1.0, 1.0] coordinates align_corners rounding floor cubic -0.5 exclude_outside true antialias false extrapolation 0.0 : (tensor<2x4xf32>) -> tensor<2x7xf32>
  %0 = nn.resize cubic(%x) sizes [2, 7] scales [1.0, 1.75] roi [0.0, -0.5, 1.0, 1.0] coordinates align_corners rounding floor cubic -0.5 exclude_outside true antialias false extrapolation 0.0 : (tensor<2x4xf32>) -> tensor<2x7xf32>
  func.return
}

// CHECK-LABEL: func.func @move
func.func @move(%x : tensor<2x3x4xf32>) {
  // CHECK: nn.reshape({{.*}}) : (tensor<2x3x4xf32>) -> tensor<6x4xf32>
  %0 = nn.reshape(%x) : (tensor<2x3x4xf32>) -> tensor<6x4xf32>
  // CHECK: nn.transpose({{.*}}) perm [2, 0, 1]
  %1 = nn.transpose(%x) perm [2, 0, 1] : (tensor<2x3x4xf32>) -> tensor<4x2x3xf32>
  // CHECK: nn.concat({{.*}}) axis 1
  %2 = nn.concat(%x, %x) axis 1 : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<2x6x4xf32>
  // CHECK: nn.slice({{.*}}) starts [0, 0, 1] sizes [2, 3, 2] strides [1, 1, 2]
  %3 = nn.slice(%x) starts [0, 0, 1] sizes [2, 3, 2] strides [1, 1, 2] : (tensor<2x3x4xf32>) -> tensor<2x3x2xf32>
  // CHECK: nn.pad({{.*}}) low [0, 0, 1] high [0, 0, 1] value -inf
  %4 = nn.pad(%x) low [0, 0, 1] high [0, 0, 1] value -inf : (tensor<2x3x4xf32>) -> tensor<2x3x6xf32>
  // CHECK: nn.broadcast({{.*}}) : (tensor<2x3x4xf32>) -> tensor<5x2x3x4xf32>
  %5 = nn.broadcast(%x) : (tensor<2x3x4xf32>) -> tensor<5x2x3x4xf32>
  func.return
}

// CHECK-LABEL: func.func @index
func.func @index(%x : tensor<2x3x4xf32>, %i : tensor<5xi64>, %j : tensor<2x3x1xi32>, %b : tensor<2x6xui8>) {
  // CHECK: nn.iota() : () -> tensor<7xi64>
  %0 = nn.iota() : () -> tensor<7xi64>
  // CHECK: nn.gather(%x, %i) axis 1 batch 0 : (tensor<2x3x4xf32>, tensor<5xi64>) -> tensor<2x5x4xf32>
  %1 = nn.gather(%x, %i) axis 1 batch 0 : (tensor<2x3x4xf32>, tensor<5xi64>) -> tensor<2x5x4xf32>
  // CHECK: nn.gather(%x, %b, %b) axis 1 batch 1
  %2 = nn.gather(%x, %b, %b) axis 1 batch 1 : (tensor<2x3x4xf32>, tensor<2x6xui8>, tensor<2x6xui8>) -> tensor<2x6xf32>
  // CHECK: nn.gather_elements(%x, %j) axis 2 : (tensor<2x3x4xf32>, tensor<2x3x1xi32>) -> tensor<2x3x1xf32>
  %3 = nn.gather_elements(%x, %j) axis 2 : (tensor<2x3x4xf32>, tensor<2x3x1xi32>) -> tensor<2x3x1xf32>
  func.return
}

// CHECK-LABEL: func.func @loop
func.func @loop(%xs : tensor<5x3xf32>, %h : tensor<3xf32>, %k : tensor<f32>) {
  // CHECK: %{{.*}}, %{{.*}} = nn.scan @step(%h, %xs, %k) carried 1 sliced 1 steps 5 reversed [0] {note = "x"} : (tensor<3xf32>, tensor<5x3xf32>, tensor<f32>) -> (tensor<3xf32>, tensor<5x3xf32>)
  %0, %1 = nn.scan @step(%h, %xs, %k) carried 1 sliced 1 steps 5 reversed [0] {note = "x"} : (tensor<3xf32>, tensor<5x3xf32>, tensor<f32>) -> (tensor<3xf32>, tensor<5x3xf32>)
  func.return
}
func.func private @step(%h : tensor<3xf32>, %x : tensor<3xf32>, %k : tensor<f32>) -> (tensor<3xf32>, tensor<3xf32>) {
  func.return %x, %h : tensor<3xf32>, tensor<3xf32>
}

// CHECK-LABEL: func.func @winograd
func.func @winograd(%x : tensor<1x5x9x7xf32>, %w : tensor<6x5x3x3xf32>, %b : tensor<6xf32>, %m : tensor<36x6x6xf32>) {
  // CHECK: nn.winograd_input(%x) tile 4 pads [1, 1, 1, 1] : (tensor<1x5x9x7xf32>) -> tensor<36x6x5xf32>
  %0 = nn.winograd_input(%x) tile 4 pads [1, 1, 1, 1] : (tensor<1x5x9x7xf32>) -> tensor<36x6x5xf32>
  // CHECK: nn.winograd_input(%x) tile 2 pads [0, 1, 2, 0] : (tensor<1x5x9x7xf32>) -> tensor<16x15x5xf32>
  %1 = nn.winograd_input(%x) tile 2 pads [0, 1, 2, 0] : (tensor<1x5x9x7xf32>) -> tensor<16x15x5xf32>
  // CHECK: nn.winograd_weights(%w) tile 4 : (tensor<6x5x3x3xf32>) -> tensor<36x5x6xf32>
  %2 = nn.winograd_weights(%w) tile 4 : (tensor<6x5x3x3xf32>) -> tensor<36x5x6xf32>
  // CHECK: nn.winograd_output(%m, %b) tile 4 extents [1, 9, 7] : (tensor<36x6x6xf32>, tensor<6xf32>) -> tensor<1x6x9x7xf32>
  %3 = nn.winograd_output(%m, %b) tile 4 extents [1, 9, 7] : (tensor<36x6x6xf32>, tensor<6xf32>) -> tensor<1x6x9x7xf32>
  // CHECK: nn.winograd_output(%m) tile 4 extents [1, 9, 7] : (tensor<36x6x6xf32>) -> tensor<1x6x9x7xf32>
  %4 = nn.winograd_output(%m) tile 4 extents [1, 9, 7] : (tensor<36x6x6xf32>) -> tensor<1x6x9x7xf32>
  func.return
}
