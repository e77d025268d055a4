"""Reading assembly: hand-written functions of which every count is known."""

import numpy as np
import pytest

from tenonc.dialects.errors import TenonError
from tenonc.targets.llvm.assembly import SYNTAXES, read_functions, syntax_of
from tenonc.targets.llvm.codegen import emit_assembly, emit_object
from tenonc.targets.llvm.elf import function_sizes, loaded_bytes
from tenonc.targets.llvm.flow import natural_loops
from tenonc.targets.llvm.sample import attributes
from tenonc.targets.record import host

X86 = """
	.text
	.type	first,@function
first:                                  # @first
	pushq	%rbx
	subq	$128, %rsp
	vmovups	(%rdi), %zmm0
	xorl	%eax, %eax
	.p2align	4
.LBB0_1:                                # =>This Loop Header: Depth=1
	vmovups	%zmm0, 64(%rsp)                 # 64-byte Spill
	xorl	%ecx, %ecx
.LBB0_2:                                #   Parent Loop BB0_1 Depth=1
	vfmadd231ps	(%rsi,%rcx){1to16}, %zmm0, %zmm1
	vaddps	64(%rsp), %zmm1, %zmm1          # 64-byte Folded Reload
	vmovups	%zmm1, (%rsp) {%k1}
	vmovups	%ymm2, (%rdx,%rcx)
	leaq	(%rsp,%rcx), %r8
	prefetcht0	512(%rdx)
	cmpq	$12, 8(%rsp)
	incq	%rcx
	jb	.LBB0_2
	callq	expf@PLT
	incq	%rax
	cmpq	$3, %rax
	jb	.LBB0_1
	movq	(%rsp), %rbx
	vmovups	(%rbp), %zmm3
	vzeroupper
	jmp	memcpy@PLT                      # TAILCALL
.Lfunc_end0:
	.size	first, .Lfunc_end0-first

	.section	.rodata
.LCPI1_0:
	.long	0x3f800000
	.text
	.type	"odd name",@function
"odd name":
	pushq	%rbp
	movq	%rsp, %rbp
	vmovaps	%xmm8, -16(%rbp)
	callq	*%rax
	callq	*sinf@GOTPCREL(%rip)
	callq	"a b"
	retq
.Lfunc_end1:
"""


@pytest.fixture(scope="module")
def x86():
    return read_functions(X86, syntax_of("x86_64-unknown-linux-gnu"))


def test_functions_are_found(x86):
    assert list(x86) == ["first", "odd name"]
    assert len(x86["first"].code) == 23
    assert x86["first"].code.lines[0] == "pushq %rbx"
    assert x86["first"].code.lines[-1] == "jmp memcpy@PLT"


def test_loops_are_nested(x86):
    outer, inner = x86["first"].loops
    assert (outer.label, outer.depth, outer.innermost, len(outer.code)) == (".LBB0_1", 0, False, 15)
    assert (inner.label, inner.depth, inner.innermost, len(inner.code)) == (".LBB0_2", 1, True, 9)
    assert x86["first"].inner == [inner]
    assert x86["odd name"].loops == ()


def test_memory_and_spills(x86):
    code, inner = x86["first"].code, x86["first"].inner[0].code
    assert (inner.loads, inner.stores) == (3, 2)
    # The scalar comparison on the stack is no spill; without a frame pointer %rbp is any register.
    assert (inner.spills, inner.reloads) == (1, 1)
    assert (code.spills, code.reloads) == (2, 1)
    assert (inner.vectors, inner.count("fmadd"), inner.count("vfmadd"), inner.count("add")) == (4, 1, 1, 1)
    assert code.mnemonics["vmovups"] == 5


def test_a_frame_pointer_makes_its_slots_spills(x86):
    assert (x86["odd name"].code.spills, x86["odd name"].code.reloads) == (1, 0)


def test_calls(x86):
    assert x86["first"].code.calls == ("expf", "memcpy")
    assert x86["odd name"].code.calls == ("*", "sinf", "a b")


AARCH64 = """
	.type	k,@function
k:                                      // @k
	sub	sp, sp, #80
	stp	x29, x30, [sp, #64]             // 16-byte Folded Spill
	stp	d9, d8, [sp, #16]
	add	x29, sp, #64
.LBB0_1:
	cbz	x1, .LBB0_4
.LBB0_2:
	ldr	q1, [x0], #16
	fmla	v0.4s, v1.4s, v2.s[0]
	str	q0, [sp]                        // 16-byte Folded Spill
	ldur	q3, [x29, #-16]
	prfm	pldl1keep, [x0, #256]
	subs	x1, x1, #1
	b.ne	.LBB0_2
	bl	expf
	blr	x8
	b	.LBB0_1
.LBB0_4:
	ldp	x29, x30, [sp, #64]
	add	sp, sp, #80
	tbnz	w2, #0, .LBB0_1
	b	memset
.Lfunc_end0:
"""


def test_aarch64():
    function = read_functions(AARCH64, syntax_of("aarch64-unknown-linux-gnu"))["k"]
    outer, inner = function.loops
    assert (outer.label, outer.depth, inner.label, inner.depth) == (".LBB0_1", 0, ".LBB0_2", 1)
    assert (len(inner.code), inner.code.count("fmla")) == (7, 1)
    assert (inner.code.loads, inner.code.stores) == (2, 1)
    assert (inner.code.spills, inner.code.reloads) == (1, 1)
    assert (function.code.spills, function.code.reloads) == (2, 1)
    assert function.code.calls == ("expf", "*", "memset")


def test_another_architecture_is_refused():
    expected = "^no assembly syntax for architecture 'riscv64', there are: x86_64, aarch64$"
    with pytest.raises(TenonError, match=expected):
        syntax_of("riscv64-unknown-linux-gnu")


GRAPHS = [
    ("a line", [[1], [2], []], {}),
    ("one block", [[0, 1], []], {0: {0}}),
    ("nested, the inner one with a branch", [[1], [2], [3, 4], [5], [5], [2, 6], [1, 7], []],
     {1: {1, 2, 3, 4, 5, 6}, 2: {2, 3, 4, 5}}),
    ("two ways back", [[1], [2, 3], [1], [1, 4], []], {1: {1, 2, 3}}),
    ("no single entry", [[1, 2], [2], [1]], {}),
    ("the loop's blocks lie apart", [[3], [3], [], [4, 2], [1]], {3: {3, 4, 1}}),
    ("unreachable", [[2], [1], []], {}),
]  # fmt: skip


@pytest.mark.parametrize(("successors", "loops"), [g[1:] for g in GRAPHS], ids=[g[0] for g in GRAPHS])
def test_natural_loops(successors, loops):
    assert natural_loops(successors) == loops


LOOP = """
define void @sum(ptr %x, ptr %y, i64 %n) #0 {{
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
  %s = phi <4 x float> [ zeroinitializer, %entry ], [ %t, %loop ]
  %p = getelementptr <4 x float>, ptr %x, i64 %i
  %v = load <4 x float>, ptr %p
  %t = fadd <4 x float> %s, %v
  %next = add i64 %i, 1
  %more = icmp ult i64 %next, %n
  br i1 %more, label %loop, label %end
end:
  store <4 x float> %t, ptr %y
  ret void
}}
{0}"""


def test_what_llvm_prints_is_read():
    text = LOOP.format(attributes(host()))
    functions = read_functions(emit_assembly(text, host()), SYNTAXES[host().triple.split("-")[0]])
    (inner,) = functions["sum"].inner
    assert (inner.code.loads, inner.code.stores, functions["sum"].code.stores) == (1, 0, 1)
    assert inner.code.calls == () and functions["sum"].code.spills == 0


def test_sizes_of_an_object():
    data = emit_object(LOOP.format(attributes(host())) + "declare float @expf(float)\n", host())
    sizes = function_sizes(data)
    assert list(sizes) == ["sum"] and 20 < sizes["sum"] < 200
    assert sizes["sum"] <= loaded_bytes(data) < np.iinfo(np.int16).max
