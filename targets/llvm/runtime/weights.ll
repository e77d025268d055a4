; Where a model's weights come from: out of the library itself, or out of a file beside it.

declare i32 @open(ptr, i32, ...)
declare i32 @close(i32)
declare i64 @pread(i32, ptr, i64, i64)
declare i64 @lseek(i32, i64, i32)
declare ptr @mmap(ptr, i64, i32, i32, i32, i64)
declare i32 @munmap(ptr, i64)
declare i32 @madvise(ptr, i64, i32)
declare i64 @sysconf(i32)
declare ptr @__errno_location()
declare i32 @dladdr(ptr, ptr)
declare i32 @access(ptr, i32)
declare ptr @realpath(ptr, ptr)
declare ptr @strrchr(ptr, i32)
declare i32 @snprintf(ptr, i64, ptr, ...)
declare i32 @memcmp(ptr, ptr, i64)

declare hidden i32 @tenon.fail(ptr, i32, ptr, ...)
declare hidden i64 @tenon.checksum(ptr, i64)

@tenon.blob = external hidden constant %Blob

; Sets the model's weights; `path` is the caller's, or null. Returns a status.
define hidden i32 @tenon.open_weights(ptr %model, ptr %path, ptr %error) nounwind {
  %buffer = alloca [4096 x i8]
  %inside = load ptr, ptr @tenon.blob
  %external = icmp eq ptr %inside, null
  %default = icmp eq ptr %path, null
  br i1 %external, label %outside, label %own
own:
  br i1 %default, label %keep, label %unwanted
unwanted:
  %refused = call i32 (ptr, i32, ptr, ...) @tenon.fail(ptr %error, i32 1,
    ptr @"weights '%.300s': a path is given, but the model has its weights inside", ptr %path)
  ret i32 %refused
keep:
  %place = getelementptr %Model, ptr %model, i64 0, i32 1
  store ptr %inside, ptr %place
  %bytes = load i64, ptr getelementptr (%Blob, ptr @tenon.blob, i64 0, i32 1)
  %status = call i32 @populate(ptr %inside, i64 %bytes, ptr %error)
  %there = icmp eq i32 %status, 0
  br i1 %there, label %sum, label %cut
cut:
  ret i32 %status
sum:
  %found = call i64 @tenon.checksum(ptr %inside, i64 %bytes)
  %expected = load i64, ptr getelementptr (%Blob, ptr @tenon.blob, i64 0, i32 2)
  %same = icmp eq i64 %found, %expected
  br i1 %same, label %whole, label %damaged
damaged:
  %bad = call i32 (ptr, i32, ptr, ...) @tenon.fail(ptr %error, i32 4,
    ptr @"the weights inside the library are damaged: the checksum is %016lx, expected %016lx",
    i64 %found, i64 %expected)
  ret i32 %bad
whole:
  ret i32 0
outside:
  br i1 %default, label %search, label %open
search:
  call void @beside_library(ptr %buffer)
  br label %open
open:
  %file = phi ptr [ %path, %outside ], [ %buffer, %search ]
  %opened = call i32 @open_file(ptr %model, ptr %file, ptr %error)
  ret i32 %opened
}

; Brings all pages into memory now, so that the first run need not wait for them.
define internal i32 @populate(ptr %data, i64 %bytes, ptr %error) nounwind {
  %page = call i64 @sysconf(i32 30)  ; _SC_PAGESIZE
  %start = ptrtoint ptr %data to i64
  %mask = sub i64 0, %page
  %first = and i64 %start, %mask
  %end = add i64 %start, %bytes
  %length = sub i64 %end, %first
  %from = inttoptr i64 %first to ptr
  %status = call i32 @madvise(ptr %from, i64 %length, i32 22)  ; MADV_POPULATE_READ
  %done = icmp eq i32 %status, 0
  br i1 %done, label %good, label %why
why:
  %place = call ptr @__errno_location()
  %errno = load i32, ptr %place
  %old = icmp eq i32 %errno, 22  ; EINVAL: before Linux 5.14 the first run brings them
  br i1 %old, label %good, label %cut
cut:
  %refused = call i32 (ptr, i32, ptr, ...) @tenon.fail(ptr %error, i32 4,
    ptr @"the weights inside the library cannot be read: %m")
  ret i32 %refused
good:
  ret i32 0
}

; The path of the weights file in the folder of this library; where it is none and the library's path is a link, in
; the folder that the link leads to. dladdr takes any address in the library.
define internal void @beside_library(ptr %path) nounwind {
  %found = alloca { ptr, ptr, ptr, ptr }
  %resolved = alloca [4096 x i8]
  %other = alloca [4096 x i8]
  %status = call i32 @dladdr(ptr @tenon.blob, ptr %found)
  %library = load ptr, ptr %found
  call void @in_folder_of(ptr %library, ptr %path)
  %absent = call i32 @access(ptr %path, i32 4)  ; R_OK
  %there = icmp eq i32 %absent, 0
  br i1 %there, label %done, label %follow
follow:
  %real = call ptr @realpath(ptr %library, ptr %resolved)
  %lost = icmp eq ptr %real, null
  br i1 %lost, label %done, label %look
look:
  call void @in_folder_of(ptr %real, ptr %other)
  %nothing = call i32 @access(ptr %other, i32 4)
  %better = icmp eq i32 %nothing, 0
  br i1 %better, label %take, label %done
take:
  %written = call i32 (ptr, i64, ptr, ...) @snprintf(ptr %path, i64 4096, ptr @"%s", ptr %other)
  br label %done
done:
  ret void
}

; The path of the weights file in the folder that `library` is in.
define internal void @in_folder_of(ptr %library, ptr %path) nounwind {
  %slash = call ptr @strrchr(ptr %library, i32 47)
  %bare = icmp eq ptr %slash, null
  %start = ptrtoint ptr %library to i64
  %last = ptrtoint ptr %slash to i64
  %distance = sub i64 %last, %start
  %folder = add i64 %distance, 1
  %length = select i1 %bare, i64 0, i64 %folder
  %width = trunc i64 %length to i32
  %file = load ptr, ptr getelementptr (%Blob, ptr @tenon.blob, i64 0, i32 3)
  %written = call i32 (ptr, i64, ptr, ...) @snprintf(ptr %path, i64 4096, ptr @"%.*s%s",
    i32 %width, ptr %library, ptr %file)
  ret void
}

define internal i32 @open_file(ptr %model, ptr %path, ptr %error) nounwind {
  ; O_RDONLY, O_CLOEXEC, and O_NONBLOCK: a pipe that nobody fills must not stop the program.
  %file = call i32 (ptr, i32, ...) @open(ptr %path, i32 526336)
  %failed = icmp slt i32 %file, 0
  br i1 %failed, label %missing, label %opened
missing:
  %refused = call i32 (ptr, i32, ptr, ...) @tenon.fail(ptr %error, i32 4,
    ptr @"weights '%.300s': cannot be opened: %m", ptr %path)
  ret i32 %refused
opened:
  %status = call i32 @read_file(ptr %model, ptr %path, i32 %file, ptr %error)
  %closed = call i32 @close(i32 %file)
  ret i32 %status
}

; Checks the header, maps the file whole, checks the content.
define internal i32 @read_file(ptr %model, ptr %path, i32 %file, ptr %error) nounwind {
  %header = alloca %Header, align 64
  %count = call i64 @pread(i32 %file, ptr %header, i64 64, i64 0)
  %unreadable = icmp slt i64 %count, 0
  br i1 %unreadable, label %failed, label %check
failed:
  %refused = call i32 (ptr, i32, ptr, ...) @tenon.fail(ptr %error, i32 4,
    ptr @"weights '%.300s': cannot be read: %m", ptr %path)
  ret i32 %refused
check:
  %size = call i64 @lseek(i32 %file, i64 0, i32 2)
  %status = call i32 @check_header(ptr %header, i64 %count, i64 %size, ptr %path, ptr %error)
  %good = icmp eq i32 %status, 0
  br i1 %good, label %map, label %wrong
wrong:
  ret i32 %status
map:
  %memory = call ptr @mmap(ptr null, i64 %size, i32 1, i32 32770, i32 %file, i64 0)  ; private, populated
  %unmapped = icmp eq ptr %memory, inttoptr (i64 -1 to ptr)
  br i1 %unmapped, label %nowhere, label %mapped
nowhere:
  %full = call i32 (ptr, i32, ptr, ...) @tenon.fail(ptr %error, i32 5,
    ptr @"weights '%.300s': %zu bytes cannot be mapped: %m", ptr %path, i64 %size)
  ret i32 %full
mapped:
  %place = getelementptr %Model, ptr %model, i64 0, i32 2
  store ptr %memory, ptr %place  ; from here on destroy unmaps it
  %length = getelementptr %Model, ptr %model, i64 0, i32 3
  store i64 %size, ptr %length
  %data = getelementptr i8, ptr %memory, i64 64
  %weights = getelementptr %Model, ptr %model, i64 0, i32 1
  store ptr %data, ptr %weights
  %bytes = load i64, ptr getelementptr (%Blob, ptr @tenon.blob, i64 0, i32 1)
  %sum = call i64 @tenon.checksum(ptr %data, i64 %bytes)
  %expected = load i64, ptr getelementptr (%Blob, ptr @tenon.blob, i64 0, i32 2)
  %same = icmp eq i64 %sum, %expected
  br i1 %same, label %whole, label %damaged
damaged:
  %bad = call i32 (ptr, i32, ptr, ...) @tenon.fail(ptr %error, i32 4,
    ptr @"weights '%.300s': damaged: the checksum is %016lx, expected %016lx",
    ptr %path, i64 %sum, i64 %expected)
  ret i32 %bad
whole:
  ret i32 0
}

; `count` bytes of the header were read of a file of `size` bytes.
define internal i32 @check_header(ptr %header, i64 %count, i64 %size, ptr %path, ptr %error) nounwind {
  %short = icmp ult i64 %count, 64
  br i1 %short, label %foreign, label %magic
magic:
  %difference = call i32 @memcmp(ptr %header, ptr @"TENONWTS", i64 8)
  %ours = icmp eq i32 %difference, 0
  br i1 %ours, label %version, label %foreign
foreign:
  %stranger = call i32 (ptr, i32, ptr, ...) @tenon.fail(ptr %error, i32 4,
    ptr @"weights '%.300s': is no weights file of tenonc, or is cut off", ptr %path)
  ret i32 %stranger
version:
  %version.place = getelementptr %Header, ptr %header, i64 0, i32 1
  %found = load i32, ptr %version.place
  %known = icmp eq i32 %found, 1
  br i1 %known, label %sum, label %other
other:
  %later = call i32 (ptr, i32, ptr, ...) @tenon.fail(ptr %error, i32 4,
    ptr @"weights '%.300s': version %u of the format, expected 1", ptr %path, i32 %found)
  ret i32 %later
sum:
  %sum.place = getelementptr %Header, ptr %header, i64 0, i32 4
  %stated = load i64, ptr %sum.place
  %expected = load i64, ptr getelementptr (%Blob, ptr @tenon.blob, i64 0, i32 2)
  %same = icmp eq i64 %stated, %expected
  br i1 %same, label %length, label %mixed
mixed:
  %wrong = call i32 (ptr, i32, ptr, ...) @tenon.fail(ptr %error, i32 4,
    ptr @"weights '%.300s': are those of another model: checksum %016lx, expected %016lx",
    ptr %path, i64 %stated, i64 %expected)
  ret i32 %wrong
length:
  %bytes = load i64, ptr getelementptr (%Blob, ptr @tenon.blob, i64 0, i32 1)
  %whole = add i64 %bytes, 64
  %complete = icmp eq i64 %size, %whole
  br i1 %complete, label %good, label %cut
cut:
  %truncated = call i32 (ptr, i32, ptr, ...) @tenon.fail(ptr %error, i32 4,
    ptr @"weights '%.300s': %zu bytes, expected %zu", ptr %path, i64 %size, i64 %whole)
  ret i32 %truncated
good:
  ret i32 0
}
