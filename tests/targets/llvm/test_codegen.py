from dataclasses import replace

import numpy as np
import pytest

from tenonc.dialects.errors import TenonError
from tenonc.targets.llvm.codegen import CompiledModule, compile_text, emit_assembly, emit_object
from tenonc.targets.llvm.elf import undefined_symbols
from tenonc.targets.record import find_target, host

CALL = """
declare {type} @{name}({type})
define void @f(ptr %x) {{
  %v = load {type}, ptr %x
  %r = call {type} @{name}({type} %v)
  store {type} %r, ptr %x
  ret void
}}
"""


@pytest.mark.parametrize("name", ["llvm.x86.avx512.vpdpbussd.512", "llvm.fmaa.f32", "system", "sinff"])
def test_unknown_functions_are_refused(name: str):
    with pytest.raises(TenonError, match=f"^target host has no function {name}$"):
        compile_text(CALL.format(name=name, type="float"), host())


def test_libm_is_linked():
    code = compile_text(CALL.format(name="sinf", type="float"), host())
    x = np.array([0.5], np.float32)
    code.function("f", 1)(x.ctypes.data)
    assert abs(x[0] - np.sin(0.5)) < 1e-7


@pytest.mark.parametrize("words", [0, 1, 510, 511, 512, 513])
def test_an_object_is_loaded_in_one_piece(words: int):
    """Data of any size, also of whole pages, leaves room for the addresses of the functions it calls; code,
    constants and data are within reach of each other."""
    names = [f"{name}f" for name in ("sin", "cos", "asin", "atan", "sinh", "tan", "cosh")]
    lines = [f"declare float @{name}(float)" for name in names]
    lines += [f"@data = global [{words} x ptr] zeroinitializer"]
    lines += ["@table = constant [4 x float] zeroinitializer"]
    lines += ["define void @f(ptr %x) {", "  %v.0 = load float, ptr %x"]
    lines += [f"  %v.{i + 1} = call float @{name}(float %v.{i})" for i, name in enumerate(names)]
    lines += [f"  store float %v.{len(names)}, ptr %x", "  ret void", "}"]
    code = compile_text("\n".join(lines), host())
    x = np.array([0.5], np.float32)
    code.function("f", 1)(x.ctypes.data)
    y = np.float32(0.5)
    for ufunc in (np.sin, np.cos, np.arcsin, np.arctan, np.sinh, np.tan, np.cosh):
        y = ufunc(y)
    assert abs(x[0] - y) < 1e-5
    assert max(abs(code.address("f") - code.address(name)) for name in ("data", "table")) < 1 << 20


def test_undefined_symbols_of_an_object():
    data = emit_object(CALL.format(name="expf", type="float"), host())
    assert undefined_symbols(data) == ["expf"]
    assert undefined_symbols(emit_object("define void @f() {\n  ret void\n}", host())) == []


def test_text_llvm_refuses_is_one_line():
    with pytest.raises(TenonError, match="^llvm refuses the emitted text: .*expected") as caught:
        compile_text("define void @f( {", host())
    assert "\n" not in str(caught.value)


def test_code_for_another_cpu_is_not_run():
    record = find_target("x86-64-v4")
    if record.enabled <= host().enabled:
        pytest.skip("this cpu has them all")
    data = emit_object("define void @f() {\n  ret void\n}", record)
    with pytest.raises(
        TenonError, match="^code for target x86-64-v4 cannot run here: this cpu has no avx512"
    ):
        CompiledModule(data, record)


def test_a_missing_symbol_is_named():
    code = compile_text("define void @f() {\n  ret void\n}", host())
    with pytest.raises(TenonError, match="^the compiled module has no symbol g$"):
        code.address("g")


def test_a_function_keeps_its_code_alive():
    import gc

    text = "define void @f(ptr %x) {\n  store i32 7, ptr %x\n  ret void\n}"
    functions = [compile_text(text, host()).function("f", 1) for _ in range(4)]
    gc.collect()
    for function in functions:
        x = np.zeros(1, np.int32)
        function(x.ctypes.data)
        assert x[0] == 7


def test_code_is_deterministic():
    text = CALL.format(name="expf", type="float")
    assert emit_object(text, host()) == emit_object(text, host())


@pytest.mark.parametrize("name", ["znver4", "host"])
def test_no_instruction_without_vex_among_wide_registers(name: str):
    """LLVM cuts bytes off with SSE4a's extrq where it may; a CPU then saves its wide registers."""
    text = """
define void @f(ptr %x, ptr %y) {
  %v = load <8 x i8>, ptr %x
  %s = shufflevector <8 x i8> %v, <8 x i8> zeroinitializer,
    <8 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 8>
  %w = zext <8 x i8> %s to <8 x i32>
  store <8 x i32> %w, ptr %y
  ret void
}
"""
    assembly = emit_assembly(text, find_target(name))
    assert "extrq" not in assembly and "insertq" not in assembly
    if name == "znver4":
        assert "extrq" in emit_assembly(text, replace(find_target(name), features="+sse4a"))
