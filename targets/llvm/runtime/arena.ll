; The memory that one run works in. A model keeps up to 16 arenas for the next runs: runs at the same time have one
; each, and a run after another finds one whose pages are there.

declare ptr @mmap(ptr, i64, i32, i32, i32, i64)
declare i32 @munmap(ptr, i64)
declare i32 @madvise(ptr, i64, i32)

@tenon.info = external hidden constant %Info

define internal i64 @arena_bytes() nounwind {
  %bytes = load i64, ptr getelementptr (%Info, ptr @tenon.info, i64 0, i32 6)
  %some = call i64 @llvm.umax.i64(i64 %bytes, i64 1)
  ret i64 %some
}
declare i64 @llvm.umax.i64(i64, i64)

; A new arena with all its pages, large ones where the system has them; null where there is no memory.
define internal ptr @new_arena() nounwind {
  %bytes = call i64 @arena_bytes()
  %memory = call ptr @mmap(ptr null, i64 %bytes, i32 3, i32 34, i32 -1, i64 0)  ; read and write, private
  %failed = icmp eq ptr %memory, inttoptr (i64 -1 to ptr)
  br i1 %failed, label %none, label %made
made:
  %large = call i32 @madvise(ptr %memory, i64 %bytes, i32 14)  ; MADV_HUGEPAGE
  %there = call i32 @madvise(ptr %memory, i64 %bytes, i32 23)  ; MADV_POPULATE_WRITE; older systems come later
  ret ptr %memory
none:
  ret ptr null
}

; Takes an idle arena out of its place, or makes one; null where there is no memory.
define hidden ptr @tenon.take_arena(ptr %model) nounwind {
entry:
  br label %look
look:
  %place = phi i64 [ 0, %entry ], [ %after, %next ]
  %slot = getelementptr %Model, ptr %model, i64 0, i32 5, i64 %place
  %seen = load atomic ptr, ptr %slot monotonic, align 8
  %empty = icmp eq ptr %seen, null
  br i1 %empty, label %next, label %grab
grab:
  %taken = atomicrmw xchg ptr %slot, ptr null acquire
  %missed = icmp eq ptr %taken, null  ; another thread was faster
  br i1 %missed, label %next, label %found
found:
  ret ptr %taken
next:
  %after = add i64 %place, 1
  %more = icmp ult i64 %after, 16
  br i1 %more, label %look, label %make
make:
  %made = call ptr @new_arena()
  ret ptr %made
}

; Puts an arena into a free place; where all are taken, gives it back to the system.
define hidden void @tenon.give_arena(ptr %model, ptr %arena) nounwind {
entry:
  br label %look
look:
  %place = phi i64 [ 0, %entry ], [ %after, %next ]
  %slot = getelementptr %Model, ptr %model, i64 0, i32 5, i64 %place
  %put = cmpxchg ptr %slot, ptr null, ptr %arena release monotonic
  %done = extractvalue { ptr, i1 } %put, 1
  br i1 %done, label %end, label %next
next:
  %after = add i64 %place, 1
  %more = icmp ult i64 %after, 16
  br i1 %more, label %look, label %full
full:
  call void @free_arena(ptr %arena)
  br label %end
end:
  ret void
}

define internal void @free_arena(ptr %arena) nounwind {
  %bytes = call i64 @arena_bytes()
  %status = call i32 @munmap(ptr %arena, i64 %bytes)
  ret void
}

define hidden void @tenon.free_arenas(ptr %model) nounwind {
entry:
  br label %look
look:
  %place = phi i64 [ 0, %entry ], [ %after, %next ]
  %slot = getelementptr %Model, ptr %model, i64 0, i32 5, i64 %place
  %arena = load ptr, ptr %slot
  %empty = icmp eq ptr %arena, null
  br i1 %empty, label %next, label %free
free:
  call void @free_arena(ptr %arena)
  br label %next
next:
  %after = add i64 %place, 1
  %more = icmp ult i64 %after, 16
  br i1 %more, label %look, label %end
end:
  ret void
}
