; A pool of threads that run the parts of one job at a time; who calls runs parts too.
;
; A job is a body, its context and how many parts it has (at most 64); its word is number * 256 + parts, so that
; whoever reads it knows both. Part p belongs to whoever raises claim word p to 2 * number, and is over when that
; word is 2 * number + 1: claims need no reset, and a worker that comes late finds every part of its job taken.
; Thread t takes part t first: successive kernels find their rows in the caches of the same core. The caller
; runs what nobody has claimed and waits only for parts that a worker is running: a worker that has not been
; scheduled, or does not exist since the process was forked, is never waited for.
;
; Workers look for the next job for 50 microseconds, then sleep on the lower half of the job's word.

%Claim  = type { i64, [7 x i64] }                      ; the last job that claimed the part; a cache line each
%Worker = type { ptr, i64, i64 }                       ; pool, number of the thread, its pthread_t
%Pool   = type { i32, i32, i32, i32, [6 x i64],        ; busy, process, workers, none
                 i64, ptr, ptr, [5 x i64],             ; the job: word, body, context
                 i32, [15 x i32],                      ; workers that sleep
                 [64 x %Claim], [64 x %Worker] }

declare ptr @aligned_alloc(i64, i64)
declare void @free(ptr)
declare i32 @getpid()
declare i32 @sched_yield()
declare i32 @clock_gettime(i32, ptr)
declare i32 @pthread_create(ptr, ptr, ptr, ptr)
declare i32 @pthread_join(i64, ptr)
declare i32 @pthread_sigmask(i32, ptr, ptr)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)

; A pool for `threads` threads, the caller among them; null where there is no memory or no thread.
define hidden ptr @tenon.pool_create(i64 %threads) nounwind {
entry:
  %all = alloca [16 x i64], align 8
  %before = alloca [16 x i64], align 8
  %capped = call i64 @llvm.umin.i64(i64 %threads, i64 64)
  %bytes = ptrtoint ptr getelementptr (%Pool, ptr null, i64 1) to i64
  %pool = call ptr @aligned_alloc(i64 64, i64 %bytes)
  %none = icmp eq ptr %pool, null
  br i1 %none, label %failed, label %made
made:
  call void @llvm.memset.p0.i64(ptr %pool, i8 0, i64 %bytes, i1 false)
  %process.at = getelementptr %Pool, ptr %pool, i64 0, i32 1
  %process = call i32 @getpid()
  store i32 %process, ptr %process.at
  call void @llvm.memset.p0.i64(ptr %all, i8 -1, i64 128, i1 false)
  call i32 @pthread_sigmask(i32 2, ptr %all, ptr %before)  ; signals are for the threads of the program
  br label %next
next:
  %number = phi i64 [ 1, %made ], [ %after, %started ]
  %more = icmp ult i64 %number, %capped
  br i1 %more, label %start, label %ready
start:
  %worker = getelementptr %Pool, ptr %pool, i64 0, i32 12, i64 %number
  %number.at = getelementptr %Worker, ptr %worker, i64 0, i32 1
  %thread.at = getelementptr %Worker, ptr %worker, i64 0, i32 2
  store ptr %pool, ptr %worker
  store i64 %number, ptr %number.at
  %status = call i32 @pthread_create(ptr %thread.at, ptr null, ptr @tenon.work, ptr %worker)
  %refused = icmp ne i32 %status, 0
  br i1 %refused, label %ready, label %started
started:
  %after = add i64 %number, 1
  br label %next
ready:
  call i32 @pthread_sigmask(i32 2, ptr %before, ptr null)
  %workers = sub i64 %number, 1
  %workers.low = trunc i64 %workers to i32
  %workers.at = getelementptr %Pool, ptr %pool, i64 0, i32 2
  store i32 %workers.low, ptr %workers.at
  %alone = icmp eq i64 %workers, 0
  br i1 %alone, label %useless, label %done
done:
  ret ptr %pool
useless:
  call void @free(ptr %pool)
  ret ptr null
failed:
  ret ptr null
}
declare i64 @llvm.umin.i64(i64, i64)

; Ends the workers and frees the pool, which nobody may be using. In a process that was forked there are none.
define hidden void @tenon.pool_destroy(ptr %pool) nounwind {
entry:
  %none = icmp eq ptr %pool, null
  br i1 %none, label %end, label %check
check:
  %process.at = getelementptr %Pool, ptr %pool, i64 0, i32 1
  %made.in = load i32, ptr %process.at
  %process = call i32 @getpid()
  %own = icmp eq i32 %made.in, %process
  br i1 %own, label %stop, label %release
stop:
  call void @tenon.publish(ptr %pool, i64 0)
  %workers.at = getelementptr %Pool, ptr %pool, i64 0, i32 2
  %workers.low = load i32, ptr %workers.at
  %workers = zext i32 %workers.low to i64
  br label %join
join:
  %number = phi i64 [ 1, %stop ], [ %after, %join ]
  %thread.at = getelementptr %Pool, ptr %pool, i64 0, i32 12, i64 %number, i32 2
  %thread = load i64, ptr %thread.at
  call i32 @pthread_join(i64 %thread, ptr null)
  %after = add i64 %number, 1
  %more = icmp ule i64 %after, %workers
  br i1 %more, label %join, label %release
release:
  call void @free(ptr %pool)
  br label %end
end:
  ret void
}

; body(context, part) for every part from 0, with the pool's threads; alone without a pool, or while another job
; has it.
define hidden void @tenon.parallel(ptr %pool, ptr %body, ptr %context, i64 %parts) nounwind {
entry:
  %none = icmp eq ptr %pool, null
  br i1 %none, label %alone, label %try
try:
  %fits = icmp ule i64 %parts, 64
  %several = icmp ugt i64 %parts, 1
  %worth = and i1 %fits, %several
  br i1 %worth, label %lock, label %alone
lock:
  %locked = cmpxchg ptr %pool, i32 0, i32 1 acquire monotonic
  %mine = extractvalue { i32, i1 } %locked, 1
  br i1 %mine, label %publish, label %alone
publish:
  %body.at = getelementptr %Pool, ptr %pool, i64 0, i32 6
  %context.at = getelementptr %Pool, ptr %pool, i64 0, i32 7
  store ptr %body, ptr %body.at
  store ptr %context, ptr %context.at
  call void @tenon.publish(ptr %pool, i64 %parts)
  %word.at = getelementptr %Pool, ptr %pool, i64 0, i32 5
  %word = load atomic i64, ptr %word.at monotonic, align 8
  call void @tenon.run_parts(ptr %pool, i64 %word, i64 0)
  %job = lshr i64 %word, 8
  %twice = shl i64 %job, 1
  %over = or disjoint i64 %twice, 1
  br label %wait
wait:
  %part = phi i64 [ 0, %publish ], [ %after, %finished ]
  %claim = getelementptr %Pool, ptr %pool, i64 0, i32 11, i64 %part
  call void @tenon.await(ptr %claim, i64 %over)
  br label %finished
finished:
  %after = add i64 %part, 1
  %more = icmp ult i64 %after, %parts
  br i1 %more, label %wait, label %unlock
unlock:
  store atomic i32 0, ptr %pool release, align 4
  br label %end
alone:
  %some = icmp ne i64 %parts, 0
  br i1 %some, label %one, label %end
one:
  %i = phi i64 [ 0, %alone ], [ %i.next, %one ]
  call void %body(ptr %context, i64 %i)
  %i.next = add i64 %i, 1
  %again = icmp ult i64 %i.next, %parts
  br i1 %again, label %one, label %end
end:
  ret void
}

; Announces the next job, of so many parts, and wakes the workers that sleep. No parts: the workers shall end.
define internal void @tenon.publish(ptr %pool, i64 %parts) nounwind {
entry:
  %word.at = getelementptr %Pool, ptr %pool, i64 0, i32 5
  %last = load atomic i64, ptr %word.at monotonic, align 8
  %last.job = lshr i64 %last, 8
  %job = add i64 %last.job, 1
  %shifted = shl i64 %job, 8
  %word = or disjoint i64 %shifted, %parts
  ; Either a worker that falls asleep sees this word, or this thread sees that it sleeps: hence seq_cst.
  %old = atomicrmw xchg ptr %word.at, i64 %word seq_cst
  %sleepers.at = getelementptr %Pool, ptr %pool, i64 0, i32 9
  %sleepers = load atomic i32, ptr %sleepers.at seq_cst, align 4
  %awake = icmp eq i32 %sleepers, 0
  br i1 %awake, label %end, label %wake
wake:
  call void @tenon.futex(ptr %word.at, i32 129, i32 2147483647)  ; FUTEX_WAKE_PRIVATE, all of them
  br label %end
end:
  ret void
}

; Claims and runs parts of a job until all are claimed, beginning with part `first`.
define internal void @tenon.run_parts(ptr %pool, i64 %word, i64 %first) nounwind {
entry:
  %parts = and i64 %word, 255
  %job = lshr i64 %word, 8
  %claimed = shl i64 %job, 1
  %over = or disjoint i64 %claimed, 1
  br label %next
next:
  %count = phi i64 [ 0, %entry ], [ %count.next, %passed ]
  %part = phi i64 [ %first, %entry ], [ %following, %passed ]
  %claim = getelementptr %Pool, ptr %pool, i64 0, i32 11, i64 %part
  %seen = load atomic i64, ptr %claim monotonic, align 8
  %free = icmp ult i64 %seen, %claimed
  br i1 %free, label %grab, label %passed
grab:
  %exchanged = cmpxchg ptr %claim, i64 %seen, i64 %claimed monotonic monotonic
  %mine = extractvalue { i64, i1 } %exchanged, 1
  br i1 %mine, label %run, label %passed
run:
  ; The job cannot end before this part has: its body and context stay.
  %body.at = getelementptr %Pool, ptr %pool, i64 0, i32 6
  %context.at = getelementptr %Pool, ptr %pool, i64 0, i32 7
  %body = load ptr, ptr %body.at
  %context = load ptr, ptr %context.at
  call void %body(ptr %context, i64 %part)
  store atomic i64 %over, ptr %claim release, align 8
  br label %passed
passed:
  %after = add i64 %part, 1
  %wraps = icmp eq i64 %after, %parts
  %following = select i1 %wraps, i64 0, i64 %after
  %count.next = add i64 %count, 1
  %more = icmp ult i64 %count.next, %parts
  br i1 %more, label %next, label %end
end:
  ret void
}

; Returns when a part is over; after 50 microseconds lets other threads run meanwhile, the worker may need the core.
define internal void @tenon.await(ptr %claim, i64 %over) nounwind {
entry:
  %early = load atomic i64, ptr %claim acquire, align 8
  %soon = icmp eq i64 %early, %over
  br i1 %soon, label %end, label %start
start:
  %begin = call i64 @tenon.nanoseconds()
  br label %round
round:
  br label %spin
spin:
  %i = phi i64 [ 0, %round ], [ %i.next, %again ]
  %now = load atomic i64, ptr %claim acquire, align 8
  %done = icmp eq i64 %now, %over
  br i1 %done, label %end, label %again
again:
  call void @tenon.relax()
  %i.next = add i64 %i, 1
  %more = icmp ult i64 %i.next, 32
  br i1 %more, label %spin, label %look
look:
  %time = call i64 @tenon.nanoseconds()
  %spent = sub i64 %time, %begin
  %long = icmp ugt i64 %spent, 50000
  br i1 %long, label %yield, label %round
yield:
  call i32 @sched_yield()
  br label %round
end:
  ret void
}

; The life of a worker.
define internal ptr @tenon.work(ptr %worker) nounwind {
entry:
  %number.at = getelementptr %Worker, ptr %worker, i64 0, i32 1
  %number = load i64, ptr %number.at
  %pool = load ptr, ptr %worker
  br label %next
next:
  %last = phi i64 [ 0, %entry ], [ %word, %idle ], [ %word, %work ]
  %word = call i64 @tenon.next_job(ptr %pool, i64 %last)
  %parts = and i64 %word, 255
  %stop = icmp eq i64 %parts, 0
  br i1 %stop, label %end, label %idle
idle:
  %needed = icmp ult i64 %number, %parts
  br i1 %needed, label %work, label %next
work:
  call void @tenon.run_parts(ptr %pool, i64 %word, i64 %number)
  br label %next
end:
  ret ptr null
}

; Waits until the word of the job is not `last` any more, and returns it.
define internal i64 @tenon.next_job(ptr %pool, i64 %last) nounwind {
entry:
  %word.at = getelementptr %Pool, ptr %pool, i64 0, i32 5
  %sleepers.at = getelementptr %Pool, ptr %pool, i64 0, i32 9
  %begin = call i64 @tenon.nanoseconds()
  br label %spin
spin:
  %i = phi i64 [ 0, %entry ], [ 0, %look ], [ %i.next, %again ]
  %now = load atomic i64, ptr %word.at acquire, align 8
  %same = icmp eq i64 %now, %last
  br i1 %same, label %again, label %found
again:
  call void @tenon.relax()
  %i.next = add i64 %i, 1
  %more = icmp ult i64 %i.next, 32
  br i1 %more, label %spin, label %look
look:
  %time = call i64 @tenon.nanoseconds()
  %spent = sub i64 %time, %begin
  %long = icmp ugt i64 %spent, 50000
  br i1 %long, label %lie.down, label %spin
lie.down:
  %before = atomicrmw add ptr %sleepers.at, i32 1 seq_cst
  br label %sleep
sleep:
  %seen = load atomic i64, ptr %word.at seq_cst, align 8
  %still = icmp eq i64 %seen, %last
  br i1 %still, label %wait, label %rise
wait:
  %low = trunc i64 %last to i32
  call void @tenon.futex(ptr %word.at, i32 128, i32 %low)  ; FUTEX_WAIT_PRIVATE; the low half comes first
  br label %sleep
rise:
  %after = atomicrmw sub ptr %sleepers.at, i32 1 seq_cst
  br label %found
found:
  %word = phi i64 [ %now, %spin ], [ %seen, %rise ]
  ret i64 %word
}

; The steady clock.
define internal i64 @tenon.nanoseconds() nounwind {
  %time = alloca { i64, i64 }
  %status = call i32 @clock_gettime(i32 1, ptr %time)
  %seconds = load i64, ptr %time
  %rest.at = getelementptr { i64, i64 }, ptr %time, i64 0, i32 1
  %rest = load i64, ptr %rest.at
  %whole = mul i64 %seconds, 1000000000
  %total = add i64 %whole, %rest
  ret i64 %total
}
