; Create, run and destroy a model.

declare ptr @calloc(i64, i64)
declare void @free(ptr)
declare i32 @munmap(ptr, i64)

declare hidden i32 @tenon.fail(ptr, i32, ptr, ...)
declare hidden void @tenon.no_error(ptr)
declare hidden i32 @tenon.check_cpu(ptr)
declare hidden i32 @tenon.open_weights(ptr, ptr, ptr)
declare hidden ptr @tenon.pool_create(i64)
declare hidden void @tenon.pool_destroy(ptr)
declare hidden ptr @tenon.take_arena(ptr)
declare hidden void @tenon.give_arena(ptr, ptr)
declare hidden void @tenon.free_arenas(ptr)
declare hidden i32 @tenon.check_tensors(ptr, i64, ptr, i64, ptr, ptr)
declare hidden i32 @tenon.check_overlap(ptr, ptr, ptr, ptr, i64, ptr, ptr)

@tenon.info = external hidden constant %Info

; The model's code: (inputs, outputs: arrays of %Tensor, weights, arena, pool).
declare hidden void @tenon.enter(ptr, ptr, ptr, ptr, ptr)

; (version the program was built for, options or null, where the model goes, error or null) -> status
define hidden i32 @tenon.create(i32 %version, ptr %options, ptr %result, ptr %error) nounwind {
  call void @tenon.no_error(ptr %error)
  %nowhere = icmp eq ptr %result, null
  br i1 %nowhere, label %no.result, label %clear
no.result:
  %r0 = call i32 (ptr, i32, ptr, ...) @tenon.fail(ptr %error, i32 1, ptr @"the place for the model is null")
  ret i32 %r0
clear:
  store ptr null, ptr %result
  %ours = load i32, ptr @tenon.info
  %same = icmp eq i32 %version, %ours
  br i1 %same, label %cpu, label %other.version
other.version:
  %r1 = call i32 (ptr, i32, ptr, ...) @tenon.fail(ptr %error, i32 2,
    ptr @"the program was built for version %u of the interface, the model has %u", i32 %version, i32 %ours)
  ret i32 %r1
cpu:
  %able = call i32 @tenon.check_cpu(ptr %error)
  %runs = icmp eq i32 %able, 0
  br i1 %runs, label %allocate, label %unable
unable:
  ret i32 %able
allocate:
  %size = ptrtoint ptr getelementptr (%Model, ptr null, i64 1) to i64
  %model = call ptr @calloc(i64 1, i64 %size)
  %none = icmp eq ptr %model, null
  br i1 %none, label %no.memory, label %fill
no.memory:
  %r2 = call i32 (ptr, i32, ptr, ...) @tenon.fail(ptr %error, i32 5, ptr @"not enough memory for a model")
  ret i32 %r2
fill:
  store ptr @tenon.info, ptr %model
  %status = call i32 @prepare(ptr %model, ptr %options, ptr %error)
  %good = icmp eq i32 %status, 0
  br i1 %good, label %done, label %failed
failed:
  call void @tenon.destroy(ptr %model)
  ret i32 %status
done:
  store ptr %model, ptr %result
  ret i32 0
}

; Weights, the first arena, threads: what the first run would wait for.
define internal i32 @prepare(ptr %model, ptr %options, ptr %error) nounwind {
entry:
  %default = icmp eq ptr %options, null
  br i1 %default, label %weights, label %read
read:
  %threads = load i32, ptr %options
  %absurd = icmp ugt i32 %threads, 64
  %path.place = getelementptr %Options, ptr %options, i64 0, i32 1
  %given = load ptr, ptr %path.place
  br i1 %absurd, label %no.threads, label %weights
no.threads:
  %r0 = call i32 (ptr, i32, ptr, ...) @tenon.fail(ptr %error, i32 1,
    ptr @"threads is %d, expected 1 to 64, or 0 for what the model was compiled for", i32 %threads)
  ret i32 %r0
weights:
  %wanted = phi i32 [ 0, %entry ], [ %threads, %read ]
  %path = phi ptr [ null, %entry ], [ %given, %read ]
  %status = call i32 @tenon.open_weights(ptr %model, ptr %path, ptr %error)
  %opened = icmp eq i32 %status, 0
  br i1 %opened, label %arena, label %failed
failed:
  ret i32 %status
arena:
  %memory = call ptr @tenon.take_arena(ptr %model)
  %none = icmp eq ptr %memory, null
  br i1 %none, label %full, label %keep
full:
  %bytes = load i64, ptr getelementptr (%Info, ptr @tenon.info, i64 0, i32 6)
  %r1 = call i32 (ptr, i32, ptr, ...) @tenon.fail(ptr %error, i32 5,
    ptr @"not enough memory for an arena of %zu bytes", i64 %bytes)
  ret i32 %r1
keep:
  call void @tenon.give_arena(ptr %model, ptr %memory)
  %started = call i32 @start_threads(ptr %model, i32 %wanted, ptr %error)
  ret i32 %started
}

; How many cores the process may run on; many where the system does not tell.
define internal i32 @cores() nounwind {
entry:
  %mask = alloca [16 x i64]  ; 1024 cores
  store [16 x i64] zeroinitializer, ptr %mask
  %status = call i32 @sched_getaffinity(i32 0, i64 128, ptr %mask)
  %told = icmp sge i32 %status, 0
  br i1 %told, label %next, label %many
next:
  %index = phi i64 [ 0, %entry ], [ %after, %next ]
  %sum = phi i64 [ 0, %entry ], [ %more, %next ]
  %place = getelementptr i64, ptr %mask, i64 %index
  %word = load i64, ptr %place
  %bits = call i64 @llvm.ctpop.i64(i64 %word)
  %more = add i64 %sum, %bits
  %after = add i64 %index, 1
  %again = icmp ult i64 %after, 16
  br i1 %again, label %next, label %counted
counted:
  %count = trunc i64 %more to i32
  ret i32 %count
many:
  ret i32 1024
}
declare i32 @sched_getaffinity(i32, i64, ptr)
declare i64 @llvm.ctpop.i64(i64)
declare i32 @llvm.umin.i32(i32, i32)

; A pool, unless the model runs on one thread: code that was compiled for one has nothing to share out, and a thread
; that waits for its turn on a core would only be waited for.
define internal i32 @start_threads(ptr %model, i32 %wanted, ptr %error) nounwind {
  %compiled = load i32, ptr getelementptr (%Info, ptr @tenon.info, i64 0, i32 1)
  %default = icmp eq i32 %wanted, 0
  %asked = select i1 %default, i32 %compiled, i32 %wanted
  %cores = call i32 @cores()
  %chosen = call i32 @llvm.umin.i32(i32 %asked, i32 %cores)
  %shared = icmp ugt i32 %compiled, 1
  %several = icmp ugt i32 %chosen, 1
  %needed = and i1 %shared, %several
  br i1 %needed, label %start, label %good
start:
  %count = zext i32 %chosen to i64
  %pool = call ptr @tenon.pool_create(i64 %count)
  %place = getelementptr %Model, ptr %model, i64 0, i32 4
  store ptr %pool, ptr %place
  %none = icmp eq ptr %pool, null
  br i1 %none, label %refused, label %good
refused:
  %missing = sub i32 %chosen, 1
  %r0 = call i32 (ptr, i32, ptr, ...) @tenon.fail(ptr %error, i32 6,
    ptr @"the system starts no thread, expected %d for a model that runs on %d", i32 %missing, i32 %chosen)
  ret i32 %r0
good:
  ret i32 0
}

define hidden void @tenon.destroy(ptr %model) nounwind {
  %nothing = icmp eq ptr %model, null
  br i1 %nothing, label %done, label %arenas
arenas:
  %pool.place = getelementptr %Model, ptr %model, i64 0, i32 4
  %pool = load ptr, ptr %pool.place
  call void @tenon.pool_destroy(ptr %pool)
  call void @tenon.free_arenas(ptr %model)
  %file.place = getelementptr %Model, ptr %model, i64 0, i32 2
  %file = load ptr, ptr %file.place
  %inside = icmp eq ptr %file, null
  br i1 %inside, label %release, label %unmap
unmap:
  %bytes.place = getelementptr %Model, ptr %model, i64 0, i32 3
  %bytes = load i64, ptr %bytes.place
  %unmapped = call i32 @munmap(ptr %file, i64 %bytes)
  br label %release
release:
  store ptr null, ptr %model  ; a run that comes too late is likely to be told so
  call void @free(ptr %model)
  br label %done
done:
  ret void
}

; (model, inputs, their number, outputs, their number, error or null) -> status
define hidden i32 @tenon.run(ptr %model, ptr %inputs, i64 %input.count, ptr %outputs, i64 %output.count,
    ptr %error) nounwind {
  call void @tenon.no_error(ptr %error)
  %nothing = icmp eq ptr %model, null
  br i1 %nothing, label %no.model, label %owner
no.model:
  %r0 = call i32 (ptr, i32, ptr, ...) @tenon.fail(ptr %error, i32 1, ptr @"the model is null")
  ret i32 %r0
owner:
  %info = load ptr, ptr %model
  %ours = icmp eq ptr %info, @tenon.info
  br i1 %ours, label %check, label %foreign
foreign:
  %r1 = call i32 (ptr, i32, ptr, ...) @tenon.fail(ptr %error, i32 1,
    ptr @"the model was created by another library, or is destroyed")
  ret i32 %r1
check:
  %status = call i32 @check(ptr %inputs, i64 %input.count, ptr %outputs, i64 %output.count, ptr %error)
  %good = icmp eq i32 %status, 0
  br i1 %good, label %work, label %wrong
wrong:
  ret i32 %status
work:
  %arena = call ptr @tenon.take_arena(ptr %model)
  %none = icmp eq ptr %arena, null
  br i1 %none, label %full, label %enter
full:
  %bytes = load i64, ptr getelementptr (%Info, ptr @tenon.info, i64 0, i32 6)
  %r2 = call i32 (ptr, i32, ptr, ...) @tenon.fail(ptr %error, i32 5,
    ptr @"not enough memory for an arena of %zu bytes", i64 %bytes)
  ret i32 %r2
enter:
  %weights.place = getelementptr %Model, ptr %model, i64 0, i32 1
  %weights = load ptr, ptr %weights.place
  %pool.place = getelementptr %Model, ptr %model, i64 0, i32 4
  %pool = load ptr, ptr %pool.place
  call void @tenon.enter(ptr %inputs, ptr %outputs, ptr %weights, ptr %arena, ptr %pool)
  call void @tenon.give_arena(ptr %model, ptr %arena)
  ret i32 0
}

; All that can be wrong with the tensors of a run; nothing has been written yet.
define internal i32 @check(ptr %inputs, i64 %input.count, ptr %outputs, i64 %output.count, ptr %error) nounwind {
entry:
  %input.ports = load ptr, ptr getelementptr (%Info, ptr @tenon.info, i64 0, i32 9)
  %input.expected = load i64, ptr getelementptr (%Info, ptr @tenon.info, i64 0, i32 8)
  %output.ports = load ptr, ptr getelementptr (%Info, ptr @tenon.info, i64 0, i32 11)
  %output.expected = load i64, ptr getelementptr (%Info, ptr @tenon.info, i64 0, i32 10)
  %first = call i32 @tenon.check_tensors(ptr %inputs, i64 %input.count, ptr %input.ports, i64 %input.expected,
    ptr @"input", ptr %error)
  %inputs.good = icmp eq i32 %first, 0
  br i1 %inputs.good, label %results, label %inputs.wrong
inputs.wrong:
  ret i32 %first
results:
  %second = call i32 @tenon.check_tensors(ptr %outputs, i64 %output.count, ptr %output.ports,
    i64 %output.expected, ptr @"output", ptr %error)
  %outputs.good = icmp eq i32 %second, 0
  br i1 %outputs.good, label %next, label %outputs.wrong
outputs.wrong:
  ret i32 %second
next:
  %index = phi i64 [ 0, %results ], [ %after, %apart ]
  %more = icmp ult i64 %index, %output.count
  br i1 %more, label %inputs.overlap, label %good
inputs.overlap:
  %output = getelementptr %Tensor, ptr %outputs, i64 %index
  %port = getelementptr %Port, ptr %output.ports, i64 %index
  %third = call i32 @tenon.check_overlap(ptr %output, ptr %port, ptr %inputs, ptr %input.ports,
    i64 %input.count, ptr @"input", ptr %error)
  %third.good = icmp eq i32 %third, 0
  br i1 %third.good, label %outputs.overlap, label %third.wrong
third.wrong:
  ret i32 %third
outputs.overlap:
  %fourth = call i32 @tenon.check_overlap(ptr %output, ptr %port, ptr %outputs, ptr %output.ports,
    i64 %index, ptr @"output", ptr %error)
  %fourth.good = icmp eq i32 %fourth, 0
  br i1 %fourth.good, label %apart, label %fourth.wrong
fourth.wrong:
  ret i32 %fourth
apart:
  %after = add i64 %index, 1
  br label %next
good:
  ret i32 0
}
