// RUN: tenon-opt %s --split-input-file --verify-diagnostics | filecheck %s

// CHECK: elementwise function 'plus' is unknown
func.func @f(%x : tensor<2xf32>) {
  %0 = nn.elementwise plus(%x, %x) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  func.return
}

// -----

// CHECK: result has type tensor<3xf32>, expected tensor<2xf32>
func.func @f(%x : tensor<2xf32>) {
  %0 = nn.elementwise relu(%x) : (tensor<2xf32>) -> tensor<3xf32>
  func.return
}

// -----

// CHECK: add: shapes 2, 3 do not broadcast
func.func @f(%x : tensor<2xf32>, %y : tensor<3xf32>) {
  %0 = nn.elementwise add(%x, %y) : (tensor<2xf32>, tensor<3xf32>) -> tensor<3xf32>
  func.return
}

// -----

// CHECK: conv: input 1x4x8x8, weight 6x3x3x3 and groups 1 do not agree on the channels
func.func @f(%x : tensor<1x4x8x8xf32>, %w : tensor<6x3x3x3xf32>) {
  %0 = nn.conv(%x, %w) strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1 : (tensor<1x4x8x8xf32>, tensor<6x3x3x3xf32>) -> tensor<1x6x8x8xf32>
  func.return
}

// -----

// CHECK: digest 'ab' is not 64 hexadecimal digits
func.func @f() {
  %0 = nn.constant #nn.weight<"ab", tensor<64x3x7x7xf32>>
  func.return
}

// -----

// CHECK: norm 'l3' is unknown, expected one of standard, rms, l1, l2
func.func @f(%x : tensor<1x4x8xf32>) {
  %0 = nn.normalize l3(%x) axes [1] groups 1 epsilon 0.0 : (tensor<1x4x8xf32>) -> tensor<1x4x8xf32>
  func.return
}

// -----

// CHECK: normalize: 3 groups do not divide the channels of 1x4x8
func.func @f(%x : tensor<1x4x8xf32>) {
  %0 = nn.normalize rms(%x) axes [1, 2] groups 3 epsilon 0.0 : (tensor<1x4x8xf32>) -> tensor<1x4x8xf32>
  func.return
}

// -----

// CHECK: normalize: a parameter of shape 2x1x4x8 does not broadcast to 1x4x8
func.func @f(%x : tensor<1x4x8xf32>, %s : tensor<2x1x4x8xf32>) {
  %0 = nn.normalize rms(%x, %s) axes [2] groups 1 epsilon 0.0 : (tensor<1x4x8xf32>, tensor<2x1x4x8xf32>) -> tensor<1x4x8xf32>
  func.return
}

// -----

// CHECK: normalize: axes [1, 1] are no distinct axes of rank 3
func.func @f(%x : tensor<1x4x8xf32>) {
  %0 = nn.normalize rms(%x) axes [1, 1] groups 1 epsilon 0.0 : (tensor<1x4x8xf32>) -> tensor<1x4x8xf32>
  func.return
}

// -----

// CHECK: conv_transpose: input 1x4x8, weight 3x2x3 and groups 1 do not agree on the channels
func.func @f(%x : tensor<1x4x8xf32>, %w : tensor<3x2x3xf32>) {
  %0 = nn.conv_transpose(%x, %w) strides [1] pads [0, 0] dilations [1] groups 1 : (tensor<1x4x8xf32>, tensor<3x2x3xf32>) -> tensor<1x2x10xf32>
  func.return
}

// -----

// CHECK: conv_transpose: bias has shape 3, expected 2
func.func @f(%x : tensor<1x4x8xf32>, %w : tensor<4x2x3xf32>, %b : tensor<3xf32>) {
  %0 = nn.conv_transpose(%x, %w, %b) strides [1] pads [0, 0] dilations [1] groups 1 : (tensor<1x4x8xf32>, tensor<4x2x3xf32>, tensor<3xf32>) -> tensor<1x2x10xf32>
  func.return
}

// -----

// CHECK: conv_transpose: nothing is left of the result 0
func.func @f(%x : tensor<1x4x8xf32>, %w : tensor<4x2x3xf32>) {
  %0 = nn.conv_transpose(%x, %w) strides [1] pads [5, 5] dilations [1] groups 1 : (tensor<1x4x8xf32>, tensor<4x2x3xf32>) -> tensor<1x2x1xf32>
  func.return
}

// -----

// CHECK: scan: there is no function @other with a body
func.func @f(%xs : tensor<5x3xf32>, %h : tensor<3xf32>) {
  %0:2 = nn.scan @other(%h, %xs) carried 1 sliced 1 steps 5 reversed [] : (tensor<3xf32>, tensor<5x3xf32>) -> (tensor<3xf32>, tensor<5x3xf32>)
  func.return
}
func.func private @step(%h : tensor<3xf32>, %x : tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>) {
  func.return %x, %h : tensor<3xf32>, tensor<3xf32>
}

// -----

// CHECK: scan: a sliced operand has shape 5x3, expected 4 slices
func.func @f(%xs : tensor<5x3xf32>, %h : tensor<3xf32>) {
  %0:2 = nn.scan @step(%h, %xs) carried 1 sliced 1 steps 4 reversed [] : (tensor<3xf32>, tensor<5x3xf32>) -> (tensor<3xf32>, tensor<5x3xf32>)
  func.return
}
func.func private @step(%h : tensor<3xf32>, %x : tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>) {
  func.return %x, %h : tensor<3xf32>, tensor<3xf32>
}

// -----

// CHECK: scan: carried 1, sliced 2, steps 5 do not fit 2 operands and at least one step
func.func @f(%xs : tensor<5x3xf32>, %h : tensor<3xf32>) {
  %0:2 = nn.scan @step(%h, %xs) carried 1 sliced 2 steps 5 reversed [] : (tensor<3xf32>, tensor<5x3xf32>) -> (tensor<3xf32>, tensor<5x3xf32>)
  func.return
}
func.func private @step(%h : tensor<3xf32>, %x : tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>) {
  func.return %x, %h : tensor<3xf32>, tensor<3xf32>
}

// -----

// CHECK: scan: the function takes tensor<3xf32>, tensor<3xf32>, expected tensor<3xf32>, tensor<4xf32>
func.func @f(%xs : tensor<5x4xf32>, %h : tensor<3xf32>) {
  %0:2 = nn.scan @step(%h, %xs) carried 1 sliced 1 steps 5 reversed [] : (tensor<3xf32>, tensor<5x4xf32>) -> (tensor<3xf32>, tensor<5x3xf32>)
  func.return
}
func.func private @step(%h : tensor<3xf32>, %x : tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>) {
  func.return %x, %h : tensor<3xf32>, tensor<3xf32>
}

// -----

// CHECK: scan: reversed [2] is not below 2
func.func @f(%xs : tensor<5x3xf32>, %h : tensor<3xf32>) {
  %0:2 = nn.scan @step(%h, %xs) carried 1 sliced 1 steps 5 reversed [2] : (tensor<3xf32>, tensor<5x3xf32>) -> (tensor<3xf32>, tensor<5x3xf32>)
  func.return
}
func.func private @step(%h : tensor<3xf32>, %x : tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>) {
  func.return %x, %h : tensor<3xf32>, tensor<3xf32>
}

// -----

// CHECK: scan: results are tensor<3xf32>, tensor<4x3xf32>, expected tensor<3xf32>, tensor<5x3xf32>
func.func @f(%xs : tensor<5x3xf32>, %h : tensor<3xf32>) {
  %0:2 = nn.scan @step(%h, %xs) carried 1 sliced 1 steps 5 reversed [] : (tensor<3xf32>, tensor<5x3xf32>) -> (tensor<3xf32>, tensor<4x3xf32>)
  func.return
}
func.func private @step(%h : tensor<3xf32>, %x : tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>) {
  func.return %x, %h : tensor<3xf32>, tensor<3xf32>
}

// -----

// CHECK: resize: coordinates 'here' is unknown, expected one of half_pixel
func.func @f(%x : tensor<2x4xf32>) {
  %0 = nn.resize linear(%x) sizes [2, 7] scales [1.0, 1.75] roi [] coordinates here rounding floor cubic -0.5 exclude_outside true antialias false extrapolation 0.0 : (tensor<2x4xf32>) -> tensor<2x7xf32>
  func.return
}

// -----

// CHECK: resize: mode 'box' is unknown, expected nearest, linear, cubic
func.func @f(%x : tensor<2x4xf32>) {
  %0 = nn.resize box(%x) sizes [2, 7] scales [1.0, 1.75] roi [] coordinates half_pixel rounding floor cubic -0.5 exclude_outside true antialias false extrapolation 0.0 : (tensor<2x4xf32>) -> tensor<2x7xf32>
  func.return
}

// -----

// CHECK: resize linear: element type i8 is not a float type
func.func @f(%x : tensor<2x4xi8>) {
  %0 = nn.resize linear(%x) sizes [2, 7] scales [1.0, 1.75] roi [] coordinates half_pixel rounding floor cubic -0.5 exclude_outside true antialias false extrapolation 0.0 : (tensor<2x4xi8>) -> tensor<2x7xi8>
  func.return
}

// -----

// CHECK: resize: sizes, scales and roi need 2, 2 and 0 or 4 entries
func.func @f(%x : tensor<2x4xf32>) {
  %0 = nn.resize linear(%x) sizes [2, 7] scales [1.75] roi [] coordinates half_pixel rounding floor cubic -0.5 exclude_outside true antialias false extrapolation 0.0 : (tensor<2x4xf32>) -> tensor<2x7xf32>
  func.return
}

// -----

// CHECK: resize: 2x4 cannot become 2x0
func.func @f(%x : tensor<2x4xf32>) {
  %0 = nn.resize linear(%x) sizes [2, 0] scales [1.0, 1.75] roi [] coordinates half_pixel rounding floor cubic -0.5 exclude_outside true antialias false extrapolation 0.0 : (tensor<2x4xf32>) -> tensor<2x0xf32>
  func.return
}

// -----

// CHECK: winograd_input: tile is 3, expected 2 or 4
func.func @f(%x : tensor<1x5x9x7xf32>) {
  %0 = nn.winograd_input(%x) tile 3 pads [1, 1, 1, 1] : (tensor<1x5x9x7xf32>) -> tensor<36x6x5xf32>
  func.return
}

// -----

// CHECK: winograd_input: input is 1x5x9, expected rank 4
func.func @f(%x : tensor<1x5x9xf32>) {
  %0 = nn.winograd_input(%x) tile 4 pads [1, 1, 1, 1] : (tensor<1x5x9xf32>) -> tensor<36x6x5xf32>
  func.return
}

// -----

// CHECK: winograd_input: pads is [1, 1], expected 4 numbers of at least 0
func.func @f(%x : tensor<1x5x9x7xf32>) {
  %0 = nn.winograd_input(%x) tile 4 pads [1, 1] : (tensor<1x5x9x7xf32>) -> tensor<36x6x5xf32>
  func.return
}

// -----

// CHECK: winograd_input: the padded image of 9x2 is smaller than 3x3
func.func @f(%x : tensor<1x5x9x2xf32>) {
  %0 = nn.winograd_input(%x) tile 4 pads [0, 0, 0, 0] : (tensor<1x5x9x2xf32>) -> tensor<36x6x5xf32>
  func.return
}

// -----

// CHECK: winograd_weights: weight is 6x5x3x1, expected OxCx3x3
func.func @f(%w : tensor<6x5x3x1xf32>) {
  %0 = nn.winograd_weights(%w) tile 4 : (tensor<6x5x3x1xf32>) -> tensor<36x5x6xf32>
  func.return
}

// -----

// CHECK: winograd_output: input is 36x5x6, expected 36x6xO
func.func @f(%m : tensor<36x5x6xf32>) {
  %0 = nn.winograd_output(%m) tile 4 extents [1, 9, 7] : (tensor<36x5x6xf32>) -> tensor<1x6x9x7xf32>
  func.return
}

// -----

// CHECK: winograd_output: extents is [9, 7], expected N, H and W of at least 1
func.func @f(%m : tensor<36x6x6xf32>) {
  %0 = nn.winograd_output(%m) tile 4 extents [9, 7] : (tensor<36x6x6xf32>) -> tensor<1x6x9x7xf32>
  func.return
}

// -----

// CHECK: winograd_output: bias is tensor<5xf32>, expected 6 of f32
func.func @f(%m : tensor<36x6x6xf32>, %b : tensor<5xf32>) {
  %0 = nn.winograd_output(%m, %b) tile 4 extents [1, 9, 7] : (tensor<36x6x6xf32>, tensor<5xf32>) -> tensor<1x6x9x7xf32>
  func.return
}
