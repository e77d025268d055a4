; Whether this CPU, and the operating system, have what the model's code needs: `cpuid` and `xgetbv`.

declare hidden i32 @tenon.fail(ptr, i32, ptr, ...)
declare i32 @snprintf(ptr, i64, ptr, ...)

@tenon.info = external hidden constant %Info
@tenon.features = external hidden constant %Feature  ; rows; one without a name ends them

; eax, ebx, ecx, edx of a leaf; zeros where the CPU has no such leaf
define internal [4 x i32] @cpuid(i32 %leaf, i32 %subleaf) nounwind {
  %range = and i32 %leaf, -2147483648
  %limits = call { i32, i32, i32, i32 } asm sideeffect "cpuid", "={ax},={bx},={cx},={dx},{ax},{cx}"(i32 %range, i32 0)
  %last = extractvalue { i32, i32, i32, i32 } %limits, 0
  %known = icmp ule i32 %leaf, %last
  br i1 %known, label %ask, label %zeros
ask:
  %found = call { i32, i32, i32, i32 } asm sideeffect "cpuid", "={ax},={bx},={cx},={dx},{ax},{cx}"(i32 %leaf, i32 %subleaf)
  %a = extractvalue { i32, i32, i32, i32 } %found, 0
  %b = extractvalue { i32, i32, i32, i32 } %found, 1
  %c = extractvalue { i32, i32, i32, i32 } %found, 2
  %d = extractvalue { i32, i32, i32, i32 } %found, 3
  %r0 = insertvalue [4 x i32] zeroinitializer, i32 %a, 0
  %r1 = insertvalue [4 x i32] %r0, i32 %b, 1
  %r2 = insertvalue [4 x i32] %r1, i32 %c, 2
  %r3 = insertvalue [4 x i32] %r2, i32 %d, 3
  ret [4 x i32] %r3
zeros:
  ret [4 x i32] zeroinitializer
}

; The register state that the operating system saves: XCR0, or 0 where it saves none of it.
define internal i64 @saved_state() nounwind {
  %leaf = call [4 x i32] @cpuid(i32 1, i32 0)
  %ecx = extractvalue [4 x i32] %leaf, 2
  %bit = and i32 %ecx, 134217728  ; OSXSAVE
  %none = icmp eq i32 %bit, 0
  br i1 %none, label %zero, label %read
read:
  ; xgetbv, spelled out: the assembler wants the feature for the word
  %pair = call { i32, i32 } asm sideeffect ".byte 0x0f, 0x01, 0xd0", "={ax},={dx},{cx}"(i32 0)
  %low.32 = extractvalue { i32, i32 } %pair, 0
  %high.32 = extractvalue { i32, i32 } %pair, 1
  %low = zext i32 %low.32 to i64
  %high = zext i32 %high.32 to i64
  %shifted = shl i64 %high, 32
  %both = or i64 %low, %shifted
  ret i64 %both
zero:
  ret i64 0
}

define internal i1 @has(ptr %feature, i64 %state) nounwind {
  %leaf.place = getelementptr %Feature, ptr %feature, i64 0, i32 1
  %leaf = load i32, ptr %leaf.place
  %subleaf.place = getelementptr %Feature, ptr %feature, i64 0, i32 2
  %subleaf = load i32, ptr %subleaf.place
  %registers = alloca [4 x i32]
  %found = call [4 x i32] @cpuid(i32 %leaf, i32 %subleaf)
  store [4 x i32] %found, ptr %registers
  %register.place = getelementptr %Feature, ptr %feature, i64 0, i32 3
  %register = load i32, ptr %register.place
  %value.place = getelementptr [4 x i32], ptr %registers, i64 0, i32 %register
  %value = load i32, ptr %value.place
  %bit.place = getelementptr %Feature, ptr %feature, i64 0, i32 4
  %bit = load i32, ptr %bit.place
  %shifted = lshr i32 %value, %bit
  %there = trunc i32 %shifted to i1
  %state.place = getelementptr %Feature, ptr %feature, i64 0, i32 5
  %needed = load i64, ptr %state.place
  %saved = and i64 %state, %needed
  %all = icmp eq i64 %saved, %needed
  %both = and i1 %there, %all
  ret i1 %both
}

; Status 3 and a text that lists every feature that is missing.
define hidden i32 @tenon.check_cpu(ptr %error) nounwind {
entry:
  %missing = alloca [320 x i8]
  store i8 0, ptr %missing
  %state = call i64 @saved_state()
  br label %next
next:
  %index = phi i64 [ 0, %entry ], [ %after, %checked ]
  %length = phi i64 [ 0, %entry ], [ %longer, %checked ]
  %used = phi i64 [ 0, %entry ], [ %used.more, %checked ]
  %feature = getelementptr %Feature, ptr @tenon.features, i64 %index
  %name = load ptr, ptr %feature
  %end = icmp eq ptr %name, null
  br i1 %end, label %verdict, label %look
look:
  %there = call i1 @has(ptr %feature, i64 %state)
  br i1 %there, label %checked, label %lacks
lacks:
  %first = icmp eq i64 %length, 0
  %format = select i1 %first, ptr @"%s", ptr @", %s"
  %place = getelementptr i8, ptr %missing, i64 %length
  %room = sub i64 320, %length
  %count = call i32 (ptr, i64, ptr, ...) @snprintf(ptr %place, i64 %room, ptr %format, ptr %name)
  %added = sext i32 %count to i64
  %wanted = add i64 %length, %added
  %fitting = call i64 @llvm.umin.i64(i64 %wanted, i64 319)
  br label %checked
checked:
  %longer = phi i64 [ %length, %look ], [ %fitting, %lacks ]
  %own.place = getelementptr %Feature, ptr %feature, i64 0, i32 5
  %own = load i64, ptr %own.place
  %used.more = or i64 %used, %own
  %after = add i64 %index, 1
  br label %next
verdict:
  %able = icmp eq i64 %length, 0
  br i1 %able, label %permit, label %refuse
permit:
  ; tiles are for those who ask: arch_prctl(ARCH_REQ_XCOMP_PERM, 18), for all threads of the process
  %tiles = and i64 %used, 262144
  %plain = icmp eq i64 %tiles, 0
  br i1 %plain, label %good, label %request
request:
  %denied = call i64 asm sideeffect "syscall", "={ax},{ax},{di},{si},~{rcx},~{r11},~{memory}"(i64 158, i64 4131, i64 18)
  %granted = icmp eq i64 %denied, 0
  br i1 %granted, label %good, label %withheld
withheld:
  %for = load ptr, ptr getelementptr (%Info, ptr @tenon.info, i64 0, i32 3)
  %told = call i32 (ptr, i32, ptr, ...) @tenon.fail(ptr %error, i32 3,
    ptr @"code for target %.60s cannot run here: the system gives this process no amx tiles", ptr %for)
  ret i32 %told
good:
  ret i32 0
refuse:
  %target = load ptr, ptr getelementptr (%Info, ptr @tenon.info, i64 0, i32 3)
  %status = call i32 (ptr, i32, ptr, ...) @tenon.fail(ptr %error, i32 3,
    ptr @"code for target %.60s cannot run here: this cpu has no %s", ptr %target, ptr %missing)
  ret i32 %status
}
declare i64 @llvm.umin.i64(i64, i64)
