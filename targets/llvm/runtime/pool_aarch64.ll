; What the pool needs of aarch64 Linux.

declare i64 @syscall(i64, ...)

define internal void @tenon.futex(ptr %word, i32 %operation, i32 %value) nounwind {
  %status = call i64 (i64, ...) @syscall(i64 98, ptr %word, i32 %operation, i32 %value, ptr null)
  ret void
}

define internal void @tenon.relax() nounwind {
  call void @llvm.aarch64.hint(i32 1)  ; yield
  ret void
}
declare void @llvm.aarch64.hint(i32)
