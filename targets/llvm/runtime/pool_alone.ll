; tenon.parallel without threads: for code that has no pool.

define internal void @tenon.parallel(ptr %pool, ptr %body, ptr %context, i64 %parts) nounwind {
entry:
  %some = icmp ne i64 %parts, 0
  br i1 %some, label %one, label %end
one:
  %part = phi i64 [ 0, %entry ], [ %next, %one ]
  call void %body(ptr %context, i64 %part)
  %next = add i64 %part, 1
  %more = icmp ult i64 %next, %parts
  br i1 %more, label %one, label %end
end:
  ret void
}
