; A checksum of bytes against damage by accident, at the speed of memory.
;
; Eight lanes each fold in every eighth word: lane = rotate((lane xor word) * prime). Bytes after the last whole
; block of 64 count as a block that is filled up with zeros; the length goes into the result.

declare <8 x i64> @llvm.fshl.v8i64(<8 x i64>, <8 x i64>, <8 x i64>)
declare i64 @llvm.vector.reduce.xor.v8i64(<8 x i64>)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)

define internal <8 x i64> @fold(<8 x i64> %lanes, <8 x i64> %words) nounwind alwaysinline {
  %mixed = xor <8 x i64> %lanes, %words
  %spread = mul <8 x i64> %mixed, splat (i64 -7046029288634856825)
  %turned = call <8 x i64> @llvm.fshl.v8i64(<8 x i64> %spread, <8 x i64> %spread, <8 x i64> splat (i64 29))
  ret <8 x i64> %turned
}

define hidden i64 @tenon.checksum(ptr %data, i64 %bytes) nounwind {
entry:
  %rest = alloca [64 x i8], align 64
  %tail = and i64 %bytes, 63
  %end = sub i64 %bytes, %tail
  br label %next
next:
  %at = phi i64 [ 0, %entry ], [ %after, %block ]
  %lanes = phi <8 x i64> [ <i64 1, i64 2, i64 3, i64 4, i64 5, i64 6, i64 7, i64 8>, %entry ], [ %folded, %block ]
  %more = icmp ult i64 %at, %end
  br i1 %more, label %block, label %last
block:
  %place = getelementptr i8, ptr %data, i64 %at
  %words = load <8 x i64>, ptr %place, align 1
  %folded = call <8 x i64> @fold(<8 x i64> %lanes, <8 x i64> %words)
  %after = add i64 %at, 64
  br label %next
last:
  call void @llvm.memset.p0.i64(ptr align 64 %rest, i8 0, i64 64, i1 false)
  %from = getelementptr i8, ptr %data, i64 %end
  call void @llvm.memcpy.p0.p0.i64(ptr align 64 %rest, ptr %from, i64 %tail, i1 false)
  %padded = load <8 x i64>, ptr %rest, align 64
  %all = call <8 x i64> @fold(<8 x i64> %lanes, <8 x i64> %padded)
  %apart = mul <8 x i64> %all, <i64 3, i64 5, i64 7, i64 11, i64 13, i64 17, i64 19, i64 23>
  %sum = call i64 @llvm.vector.reduce.xor.v8i64(<8 x i64> %apart)
  %result = xor i64 %sum, %bytes
  ret i64 %result
}
