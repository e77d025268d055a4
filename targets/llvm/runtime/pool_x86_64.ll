; What the pool needs of x86-64 Linux.

declare i64 @syscall(i64, ...)

define internal void @tenon.futex(ptr %word, i32 %operation, i32 %value) nounwind {
  %status = call i64 (i64, ...) @syscall(i64 202, ptr %word, i32 %operation, i32 %value, ptr null)
  ret void
}

define internal void @tenon.relax() nounwind {
  call void @llvm.x86.sse2.pause()
  ret void
}
declare void @llvm.x86.sse2.pause()
