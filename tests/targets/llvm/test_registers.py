"""Loads and stores of register grids against numpy indexing."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenonc.dialects.errors import TenonError
from tenonc.dialects.nn.dtypes import numpy_dtype
from tenonc.targets.llvm import emit_llvm

LOAD = """
tensorized.kernel @k(%x: memref<{memory}>, %y: memref<{vector}>) {{
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant {steps} : index
  scf.for %i = %c0 to %n step %c1 {{
    %v = tensorized.load %x[%i] at ({dims}) -> ({index}) {valid} : memref<{memory}>, vector<{vector}>
    tensorized.store %v, %y[] at ({vdims}) -> ({vdims}) : vector<{vector}>, memref<{vector}>
  }}
  tensorized.yield
}}"""


def dims_of(grid: tuple[int, ...]) -> str:
    return ", ".join([*(f"v{i}" for i in range(len(grid))), "l"])


def load_text(memory, grid, lanes, index, valid=None, element="f32", steps=1) -> str:
    vdims = dims_of(grid)
    return LOAD.format(
        memory="x".join(map(str, memory)) + f"x{element}",
        vector="x".join(map(str, (*grid, lanes))) + f"x{element}",
        dims=f"d0, {vdims}",
        vdims=vdims,
        index=index,
        valid="" if valid is None else f"valid {valid}",
        steps=steps,
    )


def expected_load(x: np.ndarray, grid, lanes, index, valid, d0=0) -> np.ndarray:
    """The definition, element by element."""
    out = np.zeros((*grid, lanes), x.dtype)
    code = compile("(" + index.replace("floordiv", "//").replace("mod", "%") + ",)", "index", "eval")
    for point in itertools.product(*map(range, out.shape)):
        names = {f"v{i}": p for i, p in enumerate(point[:-1])} | {"l": point[-1], "d0": d0}
        place = point[-1] + (point[-2] * lanes if grid else 0)
        if valid is None or place < valid:
            out[point] = x[eval(code, names)]
    return out


def values(shape, element: str) -> np.ndarray:
    from xdsl.dialects import builtin

    type_ = builtin.i1 if element == "i1" else getattr(builtin, element)
    count = int(np.prod(shape))
    if element == "i1":
        return (np.arange(count) % 3 == 0).reshape(shape)
    return (np.arange(count) % 251 - 100).reshape(shape).astype(numpy_dtype(type_))


FORMS = {
    "contiguous": "v0, v1 * 8 + l",
    "broadcast": "v0, v1",
    "row broadcast": "v0, l",
    "strided by 2": "v1, l * 2 + v0",
    "strided by 7": "v0 + v1, l * 7",
    "strided by a row": "l * 4 + v1, v0",
    "reversed blocks": "v0, (7 - l mod 8) + v1 * 8",
    "runs of 2": "v0, l mod 2 + v1 * 2",
    "runs of 4": "v0, l mod 4 + v1 * 4",
    "each twice": "v0, l floordiv 2 + v1 * 4",
    "blocked": "l floordiv 4 + v0, l mod 4 + v1 * 9",
    "nothing varies": "3, 5",
}


@pytest.mark.parametrize("valid", [None, 1, 5, 8, 11, 16])
@pytest.mark.parametrize("index", FORMS.values(), ids=FORMS)
def test_load_forms(run_kernel, index: str, valid: int | None):
    memory, grid = (34, 64), (3, 2)
    x = values(memory, "f32")
    got = np.full((*grid, 8), 777, np.float32)
    run_kernel(load_text(memory, grid, 8, index, valid), x, got)
    np.testing.assert_array_equal(got, expected_load(x, grid, 8, index, valid))


@pytest.mark.parametrize("element", ["i1", "i8", "i16", "i32", "i64", "f16", "f32", "f64"])
@pytest.mark.parametrize("index", ["v0, l", "v0, 0", "v0, l mod 4", "v0, l * 2"])
def test_load_of_every_element_type(run_kernel, element: str, index: str):
    x = values((3, 40), element)
    got = np.zeros((3, 16), x.dtype)
    run_kernel(load_text((3, 40), (3,), 16, index, 13 if index == "v0, l" else None, element), x, got)
    want = expected_load(x, (3,), 16, index, None)
    if index == "v0, l":
        want = expected_load(x, (3,), 16, index, 13)
    np.testing.assert_array_equal(got, want)


def test_a_partial_load_reads_nothing_past_its_end(run_kernel):
    """The buffer ends where a page ends; the next page cannot be read."""
    import ctypes
    import mmap

    page = mmap.PAGESIZE
    area = mmap.mmap(-1, 2 * page)
    base = np.frombuffer(area, np.uint8)
    libc = ctypes.CDLL(None, use_errno=True)
    protect = libc.mprotect
    protect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    assert protect(base.ctypes.data + page, page, 0) == 0
    for valid in range(1, 16):
        x = base[page - 4 * valid : page].view(np.float32)
        x[:] = np.arange(valid) + 1
        got = np.full((2, 8), 777, np.float32)
        run_kernel(load_text((valid,), (2,), 8, "v0 * 8 + l", valid), x, got)
        np.testing.assert_array_equal(got.reshape(-1), [*x, *[0] * (16 - valid)])
    assert protect(base.ctypes.data + page, page, 3) == 0


STORE = """
tensorized.kernel @k(%x: memref<{grid}x{lanes}x{element}>, %y: memref<{memory}x{element}>) {{
  %v = tensorized.load %x[] at (v0, l) -> (v0, l)
    : memref<{grid}x{lanes}x{element}>, vector<{grid}x{lanes}x{element}>
  tensorized.store %v, %y[] at (v0, l) -> ({index}) {valid}
    : vector<{grid}x{lanes}x{element}>, memref<{memory}x{element}>
  tensorized.yield
}}"""


@given(
    grid=st.integers(1, 3),
    lanes=st.sampled_from([1, 4, 8, 16]),
    stride=st.integers(1, 3),
    partial=st.none() | st.integers(1, 48),
    element=st.sampled_from(["f32", "i8", "i1", "f64"]),
)
def test_store(run_kernel, grid: int, lanes: int, stride: int, partial: int | None, element: str):
    row = lanes * grid
    valid = None if partial is None else min(partial, row)
    memory = row * stride
    x = values((grid, lanes), element)
    got = np.ones(memory, x.dtype) if element == "i1" else np.full(memory, 99, x.dtype)
    want = got.copy()
    want[: (valid or row) * stride : stride] = x.reshape(-1)[: valid or row]
    text = STORE.format(
        grid=grid,
        lanes=lanes,
        memory=memory,
        element=element,
        index=f"v0 * {lanes * stride} + l * {stride}",
        valid="" if valid is None else f"valid {valid}",
    )
    run_kernel(text, x, got)
    np.testing.assert_array_equal(got, want)


@given(
    group=st.integers(2, 6),
    repeats=st.integers(1, 2),
    lanes=st.sampled_from([2, 4, 8, 16]),
    element=st.sampled_from(["f32", "i8", "i1", "f64", "f16"]),
)
def test_store_of_interleaved_registers(run_kernel, group, repeats, lanes, element):
    """Register r, lane l of `group` registers is element l * group + r: more than four go one by one."""
    grid, memory = group * repeats, group * repeats * lanes
    x = values((grid, lanes), element)
    got = np.zeros(memory, x.dtype)
    index = f"(v0 floordiv {group}) * {group * lanes} + v0 mod {group} + l * {group}"
    text = STORE.format(grid=grid, lanes=lanes, memory=memory, element=element, index=index, valid="")
    run_kernel(text, x, got)
    np.testing.assert_array_equal(got, x.reshape(repeats, group, lanes).transpose(0, 2, 1).reshape(-1))


def test_interleaved_registers_are_stored_whole(parse):
    text = STORE.format(grid=3, lanes=16, memory=48, element="f32", index="v0 + l * 3", valid="")
    llvm = emit_llvm(parse(text))
    assert (llvm.count("store <16 x float>"), llvm.count("store float")) == (3, 0)


def test_equal_registers_are_loaded_once(parse):
    llvm = emit_llvm(parse(load_text((6, 64), (6, 2), 8, "d0, v1 * 8 + l")))
    assert llvm.count("= load") == 2


@pytest.mark.parametrize("index", ["(d0 + l) mod 5, 0", "0, (d0 * 3 + l) floordiv 2"])
def test_an_address_must_be_linear_in_the_loops(parse, index: str):
    with pytest.raises(TenonError, match="is not linear in its index operands"):
        emit_llvm(parse(load_text((40, 64), (1,), 8, index, steps=2)))


def test_an_index_that_stays_in_its_block_is_linear(run_kernel):
    x = values((4, 2, 8), "f32")
    got = np.zeros((2, 8), np.float32)
    index = "(d0 * 16 + v0 * 8 + l) floordiv 16, v0, (d0 * 16 + l) mod 16"
    run_kernel(load_text((4, 2, 8), (2,), 8, index, steps=4), x, got)
    np.testing.assert_array_equal(got, x[3])


@pytest.mark.parametrize("written, hoisted", [("%y", True), ("%s", False)])
def test_what_an_innermost_loop_reads_again_is_read_before_it(run_kernel, written: str, hoisted: bool):
    """Unless it is written there: then every iteration sees what the one before left."""
    source = f"""
    tensorized.kernel @k(%x: memref<4x8xf32>, %s: memref<4x8xf32>, %y: memref<4x8xf32>) {{
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c4 = arith.constant 4 : index
      scf.for %i = %c0 to %c4 step %c1 {{
        %v = tensorized.load %x[%i] at (d0, l) -> (d0, l) : memref<4x8xf32>, vector<8xf32>
        %t = tensorized.load %s[] at (l) -> (0, 0) : memref<4x8xf32>, vector<8xf32>
        %z = tensorized.map (%a = %v : vector<8xf32>, %b = %t : vector<8xf32>) -> vector<8xf32> {{
          %r = arith.addf %a, %b : f32
          tensorized.yield %r : f32
        }}
        tensorized.store %z, {written}[%i] at (d0, l) -> (d0, l) : vector<8xf32>, memref<4x8xf32>
      }}
      tensorized.yield
    }}"""
    x, s, y = (np.full((4, 8), value, np.float32) for value in (1, 2, 0))
    text = run_kernel(source, x, s, y)
    before, _, loop = text.partition(" loop.1:")
    assert ("load float" in before) == hoisted == ("load float" not in loop)
    expected = [[3.0] * 8] * 4 if hoisted else [[3.0] * 8] + [[4.0] * 8] * 3
    np.testing.assert_array_equal(y if hoisted else s, np.array(expected, np.float32))
