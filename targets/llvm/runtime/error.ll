; Error texts. A tenon_error of the caller holds 512 bytes; null where the caller wants none.

declare i32 @vsnprintf(ptr, i64, ptr, ptr)
declare void @llvm.va_start.p0(ptr)
declare void @llvm.va_end.p0(ptr)

; Writes the text, cut to fit, and returns the status: `ret i32 call @tenon.fail(...)` ends a function.
define hidden i32 @tenon.fail(ptr %error, i32 %status, ptr %format, ...) nounwind {
  %arguments = alloca [4 x i64], align 16  ; a va_list takes 24 bytes on x86-64, 32 on aarch64
  %silent = icmp eq ptr %error, null
  br i1 %silent, label %done, label %write
write:
  call void @llvm.va_start.p0(ptr %arguments)
  %length = call i32 @vsnprintf(ptr %error, i64 512, ptr %format, ptr %arguments)
  call void @llvm.va_end.p0(ptr %arguments)
  br label %done
done:
  ret i32 %status
}

; A call that succeeds leaves an empty text.
define hidden void @tenon.no_error(ptr %error) nounwind {
  %silent = icmp eq ptr %error, null
  br i1 %silent, label %done, label %clear
clear:
  store i8 0, ptr %error
  br label %done
done:
  ret void
}
