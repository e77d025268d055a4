"""C and C++ programs built against shared objects: the same bits as in memory, no leaks, no collisions."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tenonc.compiler import compile, load

SOURCE = Path(__file__).with_name("two_models.c")
ROOT = Path(__file__).parents[3]
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")


def run(*command: object, folder: Path) -> str:
    process = subprocess.run([str(c) for c in command], cwd=folder, capture_output=True, text=True)
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout + process.stderr


def two_models(folder: Path, make_network, target: str) -> list[np.ndarray]:
    """first.so and second.so, their input files, and what the first output of each must be."""
    rng = np.random.default_rng(3)
    image, k = rng.standard_normal((1, 3, 16, 16)).astype(np.float32), rng.integers(0, 9, 2)
    image.tofile(folder / "image.bin")
    k.tofile(folder / "k.bin")
    expected = []
    for seed, name in enumerate(("first", "second")):
        exe = compile(load(make_network(seed)), target)
        exe.write("so", folder / f"{name}.so", weights=("inside", "external")[seed])
        expected.append(exe(image, k)[0])
    return expected


@pytest.mark.parametrize(
    "language", [["cc", "-std=c99"], ["c++", "-x", "c++", "-std=c++11"]], ids=["c", "c++"]
)
def test_two_models_in_one_program(make_network, tmp_path, language):
    expected = two_models(tmp_path, make_network, "host")
    libraries = ["-x", "none", "first.so", "second.so", "-Wl,-rpath,$ORIGIN", "-pthread"]
    run(*language, *WARNINGS, "-I.", SOURCE, *libraries, "-o", "program", folder=tmp_path)
    run(tmp_path / "program", folder=tmp_path)
    for name, want in zip(("first.bin", "second.bin"), expected, strict=True):
        np.testing.assert_array_equal(np.fromfile(tmp_path / name, np.float32), want.reshape(-1))


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="needs valgrind")
def test_valgrind_finds_nothing(make_network, tmp_path):
    """For a target whose instructions valgrind knows."""
    two_models(tmp_path, make_network, "x86-64-v2")
    libraries = ["first.so", "second.so", "-Wl,-rpath,$ORIGIN", "-pthread"]
    run("cc", "-g", "-I.", SOURCE, *libraries, "-o", "program", folder=tmp_path)
    options = ["--error-exitcode=9", "--leak-check=full", "--errors-for-leak-kinds=all", "-q"]
    assert run("valgrind", *options, tmp_path / "program", "3", folder=tmp_path) == ""


def test_the_example_runs(tmp_path):
    compile(load(ROOT / "examples/digits/digits.onnx")).write("so", tmp_path / "digits.so")
    source = ROOT / "examples/embed/main.c"
    run("cc", *WARNINGS, "-I.", source, "digits.so", "-Wl,-rpath,$ORIGIN", "-o", "main", folder=tmp_path)
    assert run(tmp_path / "main", folder=tmp_path).splitlines()[-1] == "the image shows a 3"


@pytest.mark.parametrize("where", ["inside", "external"])
def test_what_a_library_needs_and_exports(built, where: str):
    path = getattr(built, where)
    dynamic = run("readelf", "-dW", path, folder=built.folder)
    assert set(re.findall(r"NEEDED.*\[(.*)\]", dynamic)) <= {"libc.so.6", "libm.so.6"}
    assert re.findall(r"SONAME.*\[(.*)\]", dynamic) == ["model.so"]
    symbols = run("nm", "-D", "--defined-only", path, folder=built.folder).split()[2::3]
    functions = [f"tenon_model_{name}" for name in ("create", "destroy", "info", "run")]
    assert sorted(symbols) == sorted([*functions, "tenon_model_api"])
    (stack,) = re.findall(r"GNU_STACK.*", run("readelf", "-lW", path, folder=built.folder))
    assert " RWE " not in stack and " RW " in stack


def test_the_header_states_the_model(built):
    text = (built.folder / "model.h").read_text()
    assert "     0  'image'  float32 [1, 3, 16, 16], 3072 bytes\n     1  'k'  int64 [2], 16 bytes\n" in text
    assert "     0  'features'  float32 [1, 8, 16, 16], 8192 bytes\n" in text


def test_names_in_the_header_cannot_end_its_comment(tmp_path, build_named):
    build_named("a*/ #error \\\n b /* \u202e").write("so", tmp_path / "3 odd-name.so")
    (tmp_path / "main.c").write_text('#include "3 odd-name.h"\nint main(void) { return 0; }\n')
    run("cc", *WARNINGS, "-I.", "main.c", "3 odd-name.so", "-o", "main", folder=tmp_path)
    header = (tmp_path / "3 odd-name.h").read_text()
    assert "tenon_3_odd_name_create(" in header and "'a* / #error \\\\n b / * \\u202e'" in header


def test_two_libraries_of_the_same_c_names(tmp_path, build_named):
    """Each exports tenon_a_b_run: the second header says so, instead of being left out as the first again."""
    for name in ("a-b", "a_b"):
        build_named("$x").write("so", tmp_path / f"{name}.so")
    (tmp_path / "twice.c").write_text('#include "a-b.h"\n#include "a-b.h"\n')
    run("cc", *WARNINGS, "-I.", "-c", "twice.c", folder=tmp_path)
    (tmp_path / "both.c").write_text('#include "a-b.h"\n#include "a_b.h"\n')
    process = subprocess.run(["cc", "-I.", "-c", "both.c"], cwd=tmp_path, capture_output=True, text=True)
    assert process.returncode and "two models have the C names tenon_a_b_...: give one" in process.stderr


@pytest.fixture
def build_named():
    """A model whose input has the name."""
    import onnx
    from onnx import TensorProto, helper

    def make(name: str):
        info = helper.make_tensor_value_info
        node = helper.make_node("Neg", [name], ["y"])
        graph = helper.make_graph(
            [node], "g", [info(name, TensorProto.FLOAT, [0])], [info("y", TensorProto.FLOAT, [0])]
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        assert isinstance(model, onnx.ModelProto)
        return compile(load(model))

    return make


def test_the_same_bytes_in_every_process(tmp_path):
    """Sets are ordered differently in each: nothing of that may show."""
    model = ROOT / "examples/digits/digits.onnx"
    for name, seed in (("a", "1"), ("b", "2")):
        command = [sys.executable, "-m", "tenonc.tools.tenonc", "compile", model, "--emit", "so"]
        command += ["--weights", "external", "-o", tmp_path / name / "m.so"]
        subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": seed}, check=True, capture_output=True)
    for name in ("m.so", "m.h", "m.weights"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
