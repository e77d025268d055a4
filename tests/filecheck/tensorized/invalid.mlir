// RUN: tenon-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// CHECK: register vector<8xf32> has other lanes than its map reaches, 0..3
tensorized.instruction @fma loops (i: parallel 4)
  (%a: vector<8xf32> at (i), %b: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
  %s = arith.addf %acc, %a : f32
  tensorized.yield %s : f32
}

// -----

// CHECK: an instruction has one inout or out operand, not 0
tensorized.instruction @fma loops (i: parallel 8)
  (%a: vector<8xf32> at (i), %b: vector<8xf32> at (i), %acc: vector<8xf32> at (i)) {
  %s = arith.addf %acc, %a : f32
  tensorized.yield %s : f32
}

// -----

// CHECK: register vector<2x4xf32> and its map must be one-dimensional
tensorized.instruction @fma loops (i: parallel 8)
  (%a: vector<2x4xf32> at (i), %b: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
  %s = arith.addf %acc, %a : f32
  tensorized.yield %s : f32
}

// -----

// CHECK: the body must yield one f32
tensorized.instruction @fma loops (i: parallel 8)
  (%a: vector<8xf32> at (i), %b: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
  %s = arith.addf %acc, %a : f32
  %t = arith.truncf %s : f32 to f16
  tensorized.yield %t : f16
}

// -----

// CHECK: expected parallel or reduction
tensorized.instruction @fma loops (i: window 8)
  (%a: vector<8xf32> at (i), %b: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
  %s = arith.addf %acc, %a : f32
  tensorized.yield %s : f32
}

// -----

// CHECK: loop i: extent 0 is not positive
tensorized.instruction @fma loops (i: parallel 0)
  (%a: vector<8xf32> at (i), %b: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
  %s = arith.addf %acc, %a : f32
  tensorized.yield %s : f32
}

// -----

// CHECK: expected a vector type for a register
tensorized.instruction @fma loops (i: parallel 8)
  (%a: f32 at (i), %b: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
  %s = arith.addf %acc, %a : f32
  tensorized.yield %s : f32
}

// -----

// CHECK: access (i + 1) leaves tensor<4xf32>: reaches 1..4 of 4
func.func @f(%x: tensor<4xf32>, %i: tensor<4xf32>) {
  %y = tensorized.generic loops (i: parallel 4) ins(%x at (i + 1) : tensor<4xf32>) init(%i at (i) : tensor<4xf32>) {
  ^bb0(%a: f32, %b: f32):
    tensorized.yield %a : f32
  } -> tensor<4xf32>
  func.return
}

// -----

// CHECK: access (i, i) has 2 indices, tensor<4xf32> 1 dimensions
func.func @f(%x: tensor<4xf32>, %i: tensor<4xf32>) {
  %y = tensorized.generic loops (i: parallel 4) ins(%x at (i, i) : tensor<4xf32>) init(%i at (i) : tensor<4xf32>) {
  ^bb0(%a: f32, %b: f32):
    tensorized.yield %a : f32
  } -> tensor<4xf32>
  func.return
}

// -----

// CHECK: loop names repeat: i, i
func.func @f(%x: tensor<4xf32>, %i: tensor<4xf32>) {
  %y = tensorized.generic loops (i: parallel 4, i: parallel 2) ins(%x at (i) : tensor<4xf32>) init(%i at (i) : tensor<4xf32>) {
  ^bb0(%a: f32, %b: f32):
    tensorized.yield %a : f32
  } -> tensor<4xf32>
  func.return
}

// -----

// CHECK: the init is indexed by a reduction loop
func.func @f(%x: tensor<4xf32>, %i: tensor<4xf32>) {
  %y = tensorized.generic loops (i: reduction 4) ins(%x at (i) : tensor<4xf32>) init(%i at (i) : tensor<4xf32>) {
  ^bb0(%a: f32, %b: f32):
    tensorized.yield %a : f32
  } -> tensor<4xf32>
  func.return
}

// -----

// CHECK: result has type tensor<5xf32>, init tensor<4xf32>
func.func @f(%x: tensor<4xf32>, %i: tensor<4xf32>) {
  %y = tensorized.generic loops (i: parallel 4) ins(%x at (i) : tensor<4xf32>) init(%i at (i) : tensor<4xf32>) {
  ^bb0(%a: f32, %b: f32):
    tensorized.yield %a : f32
  } -> tensor<5xf32>
  func.return
}

// -----

// CHECK: body arguments must have the element types of the ins and the init
func.func @f(%x: tensor<4xf32>, %i: tensor<4xf32>) {
  %y = tensorized.generic loops (i: parallel 4) ins(%x at (i) : tensor<4xf32>) init(%i at (i) : tensor<4xf32>) {
  ^bb0(%a: f32):
    tensorized.yield %a : f32
  } -> tensor<4xf32>
  func.return
}

// -----

// CHECK: the body must yield one f32
func.func @f(%x: tensor<4xf32>, %i: tensor<4xf32>) {
  %y = tensorized.generic loops (i: parallel 4) ins(%x at (i) : tensor<4xf32>) init(%i at (i) : tensor<4xf32>) {
  ^bb0(%a: f32, %b: f32):
    %h = arith.truncf %a : f32 to f16
    tensorized.yield %h : f16
  } -> tensor<4xf32>
  func.return
}

// -----

// CHECK: unknown instruction @nothing
tensorized.instruction @fma loops (i: parallel 8)
  (%a: vector<8xf32> at (i), %b: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
  %s = arith.addf %acc, %a : f32
  tensorized.yield %s : f32
}
func.func @f(%x: tensor<4xf32>, %w: tensor<16x4xf32>, %i: tensor<16xf32>) {
  %y = tensorized.contract @nothing loops (o: parallel 16, k: reduction 4) ins(%x at (k) : tensor<4xf32>, %w at (o, k) : tensor<16x4xf32>)
    init(%i at (o) : tensor<16xf32>) bind {i = o} -> tensor<16xf32>
  func.return
}

// -----

// CHECK: bind names ['j'], the instruction's loops are ['i']
tensorized.instruction @fma loops (i: parallel 8)
  (%a: vector<8xf32> at (i), %b: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
  %s = arith.addf %acc, %a : f32
  tensorized.yield %s : f32
}
func.func @f(%x: tensor<4xf32>, %w: tensor<16x4xf32>, %i: tensor<16xf32>) {
  %y = tensorized.contract @fma loops (o: parallel 16, k: reduction 4) ins(%x at (k) : tensor<4xf32>, %w at (o, k) : tensor<16x4xf32>)
    init(%i at (o) : tensor<16xf32>) bind {j = o} -> tensor<16xf32>
  func.return
}

// -----

// CHECK: bind: no loop q
tensorized.instruction @fma loops (i: parallel 8)
  (%a: vector<8xf32> at (i), %b: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
  %s = arith.addf %acc, %a : f32
  tensorized.yield %s : f32
}
func.func @f(%x: tensor<4xf32>, %w: tensor<16x4xf32>, %i: tensor<16xf32>) {
  %y = tensorized.contract @fma loops (o: parallel 16, k: reduction 4) ins(%x at (k) : tensor<4xf32>, %w at (o, k) : tensor<16x4xf32>)
    init(%i at (o) : tensor<16xf32>) bind {i = q} -> tensor<16xf32>
  func.return
}

// -----

// CHECK: bind: o is a parallel loop, r a reduction loop
tensorized.instruction @dot loops (i: parallel 8, r: reduction 2)
  (%a: vector<16xf32> at (i * 2 + r), inout %acc: vector<8xf32> at (i)) {
  %s = arith.addf %acc, %a : f32
  tensorized.yield %s : f32
}
func.func @f(%x: tensor<16x4xf32>, %i: tensor<16xf32>) {
  %y = tensorized.contract @dot loops (o: parallel 16, k: reduction 4) ins(%x at (o, k) : tensor<16x4xf32>)
    init(%i at (o) : tensor<16xf32>) bind {i = o, r = o} -> tensor<16xf32>
  func.return
}

// -----

// CHECK: bind: k is a reduction loop, i a parallel loop
tensorized.instruction @fma loops (i: parallel 8)
  (%a: vector<8xf32> at (i), %b: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
  %s = arith.addf %acc, %a : f32
  tensorized.yield %s : f32
}
func.func @f(%x: tensor<4xf32>, %w: tensor<16x4xf32>, %i: tensor<16xf32>) {
  %y = tensorized.contract @fma loops (o: parallel 16, k: reduction 4) ins(%x at (k) : tensor<4xf32>, %w at (o, k) : tensor<16x4xf32>)
    init(%i at (o) : tensor<16xf32>) bind {i = k} -> tensor<16xf32>
  func.return
}

// -----

// CHECK: operands do not have the element types of @fma
tensorized.instruction @fma loops (i: parallel 8)
  (%a: vector<8xf32> at (i), %b: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
  %s = arith.addf %acc, %a : f32
  tensorized.yield %s : f32
}
func.func @f(%x: tensor<4xf16>, %w: tensor<16x4xf32>, %i: tensor<16xf32>) {
  %y = tensorized.contract @fma loops (o: parallel 16, k: reduction 4) ins(%x at (k) : tensor<4xf16>, %w at (o, k) : tensor<16x4xf32>)
    init(%i at (o) : tensor<16xf32>) bind {i = o} -> tensor<16xf32>
  func.return
}

// -----

// CHECK: access (k + 1) leaves tensor<4xf32>: reaches 1..4 of 4
tensorized.instruction @fma loops (i: parallel 8)
  (%a: vector<8xf32> at (i), %b: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
  %s = arith.addf %acc, %a : f32
  tensorized.yield %s : f32
}
func.func @f(%x: tensor<4xf32>, %w: tensor<16x4xf32>, %i: tensor<16xf32>) {
  %y = tensorized.contract @fma loops (o: parallel 16, k: reduction 4) ins(%x at (k + 1) : tensor<4xf32>, %w at (o, k) : tensor<16x4xf32>)
    init(%i at (o) : tensor<16xf32>) bind {i = o} -> tensor<16xf32>
  func.return
}

// -----

// CHECK: access (o floordiv 4, o mod 4) leaves tensor<2x4xf32>: reaches 0..2 of 2
func.func @f(%w: tensor<9xf32>) {
  %p = tensorized.pack %w loops (o: parallel 9) from (o) to (o floordiv 4, o mod 4) : tensor<9xf32> to tensor<2x4xf32>
  func.return
}

// -----

// CHECK: packs f32 into f16
func.func @f(%w: tensor<9xf32>) {
  %p = tensorized.pack %w loops (o: parallel 9) from (o) to (o) : tensor<9xf32> to tensor<9xf16>
  func.return
}

// -----

// CHECK: @k: the body must yield
tensorized.kernel @k(%x: tensor<4xf32>) -> tensor<5xf32> {
  tensorized.yield %x : tensor<4xf32>
}

// -----

// CHECK: unknown kernel @nothing
func.func @f(%x: tensor<4xf32>) {
  %y = tensorized.call @nothing(%x) : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// -----

// CHECK: @k takes and returns 2 values, the call has 1
tensorized.kernel @k(%x: tensor<4xf32>) -> tensor<4xf32> {
  tensorized.yield %x : tensor<4xf32>
}
func.func @f(%x: memref<4xf32>) {
  tensorized.call @k(%x) : (memref<4xf32>) -> ()
  func.return
}

// -----

// CHECK: @k: value 0 is tensor<2x3xf32>, the kernel's is tensor<4xf32>
tensorized.kernel @k(%x: tensor<4xf32>) -> tensor<4xf32> {
  tensorized.yield %x : tensor<4xf32>
}
func.func @f(%x: tensor<2x3xf32>) {
  %y = tensorized.call @k(%x) : (tensor<2x3xf32>) -> tensor<4xf32>
  func.return
}

// -----

// CHECK: tile of loop o is 0, not positive
tensorized.kernel @k(%x: tensor<4xf32>) -> tensor<4xf32> schedule [order [o] tile {o = 0}] {
  tensorized.yield %x : tensor<4xf32>
}

// -----

// CHECK: map (d0) -> (d0, d0) has 1 dimensions, expected 2
func.func @f(%x: memref<4x8xf32>, %i: index) {
  %v = tensorized.load %x[%i] at (d0) -> (d0, d0) : memref<4x8xf32>, vector<4xf32>
  func.return
}

// -----

// CHECK: does not index memref<4x8xf32>
func.func @f(%x: memref<4x8xf32>, %i: index) {
  %v = tensorized.load %x[%i] at (d0, l) -> (d0) : memref<4x8xf32>, vector<4xf32>
  func.return
}

// -----

// CHECK: vector<4xf16> and memref<4x8xf32> have different elements
func.func @f(%x: memref<4x8xf32>, %i: index) {
  %v = tensorized.load %x[%i] at (d0, l) -> (d0, l) : memref<4x8xf32>, vector<4xf16>
  func.return
}

// -----

// CHECK: valid 5 is not within 1..4
func.func @f(%x: memref<4x8xf32>, %i: index) {
  %v = tensorized.load %x[%i] at (d0, l) -> (d0, l) valid 5 : memref<4x8xf32>, vector<4xf32>
  func.return
}

// -----

// CHECK: lanes 2 of 2 are no part of registers of 4
func.func @f(%x: memref<4x8xf32>, %i: index) {
  %v = tensorized.load %x[%i] at (d0, l) -> (d0, l) lanes 2 of 2 : memref<4x8xf32>, vector<4xf32>
  func.return
}

// -----

// CHECK: vector<2x4xf32> is not a grid of vector<8xf32>
tensorized.instruction @fma loops (i: parallel 8)
  (%a: vector<8xf32> at (i), %b: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
  %s = arith.addf %acc, %a : f32
  tensorized.yield %s : f32
}
func.func @f(%a: vector<2x4xf32>) {
  %c = tensorized.apply @fma(%a, %a, %a) : vector<2x4xf32>, vector<2x4xf32>, vector<2x4xf32> -> vector<2x4xf32>
  func.return
}

// -----

// CHECK: operands have different register grids
tensorized.instruction @fma loops (i: parallel 8)
  (%a: vector<8xf32> at (i), %b: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
  %s = arith.addf %acc, %a : f32
  tensorized.yield %s : f32
}
func.func @f(%a: vector<2x8xf32>, %b: vector<3x8xf32>) {
  %c = tensorized.apply @fma(%a, %b, %a) : vector<2x8xf32>, vector<3x8xf32>, vector<2x8xf32> -> vector<2x8xf32>
  func.return
}

// -----

// CHECK: @fma takes 3 operands, not 2
tensorized.instruction @fma loops (i: parallel 8)
  (%a: vector<8xf32> at (i), %b: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
  %s = arith.addf %acc, %a : f32
  tensorized.yield %s : f32
}
func.func @f(%a: vector<8xf32>) {
  %c = tensorized.apply @fma(%a, %a) : vector<8xf32>, vector<8xf32> -> vector<8xf32>
  func.return
}

// -----

// CHECK: operands and result must have one shape
func.func @f(%a: vector<8xf32>) {
  %c = tensorized.map (%x = %a : vector<8xf32>) -> vector<4xf32> {
    tensorized.yield %x : f32
  }
  func.return
}

// -----

// CHECK: the body must yield one f16
func.func @f(%a: vector<8xf32>) {
  %c = tensorized.map (%x = %a : vector<8xf32>) -> vector<8xf16> {
    tensorized.yield %x : f32
  }
  func.return
}

// -----

// CHECK: layout map has 1 results, the physical shape 2 dimensions
func.func private @f(tensor<4xf32, #tensorized.layout<(d0) -> (d0), [4, 2]>>) -> ()

// -----

// CHECK: has 1 registers, 2 maps, 1 body arguments and accumulator 0
"tensorized.instruction"() <{
  sym_name = "fma", loops = [#tensorized.loop<i: parallel 8>], registers = [vector<8xf32>],
  maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], accumulator = #builtin.int<0>}> ({
^bb0(%a: f32):
  "tensorized.yield"(%a) : (f32) -> ()
}) : () -> ()

// -----

// CHECK: has 1 ins and an init, but 1 accesses
func.func @f(%x: tensor<4xf32>, %i: tensor<4xf32>) {
  %y = "tensorized.generic"(%x, %i) <{
    loops = [#tensorized.loop<i: parallel 4>], maps = [affine_map<(d0) -> (d0)>]}> ({
  ^bb0(%a: f32, %b: f32):
    tensorized.yield %a : f32
  }) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// -----

// CHECK: valid 65 is not within 1..64
func.func @f(%v: vector<4x16xf32>) {
  %s = tensorized.combine %v identity -0.0 : f32 valid 65 : vector<4x16xf32> -> vector<1x16xf32> {
  ^bb0(%a: f32, %b: f32):
    tensorized.yield %a : f32
  }
  func.return
}

// -----

// CHECK: combines vector<4x16xf32> into vector<2x16xf32>, expected one register a row
func.func @f(%v: vector<4x16xf32>) {
  %s = tensorized.combine %v identity -0.0 : f32 : vector<4x16xf32> -> vector<2x16xf32> {
  ^bb0(%a: f32, %b: f32):
    tensorized.yield %a : f32
  }
  func.return
}

// -----

// CHECK: the body must take two f32, and the identity be one
func.func @f(%v: vector<4x16xf32>) {
  %s = tensorized.combine %v identity 0 : i32 : vector<4x16xf32> -> vector<1x16xf32> {
  ^bb0(%a: f32, %b: f32):
    tensorized.yield %a : f32
  }
  func.return
}

// -----

// CHECK: spreads vector<2x16xf32> over vector<4x16xf32>, expected rows of one register
func.func @f(%v: vector<2x16xf32>) {
  %w = tensorized.spread %v : vector<2x16xf32> -> vector<4x16xf32>
  func.return
}

// -----

// CHECK: does not take 0 indices to one position
tensorized.kernel @f(%w: memref<8xf32>) {
  tensorized.prefetch %w[] at (d0) -> (d0) lines 1 : memref<8xf32>
  tensorized.yield
}

// -----

// CHECK: lines is 0, expected at least 1
tensorized.kernel @f(%w: memref<8xf32>) {
  tensorized.prefetch %w[] at () -> (0) lines 0 : memref<8xf32>
  tensorized.yield
}

// -----

// CHECK: prefetch [-1]: operands are counted from 0
func.func private @f() attributes {level = #tensorized.level<order [o] prefetch [-1]>}

// -----

// CHECK: a matrix of a transform must be an arith.constant of two dimensions
tensorized.kernel @k(%x: tensor<3x8xf32>, %p: tensor<2x3xf32>) -> tensor<2x8xf32> {
  %z = tensorized.empty fill 0.0 : tensor<2x8xf32>
  %m = arith.constant dense<[[1.0, 2.0, 0.0], [0.0, 1.0, -1.0]]> : tensor<2x3xf32>
  %v = tensorized.transform loops (a: parallel 2, c: parallel 8, i: reduction 3) ins(%x at (i, c) : tensor<3x8xf32>, %p at (a, i) : tensor<2x3xf32>) init(%z at (a, c) : tensor<2x8xf32>) -> tensor<2x8xf32>
  tensorized.yield %v : tensor<2x8xf32>
}

// -----

// CHECK: the rows of a matrix must be a parallel loop, or one modulo their number
tensorized.kernel @k(%x: tensor<3x8xf32>, %p: tensor<2x3xf32>) -> tensor<2x8xf32> {
  %z = tensorized.empty fill 0.0 : tensor<2x8xf32>
  %m = arith.constant dense<[[1.0, 2.0, 0.0], [0.0, 1.0, -1.0]]> : tensor<2x3xf32>
  %v = tensorized.transform loops (a: parallel 2, c: parallel 8, i: reduction 3) ins(%x at (i, c) : tensor<3x8xf32>, %m at (c floordiv 4, i) : tensor<2x3xf32>) init(%z at (a, c) : tensor<2x8xf32>) -> tensor<2x8xf32>
  tensorized.yield %v : tensor<2x8xf32>
}

// -----

// CHECK: the columns of a matrix must be a reduction loop
tensorized.kernel @k(%x: tensor<3x8xf32>, %p: tensor<2x3xf32>) -> tensor<2x8xf32> {
  %z = tensorized.empty fill 0.0 : tensor<2x8xf32>
  %m = arith.constant dense<[[1.0, 2.0, 0.0], [0.0, 1.0, -1.0]]> : tensor<2x3xf32>
  %v = tensorized.transform loops (a: parallel 2, c: parallel 8, i: reduction 3) ins(%x at (i, c) : tensor<3x8xf32>, %m at (a, i floordiv 2) : tensor<2x3xf32>) init(%z at (a, c) : tensor<2x8xf32>) -> tensor<2x8xf32>
  tensorized.yield %v : tensor<2x8xf32>
}

// -----

// CHECK: two matrices act on one loop
tensorized.kernel @k(%x: tensor<3x8xf32>, %p: tensor<2x3xf32>) -> tensor<2x8xf32> {
  %z = tensorized.empty fill 0.0 : tensor<2x8xf32>
  %m = arith.constant dense<[[1.0, 2.0, 0.0], [0.0, 1.0, -1.0]]> : tensor<2x3xf32>
  %v = tensorized.transform loops (a: parallel 2, c: parallel 8, i: reduction 3) ins(%x at (i, c) : tensor<3x8xf32>, %m at (a, i) : tensor<2x3xf32>, %m at (a, i) : tensor<2x3xf32>) init(%z at (a, c) : tensor<2x8xf32>) -> tensor<2x8xf32>
  tensorized.yield %v : tensor<2x8xf32>
}

// -----

// CHECK: no matrix for reduction loops i
tensorized.kernel @k(%x: tensor<3x8xf32>, %p: tensor<2x3xf32>) -> tensor<2x8xf32> {
  %z = tensorized.empty fill 0.0 : tensor<2x8xf32>
  %m = arith.constant dense<[[1.0, 2.0, 0.0], [0.0, 1.0, -1.0]]> : tensor<2x3xf32>
  %v = tensorized.transform loops (a: parallel 2, c: parallel 8, i: reduction 3) ins(%x at (i, c) : tensor<3x8xf32>) init(%z at (a, c) : tensor<2x8xf32>) -> tensor<2x8xf32>
  tensorized.yield %v : tensor<2x8xf32>
}

// -----

// CHECK: operands have different elements: f32, f64
tensorized.kernel @k(%x: tensor<3x8xf32>, %p: tensor<2x3xf32>) -> tensor<2x8xf32> {
  %z = tensorized.empty fill 0.0 : tensor<2x8xf32>
  %m = arith.constant dense<[[1.0, 2.0, 0.0], [0.0, 1.0, -1.0]]> : tensor<2x3xf64>
  %v = tensorized.transform loops (a: parallel 2, c: parallel 8, i: reduction 3) ins(%x at (i, c) : tensor<3x8xf32>, %m at (a, i) : tensor<2x3xf64>) init(%z at (a, c) : tensor<2x8xf32>) -> tensor<2x8xf32>
  tensorized.yield %v : tensor<2x8xf32>
}

// -----

// CHECK: axis 2 is none of the grid of vector<3x5x16xf32>
tensorized.kernel @k(%x: memref<3x5x16xf32>) {
  %v = tensorized.load %x[] at (v0, v1, l) -> (v0, v1, l) : memref<3x5x16xf32>, vector<3x5x16xf32>
  %w = tensorized.linear %v along 2 by dense<[[1.0, 2.0, 0.0]]> : tensor<1x3xf32> : vector<3x5x16xf32> -> vector<3x5x1xf32>
  tensorized.yield
}

// -----

// CHECK: matrix is tensor<1x3xf32>, expected 5 columns
tensorized.kernel @k(%x: memref<3x5x16xf32>) {
  %v = tensorized.load %x[] at (v0, v1, l) -> (v0, v1, l) : memref<3x5x16xf32>, vector<3x5x16xf32>
  %w = tensorized.linear %v along 1 by dense<[[1.0, 2.0, 0.0]]> : tensor<1x3xf32> : vector<3x5x16xf32> -> vector<3x1x16xf32>
  tensorized.yield
}

// -----

// CHECK: matrix is tensor<1x3xf64>, registers hold f32
tensorized.kernel @k(%x: memref<3x5x16xf32>) {
  %v = tensorized.load %x[] at (v0, v1, l) -> (v0, v1, l) : memref<3x5x16xf32>, vector<3x5x16xf32>
  %w = tensorized.linear %v along 0 by dense<[[1.0, 2.0, 0.0]]> : tensor<1x3xf64> : vector<3x5x16xf32> -> vector<1x5x16xf32>
  tensorized.yield
}

// -----

// CHECK: result has type vector<2x5x16xf32>, expected vector<1x5x16xf32>
tensorized.kernel @k(%x: memref<3x5x16xf32>) {
  %v = tensorized.load %x[] at (v0, v1, l) -> (v0, v1, l) : memref<3x5x16xf32>, vector<3x5x16xf32>
  %w = tensorized.linear %v along 0 by dense<[[1.0, 2.0, 0.0]]> : tensor<1x3xf32> : vector<3x5x16xf32> -> vector<2x5x16xf32>
  tensorized.yield
}

// -----

// CHECK: threads order ['o', 'p']: each of its loops needs a tile
func.func private @f() attributes {level = #tensorized.level<threads order [o, p] tile {o = 4}>}

// -----

// CHECK: @late: the level of threads must be the first
tensorized.kernel @late() lanes {q = 8} schedule [order [q] tile {q = 8}, threads order [q] tile {q = 16}] {
  tensorized.yield
}

// -----

// CHECK: @sum: threads cannot share loop k: it is a reduction
tensorized.kernel @sum(%x: tensor<4x64xf32>) -> tensor<4xf32> lanes {k = 8} schedule [threads order [k] tile {k = 32}, order [m], order [k] tile {k = 32}] {
  %e = tensorized.empty fill 0.0 : tensor<4xf32>
  %y = tensorized.generic loops (m: parallel 4, k: reduction 64) ins(%x at (m, k) : tensor<4x64xf32>) init(%e at (m) : tensor<4xf32>) {
  ^bb0(%v: f32, %acc: f32):
    %s = arith.addf %v, %acc : f32
    tensorized.yield %s : f32
  } -> tensor<4xf32>
  tensorized.yield %y : tensor<4xf32>
}

// -----

// CHECK: what it emits must yield one vector<4xf32>
tensorized.instruction @short loops (i: parallel 4) (%a: vector<4xf32> at (i), inout %acc: vector<4xf32> at (i)) {
  %s = arith.addf %acc, %a : f32
  tensorized.yield %s : f32
} emit {
^bb0(%a: vector<4xf32>, %acc: vector<4xf32>):
  %s = llvm.call_intrinsic "llvm.half"(%a) : (vector<4xf32>) -> vector<2xf32>
  tensorized.yield %s : vector<2xf32>
}

// -----

// CHECK: what it emits takes other registers than it declares
tensorized.instruction @fewer loops (i: parallel 4) (%a: vector<4xf32> at (i), inout %acc: vector<4xf32> at (i)) {
  %s = arith.addf %acc, %a : f32
  tensorized.yield %s : f32
} emit {
^bb0(%acc: vector<4xf32>):
  tensorized.yield %acc : vector<4xf32>
}

// -----

// CHECK: has an intrinsic and a region to emit: one of them says what to emit
tensorized.instruction @both intrinsic "llvm.some" loops (i: parallel 4) (inout %acc: vector<4xf32> at (i)) {
  tensorized.yield %acc : f32
} emit {
^bb0(%acc: vector<4xf32>):
  tensorized.yield %acc : vector<4xf32>
}

// -----

// CHECK: range [3, 2] is empty
tensorized.kernel @none(%x: tensor<4xi8> within [3, 2]) -> tensor<4xi8> {
  tensorized.yield %x : tensor<4xi8>
}

// -----

// CHECK: a range has two ends, not 1
tensorized.kernel @one(%x: tensor<4xi8> within [3]) -> tensor<4xi8> {
  tensorized.yield %x : tensor<4xi8>
}

// -----

// CHECK: what is marked out comes last, is not read, and no loop reduces
tensorized.instruction @round loops (i: parallel 4) (%x: vector<4xf32> at (i), out %y: vector<4xf32> at (i)) {
  %s = arith.addf %x, %y : f32
  tensorized.yield %s : f32
}

// -----

// CHECK: has a tile but no intrinsic that takes it
tensorized.instruction @t tile [1, 2] loops (i: parallel 4) (%x: vector<4xf32> at (i), out %y: vector<4xf32> at (i)) {
  tensorized.yield %x : f32
}

// -----

// CHECK: has `cycles` and `per_cycle`: one of them says how many start in a cycle
tensorized.instruction @c per_cycle 1 cycles 2 loops (i: parallel 4) (%x: vector<4xf32> at (i), out %y: vector<4xf32> at (i)) {
  tensorized.yield %x : f32
}

// -----

// CHECK: calls 'memcpy': LLVM's intrinsics are called llvm.something
tensorized.instruction @c intrinsic "memcpy" loops (i: parallel 4) (%x: vector<4xf32> at (i), out %y: vector<4xf32> at (i)) {
  tensorized.yield %x : f32
}

// -----

// CHECK: @add accumulates: it is no elementwise instruction
tensorized.instruction @add loops (i: parallel 4) (%x: vector<4xf32> at (i), inout %y: vector<4xf32> at (i)) {
  %s = arith.addf %x, %y : f32
  tensorized.yield %s : f32
}
func.func @f(%x: f32) -> f32 {
  %y = tensorized.compute @add(%x) : (f32) -> f32
  func.return %y : f32
}

// -----

// CHECK: operands and result do not have the element types of @same
tensorized.instruction @same loops (i: parallel 4) (%x: vector<4xf32> at (i), out %y: vector<4xf32> at (i)) {
  tensorized.yield %x : f32
}
func.func @f(%x: i32) -> f32 {
  %y = tensorized.compute @same(%x) : (i32) -> f32
  func.return %y : f32
}

// -----

// CHECK: operand 0 varies along i = o, its register has no lanes there
tensorized.instruction @dot loops (i: parallel 8, r: reduction 2)
  (%a: vector<2xf32> at (r), inout %acc: vector<8xf32> at (i)) {
  %s = arith.addf %acc, %a : f32
  tensorized.yield %s : f32
}
func.func @f(%x: tensor<16x4xf32>, %i: tensor<16xf32>) {
  %y = tensorized.contract @dot loops (o: parallel 16, k: reduction 4) ins(%x at (o, k) : tensor<16x4xf32>)
    init(%i at (o) : tensor<16xf32>) bind {i = o, r = k} -> tensor<16xf32>
  func.return
}

// -----

// CHECK: parallel loop p does not index the init
func.func @f(%x: tensor<4x3xf32>, %i: tensor<4xf32>) {
  %y = tensorized.generic loops (i: parallel 4, p: parallel 3) ins(%x at (i, p) : tensor<4x3xf32>) init(%i at (i) : tensor<4xf32>) {
  ^bb0(%a: f32, %b: f32):
    tensorized.yield %a : f32
  } -> tensor<4xf32>
  func.return
}

// -----

// CHECK: latency is 0, expected 1 to 65536
tensorized.instruction @c latency 0 loops (i: parallel 4) (%x: vector<4xf32> at (i), out %y: vector<4xf32> at (i)) {
  tensorized.yield %x : f32
}

// -----

// CHECK: loop i comes twice
tensorized.instruction @fma loops (i: parallel 8)
  (%a: vector<8xf32> at (i), %b: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
  %s = arith.addf %acc, %a : f32
  tensorized.yield %s : f32
}
func.func @f(%x: tensor<4xf32>, %w: tensor<16x4xf32>, %i: tensor<16xf32>) {
  %y = tensorized.contract @fma loops (o: parallel 16, k: reduction 4) ins(%x at (k) : tensor<4xf32>, %w at (o, k) : tensor<16x4xf32>)
    init(%i at (o) : tensor<16xf32>) bind {i = o, i = k} -> tensor<16xf32>
  func.return
}
