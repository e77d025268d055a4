; The structs that the units of the run time and the tables of a model share. Those marked (C) are in model.h too.

%Tensor  = type { ptr, ptr, ptr, i64, i32, i32 }       ; (C) data, shape, strides, bytes, dtype, rank
%Port    = type { ptr, ptr, i64, i64, i32, i32 }       ; (C) name, shape, bytes, alignment, dtype, rank
%Info    = type { i32, i32, ptr, ptr, ptr, ptr,        ; (C) abi version, threads, name, target, compiler, digest,
                  i64, i64, i64, ptr, i64, ptr }       ;     arena bytes, weight bytes, inputs, outputs
%Options = type { i32, ptr }                           ; (C) threads, path of the weights
%Api     = type { ptr, ptr, ptr, ptr }                 ; (C) info, create, run, destroy

%Feature = type { ptr, i32, i32, i32, i32, i64 }       ; name, leaf, subleaf, register, bit, state bits of XCR0
%Blob    = type { ptr, i64, i64, ptr }                 ; weights inside or null, bytes, checksum, file beside
%Model   = type { ptr, ptr, ptr, i64, ptr, [16 x ptr] } ; info, weights, mapped file, its bytes, pool, idle arenas
%Header  = type { [8 x i8], i32, i32, i64, i64, [32 x i8] } ; of a weights file: magic, version, 0, bytes, checksum
