"""Every scalar rule against the reference evaluation of the same op."""

from typing import Any

import numpy as np
import pytest
from xdsl.dialects import arith, math

from tenonc.dialects.nn.dtypes import numpy_dtype
from tenonc.dialects.reference import evaluate_body
from tenonc.dialects.tensorized import MapOp
from tenonc.targets.llvm import emit_llvm
from tenonc.targets.llvm.codegen import emit_assembly
from tenonc.targets.llvm.scalar import LIBRARY_FUNCTIONS, SCALAR_RULES
from tenonc.targets.record import find_target

LANES = 8
CORNERS = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -2.5,
    1e-40,
    -1e-40,
    3e38,
    -3e38,
    np.inf,
    -np.inf,
    np.nan,
    -np.nan,
    2.5,
    1e-3,
]


def floats(dtype: Any = np.float32) -> np.ndarray:
    corners = np.array(CORNERS, np.float32)
    pairs = np.array([(a, b) for a in corners for b in corners])
    rng = np.random.default_rng(0)
    with np.errstate(over="ignore"):
        return np.concatenate([pairs, rng.standard_normal((256, 2)) * 3]).astype(dtype)


def integers(dtype) -> np.ndarray:
    info, rng = np.iinfo(dtype), np.random.default_rng(0)
    corners = [info.min, info.min + 1, -1, 0, 1, 7, info.max]
    pairs = np.array([(a, b) for a in corners for b in corners], dtype)
    return np.concatenate([pairs, rng.integers(info.min, info.max, (103, 2)).astype(dtype)])


def padded(pairs: np.ndarray) -> list[np.ndarray]:
    count = -(-len(pairs) // LANES) * LANES
    return [np.ascontiguousarray(np.resize(pairs, (count, 2))[:, i]) for i in range(2)]


def run_body(run_kernel, parse, body: str, source: str, result: str, operands, count=2) -> tuple:
    """Runs a map over whole arrays; returns the machine's result and the reference's."""
    registers = len(operands[0]) // LANES
    memory = f"memref<{registers}x{LANES}x{source}>"
    loads = "\n".join(
        f"%v{n} = tensorized.load %x{n}[%i] at (d0, l) -> (d0, l) : {memory}, vector<{LANES}x{source}>"
        for n in range(2)
    )
    arguments = ", ".join(f"%{'ab'[n]} = %v{n} : vector<{LANES}x{source}>" for n in range(2))
    text = f"""
    tensorized.kernel @k(%x0: {memory}, %x1: {memory}, %y: memref<{registers}x{LANES}x{result}>) {{
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %n = arith.constant {registers} : index
      scf.for %i = %c0 to %n step %c1 {{
        {loads}
        %z = tensorized.map ({arguments}) -> vector<{LANES}x{result}> {{
          {body}
          tensorized.yield %r : {result}
        }}
        tensorized.store %z, %y[%i] at (d0, l) -> (d0, l)
          : vector<{LANES}x{result}>, memref<{registers}x{LANES}x{result}>
      }}
      tensorized.yield
    }}"""
    (mapped,) = [op for op in parse(text).walk() if isinstance(op, MapOp)]
    (wanted,) = evaluate_body(mapped.body.block, operands)
    got = np.empty(len(operands[0]), numpy_dtype(mapped.res.type.element_type))
    run_kernel(text, *operands, got)
    return got, np.broadcast_to(wanted, got.shape)


def assert_close(got: np.ndarray, wanted: np.ndarray, ulps: int) -> None:
    if got.dtype.kind != "f":
        np.testing.assert_array_equal(got, wanted)
        return
    nan = np.isnan(wanted)
    np.testing.assert_array_equal(np.isnan(got), nan)
    got, wanted = got[~nan], wanted[~nan]
    if ulps == 0:
        np.testing.assert_array_equal(got, wanted)
        np.testing.assert_array_equal(np.signbit(got), np.signbit(wanted))
        return
    np.testing.assert_array_equal(np.isinf(got), np.isinf(wanted))
    finite = np.isfinite(wanted)
    gap = np.abs(got[finite].astype(float) - wanted[finite])
    assert (gap <= ulps * np.spacing(np.abs(wanted[finite])).astype(float)).all()


EXACT = {
    "f32": "addf subf mulf divf maximumf minimumf maxnumf minnumf",
    "i32": "addi subi muli andi ori xori maxsi minsi maxui minui",
    "i8": "addi subi muli maxsi minui",
}
BINARY = [(type_, f"arith.{name}") for type_, names in EXACT.items() for name in names.split()]
BINARY += [("f64", "arith.addf"), ("f64", "arith.maximumf"), ("f32", "math.copysign"), ("f32", "llvm.frem")]


def values_of(type_: str) -> np.ndarray:
    return (
        floats(np.dtype(f"f{int(type_[1:]) // 8}"))
        if type_[0] == "f"
        else integers(np.dtype(f"i{int(type_[1:]) // 8}"))
    )


@pytest.mark.parametrize(("type_", "name"), BINARY)
def test_binary(run_kernel, parse, type_: str, name: str):
    operands = padded(values_of(type_))
    got, wanted = run_body(run_kernel, parse, f"%r = {name} %a, %b : {type_}", type_, type_, operands)
    zeros = name in ("arith.maxnumf", "arith.minnumf")  # they leave open which zero is the larger
    if zeros:
        got, wanted = got + np.float32(0), wanted + np.float32(0)
    assert_close(got, wanted, 0)


DIVISIONS = ["shli", "shrsi", "shrui", "divsi", "divui", "remsi", "remui"]


@pytest.mark.parametrize("name", DIVISIONS)
def test_division_and_shifts(run_kernel, parse, name: str):
    """Only where the result is defined: divisors from 1, shifts below the width."""
    x, y = padded(integers(np.int32))
    y = np.abs(y) % 31 + 1
    if name.startswith("rem"):  # no reference evaluation: against Python's own
        body = f"%r = arith.{name} %a, %b : i32"
        got, _ = run_body(run_kernel, parse, body.replace(name, "addi"), "i32", "i32", (x, y))
        text = x if name == "remsi" else x.view(np.uint32)
        wanted = np.fmod(text, y.astype(text.dtype)).astype(np.int32)
        return check_without_reference(run_kernel, body, x, y, wanted)
    got, wanted = run_body(run_kernel, parse, f"%r = arith.{name} %a, %b : i32", "i32", "i32", (x, y))
    assert_close(got, wanted, 0)


def check_without_reference(run_kernel, body: str, x: np.ndarray, y: np.ndarray, wanted: np.ndarray) -> None:
    registers = len(x) // LANES
    memory, vector = f"memref<{registers}x{LANES}xi32>", f"vector<{registers}x{LANES}xi32>"
    got = np.empty_like(x)
    run_kernel(
        f"""tensorized.kernel @k(%x: {memory}, %w: {memory}, %y: {memory}) {{
          %v = tensorized.load %x[] at (v0, l) -> (v0, l) : {memory}, {vector}
          %u = tensorized.load %w[] at (v0, l) -> (v0, l) : {memory}, {vector}
          %z = tensorized.map (%a = %v : {vector}, %b = %u : {vector}) -> {vector} {{
            {body}
            tensorized.yield %r : i32
          }}
          tensorized.store %z, %y[] at (v0, l) -> (v0, l) : {vector}, {memory}
          tensorized.yield
        }}""",
        x,
        y,
        got,
    )
    np.testing.assert_array_equal(got, wanted)


ROUNDED_ONCE = "absf floor ceil trunc roundeven round sqrt"
FROM_LIBM = (
    "sin cos tan tanh sinh cosh asin acos atan exp exp2 log log2 log10 erf expm1 log1p cbrt asinh acosh "
    "atanh rsqrt"
)
NO_REFERENCE = {
    "asin": np.arcsin,
    "acos": np.arccos,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
}


@pytest.mark.parametrize("name", [*ROUNDED_ONCE.split(), *FROM_LIBM.split()])
def test_unary(run_kernel, parse, name: str, monkeypatch: pytest.MonkeyPatch):
    if name in NO_REFERENCE:
        from tenonc.dialects.reference import scalar

        op = {op.name: op for op in math.Math.operations}[f"math.{name}"]
        evaluate = NO_REFERENCE[name]
        monkeypatch.setitem(
            scalar.EVALUATIONS, op, lambda op, x: evaluate(x.astype(np.float64)).astype(np.float32)
        )
    operands = padded(floats())
    if name in ("sin", "cos", "tan"):
        operands = [np.clip(o, -1e4, 1e4) for o in operands]
    got, wanted = run_body(run_kernel, parse, f"%r = math.{name} %a : f32", "f32", "f32", operands)
    assert_close(got, wanted, 0 if name in ROUNDED_ONCE.split() else 4)


@pytest.mark.parametrize("name", ["powf", "atan2"])
def test_binary_from_libm(run_kernel, parse, name: str):
    got, wanted = run_body(
        run_kernel, parse, f"%r = math.{name} %a, %b : f32", "f32", "f32", padded(floats())
    )
    assert_close(got, wanted, 4)


def test_fma_rounds_once(run_kernel, parse):
    x, y = padded(np.random.default_rng(0).standard_normal((64, 2)).astype(np.float32))
    got, wanted = run_body(run_kernel, parse, "%r = math.fma %a, %b, %a : f32", "f32", "f32", (x, y))
    assert_close(got, wanted, 0)
    assert (got != x * y + x).any()


def test_neighbouring_products_and_sums_are_not_fused(run_kernel, parse):
    x, y = padded(np.random.default_rng(0).standard_normal((64, 2)).astype(np.float32))
    body = "%p = arith.mulf %a, %b : f32\n%r = arith.addf %p, %a : f32"
    got, wanted = run_body(run_kernel, parse, body, "f32", "f32", (x, y))
    np.testing.assert_array_equal(got, wanted)
    np.testing.assert_array_equal(got, x * y + x)


def test_negate_and_integer_absolute(run_kernel, parse):
    got, wanted = run_body(run_kernel, parse, "%r = arith.negf %a : f32", "f32", "f32", padded(floats()))
    assert_close(got, wanted, 0)
    got, wanted = run_body(
        run_kernel, parse, "%r = math.absi %a : i32", "i32", "i32", padded(integers(np.int32))
    )
    assert_close(got, wanted, 0)


CASTS = [
    ("sitofp", "i32", "f32"),
    ("uitofp", "i8", "f32"),
    ("fptosi", "f32", "i32"),
    ("fptoui", "f32", "i32"),
    ("extf", "f32", "f64"),
    ("truncf", "f64", "f32"),
    ("extsi", "i8", "i32"),
    ("extui", "i8", "i32"),
    ("trunci", "i32", "i8"),
    ("bitcast", "f32", "i32"),
    ("bitcast", "i32", "f32"),
    ("extf", "f16", "f32"),
    ("truncf", "f32", "f16"),
]


@pytest.mark.parametrize(("name", "source", "result"), CASTS)
def test_cast(run_kernel, parse, name: str, source: str, result: str):
    operands = padded(values_of(source))
    if name.startswith("fpto"):  # elsewhere the result is undefined
        low = 0 if name == "fptoui" else -2e9
        operands = [np.clip(np.nan_to_num(o), low, 2e9).astype(np.float32) for o in operands]
    body = f"%r = arith.{name} %a : {source} to {result}"
    got, wanted = run_body(run_kernel, parse, body, source, result, operands)
    if name == "bitcast":
        got, wanted = got.view(np.int32), wanted.view(np.int32)
    assert_close(got, wanted, 0)


ORDERS = "oeq ogt oge olt ole one ord ueq ugt uge ult ule une uno".split()


@pytest.mark.parametrize("order", ORDERS)
def test_float_comparison_and_select(run_kernel, parse, order: str):
    body = f"""%c = arith.cmpf {order}, %a, %b : f32
    %one = arith.constant 7.5 : f32
    %r = arith.select %c, %a, %one : f32"""
    got, wanted = run_body(run_kernel, parse, body, "f32", "f32", padded(floats()))
    assert_close(got, wanted, 0)


@pytest.mark.parametrize("order", "eq ne slt sle sgt sge ult ule ugt uge".split())
def test_integer_comparison_yields_bytes(run_kernel, parse, order: str):
    got, wanted = run_body(
        run_kernel, parse, f"%r = arith.cmpi {order}, %a, %b : i32", "i32", "i1", padded(integers(np.int32))
    )
    np.testing.assert_array_equal(got.view(np.uint8), wanted.astype(np.uint8))


@pytest.mark.parametrize("order", ["%a, %c", "%c, %a"])
@pytest.mark.parametrize("value", ["0.0", "-0.0", "6.0", "-1.5", "0x7F800000", "0xFF800000", "0x7FC00000"])
@pytest.mark.parametrize("name", ["maximumf", "minimumf"])
def test_extremum_with_a_constant_is_exact(run_kernel, parse, name: str, value: str, order: str):
    body = f"%c = arith.constant {value} : f32\n%r = arith.{name} {order} : f32"
    got, wanted = run_body(run_kernel, parse, body, "f32", "f32", padded(floats()))
    assert_close(got, wanted, 0)


@pytest.mark.parametrize("source, result", [("f32", "i32"), ("f64", "i32"), ("f64", "i64")])
def test_rounding_and_conversion_are_one_step(run_kernel, parse, source: str, result: str):
    dtype = {"f32": np.float32, "f64": np.float64}[source]
    halves = np.array([[n + 0.5, np.nextafter(n + 0.5, 0)] for n in range(-40, 40)] + [[1e9, -1e9]], dtype)
    body = f"%w = math.roundeven %a : {source}\n%r = arith.fptosi %w : {source} to {result}"
    got, wanted = run_body(run_kernel, parse, body, source, result, padded(halves))
    np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("target", ["x86-64", "x86-64-v3", "x86-64-v4"])
def test_rounding_and_conversion_are_one_instruction(parse, target: str):
    source = """
    tensorized.kernel @k(%x: memref<8xf32>, %y: memref<8xi32>) {
      %v = tensorized.load %x[] at (l) -> (l) : memref<8xf32>, vector<8xf32>
      %z = tensorized.map (%a = %v : vector<8xf32>) -> vector<8xi32> {
        %w = math.roundeven %a : f32
        %r = arith.fptosi %w : f32 to i32
        tensorized.yield %r : i32
      }
      tensorized.store %z, %y[] at (l) -> (l) : vector<8xi32>, memref<8xi32>
      tensorized.yield
    }"""
    module = parse(source)
    module.attributes["tenon.target"] = find_target(target).attribute()
    assembly = emit_assembly(emit_llvm(module).replace("internal ", ""), find_target(target))
    assert "cvtps2dq" in assembly and "round" not in assembly and "call" not in assembly


def test_every_rule_is_tested():
    named = (
        {name for _, name in BINARY} | {f"arith.{n}" for n in DIVISIONS} | {f"arith.{n}" for n, *_ in CASTS}
    )
    named |= {f"math.{n}" for n in f"{ROUNDED_ONCE} {FROM_LIBM} powf atan2 fma absi".split()}
    named |= {"arith.negf", "arith.cmpf", "arith.cmpi", "arith.select", "arith.constant"}
    named |= {"llvm.trunc"}  # test_narrow.py
    named |= {"tensorized.compute"}  # test_compute.py
    assert named == {op.name for op in SCALAR_RULES}


def test_library_functions_are_libms():
    assert {"sinf", "erf", "powf", "atan2f"} <= LIBRARY_FUNCTIONS
    assert not any("llvm" in name for name in LIBRARY_FUNCTIONS)
    assert arith.ConstantOp in SCALAR_RULES
