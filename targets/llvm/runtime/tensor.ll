; What a caller may pass as a tensor: exactly the port's dtype and shape, row-major, aligned, apart from outputs.

declare hidden i32 @tenon.fail(ptr, i32, ptr, ...)

; ONNX's numbers of the element types.
@names = private constant [17 x ptr] [
  ptr @"undefined", ptr @"float32", ptr @"uint8", ptr @"int8", ptr @"uint16", ptr @"int16", ptr @"int32",
  ptr @"int64", ptr @"string", ptr @"bool", ptr @"float16", ptr @"float64", ptr @"uint32", ptr @"uint64",
  ptr @"complex64", ptr @"complex128", ptr @"bfloat16"]

define internal ptr @dtype_name(i32 %dtype) nounwind {
  %known = icmp ult i32 %dtype, 17
  br i1 %known, label %named, label %unknown
named:
  %index = zext i32 %dtype to i64
  %place = getelementptr [17 x ptr], ptr @names, i64 0, i64 %index
  %name = load ptr, ptr %place
  ret ptr %name
unknown:
  ret ptr @"unknown"
}

; Checks the `count` tensors of one direction ("input", "output") against their ports.
define hidden i32 @tenon.check_tensors(ptr %tensors, i64 %count, ptr %ports, i64 %expected, ptr %kind, ptr %error)
    nounwind {
entry:
  %right = icmp eq i64 %count, %expected
  br i1 %right, label %list, label %wrong
wrong:
  %refused = call i32 (ptr, i32, ptr, ...) @tenon.fail(ptr %error, i32 1,
    ptr @"%zu %ss are given, the model has %zu", i64 %count, ptr %kind, i64 %expected)
  ret i32 %refused
list:
  %none = icmp eq i64 %count, 0
  br i1 %none, label %good, label %given
given:
  %absent = icmp eq ptr %tensors, null
  br i1 %absent, label %null, label %next
null:
  %nothing = call i32 (ptr, i32, ptr, ...) @tenon.fail(ptr %error, i32 1,
    ptr @"the list of %ss is null, expected %zu tensors", ptr %kind, i64 %expected)
  ret i32 %nothing
next:
  %index = phi i64 [ 0, %given ], [ %after, %passed ]
  %tensor = getelementptr %Tensor, ptr %tensors, i64 %index
  %port = getelementptr %Port, ptr %ports, i64 %index
  %status = call i32 @check_tensor(ptr %tensor, ptr %port, ptr %kind, ptr %error)
  %fits = icmp eq i32 %status, 0
  br i1 %fits, label %passed, label %bad
bad:
  ret i32 %status
passed:
  %after = add i64 %index, 1
  %more = icmp ult i64 %after, %count
  br i1 %more, label %next, label %good
good:
  ret i32 0
}

define internal i32 @check_tensor(ptr %tensor, ptr %port, ptr %kind, ptr %error) nounwind {
  %name = load ptr, ptr %port
  %dtype.place = getelementptr %Tensor, ptr %tensor, i64 0, i32 4
  %dtype = load i32, ptr %dtype.place
  %dtype.port = getelementptr %Port, ptr %port, i64 0, i32 4
  %dtype.expected = load i32, ptr %dtype.port
  %dtype.same = icmp eq i32 %dtype, %dtype.expected
  br i1 %dtype.same, label %rank, label %dtype.wrong
dtype.wrong:
  %given = call ptr @dtype_name(i32 %dtype)
  %wanted = call ptr @dtype_name(i32 %dtype.expected)
  %r0 = call i32 (ptr, i32, ptr, ...) @tenon.fail(ptr %error, i32 1,
    ptr @"%s '%.100s': dtype is %d (%s), expected %d (%s)", ptr %kind, ptr %name,
    i32 %dtype, ptr %given, i32 %dtype.expected, ptr %wanted)
  ret i32 %r0
rank:
  %rank.place = getelementptr %Tensor, ptr %tensor, i64 0, i32 5
  %rank.given = load i32, ptr %rank.place
  %rank.port = getelementptr %Port, ptr %port, i64 0, i32 5
  %rank.expected = load i32, ptr %rank.port
  %rank.same = icmp eq i32 %rank.given, %rank.expected
  br i1 %rank.same, label %shape, label %rank.wrong
rank.wrong:
  %r1 = call i32 (ptr, i32, ptr, ...) @tenon.fail(ptr %error, i32 1,
    ptr @"%s '%.100s': rank is %d, expected %d", ptr %kind, ptr %name, i32 %rank.given, i32 %rank.expected)
  ret i32 %r1
shape:
  %shape.status = call i32 @check_shape(ptr %tensor, ptr %port, ptr %kind, ptr %error)
  %shape.good = icmp eq i32 %shape.status, 0
  br i1 %shape.good, label %strides, label %shape.wrong
shape.wrong:
  ret i32 %shape.status
strides:
  %strides.status = call i32 @check_strides(ptr %tensor, ptr %port, ptr %kind, ptr %error)
  %strides.good = icmp eq i32 %strides.status, 0
  br i1 %strides.good, label %data, label %strides.wrong
strides.wrong:
  ret i32 %strides.status
data:
  %data.status = call i32 @check_data(ptr %tensor, ptr %port, ptr %kind, ptr %error)
  ret i32 %data.status
}

define internal i32 @check_shape(ptr %tensor, ptr %port, ptr %kind, ptr %error) nounwind {
entry:
  %name = load ptr, ptr %port
  %rank.place = getelementptr %Port, ptr %port, i64 0, i32 5
  %rank.32 = load i32, ptr %rank.place
  %rank = sext i32 %rank.32 to i64
  %scalar = icmp eq i64 %rank, 0
  br i1 %scalar, label %good, label %given
given:
  %shape.place = getelementptr %Tensor, ptr %tensor, i64 0, i32 1
  %shape = load ptr, ptr %shape.place
  %expected.place = getelementptr %Port, ptr %port, i64 0, i32 1
  %expected.shape = load ptr, ptr %expected.place
  %absent = icmp eq ptr %shape, null
  br i1 %absent, label %null, label %next
null:
  %r0 = call i32 (ptr, i32, ptr, ...) @tenon.fail(ptr %error, i32 1,
    ptr @"%s '%.100s': shape is null, expected %ld extents", ptr %kind, ptr %name, i64 %rank)
  ret i32 %r0
next:
  %dimension = phi i64 [ 0, %given ], [ %after, %same ]
  %place = getelementptr i64, ptr %shape, i64 %dimension
  %extent = load i64, ptr %place
  %expected.extent = getelementptr i64, ptr %expected.shape, i64 %dimension
  %expected = load i64, ptr %expected.extent
  %right = icmp eq i64 %extent, %expected
  br i1 %right, label %same, label %wrong
wrong:
  %r1 = call i32 (ptr, i32, ptr, ...) @tenon.fail(ptr %error, i32 1,
    ptr @"%s '%.100s': dimension %ld is %ld, expected %ld", ptr %kind, ptr %name,
    i64 %dimension, i64 %extent, i64 %expected)
  ret i32 %r1
same:
  %after = add i64 %dimension, 1
  %more = icmp ult i64 %after, %rank
  br i1 %more, label %next, label %good
good:
  ret i32 0
}

; Strides count elements. Those of a dimension of extent 1, and of a tensor without elements, mean nothing.
define internal i32 @check_strides(ptr %tensor, ptr %port, ptr %kind, ptr %error) nounwind {
entry:
  %strides.place = getelementptr %Tensor, ptr %tensor, i64 0, i32 2
  %strides = load ptr, ptr %strides.place
  %absent = icmp eq ptr %strides, null
  %bytes.place = getelementptr %Port, ptr %port, i64 0, i32 2
  %bytes = load i64, ptr %bytes.place
  %empty = icmp eq i64 %bytes, 0
  %trivial = or i1 %absent, %empty
  %rank.place = getelementptr %Port, ptr %port, i64 0, i32 5
  %rank.32 = load i32, ptr %rank.place
  %rank = sext i32 %rank.32 to i64
  %shape.place = getelementptr %Port, ptr %port, i64 0, i32 1
  %shape = load ptr, ptr %shape.place
  br i1 %trivial, label %good, label %next
next:  ; from the last dimension to the first
  %left = phi i64 [ %rank, %entry ], [ %dimension, %same ]
  %expected = phi i64 [ 1, %entry ], [ %product, %same ]
  %more = icmp sgt i64 %left, 0
  br i1 %more, label %look, label %good
look:
  %dimension = sub i64 %left, 1
  %extent.place = getelementptr i64, ptr %shape, i64 %dimension
  %extent = load i64, ptr %extent.place
  %place = getelementptr i64, ptr %strides, i64 %dimension
  %stride = load i64, ptr %place
  %product = mul i64 %expected, %extent
  %single = icmp eq i64 %extent, 1
  %right = icmp eq i64 %stride, %expected
  %fits = or i1 %single, %right
  br i1 %fits, label %same, label %wrong
wrong:
  %name = load ptr, ptr %port
  %r0 = call i32 (ptr, i32, ptr, ...) @tenon.fail(ptr %error, i32 1,
    ptr @"%s '%.100s': stride %ld is %ld, expected %ld: tensors are row-major, without gaps",
    ptr %kind, ptr %name, i64 %dimension, i64 %stride, i64 %expected)
  ret i32 %r0
same:
  br label %next
good:
  ret i32 0
}

; The memory itself; a tensor without elements needs none.
define internal i32 @check_data(ptr %tensor, ptr %port, ptr %kind, ptr %error) nounwind {
  %name = load ptr, ptr %port
  %bytes.place = getelementptr %Tensor, ptr %tensor, i64 0, i32 3
  %bytes = load i64, ptr %bytes.place
  %expected.place = getelementptr %Port, ptr %port, i64 0, i32 2
  %expected = load i64, ptr %expected.place
  %same = icmp eq i64 %bytes, %expected
  br i1 %same, label %sized, label %size.wrong
size.wrong:
  %r0 = call i32 (ptr, i32, ptr, ...) @tenon.fail(ptr %error, i32 1,
    ptr @"%s '%.100s': %zu bytes, expected %zu", ptr %kind, ptr %name, i64 %bytes, i64 %expected)
  ret i32 %r0
sized:
  %empty = icmp eq i64 %bytes, 0
  br i1 %empty, label %good, label %address
address:
  %data = load ptr, ptr %tensor
  %null = icmp eq ptr %data, null
  br i1 %null, label %absent, label %aligned
absent:
  %r1 = call i32 (ptr, i32, ptr, ...) @tenon.fail(ptr %error, i32 1,
    ptr @"%s '%.100s': data is null, expected %zu bytes", ptr %kind, ptr %name, i64 %bytes)
  ret i32 %r1
aligned:
  %alignment.place = getelementptr %Port, ptr %port, i64 0, i32 3
  %alignment = load i64, ptr %alignment.place
  %number = ptrtoint ptr %data to i64
  %odd = urem i64 %number, %alignment
  %even = icmp eq i64 %odd, 0
  br i1 %even, label %good, label %misaligned
misaligned:
  %r2 = call i32 (ptr, i32, ptr, ...) @tenon.fail(ptr %error, i32 1,
    ptr @"%s '%.100s': data at %p, expected a multiple of %zu", ptr %kind, ptr %name, ptr %data, i64 %alignment)
  ret i32 %r2
good:
  ret i32 0
}

; Refuses outputs that share memory with the first `count` of `tensors`; an output is not compared with itself.
define hidden i32 @tenon.check_overlap(ptr %output, ptr %port, ptr %tensors, ptr %ports, i64 %count, ptr %kind,
    ptr %error) nounwind {
entry:
  br label %next
next:
  %index = phi i64 [ 0, %entry ], [ %after, %apart ]
  %more = icmp ult i64 %index, %count
  br i1 %more, label %compare, label %good
compare:
  %other = getelementptr %Tensor, ptr %tensors, i64 %index
  %shared = call i1 @overlap(ptr %output, ptr %other)
  br i1 %shared, label %wrong, label %apart
wrong:
  %name = load ptr, ptr %port
  %other.port = getelementptr %Port, ptr %ports, i64 %index
  %other.name = load ptr, ptr %other.port
  %r0 = call i32 (ptr, i32, ptr, ...) @tenon.fail(ptr %error, i32 1,
    ptr @"output '%.100s': overlaps the memory of %s '%.100s'", ptr %name, ptr %kind, ptr %other.name)
  ret i32 %r0
apart:
  %after = add i64 %index, 1
  br label %next
good:
  ret i32 0
}

define internal i1 @overlap(ptr %a, ptr %b) nounwind {
  %a.data = load ptr, ptr %a
  %b.data = load ptr, ptr %b
  %a.place = getelementptr %Tensor, ptr %a, i64 0, i32 3
  %a.bytes = load i64, ptr %a.place
  %b.place = getelementptr %Tensor, ptr %b, i64 0, i32 3
  %b.bytes = load i64, ptr %b.place
  %a.start = ptrtoint ptr %a.data to i64
  %b.start = ptrtoint ptr %b.data to i64
  %a.end = add i64 %a.start, %a.bytes
  %b.end = add i64 %b.start, %b.bytes
  %a.before = icmp ult i64 %a.start, %b.end
  %b.before = icmp ult i64 %b.start, %a.end
  %a.some = icmp ne i64 %a.bytes, 0
  %b.some = icmp ne i64 %b.bytes, 0
  %crossing = and i1 %a.before, %b.before
  %some = and i1 %a.some, %b.some
  %shared = and i1 %crossing, %some
  ret i1 %shared
}
