// RUN: tenon-opt %s -p canonicalize --split-input-file --verify-diagnostics | filecheck %s
// RUN: tenon-opt %s -p canonicalize --split-input-file --verify-diagnostics --print-op-generic | filecheck %s --check-prefix GENERIC
// RUN: xdsl-opt %s -p canonicalize --split-input-file --verify-diagnostics | filecheck %s

// xDSL's passes run on xDSL's dialects, in the stock driver as in ours.
// CHECK-LABEL: func.func @dead_code
// CHECK-NEXT: func.return %x : f32
// GENERIC: "func.return"(%x) : (f32) -> ()
func.func @dead_code(%x : f32) -> f32 {
  %y = arith.addf %x, %x : f32
  func.return %x : f32
}

// -----

// A verifier's error is a diagnostic, and the next part is still read.
// CHECK: Expected arguments to have the same types as the function output types
func.func @wrong_type(%x : f32) -> i32 {
  func.return %x : f32
}

// -----

// CHECK-LABEL: func.func @after_the_error
func.func @after_the_error() {
  func.return
}
