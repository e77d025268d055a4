// RUN: not tenon-opt %s -p 'select-winograd{tile=3}' 2>&1 | filecheck %s
// CHECK: select-winograd: tile is 3, expected auto, off, 2, 4
func.func @f() {
  func.return
}
